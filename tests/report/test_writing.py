import csv
import io
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from equiglot.report import Report, render, tables_of, write_figures, write_report, write_tables
from equiglot.report.page import plots_of
from equiglot.report.tables import Cell, Table
from equiglot.report.writing import csv_text, latex_text, markdown_line, markdown_text

NAMES = ["हिन्दी", "తెలుగు", "한국어", "عربي", 'a "b", c', "50 % & $x_1$ # {a} ~^\\", "a|b", "*b* _c_ `d` <i>", "[x](y)"]


def _rows(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


def _named(name: str) -> Table:
    return Table(name, ("", name), ((Cell(name, name), Cell("1.0", "[0.5, 1.5]", "best", {"": 1.0, "low": 0.5})),))


def test_csv_has_numbers_in_full_and_the_ends_of_intervals_in_columns(synthetic: Report) -> None:
    head, *rows = _rows(csv_text(tables_of(synthetic)["mrr"]))
    assert head[:3] == ["Language", "Language code", "Language group"]
    at = head.index("Student")
    assert head[at : at + 3] == ["Student", "Student low", "Student high"]
    found = {row[1]: tuple(map(float, row[at : at + 3])) for row in rows}
    assert found["el"] == (37.8, 37.1, 38.5)
    # The mean of a group is not rounded to what the page shows.
    assert found["group:low"][0] == pytest.approx((43.4 + 41.1 + 37.8) / 3, abs=1e-4)


def test_csv_of_facts_has_no_units_in_its_cells(synthetic: Report) -> None:
    head, *rows = _rows(csv_text(tables_of(synthetic)["data"]))
    english = dict(zip(head, rows[0], strict=True))
    assert english["Language code"] == "en" and english["train characters"] == "1500000"
    head, *rows = _rows(csv_text(tables_of(synthetic)["models"]))
    models = {row[0]: dict(zip(head, row, strict=True)) for row in rows}
    assert models["HL"]["Updates best"] == "8700" and models["HL"]["Time s"] == "411.0"
    assert models["Frequency ranking"]["Parameters"] == ""


@pytest.mark.parametrize("name", NAMES)
def test_names_come_through_csv_and_markdown(name: str) -> None:
    head, row = _rows(csv_text(_named(name)))
    assert head == ["Language", name, f"{name} low"] and row == [name, "1.0", "0.5"]
    tokens = MarkdownIt("commonmark").enable("table").parse(markdown_text(_named(name)))
    cells = ["".join(part.content for part in token.children or ()) for token in tokens if token.type == "inline"]
    assert cells == [name, "", name, f"{name} {name}", "1.0 [0.5, 1.5]"]


@given(st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=1, max_size=30))
def test_any_text_is_text_in_markdown(text: str) -> None:
    page = MarkdownIt("commonmark").enable("table").render(f"x {markdown_line(text)}")
    assert "<" not in re.sub(r"^<p>|</p>\n$", "", page)


@pytest.mark.parametrize("name", NAMES)
def test_names_are_no_commands_in_latex(name: str) -> None:
    text = latex_text(_named(name), "x")
    body = text[text.index(r"\midrule") :]
    assert not re.search(r"(?<!\\)[%#_]", text.split("\n", 1)[1])
    assert text.count("{") - text.count(r"\{") == text.count("}") - text.count(r"\}")
    line = next(line for line in body.splitlines() if r"\textbf{1.0}" in line)
    assert len(re.findall(r"(?<!\\)&", line)) == 1 and line.endswith(r"\\")
    assert not line.startswith(("[", "*"))


def test_quotation_marks_need_no_other_encoding_of_fonts() -> None:
    assert "say ''no''" in latex_text(_named('say "no"'), "x")


def test_latex_of_scores(synthetic: Report) -> None:
    lines = latex_text(tables_of(synthetic)["distance"], "distance").splitlines()
    assert r"\begin{tabular}{lrrrr}" in lines and r"\label{tab:distance}" in lines
    (greek,) = [line for line in lines if line.startswith("Greek")]
    assert r"$-$5.9 {\scriptsize {}[$-$6.5, $-$5.3]}" in greek
    assert lines.count(r"\midrule") == 2  # under the head, and under the means


def test_every_link_of_the_page_leads_to_a_file(synthetic: Report, tmp_path: Path) -> None:
    plots = plots_of(synthetic)
    write_tables(tables_of(synthetic), tmp_path / "tables")
    write_figures(plots, tmp_path / "figures")
    write_report(synthetic, tmp_path / "index.html")
    links = set(re.findall(r'href="((?:tables|figures)/[^"]+)"', (tmp_path / "index.html").read_text()))
    links |= {f"figures/{file}.svg" for plot in plots for file in plot.files.values()}
    assert links == {
        str(path.relative_to(tmp_path)) for name in ("tables", "figures") for path in (tmp_path / name).iterdir()
    }


def test_what_is_no_longer_there_has_no_file(synthetic: Report, tmp_path: Path) -> None:
    write_tables(tables_of(synthetic), tmp_path)
    assert (tmp_path / "mrr.csv").is_file()
    write_tables(tables_of(synthetic.model_copy(update={"scores": ()})), tmp_path)
    assert {path.stem for path in tmp_path.iterdir()} == {"data", "cleaning", "portion", "vocabulary", "models"}


def test_views_of_like_names_have_files_of_their_own(synthetic: Report) -> None:
    languages = tuple(
        language.model_copy(update={"name": name})
        for language, name in zip(synthetic.languages, ("A b", "a-B", "a b!", "../x", "한국어"), strict=True)
    )
    report = synthetic.model_copy(update={"languages": languages})
    files = next(plot for plot in plots_of(report) if plot.name == "learning").files
    assert len(set(files.values())) == 6
    assert {"learning-a-b", "learning-a-b-", "learning-a-b--", "learning-x", "learning-한국어"} < set(files.values())
    assert 'value="learning-한국어"' in render(report)
