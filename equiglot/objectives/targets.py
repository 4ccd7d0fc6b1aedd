"""What teachers say about masked positions: whole distributions, or their most probable words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class TeacherStates:
    """What stands inside of teachers at real tokens of a batch.

    Attributes:
        values: float [n, hidden], the last hidden states.
        tokens: int64 [n], indices into the flattened inputs.
        languages: int64 [n].
        layers: float [n, hidden] each, of the layers that are compared with the student's, its embeddings first.
        relations: float32 [3, n, heads, width], log-probabilities (`relations`); None where they are not compared.
    """

    values: Tensor
    tokens: Tensor
    languages: Tensor
    layers: tuple[Tensor, ...] = ()
    relations: Tensor | None = None


@dataclass(frozen=True)
class SoftTargets:
    """What the teachers say about some of a batch's targets.

    Attributes:
        logits: float32 [p, |V|], in student ids; `FORBIDDEN` where a teacher lacks the word.
        positions: int64 [p], which of the batch's m targets they are about, ascending.
        states: their hidden states, where these are asked for.
        partial: whether any of them may lack words.
    """

    logits: Tensor
    positions: Tensor
    states: TeacherStates | None = None
    partial: bool = False


@dataclass(frozen=True)
class TopKTargets:
    """The teachers' most probable words at some of a batch's targets, in student ids, at the objective's temperature.

    No id stands twice in a row, and every row has at least one; an id of -1 is a word that the student has not, whose
    mass is known all the same.

    Attributes:
        ids: int64 [p, K], -1 for none.
        log_probabilities: float32 [p, K].
        rest: float32 [p], the mass of all other words.
        samples: int64 [p, s], words drawn from the rest, -1 for those that the student has not.
        sample_masses: float32 [p, s], how much of the rest each of them stands for.
        positions: int64 [p], which of the batch's m targets the rows are about, ascending.
    """

    ids: Tensor
    log_probabilities: Tensor
    rest: Tensor
    samples: Tensor
    sample_masses: Tensor
    positions: Tensor
