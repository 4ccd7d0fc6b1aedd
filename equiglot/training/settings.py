"""How a model is trained: everything that changes the result, and the few things that do not."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from equiglot.masking import BatchSettings
from equiglot.settings import HIGHEST_RATE, MOST, MOST_REPEATS, Settings

_Memory = Annotated[float, Field(ge=0, lt=1)]


class EarlyStopping(Settings):
    """Stop when the validations' mean over languages (`best_by`) has not improved for `patience` of them."""

    patience: int = Field(gt=0, le=MOST_REPEATS, description="Validations without a new best.")


class TrainingSettings(Settings):
    """One training; the defaults are paper 1's (appendix E.1)."""

    epochs: float | None = Field(
        None,
        gt=0,
        le=MOST_REPEATS,
        description="Length in passes over the (balanced) text; 10 if `updates` is not given either.",
    )
    updates: int | None = Field(None, gt=0, le=MOST, description="Length in updates of the weights.")
    batch: BatchSettings = BatchSettings(sentences=8)
    accumulation: int = Field(
        1,
        gt=0,
        le=MOST_REPEATS,
        description="Batches that one update sums over, in the memory of one: the same sentences and masks as in one "
        "batch of so many times the size. Only rounding and what dropout drops are other.",
    )
    devices: int = Field(
        1,
        gt=0,
        le=MOST_REPEATS,
        description="Processes that train one model together, each on a GPU or on threads of its own: 1, 2, 4 and so "
        "on, a divisor of `accumulation`. It changes the time, and no bit of the result.",
    )
    learning_rate: float = Field(5e-5, gt=0, le=HIGHEST_RATE, description="Its peak, reached after the warmup.")
    schedule: Literal["linear", "cosine", "inverse_sqrt", "constant"] = Field(
        "linear",
        description="The way the learning rate decays; inverse_sqrt: with the root of the updates, and never to 0.",
    )
    warmup: float = Field(0.0, ge=0, lt=1, description="Share of the updates in which the learning rate rises from 0.")
    weight_decay: float = Field(0.01, ge=0, le=HIGHEST_RATE, description="AdamW's, of matrices only.")
    betas: tuple[_Memory, _Memory] = Field((0.9, 0.999), description="AdamW's memory of the first and second moment.")
    epsilon: float = Field(1e-8, gt=0, le=1, description="AdamW's, below the root of the second moment.")
    clip: float | None = Field(1.0, gt=0, le=MOST, description="Largest norm of the gradient; null: any.")
    precision: Literal["auto", "fp32", "bf16"] = Field(
        "auto", description="auto: bf16 products where the processor has them."
    )
    validations: int = Field(
        20, gt=0, le=MOST_REPEATS, description="How often the model is validated, at equal distances."
    )
    validation_sequences: int = Field(1000, gt=0, le=MOST, description="At most so many sequences of each language.")
    best_by: Literal["mrr", "loss"] = Field(
        "mrr",
        description="What the weights that are kept are best in, on validation text: the rank of the masked words, or "
        "the loss that is trained for, teachers included (paper 4, section 4).",
    )
    frozen: tuple[Literal["positions", "embeddings"], ...] = Field(
        (), description="What is not trained: positions (paper 4 with XLM-R), or all embeddings."
    )
    early_stopping: EarlyStopping | None = Field(None, description="When to stop before the end; never if null.")
    seed: int = Field(
        0, ge=0, le=MOST, description="Of initialisation, order, masks and dropout; added to the recipe's."
    )

    @model_validator(mode="after")
    def _one_length(self) -> "TrainingSettings":
        if self.epochs is not None and self.updates is not None:
            raise ValueError("give the length of a training either in `epochs` or in `updates`")
        if problem := devices_problem(self.devices, self.accumulation):
            raise ValueError(problem)
        return self


def devices_problem(devices: int, accumulation: int) -> str | None:
    """Why so many devices cannot share the batches of an update, and what to set; None if they can."""
    if devices & (devices - 1) == 0 and accumulation % devices == 0:
        return None
    return (
        f"{devices} devices cannot share {accumulation} batches evenly: set `devices` to a power of two (1, 2, 4, ...) "
        "and `accumulation` to a multiple of it"
    )


class FittingSettings(Settings):
    """How rows of new vocabulary entries are fitted (arXiv 2505.20133)."""

    updates: int = Field(400, gt=0, le=MOST, description="Length in updates of the new rows; nothing else is learnt.")
    sentences: int = Field(32, gt=0, le=MOST_REPEATS, description="Sentences in a batch.")
    learning_rate: float = Field(1e-3, gt=0, le=HIGHEST_RATE, description="Its peak; it then falls to 0.")
    contexts: int = Field(
        25, gt=0, le=MOST_REPEATS, description="Sentences that are looked for, for each entry; frequent ones have more."
    )
    seed: int = Field(0, ge=0, le=MOST, description="Of the order.")

    def training(self) -> TrainingSettings:
        """The same for the training loop: rows that a batch does not have do not decay."""
        return TrainingSettings(
            updates=self.updates,
            batch=BatchSettings(sentences=self.sentences),
            learning_rate=self.learning_rate,
            weight_decay=0.0,
            warmup=0.1,
            validations=4,
            seed=self.seed,
        )
