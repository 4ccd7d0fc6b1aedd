"""A run while it is made: a bar for each job."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TaskProgressColumn, TextColumn, TimeElapsedColumn

from equiglot.display.words import duration
from equiglot.errors import InputError
from equiglot.evaluation import METRICS
from equiglot.pipeline import Event, Graph, Job, JobProgress, Remark, TextProgress, Watcher
from equiglot.training import Progress as TrainingProgress

if TYPE_CHECKING:
    from rich.console import Console

LINE_SECONDS = 60.0
"""Between the lines of a job, where the output is a file or a pipe."""
SILENT_SECONDS = 75.0
"""Without a word after which it is said that a worker is silent."""
_FALLEN = 2.0, 0.2  # a validation is worth a line that is worse than the best by so many points, and by such a share


class RunDisplay:
    """A bar for each job at work and one for the run; on a pipe or in a file, a line a minute for each job.

    Args:
        console: where it is shown.
        interval: seconds between the lines of a job.
        clock: seconds.
    """

    def __init__(
        self, console: Console, *, interval: float = LINE_SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._console, self._interval, self._clock = console, interval, clock
        self._bars = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[details]}", markup=False),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._working: dict[str, _Working] = {}
        self._whole: TaskID | None = None

    def __enter__(self) -> RunDisplay:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def watcher(self) -> Watcher:
        """What to give to `run_recipe`."""
        return Watcher(
            begin=self._begin,
            start=self._start,
            event=self._event,
            reuse=self._reuse,
            unchecked=self._unchecked,
            stop=self._stop,
            tick=self._tick,
        )

    def ask(self, question: str) -> bool:
        """Asks a question on the terminal, with the bars out of the way; no where nobody can answer."""
        self._bars.stop()
        try:
            return self._console.input(f"{question} \\[Y/n] ").strip().lower() in ("", "y", "yes")
        except EOFError:
            return False
        finally:
            self._bars.start()

    def _begin(self, graph: Graph, left: Sequence[Job]) -> None:
        done = len(graph.jobs) - len(left)
        self._print(f"{len(graph.jobs)} jobs, {done} done, {len(left)} left")
        self._whole = self._bars.add_task("all jobs", total=len(graph.jobs), completed=done, details="")

    def _start(self, job: Job) -> None:
        now = self._clock()
        self._working[job.name] = _Working(self._bars.add_task(job.name, total=None, details=""), now, now)

    def _reuse(self, job: Job, source: str) -> None:
        self._print(f"{job.name}: taken from {source}")
        self._advance()

    def _unchecked(self, job: str, why: InputError) -> None:
        self._print(f"{job}: done, but not compared with where it was taken from: {why.what} ({why.where})")

    def _event(self, event: Event) -> None:
        job = self._working.get(event.job)
        if job is None:
            return
        if event.kind == "alive" or job.heard is not None:
            job.heard = self._clock()
        if event.kind == "alive":
            return
        if isinstance(event.progress, Remark):
            self._print(f"{event.job}: {event.progress.remark}", style="yellow")
        elif event.progress is not None:
            self._show(event.job, job, event.progress)
        elif event.place:
            self._print(f"{event.job}: {event.place}")
        elif event.kind == "lost":
            self._print(f"{event.job}: {event.error}", style="yellow")
            self._bars.remove_task(self._working.pop(event.job).bar)
        else:
            self._end(event, self._working.pop(event.job))

    def _show(self, name: str, job: _Working, progress: JobProgress) -> None:
        if isinstance(progress, TrainingProgress):
            for text in job.news(progress):
                self._print(f"{name}: {text}")
            details, total, done = training_in_words(progress), progress.updates, progress.update
            self._bars.update(job.bar, total=total, completed=done, details=details)
        else:
            self._bars.update(job.bar, details=progress_in_words(progress))
        job.progress = progress

    def _end(self, event: Event, job: _Working) -> None:
        self._bars.remove_task(job.bar)
        if event.made is None:
            return
        self._print(f"{event.job}: done in {duration(event.made.seconds)}{job.result}")
        self._advance()

    def _tick(self) -> None:
        """Where nothing moves on the screen, a line for each job of which nothing was said for a while."""
        now = self._clock()
        for name, job in self._working.items():
            silent = "" if job.heard is None else silence(now - job.heard)
            if self._console.is_terminal:
                if silent:
                    self._bars.update(job.bar, details=silent)
            elif now - job.said >= self._interval:
                job.said = now
                far = progress_in_words(job.progress) or f"at work for {duration(now - job.begun)}"
                self._print(f"{name}: {far}{silent and '; '}{silent}")

    def _stop(self) -> None:
        self._print("Stopping: trainings save where they are; a second signal stops at once.")

    def _advance(self) -> None:
        if self._whole is not None:
            self._bars.advance(self._whole)

    def _print(self, text: str, style: str | None = None) -> None:
        self._console.print(text, highlight=False, soft_wrap=True, style=style)


@dataclass
class _Working:
    """A job at work: its bar, when it was begun, when a line was last printed of it, how far it is, its best score, and
    when its worker was last heard, where that is on another machine."""

    bar: TaskID
    begun: float
    said: float
    progress: JobProgress | None = None
    best: float | None = None
    heard: float | None = None

    def news(self, now: TrainingProgress) -> Iterator[str]:
        """What is worth a line at once: a training that goes on, or gets worse."""
        before = self.progress
        if before is None and now.update > 1:
            yield f"goes on at update {now.update:,} of {now.updates:,}"
        if now.score is None:  # the first of several trainings, or the next
            self.best = None
        if now.score is None or (isinstance(before, TrainingProgress) and before.score == now.score):
            return
        metric, best = METRICS[now.metric], now.score if self.best is None else self.best
        worse = now.score - best if metric.lower_is_better else best - now.score
        if worse > max(_FALLEN[0], _FALLEN[1] * abs(best)):
            change = f"{'rose' if metric.lower_is_better else 'fell'} from {best:.1f} to {now.score:.1f}"
            update = f"update {now.update:,} of {now.updates:,}"
            yield f"validation {metric.phrase} {change} in {update}; the best weights are kept"
        self.best = best if worse > 0 else now.score

    @property
    def result(self) -> str:
        """What a training came to."""
        if not isinstance(self.progress, TrainingProgress):
            return ""
        early = ", stopped early" if self.progress.update < self.progress.updates else ""
        return early + ("" if self.progress.score is None else f", validation {_score_in_words(self.progress)}")


def silence(seconds: float) -> str:
    """That a worker, which says every 20 s that it lives, was not heard for long; nothing where it was."""
    return f"no word for {duration(seconds)}" if seconds >= SILENT_SECONDS else ""


def text_in_words(progress: TextProgress) -> str:
    """How much text is read, compared, written or encoded, or how many languages are probed."""
    units = {"reading": "characters", "probing": "languages"}
    return f"{progress.stage}, {progress.done:,} {units.get(progress.stage, 'sentences')}"


def progress_in_words(progress: JobProgress | None) -> str:
    """How far a job is that is at work; nothing where it does not say."""
    if progress is None:
        return ""
    if isinstance(progress, Remark):
        return progress.remark
    if isinstance(progress, TextProgress):
        return text_in_words(progress)
    return f"update {progress.update:,} of {progress.updates:,}, {training_in_words(progress)}"


def training_in_words(progress: TrainingProgress) -> str:
    """Speed, time left, loss and validation score of a training."""
    speed = progress.tokens / max(progress.seconds, 1e-9)
    left = progress.seconds / max(progress.update, 1) * (progress.updates - progress.update)
    parts = [f"{speed / 1000:.1f}k tokens/s", f"{duration(left)} left"]
    if progress.loss is not None:
        parts.append(f"loss {progress.loss:.2f}")
    if progress.score is not None:
        parts.append(_score_in_words(progress))
    return ", ".join(parts)


def _score_in_words(progress: TrainingProgress) -> str:
    return f"{METRICS[progress.metric].phrase} {progress.score:.1f}"
