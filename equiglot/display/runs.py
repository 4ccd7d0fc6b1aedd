"""Runs and recipes: plans, states, scores, what was found in a folder."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from equiglot.display.progress import progress_in_words, silence
from equiglot.display.words import duration, printable
from equiglot.evaluation import STANDINGS, primary_of
from equiglot.pipeline import Plan, Status, StepCost, Whereabouts, Working
from equiglot.recipe import Found, LabelledFolder, Recipe
from equiglot.report import AuditReport

if TYPE_CHECKING:
    from rich.console import Console

_NUMBER, _GAP = 5, 2  # letters of a score, and what the table puts before it


def print_plan(console: Console, plan: Plan) -> None:
    """Jobs, then models, then the sum."""
    kinds: dict[str, list[str]] = {}
    for name, state in plan.states.items():
        kinds.setdefault(name.split("/")[0], []).append(state)
    jobs = ", ".join(f"{len(states)} {kind} ({_counts(states)})" for kind, states in kinds.items())
    console.print(f"Jobs: {jobs}", highlight=False)
    table = Table("model", "state", box=None, pad_edge=False)
    needs = {
        title: [str(getattr(model, title.lower())) for model in plan.models]
        for title, usual in {"cores": 1, "GPUs": 0}.items()
        if any(getattr(model, title.lower()) > usual for model in plan.models)
    }
    for title in ("parameters", "updates", "tokens", "training time", "memory", *needs):
        table.add_column(title, justify="right")
    for place, model in enumerate(plan.models):
        about = "" if model.counted else "~"
        table.add_row(
            model.name,
            model.state,
            f"{model.parameters:,}",
            f"{about}{model.updates:,}",
            f"{about}{model.tokens:,}",
            f"~{duration(model.seconds)}",
            f"~{model.memory / 1e9:.1f} GB",
            *(each[place] for each in needs.values()),
        )
    console.print(table)
    for model in plan.models:
        if model.note:
            console.print(printable(f"{model.name}: {model.note}."), highlight=False, soft_wrap=True)
    _print_steps(console, plan.steps)
    if not all(model.counted for model in plan.models):
        console.print("~ from the sizes of the files: text is counted when the corpus and its tokens are made.")
    console.print(
        f"About {duration(plan.seconds)} of work is left, {plan.workers} job(s) at a time, if no training stops early; "
        f"some {plan.disk / 1e6:,.0f} MB on the disk.",
        highlight=False,
    )
    if plan.largest is not None:
        job, memory = plan.largest
        console.print(f"A process has some {memory / 1e9:.1f} GB of memory at most ({job}).", highlight=False)
    _print_warnings(console, plan.doubts)


def _print_warnings(console: Console, texts: Sequence[str]) -> None:
    for text in texts:
        console.print(Text(f"Warning: {printable(text)}", style="yellow"), soft_wrap=True)


def _print_steps(console: Console, steps: Sequence[StepCost]) -> None:
    """What is left besides trainings."""
    if not steps:
        return
    table = Table("left besides", box=None, pad_edge=False)
    for title in ("jobs", "amount", "time", "disk"):
        table.add_column(title, justify="right")
    for step in steps:
        amount = f"~{step.amount:,} {step.unit}"
        table.add_row(step.name, f"{step.jobs:,}", amount, f"~{duration(step.seconds)}", f"~{step.disk / 1e6:,.1f} MB")
    console.print(table)


def _counts(states: Sequence[str]) -> str:
    found = {state: states.count(state) for state in ("done", "changed", "left")}
    return ", ".join(f"{count} {state}" for state, count in found.items() if count)


def print_status(console: Console, status: Status) -> None:
    """What is done, running and left, and the MRR so far."""
    if status.detached is not None:
        console.print(_detached_in_words(status.detached), highlight=False, soft_wrap=True)
    if status.owner is not None:
        console.print(f"{str(status.owner).capitalize()} is at work.", highlight=False)
    elif status.running:
        words = f"No command is at work. {len(status.running)} jobs were left to go on; the same command takes them up."
        console.print(words, highlight=False, soft_wrap=True)
    table = Table("job", "state", "", box=None, pad_edge=False)
    for name, state in status.states.items():
        working = status.running.get(name)
        about = _working_in_words(working, status.owner is not None) if working else status.places.get(name, "")
        table.add_row(name, "running" if working else state, printable(about))
    console.print(table)
    print_scores(console, status)


def _detached_in_words(command: Whereabouts) -> str:
    """Where a command is that is a job of a cluster, or that it has ended; and where to read what it says."""
    who = f"SLURM job {command.job}".strip()
    if command.has_ended:
        last = "".join(f"\n    {printable(line)}" for line in command.last) or " none."
        return f"{who}, the command of this run, has ended; the same command continues. Its last words:{last}"
    place = (
        "is not known to run or to have ended: SLURM cannot be asked here" if command.place is None else command.place
    )
    return f"{who}, the command of this run, {place}. What it says is in {printable(str(command.output))}."


def _working_in_words(working: Working, heard: bool) -> str:
    """How far a job is, where, since when, whether it is `heard` no more, and why it was begun again."""
    where = f"{working.place} since {working.since}" if working.place else ""
    silent = "" if working.silent is None or not heard else silence(working.silent)
    times = f" ({working.lost} times lost)" if working.lost > 1 else ""
    again = f"begun again{times}: {working.why}" if working.why else ""
    return "; ".join(filter(None, (progress_in_words(working.progress), where, silent, again)))


def print_results(console: Console, status: Status, recipe: Recipe) -> None:
    """The MRR of every model by language."""
    print_scores(console, status, tuple(recipe.trained_languages))


def print_scores(console: Console, status: Status, languages: Sequence[str] | None = None) -> None:
    """Scores by task, and by what a probe was trained on: a row a model, a column a language.

    Where that is too wide for the terminal it is a row a language, in several tables if need be.
    """
    languages = languages or list(dict.fromkeys(score.language for score in status.scores))
    for task, source in dict.fromkeys((score.task, score.source) for score in status.scores):
        scores = [score for score in status.scores if (score.task, score.source) == (task, source)]
        metric = primary_of(task)
        title = ", ".join(filter(None, (task if source else "", source, metric.title)))
        shown = {(score.model, score.language): f"{score.value:.{metric.digits}f}" for score in scores}
        models = list(dict.fromkeys(score.model for score in scores))
        rows, columns = models, list(languages)
        if _columns_that_fit(console, title, rows, columns) < len(columns):
            rows, columns = columns, rows
            shown = {(language, model): value for (model, language), value in shown.items()}
        while columns:
            count = max(1, _columns_that_fit(console, title, rows, columns))
            table = Table(title, *columns[:count], box=None, pad_edge=False)
            for row in rows:
                table.add_row(row, *(shown.get((row, column), "") for column in columns[:count]))
            console.print(table)
            columns = columns[count:]


def print_audit(console: Console, audit: AuditReport) -> None:
    """The verdict on every language of every model, and why."""
    for audited in audit.models:
        table = Table(audited.model, "verdict", "", box=None, pad_edge=False)
        for code, verdict in sorted(audited.verdicts.items(), key=lambda each: STANDINGS.index(each[1].standing)):
            table.add_row(code, verdict.standing, printable(verdict.reason))
        console.print(table)


def _columns_that_fit(console: Console, title: str, rows: Sequence[str], columns: Sequence[str]) -> int:
    """How many columns of numbers stand beside the names of the rows in the terminal's width."""
    widths = [max(_NUMBER, len(column)) + _GAP for column in columns]
    left = console.width - max(map(len, (title, *rows)), default=0)
    return sum(used <= left for used in accumulate(widths))


def print_labelled(console: Console, found: LabelledFolder) -> None:
    """The labelled data that an audit uses: tasks by languages, and what was left out."""
    for task, sources in found.data.items():
        console.print(printable(f"{task}: {', '.join(sources)}"), soft_wrap=True)
    for name, why in found.others.items():
        console.print(printable(f"left out: {name} ({why})"), soft_wrap=True)


def print_found(console: Console, found: Found, doubts: Sequence[str], recipe: str) -> None:
    """The languages that a recipe was made for, what was left out, what is too little, and what to do next."""
    table = Table("language", "", "group", box=None, pad_edge=False)
    table.add_column("characters", justify="right")
    table.add_column("text", overflow="fold")
    for each in found.languages:
        paths = printable(", ".join(each.paths))
        table.add_row(each.code, each.name, each.group or "", f"{each.characters:,}", paths)
    console.print(table)
    for name, why in found.left_out.items():
        console.print(printable(f"left out: {name} ({why})"), soft_wrap=True)
    _print_warnings(console, doubts)
    console.print(printable(f"The recipe: {recipe}; next: equiglot plan {recipe}"), soft_wrap=True)
