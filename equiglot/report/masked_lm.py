"""Masked words on the page: the trade-off between groups, scores, and distances from the teachers."""

from collections.abc import Iterator

from equiglot.evaluation import MASKED_LM, metrics_of
from equiglot.report import figures
from equiglot.report.data import Report
from equiglot.report.format import capital, count, decimal
from equiglot.report.measures import BITS, MASKED, measure_of, measures_distance, teachers_of
from equiglot.report.plots import Plot, single
from equiglot.report.sections import Fold, NamedTable, Paragraph, Section, named_tables
from equiglot.report.series import masked_series, multilingual_series
from equiglot.report.tables import Table, difference_table, distance_table, score_table

_INTERVALS = "95 % intervals in brackets."


def trade_off_sections(report: Report) -> Iterator[Section]:
    """One group of languages against the other."""
    few, masked = len(report.proper_groups) < 2, measure_of(report) == MASKED
    if measure_of(report).task not in report.evaluated or (few and not masked):
        return
    mean = f"mean {MASKED.phrase}" if masked else f"{BITS.unit} saved against the teachers"
    plot = Plot(
        name="trade-off",
        title=f"Scatter plot: {mean} in high-resource against low-resource languages, one point a model",
        caption=f"{capital(mean)}{' of' if masked else ':'} one group of languages against that of the other; further "
        "up and to the right is better. Bars are 95 % intervals."
        + (f" Dotted lines: the {teachers_of(report)}' level." if measures_distance(report) else "")
        + (" The axes do not start at zero." if masked else ""),
        absent="The trade-off needs two groups of languages, and the recipe names fewer."
        if few
        else "No model is scored in both groups of languages yet.",
        views=single(figures.trade_off(report)),
    )
    yield Section("trade-off", "Trade-off", "The trade-off between large and small languages", (plot,))


def masked_sections(report: Report) -> Iterator[Section]:
    """Scores, and where all models have one vocabulary distances."""
    if MASKED_LM not in report.evaluated:
        return
    masked = measure_of(report) == MASKED
    first, *others = metrics_of(MASKED_LM)
    best = (
        f"The best {'' if report.only_teacher else 'multilingual '}model of each row is bold; \N{ALMOST EQUAL TO} "
        "marks those within its noise."
    )
    caption = f"{first.caption}{_positions(report)}; {_INTERVALS} {best}"
    scores = NamedTable(first.name, score_table(report, first.name, caption))
    difference = NamedTable(
        "difference",
        difference_table(
            report,
            f"Paired differences in {MASKED.phrase} between models, on the same masks; bold where the interval "
            "excludes zero.",
        ),
    )
    more = Fold(
        "Accuracy and loss",
        named_tables({m.name: score_table(report, m.name, f"{m.caption}. {_INTERVALS}") for m in others}),
    )
    if masked:
        apart = measures_distance(report)
        parts = (_scores_plot(report), scores, *(() if apart else (difference,)), more)
        yield Section("scores", "Scores", "Scores by language", parts)
        if not apart:
            return
        yield Section(
            "distance",
            "Distance",
            f"Distance from the {teachers_of(report)}",
            (_distance_plot(report), NamedTable("distance", _distances(report, best)), difference),
        )
    elif scores.table.rows:
        words = (
            f"{MASKED.phrase} can be compared within one vocabulary only: the teachers, which have their own, have no "
            "place here."
        )
        yield Section(
            "scores",
            "Scores",
            "Masked words: models of the run's vocabulary",
            (Paragraph(words), _scores_plot(report), scores, more, difference),
        )


def _distances(report: Report, best: str) -> Table:
    caption = f"D, mean difference in {MASKED.phrase} from the monolingual teachers, in points; {_INTERVALS} {best}"
    return distance_table(report, caption)


def _scores_plot(report: Report) -> Plot:
    beyond = figures.beyond_the_axis(report)
    series = tuple(entry for entry in masked_series(report) if entry not in beyond)
    taught = measure_of(report) == MASKED and measures_distance(report)
    teachers = "Each teacher is shown in its own language. " if taught else ""
    left_out = " ".join(
        f"{series.label} ({decimal(low)} to {decimal(high)}) lies beyond the axis, which does not start at zero."
        for series, (low, high) in beyond.items()
    )
    return Plot(
        name="scores",
        title=f"Dot plot: {MASKED.phrase} of every model by language; the table below has the numbers",
        caption=f"{MASKED.phrase} by group and language, with 95 % intervals. {teachers}{left_out}",
        absent="No model is scored yet.",
        views=single(figures.scores_by_language(report, series)),
        series=series,
    )


def _distance_plot(report: Report) -> Plot:
    return Plot(
        name="distance",
        title="Dot plot: distance of every multilingual model from the monolingual teachers; the table has the numbers",
        caption="D by group and language, with 95 % intervals. The line at 0 is the monolingual teachers; to its right "
        "a model is better than they are.",
        absent="No distance is known yet: it needs a scored multilingual model and scored teachers.",
        views=single(figures.distances(report, multilingual_series(report))),
        series=multilingual_series(report),
    )


def _positions(report: Report) -> str:
    """On how much it was measured."""
    codes = {language.code for language in report.languages}
    found = {score.n for score in report.scores if score.task == MASKED_LM and score.language in codes}
    if not found:
        return ""
    span = count(min(found)) if len(found) == 1 else f"{count(min(found))} to {count(max(found))}"
    return f", over {span} masked positions of each language's test text"
