"""Settings that change the page, and nothing that is made before it."""

from pathlib import Path

import pytest

from equiglot.pipeline import Graph
from equiglot.recipe import load_recipe
from tests.recipe.conftest import RECIPE, Refused

PUBLISHED = """\
source: A preprint. 2031.
scale: small
tables: [{table: Table 9, task: mlm, metric: mrr, models: [student], rows: {ko: [30.5]}}]
"""


def test_published_numbers_lie_beside_the_recipe(place: Path) -> None:
    file = place / "small.yaml"
    (place / "theirs.yaml").write_text(PUBLISHED, encoding="utf-8")
    file.write_text(f"{RECIPE}report: {{published: theirs.yaml}}\n", encoding="utf-8")
    assert load_recipe(file).report.published == str(place / "theirs.yaml")
    assert load_recipe(file, ("report.published=paper1-shared",)).report.published == "paper1-shared"
    assert load_recipe(file, (f"report.published={place}/theirs.yaml",)).report.published == f"{place}/theirs.yaml"


def test_a_file_of_published_numbers_that_is_wrong_is_named_with_its_field(place: Path, refused: Refused) -> None:
    (place / "theirs.yaml").write_text(PUBLISHED.replace("mrr", "mmr"), encoding="utf-8")
    error = refused("name: small", "name: small\nreport: {published: theirs.yaml}")
    assert str(error.where).endswith("small.yaml:2, field report.published")
    assert f"{place}/theirs.yaml, field tables.0.metric" in error.what


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("name: small", "name: small\nreport: {published: paper1-shared, title: Small, notes: [One.]}"),
        ("text/en.txt, group: high}", "text/en.txt, group: large, wikipedia: 14}"),
    ],
)
def test_no_job_changes(place: Path, old: str, new: str) -> None:
    file = place / "small.yaml"
    before = Graph(load_recipe(file)).jobs
    file.write_text(RECIPE.replace(old, new), encoding="utf-8")
    after = Graph(load_recipe(file)).jobs
    assert {name: job.fingerprint for name, job in after.items()} == {
        name: job.fingerprint for name, job in before.items()
    }
