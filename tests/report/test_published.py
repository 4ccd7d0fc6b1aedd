"""What is stated of publications: as printed, and every contradiction in them is marked."""

from collections.abc import Callable
from importlib import resources
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
import yaml

from equiglot.errors import InputError
from equiglot.evaluation import IN_LANGUAGE, ZERO_SHOT, group_language
from equiglot.report.published import published_names, read_published

PAPER_1 = ("paper1-shared", "paper1-diverse")
OF_GROUPS = {"Table 3a": "Table 6", "Table 3b": "Table 7", "Table 2": "Table 2"}
"""A table of groups, and the one whose numbers its own are means of."""


def _tables(name: str) -> dict[str, Any]:
    text = (resources.files("equiglot.report") / "published" / f"{name}.yaml").read_text(encoding="utf-8")
    return {table["table"]: table for table in yaml.safe_load(text)["tables"]}


def _rounding(printed: float | str) -> float:
    """By how much a number can differ from the one that was rounded to it."""
    return 0.5 if isinstance(printed, int) else 0.05


def _value(printed: float | str) -> float:
    return float(str(printed).split("±")[0])


@pytest.mark.parametrize("name", PAPER_1)
def test_all_means_follow_from_their_parts_but_those_in_doubt(name: str) -> None:
    published, tables = read_published(name), _tables(name)
    doubted = {(each.table, each.language, each.model, each.source) for each in published.numbers if each.doubt}
    wrong = set()
    for whole, parts in OF_GROUPS.items():
        rows = tables[parts]["rows"]
        for row, cells in tables[whole]["rows"].items():
            if row in ("low", "high") and whole == parts:
                continue
            codes = published.groups.get(row, (row,))
            shares = {code: code if code in rows else next(g for g in ("low", "high") if code in published.groups[g])
                      for code in codes}  # fmt: skip
            for place, cell in enumerate(cells):
                known = [rows[shares[code]][place] for code in codes]
                room = _rounding(cell) + fmean(map(_rounding, known)) + 1e-9
                if abs(_value(cell) - fmean(map(_value, known))) > room:
                    sources = tables[whole].get("sources", [None])
                    model, source = divmod(place, len(sources))
                    language = group_language(row) if row in published.groups else row
                    wrong.add((whole, language, tables[whole]["models"][model], sources[source]))
    assert wrong <= doubted
    assert wrong == (
        {("Table 2", "group:all", "student", None), ("Table 3b", "de", "student", ZERO_SHOT)}
        if name == "paper1-shared"
        else set()
    )


@pytest.mark.parametrize("name", PAPER_1)
def test_paper_1_is_complete(name: str) -> None:
    published = read_published(name)
    assert len(published.numbers) == len({each.model_dump_json() for each in published.numbers}) == 144
    assert {each.model for each in published.numbers} == {"hl", "hl-balanced", "student"}
    assert [len(published.groups[group]) for group in ("low", "high", "all")] == [4, 3, 7]
    spread = {each.table for each in published.numbers if each.deviation is not None}
    assert spread == {"Table 6", "Table 7"}
    assert {each.source for each in published.numbers if each.task != "mlm"} == {IN_LANGUAGE, ZERO_SHOT}


def test_numbers_are_as_printed() -> None:
    shared, diverse = ({(n.table, n.language, n.model, n.source): n for n in read_published(name).numbers}
                       for name in PAPER_1)  # fmt: skip
    assert diverse["Table 6", "te", "hl", IN_LANGUAGE].value == 25.1
    assert diverse["Table 6", "te", "hl", IN_LANGUAGE].deviation == 9.9
    assert diverse["Table 5", "de", "hl-balanced", None].value == -12
    assert shared["Table 2", "group:low", "hl-balanced", None].value == 0.3
    # The paper's text: German's D is 0.4 and 0.9 points better in diverse script, HL balanced's 2.8 points worse.
    apart = {model: diverse["Table 5", "de", model, None].value - shared["Table 5", "de", model, None].value
             for model in ("hl", "student", "hl-balanced")}  # fmt: skip
    assert apart == pytest.approx({"hl": 0.4, "student": 0.9, "hl-balanced": -2.8})


FILE = """
source: A preprint. 2031.
scale: small
groups: {low: [eu, cy]}
tables:
  - table: Table 9
    task: pos
    metric: accuracy
    models: [student, hl]
    sources: [in-language, cy]
    rows:
      low: [61.5 ± 0.3, 30, −2.5, null]
      kk: [1, 2, 3, 4]
    doubts: [{row: low, model: hl, source: in-language, says: negative}]
"""

WRONG: list[tuple[Callable[[str], str], str, str]] = [
    (lambda text: text.replace("source: A preprint. 2031.", ""), "Field required", ", field source"),
    (lambda text: text.replace("metric: accuracy", "metric: acuracy"), "Input should be", "field tables.0.metric"),
    (lambda text: text.replace("61.5 ± 0.3", "61,5"), "row low has 5 numbers", "field tables.0"),
    (lambda text: text.replace("61.5 ± 0.3", "61.5 +- 0.3"), "'61.5 +- 0.3' in row low", "field tables.0"),
    (lambda text: text.replace("61.5 ± 0.3", ".nan"), "finite", "field tables.0.rows.low.0"),
    (lambda text: text.replace("kk: [", "kazakh: ["), "'kazakh' is neither a language code", ".yaml"),
    (lambda text: text.replace("model: hl,", "model: h1,"), "no number (low, h1, in-language) to doubt", "tables.0"),
    (lambda text: text.replace("    rows:", "    row:"), "Field required", "field tables.0.rows"),
    (lambda text: text.replace("[student, hl]", "[student, hl"), "no YAML", ".yaml"),
    (lambda text: "- 1", "mapping", ".yaml"),
]


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(FILE, encoding="utf-8-sig")
    numbers = read_published(str(path)).numbers
    low = [(each.model, each.source, each.value, each.deviation) for each in numbers if each.language == "group:low"]
    assert low == [
        ("student", IN_LANGUAGE, 61.5, 0.3), ("student", "cy", 30, None), ("hl", IN_LANGUAGE, -2.5, None)
    ]  # fmt: skip
    assert [each.doubt for each in numbers] == ["", "", "negative", "", "", "", ""]


@pytest.mark.parametrize(("change", "said", "where"), WRONG)
def test_what_is_wrong_with_a_file_is_said(change: Callable[[str], str], said: str, where: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(change(FILE), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_published(str(path))
    assert said in caught.value.what and str(path) in str(caught.value.where) and where in str(caught.value.where)
    assert "_File" not in caught.value.what and "_Table" not in caught.value.what


def test_the_names_of_what_there_is_are_named() -> None:
    assert set(PAPER_1) <= set(published_names())
    with pytest.raises(InputError) as caught:
        read_published("paper1-shard")
    assert all(name in str(caught.value.fix) for name in PAPER_1)
