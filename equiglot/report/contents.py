"""Every figure and table that a report has, with the words around it."""

from collections.abc import Mapping

from equiglot.evaluation import MASKED_LM, metrics_of
from equiglot.report import facts, figures, tables
from equiglot.report.data import ProbedTask, Report
from equiglot.report.deviations import Deviations
from equiglot.report.format import capital, count, decimal, listed, task_title
from equiglot.report.heat import transfer_maps
from equiglot.report.likelihood import likelihood_plots, likelihood_tables
from equiglot.report.measures import MASKED, measure_of, teachers_of
from equiglot.report.merging import merging_tables
from equiglot.report.paper_comparison import compare_with_paper
from equiglot.report.plots import Plot, single
from equiglot.report.plotting import Figure
from equiglot.report.probes import probe_tables
from equiglot.report.scaling import growth_figure, growth_table, growths, track_series
from equiglot.report.series import masked_series, multilingual_series
from equiglot.report.tables import Table
from equiglot.report.transfer import Transfer
from equiglot.report.wikipedia import wikipedia_figure, wikipedia_fit


def plots_of(report: Report) -> tuple[Plot, ...]:
    """The figures, in the order of the page."""
    return (
        _trade_off_plot(report),
        _scores_plot(report),
        *([_distance_plot(report)] if measure_of(report) == MASKED else []),
        *likelihood_plots(report),
        *_amount_plots(report),
        *(_transfer_plot(report, task) for task in report.tasks),
        _learning_plot(report),
        _loss_plot(report),
        *_wikipedia_plots(report),
    )


def _trade_off_plot(report: Report) -> Plot:
    few, masked = len(report.proper_groups) < 2, measure_of(report) == MASKED
    mean = "mean MRR" if masked else "bits per character saved against the teachers"
    return Plot(
        name="trade-off",
        title=f"Scatter plot: {mean} in high-resource against low-resource languages, one point a model",
        caption=f"{capital(mean)}{' of' if masked else ':'} one group of languages against that of the other; further "
        f"up and to the right is better. Bars are 95 % intervals. Dotted lines: the {teachers_of(report)}' level."
        + (" The axes do not start at zero." if masked else ""),
        absent="The trade-off needs two groups of languages, and the recipe names fewer."
        if few
        else "No model is scored in both groups of languages yet.",
        views=single(figures.trade_off(report)),
    )


def _scores_plot(report: Report) -> Plot:
    beyond = figures.beyond_the_axis(report)
    series = tuple(entry for entry in masked_series(report) if entry not in beyond)
    teachers = "Each teacher is shown in its own language. " if measure_of(report) == MASKED else ""
    left_out = " ".join(
        f"{series.label} ({decimal(low)} to {decimal(high)}) lies beyond the axis, which does not start at zero."
        for series, (low, high) in beyond.items()
    )
    return Plot(
        name="scores",
        title="Dot plot: MRR of every model by language; the table below has the numbers",
        caption=f"MRR by group and language, with 95 % intervals. {teachers}{left_out}",
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


def _amount_plots(report: Report) -> tuple[Plot, ...]:
    """One, where models of one language differ in how much text they had."""
    found = growths(report)
    series = track_series(found)
    plot = Plot(
        name="amount",
        title="Line chart: MRR by amount of training text; the table below has the numbers",
        caption="MRR of models of one language by the characters of text that they were trained on, with 95 % "
        "intervals; one line for those that learnt from the masked words, one for the students of each teacher.",
        absent="",
        views={report.language_name(growth.language): growth_figure(growth, series) for growth in found},
        choice="Models of",
        series=tuple(series.values()),
    )
    return (plot,) if found else ()


def _transfer_plot(report: Report, task: ProbedTask) -> Plot:
    maps = transfer_maps(report, task)
    metric = capital(Transfer(report, task).metric.phrase)
    return Plot(
        name=f"{task.task}-transfer",
        title=f"{task_title(task.task)}, heat map: a row for each language that probes were trained on, a column for "
        "each that they were tested on; the table below has the numbers",
        caption=f"{metric} in percent{_of(maps)}, by the language that a probe was trained on (rows) and tested on "
        "(columns). Framed: in-language. The stronger the colour the higher; it means the same for all models.",
        absent="No probe was tested on another language"
        + (": that needs labelled data in two." if _tested_on(task) < 2 else " yet."),
        views=maps,
        choice="Model",
    )


def _of(maps: Mapping[str, Figure]) -> str:
    """Of whom a figure without a choice is."""
    return "" if len(maps) > 1 else f" of {listed(list(maps))}"


def _tested_on(task: ProbedTask) -> int:
    """How many languages have labelled data to test on; if it is not known yet, as many as there are."""
    known = [language for language in task.languages if language.items.get("test")]
    return len(known) if task.languages else 2


def _learning_plot(report: Report) -> Plot:
    return Plot(
        name="learning",
        title="Line chart: validation MRR by update",
        caption="MRR on the validation text during training. A line that still climbs at its end has not had updates "
        "enough. Teachers are shown with their own language.",
        absent="No validation score was recorded yet.",
        views=figures.learning_curves(report),
        choice="Validation MRR in",
    )


def _loss_plot(report: Report) -> Plot:
    return Plot(
        name="loss",
        title="Line chart: loss by update, one line a language",
        caption="Losses by language; low-resource languages are dashed. A soft-label loss that stays high shows a "
        "teacher that the student cannot follow; one that falls fast to nothing, a teacher that knows little.",
        absent="No loss was recorded yet.",
        views=figures.loss_curves(report),
        choice="Loss of",
    )


def _wikipedia_plots(report: Report) -> tuple[Plot, ...]:
    """One, where the recipe states how large the languages' Wikipedias are."""
    fit = wikipedia_fit(report)
    if fit is None:
        return ()
    plot = Plot(
        name="wikipedia",
        title="Scatter plot: characters of training text against the size of the language's Wikipedia",
        caption="Are the texts as unequal as the Wikipedias? Characters of training text against the binary logarithm "
        f"of the size of the language's Wikipedia in MB, as the recipe states it. {fit.words}",
        absent="",
        views=single(wikipedia_figure(fit)),
    )
    return (plot,)


def tables_of(report: Report) -> dict[str, Table]:
    """Name -> table, in the order of the page."""
    kind = "" if report.only_teacher else "multilingual "
    best = f"The best {kind}model of each row is bold; \N{ALMOST EQUAL TO} marks those within its noise."
    intervals = "95 % intervals in brackets."
    first, *others = metrics_of(MASKED_LM)
    return {
        first.name: tables.score_table(report, first.name, f"{first.caption}{_positions(report)}; {intervals} {best}"),
        **{each.name: tables.score_table(report, each.name, f"{each.caption}. {intervals}") for each in others},
        "distance": tables.distance_table(
            report, f"D, mean difference in MRR from the monolingual teachers, in points; {intervals} {best}"
        ),
        "difference": tables.difference_table(
            report,
            "Paired differences in MRR between models, on the same masks; bold where the interval excludes zero.",
        ),
        **likelihood_tables(report),
        "rdt": Deviations(report).table(),
        "amount": growth_table(
            report,
            "MRR in percent by characters of training text and what a model learnt from; 95 % intervals in brackets. "
            "Beneath, the paired difference from the model that learnt from the masked words of the same text; bold "
            "where it excludes zero.",
        ),
        **{name: table for task in report.tasks for name, table in probe_tables(report, task).items()},
        **(published.tables if (published := compare_with_paper(report)) else {}),
        "data": facts.data_table(
            report, "The text of each language after cleaning: characters; beneath, sentences and tokens."
        ),
        "cleaning": facts.cleaning_table(
            report,
            "Cleaning: what each step did, in order, to paragraphs and, after they are split, to sentences.",
        ),
        "portion": facts.portion_table(
            report,
            "What each model really got of each language: characters of the balanced text; beneath, its tokens, how "
            "often it was read, and its share of the updates.",
        ),
        "vocabulary": facts.vocabulary_table(report, "How the vocabulary takes the validation text of each language."),
        **merging_tables(report),
        "models": facts.models_table(report, "The models of the run; beneath the time, tokens read a second."),
    }


def _positions(report: Report) -> str:
    """On how much it was measured."""
    codes = {language.code for language in report.languages}
    found = {score.n for score in report.scores if score.task == MASKED_LM and score.language in codes}
    if not found:
        return ""
    span = count(min(found)) if len(found) == 1 else f"{count(min(found))} to {count(max(found))}"
    return f", over {span} masked positions of each language's test text"
