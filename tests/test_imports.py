"""What packages export is imported when it is first used: all of it is there, and who looks does not wait for torch."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

PACKAGES = sorted(stub.parent.name for stub in (ROOT / "equiglot").glob("*/__init__.pyi"))
HEAVY = ("torch", "transformers", "sklearn")


@pytest.mark.parametrize("name", PACKAGES)
def test_all_that_is_exported_is_there(name: str) -> None:
    package = importlib.import_module(f"equiglot.{name}")
    assert package.__all__
    for each in package.__all__:
        assert getattr(package, each) is not None
    with pytest.raises(AttributeError):
        _ = package.nothing


def loaded(program: str) -> set[str]:
    """The heavy libraries that a program loads."""
    program += f"; import sys; print(*[name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


def test_recipes_are_read_without_torch() -> None:
    assert not loaded("from equiglot.recipe import load_recipe, recipe_schema; recipe_schema()")


def test_the_state_of_a_run_is_shown_without_torch(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "recipe.yaml").write_text((ROOT / "equiglot/recipe/library/demo.yaml").read_text())
    program = f"import sys; sys.argv = ['equiglot', 'status', {str(folder)!r}]; from equiglot.cli import app"
    assert not loaded(f"{program}; app(standalone_mode=False)")


def test_a_run_is_led_without_transformers() -> None:
    """Its workers load them; the command that begins, watches and publishes jobs need not wait for that."""
    assert "transformers" not in loaded("from equiglot.pipeline import pool_on, run_recipe; import equiglot.display")
