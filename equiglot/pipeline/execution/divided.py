"""Two pools: short steps are done by the command itself, all others by an engine, whose jobs take seconds to begin."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import TracebackType

from equiglot.pipeline.execution.elsewhere import Elsewhere
from equiglot.pipeline.execution.pool import Assignment, Event
from equiglot.pipeline.execution.workers import Workers
from equiglot.pipeline.steps import Step

SHORT_SECONDS = 20.0
"""Of work that the command has at a time, if nothing else is said."""
_PLACE = "the command itself"


class Divided:
    """Gives a step to the command's own worker as long as that has little to do; all others to an engine.

    Results do not depend on it: both have the same number of threads.

    Args:
        far: the attempts that are with the engine.
        short: seconds of estimated work that the command itself has at a time; steps whose time is not known without
            measuring, or that may use a GPU, are not for it.
    """

    def __init__(self, far: Elsewhere, short: float) -> None:
        self.far, self._short = far, short
        self._near: Workers | None = None  # its process is started when it is wanted
        self._queue: list[Assignment] = []  # of the command's own worker; the first is at work

    def __enter__(self) -> "Divided":
        self.far.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        if self._near is not None:
            self._near.__exit__()
        self.far.__exit__(kind, error, trace)

    def check(self, steps: Sequence[Step]) -> None:
        """Asks the engine: any step may come to it."""
        self.far.check(steps)

    def start(self, assignment: Assignment) -> bool:
        """Puts a short step behind others of the command's, or gives it to the engine."""
        if assignment.resources.gpu or not assignment.seconds:
            return self.far.start(assignment)
        if sum(task.seconds or 0 for task in (*self._queue, assignment)) > self._short:
            return self.far.start(assignment)
        self._queue.append(assignment)
        return True

    def events(self, seconds: float) -> Iterator[Event]:
        """What workers here and there say within some seconds."""
        if not self._queue:
            yield from self.far.events(seconds)
            return
        task = self._queue[0]
        if self._own.start(task):
            yield Event(task.job, task.attempt, "progress", place=_PLACE)
        for event in self._own.events(seconds):
            if event.kind != "progress":
                del self._queue[0]
            yield event
        yield from self.far.events(0.0)

    def adopt(self, wanted: Mapping[str, str]) -> Iterable[Assignment]:
        """Those that are with the engine: a worker of the command ends with it."""
        return self.far.adopt(wanted)

    def ask_to_stop(self, why: Exception) -> bool:
        """Asks the engine's; what is short is begun again."""
        del self._queue[1:]
        return self.far.ask_to_stop(why)

    @property
    def _own(self) -> Workers:
        """The command's own worker."""
        if self._near is None:
            far = self.far
            self._near = Workers(
                far.run, far.recipe, count=1, threads=far.threads, checkpoint_seconds=far.checkpoint_seconds
            )
        return self._near
