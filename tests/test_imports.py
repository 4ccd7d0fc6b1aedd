"""What packages export is imported when it is first used: all of it is there, and settings do not wait for torch."""

import importlib
import subprocess
import sys

import pytest

PACKAGES = ("vocabulary", "masking", "models", "objectives", "labels", "training")


@pytest.mark.parametrize("name", PACKAGES)
def test_all_that_is_exported_is_there(name: str) -> None:
    package = importlib.import_module(f"equiglot.{name}")
    assert package.__all__
    for each in package.__all__:
        assert getattr(package, each) is not None
    with pytest.raises(AttributeError):
        _ = package.nothing


def test_recipes_are_read_without_torch() -> None:
    program = "import sys; from equiglot.recipe import load_recipe, recipe_schema; recipe_schema(); "
    program += "print([name for name in ('torch', 'transformers', 'tokenizers') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
