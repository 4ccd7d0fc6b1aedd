"""From two tokenizers to the map between their ids: by what a piece stands for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from equiglot.errors import InputError
from equiglot.vocabulary.mapping import Integers, VocabularyMap
from equiglot.vocabulary.pieces import ROLES, Borders, Pieces, pieces_of
from equiglot.vocabulary.tokenising import unknown_id

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


def map_vocabulary(teacher: PreTrainedTokenizerFast, student: PreTrainedTokenizerFast, size: int = 0) -> VocabularyMap:
    """Finds the student's id of each of a teacher's pieces, by what the piece stands for.

    Between tokenizers of one kind a piece is what is written in the vocabulary, bytes that make no whole character
    included. To a WordPiece student, pieces of every kind are mapped by their letters and by whether they begin a word;
    what begins after punctuation or after a lone `▁` begins a word too. Where the student has a piece only inside of
    words, or only at their beginning, it stands for both: its letters are not lost. Special tokens map by role.

    Args:
        teacher: the tokenizer whose ids are mapped.
        student: the tokenizer to whose ids they are.
        size: ids that the teacher's model has, if it has more than its tokenizer; these have no student's id.

    Raises:
        InputError: the tokenizers are of different kinds, and the student's is no WordPiece.
    """
    theirs, ours = pieces_of(teacher), pieces_of(student)
    if theirs.kind == ours.kind:
        inside = begin = _by_token(theirs, ours)
        breaks = np.zeros(len(inside), dtype=np.bool_)
    elif ours.kind == "wordpiece":
        borders = Borders(student.backend_tokenizer)
        inside, begin = _by_letters(theirs, ours, borders)
        breaks = np.array([_breaks(surface, borders) for surface in theirs.surfaces], dtype=np.bool_)
    else:
        raise InputError(
            f"The pieces of {theirs.kind} cannot be those of {ours.kind}: both say otherwise where words begin.",
            where="vocabulary",
            fix="Unite the vocabularies of the models (`vocabulary: {kind: union}`).",
        )
    for role in ROLES:
        if role in theirs.roles and role in ours.roles:
            inside[theirs.roles[role]] = begin[theirs.roles[role]] = ours.roles[role]
    more = max(0, size - len(inside))
    return VocabularyMap(
        inside=np.pad(inside, (0, more), constant_values=-1),
        begin=np.pad(begin, (0, more), constant_values=-1),
        breaks=np.pad(breaks, (0, more)),
        unknown=unknown_id(student),
    )


def shared_pieces(one: PreTrainedTokenizerFast, two: PreTrainedTokenizerFast) -> Integers:
    """The pieces that two vocabularies have in common, special tokens aside; int64 [pieces, 2], the ids in either.

    Between tokenizers of one kind a piece is what is written in the vocabulary; of two kinds its letters, and whether
    it begins a word.
    """
    first, second = pieces_of(one), pieces_of(two)
    if first.kind == second.kind:
        ids = _by_token(first, second)
    else:
        known = {
            (surface, bool(starts)): number
            for number, (surface, starts) in enumerate(zip(second.surfaces, second.starts, strict=True))
            if surface is not None
        }
        named = zip(first.surfaces, first.starts, strict=True)
        ids = np.array([known.get((surface or "", bool(starts)), -1) for surface, starts in named], np.int64)
        ids[[surface is None for surface in first.surfaces]] = -1
    there = np.flatnonzero(ids >= 0)
    return np.stack([there, ids[there]], axis=1)


def _by_token(theirs: Pieces, ours: Pieces) -> Integers:
    known = {token: number for number, token in enumerate(ours.tokens) if token is not None}
    return np.array([-1 if token is None else known.get(token, -1) for token in theirs.tokens], dtype=np.int64)


def _by_letters(theirs: Pieces, ours: Pieces, borders: Borders) -> tuple[Integers, Integers]:
    """The ids where a word goes on, and where it begins; int64 [theirs] each."""
    known: dict[tuple[str, bool], int] = {}
    for number, (surface, starts) in enumerate(zip(ours.surfaces, ours.starts, strict=True)):
        if surface is not None:
            known.setdefault((surface, bool(starts)), number)
    marked = theirs.kind == "wordpiece"  # Its pieces all say it; of the others, only those after a space.
    rows = [
        (-1, -1) if surface is None else _placed(surface, bool(starts), marked, known, borders)
        for surface, starts in zip(theirs.surfaces, theirs.starts, strict=True)
    ]
    inside, begin = np.array(rows, dtype=np.int64).reshape(-1, 2).T.copy()
    return inside, begin


def _placed(
    surface: str, starts: bool, marked: bool, known: Mapping[tuple[str, bool], int], borders: Borders
) -> tuple[int, int]:
    starts = starts or (surface != "" and borders.before(surface[0]))
    here, there = known.get((surface, starts), -1), known.get((surface, not starts), -1)
    inside = there if here < 0 else here
    if starts or marked:
        return inside, inside
    return inside, there if there >= 0 else here


def _breaks(surface: str | None, borders: Borders) -> bool:
    return surface is not None and (surface == "" or borders.after(surface[-1]))
