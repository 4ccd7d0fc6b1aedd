"""The page of several runs: what they differ in, what came out side by side, and what can be compared."""

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, stdev

from equiglot.evaluation import Metric
from equiglot.report import figures, tables
from equiglot.report.comparison import (
    ComparedRun,
    Comparison,
    all_models,
    compared_pairs,
    compared_series,
    distinct,
    headline,
    merged,
    name_in,
    unfinished,
)
from equiglot.report.contents import Plot, single
from equiglot.report.data import Report
from equiglot.report.numbers import Numbers
from equiglot.report.rendering import render_page
from equiglot.report.tables import Cell, Table, row_header, row_languages
from equiglot.report.words import NONE, decimal, listed, moment, signed
from equiglot.run import write_text

_MARK, _HEAD = "Equiglot comparison</title>", 1 << 16  # what the page says of itself, in its first characters
_CONTENTS = {
    "differs": "What differs",
    "repeated": "Repeated trainings",
    "scores": "Scores",
    "distance": "Distance",
    "differences": "Differences",
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
    repeated = [_repeated(comparison, report, runs) for runs in comparison.repeated()]
    skipped = () if repeated else ("repeated",)
    return render_page(
        "comparison.html.jinja",
        _plots(comparison, report),
        names=[run.name for run in comparison.runs],
        headline=headline(comparison),
        obstacles=comparison.obstacles,
        missing=unfinished(comparison.runs),
        contents={name: title for name, title in _CONTENTS.items() if name not in skipped},
        tables=_tables(comparison, report),
        repeated=repeated,
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


def _repeated(comparison: Comparison, report: Report, runs: Sequence[ComparedRun]) -> tuple[str, list[Table]]:
    """Runs that differ only in seeds: their names, and the spread of MRR and of D, where they can be compared."""
    caption = "over the trainings: mean; beneath, smallest to largest, and the standard deviation of n trainings."
    titles: dict[Metric, str] = {"mrr": f"MRR in percent {caption}", "d": f"D in points {caption}"}
    spreads = [_spread_table(comparison, report, runs, metric, title) for metric, title in titles.items()]
    return listed([run.name for run in runs]), spreads


def _spread_table(
    comparison: Comparison, report: Report, runs: Sequence[ComparedRun], metric: Metric, caption: str
) -> Table:
    """One row a language and group, one column a model; a training that several runs share is counted once."""
    numbers = Numbers(report)
    trained = [(model, distinct(runs, model.name)) for model in all_models(comparison)]
    shown = [(model, different) for model, different in trained if len(different) > 1]
    rows = []
    for language, label, note in row_languages(report):
        found = [
            [numbers.of(name_in(run.name, model.name), metric, language) for run in different]
            if _comparable(different, numbers.languages_of(language))
            else []
            for model, different in shown
        ]
        values = [[number.value for number in each if number is not None] for each in found]
        if any(values):
            cells = (_spread_cell(each, signs=metric == "d") for each in values)
            rows.append((row_header(language, label, note), *cells))
    titles = (f"{model.label}, {len(different)} trainings" for model, different in shown)
    return Table(caption, ("", *titles), tuple(rows))


def _comparable(runs: Sequence[ComparedRun], languages: Sequence[str]) -> bool:
    """Whether all have the same vocabulary, test text and masks in these languages."""
    return all(len({run.tests.get(code, run.name) for run in runs}) == 1 for code in languages)


def _spread_cell(values: Sequence[float], *, signs: bool) -> Cell:
    if not values:
        return Cell(NONE)
    show = signed if signs else decimal
    deviation = decimal(stdev(values), 2) if len(values) > 1 else NONE
    note = f"{show(min(values))} to {show(max(values))}\nsd {deviation}, n = {len(values)}"
    return Cell(show(fmean(values)), note)
