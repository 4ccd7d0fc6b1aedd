"""What the pieces of any tokenizer stand for: their letters, and whether they begin a word; how people read them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import WordPiece
from tokenizers.pre_tokenizers import ByteLevel

from equiglot.errors import InputError
from equiglot.vocabulary.settings import CONTINUATION, WORD_START, Algorithm

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

ROLES = ("padding", "unknown", "beginning", "end", "mask")
"""What special tokens are for, in the order of `SPECIAL_TOKENS`."""

_KINDS: Mapping[str, Algorithm] = {"WordPiece": "wordpiece", "Unigram": "unigram", "BPE": "bpe"}
UNUSED = re.compile(rf"{WORD_START}?(\[unused_?\d+\]|madeupword\d+|<unused_?\d+>|<extra_id_\d+>)")
"""Entries left free for later, as BERT, fairseq (RoBERTa), Gemma (mmBERT) and T5 (mDeBERTa) call them."""
_BYTE = re.compile(r"<0x([0-9A-F]{2})>")


@dataclass(frozen=True)
class Pieces:
    """The entries of a vocabulary, by id.

    Attributes:
        kind: how the tokenizer cuts words.
        tokens: each entry as it is written, `##` before a WordPiece that goes on; None for special tokens, entries left
            free for later, tokens that were added by hand, and gaps.
        surfaces: the letters of each; None as well where they are bytes that make no whole characters, or spaces. The
            space before a word that is an entry by itself (`▁`, `Ġ`) has no letters and begins a word: "".
        starts: bool [n], whether each says that it begins a word.
        roles: role -> id, of `ROLES`; byte-level BPE need have no unknown token.
    """

    kind: Algorithm
    tokens: tuple[str | None, ...]
    surfaces: tuple[str | None, ...]
    starts: npt.NDArray[np.bool_]
    roles: Mapping[str, int]


def pieces_of(tokenizer: PreTrainedTokenizerFast) -> Pieces:
    """Reads the vocabulary of a tokenizer: WordPiece, Unigram, or BPE of characters or bytes.

    `##ing` is ("ing", False), and so is `ing` of Unigram and BPE; `▁ing`, `Ġing` and WordPiece's `ing` are
    ("ing", True).

    Raises:
        InputError: another kind of tokenizer, pieces that do not say where words begin, or a special token is missing.
    """
    description = describe(tokenizer)
    model, kind = description["model"], algorithm_of(description, tokenizer)
    _refuse_unmarked(model, kind, tokenizer)
    roles = _roles(tokenizer, kind)
    tokens = _tokens(tokenizer, model.get("continuing_subword_prefix") or CONTINUATION)
    read = [(None, False) if token is None else _READ[kind](token) for token in tokens]
    return Pieces(
        kind=kind,
        tokens=tokens,
        surfaces=tuple(surface for surface, _ in read),
        starts=np.array([starts for _, starts in read], dtype=np.bool_),
        roles=roles,
    )


def describe(tokenizer: PreTrainedTokenizerFast) -> dict[str, Any]:
    """A tokenizer as its tokenizer.json says it."""
    return cast(dict[str, Any], json.loads(tokenizer.backend_tokenizer.to_str()))


def algorithm_of(description: Mapping[str, Any], tokenizer: PreTrainedTokenizerFast) -> Algorithm:
    """How a tokenizer (`description`: its `describe`) cuts words.

    Raises:
        InputError: in another way than WordPiece, Unigram or BPE.
    """
    name = description["model"]["type"]
    if name not in _KINDS:
        raise InputError(
            f"The tokenizer is of a kind that has no pieces with a meaning of their own: {name}.",
            where=tokenizer.name_or_path or None,
            fix="Use a model with WordPiece, Unigram or BPE.",
        )
    steps = json.dumps([description[step] for step in ("normalizer", "pre_tokenizer", "decoder")])
    return "byte-bpe" if name == "BPE" and '"type": "ByteLevel"' in steps else _KINDS[name]


class Borders:
    """Where a tokenizer begins a new word by itself, with no space in the text: around punctuation, for the most."""

    def __init__(self, backend: Tokenizer) -> None:
        self._backend = backend
        self._known: dict[str, int] = {}

    def before(self, character: str) -> bool:
        """Whether `character` begins a word even after a letter."""
        return self._words(f"a{character}") > 1

    def after(self, character: str) -> bool:
        """Whether a letter begins a word after `character`."""
        return self._words(f"{character}a") > 1

    def _words(self, text: str) -> int:
        if text not in self._known:
            self._known[text] = len(words_of(self._backend, text))
        return self._known[text]


def words_of(backend: Tokenizer, text: str) -> list[str]:
    """The words that a tokenizer makes of a text before it cuts them into pieces, without spaces."""
    text = normalised(backend, text)
    if backend.pre_tokenizer is None:
        return text.replace(WORD_START, " ").split()
    spans = (span for _, span in backend.pre_tokenizer.pre_tokenize_str(text))
    words = (text[start:end].strip(f" {WORD_START}") for start, end in spans)
    return [word for word in words if word]


def normalised(backend: Tokenizer, text: str) -> str:
    """What a tokenizer makes of a text before it cuts it."""
    return text if backend.normalizer is None else cast(str, backend.normalizer.normalize_str(text))


def _refuse_unmarked(model: Mapping[str, Any], kind: Algorithm, tokenizer: PreTrainedTokenizerFast) -> None:
    """Pieces that look alike at the beginning and inside of words cannot be told apart."""
    match kind:
        case "wordpiece":
            marked = bool(model["continuing_subword_prefix"])
        case "byte-bpe":
            marked = True
        case "bpe":
            other = model["continuing_subword_prefix"] or model["end_of_word_suffix"]
            marked = not other and any(token.startswith(WORD_START) for token in model["vocab"])
        case "unigram":
            marked = any(token.startswith(WORD_START) for token, _ in model["vocab"])
    if not marked:
        raise InputError(
            f"The pieces of this tokenizer ({kind}) do not say where words begin.",
            where=tokenizer.name_or_path or None,
            fix=f"Use a model that marks them: `{CONTINUATION}` inside of words, or `{WORD_START}` before words.",
        )


def _roles(tokenizer: PreTrainedTokenizerFast, kind: Algorithm) -> dict[str, int]:
    first = tokenizer.bos_token_id if tokenizer.cls_token_id is None else tokenizer.cls_token_id
    last = tokenizer.eos_token_id if tokenizer.sep_token_id is None else tokenizer.sep_token_id
    ids = (tokenizer.pad_token_id, tokenizer.unk_token_id, first, last, tokenizer.mask_token_id)
    found = {role: int(number) for role, number in zip(ROLES, ids, strict=True) if number is not None}
    missing = set(ROLES) - set(found) - ({"unknown"} if kind == "byte-bpe" else set())
    if missing:
        raise InputError(
            f"The tokenizer has no special token for: {', '.join(role for role in ROLES if role in missing)}.",
            where=tokenizer.name_or_path or None,
            fix="Use a masked language model with the tokenizer that it was trained with; tokenizer_config.json names "
            "the special tokens.",
        )
    return found


def _tokens(tokenizer: PreTrainedTokenizerFast, prefix: str) -> tuple[str | None, ...]:
    special = {number for number, token in tokenizer.added_tokens_decoder.items() if token.special}
    special |= set(tokenizer.all_special_ids)
    tokens: list[str | None] = [None] * (max(tokenizer.get_vocab().values()) + 1)
    for token, number in tokenizer.backend_tokenizer.get_vocab(with_added_tokens=False).items():
        if number not in special and not UNUSED.fullmatch(token):
            goes_on = token.startswith(prefix) and len(token) > len(prefix)
            tokens[number] = CONTINUATION + token[len(prefix) :] if goes_on else token
    return tuple(tokens)


def _read_wordpiece(token: str) -> tuple[str | None, bool]:
    if token == WORD_START:  # The union of mixed kinds has it: a space before a word, as a piece.
        return "", True
    if token.startswith(CONTINUATION) and len(token) > len(CONTINUATION):
        return token.removeprefix(CONTINUATION), False
    return token, True


def _read_marked(token: str) -> tuple[str | None, bool]:
    if byte := _BYTE.fullmatch(token):
        value = int(byte[1], 16)
        return (chr(value), False) if chr(value).isprintable() and value < 128 and value != 32 else (None, False)
    return _spaced(token.replace(WORD_START, " "))


def _read_bytes(token: str) -> tuple[str | None, bool]:
    try:
        letters = bytes(_BYTES[sign] for sign in token)
    except KeyError:  # An entry that was not learnt from bytes.
        return None, False
    try:
        return _spaced(letters.decode())
    except UnicodeDecodeError:
        return None, letters.startswith(b" ")


def _spaced(text: str) -> tuple[str | None, bool]:
    starts = text.startswith(" ")
    letters = text[starts:]
    return (None if text != " " and not letters.strip() else letters), starts


_READ: Mapping[Algorithm, Callable[[str], tuple[str | None, bool]]] = {
    "wordpiece": _read_wordpiece,
    "unigram": _read_marked,
    "bpe": _read_marked,
    "byte-bpe": _read_bytes,
}


def _byte_signs() -> dict[str, int]:
    """The sign that byte-level tokenizers write for each byte: itself where it can be seen, else one from U+0100 on."""
    seen = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    unseen = [byte for byte in range(256) if byte not in seen]
    signs = {chr(byte): byte for byte in seen} | {chr(0x100 + place): byte for place, byte in enumerate(unseen)}
    assert set(signs) == set(ByteLevel.alphabet())
    return signs


_BYTES = _byte_signs()


def readable_pieces(tokenizer: Tokenizer, text: str) -> tuple[str, ...]:
    """The pieces that `text` is cut into, without special tokens.

    A byte-level tokenizer writes a sign for each byte (`Ġà¤®` for ` म`); here its pieces are letters again, with ▁ for
    the space, and � for each part of a letter that is cut.
    """
    # Not the tokens of the encoding: where Unigram's id is that of [UNK], they show the character.
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    pieces = [str(tokenizer.id_to_token(identity)) for identity in ids]
    if "ByteLevel" not in str(tokenizer.decoder):
        return tuple(pieces)
    letters = ByteLevelDecoder()
    return tuple(letters.decode([piece]).replace(" ", WORD_START) for piece in pieces)


def piece_text(tokenizer: PreTrainedTokenizerFast, piece: int) -> str:
    """A piece of the vocabulary to read, in one way for all kinds: ## where it goes on with the word before it."""
    backend: Tokenizer = tokenizer.backend_tokenizer
    raw: str | None = backend.id_to_token(piece)
    if raw is None:  # a row of the model that no entry of the tokenizer belongs to
        return f"<{piece}>"
    if isinstance(backend.model, WordPiece) or piece in tokenizer.added_tokens_decoder:
        return raw
    space, text = WORD_START, raw.replace(WORD_START, " ")
    if "ByteLevel" in str(backend.decoder):
        letters = ByteLevelDecoder().decode([raw])
        space, text = "Ġ", raw if "\ufffd" in letters else letters  # some pieces are no whole characters
    return (text.strip() or raw) if raw.startswith(space) else CONTINUATION + text
