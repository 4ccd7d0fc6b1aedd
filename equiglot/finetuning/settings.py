"""How an encoder is fine-tuned."""

import math
from itertools import product
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError

from equiglot.errors import InputError
from equiglot.settings import HIGHEST_RATE, LONGEST, MOST, MOST_REPEATS, SHORTEST, Settings
from equiglot.training import EarlyStopping, TrainingSettings

_T = TypeVar("_T")
_Rate = Annotated[float, Field(gt=0, le=HIGHEST_RATE), Tag("single")]
_Batch = Annotated[int, Field(gt=0, le=MOST_REPEATS), Tag("single")]
_SEVERAL = Field(min_length=1, max_length=20), Tag("tuple[...]")
_ONE_OR_SEVERAL = Discriminator(lambda value: "tuple[...]" if isinstance(value, list | tuple) else "single")


class Trial(BaseModel):
    """A training that was tried when settings were chosen.

    Attributes:
        learning_rate: its peak.
        batch: sentences of an update.
        score: on dev data, in percent, by the metric that the best weights are chosen by.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    learning_rate: float
    batch: int
    score: float


class FineTuning(Settings):
    """Fine-tuning of all weights. The defaults are paper 4's (Eliquare, section 4: 10 epochs, 5e-5, decay 0.01, 500
    steps of warm-up, best on validation); it does not state the size of a batch."""

    epochs: float = Field(10, gt=0, le=MOST_REPEATS, description="Passes over the training data.")
    max_updates: int | None = Field(
        None, gt=0, le=MOST_REPEATS, description="Updates at most, however many passes there are to be; any if null."
    )
    batch: Annotated[_Batch | Annotated[tuple[_Batch, ...], *_SEVERAL], _ONE_OR_SEVERAL] = Field(
        16, description="Sentences of an update, or windows of long ones; of several, see `learning_rate`."
    )
    learning_rate: Annotated[_Rate | Annotated[tuple[_Rate, ...], *_SEVERAL], _ONE_OR_SEVERAL] = Field(
        5e-5,
        description="AdamW's peak; it then falls linearly to 0. Of several rates or batches all pairs are tried with "
        "the first seed, and the pair that is best on dev data is taken for all seeds.",
    )
    warmup: int = Field(
        500,
        ge=0,
        le=MOST_REPEATS,
        description="Updates in which the learning rate rises; half of all where there are fewer than twice as many.",
    )
    weight_decay: float = Field(0.01, ge=0, le=HIGHEST_RATE, description="AdamW's, of matrices only.")
    validations: int | None = Field(
        None, gt=0, le=MOST_REPEATS, description="On dev data, at equal distances; the best is kept. Once an epoch."
    )
    patience: int | None = Field(
        None, gt=0, le=MOST_REPEATS, description="Stop after so many validations without a new best; never if null."
    )
    max_length: int | None = Field(
        None,
        ge=SHORTEST,
        le=LONGEST,
        description="Tokens that are read at once; as many as the model can (512) if null.",
    )
    precision: Literal["auto", "fp32", "bf16"] = Field(
        "auto", description="auto: bf16 products where the processor has them."
    )
    seed: int = Field(0, ge=0, le=MOST, description="Of new weights, order, dropout and bootstrap.")
    seeds: int = Field(1, gt=0, le=1000, description="Trainings, from this seed on; scores are their mean.")
    resamples: int = Field(1000, ge=100, le=MOST_REPEATS, description="Bootstrap samples behind an interval.")

    def candidates(self) -> tuple["FineTuning", ...]:
        """The same with one learning rate and one batch each: all pairs of those that are named."""
        rates, batches = (each if isinstance(each, tuple) else (each,) for each in (self.learning_rate, self.batch))
        pairs = product(dict.fromkeys(rates), dict.fromkeys(batches))
        return tuple(self.model_copy(update={"learning_rate": rate, "batch": batch}) for rate, batch in pairs)

    @property
    def only_batch(self) -> int:
        """Sentences of an update.

        Raises:
            ValueError: there are several to choose from.
        """
        return _only("batches", self.batch)

    @property
    def only_rate(self) -> float:
        """The peak of the learning rate.

        Raises:
            ValueError: there are several to choose from.
        """
        return _only("learning rates", self.learning_rate)

    @property
    def trainings(self) -> int:
        """All that are made of a model: those that are tried, and one for each seed behind the first."""
        return len(self.candidates()) + self.seeds - 1

    def updates(self, batches: int) -> int:
        """The length of a training with so many batches an epoch."""
        updates = max(1, math.ceil(self.epochs * batches))
        return updates if self.max_updates is None else min(updates, self.max_updates)

    def training(self, batches: int) -> TrainingSettings:
        """The settings of the training loop."""
        updates = self.updates(batches)
        return TrainingSettings(
            updates=updates,
            learning_rate=self.only_rate,
            warmup=min(self.warmup, updates // 2) / updates,
            weight_decay=self.weight_decay,
            validations=self.validations or max(1, round(updates / batches)),
            early_stopping=None if self.patience is None else EarlyStopping(patience=self.patience),
            precision=self.precision,
        )


def _only(what: str, value: _T | tuple[_T, ...]) -> _T:
    if isinstance(value, tuple):
        raise ValueError(f"several {what} to choose from: {value}")
    return value


def check_settings(**given: Any) -> FineTuning:
    """The settings that were typed as options.

    Raises:
        InputError: a value out of its bounds, with the option.
    """
    try:
        return FineTuning(**given)
    except ValidationError as error:
        first = error.errors()[0]
        option = f"--{str(first['loc'][0]).replace('_', '-')}"
        what = f"{option} cannot be {first['input']}: {first['msg'][:1].lower()}{first['msg'][1:]}"
        raise InputError(what, where=option, fix="correct it or leave it out") from None
