"""The documentation says nothing that does not run.

Fences of bash and python run as a reader would run them, with trainings that take no time. Those of sh are not run,
since they need a network, hours, or a shell of one's own, but their commands are checked like all others: commands,
options, recipes and fields exist. Every fence of yaml is a recipe (its first line names its file) or a part of one.
"""

import bz2
import gzip
import importlib.util
import io
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pyarrow as pa
import pytest
import typer
import yaml
from pyarrow import parquet

from equiglot.cli import app, main
from equiglot.corpus import HubSource, SampleSource
from equiglot.errors import InputError
from equiglot.pipeline import SlurmProfile
from equiglot.pipeline.execution import engines
from equiglot.recipe import Origin, Recipe, parse_recipe, validate_recipe
from equiglot.recipe.reading import merge, override, read_tree
from tests.conftest import ROOT
from tests.corpus.dumps import Article, dump
from tests.labelled import write_entities, write_questions, write_treebanks
from tests.pipeline.conftest import WorkersHere
from tests.waiting import PATIENCE

DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
MAKE = re.compile(r"^make (\w+)", re.MULTILINE)
NAME = re.compile(r"# (\S+\.yaml)\n")
PROFILE = "# a profile of SLURM's\n"
BEFORE = {
    "audit.md": "balance.md",
    "export.md": "finetune.md",
    "finetune.md": "balance.md",
    "models.md": "balance.md",
    "probes.md": "balance.md",
    "scale.md": "balance.md",
}
"""Pages that go on where another one ends."""
REFUSED = {"equiglot run balance.yaml --into runs/balance --set models.student.labels.weight=0.5"}
"""Commands of which the page says so."""
SAMPLE = {"en": 120_000, "ru": 90_000, "tr": 50_000}  # characters a language

SENTENCES = {
    "en": "A student learns what its teachers know.",
    "ru": "Ученик узнаёт то, что знают его учителя.",
    "hi": "छात्र वही सीखता है जो उसके शिक्षक जानते हैं।",
    "te": "విద్యార్థి తన ఉపాధ్యాయులకు తెలిసినది నేర్చుకుంటాడు.",
    "tr": "Öğrenci, öğretmenlerinin bildiğini öğrenir.",
    "eu": "Ikasleak irakasleek dakitena ikasten du.",
    "he": "התלמיד לומד את מה שמוריו יודעים.",
    "ko": "학생은 선생님이 아는 것을 배운다.",
}

by_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    language: str
    text: str

    @property
    def file(self) -> str | None:
        """The name of the recipe that it is."""
        name = NAME.match(self.text) if self.language == "yaml" else None
        return name[1] if name else None

    def commands(self) -> list[str]:
        """Its equiglot commands, without comments."""
        lines = re.sub(r" *\\\n *", " ", self.text).splitlines() if self.language in ("", "sh", "bash") else []
        return [line.partition(" #")[0].strip() for line in lines if line.startswith("equiglot ")]


def blocks(page: Path) -> list[Block]:
    return [Block(*found) for found in FENCE.findall(page.read_text(encoding="utf-8"))]


@cache
def recipes() -> dict[str, str]:
    """Every recipe that a page names, by the name of its file."""
    return {block.file: block.text for page in PAGES for block in blocks(page) if block.file}


class Reader:
    """Does in a folder what pages say, each page once."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._read = folder, set[str]()

    def read(self, page: Path) -> None:
        """Does what a page says, and before it what the page that it goes on from says."""
        if page.name in self._read:
            return
        if page.name in BEFORE:
            self.read(DOCS / BEFORE[page.name])
        self._read.add(page.name)
        for block in blocks(page):
            if block.file:
                (self.folder / block.file).write_text(_shortened(block.text), encoding="utf-8")
            elif block.language == "python":
                self._program(_shortened(block.text))
            elif block.language == "bash":
                for command in block.commands():
                    self._command(command)

    def _command(self, command: str) -> None:
        words, _, target = command.partition(" > ")
        out = self._call(shlex.split(words)[1:], 2 if command in REFUSED else 0)
        if target:
            (self.folder / target).write_text(out, encoding="utf-8")
        for path in [self.folder / "recipe.yaml"] if words.startswith("equiglot init") else []:
            path.write_text(_shortened(path.read_text(encoding="utf-8")), encoding="utf-8")

    def _call(self, arguments: list[str], expected: int) -> str:
        """What a command prints; called in this process, which has all libraries loaded, and does the jobs as well."""
        out, err, code = io.StringIO(), io.StringIO(), 0
        with (
            patch.object(sys, "argv", ["equiglot", *arguments]),
            patch.object(engines, "Workers", WorkersHere),
            chdir(self.folder),
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            try:
                main()
            except SystemExit as end:
                code = int(end.code or 0)
        assert code == expected, f"equiglot {shlex.join(arguments)}\n{out.getvalue()}\n{err.getvalue()}"
        return out.getvalue()

    def _program(self, text: str) -> None:
        """Runs a program in Python, in a process of its own."""
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}
        command = [sys.executable, "-c", text]
        done = subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    """In a folder as a reader's would be: text/<language>/, from the embedded sample."""
    place = tmp_path_factory.mktemp("reader")
    for language, characters in SAMPLE.items():
        into = place / "text" / language
        into.mkdir(parents=True)
        try:
            (into / "pages.txt").write_text("\n\n".join(_pages(language, characters)), encoding="utf-8")
        except InputError as error:
            pytest.skip(str(error))
    _write_labels(place)
    return Reader(place)


def _write_labels(place: Path) -> None:
    """ud/, ner/ and qa/, as the pages on probes and on fine-tuning name them."""
    write_treebanks(place, list(SAMPLE))
    write_entities(place, ["en", "ru"])
    write_entities(place, ["tr"], person="PERSON")
    write_questions(place, ["en", "ru"])


@pytest.mark.slow
@by_page
def test_what_a_page_says_runs(page: Path, reader: Reader) -> None:
    reader.read(page)


@by_page
def test_commands_exist(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With their options, recipes, and the fields that they set."""
    monkeypatch.setenv("EQUIGLOT_DATA", "data")
    monkeypatch.setenv("EQUIGLOT_TEACHERS", "./teachers")
    program: Any = typer.main.get_command(app)
    made = {"recipe.yaml"} if "equiglot init" in page.read_text(encoding="utf-8") else set()
    for command in [command for block in blocks(page) for command in block.commands()]:
        name, *words = shlex.split(command.partition(" > ")[0])[1:]
        assert name in program.commands, command
        given = program.commands[name].make_context(name, words).params  # raises what the program would say
        if "recipe" in given and given["recipe"] not in made:
            _check_fields(given["recipe"], given.get("overrides") or ())


def _check_fields(name: str, overrides: tuple[str, ...]) -> Recipe:
    tree = _tree(name)
    for assignment in overrides:
        field, _, value = assignment.partition("=")
        tree = override(tree, field.split("."), yaml.safe_load(value))
    return validate_recipe(tree, Origin(((name, None),)))


def _tree(name: str) -> Any:
    """A recipe that a page writes, that the project has, or that is built in."""
    if name not in recipes():
        return read_tree(ROOT / name if name.endswith(".yaml") else name)[0]
    tree = yaml.safe_load(recipes()[name])
    return merge(_tree(tree.pop("extends")), tree) if "extends" in tree else tree


@pytest.fixture(scope="module")
def corpora(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every file of text that a page names."""
    place = tmp_path_factory.mktemp("corpora")
    for name in ("text/ru", "text/te", "more", "bible"):
        (place / name).mkdir(parents=True)
    for code, sentence in SENTENCES.items():
        for name in (f"text/{code}.txt", f"bible/{code}.txt"):
            (place / name).write_text(f"{sentence}\n", encoding="utf-8")
    (place / "text/ru/a.txt").write_text(SENTENCES["ru"], encoding="utf-8")
    (place / "more/ru-1.txt.gz").write_bytes(gzip.compress(SENTENCES["ru"].encode()))
    (place / "more/ru-news.text").write_text(SENTENCES["ru"], encoding="utf-8")
    record = {"text": SENTENCES["hi"], "content": {"body": SENTENCES["hi"]}, "url": "a"}
    (place / "text/hi.jsonl").write_text(json.dumps(record), encoding="utf-8")
    parquet.write_table(pa.table({"text": [SENTENCES["te"]]}), place / "text/te.parquet")
    write_questions(place, ["en", "ru"])
    parquet.write_table(pa.table({"body": [SENTENCES["te"]]}), place / "text/te/a.parquet")
    pages = dump("en", [Article("Öğrenci", SENTENCES["tr"])])
    (place / "trwiki-latest-pages-articles.xml.bz2").write_bytes(bz2.compress(pages.encode()))
    return place


@by_page
def test_yaml_is_a_recipe_or_a_part_of_one(page: Path, corpora: Path) -> None:
    """Text of the parts is read, in a folder that holds what the pages name."""
    for block in blocks(page):
        if block.language != "yaml":
            continue
        tree = yaml.safe_load(block.text)
        if block.text.startswith(PROFILE):
            assert set(SlurmProfile.model_validate(tree).model_fields_set) == set(tree)
        elif block.file or "extends" in tree:
            parent = _tree(tree.pop("extends")) if "extends" in tree else {}
            validate_recipe(merge(parent, tree), Origin(((block.file or page.name, None),)))
        else:
            _read_part(tree, corpora)


def _read_part(tree: dict[str, Any], corpora: Path) -> None:
    languages = tree.pop("languages", {})
    whole = {
        "name": "part",
        "languages": {code: {"text": f"text/{code}.txt"} for code in SENTENCES} | languages,
        "text": {"valid": 0.1, "test": 0.1},
        "models": {"mono-{language}": {"languages": "each"}},
    }
    recipe = parse_recipe(merge(whole, tree), corpora)
    for code in languages:
        source = recipe.languages[code].text
        if not isinstance(source, HubSource | SampleSource):  # they need a network, or hold other sentences
            assert [SENTENCES[code]] in [document.paragraphs for document in source.documents(code)], code


def test_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in [name for page in PAGES for name in MAKE.findall(page.read_text(encoding="utf-8"))]:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_extras_exist() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    start = (DOCS / "index.md").read_text(encoding="utf-8")
    named = {name for names in re.findall(r"pip install \"\.\[([\w,-]+)\]", start) for name in names.split(",")}
    named |= set(re.findall(r"^\| `([\w-]+)` \|", start.partition("## See it work")[0], re.MULTILINE))
    assert named and named <= extras.keys()


@by_page
def test_links_lead_somewhere(page: Path) -> None:
    """On a clone, too, where there is no site: files, and headings in them."""
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        path, _, anchor = link.partition("#")
        if not link.startswith("http"):
            target = page.parent / path if path else page
            assert target.exists(), link
            assert not anchor or anchor in _anchors(target), link


@cache
def _anchors(page: Path) -> set[str]:
    """As GitHub and the site name the headings of a page."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    headings = [re.sub(r"[^\w\s-]", "", heading).strip() for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE)]
    slugs = [re.sub(r"\s", "-", heading).lower() for heading in headings]
    assert len(slugs) == len(set(slugs)), f"{page.name} has two headings of one name"
    return set(slugs)


def test_reference_of_the_recipe_is_that_of_the_schema() -> None:
    """If not: python docs/reference.py"""
    spec = importlib.util.spec_from_file_location("reference", DOCS / "reference.py")
    assert spec and spec.loader
    reference = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(reference)
    text = (DOCS / "recipe.md").read_text(encoding="utf-8")
    assert reference.page(text) == text
    scale = (DOCS / "scale.md").read_text(encoding="utf-8")
    assert reference.scale_page(scale) == scale and "| `constraint` |" in scale
    for name in Recipe.model_fields:
        assert f"| `{name}` |" in text


def _shortened(text: str) -> str:
    """The same with trainings that take no time, and are validated twice: it is the words that are tested here."""
    for field, value in {"updates": 20, "validations": 2}.items():
        text = re.sub(rf"\b{field}(: |=)[\d_]+", rf"{field}\g<1>{value}", text)
    return text.replace("training: {updates: 20, batch:", "training: {updates: 20, validations: 2, batch:")


def _pages(language: str, characters: int) -> Iterator[str]:
    """So much of the embedded sample."""
    for document in SampleSource(kind="sample").documents(language):
        yield "\n".join(document.paragraphs)
        characters -= len("\n".join(document.paragraphs))
        if characters <= 0:
            break
