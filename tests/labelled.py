"""Labelled files for tests: real sentences in real scripts, with labels that a simple rule gives each word."""

import json
import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from equiglot.corpus import SampleSource
from tests.articles import ARTICLE

_WORD = re.compile(r"\w+|[^\w\s]")
_SHARES = {"train": (0.0, 0.6), "dev": (0.6, 0.8), "test": (0.8, 1.0)}


def sentences(language: str, count: int) -> list[list[str]]:
    """The words of so many paragraphs of the embedded sample."""
    found: list[list[str]] = []
    for document in SampleSource(kind="sample").documents(language):
        found += [_WORD.findall(paragraph)[:40] for paragraph in document.paragraphs]
        if len(found) >= count:
            break
    return found[:count]


def universal_tag(word: str) -> str:
    """A universal part-of-speech tag."""
    if not word[0].isalnum():
        return "PUNCT"
    if word[0].isdigit():
        return "NUM"
    return "NOUN" if len(unicodedata.normalize("NFC", word)) > 5 else "ADP" if len(word) < 4 else "VERB"


def entity_tags(words: Sequence[str], person: str = "PER") -> list[str]:
    """BIO tags: long words are places or organisations, numbers are persons."""
    kinds = ["" if len(word) < 8 else ("LOC" if len(word) % 2 else "ORG") for word in words]
    kinds = [person if word[0].isdigit() else kind for word, kind in zip(words, kinds, strict=True)]
    before = ["", *kinds]
    return [
        "O" if not kind else f"I-{kind}" if kind == last else f"B-{kind}"
        for kind, last in zip(kinds, before, strict=False)
    ]


def write_treebanks(folder: Path, languages: Sequence[str], count: int = 150) -> None:
    """ud/<language>_sample-<split>.conllu"""
    for code in languages:
        for split, some in _splits(sentences(code, count)).items():
            blocks = ["\n".join(_token(place, word) for place, word in enumerate(words, 1)) for words in some]
            _write(folder / "ud" / f"{code}_sample-{split}.conllu", blocks)


def write_entities(folder: Path, languages: Sequence[str], count: int = 150, person: str = "PER") -> None:
    """ner/<language>-<split>.tsv"""
    for code in languages:
        for split, some in _splits(sentences(code, count)).items():
            tagged = (zip(words, entity_tags(words, person), strict=True) for words in some)
            _write(folder / "ner" / f"{code}-{split}.tsv", ["\n".join(map("\t".join, each)) for each in tagged])


def _splits(found: list[list[str]]) -> dict[str, list[list[str]]]:
    return {split: found[int(a * len(found)) : int(b * len(found))] for split, (a, b) in _SHARES.items()}


def _token(place: int, word: str) -> str:
    head, relation = (0, "root") if place == 1 else (1, "dep")
    return f"{place}\t{word}\t_\t{universal_tag(word)}\t_\t_\t{head}\t{relation}\t_\t_"


def _write(path: Path, blocks: Sequence[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n\n".join(blocks) + "\n\n", encoding="utf-8")


def write_questions(folder: Path, languages: Sequence[str], articles: int = 30) -> None:
    """qa/<language>.json, in the form of SQuAD, parallel: who rejects what, in every script; articles have titles."""
    for code in languages:
        data = [{"title": f"article {number}", "paragraphs": _paragraphs(code, number)} for number in range(articles)]
        path = folder / "qa" / f"{code}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"version": "1.1", "data": data}, ensure_ascii=False), encoding="utf-8")


def _paragraphs(code: str, article: int) -> list[dict[str, Any]]:
    """Two; the words of a sentence turned around, and a year in them; asked for the year, and the word before it."""
    found = []
    for number in range(2):
        words = ARTICLE[code].rstrip(".。").split() if code != "zh" else list(ARTICLE[code].rstrip("。"))
        turn, space = (article + 3 * number) % len(words), "" if code == "zh" else " "
        words = words[turn:] + words[:turn]
        year, place = str(1900 + 2 * article + number), 1 + (article + number) % (len(words) - 1)
        context = space.join([*words[:place], year, *words[place:]]) + "."
        before = space.join([*words[: place - 1], ""]) if place > 1 else ""
        asked = (
            (f"{words[0]}?", year, len(space.join([*words[:place], ""]))),
            (f"{year}?", words[place - 1], len(before)),
        )
        questions = [
            {
                "id": f"{article}-{number}-{which}",
                "question": text,
                "answers": [{"text": answer, "answer_start": start}],
            }
            for which, (text, answer, start) in enumerate(asked)
        ]
        found.append({"context": context, "qas": questions})
    return found
