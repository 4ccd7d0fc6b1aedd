"""The command line: exit codes, one message, nothing written that should not be."""

import copy
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from equiglot.cli import main
from equiglot.recipe import builtin_recipes
from tests.pipeline.conftest import TREE

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Call:
    """Calls the program in an empty folder; exit code, output, errors."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def called(*arguments: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["equiglot", *map(str, arguments)])
        capsys.readouterr()
        code: object = 0
        try:
            main()
        except SystemExit as end:
            code = end.code
        out, err = capsys.readouterr()
        return int(str(code or 0)), out, err

    return called


@pytest.fixture
def recipe(text_files: Path, tmp_path: Path) -> Path:
    tree = copy.deepcopy(TREE)
    for language in tree["languages"].values():
        language["text"] = str(text_files / language["text"])
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(tree, sort_keys=False))
    return path


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_recipes(call: Call) -> None:
    code, out, _ = call("recipes")
    assert code == 0
    assert all(name in out for name in builtin_recipes())


def test_schema(call: Call) -> None:
    code, out, _ = call("schema")
    assert code == 0
    assert json.loads(out)["title"] == "Recipe"


def test_plan_trains_and_writes_nothing(call: Call, recipe: Path, tmp_path: Path) -> None:
    before = files(tmp_path)
    code, out, err = call("plan", recipe, "--workers", "2")
    assert (code, err) == (0, "")
    assert files(tmp_path) == before
    assert "3 corpus (3 left)" in out
    assert "student" in out and "~20" in out
    assert "2 job(s) at a time" in out
    assert len(out.splitlines()) == 8


def test_plan_says_what_is_done(call: Call, recipe: Path, tmp_path: Path) -> None:
    (tmp_path / "runs" / "tiny").mkdir(parents=True)
    code, out, _ = call("plan", recipe, "--set", "models.hl.training.updates=7")
    assert code == 0
    assert " 7 " in out or "~7 " in out


BAD = [
    (["run", "nowhere.yaml"], "no such recipe"),
    (["run", "demo-quik"], "did you mean 'demo-quick'?"),
    (["plan", "tiny.yaml", "--set", "encoder.layer=3"], "did you mean 'layers'?"),
    (["run", "tiny.yaml", "--set", "models.hl.training.batch.sentences=100000", "--set", "languages.en.text=x"], "x"),
    (["run", "tiny.yaml", "--into", "tiny.yaml"], "a file stands"),
    (["run", "tiny.yaml", "--into", "."], "not empty"),
    (["run", "tiny.yaml", "--into", "new", "--reuse", "nowhere"], "no run folder"),
    (["run", "tiny.yaml", "--into", "tiny.yaml/below"], "Not a directory"),
    (["status", "nowhere"], "no run folder"),
    (["report", "."], "no run folder"),
    (["plan", "tiny.yaml", "--set", "models.hl.training.batch.sentences=100000"], "less than one batch"),
]


@pytest.mark.parametrize(("arguments", "said"), BAD, ids=[" ".join(arguments) for arguments, _ in BAD])
def test_bad_input(call: Call, recipe: Path, tmp_path: Path, arguments: list[str], said: str) -> None:
    before = files(tmp_path)
    code, out, err = call(*arguments)
    assert code == 2
    assert err.startswith("Error: ")
    assert said in err
    assert "Traceback" not in out + err
    assert files(tmp_path) == before


@pytest.mark.parametrize("arguments", [["rum"], ["run"], ["run", "demo", "--workers", "0"], ["run", "--nothing"]])
def test_wrong_usage(call: Call, arguments: list[str]) -> None:
    code, _, err = call(*arguments)
    assert code == 2
    assert "Usage" in err and "Traceback" not in err


def test_a_bug_is_shown_with_its_traceback(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("equiglot.recipe.builtin_recipes", broken)
    with pytest.raises(RuntimeError, match="a bug"):
        call("recipes")


def test_help_does_not_wait_for_torch() -> None:
    program = (
        "import sys; from equiglot.cli import app; app(['--help'], standalone_mode=False); "
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "schema" in done.stdout


def test_the_package_is_a_program() -> None:
    done = subprocess.run([sys.executable, "-m", "equiglot", "--help"], capture_output=True, text=True, check=True)
    for name in ("demo", "recipes", "plan", "run", "status", "report", "schema"):
        assert f" {name} " in done.stdout
