"""Out of a massively multilingual model a small one for the languages that someone needs, with the proof beside it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from equiglot.errors import InputError
from equiglot.evaluation.external import stream_lines
from equiglot.files import atomic_folder, write_json, write_text
from equiglot.hashing import digest
from equiglot.models import Part, exported_bytes_with, find_or_fetch, half_bytes, own_name
from equiglot.models.trimming import (
    check_trimmable,
    copy_modules,
    ids_that_stay,
    trim_weights,
    vocabulary_bytes,
)
from equiglot.models.validation import weight_bytes
from equiglot.revising.proof import ModelProof, TextProof, prove_model, prove_text, trim_card, whole_sentences
from equiglot.run import CARD
from equiglot.vocabulary import (
    EntryCounts,
    Reduction,
    ReductionSettings,
    choose_entries,
    count_entries,
    fit_entries,
    load_tokenizer,
    reduce_tokenizer,
    tokenizer_bytes,
    write_tokenizer,
)

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

PROOF, ID_MAP = "trim.json", "old_ids.json"
"""What stands beside the model: what was proved, and the old id of each new one."""
HELD_OUT = 0.1
"""The share of each language's sentences that choose nothing, and prove what was chosen."""
MOST_HELD_OUT = 2000
_MODEL_SENTENCES = 4  # a language, on which the models are compared


@dataclass(frozen=True)
class TrimText:
    """Text of one language.

    Attributes:
        choosing: the sentences by which entries are chosen, to be read once; none of a language that is not kept.
        held_out: sentences that prove what was chosen.
        where: what names the text in messages.
    """

    choosing: Iterable[str]
    held_out: Sequence[str]
    where: str


def trim_texts(paths: Mapping[str, Path], kept: Collection[str]) -> dict[str, TrimText]:
    """Texts of files, a sentence or paragraph a line, in which a tenth is held out by the lines themselves.

    Args:
        paths: language -> file.
        kept: the languages that a model is to keep; the others are held out as a whole.
    """
    texts = {}
    for code, path in paths.items():
        chosen = (line for line in stream_lines(path) if not _is_held_out(line)) if code in kept else ()
        held = (line for line in stream_lines(path) if code not in kept or _is_held_out(line))
        texts[code] = TrimText(chosen, list(islice(held, MOST_HELD_OUT)), str(path))
    return texts


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
    """Of the model's files of weights; a parser beside it, or predictions, do not count."""
    texts: tuple[TextProof, ...]
    model: ModelProof


def trim_model(
    source: str,
    texts: Mapping[str, TrimText],
    into: Path,
    amount: ReductionSettings,
    *,
    languages: Sequence[str],
    keep_text: Path | None = None,
    students: Sequence[Part] = (),
    progress: Callable[[str], None] = lambda what: None,
) -> TrimRecord:
    """Trims a model to the vocabulary entries that some languages need, and proves it on text held out of the choice.

    The folder that is written loads with `from_pretrained` as the model did. Hidden states of text whose entries all
    stay are equal bit by bit. Beside the model stand `PROOF`, `ID_MAP` and a model card.

    Args:
        source: a model folder, RUN/model, or a name on the hub.
        texts: language -> its text; of languages that are not kept, too, to show what the trimmed model can no longer
            do.
        into: made; what is there already is replaced.
        amount: how many entries stay.
        languages: those that the model is for.
        keep_text: text that must be cut as before, whatever it is (labels, prompts, emoji).
        students: parts of the model that are to start from it and must fit into a size (`fit`): fewer entries stay,
            where half of its layers would not fit beside them; not fewer than it must have.
        progress: told what is being done.

    Raises:
        InputError: the model or its tokenizer cannot be trimmed; a language has no text, or none that the vocabulary
            knows; a size that cannot be met; or the proof fails.
    """
    progress("looking at the model")
    folder = find_or_fetch(source)
    check_trimmable(folder)
    tokenizer = load_tokenizer(folder)
    counts = {code: _count(tokenizer, code, texts[code], progress) for code in dict.fromkeys(languages)}
    progress("choosing entries")
    also = {*ids_that_stay(folder)} & {*tokenizer.get_vocab().values()}
    if keep_text is not None:
        also |= {*np.flatnonzero(count_entries(tokenizer, stream_lines(keep_text)).found).tolist()}
    reduction, chosen_by = _reduce(folder, tokenizer, counts, amount, also)
    for student in students:
        reduction, chosen_by = _leave_room(folder, tokenizer, counts, also, student, (reduction, chosen_by))
    proofs = [
        prove_text(tokenizer, reduction, text.held_out, code, kept=code in counts) for code, text in texts.items()
    ]
    with atomic_folder(into) as made:
        progress("cutting the weights")
        trim_weights(folder, reduction.kept, made)
        write_tokenizer(reduction.tokenizer, made)
        copy_modules(folder, made)
        progress("comparing the models")
        reduction = Reduction(load_tokenizer(made), reduction.kept, reduction.old_size)
        lines = [line for code in counts for line in _shown(tokenizer, reduction, texts[code].held_out)]
        record = TrimRecord(
            source=own_name(source),
            languages=tuple(counts),
            chosen_by=chosen_by,
            sentences={code: count.sentences for code, count in counts.items()},
            entries_before=len(tokenizer),
            entries_after=len(reduction.kept),
            bytes_before=weight_bytes(folder),
            bytes_after=weight_bytes(made),
            texts=tuple(proofs),
            model=prove_model(folder, made, tokenizer, reduction, lines),
        )
        write_json(made / PROOF, record.model_dump())
        write_json(made / ID_MAP, _id_map(reduction))
        write_text(
            made / CARD, trim_card(record.languages, record.source, record.chosen_by, record.texts, record.model)
        )
    return record


def kept_languages(texts: Collection[str], named: Sequence[str] | None) -> tuple[str, ...]:
    """The languages that a model is to keep: those that are named, or all that have text.

    Raises:
        InputError: one has no text, or none does.
    """
    languages = named or tuple(texts)
    if missing := [code for code in languages if code not in texts]:
        fix = f"add --text {missing[0]}=FILE"
        raise InputError(f"there is no text in {', '.join(missing)}", where="--languages", fix=fix)
    if not languages:
        raise InputError("there is no text to choose entries by", where="--text", fix="write it as sl=corpora/sl.txt")
    return tuple(dict.fromkeys(languages))


def _count(
    tokenizer: PreTrainedTokenizerFast, language: str, text: TrimText, progress: Callable[[str], None]
) -> EntryCounts:
    progress(f"reading {language}")
    count = count_entries(tokenizer, text.choosing)
    if not count.sentences:
        what = f"the text in {language} is too little: a tenth of its lines prove what the others choose"
        raise InputError(what, where=text.where, fix="give some hundred lines or more")
    return count


def _reduce(
    folder: Path,
    tokenizer: PreTrainedTokenizerFast,
    counts: Mapping[str, EntryCounts],
    amount: ReductionSettings,
    also: set[int],
) -> tuple[Reduction, str]:
    """The reduced tokenizer, and in words by what it was chosen."""
    if amount.fit is not None:
        size = _size_in_words(amount.fit, amount.precision)
        reduction, needed = fit_entries(tokenizer, counts, amount.fit, _weights(folder, amount), also=also)
        if needed > amount.fit:
            least = len(reduction.kept)
            what = f"the model does not fit into {size}: {needed:,} are the least ({least:,} entries)"
            raise InputError(what, where="--fit", fix=f"give {needed:,} or more, or fewer languages")
        return reduction, f"as many entries as fit into {size}"
    share = amount.min_sentence_share
    ids = choose_entries(tokenizer, counts, share=share, size=amount.size, also=also)
    how = f"at most {amount.size:,}" if amount.size else f"found in {share:.4g} of a language's sentences"
    return reduce_tokenizer(tokenizer, ids), how


def _weights(folder: Path, amount: ReductionSettings) -> Callable[[int], int]:
    """Entries -> the bytes of the files of weights, or those of an export in int8, at most."""
    if amount.precision == "int8":
        return partial(exported_bytes_with, folder)
    row, others = vocabulary_bytes(folder)
    return lambda entries: entries * row + others


def _size_in_words(size: int, precision: str | None) -> str:
    return f"{size:,} bytes{' in int8' if precision == 'int8' else ''}"


def _leave_room(
    folder: Path,
    tokenizer: PreTrainedTokenizerFast,
    counts: Mapping[str, EntryCounts],
    also: set[int],
    student: Part,
    chosen: tuple[Reduction, str],
) -> tuple[Reduction, str]:
    """What was chosen, or fewer entries, beside which half of the layers fit into the bytes of a student."""
    budget, weights = student.fit or 0, partial(half_bytes, folder, student)
    before = chosen[0]
    if weights(len(before.kept)) + tokenizer_bytes(before.tokenizer) <= budget:
        return chosen
    reduction, needed = fit_entries(tokenizer, counts, budget, weights, also=also)
    if len(reduction.kept) >= len(before.kept):
        return chosen
    size = _size_in_words(budget, student.precision)
    if needed > budget:
        return reduction, f"the fewest that can stay; half of the layers do not fit into {size} even beside these"
    return reduction, f"as many entries as fit into {size} beside half of the layers"


def _is_held_out(line: str) -> bool:
    """By the line itself, so that a sentence that stands in a text twice is on one side."""
    return int.from_bytes(digest(line), "little") < HELD_OUT * 2**64


def _shown(tokenizer: PreTrainedTokenizerFast, reduction: Reduction, lines: Sequence[str]) -> Iterator[str]:
    """Some sentences that the two models are compared on."""
    yield from whole_sentences(tokenizer, reduction, lines)[:_MODEL_SENTENCES]


def _id_map(reduction: Reduction) -> dict[str, int | list[int]]:
    kept: npt.NDArray[np.int64] = reduction.kept
    return {"old_size": reduction.old_size, "new_size": len(kept), "old_ids": kept.tolist()}
