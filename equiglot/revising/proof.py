"""What trimming a vocabulary changes: how text is cut, what the model makes of it, and the card that says so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor

from equiglot.errors import InputError
from equiglot.models.cards import card_head, card_languages
from equiglot.models.trimming import longest_input
from equiglot.models.whole import load_whole
from equiglot.vocabulary import Reduction, text_encoder

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

TOLERANCE = 1e-5
"""How far logits of kept entries may be from what they were, as a share of the largest: a matrix of another shape is
multiplied in another order."""
_HEAD = "| language | sentences | cut as before | unknown tokens | tokens a word |\n|---|---:|---:|---:|---:|"
_LONGEST = 64  # tokens of a sentence or row that the models are compared on
_ROWS = 4  # of entries, which are compared whatever the text is
_FIX = "use a model of an architecture that transformers has, with the tokenizer that it was trained with"
_Integers = npt.NDArray[np.int64]


class SegmentationCounts(BaseModel):
    """How sentences of a language are cut by a tokenizer before and after it was changed; rates are of its tokens."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    language: str
    sentences: int
    words: int
    """What stands between spaces."""
    tokens_before: int
    tokens_after: int
    unknown_before: int
    unknown_after: int

    @property
    def unknown_rates(self) -> tuple[float, float]:
        """The share of the tokens that are the unknown one, before and after."""
        return self.unknown_before / max(1, self.tokens_before), self.unknown_after / max(1, self.tokens_after)

    @property
    def fertilities(self) -> tuple[float, float]:
        """Tokens a word, before and after."""
        return self.tokens_before / max(1, self.words), self.tokens_after / max(1, self.words)


class TextProof(SegmentationCounts):
    """What trimming changes of that."""

    kept: bool
    """Whether the model was trimmed to this language; else the numbers say what it can no longer do."""
    same: int
    """Of the sentences, those that are cut as before."""
    whole: int
    """Of the sentences, those all of whose entries were kept, without an unknown token."""
    whole_same: int
    """Of these, those that are cut as before: all of them."""

    @property
    def same_share(self) -> float:
        """The share of the sentences that are cut as before."""
        return self.same / max(1, self.sentences)


class ModelProof(BaseModel):
    """What the two models make of the same input."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str
    """The class of the model."""
    sentences: int
    """Held-out ones all of whose entries were kept, special tokens around them; maybe none."""
    entries: int
    """Kept entries, spread evenly over the vocabulary, that stood in rows, in the order of their ids."""
    hidden_states_equal: bool
    """Whether the last hidden states of all of that are equal, bit by bit."""
    largest_difference: float | None
    """Between logits of kept entries, or a head's other outputs, before and after; None for a model without a head."""
    parameters_before: int
    parameters_after: int

    @property
    def compared(self) -> str:
        """What the models were compared on, in words."""
        rows = f"{self.entries:,} of the entries in rows"
        return f"{self.sentences:,} sentences and {rows}" if self.sentences else rows


def prove_text(
    before: PreTrainedTokenizerFast, reduction: Reduction, lines: Sequence[str], language: str, *, kept: bool
) -> TextProof:
    """Cuts sentences with both tokenizers.

    Raises:
        InputError: a sentence whose entries were all kept is cut otherwise than before: such a tokenizer is not known.
    """
    new, after = reduction.new_ids, reduction.tokenizer
    rows = cut_both(before, after, lines)
    same = [len(old) == len(now) and bool((new[old] == now).all()) for old, now in rows]
    whole = [_is_whole(old, new, before.unk_token_id) for old, _ in rows]
    for line, is_whole, is_same in zip(lines, whole, same, strict=True):
        if is_whole and not is_same:
            raise InputError(
                f"This tokenizer cannot be trimmed: text is cut otherwise though all of its entries stay: {line[:80]}",
                where=before.name_or_path or None,
                fix="Use a model with WordPiece, Unigram or BPE as transformers has them.",
            )
    return TextProof(
        **count_cuts(language, lines, rows, (before, after)),
        kept=kept,
        same=sum(same),
        whole=sum(whole),
        whole_same=sum(a and b for a, b in zip(whole, same, strict=True)),
    )


def cut_both(
    before: PreTrainedTokenizerFast, after: PreTrainedTokenizerFast, lines: Sequence[str]
) -> list[tuple[_Integers, _Integers]]:
    """The ids of each sentence by either tokenizer, int64 [tokens] each, without special tokens."""
    return list(zip(_encode(before, lines), _encode(after, lines), strict=True))


def count_cuts(
    language: str,
    lines: Sequence[str],
    rows: Sequence[tuple[_Integers, _Integers]],
    tokenizers: tuple[PreTrainedTokenizerFast, PreTrainedTokenizerFast],
) -> dict[str, Any]:
    """The fields of `SegmentationCounts`, of sentences and what both tokenizers make of each (`cut_both`)."""
    ends = ("before", "after")
    tokens = {f"tokens_{end}": sum(len(row[place]) for row in rows) for place, end in enumerate(ends)}
    unknown = {
        f"unknown_{end}": sum(int(np.count_nonzero(row[place] == one.unk_token_id)) for row in rows)
        for place, (end, one) in enumerate(zip(ends, tokenizers, strict=True))
    }
    words = sum(len(line.split()) for line in lines)
    return {"language": language, "sentences": len(lines), "words": words, **tokens, **unknown}


def whole_sentences(before: PreTrainedTokenizerFast, reduction: Reduction, lines: Sequence[str]) -> list[str]:
    """The sentences all of whose entries were kept, without an unknown token; of those that have any entries."""
    new, unknown, rows = reduction.new_ids, before.unk_token_id, _encode(before, lines)
    return [line for line, old in zip(lines, rows, strict=True) if len(old) and _is_whole(old, new, unknown)]


def prove_model(
    before: Path, after: Path, tokenizer: PreTrainedTokenizerFast, reduction: Reduction, lines: Sequence[str]
) -> ModelProof:
    """Runs both models on sentences all of whose entries were kept, special tokens around them, and on rows of entries,
    which prove something where there are few such sentences, or none.

    Only one of the models is in memory at a time.

    Raises:
        InputError: the models do not load; or they differ by more than rounding.
    """
    longest = min(_LONGEST, tokenizer.model_max_length, longest_input(before))
    old, now = (
        [one(line, truncation=True, max_length=longest)["input_ids"] for line in ("", *lines)]
        for one in (tokenizer, reduction.tokenizer)
    )
    if [reduction.new_ids[ids].tolist() for ids in old] != now:
        raise InputError("the special tokens around text are not those that were there before", where=before, fix=_FIX)
    entries = np.setdiff1d(reduction.kept, tokenizer.all_special_ids)
    entries = entries[_spread(len(entries), _ROWS * longest)]
    read = [*old[1:], *(entries[first : first + longest].tolist() for first in range(0, len(entries), longest))]
    kind, parameters, first = _outputs(before, read, torch.from_numpy(reduction.kept))
    _, parameters_after, second = _outputs(after, [reduction.new_ids[ids].tolist() for ids in read], None)
    equal = all(torch.equal(a, b) for (a, _), (b, _) in zip(first, second, strict=True))
    heads = [(a, b) for (_, a), (_, b) in zip(first, second, strict=True) if a is not None and b is not None]
    difference = max((float((a - b).abs().max()) for a, b in heads), default=None)
    largest = max((float(a.abs().max()) for a, _ in heads), default=0.0)
    if not equal or (difference or 0.0) > TOLERANCE * max(1.0, largest):
        what = f"the trimmed model does not compute what the model did (logits differ by {difference})"
        raise InputError(what, where=before, fix=_FIX)
    return ModelProof(
        kind=kind,
        sentences=len(lines),
        entries=len(entries),
        hidden_states_equal=equal,
        largest_difference=difference,
        parameters_before=parameters,
        parameters_after=parameters_after,
    )


def _is_whole(old: _Integers, new: _Integers, unknown: int | None) -> bool:
    """An unknown word of WordPiece may be known afterwards: with a long piece gone, shorter ones are found."""
    return bool((new[old] >= 0).all()) and unknown not in old


def _spread(count: int, most: int) -> _Integers:
    """At most so many of the places 0 to count - 1, evenly spread."""
    return np.arange(min(count, most)) * count // max(1, min(count, most))


def _encode(tokenizer: PreTrainedTokenizerFast, lines: Sequence[str]) -> Iterator[_Integers]:
    for encoding in text_encoder(tokenizer).encode_batch(list(lines), add_special_tokens=False):
        yield np.array(encoding.ids, np.int64)


_LOGITS = ("logits", "prediction_logits", "start_logits", "end_logits")
"""What heads call their outputs; that of questions gives the last two."""


@torch.no_grad()
def _outputs(
    folder: Path, rows: Sequence[Sequence[int]], kept: Tensor | None
) -> tuple[str, int, list[tuple[Tensor, Tensor | None]]]:
    """Class and parameters of a model; and of each row the last hidden states, float32 [1, n, width], and what the head
    gives: logits of the `kept` entries, or all that it gives where it has nothing to do with the vocabulary."""
    model = load_whole(folder)
    outputs: list[tuple[Tensor, Tensor | None]] = []
    for row in rows:
        inputs = torch.tensor([row])
        hidden = model.base_model(input_ids=inputs)[0]
        given = model(input_ids=inputs)
        found = [given[name] for name in _LOGITS if name in given]
        logits = torch.stack(found) if len(found) > 1 else next(iter(found), None)
        if logits is not None and kept is not None and logits.shape[-1] == model.config.vocab_size:
            logits = logits[..., kept]
        outputs.append((hidden, logits))
    return type(model).__name__, model.num_parameters(), outputs


def trim_card(
    languages: Sequence[str], source: str, chosen_by: str, texts: Sequence[TextProof], model: ModelProof
) -> str:
    """The card in Markdown; its first lines are the hub's fields."""
    kept = [each for each in texts if each.kept]
    others = [each for each in texts if not each.kept]
    name = source.replace("`", "'").replace("\n", " ")
    parts = [
        card_head({"language": card_languages(languages), "tags": ["trimmed"]}).rstrip(),
        f"# {', '.join(languages)}, out of `{name}`",
        f"The weights are those of `{name}` ({model.kind}), but that only vocabulary entries needed for "
        f"{', '.join(languages)} are left ({chosen_by}): {model.parameters_before:,} parameters became "
        f"{model.parameters_after:,}. Its licence is that model's.",
        f"Text whose entries were all kept is cut as before, and its last hidden states are equal bit by bit (compared "
        f"on {model.compared}). On sentences that chose no entry, before and after:",
        "\n".join([_HEAD, *map(_row, kept)]),
        "`trim.json` has every number, `old_ids.json` the old id of each new one.",
    ]
    if others:
        parts += ["## What it can no longer do", "\n".join([_HEAD, *map(_row, others)])]
    else:
        parts += [
            "## What it can no longer do",
            "Languages that were not chosen: what it lost there is not measured.",
        ]
    return "\n\n".join(parts) + "\n"


def _row(text: TextProof) -> str:
    if not text.sentences:
        return f"| {text.language} | 0 | – | – | – |"
    (unknown, unknown_after), (fertility, fertility_after) = text.unknown_rates, text.fertilities
    return (
        f"| {text.language} | {text.sentences:,} | {text.same_share:.1%} | {unknown:.2%} to {unknown_after:.2%} | "
        f"{fertility:.2f} to {fertility_after:.2f} |"
    )
