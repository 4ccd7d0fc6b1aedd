"""Sections of the scores that models are compared by: masked words, and likelihood."""

from collections.abc import Iterator, Mapping

from equiglot.evaluation import MASKED_LM, Coverage, metrics_of
from equiglot.report import figures
from equiglot.report.data import Report
from equiglot.report.format import capital, count, decimal, listed
from equiglot.report.plotting import Plot, single
from equiglot.report.score_index import (
    BITS,
    MASKED,
    ScoreIndex,
    is_measured,
    measure_of,
    measures_distance,
    teachers_of,
)
from equiglot.report.sections import Fold, NamedTable, Paragraph, Part, Section, named_tables
from equiglot.report.series import likelihood_series, masked_series, multilingual_series, other_teachers
from equiglot.report.tables import (
    Cell,
    Pair,
    Table,
    difference_table,
    distance_table,
    language_cell,
    pairs_of,
    score_table,
)

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
    caption = f"D, mean difference in {MASKED.phrase} from the {teachers_of(report)}, in points; {_INTERVALS} {best}"
    if not all(report.teacher_of(language.code) for language in report.languages):
        caption += f" {_TAUGHT}"
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
    teachers = teachers_of(report)
    return Plot(
        name="distance",
        title=f"Dot plot: distance of every multilingual model from the {teachers}; the table has the numbers",
        caption=f"D by group and language, with 95 % intervals. The line at 0 is the {teachers}; to its right "
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


_TAUGHT = "Means are over the languages that have a teacher."
_LONGEST_WORDS = 12
"""Characters on average; above, what stands between spaces is more than a word."""
_LOST = 0.1  # of the characters; where a model has no tokens for more, the reader must know


def likelihood_sections(report: Report) -> Iterator[Section]:
    """Bits per character, and the distance from the teachers, where they were measured."""
    if not is_measured(report, BITS):
        return
    apart = measures_distance(report)
    series, relative, intervals = likelihood_series(report), multilingual_series(report), "95 % intervals in brackets."
    scores = Plot(
        name="likelihood",
        title="Dot plot: bits per character of every model by language; the table below has the numbers",
        caption="Bits per character by group and language, with 95 % intervals; further to the left is better. "
        f"{'Each teacher is shown in its own languages. ' if apart else ''}The axis does not start at zero.",
        absent="No likelihood is known yet.",
        views=single(figures.scores_by_language(report, series, BITS)),
        series=series,
    )
    distances = Plot(
        name="likelihood-distance",
        title="Dot plot: bits that every model saves against the teachers; the table has the numbers",
        caption=f"D by group and language, with 95 % intervals. The line at 0 is the {teachers_of(report)}; to its "
        "right a model is better than they are.",
        absent="No distance is known: it needs the likelihood of a model and of its teachers.",
        views=single(figures.distances(report, relative, BITS)),
        series=relative,
    )
    score_rows = score_table(
        report,
        BITS.name,
        f"{BITS.caption}. {intervals} The best multilingual model of each row is bold; \N{ALMOST EQUAL TO} marks those "
        "within its noise.",
        series,
        ScoreIndex(report, BITS.task),
    )
    distance_rows = distance_table(
        report,
        f"D, bits per character saved against the {teachers_of(report)}; positive is better. {intervals} {_TAUGHT}",
        measure=BITS,
    )
    difference_rows = difference_table(
        report,
        "Paired differences between models: bits per character that the first saves against the second; bold where "
        "the interval excludes zero.",
        _pairs(report),
        ScoreIndex(report, BITS.task),
    )
    parts: tuple[Part, ...] = (
        *(Paragraph(text) for text in likelihood_words(report)),
        scores,
        NamedTable("likelihood", score_rows),
        *((distances, NamedTable("likelihood-distance", distance_rows)) if apart else ()),
        NamedTable("likelihood-difference", difference_rows),
        Fold(
            "What the tokenizers make of the test text",
            (NamedTable("likelihood-coverage", _coverage_table(report)),),
        ),
    )
    yield Section("likelihood", "Likelihood", "Likelihood: bits per character", parts)


def _pairs(report: Report) -> list[Pair]:
    """The multilingual models with each other, and students with the teachers that D is not measured from."""
    numbers = ScoreIndex(report, BITS.task)
    found = [
        Pair(model.name, teacher.name, f"{model.label} \N{MINUS SIGN} {teacher.label}")
        for teacher in other_teachers(report)
        for model in report.of_role("student")
        if any(numbers.difference(model.name, teacher.name, language.code) for language in report.languages)
    ]
    return [*pairs_of(report, numbers), *found]


def _coverage_table(report: Report) -> Table:
    """One row a language, one column a model: what its tokenizer cannot say, and what it reads otherwise."""
    known = {(each.model, each.language): each for each in report.coverage}
    models = [model for model in report.models if any(name == model.name for name, _ in known)]
    rows = tuple(
        (
            language_cell(report, language),
            *(_coverage_cell(known.get((model.name, language.code))) for model in models),
        )
        for language in report.languages
        if any((model.name, language.code) in known for model in models)
    )
    caption = (
        "What the tokenizers make of the test text: share of the characters in words that they have no tokens for, in "
        "percent; beneath, share of the words that they read otherwise than they are written, in lower case or without "
        "accents: these say less, and are easier to predict."
    )
    return Table(caption, ("Language", *(model.label for model in models)), rows)


def _coverage_cell(coverage: Coverage | None) -> Cell:
    if coverage is None:
        return Cell(decimal(None), values={"": None})
    lacking, altered = 100 * coverage.unexpressed, 100 * coverage.altered
    return Cell(decimal(lacking, 2), f"{decimal(altered)} altered", values={"": lacking, "altered": altered})


def likelihood_words(report: Report) -> tuple[str, ...]:
    """What is measured, and what it says little about; whole sentences."""
    about = (
        "How well a model predicts the test text, whatever its vocabulary: every token is predicted from the rest of "
        "its sentence, with what follows it in its word masked too (PLL-word-l2r, Kauf and Ivanova 2023), and the bits "
        "that this costs are divided by the characters. A word is what stands between spaces, the same for every "
        "model; counted are the words that all models of the language can express."
    )
    named = [f"{report.label_of(name)} ({report.language_name(code)})" for code, name in report.references.items()]
    if named and report.merged is not None:
        about += f" Teachers are {listed(named)}."
    missing = (
        f"In {report.language_name(each.language)} only a part of the text is counted: "
        f"{report.label_of(each.model)} has no tokens for {100 * each.unexpressed:.0f} % of its characters."
        for each in report.coverage
        if each.unexpressed > _LOST
    )
    return (about, *missing, *_rough(report))


def _rough(report: Report) -> tuple[str, ...]:
    """In which languages bits a character say little."""
    lengths: Mapping[str, float] = {each.language: each.word_length for each in report.coverage}
    clauses = [report.language_name(code) for code, length in lengths.items() if length > _LONGEST_WORDS]
    if not clauses:
        return ()
    rough = (
        f"In {listed(clauses)} what stands between spaces is a clause rather than a word, and bits are a rough measure "
        "there: how finely a vocabulary cuts matters more."
    )
    return (rough,)
