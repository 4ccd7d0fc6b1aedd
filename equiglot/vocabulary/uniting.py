"""One tokenizer out of several: the union of their pieces, cut as they all cut, or by the longest piece."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from unicodedata import ucd_3_2_0  # Fixed: the same union whatever Python's own version of Unicode.

from tokenizers import Regex, Tokenizer, decoders
from tokenizers import normalizers as steps
from tokenizers import pre_tokenizers as splits
from tokenizers.models import BPE, Model, Unigram, WordPiece

from equiglot.vocabulary.normalisation import check_rules, cleaned
from equiglot.vocabulary.pieces import Borders, Pieces, describe, normalised, pieces_of, words_of
from equiglot.vocabulary.settings import CONTINUATION, SPECIAL_TOKENS, WORD_START, Algorithm
from equiglot.vocabulary.training import finish_tokenizer

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

_UNKNOWN = SPECIAL_TOKENS[1]
_BLOCK = 128  # Unicode keeps the letters of a script together; most of its blocks begin at multiples of this.
_HAN = 0x2E80  # From here on, a script has thousands of characters.
_LONGEST_WORD = 1000  # Characters; beyond it a word is [UNK]. WordPiece alone knows such a limit.


def unite(
    tokenizers: Mapping[str, PreTrainedTokenizerFast], rules: str | None, max_length: int
) -> PreTrainedTokenizerFast:
    """The tokenizer whose vocabulary is the union of others (paper 2, section 3.1, step 3).

    Ids: `SPECIAL_TOKENS` have 0 to 4, in place of the models' own; then come the pieces of the first model in the order
    of their ids there, what the second has besides, and so on. Text is cleaned as our corpora are, then normalised and
    cut into words as `rules` does, or the first model.

    - WordPiece alone: the same.
    - BPE alone, of characters or of bytes: the same. Pairs are joined in the order of the lowest relative rank that a
      model gives them; words that are entries stay whole, because the pairs of other models may cut into them.
    - Unigram alone: the same. A piece is as probable as it is in the mean of the models; where one does not have it,
      that is 0 there.
    - Different kinds: WordPiece, which takes the longest piece and needs neither scores nor joined pairs, over what the
      pieces stand for. White space and punctuation end words, so `▁(` and `(` fall together. All characters are
      entries, at the beginning and inside of words. Bytes that make no whole character are left out.

    Args:
        tokenizers: name of a model -> its tokenizer.
        rules: the model whose normaliser is taken where the models' differ; None if they must not.
        max_length: tokens that the model can read, [CLS] and [SEP] included.

    Raises:
        InputError: the models treat letters differently and `rules` names none; or a tokenizer has no union with others
            (see `pieces_of`).
    """
    pieces = [pieces_of(tokenizer) for tokenizer in tokenizers.values()]
    check_rules({name: tokenizer.backend_tokenizer for name, tokenizer in tokenizers.items()}, rules)
    leader = Tokenizer.from_str(tokenizers[rules or next(iter(tokenizers))].backend_tokenizer.to_str())
    leader.normalizer = steps.Sequence([*cleaned(), *([leader.normalizer] if leader.normalizer else [])])
    kinds = {each.kind for each in pieces}
    if len(kinds) > 1:
        return finish_tokenizer(_mixture(pieces, leader), max_length)
    models = [describe(tokenizer)["model"] for tokenizer in tokenizers.values()]
    vocabulary = _number(token for each in pieces for token in each.tokens if token is not None)
    backend = Tokenizer(_UNITE[kinds.pop()](models, vocabulary))
    backend.normalizer, backend.pre_tokenizer, backend.decoder = leader.normalizer, leader.pre_tokenizer, leader.decoder
    return finish_tokenizer(backend, max_length)


def _number(tokens: Iterable[str]) -> dict[str, int]:
    return {token: number for number, token in enumerate(dict.fromkeys([*SPECIAL_TOKENS, *tokens]))}


def _unite_wordpiece(models: Sequence[Mapping[str, Any]], vocabulary: Mapping[str, int]) -> Model:
    longest = max(model["max_input_chars_per_word"] for model in models)
    return _wordpiece(vocabulary, longest)


def _unite_unigram(models: Sequence[Mapping[str, Any]], vocabulary: Mapping[str, int]) -> Model:
    scores = [dict(model["vocab"]) for model in models]
    united = [(token, _mean_of(token, scores)) for token in vocabulary]
    return Unigram(
        [*((token, 0.0) for token in SPECIAL_TOKENS), *united[len(SPECIAL_TOKENS) :]],
        unk_id=SPECIAL_TOKENS.index(_UNKNOWN),
        byte_fallback=any(model["byte_fallback"] for model in models),
    )


def _mean_of(token: str, scores: Sequence[Mapping[str, float]]) -> float:
    """The logarithm of the mean probability; exactly the score where all agree."""
    known = [each[token] for each in scores if token in each]
    highest = max(known, default=0.0)
    return highest + math.log(sum(math.exp(score - highest) for score in known) / len(scores)) if known else 0.0


def _unite_bpe(models: Sequence[Mapping[str, Any]], vocabulary: Mapping[str, int]) -> Model:
    return _bpe(
        models,
        vocabulary,
        unk_token=_UNKNOWN,
        fuse_unk=models[0]["fuse_unk"],
        byte_fallback=any(model["byte_fallback"] for model in models),
    )


def _bpe(models: Sequence[Mapping[str, Any]], vocabulary: Mapping[str, int], **settings: Any) -> Model:
    """`ignore_merges` keeps words whole that are entries; models that are all alike do as they did."""
    first = models[0]
    alike = all(model["merges"] == first["merges"] for model in models)
    return BPE(
        dict(vocabulary),
        _unite_merges([model["merges"] for model in models], vocabulary),
        ignore_merges=first["ignore_merges"] if alike else True,
        **settings,
    )


def _unite_merges(all_merges: Sequence[Sequence[Any]], vocabulary: Mapping[str, int]) -> list[tuple[str, str]]:
    ranks: dict[tuple[str, str], float] = {}
    for merges in all_merges:
        for place, pair in enumerate(merges):
            left, right = pair.split(" ") if isinstance(pair, str) else pair
            if {left, right, left + right} <= vocabulary.keys():
                rank = place / len(merges)
                ranks[left, right] = min(rank, ranks.get((left, right), rank))
    return sorted(ranks, key=lambda pair: (ranks[pair], pair))


_UNITE: Mapping[Algorithm, Callable[[Sequence[Mapping[str, Any]], Mapping[str, int]], Model]] = {
    "wordpiece": _unite_wordpiece,
    "unigram": _unite_unigram,
    "bpe": _unite_bpe,
    "byte-bpe": _bpe,
}


def _mixture(pieces: Sequence[Pieces], leader: Tokenizer) -> Tokenizer:
    backend = Tokenizer(_wordpiece({_UNKNOWN: 0}, _LONGEST_WORD))
    spaces = steps.Replace(WORD_START, " ")  # Unigram and BPE may write ▁ for spaces already here.
    backend.normalizer = steps.Sequence([leader.normalizer, spaces])
    backend.pre_tokenizer = leader.pre_tokenizer if isinstance(leader.model, WordPiece) else _words_of_letters(leader)
    backend.decoder = decoders.WordPiece(prefix=CONTINUATION, cleanup=False)
    borders = Borders(backend)
    written = (
        _written(surface, starts, borders)
        for each in pieces
        for surface, starts in zip(each.surfaces, each.starts, strict=True)
        if surface is not None
    )
    alphabet = [character for character in _alphabet(pieces) if normalised(backend, character) == character]
    continuing = [CONTINUATION + c for c in alphabet if not borders.before(c)]
    backend.model = _wordpiece(_number([*written, *alphabet, *continuing]), _LONGEST_WORD)
    return backend


def _written(surface: str, starts: bool, borders: Borders) -> str:
    """A piece of any kind as WordPiece writes it."""
    if not surface:
        return WORD_START
    return surface if starts or borders.before(surface[0]) else CONTINUATION + surface


def _alphabet(pieces: Sequence[Pieces]) -> list[str]:
    """The characters of all pieces, sorted; where models read bytes, the others of their scripts as well, so that a
    word is not [UNK] for a rare letter that is no piece."""
    whole = set().union(*map(_characters, pieces))
    bytewise = set().union(*(_characters(each) for each in pieces if each.kind == "byte-bpe"))
    blocks = {ord(character) // _BLOCK for character in bytewise}
    codes = (block * _BLOCK + place for block in sorted(blocks) if block < _HAN // _BLOCK for place in range(_BLOCK))
    near = {chr(code) for code in codes if ucd_3_2_0.category(chr(code))[0] in "LMNPS"}
    joiners = {"\u200c", "\u200d"} if near else set()
    return sorted(character for character in whole | near | joiners if not character.isspace())


def _characters(pieces: Pieces) -> set[str]:
    return {character for surface in pieces.surfaces for character in surface or ""}


def _words_of_letters(leader: Tokenizer) -> splits.PreTokenizer:
    """As BERT: words end at white space and punctuation, and around Han characters where `leader` does so."""
    if len(words_of(leader, "中国人")) == 1:
        return splits.BertPreTokenizer()
    return splits.Sequence([splits.Split(Regex(r"\p{Han}"), "isolated"), splits.BertPreTokenizer()])


def _wordpiece(vocabulary: Mapping[str, int], longest: int) -> Model:
    return WordPiece(
        dict(vocabulary),
        unk_token=_UNKNOWN,
        continuing_subword_prefix=CONTINUATION,
        max_input_chars_per_word=longest,
    )
