"""Out of a massively multilingual model a small one for the languages that someone needs, with the proof beside it."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict
from transformers import PreTrainedTokenizerFast

from equiglot.errors import InputError
from equiglot.evaluation.external import stream_lines
from equiglot.evaluation.trim_proof import ModelProof, TextProof, prove_model, prove_text, trim_card, whole_sentences
from equiglot.hashing import digest
from equiglot.models import find_or_fetch
from equiglot.models.trimming import check_trimmable, copy_modules, ids_that_stay, trim_weights, vocabulary_bytes
from equiglot.run import CARD, atomic_folder, write_json, write_text
from equiglot.vocabulary import (
    MIN_SENTENCE_SHARE,
    EntryCounts,
    Reduction,
    choose_entries,
    count_entries,
    load_tokenizer,
    reduce_tokenizer,
    write_tokenizer,
)

PROOF, ID_MAP = "trim.json", "old_ids.json"
"""What stands beside the model: what was proved, and the old id of each new one."""
HELD_OUT = 0.1
"""The share of each language's sentences that choose nothing, and prove what was chosen."""
MOST_HELD_OUT = 2000
_MODEL_SENTENCES = 4  # a language, on which the models are compared
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9}


@dataclass(frozen=True)
class TrimSettings:
    """How much of a vocabulary stays.

    Attributes:
        languages: those that the model is for; all that have text if None.
        share: an entry stays if it is found in this share of the sentences of any of them (paper 4, section 5).
        size: entries at most, in place of `share`.
        fit: bytes that weights and tokenizer.json may have together, in place of both.
        keep_text: text that must be cut as before, whatever it is (labels, prompts, emoji).
    """

    languages: tuple[str, ...] | None = None
    share: float = MIN_SENTENCE_SHARE
    size: int | None = None
    fit: int | None = None
    keep_text: Path | None = None


class TrimRecord(BaseModel):
    """What was trimmed, and what that changed; stands beside the model as trim.json."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str
    languages: tuple[str, ...]
    chosen_by: str
    sentences: dict[str, int]
    """Language -> sentences that chose the entries; those of `texts` are others."""
    entries_before: int
    entries_after: int
    bytes_before: int
    bytes_after: int
    """Of the weights' files."""
    texts: tuple[TextProof, ...]
    model: ModelProof


def trim_model(
    source: str,
    texts: Mapping[str, Path],
    into: Path,
    settings: TrimSettings,
    progress: Callable[[str], None] = lambda what: None,
) -> TrimRecord:
    """Trims a model to the vocabulary entries that some languages need, and proves it on text held out of the choice.

    The folder that is written loads with `from_pretrained` as the model did. Hidden states of text whose entries all
    stay are equal bit by bit. Beside the model stand `PROOF`, `ID_MAP` and a model card.

    Args:
        source: a model folder, RUN/model, or a name on the hub.
        texts: language -> plain text, a sentence or paragraph a line; of languages that are not chosen, too, to show
            what the trimmed model can no longer do.
        into: made; nothing may be there.
        settings: what stays.
        progress: told what is being done.

    Raises:
        InputError: the model or its tokenizer cannot be trimmed; a language has no text, or none that the vocabulary
            knows; a size that cannot be met; something is at `into`; or the proof fails.
    """
    languages = _languages(texts, settings)
    if into.exists() or into.is_symlink():
        raise InputError("something is there already", where=into, fix="choose another --into")
    progress("looking at the model")
    folder = find_or_fetch(source)
    check_trimmable(folder)
    tokenizer = load_tokenizer(folder)
    held = {code: _held_lines(path, every=code not in languages) for code, path in texts.items()}
    counts = {code: _count(tokenizer, code, texts[code], progress) for code in languages}
    progress("choosing entries")
    reduction, chosen_by = _reduce(folder, tokenizer, counts, settings)
    proofs = [prove_text(tokenizer, reduction, held[code], code, kept=code in languages) for code in texts]
    with atomic_folder(into) as made:
        progress("cutting the weights")
        trim_weights(folder, reduction.kept, made)
        write_tokenizer(reduction.tokenizer, made)
        copy_modules(folder, made)
        progress("comparing the models")
        reduction = Reduction(load_tokenizer(made), reduction.kept, reduction.old_size)
        lines = [line for code in languages for line in _shown(tokenizer, reduction, held[code])]
        record = TrimRecord(
            source=Path(source).name if Path(source).is_dir() else source,  # nobody else has this path
            languages=languages,
            chosen_by=chosen_by,
            sentences={code: count.sentences for code, count in counts.items()},
            entries_before=len(tokenizer),
            entries_after=len(reduction.kept),
            bytes_before=_weight_bytes(folder),
            bytes_after=_weight_bytes(made),
            texts=tuple(proofs),
            model=prove_model(folder, made, tokenizer, reduction, ["", *lines]),
        )
        write_json(made / PROOF, record.model_dump())
        write_json(made / ID_MAP, _id_map(reduction))
        write_text(
            made / CARD, trim_card(record.languages, record.source, record.chosen_by, record.texts, record.model)
        )
    return record


def read_bytes_of(text: str) -> int:
    """60MB, 1.5GB, 800K: a number of bytes; M is a million.

    Raises:
        InputError: not written so.
    """
    match = re.fullmatch(r"([0-9]{1,15}(?:\.[0-9]{1,9})?)\s*([KMG]?)B?", text.strip().upper())
    if match is None or float(match[1]) == 0:
        raise InputError(f"{text!r} is no size", where="--fit", fix="write it as 60MB")
    return int(float(match[1]) * _UNITS[match[2]])


def _languages(texts: Mapping[str, Path], settings: TrimSettings) -> tuple[str, ...]:
    languages = settings.languages or tuple(texts)
    if missing := [code for code in languages if code not in texts]:
        fix = f"add --text {missing[0]}=FILE"
        raise InputError(f"there is no text in {', '.join(missing)}", where="--languages", fix=fix)
    if not languages:
        raise InputError("there is no text to choose entries by", where="--text", fix="write it as sl=corpora/sl.txt")
    return tuple(dict.fromkeys(languages))


def _count(
    tokenizer: PreTrainedTokenizerFast, language: str, path: Path, progress: Callable[[str], None]
) -> EntryCounts:
    progress(f"reading {language}")
    count = count_entries(tokenizer, (line for line in stream_lines(path) if not _is_held_out(line)))
    if not count.sentences:
        what = f"the text in {language} is too little: a tenth of its lines prove what the others choose"
        raise InputError(what, where=path, fix="give some hundred lines or more")
    return count


def _reduce(
    folder: Path, tokenizer: PreTrainedTokenizerFast, counts: Mapping[str, EntryCounts], settings: TrimSettings
) -> tuple[Reduction, str]:
    """The reduced tokenizer, and in words by what it was chosen."""
    also = {*ids_that_stay(folder)} & {*tokenizer.get_vocab().values()}
    if settings.keep_text is not None:
        also |= {*np.flatnonzero(count_entries(tokenizer, stream_lines(settings.keep_text)).found).tolist()}
    if settings.fit is not None:
        reduction = _fit(folder, tokenizer, counts, also, settings.fit)
        return reduction, f"as many entries as fit into {settings.fit:,} bytes"
    ids = choose_entries(tokenizer, counts, share=settings.share, size=settings.size, also=also)
    how = f"at most {settings.size:,}" if settings.size else f"found in {settings.share:.4g} of a language's sentences"
    return reduce_tokenizer(tokenizer, ids), how


def _fit(
    folder: Path,
    tokenizer: PreTrainedTokenizerFast,
    counts: Mapping[str, EntryCounts],
    also: set[int],
    budget: int,
) -> Reduction:
    """The largest vocabulary with which weights and tokenizer.json have at most `budget` bytes."""
    row, others = vocabulary_bytes(folder)

    def reduced(size: int) -> tuple[Reduction, int]:
        """With `size` entries at most, and its bytes."""
        reduction = reduce_tokenizer(tokenizer, choose_entries(tokenizer, counts, size=size, also=also))
        return reduction, len(reduction.kept) * row + others + _written_bytes(reduction.tokenizer)

    least = len(choose_entries(tokenizer, counts, share=2.0, also=also))
    reduction, smallest = reduced(least)
    if smallest > budget:
        what = f"the model does not fit into {budget:,} bytes: {smallest:,} are the least ({least:,} entries)"
        raise InputError(what, where="--fit", fix=f"give {smallest:,} or more, or fewer languages")
    more = len(tokenizer) - least
    written = (_written_bytes(tokenizer) - _written_bytes(reduction.tokenizer)) / max(1, more)
    size = least + int((budget - smallest) / (row + max(0.0, written)))
    while size > least:
        larger, needed = reduced(size)
        if needed <= budget:
            return larger
        size = min(size, len(larger.kept)) - -(-(needed - budget) // row)
    return reduction


def _written_bytes(tokenizer: PreTrainedTokenizerFast) -> int:
    return len(tokenizer.backend_tokenizer.to_str(pretty=True).encode())


def _is_held_out(line: str) -> bool:
    """By the line itself, so that a sentence that stands in a text twice is on one side."""
    return int.from_bytes(digest(line), "little") < HELD_OUT * 2**64


def _held_lines(path: Path, *, every: bool) -> list[str]:
    lines = (line for line in stream_lines(path) if every or _is_held_out(line))
    return [line for _, line in zip(range(MOST_HELD_OUT), lines, strict=False)]


def _shown(tokenizer: PreTrainedTokenizerFast, reduction: Reduction, lines: Sequence[str]) -> Iterator[str]:
    """Some sentences that the two models are compared on."""
    yield from whole_sentences(tokenizer, reduction, lines)[:_MODEL_SENTENCES]


def _id_map(reduction: Reduction) -> dict[str, int | list[int]]:
    kept: npt.NDArray[np.int64] = reduction.kept
    return {"old_size": reduction.old_size, "new_size": len(kept), "old_ids": kept.tolist()}


def _weight_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob("*.safetensors"))
