"""How much text there is in a language, for models that others have pretrained: `resources.tsv`, which says from where.

It stands for what a model has read where nobody knows that: a public model says which languages it was pretrained on,
seldom on how much of each. Of the runs of this package the text itself is known.
"""

from dataclasses import dataclass
from functools import cache
from importlib import resources
from math import log2

import langcodes

from equiglot.corpus.languages import WIKIS, base_language, language_of_wiki

MEGABYTE = 1 << 20


@dataclass(frozen=True)
class Resources:
    """The text of a language.

    Attributes:
        wiki: the code of its Wikipedia.
        wikipedia_bytes: of its compressed dump of October 2020.
        mbert_group: rounded WikiSize of what multilingual BERT was pretrained on (paper 3, Table 1); None where the
            paper does not say.
        in_mbert: whether it is a language of multilingual BERT.
        cc100_gib: GiB of text that XLM-R was pretrained on; None where its paper names none.
    """

    wiki: str
    wikipedia_bytes: int
    mbert_group: int | None
    in_mbert: bool
    cc100_gib: float | None

    @property
    def wiki_size(self) -> float:
        """The binary logarithm of the dump's size in MB (WikiSize: paper 3, section 3.1), in October 2020."""
        return log2(self.wikipedia_bytes / MEGABYTE)


def size_group(size: float) -> int:
    """The group of languages that one with so many bytes of text is in: its WikiSize, rounded (paper 3, Table 1).

    Raises:
        ValueError: there is no text.
    """
    if size <= 0:
        raise ValueError(f"{size} bytes have no logarithm")
    return round(log2(size / MEGABYTE))


def resources_of(language: str) -> Resources | None:
    """What is known of a language by its BCP 47 code; of one without script and region where there is no more (pt for
    pt-BR). None for a language without a Wikipedia, or with one of less than 200 kB."""
    table = _table()
    codes = (language, langcodes.standardize_tag(language), base_language(language))
    return next((table[code] for code in codes if code in table), None)


@cache
def _table() -> dict[str, Resources]:
    """Code -> what is known. A Wikipedia's code comes first, where it means the same language in BCP 47."""
    text = (resources.files("equiglot.corpus") / "resources.tsv").read_text(encoding="utf-8")
    lines = [line.split("\t") for line in text.splitlines() if not line.startswith("#")][1:]
    rows = [
        Resources(wiki, int(size), int(group) if group else None, bool(mbert), float(crawl) if crawl else None)
        for wiki, size, group, mbert, crawl in lines
    ]
    table = {row.wiki: row for row in rows if row.wiki.replace("-", "_") not in WIKIS or row.wiki == "no"}
    for row in rows:
        code = language_of_wiki(row.wiki)
        if code and "-" not in code:  # sh is sr-Latn, which is Serbian to most who write it
            table.setdefault(code, row)
    return table
