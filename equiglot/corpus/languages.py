"""Language codes: BCP 47, checked."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from difflib import get_close_matches

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
