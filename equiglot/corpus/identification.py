"""Language identification: which sentences are in another language than the text they stand in.

py3langid (naive Bayes over bytes, 139 languages, its model in the wheel) gives each language a probability. A sentence
is taken for foreign when another language is at least so many times as likely as its own: asked that way, a sentence
that two close relatives share stays, and untranslated English goes even where several languages compete for it.

With 10 times, on real text of 17 languages: of 701 sentences of news each, none is dropped; of their first four words
(16 to 32 characters) at most 0.7 %; of everyday prose at most 0.4 %, mostly what is foreign indeed; of English lines
of manuals, 99 % (96 % in the worst of the other languages). In technical text 0.1 to 1.5 % go, nearly all of them
English names and commands. It takes some 45 microseconds a sentence. lingua is as accurate, but takes 1.3 ms, 1.2 GB of
memory and a wheel of 96 MB.
"""

from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

import langcodes

from equiglot.corpus.languages import base_language
from equiglot.errors import InputError

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
