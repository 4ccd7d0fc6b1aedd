"""Text in a folder: which languages it is in, by the names of files, and how much there is of each."""

import os
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import langcodes
from pydantic import ValidationError

from equiglot.corpus import LanguageText, TextSettings, check_language, measure_text
from equiglot.corpus.opening import unpacked_name
from equiglot.corpus.sources import kind_of
from equiglot.errors import InputError

# Names of files that are codes of languages as well (Rawang, Domung), but hardly ever meant so; and no language at all.
_WORDS = {"all", "dev", "new", "old", "raw", "tmp", "mis", "mul", "und", "zxx"}
_FEWEST_SENTENCES, _FEWEST_DOCUMENTS = 100, 10  # less cannot be split into training, validation and test
_GAP = 1.5  # languages closer in size than this are not told apart


@dataclass(frozen=True)
class FoundLanguage:
    """Text of one language.

    Attributes:
        code: as it is written in the recipe.
        name: of the language.
        paths: files or folders, relative to the recipe.
        characters: of text, after cleaning.
        sentences: different ones, after cleaning.
        documents: how many; lines where nothing is known about documents.
        group: high, low, or None where no gap divides the languages.
    """

    code: str
    name: str
    paths: tuple[str, ...]
    characters: int
    sentences: int
    documents: int
    group: str | None = None


@dataclass(frozen=True)
class Found:
    """What a folder holds.

    Attributes:
        languages: the largest first.
        left_out: file or folder -> why it is in no language, and what to do.
        gap: how many times larger the smallest high-resource language is than the largest low-resource one; None
            where there are no groups.
    """

    languages: tuple[FoundLanguage, ...]
    left_out: dict[str, str]
    gap: float | None


def find_languages(folder: Path, base: Path) -> Found:
    """The languages whose text lies in `folder`; paths relative to the folder `base`.

    Raises:
        InputError: no such folder, or no text of any language in it.
    """
    if not folder.is_dir():
        raise InputError("there is no such folder", where=folder, fix="name a folder with a file for each language")
    left_out: dict[str, str] = {}
    places: dict[str, list[Path]] = {}
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith("."):
            continue
        try:
            places.setdefault(language_of(entry), []).append(entry)
        except InputError as error:
            left_out[entry.name] = f"{error.what} {error.fix}"
    languages = []
    for code, entries in places.items():
        try:
            languages.append(_measure(code, [path for entry in entries for path in _paths(entry, base)], base))
        except InputError as error:
            left_out.update({entry.name: f"{error.what} {error.fix or ''}".strip() for entry in entries})
    if not languages:
        reasons = "; ".join(f"{name}: {why}" for name, why in list(left_out.items())[:3]) or "it is empty"
        what = f"the folder has no text of any language ({reasons})"
        raise InputError(what, where=folder, fix="name each file or sub-folder by its language: en.txt, tr/")
    ordered = sorted(languages, key=lambda each: -each.characters)
    border, gap = _gap([each.characters for each in ordered])
    if gap is not None:
        ordered = [replace(each, group="high" if n < border else "low") for n, each in enumerate(ordered)]
    return Found(tuple(ordered), left_out, gap)


def language_of(entry: Path) -> str:
    """The code in a file's or folder's name: all of it (pt_BR.txt), or a part of it (wiki.de.txt, trwiki-latest...).

    Raises:
        InputError: there is none, with what may be meant.
    """
    name = entry.name
    if entry.is_file():
        if not _is_text(entry):
            raise InputError("No text by its name.", fix="Text is *.txt, *.jsonl, *.parquet or a dump of Wikipedia.")
        name = unpacked_name(name).partition(".xml")[0].removesuffix(".txt").removesuffix(".jsonl")
        name = name.removesuffix(".parquet")
    parts = [part.removesuffix("wiki") for part in re.split(r"[._-]", name)]
    for part in (name, *(each for length in (2, 3) for each in reversed(parts) if len(each) == length)):
        code = part.replace("_", "-")
        # What looks like an extension of a language (eu-bdt) is another part of the name.
        if code.lower() not in _WORDS and langcodes.tag_is_valid(code) and not langcodes.Language.get(code).extlangs:
            return langcodes.standardize_tag(code)
    raise _unknown(name)


def _is_text(file: Path) -> bool:
    return _is_plain(file) or kind_of(file.name) != "files"


def _is_plain(file: Path) -> bool:
    return unpacked_name(file.name).endswith(".txt")


def _paths(entry: Path, base: Path) -> list[str]:
    """What stands for a file or folder in the recipe: itself, or globs for a folder without plain text."""
    path = os.path.relpath(entry.absolute(), base)
    path = f"./{path}" if path.startswith("~") else path  # else it were somebody's home
    if entry.is_file() or any(_is_plain(file) for file in entry.rglob("*")):
        return [path]
    inside = (file.name for file in entry.rglob("*") if file.is_file() and _is_text(file))
    endings = {name[name.index(Path(unpacked_name(name)).suffix) :] for name in inside}
    return [f"{path}/**/*{ending}" for ending in sorted(endings)] or [path]


def _unknown(name: str) -> InputError:
    fix = "Rename it by its language, such as en or pt-BR."
    with suppress(LookupError):
        if len(name) <= 3 or langcodes.find(name):  # a code misspelt, or a language's name
            try:
                check_language(name)
            except InputError as error:
                fix = f"To use it, {error.fix}."
    return InputError(f"{name!r} is not a language code.", fix=fix)


def _measure(code: str, paths: Sequence[str], base: Path) -> FoundLanguage:
    """Reads all text of a language once, and cleans it as a run does that says nothing about it.

    Raises:
        InputError: it cannot be read, or is too little.
    """
    try:
        source = LanguageText.model_validate({"text": list(paths)}).resolve(base)
    except ValidationError as error:
        raise InputError(error.errors()[0]["msg"].removeprefix("Value error, ") + ".") from None
    documents, left = measure_text(code, source, TextSettings())
    if left.sentences < _FEWEST_SENTENCES or documents < _FEWEST_DOCUMENTS:
        what = f"Too little text: {left.sentences:,} different sentences after cleaning in {documents:,} documents."
        raise InputError(what, fix=f"Give at least {_FEWEST_SENTENCES} sentences in {_FEWEST_DOCUMENTS} documents.")
    name = langcodes.Language.get(code).display_name()
    return FoundLanguage(code, name, tuple(paths), left.characters, left.sentences, documents)


def _gap(sizes: Sequence[int]) -> tuple[int, float | None]:
    """How many of `sizes` (the largest first) stand above the widest gap between neighbours, and how wide it is.

    Gaps are ratios; between sizes that are all alike there is none.
    """
    ratios = [large / small for large, small in pairwise(sizes)]
    if not ratios or max(ratios) < _GAP:
        return len(sizes), None
    border = 1 + max(range(len(ratios)), key=lambda number: ratios[number])
    return border, ratios[border - 1]
