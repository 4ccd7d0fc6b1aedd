"""A vocabulary cut down to the entries that some languages need, so that text made of them is cut as before.

Paper 4 (Eliquare), section 5, VocabReduce: the entries that are found in at least 0.05 % of a language's sentences.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from tokenizers import AddedToken, Tokenizer
from tokenizers.pre_tokenizers import ByteLevel

from equiglot.errors import InputError
from equiglot.vocabulary.counting import EntryCounts
from equiglot.vocabulary.folder import further_special_tokens
from equiglot.vocabulary.mapping import VocabularyMap
from equiglot.vocabulary.pieces import UNUSED, algorithm_of, describe
from equiglot.vocabulary.sampling import choose_alphabet
from equiglot.vocabulary.settings import MIN_SENTENCE_SHARE, WORD_START
from equiglot.vocabulary.tokenising import id_count

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

ALPHABET_COVERAGE = 0.9999
"""Of each language's running characters, the share that keep an entry of their own: a word with a character that has
none is unknown as a whole, or in part."""

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Reduction:
    """A reduced tokenizer, and where its entries were before.

    Attributes:
        tokenizer: the reduced one.
        kept: int64 [new ids], the old id of each.
        old_size: ids before.
    """

    tokenizer: PreTrainedTokenizerFast
    kept: Integers
    old_size: int

    @property
    def new_ids(self) -> Integers:
        """The new id of each old one, int64 [old ids]; -1 where the entry is gone."""
        numbers = np.full(self.old_size, -1, np.int64)
        numbers[self.kept] = np.arange(len(self.kept))
        return numbers

    @property
    def mapping(self) -> VocabularyMap:
        """The same as a map between vocabularies, such as stored labels of the large model are read through."""
        numbers, unknown = self.new_ids, self.tokenizer.unk_token_id
        return VocabularyMap(
            inside=numbers,
            begin=numbers,
            breaks=np.zeros(self.old_size, np.bool_),
            unknown=-1 if unknown is None else int(unknown),
        )


def choose_entries(
    tokenizer: PreTrainedTokenizerFast,
    counts: Mapping[str, EntryCounts],
    *,
    share: float = MIN_SENTENCE_SHARE,
    size: int | None = None,
    also: Collection[int] = (),
) -> Integers:
    """The ids of the entries that stay, ascending; int64 [kept].

    With `share`, an entry stays if it is found in that share of the sentences of any language: each has a floor of its
    own, however little text it has (paper 4, section 5). With `size`, the languages take turns, each with the entry
    that is found in most of its sentences, until the vocabulary has `size` entries; it has fewer where the text has.

    Stays in any case: special tokens; tokens added by hand, but those left free for later; each language's alphabet
    (`ALPHABET_COVERAGE`), in WordPiece as `x` and as `##x`; bytes; what `also` names; and all that an entry of BPE is
    joined from, by every rule that makes it. So a sentence whose entries all stay, and none of which is the unknown
    token, is cut as before.

    Args:
        tokenizer: WordPiece, Unigram or BPE.
        counts: language -> what its text needs.
        share: of the sentences of a language, between 0 and 1.
        size: entries at most, in place of `share`.
        also: ids that must stay.

    Raises:
        InputError: a language in whose text nothing is known; or `size` is less than what must stay.
    """
    for language, count in counts.items():
        _check_known(tokenizer, language, count)
    close = _closing(describe(tokenizer)["model"])
    alphabet = choose_alphabet({code: count.characters for code, count in counts.items()}, ALPHABET_COVERAGE)
    kept = close(required_entries(tokenizer, alphabet) | {*also})
    if size is None:
        found = np.maximum.reduce([count.shares * (count.found > 0) for count in counts.values()])
        kept = kept | close(np.flatnonzero((found >= share) & (found > 0)).tolist())
    else:
        kept = _fill(kept, size, _in_turn([count.found for count in counts.values()]), close)
    known = set(tokenizer.get_vocab().values())
    return np.array(sorted(kept & known), np.int64)


def required_entries(tokenizer: PreTrainedTokenizerFast, alphabet: Iterable[str]) -> set[int]:
    """The ids of what a tokenizer needs whatever the text: special tokens, tokens added by hand, characters, bytes."""
    description = describe(tokenizer)
    model, entries = description["model"], entries_of(description["model"])
    ids = set(map(int, tokenizer.all_special_ids))
    ids |= _around(description["post_processor"])
    ids |= {each["id"] for each in description["added_tokens"] if not UNUSED.fullmatch(each["content"])}
    signs = set(alphabet)
    match algorithm_of(description, tokenizer):
        case "wordpiece":
            signs |= {model["continuing_subword_prefix"] + sign for sign in signs} | {model["unk_token"]}
        case "unigram":
            signs |= {WORD_START}
            ids |= _unknown_of_unigram(model)
        case "bpe":
            prefix, suffix = model["continuing_subword_prefix"] or "", model["end_of_word_suffix"] or ""
            signs = {*signs, *(prefix + sign for sign in signs)}
            signs |= {sign + suffix for sign in signs} | {WORD_START, model["unk_token"]}
        case "byte-bpe":
            signs = {*ByteLevel.alphabet(), model["unk_token"]}
    if model.get("byte_fallback"):
        signs |= {f"<0x{byte:02X}>" for byte in range(256)}
    return ids | {entries[sign] for sign in signs if sign in entries}


def reduce_tokenizer(tokenizer: PreTrainedTokenizerFast, kept: Integers) -> Reduction:
    """The tokenizer with the entries `kept` alone (int64 [new], old ids), in the order of their ids.

    Normaliser, rules for words and the template of special tokens stay; scores of Unigram are not normalised again, and
    merges of BPE keep their order. Tokens that are no entries of the tokenizer's model come last, as they must.

    Raises:
        InputError: the tokenizer numbers its entries in a way that cannot be kept up.
    """
    description = describe(tokenizer)
    entries = entries_of(description["model"])
    names = {number: token for token, number in tokenizer.get_vocab().items()}
    order = sorted(set(kept.tolist()), key=lambda number: (names[number] not in entries, number))
    new = {old: number for number, old in enumerate(order)}
    description["model"] |= _REDUCE[description["model"]["type"]](description["model"], new)
    description["added_tokens"] = sorted(
        ({**each, "id": new[each["id"]]} for each in description["added_tokens"] if each["id"] in new),
        key=lambda each: each["id"],
    )
    description["post_processor"] = _renumber(description["post_processor"], new)
    description["truncation"] = description["padding"] = None
    reduced = as_fast(tokenizer, description)
    if reduced.get_vocab() != {names[old]: number for old, number in new.items()}:
        raise InputError(
            "The entries of this tokenizer cannot be numbered anew: some have an id that another has, too.",
            where=tokenizer.name_or_path or None,
            fix="Use a model whose tokenizer gives each entry one id.",
        )
    return Reduction(reduced, np.array(order, np.int64), id_count(tokenizer))


def _check_known(tokenizer: PreTrainedTokenizerFast, language: str, count: EntryCounts) -> None:
    known = count.found.copy()
    if tokenizer.unk_token_id is not None:
        known[tokenizer.unk_token_id] = 0
    if not known.any():
        raise InputError(
            f"This vocabulary knows nothing of the text in {language}: it gives the unknown token alone.",
            where=f"{language}, {count.sentences:,} sentences",
            fix="Use a model that was trained on this language, or leave the language out.",
        )


def _fill(kept: set[int], size: int, candidates: Iterable[int], close: Callable[[Iterable[int]], set[int]]) -> set[int]:
    """As many of the candidates as fit, in their order, each with all that it is joined from."""
    if len(kept) > size:
        raise InputError(
            f"A vocabulary of {size:,} entries is too small: special tokens, alphabets, bytes and text to be kept take "
            f"{len(kept):,}.",
            where=f"--size {size}",
            fix=f"Give {len(kept):,} or more.",
        )
    kept = set(kept)
    for each in candidates:
        if len(kept) >= size:
            break
        if each not in kept and len(kept | (new := close([each]))) <= size:
            kept |= new
    return kept


def _in_turn(found: Sequence[Integers]) -> list[int]:
    """Ids that are found in any language, by their best rank in one."""
    best = np.full(len(found[0]), np.iinfo(np.int64).max)
    for each in found:
        order = np.lexsort((np.arange(len(each)), -each))
        ranks = np.empty(len(each), np.int64)
        ranks[order] = np.arange(len(each))
        best = np.where(each > 0, np.minimum(best, ranks), best)
    total = np.sum(found, axis=0)
    ordered = np.lexsort((np.arange(len(best)), -total, best))
    return [int(number) for number in ordered if total[number] > 0]


def _closing(model: Mapping[str, Any]) -> Callable[[Iterable[int]], set[int]]:
    """What gives ids with all that their entries are joined from, by whatever rule; but for BPE the ids themselves."""
    parts: dict[int, set[int]] = {}
    if model["type"] == "BPE":
        entries = entries_of(model)
        for left, right in merges_of(model):
            parts.setdefault(entries[joined_token(model, left, right)], set()).update((entries[left], entries[right]))

    def close(ids: Iterable[int]) -> set[int]:
        closed, waiting = set[int](), list(ids)
        while waiting:
            if (each := waiting.pop()) not in closed:
                closed.add(each)
                waiting.extend(parts.get(each, ()))
        return closed

    return close


def entries_of(model: Mapping[str, Any]) -> dict[str, int]:
    """The entries of a tokenizer's model, without tokens that were added to it."""
    if model["type"] == "Unigram":
        return {token: number for number, (token, _) in enumerate(model["vocab"])}
    return dict(model["vocab"])


def merges_of(model: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The pairs that a BPE joins, in their order."""
    pairs = (pair.split(" ") if isinstance(pair, str) else pair for pair in model["merges"])
    return [(left, right) for left, right in pairs]


def joined_token(model: Mapping[str, Any], left: str, right: str) -> str:
    """The entry that two adjacent pieces make: a prefix of pieces inside of words stands before it once."""
    return left + right[len(model.get("continuing_subword_prefix") or "") :]


def _unknown_of_unigram(model: Mapping[str, Any]) -> set[int]:
    """The unknown token, and the least probable entry: what an unknown character costs is counted from its score."""
    if model["unk_id"] is None:
        return set()
    scores = [score for _, score in model["vocab"]]
    return {model["unk_id"], int(np.argmin(scores))}


def _reduce_vocabulary(model: Mapping[str, Any], new: Mapping[int, int]) -> dict[str, Any]:
    return {"vocab": {token: new[old] for token, old in model["vocab"].items() if old in new}}


def _reduce_unigram(model: Mapping[str, Any], new: Mapping[int, int]) -> dict[str, Any]:
    vocabulary = [entry for old, entry in enumerate(model["vocab"]) if old in new]
    return {"vocab": vocabulary, "unk_id": None if model["unk_id"] is None else new[model["unk_id"]]}


def _reduce_bpe(model: Mapping[str, Any], new: Mapping[int, int]) -> dict[str, Any]:
    reduced = _reduce_vocabulary(model, new)
    known = reduced["vocab"].keys()
    merges = [
        [left, right]
        for left, right in merges_of(model)
        if left in known and right in known and joined_token(model, left, right) in known
    ]
    return {**reduced, "merges": merges}


_REDUCE: Mapping[str, Callable[[Mapping[str, Any], Mapping[int, int]], dict[str, Any]]] = {
    "WordPiece": _reduce_vocabulary,
    "Unigram": _reduce_unigram,
    "BPE": _reduce_bpe,
}


def _around(processor: Any) -> set[int]:
    """The ids that a post-processor puts around text."""
    match processor:
        case {"type": "Sequence", "processors": [*processors]}:
            return set[int]().union(*map(_around, processors))
        case {"type": "TemplateProcessing", "special_tokens": dict(tokens)}:
            return {number for each in tokens.values() for number in each["ids"]}
        case {"type": "BertProcessing" | "RobertaProcessing", "sep": [_, last], "cls": [_, first]}:
            return {last, first}
    return set()


def _renumber(processor: Any, new: Mapping[int, int]) -> Any:
    """A post-processor with the new ids of the special tokens that it puts around text."""
    match processor:
        case {"type": "Sequence", "processors": [*processors]}:
            return {**processor, "processors": [_renumber(each, new) for each in processors]}
        case {"type": "TemplateProcessing", "special_tokens": dict(tokens)}:
            moved = {name: {**each, "ids": [new[old] for old in each["ids"]]} for name, each in tokens.items()}
            return {**processor, "special_tokens": moved}
        case {"type": "BertProcessing" | "RobertaProcessing", "sep": [sep, last], "cls": [cls, first]}:
            return {**processor, "sep": [sep, new[last]], "cls": [cls, new[first]]}
    return processor


def as_fast(tokenizer: PreTrainedTokenizerFast, description: Mapping[str, Any]) -> PreTrainedTokenizerFast:
    """A tokenizer of another description (see `describe`), with the roles of special tokens that `tokenizer` has."""
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer.from_str(json.dumps(description))
    further = [each for each in further_special_tokens(tokenizer) if backend.token_to_id(each) is not None]
    added = {str(token): token for token in tokenizer.added_tokens_decoder.values()}
    roles = {
        role: added.get(token, AddedToken(token, special=True))
        for role, token in tokenizer.special_tokens_map.items()
        if isinstance(token, str)
    }
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        model_max_length=tokenizer.model_max_length,
        model_input_names=tokenizer.model_input_names,
        padding_side=tokenizer.padding_side,
        truncation_side=tokenizer.truncation_side,
        clean_up_tokenization_spaces=False,
        extra_special_tokens=further,
        **roles,
    )
