import re
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from equiglot.report import Report, plots_of, write_figures
from equiglot.report.drawing import on_page
from equiglot.report.labels import text_width
from equiglot.report.plotting import Axis, Figure, HeatCell, HeatMap, Plot, Tick
from equiglot.report.writing import to_svg

SVG = "{http://www.w3.org/2000/svg}"


def _plot(report: Report, name: str) -> Plot:
    return next(plot for plot in plots_of(report) if plot.name == name)


def _drawn(report: Report, name: str) -> str:
    plot = _plot(report, name)
    return to_svg(next(iter(plot.views.values())), plot.series, plot.title)


def _texts(svg: str) -> set[str]:
    lines = (element for element in ElementTree.fromstring(svg).iter() if element.tag in (f"{SVG}text", f"{SVG}tspan"))
    return {line.text or "" for line in lines}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("trade-off", {"Student", "Monolingual teachers", "mean MRR, high-resource languages (%)", "(6.5, 5.2)"}),
        ("scores", {"Student", "HL balanced", "Low-resource", "Greek", "MRR (%)"}),
        ("distance", {"monolingual teachers", "Basque", "D (points of MRR)"}),
        ("learning", {"Student", "update", "validation MRR, mean over languages (%)"}),
        ("loss", {"Turkish", "nats per masked position"}),
    ],
)
def test_figures_say_what_the_page_says(synthetic: Report, name: str, words: set[str]) -> None:
    assert words <= _texts(_drawn(synthetic, name))


def test_a_heat_map_has_its_numbers_colours_and_frames(probed: Report) -> None:
    views = _plot(probed, "pos-transfer").views
    svg = to_svg(views["Student, half gold"], (), "")
    assert {"78.3", "82.8", "English (en)", "el", "trained on", "tested on"} <= _texts(svg)
    assert "#5fb0cf" in svg  # the largest number of all models has the end of the scale
    assert "#5fb0cf" not in to_svg(views["HL"], (), "")
    assert svg.count('class="frame" style="fill:none;stroke:#1d1f22') == 3


def test_equal_figures_are_equal_bytes(synthetic: Report, tmp_path: Path) -> None:
    for folder in ("one", "two"):
        write_figures(plots_of(synthetic)[:3], tmp_path / folder)
    files = sorted((tmp_path / "one").iterdir())
    assert [path.name for path in files] == ["distance.svg", "scores.svg", "trade-off.svg"]
    for path in files:
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()
        assert "date" not in path.read_text(encoding="utf-8").lower()


def test_names_in_any_script_and_with_any_sign_are_text(synthetic: Report, recwarn: Any) -> None:
    names = ("हिन्दी", "తెలుగు", "한국어", "عربي", "$x_1$ <b>&")
    languages = tuple(
        language.model_copy(update={"name": name}) for language, name in zip(synthetic.languages, names, strict=True)
    )
    found = _texts(_drawn(synthetic.model_copy(update={"languages": languages}), "scores"))
    assert set(names) <= found
    assert not list(recwarn)


def test_every_model_has_its_colour_of_the_page_and_every_score_a_place(synthetic: Report) -> None:
    svg = _drawn(synthetic, "scores")
    colours = {"#0067b1", "#c24100", "#007a59", "#3b3f45"}  # blue, vermilion, green, teachers
    assert colours <= set(re.findall("#[0-9a-f]{6}", svg))
    markers = [place for place in ElementTree.fromstring(svg).iter(f"{SVG}svg") if place.find(f"{SVG}path") is not None]
    student = [place for place in markers if "#0067b1" in str(place[0].get("style"))]
    assert len(student) == 1 + 8  # the key; three groups, five languages
    heights = [float(place.get("y", "")) for place in student[1:]]
    assert heights == sorted(heights)


def test_dashes_are_kept(synthetic: Report) -> None:
    plot = _plot(synthetic, "loss")
    view = next(name for name in plot.views if name.startswith("HL "))
    assert to_svg(plot.views[view], (), "").count("stroke-dasharray") == 3  # the low-resource languages


def test_names_that_look_like_colours_or_have_breaks_are_text(synthetic: Report) -> None:
    names = ("var(--blue)", "color-mix(in srgb, #fff 1%, #000)", "a\nb", "\u2028c", "d")
    languages = tuple(
        language.model_copy(update={"name": name}) for language, name in zip(synthetic.languages, names, strict=True)
    )
    found = _texts(_drawn(synthetic.model_copy(update={"languages": languages}), "scores"))
    assert {"var(--blue)", "color-mix(in srgb\N{HORIZONTAL ELLIPSIS}", "a b", "c", "d"} <= found


def test_a_paper_s_figure_has_no_unit_that_only_a_browser_knows(probed: Report) -> None:
    for plot in plots_of(probed):
        for figure in plot.views.values():
            svg = to_svg(figure, plot.series, "")
            for element in ElementTree.fromstring(svg).iter():
                assert not {"dx", "dy"} & set(element.attrib)
                assert not re.search(r"%|em\b|var\(|rgba|color-mix", " ".join(element.attrib.values()))


def test_a_long_key_is_broken_into_lines_that_fit(synthetic: Report) -> None:
    plot = _plot(synthetic, "scores")
    series = [replace(entry, label=f"{entry.label}, with a long name") for entry in plot.series] * 3
    root = ElementTree.fromstring(to_svg(next(iter(plot.views.values())), series, ""))
    (key,) = [group for group in root.iter(f"{SVG}g") if "transform" in group.attrib]
    texts = list(key.iter(f"{SVG}text"))
    assert [text.text for text in texts] == [entry.label for entry in series]
    ends = [float(text.get("x", "")) + 14 * text_width(text.text or "") for text in texts]
    assert max(ends) <= 825 and len({text.get("y") for text in texts}) > 2


@pytest.mark.parametrize(("text", "ems"), [("", 0), ("한국어", 3), ("abc", 1.71), ("e\u0301", 0.57)])
def test_east_asian_signs_are_wide_and_marks_take_no_room(text: str, ems: float) -> None:
    assert text_width(text) == pytest.approx(ems)


def test_a_wide_heat_map_has_rounded_numbers_for_narrow_screens_alone() -> None:
    for columns in (8, 9):
        cells = [HeatCell(column, 0, 20.7 + column, f"{20.7 + column:.1f}", "") for column in range(columns)]
        x = Axis("tested on", (-0.5, columns - 0.5), tuple(Tick(column, "x") for column in range(columns)))
        figure = Figure(36, x, Axis("", (0.5, -0.5), (Tick(0, "y"),)), heat=HeatMap("", cells, (20.7, 30.0)))
        page = on_page(Plot("map", "", "", "", {"": figure}))
        rounded = re.findall('class="coarse">([^<]+)<', page)
        assert rounded == ([] if columns == 8 else [str(21 + column) for column in range(9)])
        assert page.count('class="fine"') == len(rounded) and ">27.7<" in page
        assert 'class="coarse"' not in to_svg(figure, (), "")
