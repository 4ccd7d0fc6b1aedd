"""How tokenizers cut the languages of an audit, and how much of their vocabularies each language uses."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import cycle
from math import inf, log10

from equiglot.evaluation.fertility import COUNTS, LanguageSegmentation, Measure, VocabularyUse
from equiglot.report.data import AuditReport, Report
from equiglot.report.format import NONE, count, decimal, interval, listed
from equiglot.report.plotting import Axis, Dot, Figure, Plot, Tick, Trace
from equiglot.report.series import Series
from equiglot.report.tables import Cell, Table

_LOOKS = (("--blue", "circle"), ("--vermilion", "diamond"), ("--green", "square"), ("--purple", "hexagon"),
          ("--amber", "triangle-up"), ("--sky", "circle-open"))  # fmt: skip
_OWN = Series("own", "A vocabulary of its own", "teacher", "var(--teacher)", "cross")
_AXIS = (-0.12, log10(COUNTS[-1]) + 0.12)


def use_plot(report: Report, audit: AuditReport, codes: Sequence[str]) -> Plot:
    """The entries of vocabularies by how often a language has them: a view for each language, those with the least text
    first (paper 3, Figure 3, without its line for whole words).

    A language's own vocabulary is learnt by the algorithm of the first of the models.

    Args:
        report: the run's.
        audit: of that run.
        codes: the languages, as tables have them; those without a known amount of text stay in this order.
    """
    tokenizers = _tokenizers(report, audit)
    looks = zip(tokenizers, cycle(_LOOKS), strict=False)
    series = {label: Series(label, label, "student", f"var({colour})", symbol) for label, (colour, symbol) in looks}
    views = {}
    for code in sorted(codes, key=lambda each: audit.sizes.get(each, inf)):
        found = {label: cut[code] for label, cut in tokenizers.items() if code in cut}
        if found:
            own = next((each.own for each in found.values() if each.own is not None), None)
            lines = [_line(series[label], each.cut.use) for label, each in found.items()]
            views[report.language_name(code)] = _figure([*lines, *([_line(_OWN, own.use)] if own else [])])
    owned = any(each.own is not None for cut in tokenizers.values() for each in cut.values())
    beside = ", beside a vocabulary that is learnt from these sentences alone"
    return Plot(
        name="audit-use",
        title="Line chart: entries of vocabularies by how often a language has them",
        caption="Of the entries of a vocabulary that stand in the labelled sentences of a language at all, the percent "
        f"that stand there at least so often{beside if owned else ''}. A line that falls early is of entries that the "
        "language has seldom. Compare lines of one language: they are of the same sentences, of which languages have "
        "more or fewer. Languages with the least text come first.",
        absent="",
        views=views,
        choice="Language",
        series=(*series.values(), *((_OWN,) if owned else ())),
    )


def _tokenizers(report: Report, audit: AuditReport) -> dict[str, Mapping[str, LanguageSegmentation]]:
    """Labels of the audited models -> how they cut languages; models with the same tokenizer stand together."""
    alike: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for name in (each.model for each in audit.models if audit.cut.get(each.model)):
        uses = tuple((code, each.cut.use.model_dump_json()) for code, each in audit.cut[name].items())
        alike.setdefault(uses, []).append(name)
    return {listed([report.label_of(each) for each in names]): audit.cut[names[0]] for names in alike.values()}


def _figure(lines: Sequence[Trace]) -> Figure:
    ticks = tuple(Tick(log10(times), count(times)) for times in COUNTS)
    x = Axis("times that an entry is found at least, logarithmic", _AXIS, ticks)
    return Figure(height=300, x=x, y=Axis("entries (%)", (-3.0, 103.0)), traces=lines)


def _line(series: Series, use: VocabularyUse) -> Trace:
    dots = [
        Dot(
            log10(times),
            100 * entries / max(1, use.seen),
            f"{count(entries)} of {count(use.seen)} entries stand there {count(times)} times or more",
        )
        for times, entries in _reached(use)
    ]
    return Trace(series.label, dots, series.colour, series.symbol, dash="solid")


def _reached(use: VocabularyUse) -> Iterator[tuple[int, int]]:
    """How often, and how many entries are found at least so often; up to the first that none reaches."""
    for times in COUNTS:
        yield times, use.frequent.get(times, 0)
        if times not in use.frequent:
            return


def language_cell(report: Report, code: str) -> Cell:
    """A language's name, and its code in files."""
    return Cell(report.language_name(code), values={"": report.language_name(code), "code": code})


def cut_table(report: Report, cut: Mapping[str, LanguageSegmentation], codes: Sequence[str]) -> Table:
    """How a model's tokenizer cuts the labelled sentences of each language (paper 3, section 5.2).

    Args:
        report: the run's.
        cut: language -> how it is cut.
        codes: the languages in their order; those that are not cut are left out.
    """
    rows = []
    for code in (code for code in codes if code in cut):
        one, own = cut[code].cut, cut[code].own
        rows.append(
            (
                language_cell(report, code),
                Cell(count(one.sentences), values={"": one.sentences}),
                _measure(one.tokens_a_word),
                Cell(NONE, values={"": None}) if own is None else _measure(own.tokens_a_word),
                Cell(NONE, values={"": None}) if own is None else _measure(own.ratio),
                _measure(one.unknown, 100),
                _measure(one.bare, 100),
                Cell(decimal(100 * one.use.seen_share), values={"": 100 * one.use.seen_share}),
                _measure(one.too_long, 100),
            )
        )
    caption = (
        "How labelled sentences are cut: tokens a word, by the model's vocabulary and by one that is learnt from these "
        "sentences alone (each part is cut by one that was learnt from the others), and how many times as "
        "many; then, in percent, words that are unknown in part, tokens that are a bare space, entries of the "
        "vocabulary in use, and sentences that are longer than the model reads at once. 95 % intervals over sentences."
    )
    columns = ("", "Sentences", "Tokens a word", "Own vocabulary", "Times", "Unknown", "Bare", "In use", "Too long")
    return Table(caption, columns, tuple(rows))


def _measure(each: Measure, factor: float = 1.0) -> Cell:
    value, low, high = (factor * number for number in (each.value, each.low, each.high))
    return Cell(decimal(value, 2), interval(low, high, digits=2), values={"": value, "low": low, "high": high})
