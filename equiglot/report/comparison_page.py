"""The page of several runs: what they differ in, what came out side by side, and what can be compared."""

from pathlib import Path

from equiglot.evaluation import IN_LANGUAGE, ZERO_SHOT, primary_of
from equiglot.report import figures, tables
from equiglot.report.comparison import (
    Comparison,
    compared_pairs,
    compared_series,
    headline,
    merged,
    shared_tasks,
    unfinished,
)
from equiglot.report.data import Report
from equiglot.report.format import NONE, capital, listed, moment, task_title
from equiglot.report.plots import Plot, single
from equiglot.report.rendering import render_page
from equiglot.report.score_index import ScoreIndex
from equiglot.report.spread import spreads
from equiglot.report.tables import Cell, Table, row_languages
from equiglot.report.transfer import SOURCES
from equiglot.run import write_text

_MARK, _HEAD = "Equiglot comparison</title>", 1 << 16  # what the page says of itself, in its first characters
_SOURCES = {
    IN_LANGUAGE: "of a probe in the language that it was trained on",
    ZERO_SHOT: "the mean over the probes of all other languages",
}
_BEFORE = {
    "differs": "What differs",
    "repeated": "Repeated trainings",
    "scores": "Scores",
    "distance": "Distance",
    "differences": "Differences",
}
_AFTER = {
    "runs": "The runs",
    "metric": "How to read the numbers",
}


def write_comparison(comparison: Comparison, path: Path) -> None:
    """Writes the page of several runs to `path`, atomically.

    Raises:
        OSError: the disk is full or `path` cannot be written; what stood there before is unharmed.
    """
    write_text(path, render_comparison(comparison))


def is_comparison(path: Path) -> bool:
    """Whether a file is such a page."""
    with path.open(encoding="utf-8", errors="replace") as file:
        return _MARK in file.read(_HEAD)


def render_comparison(comparison: Comparison) -> str:
    """The page as HTML. Every text of the runs is escaped where it stands."""
    report = merged(comparison)
    repeated = [
        (listed([run.name for run in runs]), spreads(comparison, report, runs)) for runs in comparison.repeated()
    ]
    skipped = () if repeated else ("repeated",)
    probes = {task: _probe_tables(comparison, report, task) for task in shared_tasks(comparison.runs)}
    contents = {**_BEFORE, **{task: task_title(task) for task in probes}, **_AFTER}
    return render_page(
        "comparison.html.jinja",
        _plots(comparison, report),
        names=[run.name for run in comparison.runs],
        headline=headline(comparison),
        obstacles=comparison.obstacles,
        missing=unfinished(comparison.runs),
        contents={name: title for name, title in contents.items() if name not in skipped},
        tables=_tables(comparison, report),
        repeated=repeated,
        probes=[(task, task_title(task), tables) for task, tables in probes.items()],
    )


def _plots(comparison: Comparison, report: Report) -> tuple[Plot, ...]:
    series = compared_series(comparison)
    relative = tuple(entry for entry in series if entry.role != "reference")
    caption = "Colours tell the models, signs the runs. Bars are 95 % intervals over test sentences."
    return (
        Plot(
            name="scores",
            title="Dot plot: MRR of every model of every run by language; the table below has the numbers",
            caption=f"MRR by group and language. {caption} The axis does not start at zero.",
            absent="No model is scored yet.",
            views=single(figures.scores_by_language(report, series)),
            series=series,
        ),
        Plot(
            name="distance",
            title="Dot plot: distance of every multilingual model from its run's teachers; the table has the numbers",
            caption=f"D by group and language. {caption} The line at 0 is the monolingual teachers of each run.",
            absent="No distance is known: it needs a scored multilingual model and scored teachers.",
            views=single(figures.distances(report, relative)),
            series=relative,
        ),
    )


def _tables(comparison: Comparison, report: Report) -> dict[str, Table]:
    series = compared_series(comparison)
    relative = [entry for entry in series if entry.role != "reference"]
    intervals = "95 % intervals in brackets."
    return {
        "fields": _field_table(comparison),
        "mrr": tables.score_table(report, "mrr", f"MRR in percent; {intervals}{_means(comparison, report)}", series),
        "distance": tables.distance_table(
            report,
            f"D, mean difference in MRR from the run's own monolingual teachers, in points; {intervals}",
            relative,
        ),
        "difference": tables.difference_table(
            report,
            "Difference in MRR between equally named models, the later run minus the earlier, in points, paired over "
            f"test sentences; {intervals} Bold where the interval excludes zero; another seed alone can do that.",
            compared_pairs(comparison),
        ),
        "runs": _run_table(comparison),
    }


def _means(comparison: Comparison, report: Report) -> str:
    """Which languages means are over, where these are not all that there are."""
    common = comparison.groups.get("all", ())
    if len(common) == len(report.languages):
        return ""
    names = listed([report.language_name(code) for code in common]) or "none"
    return f" Means are over the languages that all runs have: {names}."


def _probe_tables(comparison: Comparison, report: Report, task: str) -> list[Table]:
    """The first metric of a task of every model of every run: in the language trained on, and in others."""
    return [_probe_table(comparison, report, task, source) for source in SOURCES]


def _probe_table(comparison: Comparison, report: Report, task: str, source: str) -> Table:
    numbers, metric = ScoreIndex(report, task, source), primary_of(task)
    rows = row_languages(report)
    series = [
        entry
        for entry in compared_series(comparison)
        if any(entry.number(numbers, metric.name, row[0]) for row in rows)
    ]
    starts = max(each.repeats for run in comparison.runs for each in run.report.tasks if each.task == task)
    noise = "95 % intervals in brackets" + ("; \N{PLUS-MINUS SIGN}: standard deviation of starts" if starts > 1 else "")
    caption = f"{capital(source)}: {metric.phrase} in percent, {_SOURCES[source]}; {noise}."
    return tables.score_table(report, metric.name, f"{caption}{_means(comparison, report)}", series, numbers)


def _field_table(comparison: Comparison) -> Table:
    rows = tuple((Cell(field.name), *(Cell(value or NONE) for value in field.values)) for field in comparison.fields)
    columns = ("Field of the recipe", *(run.name for run in comparison.runs))
    return Table(
        "Fields that are not the same everywhere; names and descriptions are left out.",
        columns,
        rows,
        numeric_from=len(columns),
    )


def _run_table(comparison: Comparison) -> Table:
    columns = ("Run", "Name", "Languages", "Vocabulary", "Finished", "Equiglot")
    rows = tuple(
        (
            Cell(run.name, run.folder),
            Cell(run.report.name),
            Cell(listed([language.name for language in run.report.languages])),
            Cell(run.report.vocabulary or NONE),
            Cell(moment(run.report.run.finished) or NONE),
            Cell(run.report.run.versions.get("equiglot", NONE)),
        )
        for run in comparison.runs
    )
    return Table("The runs that are compared.", columns, rows, numeric_from=len(columns))
