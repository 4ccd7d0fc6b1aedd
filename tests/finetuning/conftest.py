"""Labelled sentences in five scripts, and models so small that they learn them in a moment."""

import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from equiglot.probing.linear import one_thread
from tests.labelled import universal_tag
from tests.stock import SCRIPTS, save_stock

LANGUAGES = ("en", "ru", "hi", "ko", "ar")
SIZES = {"train": 24, "dev": 8, "test": 10}
Model = Callable[[str], str]


@pytest.fixture(autouse=True)
def on_one_thread() -> Iterator[None]:
    """Whose results are the same everywhere."""
    with one_thread():
        yield


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """Architecture -> a folder with such a model."""
    place = tmp_path_factory.mktemp("models")

    def saved(architecture: str) -> str:
        folder = place / architecture
        return str(folder if folder.is_dir() else save_stock(folder, architecture))

    return saved


def sentences(language: str, count: int, seed: int) -> list[list[str]]:
    """Words of a real sentence, shuffled, some of them with a full stop or a number between them."""
    drawn = random.Random(f"{language} {seed}")
    words = [*SCRIPTS[language].rstrip(".").split(), ".", "1948"]
    return [drawn.sample(words, drawn.randint(3, len(words))) for _ in range(count)]


def write_data(folder: Path, task: str, languages: Sequence[str] = LANGUAGES) -> str:
    """<language>-<split>.tsv in a folder that is made; what is typed after --data."""
    folder.mkdir(parents=True, exist_ok=True)
    for language in languages:
        for seed, (split, count) in enumerate(SIZES.items()):
            found = sentences(language, count, seed)
            (folder / f"{language}-{split}.tsv").write_text(_written(task, found), encoding="utf-8")
    return f"{folder}/{{language}}-*.tsv"


def entity_tags(words: Sequence[str]) -> list[str]:
    """BIO tags by a rule that finds all types in all scripts: numbers are persons, longer words places and such."""
    kinds = ["PER" if word.isdigit() else "" if len(word) < 3 else "LOC" if len(word) % 2 else "ORG" for word in words]
    return [
        "O" if not kind else f"I-{kind}" if kind == before else f"B-{kind}"
        for kind, before in zip(kinds, ["", *kinds], strict=False)
    ]


def _written(task: str, found: list[list[str]]) -> str:
    if task == "topic":
        rows = (f"{' '.join(words)}\t{'declaration' if '1948' in words else 'other'}\n" for words in found)
        return "text\tcategory\n" + "".join(rows)
    tags = (entity_tags(words) if task == "ner" else map(universal_tag, words) for words in found)
    blocks = (
        "\n".join(map("\t".join, zip(words, of_sentence, strict=True)))
        for words, of_sentence in zip(found, tags, strict=True)
    )
    return "\n\n".join(blocks) + "\n"
