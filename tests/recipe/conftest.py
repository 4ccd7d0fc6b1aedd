"""Recipes in files, with the text that they name."""

from collections.abc import Callable
from pathlib import Path

import pytest

from equiglot.errors import InputError
from equiglot.recipe import load_recipe
from tests.articles import ARTICLE

RECIPE = """\
name: small
languages:
  en: {text: text/en.txt, group: high}
  ru:
    text:
      - text/ru.txt
  ko: {text: text/ko.txt, group: low}
encoder: {layers: 2, max_length: 64}
training:
  epochs: 4
  batch: {sentences: 8}
models:
  mono-{language}: {languages: each}
  hl: {}
  v1.5:
    balance: truncate
    encoder: {layers: 1}
  student:
    labels: {kind: soft, teachers: "mono-{language}"}
"""

Refused = Callable[..., InputError]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with text/<language>.txt and small.yaml."""
    (tmp_path / "text").mkdir()
    for language in ("en", "ru", "ko"):
        (tmp_path / "text" / f"{language}.txt").write_text(ARTICLE[language] + "\n", encoding="utf-8")
    (tmp_path / "small.yaml").write_text(RECIPE, encoding="utf-8")
    return tmp_path


@pytest.fixture
def refused(place: Path) -> Refused:
    """Loads small.yaml with one text replaced by another, or with `overrides`; returns the error."""

    def load(old: str = "", new: str = "", overrides: tuple[str, ...] = ()) -> InputError:
        assert RECIPE.count(old) == 1 or not old
        file = place / "small.yaml"
        file.write_text(RECIPE.replace(old, new) if old else RECIPE, encoding="utf-8")
        with pytest.raises(InputError) as caught:
            load_recipe(file, overrides)
        assert caught.value.what and caught.value.where and caught.value.fix, str(caught.value)
        return caught.value

    return load
