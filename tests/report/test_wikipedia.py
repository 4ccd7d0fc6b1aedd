"""Figure 2 of paper 1: the texts' sizes against the Wikipedias'."""

import pytest

from equiglot.report import Language, Report, Size, plots_of, render
from equiglot.report.background import wikipedia_figure, wikipedia_fit
from equiglot.report.writing import to_svg

# Paper 1, Table 1, millions of characters; Wu and Dredze (2020), Table 1, WikiSize.
TABLES = {"en": (100, 14), "de": (100, 12), "es": (50, 12), "hu": (30, 10), "vi": (20, 9), "tr": (10, 9), "eu": (10, 7)}


def _report(tables: dict[str, tuple[int, float | None]]) -> Report:
    return Report(
        name="",
        languages=tuple(
            Language(code=code, name=f"<{code}>", wikipedia=size, train=Size(characters=millions * 10**6, sentences=10))
            for code, (millions, size) in tables.items()
        ),
    )


def test_the_line_is_the_one_of_least_squares() -> None:
    fit = wikipedia_fit(_report(dict(TABLES)))
    assert fit is not None and len(fit.points) == 7
    # Without scipy.
    xs, ys = zip(*((size, millions * 1e6) for millions, size in TABLES.values()), strict=True)
    mean_x, mean_y = sum(xs) / 7, sum(ys) / 7
    covariance = sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True))
    variances = sum((x - mean_x) ** 2 for x in xs), sum((y - mean_y) ** 2 for y in ys)
    assert fit.slope == pytest.approx(covariance / variances[0])
    assert fit.intercept == pytest.approx(mean_y - fit.slope * mean_x)
    assert fit.r == pytest.approx(covariance / (variances[0] * variances[1]) ** 0.5)
    assert fit.words == (
        "Each doubling of a Wikipedia goes with 14.9 M characters more here (least squares over 7 languages, r = 0.89)."
    )


def test_the_figure_has_every_language_and_the_line() -> None:
    fit = wikipedia_fit(_report(dict(TABLES)))
    assert fit is not None
    figure = wikipedia_figure(fit)
    line, *points = figure.traces
    assert [point.dots[0][:2] for point in points] == [(size, n * 10**6) for n, size in TABLES.values()]
    assert points[0].name == "<en>"
    assert line.dots[1].y - line.dots[0].y == pytest.approx(fit.slope * (14 - 7))
    assert [tick.text for tick in figure.y.ticks] == ["0", "20 M", "40 M", "60 M", "80 M", "100 M"]
    assert "&lt;en&gt;" in to_svg(figure, (), "title")


@pytest.mark.parametrize(
    "tables",
    [
        {"en": (100, 14), "de": (100, 12)},
        {"en": (100, 14), "de": (100, None), "es": (50, 12)},
        {"en": (100, 12), "de": (100, 12), "es": (50, 12)},
    ],
    ids=["two", "two are stated", "no two differ"],
)
def test_too_little_has_no_line(tables: dict[str, tuple[int, float | None]]) -> None:
    assert wikipedia_fit(_report(tables)) is None
    assert "wikipedia" not in [plot.name for plot in plots_of(_report(tables))]


def test_it_stands_on_the_page() -> None:
    assert 'id="wikipedia-plot"' in render(_report(dict(TABLES)))
    assert 'id="wikipedia-plot"' not in render(_report({"en": (100, 14)}))
