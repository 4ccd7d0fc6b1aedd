"""Models that treat letters differently are refused before anything is made of them."""

from pathlib import Path
from typing import Any

import pytest

from equiglot.errors import InputError
from equiglot.pipeline import Machine, plan_recipe, run_recipe
from equiglot.recipe import parse_recipe
from tests.pipeline.merging import merge_tree, teachers_tree
from tests.stock import save_stock

_DIFFER = "The models do not treat text alike; capital letters"


@pytest.fixture
def tree(text_files: Path, tmp_path: Path) -> dict[str, Any]:
    """Four models that are there, one of them uncased, and a student."""
    for name in ("english", "bilingual", "arabic"):
        save_stock(tmp_path / "models" / name, "roberta")
    save_stock(tmp_path / "models" / "russian", "bert")
    return merge_tree(text_files, tmp_path)


def test_existing_models_of_different_casing(tree: dict[str, Any], text_files: Path, tmp_path: Path) -> None:
    recipe, into = parse_recipe(tree, text_files), tmp_path / "run"
    with pytest.raises(InputError, match=_DIFFER) as caught:
        run_recipe(recipe, into, machine=Machine())
    assert "vocabulary.rules" in str(caught.value.fix)
    assert not (into / "corpus").exists() and not (into / "jobs").exists(), "before any text is read"
    with pytest.raises(InputError, match=_DIFFER):
        plan_recipe(recipe, None, Machine())


def test_models_to_be_trained_of_different_casing(text_files: Path) -> None:
    tree = teachers_tree(text_files)
    tree["vocabulary"] = {"kind": "union"}
    tree["models"]["student"] = {"labels": {"kind": "stored", "teachers": {"en": "english", "ru": "russian"}}}
    tree["models"]["student"]["languages"] = ["en", "ru"]
    tree["models"]["russian"]["vocabulary"]["lowercase"] = True
    with pytest.raises(InputError, match=f"{_DIFFER}: .* to english and .* to russian"):
        plan_recipe(parse_recipe(tree, text_files), None, Machine())
