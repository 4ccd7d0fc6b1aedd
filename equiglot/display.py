"""What the terminal shows: progress, plans, states, scores."""

import unicodedata
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from equiglot.evaluation import PRIMARY, Filler, Score, StockScores
from equiglot.models import Upload
from equiglot.pipeline import Event, Graph, Job, JobProgress, Plan, Status, TextProgress, Watcher
from equiglot.recipe import Found, Recipe
from equiglot.training import Progress as TrainingProgress

_METRICS = {"accuracy": "accuracy", "macro_f1": "macro-F1"}
_LONGEST_WORDS = 12  # characters on average; above, what stands between spaces is more than a word


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
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)


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
        shown = "running" if name in status.running else state
        table.add_row(name, shown, progress_in_words(status.running.get(name)))
    console.print(table)
    print_scores(console, status)


def print_results(console: Console, status: Status, recipe: Recipe) -> None:
    """The MRR of every model by language."""
    print_scores(console, status, tuple(recipe.trained_languages))


def print_scores(console: Console, status: Status, languages: Sequence[str] | None = None) -> None:
    """Scores in percent, a table for MRR and two for each task that is probed; a row a model, a column a language."""
    languages = languages or list(dict.fromkeys(score.language for score in status.scores))
    for task, source in dict.fromkeys((score.task, score.source) for score in status.scores):
        scores = [score for score in status.scores if (score.task, score.source) == (task, source)]
        title = "MRR, %" if source is None else f"{task}, {source}, {_METRICS[PRIMARY[task]]}, %"
        table = Table(title, *languages, box=None, pad_edge=False)
        for model in dict.fromkeys(score.model for score in scores):
            values = {score.language: score for score in scores if score.model == model}
            table.add_row(model, *(f"{values[code].value:.1f}" if code in values else "" for code in languages))
        console.print(table)


def print_found(console: Console, found: Found, recipe: str) -> None:
    """The languages that a recipe was made for, what was left out, and what to do next."""
    table = Table("language", "", "group", box=None, pad_edge=False)
    table.add_column("characters", justify="right")
    for each in found.languages:
        table.add_row(each.code, each.name, each.group or "", f"{each.characters:,}")
    console.print(table)
    for name, why in found.left_out.items():
        console.print(printable(f"left out: {name} ({why})"), soft_wrap=True)
    console.print(printable(f"The recipe: {recipe}; next: equiglot plan {recipe}"), soft_wrap=True)


def print_fillers(console: Console, text: str, fillers: Mapping[str, Sequence[Sequence[Filler]]]) -> None:
    """A table for each mask, a row for each model, the likeliest words first; ## goes on with the word before."""
    console.print(printable(text), soft_wrap=True)
    masks = len(next(iter(fillers.values())))
    for mask in range(masks):
        table = Table(box=None, pad_edge=False, show_header=masks > 1)
        table.add_column(Text("[MASK]" if masks == 1 else f"[MASK] {mask + 1}"))
        for name, each in fillers.items():
            words = (printable(f"{filler.text} {100 * filler.probability:.1f}%") for filler in each[mask])
            table.add_row(printable(name), *words)
        console.print(table)


def print_stock_scores(console: Console, scores: StockScores) -> None:
    """A table for each tokenizer, then what can be compared between all."""
    if len(scores.groups) > 1:
        console.print(
            "MRR, accuracy and loss can be compared within a table only: models with different tokenizers are asked "
            "for different pieces of the text, out of different vocabularies."
        )
    for rows in scores.masked:
        table = Table("model", "language", box=None, pad_edge=False)
        for title in ("MRR, %", "accuracy, %", "loss, nats", "positions"):
            table.add_column(title, justify="right", no_wrap=True)
        cells = {(each.model, each.language, each.metric): each for each in rows}
        for model, language in dict.fromkeys((each.model, each.language) for each in rows):
            mrr, accuracy, loss = (cells[model, language, metric] for metric in ("mrr", "accuracy", "loss"))
            numbers = (_with_interval(mrr, 1), f"{accuracy.value:.1f}", f"{loss.value:.2f}", f"{mrr.n:,}")
            table.add_row(printable(model), language, *numbers)
        console.print(table)
    if scores.bits:
        _print_bits(console, scores)


def _print_bits(console: Console, scores: StockScores) -> None:
    """Bits per character, and what they say nothing about."""
    console.print(
        "Bits per character (PLL-word-l2r) can be compared between all models; less is better. They are counted on the "
        "words that every one of the models can express; `lacking` is the share of the characters in words that this "
        "model cannot."
    )
    table = Table("model", "language", box=None, pad_edge=False)
    for title in ("bits", "characters", "lacking, %", "altered, %"):
        table.add_column(title, justify="right", no_wrap=True)
    known = {(each.model, each.language): each for each in scores.coverage}
    for each in scores.bits:
        about = known[each.model, each.language]
        shares = (f"{100 * about.unexpressed:.2f}", f"{100 * about.altered:.1f}")
        table.add_row(printable(each.model), each.language, _with_interval(each, 2), f"{each.n:,}", *shares)
    console.print(table)
    if any(each.altered for each in scores.coverage):
        console.print(
            "`altered` words are read otherwise than they are written (in lower case, without accents): they say less, "
            "and are easier to predict."
        )
    clauses = dict.fromkeys(each.language for each in scores.coverage if each.word_length > _LONGEST_WORDS)
    if clauses:
        console.print(
            f"Words are what stands between spaces. In {', '.join(clauses)} that is a clause rather than a word, and "
            "bits are a rough measure there: each token is predicted without all that follows in its clause, and how "
            "finely a vocabulary cuts matters more."
        )


def _with_interval(score: Score, digits: int) -> str:
    return rf"{score.value:.{digits}f} \[{score.low:.{digits}f}, {score.high:.{digits}f}]"


def print_upload(console: Console, upload: Upload, repository: str, *, there: str | None, private: bool) -> None:
    """What would be sent where; `there` says who may read the repository, if it is there already."""
    if there:
        place = f"To the {there} repository {repository}, which is there already (files of the same names are replaced)"
    else:
        place = f"To a new {'private' if private else 'public'} repository {repository}"
    console.print(printable(f"{place}, a model of {upload.parameters:,} parameters:"), soft_wrap=True)
    table = Table(box=None, show_header=False, pad_edge=False)
    for name, size in upload.files.items():
        table.add_row(printable(name), f"{size:,} bytes")
    console.print(table)
    if upload.kept:
        console.print(printable(f"Not sent: {', '.join(upload.kept)}"), soft_wrap=True)


def printable(text: str) -> Text:
    """Text from outside, as the terminal may show it: no markup, control characters written out, no loose marks."""
    return Text("".join(_visible(before, each) for before, each in zip(" " + text, text, strict=False)))


def _visible(before: str, character: str) -> str:
    if not character.isprintable():
        return f"\\u{ord(character):04x}"
    # A mark (a vowel sign, say) that stands on nothing is shown on a circle.
    loose = before in " #" and unicodedata.category(character).startswith("M")
    return f"◌{character}" if loose else character


def duration(seconds: float) -> str:
    """Seconds in words: 12 s, 3 min, 2.5 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
