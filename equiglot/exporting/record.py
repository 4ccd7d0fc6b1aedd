"""What was exported and compared, as it stands beside the graph."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from equiglot.evaluation import ALL, ZERO_SHOT, Score
from equiglot.exporting.checking import Agreement, Head, ShapeCheck
from equiglot.exporting.runtime import Processor

RECORD = "export.json"


class ExportRecord(BaseModel):
    """What was exported and compared; stands in the folder as export.json.

    Attributes:
        source: the model; the last part of a folder's path.
        fingerprint: of its configuration, weights and tokenizer.
        kind: its class.
        head: what it is.
        graph: the file; its weights may stand beside it.
        precision: of its weights.
        inputs: int64 [batch, length] each.
        longest: tokens that it reads at most, special ones included; tokenizer.json cuts there.
        parameters: of the model.
        embeddings: those of the vocabulary.
        bytes_before: of the model's files of weights.
        bytes_after: of the graph's files.
        bound: of differences, a share of the largest output.
        shapes: what was compared in fp32.
        reduce_range: whether int8 weights have seven bits; None of fp32.
        agreement: what int8 changes on text.
        scores: of PyTorch, ONNX fp32 and int8, where there was labelled data.
        loss: the share of the score that int8 loses against ONNX fp32.
        processor: it was exported on.
        versions: of the libraries.
        files: name -> checksum.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str
    fingerprint: str
    kind: str
    head: Head
    graph: str
    precision: Literal["fp32", "int8"]
    inputs: tuple[str, ...]
    longest: int
    parameters: int
    embeddings: int
    bytes_before: int
    bytes_after: int
    bound: float
    shapes: tuple[ShapeCheck, ...]
    reduce_range: bool | None = None
    agreement: tuple[Agreement, ...]
    scores: tuple[Score, ...]
    loss: float | None = None
    processor: Processor
    versions: dict[str, str]
    files: dict[str, str]


def language_of(score: Score) -> str:
    """Of which language a score is, and whether the model was trained on others only, in words."""
    named = "mean" if score.language == ALL else score.language
    return f"{named}, {ZERO_SHOT}" if score.source == ZERO_SHOT else named
