"""A pool whose workers are on other machines, which share the disk with this one: an engine starts and watches them."""

import json
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Protocol

from equiglot.errors import InputError, Interrupted
from equiglot.files import open_plain, write_text
from equiglot.lease import TakenOver
from equiglot.pipeline.execution.machine import versions
from equiglot.pipeline.execution.orders import SAID, STOP, TICKET, Order, give_order, left_attempts, read_said
from equiglot.pipeline.execution.pool import Assignment, Event
from equiglot.pipeline.execution.workers import decode_event
from equiglot.pipeline.steps import Step
from equiglot.recipe import Recipe, recipe_tree
from equiglot.run import RunDirectory

OUTPUT = "output.txt"
"""In the folder of an attempt: what the engine keeps of its worker's output."""
_LAST_LINES, _LAST_BYTES = 3, 10_000
_POLL_SECONDS = 1.0
_LATE_SECONDS = 60.0  # in which a shared disk shows what a worker has said last


class EngineRefuses(InputError):
    """An engine takes no more, or does not answer; what it has already goes on."""


class Engine(Protocol):
    """What starts workers on other machines: SLURM, Ray.

    Attributes:
        look_seconds: time between two questions about the workers; asking costs others something.
    """

    look_seconds: float

    def called(self, ticket: str) -> str:
        """What a ticket is called in messages."""

    def check(self, steps: Sequence[Step], threads: int) -> None:
        """Refuses steps that no machine of it is large enough for, as far as that can be known.

        Args:
            steps: what will be done.
            threads: of each of their processes.

        Raises:
            InputError: one is too large.
        """

    def start(self, run: RunDirectory, attempts: Sequence[str]) -> dict[str, str]:
        """Lets `python -m equiglot.worker RUN ATTEMPT` be started for each attempt.

        Returns:
            Attempt -> a ticket: the engine's own name of it.

        Raises:
            InputError: the engine refuses, or cannot be reached; `EngineRefuses` where what it has goes on.
        """

    def places(self, tickets: Sequence[str]) -> Mapping[str, str] | None:
        """Ticket -> where it waits or runs, in words, of those that have not ended; None where the engine cannot be
        asked just now.

        Raises:
            EngineRefuses: one waits for what will never be.
        """

    def cancel(self, tickets: Sequence[str]) -> None:
        """Ends them; those that have ended already do no harm."""


@dataclass
class _Flight:
    """An attempt that was given to the engine."""

    task: Assignment
    folder: Path
    ticket: str
    read: int = 0
    place: str = ""
    gone: float | None = None  # since when the engine does not have it any more


@dataclass
class Elsewhere:
    """The attempts of one run that are with an engine; leaving its context ends them.

    Args:
        engine: starts and watches them.
        run: the run folder, on a disk that all machines share.
        recipe: what is run.
        count: attempts at a time.
        threads: of each.
        checkpoint_seconds: time between checkpoints of a training.
        leaves: asked, when a signal stops the command, whether the attempts go on; if not told otherwise, they do
            after all signals but Ctrl-C: this machine may be going down, and not theirs.
    """

    outlive: ClassVar[bool] = True
    """Whether attempts can go on without a command."""

    engine: Engine
    run: RunDirectory
    recipe: Recipe
    count: int
    threads: int
    checkpoint_seconds: float
    leaves: Callable[[Interrupted], bool] = lambda why: why.signal != signal.SIGINT
    _flights: dict[str, _Flight] = field(default_factory=dict)
    _new: list[Assignment] = field(default_factory=list)
    _listened: float = 0.0  # when workers were listened to
    _looked: float = 0.0  # when the engine was asked
    _leave: bool = False

    def __enter__(self) -> "Elsewhere":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        if not self._leave:
            with suppress(InputError):  # what ended the run counts more
                self._end(list(self._flights.values()))

    def check(self, steps: Sequence[Step]) -> None:
        """Refuses what the engine has no machine for."""
        self.engine.check(steps, self.threads)

    def start(self, assignment: Assignment) -> bool:
        """Gives an attempt to the engine, with the next `events`: many at once are one question to it."""
        if len(self._flights) + len(self._new) >= self.count:
            return False
        self._new.append(assignment)
        return True

    def adopt(self, wanted: Mapping[str, str]) -> Iterable[Assignment]:
        """Takes up what an earlier command has left with the engine, and ends what nobody wants any more."""
        found = [_Flight(task, self.run.attempts / task.attempt, ticket) for task, ticket in left_attempts(self.run)]
        alive = self.engine.places([each.ticket for each in found]) if found else {}
        for flight in found:
            task = flight.task
            if wanted.get(task.job) == task.fingerprint and (
                alive is None or flight.ticket in alive or _has_ended(flight)
            ):
                self._flights[task.attempt] = flight
        self._end([each for each in found if each.task.attempt not in self._flights])
        for folder in self.run.attempts.glob("*"):
            if folder.name not in self._flights:  # never given to the engine, or nothing of ours
                shutil.rmtree(folder, ignore_errors=True)
        return [each.task for each in self._flights.values()]

    def _end(self, flights: Sequence[_Flight]) -> None:
        """Ends attempts, and forgets them."""
        if flights:
            self.engine.cancel([each.ticket for each in flights])
        for flight in flights:
            self._flights.pop(flight.task.attempt, None)
            shutil.rmtree(flight.folder, ignore_errors=True)

    def events(self, seconds: float) -> Iterator[Event]:
        """What the workers have said within some seconds, and which of them are lost.

        However often it is called, their files are read once in `_POLL_SECONDS`: many are a load for a shared disk.
        """
        self._submit()
        wait = self._listened + _POLL_SECONDS - time.monotonic()
        time.sleep(max(0.0, min(wait, seconds)))
        if wait <= seconds:
            self._listened = time.monotonic()
            yield from self._news()

    def ask_to_stop(self, why: Exception) -> bool:
        """Asks trainings to save and stop, or leaves all of them as they are: the same command adopts them."""
        self._new.clear()
        # A disk or an engine refuses the command something: what is at work, or waits in a queue, is not worse for it.
        refused = isinstance(why, OSError | EngineRefuses)
        leave = self.leaves(why) if isinstance(why, Interrupted) else refused and self.outlive
        self._leave = leave or isinstance(why, TakenOver)
        if not self._leave:
            for flight in self._flights.values():
                with suppress(OSError):  # a full disk: the others are asked all the same
                    write_text(flight.folder / STOP, "")
        return not self._leave

    def _submit(self) -> None:
        if not self._new:
            return
        for task in self._new:
            order = Order(
                task=task,
                recipe=recipe_tree(self.recipe),
                threads=self.threads,
                checkpoint_seconds=self.checkpoint_seconds,
                versions=versions(),
            )
            give_order(self.run, order)
        tickets = self.engine.start(self.run, [task.attempt for task in self._new])
        given = [_Flight(task, self.run.attempts / task.attempt, tickets[task.attempt]) for task in self._new]
        self._new.clear()
        for number, flight in enumerate(given):
            try:
                write_text(flight.folder / TICKET, flight.ticket)
            except BaseException:
                self._end(given[number:])  # nobody could take them up
                raise
            self._flights[flight.task.attempt] = flight

    def _news(self) -> Iterator[Event]:
        """What the workers have said since, and the engine if it is time to ask it."""
        for flight in list(self._flights.values()):
            yield from self._heard(flight)
        if time.monotonic() - self._looked >= self.engine.look_seconds:
            yield from self._look()

    def _heard(self, flight: _Flight) -> Iterator[Event]:
        """What a worker has said since."""
        lines, flight.read = read_said(flight.folder / SAID, flight.read)
        for line in lines:
            with suppress(ValueError, KeyError, TypeError):  # half a line: its disk was full
                yield from self._understood(flight, line)

    def _understood(self, flight: _Flight, line: bytes) -> Iterator[Event]:
        said = json.loads(line)
        if said["kind"] == "started":
            flight.place = f"process {said['pid']} on {said['host']} ({self.engine.called(flight.ticket)})"
            yield self._placed(flight)
        if said["kind"] in ("started", "alive"):
            yield Event(flight.task.job, flight.task.attempt, "alive")
        else:
            event = decode_event(line, flight.task.job, flight.task.attempt)
            yield _at(flight.place, event)
            if event.kind != "progress":  # only now: what could not be recorded may be taken up again
                self._forget(flight)

    def _forget(self, flight: _Flight) -> None:
        del self._flights[flight.task.attempt]
        shutil.rmtree(flight.folder, ignore_errors=True)

    def _look(self) -> Iterator[Event]:
        """Asks the engine; a worker that is not with it any more, and has not said how it ended, is lost."""
        self._looked = now = time.monotonic()
        places = self.engine.places([each.ticket for each in self._flights.values()]) if self._flights else {}
        if places is None:
            return
        for flight in list(self._flights.values()):
            if flight.ticket in places:
                flight.gone = None
                if places[flight.ticket] != flight.place and not flight.read:
                    flight.place = places[flight.ticket]
                    yield self._placed(flight)
            elif flight.gone is None:
                flight.gone = now
            elif now - flight.gone >= _LATE_SECONDS:
                error = self._loss(flight)
                self._forget(flight)
                yield Event(flight.task.job, flight.task.attempt, "lost", error=error)

    def _placed(self, flight: _Flight) -> Event:
        return Event(flight.task.job, flight.task.attempt, "progress", place=flight.place)

    def _loss(self, flight: _Flight) -> InputError:
        fix = "its time or memory may have run out: ask the engine; the same command continues"
        if not flight.read:
            fix = "see that its machine has the same folder there, may write to it, and has Equiglot; "
            fix += "the same command continues"
        return InputError(
            f"the worker of {flight.task.job} is gone without a word "
            f"({flight.place or f'{self.engine.called(flight.ticket)}, which never began'})",
            where="; ".join(last_lines(flight.folder / OUTPUT)) or self.run.root,
            fix=fix,
        )


def _at(place: str, event: Event) -> Event:
    """The event, whose error, if it has one, says where that was."""
    if not (place and isinstance(event.error, InputError)):
        return event
    error = event.error
    where = "; ".join(filter(None, (error.where, place)))
    return replace(event, error=InputError(error.what, where=where, fix=error.fix))


def last_lines(path: Path) -> list[str]:
    """The last lines of what an engine has kept of a job's output, if it has."""
    with suppress(OSError, InputError), open(open_plain(path, os.O_RDONLY), "rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - _LAST_BYTES))
        lines = file.read().decode(errors="replace").splitlines()
        return [line for line in lines if line.strip()][-_LAST_LINES:]
    return []


def _has_ended(flight: _Flight) -> bool:
    """Whether a worker has said how it ended, while nobody listened."""
    return any(_is_end(line) for line in read_said(flight.folder / SAID, 0)[0])  # it may live a moment longer


def _is_end(line: bytes) -> bool:
    with suppress(ValueError, KeyError, TypeError):  # half a line
        return json.loads(line)["kind"] not in {"started", "alive", "progress"}
    return False
