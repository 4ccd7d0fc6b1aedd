"""A first recipe for a folder of text: sizes measured, the rest chosen to fit them."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import jinja2

from equiglot.corpus.balancing import Annealed
from equiglot.corpus.languages import base_language
from equiglot.errors import InputError
from equiglot.files import check_new, write_text
from equiglot.reading import read_yaml
from equiglot.recipe.amounts import (
    DROPOUT,
    DROPOUT_BELOW,
    MOST_PASSES,
    SPREAD,
    Amounts,
    amounts_of,
    supported_entries,
    uncertainty,
    vocabulary_text,
)
from equiglot.recipe.doubts import TextSize, doubts_of, in_one_line
from equiglot.recipe.finding import Found, FoundLanguage, find_languages
from equiglot.recipe.loading import parse_recipe
from equiglot.recipe.reading import Origin
from equiglot.recipe.settings import Recipe

# Writing systems of so many characters that a small vocabulary would hold nothing else.
_MANY_CHARACTERS, _WIDE_VOCABULARY = {"ja", "lzh", "wuu", "yue", "zh"}, 10_000


@dataclass(frozen=True)
class _Scale:
    """What suits an amount of text."""

    characters: int  # up to so many, of all languages together
    reason: str
    vocabulary: int
    encoder: str
    masked: float
    updates: int | None  # of a teacher, at most; None: all trainings have ten epochs
    sentences: int
    learning_rate: str
    betas: str
    warmup: float


_SCALES = (
    _Scale(
        characters=6_000_000,
        reason="as in Equiglot's own experiments with little text (docs/experiments.md)",
        vocabulary=4_000,
        encoder="architecture: modernbert, layers: 2, heads: 4, hidden_size: 128, max_length: 64, dropout: 0, "
        "initializer_range: 0.05",
        masked=0.3,
        updates=8_000,
        sentences=16,
        learning_rate="2.0e-3",
        betas="[0.9, 0.98]",
        warmup=0.05,
    ),
    _Scale(
        characters=60_000_000,
        reason="between Equiglot's own experiments and the paper's; not tried out",
        vocabulary=10_000,
        encoder="architecture: modernbert, layers: 4, heads: 4, hidden_size: 256, max_length: 128, dropout: 0, "
        "initializer_range: 0.04",
        masked=0.3,
        updates=10_000,
        sentences=32,
        learning_rate="1.0e-3",
        betas="[0.9, 0.98]",
        warmup=0.05,
    ),
)
_PAPER = _Scale(
    characters=1 << 62,
    reason="the paper's (appendix E.1)",
    vocabulary=50_000,
    encoder="layers: 6, heads: 4, hidden_size: 512, feed_forward: 3072, max_length: 128, dropout: 0.1",
    masked=0.15,
    updates=None,
    sentences=8,
    learning_rate="5.0e-5",
    betas="[0.9, 0.999]",
    warmup=0.0,
)


def initialise(folder: Path, into: Path, *, gpu: bool, replace: bool = False) -> tuple[Found, tuple[str, ...]]:
    """Writes a recipe for the text in `folder` to the file `into`; what was found, and what is too little.

    Args:
        folder: one file or one sub-folder a language, named by its code: en.txt, wiki.de.txt, pt-BR/.
        into: a YAML file; the recipe's name is the file's.
        gpu: whether the machine has one; without, models stay small.
        replace: whether a file that is there already may be written over.

    Raises:
        InputError: the file is there already, its folder is not there, or there is no text of any language.
    """
    check_new(into, "--into", replace=replace)
    if not into.absolute().parent.is_dir():
        raise InputError("there is no folder for the recipe", where=into, fix="make it, or choose another --into")
    found = find_languages(folder, into.absolute().parent)
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", into.stem).strip("-._") or "recipe"
    text, doubts = recipe_for(found, name, gpu=gpu)
    parse_recipe(read_yaml(text, str(into))[0], into.absolute().parent, Origin(((str(into), None),)))
    write_text(into, text)
    return found, doubts


def recipe_for(found: Found, name: str, *, gpu: bool) -> tuple[str, tuple[str, ...]]:
    """A commented recipe for what was found, and what is too little in it; the comments say that, too."""
    total = sum(each.characters for each in found.languages)
    scale = next((each for each in _SCALES if total <= each.characters), _PAPER if gpu else _SCALES[-1])
    wide = any(base_language(each.code) in _MANY_CHARACTERS for each in found.languages)
    amounts = amounts_of(found, scale.sentences, scale.updates)
    held_out = max(amounts.held_out.values())
    text = {each.code: each.characters for each in found.languages}, amounts.smoothed or 0
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("equiglot.recipe", "."),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # YAML, not HTML: what comes from outside goes through `quoted` or `comment`
    )
    environment.filters.update(quoted=_quoted, comment=_comment)
    written = partial(
        environment.get_template("initial.yaml.jinja").render,
        name=name,
        found=found,
        total=total,
        several=len(found.languages) > 1,
        amounts=amounts,
        alike=not amounts.tiny and len({_own_training(amounts, each.code) for each in found.languages}) == 1,
        own_training=partial(_own_training, amounts),
        passes=MOST_PASSES,
        dropout_below=DROPOUT_BELOW,
        bound=amounts.balance.passes if isinstance(amounts.balance, Annealed) else None,
        balance=in_one_line(amounts.balance),
        held_out=held_out,
        uncertainty=uncertainty(held_out),
        spread=SPREAD,
        scale=scale,
        vocabulary=min(max(scale.vocabulary, _WIDE_VOCABULARY if wide else 0), supported_entries(*text)),
        vocabulary_text=vocabulary_text(*text),
        together=_together(amounts),
        small_for_want_of_gpu=total > _SCALES[-1].characters and not gpu,
    )
    draft = Recipe.model_validate(read_yaml(written(doubts=()), name)[0])
    doubts = doubts_of(draft, {each.code: _size(each, amounts.held_out[each.code]) for each in found.languages})
    return written(doubts=doubts), doubts


def _together(amounts: Amounts) -> int | None:
    """The updates that teachers and their student take together, to the hundred: a student's cost a third more, as its
    teachers read along. None where trainings are counted in epochs."""
    if amounts.length is None:
        return None
    teachers = sum(amounts.lengths.get(each.code, amounts.length) for each in amounts.taught)
    return round((teachers + 4 * amounts.length / 3) / 100) * 100


def _own_training(amounts: Amounts, code: str) -> str:
    """Updates and dropout of a language's teacher, where they are other than those of models of several languages."""
    updates = amounts.lengths.get(code, amounts.length)
    dropout = f", encoder: {{dropout: {DROPOUT}}}" if code in amounts.small else ""
    return dropout if updates == amounts.length else f", training: {{updates: {updates:_}}}{dropout}"


def _size(language: FoundLanguage, held_out: int) -> TextSize:
    return TextSize(language.characters, language.sentences - 2 * held_out, held_out)


def _quoted(value: str | Sequence[str]) -> str:
    """As YAML on one line; of one text in a list, the text."""
    if not isinstance(value, str):
        return _quoted(value[0]) if len(value) == 1 else f"[{', '.join(_quoted(each) for each in value)}]"
    return value if _is_plain(value) else json.dumps(value, ensure_ascii=not value.isprintable())


def _is_plain(value: str) -> bool:
    """Whether YAML reads it as it is, without quotes."""
    try:
        return bool(re.fullmatch(r"[\w./-]+", value)) and read_yaml(value, "")[0] == value
    except InputError:  # a date that is none
        return False


def _comment(value: str) -> str:
    """As what may stand in a comment: one line, no control characters."""
    return "".join(each if each.isprintable() else " " for each in value)
