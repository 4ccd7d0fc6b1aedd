"""What the terminal shows: progress, plans, states, scores."""

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from equiglot.pipeline import Event, Graph, Job, Plan, Status, Watcher
from equiglot.recipe import Recipe
from equiglot.training import Progress as TrainingProgress


class RunDisplay:
    """A bar for each job at work and one for the run; on a pipe or in a file, a line a job."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bars = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[details]}"),
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
        return Watcher(begin=self._begin, start=self._start, event=self._event, reuse=self._reuse, stop=self._stop)

    def _begin(self, graph: Graph, left: Sequence[Job]) -> None:
        done = len(graph.jobs) - len(left)
        self._print(f"{len(graph.jobs)} jobs, {done} done, {len(left)} left")
        self._whole = self._bars.add_task("all jobs", total=len(graph.jobs), completed=done, details="")

    def _start(self, job: Job) -> None:
        self._tasks[job.name] = self._bars.add_task(job.name, total=None, details="")

    def _reuse(self, job: Job, source: str) -> None:
        self._print(f"{job.name}: taken from {source}")
        self._advance()

    def _event(self, event: Event) -> None:
        task = self._tasks.get(event.job)
        if task is None:
            return
        if event.progress is not None:
            progress = self._seen[event.job] = event.progress
            self._bars.update(
                task, total=progress.updates, completed=progress.update, details=training_in_words(progress)
            )
            return
        self._bars.remove_task(self._tasks.pop(event.job))
        if event.kind == "done":
            seen = self._seen.pop(event.job, None)
            score = f", validation MRR {100 * seen.mrr:.1f}" if seen and seen.mrr is not None else ""
            self._print(f"{event.job}: done in {duration(event.seconds)}{score}")
            self._advance()

    def _stop(self) -> None:
        self._print("Stopping: trainings save where they are; a second signal stops at once.")

    def _advance(self) -> None:
        if self._whole is not None:
            self._bars.advance(self._whole)

    def _print(self, text: str) -> None:
        self._console.print(text, highlight=False, soft_wrap=True)


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


def print_recipes(console: Console, recipes: Mapping[str, str]) -> None:
    """One line a recipe."""
    table = Table(box=None, show_header=False, pad_edge=False)
    for name, description in recipes.items():
        table.add_row(f"[bold]{name}[/bold]", description)
    console.print(table)


def print_plan(console: Console, plan: Plan) -> None:
    """Jobs, then models, then the sum."""
    kinds: dict[str, list[str]] = {}
    for name, state in plan.states.items():
        kinds.setdefault(name.split("/")[0], []).append(state)
    jobs = ", ".join(f"{len(states)} {kind} ({_counts(states)})" for kind, states in kinds.items())
    console.print(f"Jobs: {jobs}", highlight=False)
    table = Table("model", "state", box=None, pad_edge=False)
    for title in ("parameters", "updates", "tokens", "training time"):
        table.add_column(title, justify="right")
    for model in plan.models:
        about = "" if model.counted else "~"
        table.add_row(
            model.name,
            model.state,
            f"{model.parameters:,}",
            f"{about}{model.updates:,}",
            f"{about}{model.tokens:,}",
            f"~{duration(model.seconds)}",
        )
    console.print(table)
    if not all(model.counted for model in plan.models):
        console.print("~ from the sizes of the files: text is counted when the corpus and its tokens are made.")
    console.print(
        f"About {duration(plan.seconds)} of training is left, {plan.workers} job(s) at a time, if none stops early; "
        f"some {plan.disk / 1e6:,.0f} MB on the disk.",
        highlight=False,
    )


def _counts(states: Sequence[str]) -> str:
    found = {state: states.count(state) for state in ("done", "changed", "left")}
    return ", ".join(f"{count} {state}" for state, count in found.items() if count)


def print_status(console: Console, status: Status) -> None:
    """What is done, running and left, and the MRR so far."""
    if status.process is not None:
        console.print(f"Process {status.process} is at work.", highlight=False)
    table = Table("job", "state", "", box=None, pad_edge=False)
    for name, state in status.states.items():
        progress = status.running.get(name)
        shown = "running" if name in status.running else state
        details = f"{progress.update:,} of {progress.updates:,}, {training_in_words(progress)}" if progress else ""
        table.add_row(name, shown, details)
    console.print(table)
    print_scores(console, status)


def print_results(console: Console, status: Status, recipe: Recipe) -> None:
    """The MRR of every model by language."""
    print_scores(console, status, tuple(recipe.trained_languages))


def print_scores(console: Console, status: Status, languages: Sequence[str] | None = None) -> None:
    """MRR in percent, a row a model and a column a language."""
    if not status.scores:
        return
    languages = languages or list(dict.fromkeys(score.language for score in status.scores))
    table = Table("MRR, %", *languages, box=None, pad_edge=False)
    for model in dict.fromkeys(score.model for score in status.scores):
        values = {score.language: score for score in status.scores if score.model == model}
        table.add_row(model, *(f"{values[code].value:.1f}" if code in values else "" for code in languages))
    console.print(table)


def duration(seconds: float) -> str:
    """Seconds in words: 12 s, 3 min, 2.5 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
