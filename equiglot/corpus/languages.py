"""Language codes: BCP 47, checked; and which sentences are in another language than the text they stand in.

py3langid (naive Bayes over bytes, 139 languages, its model in the wheel) gives each language a probability. A sentence
is taken for foreign when another language is at least so many times as likely as its own: asked that way, a sentence
that two close relatives share stays, and untranslated English goes even where several languages compete for it.

With 10 times, on real text of 17 languages: of 701 sentences of news each, none is dropped; of their first four words
(16 to 32 characters) at most 0.7 %; of everyday prose at most 0.4 %, mostly what is foreign indeed; of English lines
of manuals, 99 % (96 % in the worst of the other languages). In technical text 0.1 to 1.5 % go, nearly all of them
English names and commands. It takes some 45 microseconds a sentence. lingua is as accurate, but takes 1.3 ms, 1.2 GB
of memory and a wheel of 96 MB.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from difflib import get_close_matches
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

import langcodes

from equiglot.errors import InputError

FREQUENT = """
ar az be bg bn ca cs da de el en es et eu fa fi fr ga gl gu he hi hr hu hy id is it ja ka kk km kn ko lt lv mk ml mn mr
ms my ne nl no pa pl pt ro ru si sk sl sq sr sv sw ta te th tr uk ur uz vi zh
"""

WIKIS: Mapping[str, str] = {
    "als": "gsw",
    "bat_smg": "sgs",
    "be_x_old": "be-tarask",
    "bh": "bho",
    "cbk_zam": "cbk",
    "eml": "egl",
    "fiu_vro": "vro",
    "map_bms": "jv-x-bms",
    "mo": "ro-Cyrl-MD",
    "nds_nl": "nds-NL",
    "no": "nb",
    "nrm": "nrf",
    "roa_rup": "rup",
    "roa_tara": "nap-x-tara",
    "simple": "en",
    "zh_classical": "lzh",
    "zh_min_nan": "nan",
    "zh_yue": "yue",
}
"""Codes of Wikipedias that are not BCP 47, or mean another language there, as in the names of their dumps."""


def language_of_wiki(code: str) -> str | None:
    """The BCP 47 code of a wiki's language by the wiki's code (tr, zh_yue, zh-yue); None if it names no language."""
    found = WIKIS.get(code.replace("-", "_"), code.replace("_", "-"))
    return langcodes.standardize_tag(found) if langcodes.tag_is_valid(found) else None


def check_language(code: str) -> None:
    """Refuses a code that names no language (BCP 47: en, pt-BR, sr-Latn).

    Raises:
        InputError: with the nearest valid code.
    """
    valid = langcodes.tag_is_valid(code)
    if not valid or (code.replace("-", "_") in WIKIS and langcodes.Language.get(code).extlangs):  # bat-smg, map-bms
        near = next(_candidates(code))
        name = langcodes.Language.get(near).display_name()
        fix = f"write {near} ({name}), or another BCP 47 code such as en or pt-BR"
        raise InputError(f"{code!r} is not a language code.", where=f"languages.{code}", fix=fix)


_SUBTAGS = re.compile(r"(?<![^._-])([a-z]{2,3}(?:[-_][A-Z][a-z]{3})?(?:[-_][A-Z]{2})?)(?![^._-])")
_LETTERS = re.compile(r"(?<![^._-])[a-z]{2}(?![^._-])")


def tagged_language(name: str) -> str | None:
    """The last language with its script or region in a file's name (sr-Latn of news.sr-Latn.txt, pt-BR of
    news-pt_BR.txt), as BCP 47 writes it; None where there is none."""
    tags = [found.replace("_", "-") for found in _SUBTAGS.findall(name) if len(found) > 3]
    valid = (tag for tag in reversed(tags) if langcodes.tag_is_valid(tag))
    return next(map(langcodes.standardize_tag, valid), None)


def names_language(name: str) -> bool:
    """Whether a language's code of two letters, or one with a script or region, is a part of a file's name."""
    return tagged_language(name) is not None or any(map(langcodes.tag_is_valid, _LETTERS.findall(name)))


def language_in(name: str, codes: Sequence[str]) -> str | None:
    """Which of some codes is a part of a file's name, between dots, lines and the like; the longest of several (zh-Hant
    before zh), the first of equals. A code's parts may be divided by - or _, its letters large or small."""
    parts = f"-{re.sub('[._]', '-', name)}-".lower()
    there = [code for code in codes if f"-{code.replace('_', '-')}-".lower() in parts]
    return max(there, key=len, default=None)


def same_language(code: str, others: Iterable[str]) -> str | None:
    """The first of other codes that means the same language, script and region: pt_BR for pt-BR; None if none does."""
    tag = langcodes.standardize_tag(code)
    return next((each for each in others if langcodes.standardize_tag(each) == tag), None)


def base_language(code: str) -> str:
    """The language without script and region: pt for pt-BR."""
    return langcodes.Language.get(code).language or "und"


def _candidates(code: str) -> Iterator[str]:
    """Valid codes that may be meant, the likeliest first."""
    if code.replace("-", "_") in WIKIS:
        yield WIKIS[code.replace("-", "_")]
    if len(code) > 3:
        with suppress(LookupError):
            yield langcodes.find(code).to_tag()  # the language's name: german
    parts = code.replace("_", "-").split("-")
    if len(parts[0]) == 2 and parts[0].isascii() and parts[0].isalpha():
        meant = langcodes.Language.get(f"und-{parts[0].upper()}").maximize()  # the country's code: gr, jp
        # An unknown country falls back on English: then the spelling is the better hint.
        if meant.language and meant.language != "en":
            yield meant.language
    yield from (part for part in parts[:1] if langcodes.tag_is_valid(part))
    yield from get_close_matches(code.lower(), FREQUENT.split(), n=1, cutoff=0.3)
    yield "en"


if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

PACKAGE, FIELD = "py3langid", "text.identify_language"


class Identifier:
    """Tells sentences of a language from those of others.

    Args:
        language: a BCP 47 code.
        times: a sentence is foreign when another language is at least so many times as likely; above 1.

    Raises:
        InputError: see `name_of`.
    """

    def __init__(self, language: str, times: float) -> None:
        self._own, self._times, self._model = name_of(language), times, _model()

    def is_foreign(self, sentence: str) -> bool:
        """Whether a sentence is in another language; false where it holds nothing to tell by."""
        if self._model.classify(sentence)[0] == self._own:
            return False
        ranked = self._model.rank(sentence)
        return bool(ranked[0][1] >= self._times * dict(ranked)[self._own])


def name_of(language: str) -> str:
    """What the identifier calls a language: no for nb, zh for zh-TW.

    Raises:
        InputError: the package is not installed, or does not know the language.
    """
    known = _model().labels
    base = base_language(language)
    name = base if base in known else langcodes.closest_supported_match(base, known, max_distance=1)
    if name is None:
        what = f"Whether text is in {language} cannot be told: {PACKAGE} does not know {base}."
        fix = f"set {FIELD} to null, or leave {language} out"
        raise InputError(what, where=f"languages.{language}", fix=fix)
    return name


def identifier_version() -> str:
    """The version of the identifier, which is part of what a corpus depends on.

    Raises:
        InputError: it is not installed.
    """
    try:
        return version(PACKAGE)
    except PackageNotFoundError:
        what = f"Identifying languages needs the package {PACKAGE}, which is not installed."
        fix = f"pip install equiglot[language-id], or set {FIELD} to null"
        raise InputError(what, where=FIELD, fix=fix) from None


@cache
def _model() -> "LanguageIdentifier":
    identifier_version()  # says what to do where there is none
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
