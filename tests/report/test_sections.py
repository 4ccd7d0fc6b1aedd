"""A topic is a function that gives sections: page, contents and files follow from it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from equiglot.report import Report, page, render, tables_of, write_tables
from equiglot.report.plotting import Plot
from equiglot.report.sections import Fold, NamedTable, Notes, Paragraph, Section, every_part
from equiglot.report.tables import Cell, Table


def _weather(report: Report) -> Iterator[Section]:
    table = Table(
        "Rain by language.", ("Language", "mm"), ((Cell(report.languages[0].name), Cell("3", values={"": 3})),)
    )
    empty = Table("Snow by language.", ("Language", "cm"), ())
    parts = (
        Paragraph("Measured <at noon>."),
        Notes.of({"English & co": "It rains."}),
        NamedTable("rain", table),
        Fold("Snow", (NamedTable("snow", empty),)),
    )
    yield Section("weather", "Weather", "The weather", parts)


def test_a_new_topic_is_a_function_and_an_entry(
    synthetic: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "TOPICS", (*page.TOPICS, _weather))
    text = render(synthetic)
    assert '<li><a href="#weather">Weather</a></li>' in text and '<h2 id="weather-title">The weather</h2>' in text
    assert "<p>Measured &lt;at noon&gt;.</p>" in text and "<bdi>English &amp; co.</bdi></strong> It rains." in text
    assert "Rain by language." in text and 'href="tables/rain.csv"' in text
    assert "Snow" not in text  # a table without rows, and a fold with nothing else in it
    write_tables(tables_of(synthetic), tmp_path / "tables")
    assert (tmp_path / "tables" / "rain.csv").read_text(encoding="utf-8") == "Language,mm\nEnglish,3\n"
    assert not (tmp_path / "tables" / "snow.csv").exists()


def test_no_two_tables_or_figures_have_one_name(probed: Report) -> None:
    parts = list(every_part(page.sections_of(probed)))
    tables = [part.name for part in parts if isinstance(part, NamedTable)]
    figures = [part.name for part in parts if isinstance(part, Plot)]
    assert all(tables) and len(tables) == len(set(tables)) == len(tables_of(probed))
    assert all(figures) and len(figures) == len(set(figures))
