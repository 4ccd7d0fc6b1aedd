"""The page of several runs: what they differ in, what came out side by side, and what can be compared."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from equiglot.evaluation import IN_LANGUAGE, ZERO_SHOT, primary_of
from equiglot.files import write_text
from equiglot.report import figures, tables
from equiglot.report.comparison import (
    ComparedRun,
    Comparison,
    compared_pairs,
    compared_series,
    headline,
    merged,
    pooled,
    shared_tasks,
    unfinished,
)
from equiglot.report.data import Report
from equiglot.report.format import NONE, capital, listed, moment, task_title
from equiglot.report.lengths import length_sections
from equiglot.report.plotting import Plot, single
from equiglot.report.probes import SOURCES
from equiglot.report.score_index import MASKED, ScoreIndex, measures_distance, teachers_of
from equiglot.report.sections import Fold, Heading, NamedTable, Notes, Paragraph, Part, Section, render_page
from equiglot.report.spread import spreads
from equiglot.report.tables import Cell, Table, row_languages
from equiglot.tasks import task_of

_MARK, _HEAD = "Equiglot comparison</title>", 1 << 16  # what the page says of itself, in its first characters
_PROBED = {
    IN_LANGUAGE: "of a probe in the language that it was trained on",
    ZERO_SHOT: "the mean over the probes of all other languages",
}
_TUNED = {
    IN_LANGUAGE: "of a model that was fine-tuned on the language",
    ZERO_SHOT: "of a model that was fine-tuned on other languages only",
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
    return render_page(
        "comparison.html.jinja",
        tuple(_sections(comparison)),
        names=[run.name for run in comparison.runs],
        headline=headline(comparison),
        obstacles=comparison.obstacles,
        missing=unfinished(comparison.runs),
    )


def _sections(comparison: Comparison) -> Iterator[Section]:
    report, tables = merged(comparison), _tables(comparison, merged(comparison))
    scores, distances = _plots(comparison, report)
    apart = comparison.masked and any(measures_distance(run.report) for run in comparison.runs)
    named = {name: NamedTable(name, table) for name, table in tables.items()}
    same = "" if tables["fields"].rows else "Nothing: the recipes are the same."
    yield Section("differs", "What differs", "What differs in the recipes", (*_absent(same), named["fields"]))
    if repeated := comparison.repeated():
        parts = [part for runs in repeated for part in _repeated(comparison, report, runs)]
        yield Section("repeated", "Repeated trainings", "Repeated trainings", tuple(parts))
        yield from length_sections(pooled(repeated[0]))
    if comparison.masked:
        yield Section("scores", "Scores", "Scores by language", (scores, named[MASKED.name]))
        if apart:
            away = f"Distance from the {_teachers(comparison)}"
            yield Section("distance", "Distance", away, (distances, named["distance"]))
        none = "No model of one name was scored on the same masks of the same text in two runs."
        absent = _absent("" if tables["difference"].rows else none)
        yield Section("differences", "Differences", "The same model in another run", (*absent, named["difference"]))
    tasks = shared_tasks(comparison.runs)
    for task in tasks:
        found = tuple(NamedTable("", table) for table in _task_tables(comparison, report, task))
        yield Section(task, task_title(task), task_title(task), found)
    yield Section("runs", "The runs", "The runs", (named["runs"],))
    yield Section(
        "metric",
        "How to read the numbers",
        "How to read the numbers",
        (_reading(tasks, _teachers(comparison), masked=comparison.masked, apart=apart),),
    )


def _absent(text: str) -> tuple[Paragraph, ...]:
    return (Paragraph(text, absent=True),) if text else ()


def _repeated(comparison: Comparison, report: Report, runs: Sequence[ComparedRun]) -> Iterator[Part]:
    """The noise of training, of runs that differ in nothing but seeds."""
    yield Paragraph(
        f"{listed([run.name for run in runs])} differ in nothing but seeds. What lies between them is the noise of "
        "training (and of the text, where the seed of the whole recipe drew it), which no interval on this page "
        "contains. Models that were trained once only, and copied, have no spread and are left out, and so are "
        "languages in which scores cannot be compared. Where runs share one of two models, their difference holds the "
        "noise of the other alone."
    )
    spread = spreads(comparison, report, runs)
    for task in spread:
        if len(spread) > 1:
            yield Heading(task.title)
        yield from (Paragraph(sentence) for sentence in task.said)
        yield NamedTable("", task.differences)
        each = tuple(NamedTable("", table) for table in task.tables)
        yield Fold("Each model by itself", each, open=len(spread) == 1)


def _teachers(comparison: Comparison) -> str:
    """What the teachers of all runs are called."""
    first, *others = {teachers_of(run.report) for run in comparison.runs}
    return "teachers" if others else first


def _reading(tasks: Sequence[str], teachers: str, *, masked: bool, apart: bool) -> Notes:
    probes = (
        "Probes",
        " are linear classifiers on a frozen encoder. Their numbers are of words and texts, not of tokens: models and "
        "vocabularies may be any, and scores are comparable where the labelled data, the kind of probe and the layers "
        "that it reads are the same; for zero-shot means, in every language that probes are trained on.",
    )
    tuned = (
        "Fine-tuned",
        " are models whose weights were all trained on a task, with a new head. Models and vocabularies may be any; "
        "scores are comparable where the labelled data that is tested and trained on is the same, and so is the "
        "training. Differences are paired over the same test items. Intervals do not contain the noise of fine-tuning.",
    )
    masked_words = (
        (
            "MRR",
            ", mean reciprocal rank: for every masked position of the test text the model ranks its whole vocabulary, "
            "and the position scores 1 / (rank of the token that stood there). The mean is over positions within a "
            "language, then over languages, in percent.",
        ),
        (
            "Comparable",
            f" are {MASKED.phrase} and D on the same masks of the same test text with the same vocabulary, and no "
            "others: another vocabulary cuts other tokens, which are easier or harder to guess. What stands side by "
            "side on this page is comparable only where nothing to the contrary stands at its top; differences are "
            "shown only where it is.",
        ),
    )
    away = (
        (
            "D(M, L)",
            f" is the mean over the languages L of the {MASKED.phrase} of model M minus the {MASKED.phrase} of that "
            f"language's {teachers.removesuffix('s')} in the same run. Where runs have other teachers, D is measured "
            "from another place: look at the teachers' scores too.",
        ),
    )
    notes = (
        *(masked_words if masked else ()),
        *((probes,) if any(task == task_of(task) for task in tasks) else ()),
        *((tuned,) if any(task != task_of(task) for task in tasks) else ()),
        *(away if apart else ()),
        ("Groups and means", " are over the languages that all runs have, and have in the same group."),
        (
            "Intervals",
            " are 95 % bootstrap intervals over test sentences. They do not contain the noise of training; runs that "
            "differ in nothing but seeds show it.",
        ),
    )
    return Notes(notes)


def _plots(comparison: Comparison, report: Report) -> tuple[Plot, ...]:
    series = compared_series(comparison)
    relative = tuple(entry for entry in series if entry.role != "reference")
    caption = "Colours tell the models, signs the runs. Bars are 95 % intervals over test sentences."
    return (
        Plot(
            name="scores",
            title=f"Dot plot: {MASKED.phrase} of every model of every run by language; the table below has the numbers",
            caption=f"{MASKED.phrase} by group and language. {caption} The axis does not start at zero.",
            absent="No model is scored yet.",
            views=single(figures.scores_by_language(report, series)),
            series=series,
        ),
        Plot(
            name="distance",
            title="Dot plot: distance of every multilingual model from its run's teachers; the table has the numbers",
            caption=f"D by group and language. {caption} The line at 0 is the {_teachers(comparison)} of each run.",
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
        MASKED.name: tables.score_table(
            report, MASKED.name, f"{MASKED.caption}; {intervals}{_means(comparison, report)}", series
        ),
        "distance": tables.distance_table(
            report,
            f"D, mean difference in {MASKED.phrase} from the run's own {_teachers(comparison)}, in points; {intervals}",
            relative,
        ),
        "difference": tables.difference_table(
            report,
            f"Difference in {MASKED.phrase} between equally named models, the later run minus the earlier, in points, "
            f"paired over test sentences; {intervals} Bold where the interval excludes zero; another seed alone can do "
            "that.",
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


def _task_tables(comparison: Comparison, report: Report, task: str) -> Iterator[Table]:
    """The first metric of a task of every model of every run, in the language trained on, then in others; and how
    equally named models differ, where they were paired. There is no table without a number.
    """
    for source in SOURCES:
        scores = _task_table(comparison, report, task, source)
        yield from (scores,) if scores.rows else ()
        if pairs := compared_pairs(comparison, task, source):
            caption = (
                f"{capital(source)}: difference in {primary_of(task).phrase} between equally named models, the later "
                "run minus the earlier, in points, paired over test items; 95 % intervals in brackets. Bold where the "
                "interval excludes zero; another seed alone can do that."
            )
            yield tables.difference_table(report, caption, pairs, numbers=ScoreIndex(report, task, source))


def _task_table(comparison: Comparison, report: Report, task: str, source: str) -> Table:
    numbers, metric, tuned = ScoreIndex(report, task, source), primary_of(task), task != task_of(task)
    rows = row_languages(report)
    series = [
        entry
        for entry in compared_series(comparison, task)
        if any(entry.number(numbers, metric.name, row[0]) for row in rows)
    ]
    noise = "95 % intervals in brackets"
    if _repeats(comparison, task) > 1:
        noise += f"; \N{PLUS-MINUS SIGN}: standard deviation of {'trainings' if tuned else 'starts'}"
    caption = f"{capital(source)}: {metric.phrase} in percent, {(_TUNED if tuned else _PROBED)[source]}; {noise}."
    return tables.score_table(report, metric.name, f"{caption}{_means(comparison, report)}", series, numbers)


def _repeats(comparison: Comparison, task: str) -> int:
    """How often each probe or model was trained, in the run that did it most often."""
    reports = [run.report for run in comparison.runs]
    probed = (each.repeats for report in reports for each in report.tasks if each.task == task)
    return max((*probed, *(each.seeds for report in reports for each in report.fine_tuned if each.name == task)))


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
