"""A run while it is made: a bar for each job."""

from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TaskProgressColumn, TextColumn, TimeElapsedColumn

from equiglot.display.words import duration
from equiglot.errors import InputError
from equiglot.pipeline import Event, Graph, Job, JobProgress, TextProgress, Watcher
from equiglot.training import Progress as TrainingProgress


class RunDisplay:
    """A bar for each job at work and one for the run; on a pipe or in a file, a line a job."""

    def __init__(self, console: Console) -> None:
        self._console = console
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
        self._tasks: dict[str, TaskID] = {}
        self._seen: dict[str, TrainingProgress] = {}
        self._whole: TaskID | None = None

    def __enter__(self) -> "RunDisplay":
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
        )

    def _begin(self, graph: Graph, left: Sequence[Job]) -> None:
        done = len(graph.jobs) - len(left)
        self._print(f"{len(graph.jobs)} jobs, {done} done, {len(left)} left")
        self._whole = self._bars.add_task("all jobs", total=len(graph.jobs), completed=done, details="")

    def _start(self, job: Job) -> None:
        self._tasks[job.name] = self._bars.add_task(job.name, total=None, details="")

    def _reuse(self, job: Job, source: str) -> None:
        self._print(f"{job.name}: taken from {source}")
        self._advance()

    def _unchecked(self, job: str, why: InputError) -> None:
        self._print(f"{job}: done, but not compared with where it was taken from: {why.what} ({why.where})")

    def _event(self, event: Event) -> None:
        task = self._tasks.get(event.job)
        if task is None:
            return
        if isinstance(event.progress, TextProgress):
            self._bars.update(task, details=text_in_words(event.progress))
            return
        if event.progress is not None:
            progress = self._seen[event.job] = event.progress
            self._bars.update(
                task, total=progress.updates, completed=progress.update, details=training_in_words(progress)
            )
            return
        self._bars.remove_task(self._tasks.pop(event.job))
        if event.made is not None:
            seen = self._seen.pop(event.job, None)
            score = f", validation MRR {100 * seen.mrr:.1f}" if seen and seen.mrr is not None else ""
            self._print(f"{event.job}: done in {duration(event.made.seconds)}{score}")
            self._advance()

    def _stop(self) -> None:
        self._print("Stopping: trainings save where they are; a second signal stops at once.")

    def _advance(self) -> None:
        if self._whole is not None:
            self._bars.advance(self._whole)

    def _print(self, text: str) -> None:
        self._console.print(text, highlight=False, soft_wrap=True)


def text_in_words(progress: TextProgress) -> str:
    """How much text is read, compared, written or encoded, or how many languages are probed."""
    units = {"reading": "characters", "probing": "languages"}
    return f"{progress.stage}, {progress.done:,} {units.get(progress.stage, 'sentences')}"


def progress_in_words(progress: JobProgress | None) -> str:
    """How far a job is that is at work; nothing where it does not say."""
    if progress is None:
        return ""
    if isinstance(progress, TextProgress):
        return text_in_words(progress)
    return f"{progress.update:,} of {progress.updates:,}, {training_in_words(progress)}"


def training_in_words(progress: TrainingProgress) -> str:
    """Speed, time left, loss and validation MRR of a training."""
    speed = progress.tokens / max(progress.seconds, 1e-9)
    left = progress.seconds / max(progress.update, 1) * (progress.updates - progress.update)
    parts = [f"{speed / 1000:.1f}k tokens/s", f"{duration(left)} left"]
    if progress.loss is not None:
        parts.append(f"loss {progress.loss:.2f}")
    if progress.mrr is not None:
        parts.append(f"MRR {100 * progress.mrr:.1f}")
    return ", ".join(parts)
