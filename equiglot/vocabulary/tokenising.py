"""From sentences to tokenised text: encodes a split, cuts what is too long, counts what came out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict
from tokenizers import Tokenizer
from tokenizers.models import WordPiece

from equiglot.corpus import read_sentences
from equiglot.files import atomic_folder
from equiglot.vocabulary.tokens import FILES, SENTENCES

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

_BATCH = 2000
_Integers = npt.NDArray[np.int64]


def text_encoder(tokenizer: PreTrainedTokenizerFast) -> Tokenizer:
    """A copy of a tokenizer's encoder for text as it is: nothing is cut or padded, and a [MASK] in it is text."""
    backend = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    backend.no_truncation()
    backend.no_padding()
    backend.encode_special_tokens = True
    return backend


def id_count(tokenizer: PreTrainedTokenizerFast) -> int:
    """How many ids a tokenizer's entries span, gaps included."""
    return int(max(tokenizer.get_vocab().values())) + 1


def unknown_id(tokenizer: PreTrainedTokenizerFast) -> int:
    """The id of the unknown token; of the mask, where a tokenizer has none because its bytes write everything."""
    found = tokenizer.mask_token_id if tokenizer.unk_token_id is None else tokenizer.unk_token_id
    return int(found)


class TokenStatistics(BaseModel):
    """Counts over a tokenised split; words are what the pre-tokeniser makes (punctuation marks are words too)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sequences: int = 0
    sentences: int = 0
    """Sentences with at least one token; those that were cut gave more than one sequence."""
    cut: int = 0
    """Sentences longer than the limit."""
    empty: int = 0
    """Sentences in which the tokenizer saw nothing; they gave no sequence."""
    tokens: int = 0
    characters: int = 0
    words: int = 0
    continued_words: int = 0
    """Words of more than one token."""
    unknown_tokens: int = 0

    @property
    def fertility(self) -> float:
        """Tokens per word (Rust et al. 2021, section 3.1); 1 is the least."""
        return self.tokens / self.words if self.words else 0.0

    @property
    def continued_share(self) -> float:
        """The share of words that are cut into more than one token (Rust et al. 2021, section 3.1)."""
        return self.continued_words / self.words if self.words else 0.0

    @property
    def unknown_rate(self) -> float:
        """The share of tokens that are the unknown token."""
        return self.unknown_tokens / self.tokens if self.tokens else 0.0

    def __add__(self, other: TokenStatistics) -> TokenStatistics:
        """The counts of both together."""
        return TokenStatistics(**{name: getattr(self, name) + getattr(other, name) for name in type(self).model_fields})


def tokenise_split(sentences: Path, tokenizer: PreTrainedTokenizerFast, max_tokens: int, into: Path) -> TokenStatistics:
    """Writes the sentences of an Arrow file as token ids to the folder `into`, in order, without special tokens.

    Sentences of more than `max_tokens` tokens become several sequences, one after the other; nothing is lost. A
    `[MASK]` that stands in the text is text, not the mask. Memory does not grow with the text.

    Args:
        sentences: Arrow file, one sentence a row.
        tokenizer: any fast tokenizer.
        max_tokens: tokens that a sequence has at most, special ones not counted.
        into: gets ids.npy (uint16, or uint32 where an id is larger than 65,535), offsets.npy and
            characters.npy (see `TokenizedText`) and sentences.npy (int64 [sequences], which sentence of the file each
            comes from); appears complete or not at all.
    """
    if max_tokens < 1:
        raise ValueError(f"a sequence needs at least one token, not {max_tokens}")
    encoder = _Encoder.of(tokenizer)
    dtype = np.dtype(np.uint16 if id_count(tokenizer) <= 1 << 16 else np.uint32)
    total = TokenStatistics()
    with atomic_folder(into) as folder, ExitStack() as stack:
        dtypes = (dtype, *[np.dtype(np.int64)] * 3)
        ids, offsets, characters, numbers = (
            stack.enter_context(_ArrayWriter(folder / name, kind))
            for name, kind in zip((*FILES, SENTENCES), dtypes, strict=True)
        )
        offsets.append(np.zeros(1, np.int64))
        characters.append(np.zeros(1, np.int64))
        for batch in read_sentences(sentences, batch=_BATCH):
            encoded = encoder.encode(batch)
            rows, lengths, spans = encoder.cut(batch, encoded.lengths, max_tokens)
            ids.append(encoded.ids)
            offsets.append(total.tokens + np.cumsum(lengths))
            characters.append(total.characters + np.cumsum(spans))
            numbers.append(total.sentences + total.empty + rows)
            total += _count(encoded, spans, max_tokens, encoder.unknown)
    return total


@dataclass(frozen=True)
class _Encoded:
    """A batch of sentences as ids: all [tokens], one sentence after the other, and lengths [sentences]."""

    ids: _Integers
    lengths: _Integers
    continues: npt.NDArray[np.bool_]
    """For each token: does it go on with the word of the token before it?"""


@dataclass(frozen=True)
class _Encoder:
    """The Rust encoder of a tokenizer, without special tokens, truncation and padding."""

    backend: Tokenizer
    unknown: int
    continuing: npt.NDArray[np.bool_] | None
    """For each id: is it a continuing piece? None where the pieces do not tell (all but WordPiece)."""

    @classmethod
    def of(cls, tokenizer: PreTrainedTokenizerFast) -> _Encoder:
        backend = text_encoder(tokenizer)
        unknown = -1 if tokenizer.unk_token_id is None else int(tokenizer.unk_token_id)
        return cls(backend, unknown, _continuing_pieces(backend))

    def encode(self, batch: list[str]) -> _Encoded:
        if self.continuing is None:
            return self._encode_by_words(batch)
        rows = [encoding.ids for encoding in self.backend.encode_batch_fast(batch, add_special_tokens=False)]
        lengths = np.array([len(row) for row in rows], np.int64)
        ids = np.fromiter(chain.from_iterable(rows), np.int64, count=int(lengths.sum()))
        return _Encoded(ids, lengths, self.continuing[ids])

    def _encode_by_words(self, batch: list[str]) -> _Encoded:
        encodings = self.backend.encode_batch(batch, add_special_tokens=False)
        lengths = np.array([len(encoding) for encoding in encodings], np.int64)
        ids = np.fromiter(chain.from_iterable(e.ids for e in encodings), np.int64, count=int(lengths.sum()))
        return _Encoded(ids, lengths, np.array(list(chain.from_iterable(map(_repeats, encodings))), np.bool_))

    def cut(self, batch: list[str], lengths: _Integers, max_tokens: int) -> tuple[_Integers, _Integers, _Integers]:
        """The sequences that sentences of these lengths [m] become: the sentence, the tokens and the characters of
        each, int64 [sequences]."""
        pieces = -(-lengths // max_tokens)
        first = np.cumsum(pieces) - pieces
        place = np.arange(pieces.sum()) - np.repeat(first, pieces)
        sequences = np.minimum(max_tokens, np.repeat(lengths, pieces) - place * max_tokens)
        spans = np.repeat(np.array([len(text) for text in batch], np.int64), pieces)
        for index in np.flatnonzero(pieces > 1):
            spans[first[index] : first[index] + pieces[index]] = self._spans(batch[index], max_tokens)
        return np.repeat(np.arange(len(batch)), pieces), sequences, spans

    def _spans(self, text: str, max_tokens: int) -> _Integers:
        """Characters of each of the sequences that a sentence is cut into; a sequence begins where its token does."""
        starts = np.array([start for start, _ in self.backend.encode(text, add_special_tokens=False).offsets])
        borders = np.maximum.accumulate(starts[max_tokens::max_tokens])
        return np.diff(borders, prepend=0, append=len(text)).astype(np.int64)


def _continuing_pieces(backend: Tokenizer) -> npt.NDArray[np.bool_] | None:
    if not isinstance(backend.model, WordPiece):
        return None
    table = np.zeros(max(backend.get_vocab().values()) + 1, np.bool_)
    prefix = backend.model.continuing_subword_prefix
    table[[identity for piece, identity in backend.get_vocab(False).items() if piece.startswith(prefix)]] = True
    # The bare prefix is two characters of text, each a word.
    if (bare := backend.token_to_id(prefix)) is not None:
        table[bare] = False
    return table


def _repeats(encoding: Any) -> Iterator[bool]:
    words = encoding.word_ids
    return (place > 0 and word is not None and word == words[place - 1] for place, word in enumerate(words))


def _count(encoded: _Encoded, spans: _Integers, max_tokens: int, unknown: int) -> TokenStatistics:
    begins = ~encoded.continues
    return TokenStatistics(
        sequences=len(spans),
        sentences=int(np.count_nonzero(encoded.lengths)),
        cut=int(np.count_nonzero(encoded.lengths > max_tokens)),
        empty=int(np.count_nonzero(encoded.lengths == 0)),
        tokens=len(encoded.ids),
        characters=int(spans.sum()),
        words=int(np.count_nonzero(begins)),
        continued_words=int(np.count_nonzero(begins[:-1] & encoded.continues[1:])),
        unknown_tokens=int(np.count_nonzero(encoded.ids == unknown)),
    )


class _ArrayWriter:
    """Writes a one-dimensional .npy file piece by piece; the length is filled into the header at the end."""

    def __init__(self, path: Path, dtype: np.dtype[Any]) -> None:
        self.path, self.dtype, self.length = path, dtype, 0

    def __enter__(self) -> Self:
        self.file = self.path.open("wb")
        self._write_header()
        return self

    def append(self, values: npt.NDArray[Any]) -> None:
        self.file.write(values.astype(self.dtype, copy=False).data)
        self.length += len(values)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            # numpy leaves room for the longest possible length, so the second header is as long as the first.
            self.file.seek(0)
            self._write_header()
        self.file.close()

    def _write_header(self) -> None:
        header = {"descr": np.lib.format.dtype_to_descr(self.dtype), "fortran_order": False, "shape": (self.length,)}
        np.lib.format.write_array_header_1_0(self.file, header)
