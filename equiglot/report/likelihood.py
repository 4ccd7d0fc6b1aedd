"""Likelihood on the page: bits per character, which compare models whatever their vocabularies."""

from collections.abc import Iterator, Mapping

from equiglot.evaluation import Coverage
from equiglot.report import figures
from equiglot.report.data import Report
from equiglot.report.format import decimal, listed
from equiglot.report.measures import BITS, is_measured, measures_distance, teachers_of
from equiglot.report.plots import Plot, single
from equiglot.report.score_index import ScoreIndex
from equiglot.report.sections import Fold, NamedTable, Paragraph, Part, Section
from equiglot.report.series import likelihood_series, multilingual_series, other_teachers
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
        f"D, bits per character saved against the {teachers_of(report)}; positive is better. {intervals} Means are "
        "over the languages that have a teacher.",
        measure=BITS,
    )
    difference_rows = difference_table(
        report,
        "Paired differences between models: bits per character that the first saves against the second; bold where "
        "the interval excludes zero.",
        _pairs(report),
        BITS,
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
