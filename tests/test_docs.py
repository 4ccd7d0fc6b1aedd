"""The documentation says nothing that does not run: its commands, recipes and programs, one page after the other."""

import json
import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from equiglot.corpus import SampleSource
from equiglot.errors import InputError

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SAMPLE = {"en": 120_000, "ru": 90_000, "tr": 50_000}  # characters a language


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    language: str
    text: str


def blocks(page: Path) -> list[Block]:
    return [Block(*found) for found in FENCE.findall(page.read_text(encoding="utf-8"))]


def commands(block: Block) -> list[str]:
    """The equiglot commands of a block, without comments."""
    lines = block.text.replace("\\\n", " ").splitlines()
    return [line.partition(" #")[0].strip() for line in lines if line.startswith("equiglot ")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as a reader's would be: text/<language>/, from the embedded sample."""
    place = tmp_path_factory.mktemp("reader")
    for language, characters in SAMPLE.items():
        into = place / "text" / language
        into.mkdir(parents=True)
        try:
            paragraphs = (document.paragraphs for document in SampleSource(kind="sample").documents(language))
            text, size = [], 0
            while size < characters:
                text.append("\n".join(next(paragraphs)))
                size += len(text[-1])
        except InputError as error:
            pytest.skip(str(error))
        (into / "pages.txt").write_text("\n\n".join(text), encoding="utf-8")
    return place


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_says_runs(page: Path, folder: Path) -> None:
    """Bash, YAML with a file name in its first line, and Python, in the order of the page."""
    for block in blocks(page):
        if block.language == "yaml":
            name = re.match(r"# (\S+\.yaml)\n", block.text)
            if name:
                (folder / name[1]).write_text(_shortened(block.text), encoding="utf-8")
        elif block.language == "python":
            _run([sys.executable, "-c", _shortened(block.text)], folder)
        elif block.language == "bash":
            for command in commands(block):
                expected = 2 if "models.student.labels.weight" in command and "--reuse" not in command else 0
                _run([sys.executable, "-m", *shlex.split(command)], folder, expected)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_and_recipes_exist(page: Path) -> None:
    """Also those that are too long to run here name commands and built-in recipes that exist."""
    from equiglot.cli import app
    from equiglot.recipe import builtin_recipes

    known = {each.callback.__name__ for each in app.registered_commands if each.callback}
    for block in blocks(page):
        for command in commands(block):
            words = shlex.split(command)
            assert words[1] in known, command
            if words[1] in ("run", "plan") and not words[2].endswith(".yaml"):
                assert words[2] in builtin_recipes(), command


def test_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for block in blocks(ROOT / "README.md"):
        for target in re.findall(r"^make (\w+)", block.text, re.MULTILINE):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_links_lead_somewhere() -> None:
    for page in PAGES:
        for link in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            if not link.startswith("http"):
                assert (page.parent / link).exists(), f"{page.name}: {link}"


def test_schema_of_the_recipe_is_json(folder: Path) -> None:
    schema = json.loads(_run([sys.executable, "-m", "equiglot", "schema"], folder))
    assert schema["title"] == "Recipe"


def _shortened(text: str) -> str:
    """The same with trainings that take no time: it is the words that are tested here."""
    return re.sub(r"updates(: |=)\d+", r"updates\g<1>20", text)


def _run(command: list[str], folder: Path, expected: int = 0) -> str:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == expected, f"{shlex.join(command)}\n{done.stdout}\n{done.stderr}"
    return done.stdout
