"""Text in a folder: which languages it is in, by the names of files, and how much there is of each."""

import glob
import os
import re
from collections.abc import Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import chain, pairwise
from pathlib import Path

import langcodes
from pydantic import ValidationError

from equiglot.corpus import LanguageText, TextSettings, check_language, measure_text
from equiglot.corpus.languages import WIKIS, language_of_wiki, tagged_language
from equiglot.corpus.opening import unpacked_name
from equiglot.corpus.paths import files_below
from equiglot.corpus.sources import is_index, kind_of
from equiglot.errors import InputError, check_name

# Names of files that are codes of languages as well (Rawang, Domung), but hardly ever meant so; and no language at all.
_WORDS = {"all", "dev", "new", "old", "raw", "tmp", "mis", "mul", "und", "zxx"}
_WIKI = re.compile(r"(?:^|[-.])([a-z]+(?:_[a-z]+)*)wiki(?=[-._]|$)")  # the name of a wiki's database
_DUMP = re.compile(r"(?P<wiki>[a-z_]+wiki)-(?P<date>\d{8}|latest)-(?P<what>pages-articles(?:-multistream)?)\d*\.xml")
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
        bound: sentences that may be lost because the two largest documents cannot be divided: one at the end of the
            test text, one at the end of the validation text.
        group: high, low, or None where no gap divides the languages.
    """

    code: str
    name: str
    paths: tuple[str, ...]
    characters: int
    sentences: int
    documents: int
    bound: int = 0
    group: str | None = None

    @property
    def divisible(self) -> int:
        """Sentences of which validation and test can be taken, however documents fall."""
        return self.sentences - self.bound


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
        texts = _texts(entries, folder, left_out)
        if not texts:
            left_out.update({entry.name: "It has no text." for entry in entries if entry.name not in left_out})
            continue
        try:
            languages.append(_measure(code, [path for entry in entries for path in _paths(entry, texts, base)], base))
        except InputError as error:
            why = f"{error.what} {error.fix or ''}".strip()
            left_out.update({entry.name: why for entry in entries if entry.name not in left_out})
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
    """The code in a file's or folder's name: all of it (pt_BR.txt), or a part of it (wiki.de.txt, news.sr-Latn.txt,
    trwiki-latest...).

    Raises:
        InputError: there is none, with what may be meant.
    """
    name = entry.name
    check_name(name)
    if entry.is_file():
        if is_index(name):
            raise InputError("The index of a dump, no text.", fix="The dump is *.xml.bz2.")
        if not _is_text(entry):
            raise InputError("No text by its name.", fix="Text is *.txt, *.jsonl, *.parquet or a dump of Wikipedia.")
        name = unpacked_name(name).partition(".xml")[0].removesuffix(".txt").removesuffix(".jsonl")
        name = name.removesuffix(".parquet")
    wiki = _WIKI.search(name)
    if code := language_of_wiki(wiki[1]) if wiki else WIKIS.get(name.replace("-", "_")) if len(name) > 3 else None:
        return code
    parts = re.split(r"[._-]", name)
    tagged = [tag] if (tag := tagged_language(name)) else []
    for part in (name, *tagged, *(each for length in (2, 3) for each in reversed(parts) if len(each) == length)):
        code = part.replace("_", "-")
        # What looks like an extension of a language (eu-bdt) is another part of the name.
        if code.lower() not in _WORDS and langcodes.tag_is_valid(code) and not langcodes.Language.get(code).extlangs:
            return langcodes.standardize_tag(code)
    raise _unknown(name)


def _is_text(file: Path) -> bool:
    plain = unpacked_name(file.name).endswith(".txt") and not is_index(file.name)
    return plain or kind_of(file.name) != "files"


def _inside(entry: Path) -> list[Path]:
    """The files with text in a folder; of a file, itself."""
    files = [entry] if entry.is_file() else files_below(entry)
    return [file for file in files if _is_text(file)]


def _texts(entries: Sequence[Path], folder: Path, left_out: dict[str, str]) -> set[Path]:
    """The files of one language that are used: of the kind with the most bytes, and of several dumps of a wiki the
    newest; `left_out` is told of the others."""
    by_kind: dict[str, list[Path]] = {}
    for file in (file for entry in entries for file in _inside(entry)):
        if not file.stat().st_size:
            left_out[str(file.relative_to(folder))] = "It is empty."
            continue
        by_kind.setdefault(kind_of(file.name), []).append(file)
    if not by_kind:
        return set()
    most = max(by_kind, key=lambda kind: sum(file.stat().st_size for file in by_kind[kind]))
    chosen = by_kind.pop(most)
    for file in chain(*by_kind.values()):
        why = f"A language's text is of one kind, and {chosen[0].name} is of another, of which there is more."
        left_out[str(file.relative_to(folder))] = f"{why} Convert one of them."
    newest: dict[str, tuple[str, ...]] = {}
    dumps = {file: found for file in chosen if (found := _DUMP.match(file.name))}
    for found in dumps.values():
        newest[found["wiki"]] = max(newest.get(found["wiki"], ()), found.group("date", "what"))
    for file, found in dumps.items():
        if found.group("date", "what") != newest[found["wiki"]]:
            used = "-".join((found["wiki"], *newest[found["wiki"]]))
            left_out[str(file.relative_to(folder))] = f"Another dump of the same wiki is used: {used}."
            chosen.remove(file)
    return set(chosen)


def _paths(entry: Path, texts: Set[Path], base: Path) -> list[str]:
    """What stands for a file or folder in the recipe, of which `texts` are used: itself, globs, or its files."""
    inside = _inside(entry)
    used = [file for file in inside if file in texts]
    if entry.is_file() or (used == inside and all(kind_of(file.name) == "files" for file in used)):
        return [_relative(entry, base)] if used or entry.is_dir() else []
    endings = tuple(sorted({file.name[file.name.index(Path(unpacked_name(file.name)).suffix) :] for file in used}))
    if any(file.name.endswith(endings) for file in files_below(entry) if file not in texts):
        return [_relative(file, base) for file in used]
    return [f"{_relative(entry, base)}/**/*{glob.escape(ending)}" for ending in endings]


def _relative(place: Path, base: Path) -> str:
    path = os.path.relpath(place.absolute(), base)
    return f"./{path}" if path.startswith("~") else path  # else it were somebody's home


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
    documents, left, bound = measure_text(code, source, TextSettings())
    what = f"Too little text: {left.sentences:,} different sentences after cleaning in {documents:,} documents."
    if left.sentences < _FEWEST_SENTENCES or documents < _FEWEST_DOCUMENTS:
        raise InputError(what, fix=f"Give at least {_FEWEST_SENTENCES} sentences in {_FEWEST_DOCUMENTS} documents.")
    if left.sentences - bound < _FEWEST_SENTENCES // 2:
        what = f"{what.removesuffix('.')}, the two largest of which have nearly all of them; documents are not divided."
        raise InputError(what, fix="Give more documents, or shorter ones.")
    name = langcodes.Language.get(code).display_name()
    return FoundLanguage(code, name, tuple(paths), left.characters, left.sentences, documents, bound)


def _gap(sizes: Sequence[int]) -> tuple[int, float | None]:
    """How many of `sizes` (the largest first) stand above the widest gap between neighbours, and how wide it is.

    Gaps are ratios; between sizes that are all alike there is none.
    """
    ratios = [large / small for large, small in pairwise(sizes)]
    if not ratios or max(ratios) < _GAP:
        return len(sizes), None
    border = 1 + max(range(len(ratios)), key=lambda number: ratios[number])
    return border, ratios[border - 1]
