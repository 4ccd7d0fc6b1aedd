"""What was exported and compared, as it stands beside the graph."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from equiglot.errors import InputError
from equiglot.evaluation import ALL, ZERO_SHOT, Score
from equiglot.exporting.runtime import GRAPHS, Processor
from equiglot.reading import read_json_object

RECORD = "export.json"
PYTORCH, FP32, INT8 = "PyTorch fp32", "ONNX fp32", "ONNX int8"
"""What the forms of a model are called in tables."""
Head = Literal["masked language model", "token classifier", "text classifier", "encoder"]


class ShapeCheck(BaseModel):
    """A graph and its model on the same batch of random tokens, some of its rows padded."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    batch: int
    length: int
    largest_difference: float
    largest_output: float


class Agreement(BaseModel):
    """What int8 weights change on a text.

    Attributes:
        text: its file, or the language of the embedded sample.
        what: is compared.
        count: of it.
        value: a share that is the same, a mean cosine (of last hidden states), or a mean difference (of numbers).
        lowest: the smallest cosine; None of all else.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str
    what: Literal["masked words", "labels of tokens", "labels of texts", "hidden states", "numbers of texts"]
    count: int
    value: float
    lowest: float | None = None


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


def read_record(folder: Path) -> ExportRecord | None:
    """What stands in an exported folder; None of a folder that was not exported.

    Raises:
        InputError: it is damaged.
    """
    file = folder / RECORD
    if not file.is_file():
        return None
    try:
        record = ExportRecord.model_validate(read_json_object(file))
    except ValidationError as error:
        raise InputError(f"{RECORD} is damaged", where=file, fix="export the model again") from error
    if record.graph not in GRAPHS.values() or any(Path(name).name != name for name in record.files):
        raise InputError(f"{RECORD} names files that are not its own", where=file, fix="export the model again")
    return record
