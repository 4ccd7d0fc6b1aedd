"""What packages export is imported when it is first used: all of it is there, and who looks does not wait for torch."""

import importlib
import subprocess
import sys

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
    program += f"\nimport sys; print(*[name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


def test_recipes_are_read_without_torch() -> None:
    assert not loaded("from equiglot.recipe import load_recipe, recipe_schema; recipe_schema()")


def test_what_leads_a_run_and_what_shows_one_need_no_model() -> None:
    """Its workers load what models need; the command that begins, watches and publishes jobs does not wait for that."""
    everything = "for package in (pipeline, display, report): [getattr(package, name) for name in package.__all__]"
    assert not loaded(f"from equiglot import display, pipeline, report\n{everything}")
