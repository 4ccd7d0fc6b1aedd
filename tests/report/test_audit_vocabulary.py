"""Figure 3 of paper 3: how languages use vocabularies, on an audit's page."""

from math import log10

import pytest

from equiglot.evaluation import AuditedModel, Bootstrap, LanguageSegmentation, measure_segmentation, own_vocabulary
from equiglot.report import AuditReport, Language, Model, Report, render
from equiglot.report.audit_vocabulary import use_plot
from tests.articles import ARTICLE
from tests.stock import train_tokenizer

CODES = ("en", "ru", "ko")
BOOTSTRAP = Bootstrap(100, 0)


def _cut(kind: str, code: str, repeats: int) -> LanguageSegmentation:
    words = ARTICLE[code].split()
    lines = [" ".join(words[: 1 + at % (1 + at % len(words))]) for at in range(repeats)]  # the last words are rare
    tokenizer = train_tokenizer(kind)
    cut = measure_segmentation(tokenizer, lines, code, max_tokens=38, bootstrap=BOOTSTRAP)
    return LanguageSegmentation(cut=cut, own=own_vocabulary(tokenizer, lines, code, size=400, bootstrap=BOOTSTRAP))


@pytest.fixture(scope="module")
def report() -> Report:
    """Three models, two of which have the same tokenizer; one language without text enough for its own vocabulary."""
    wordpiece, unigram = (
        {code: _cut(kind, code, 40 if code == "ko" else 120) for code in CODES} for kind in ("wordpiece", "unigram")
    )
    models = {"small": wordpiece, "large": wordpiece, "other": unigram}
    return Report(
        name="audit",
        languages=tuple(Language(code=code, name=code.upper()) for code in CODES),
        models=tuple(Model(name=name, role="reference", label=name.title(), languages=CODES) for name in models),
        audit=AuditReport(
            models=tuple(AuditedModel(name, {}) for name in models), cut=models, sizes={"ru": 7.0, "en": 14.0}
        ),
    )


def test_a_line_for_each_tokenizer_and_one_for_the_languages_own(report: Report) -> None:
    assert report.audit is not None
    plot = use_plot(report, report.audit, CODES)
    assert list(plot.views) == ["RU", "EN", "KO"]  # the least text first; of Korean it is not known
    assert [each.label for each in plot.series] == ["Small and Large", "Other", "A vocabulary of its own"]
    assert len({(each.colour, each.symbol) for each in plot.series}) == 3
    for name, lines in (("EN", 3), ("KO", 2)):
        assert [each.name for each in plot.views[name].traces] == [each.label for each in plot.series][:lines]


def test_lines_say_how_many_entries_are_found_so_often(report: Report) -> None:
    assert report.audit is not None
    line = use_plot(report, report.audit, CODES).views["EN"].traces[0]
    use = report.audit.cut["small"]["en"].cut.use
    shares = {round(10**dot.x): dot.y for dot in line.dots}
    assert line.dots[0].x == 0 and shares[1] == 100
    assert shares[50] == pytest.approx(100 * use.frequent[50] / use.seen) and 0 < shares[50] < 100
    assert line.dots[-1].y == 0 and log10(1000) >= line.dots[-1].x  # the first that none reaches ends it
    heights = [dot.y for dot in line.dots]
    assert heights == sorted(heights, reverse=True)
    assert line.dots[5].said == f"{use.frequent[50]} of {use.seen} entries stand there 50 times or more"


def test_the_figure_stands_on_the_page(report: Report) -> None:
    page = render(report)
    assert "How languages use the vocabulary" in page and 'id="audit-use-plot"' in page
    assert "beside a vocabulary that is learnt from these sentences alone" in page
