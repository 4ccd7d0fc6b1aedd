"""The row in which every measured number is kept, and the file of such rows."""

from collections.abc import Iterable
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError, model_validator

from equiglot.errors import InputError
from equiglot.evaluation.metrics import METRICS, MetricName
from equiglot.files import atomic_file

IN_LANGUAGE, ZERO_SHOT = "in-language", "zero-shot"
"""What stands in `Score.source` for a probe tested on the language that it was trained on, and for the mean over the
probes trained on all other languages."""

_GROUP = "group:"


def group_language(name: str) -> str:
    """What stands in `Score.language` for the mean over the group of languages called `name`."""
    return _GROUP + name


ALL = group_language("all")
"""What stands in `Score.language` for the mean over all languages of a run."""


def in_int8(model: str) -> str:
    """What stands in `Score.model` of what a model costs with weights in int8."""
    return f"{model} in int8"


class Score(BaseModel):
    """One number.

    Attributes:
        model: the name of the model, or of the set of monolingual teachers taken together.
        task: what was asked of it, such as "mlm".
        language: a language's code, or `group_language(name)` for the unweighted mean over a group's languages.
        metric: what the number is; its unit is that of `METRICS`.
        value: the number.
        low: lower end of the 95 % interval, or None where there is none.
        high: upper end of the 95 % interval, or None where there is none.
        n: how many items (masked positions, for "mlm") it was measured on.
        seed: the seed of the training that it belongs to.
        reference: the model that it is relative to, for `d`, `difference`, `p` and `rdt`.
        source: for a probe, or a model that was fine-tuned, the language that it was trained on: a code, `IN_LANGUAGE`
            or `ZERO_SHOT`; of a group, the mean over its languages as targets. None where nothing is trained to be
            scored.
        deviation: standard deviation over repeats (n - 1 in the denominator); `value` is their mean. None without.
        repeats: how often it was trained so, from different initial weights.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    task: str
    language: str
    metric: MetricName
    value: FiniteFloat
    low: FiniteFloat | None = None
    high: FiniteFloat | None = None
    n: int = Field(ge=0)
    seed: int
    reference: str | None = None
    source: str | None = None
    deviation: FiniteFloat | None = None
    repeats: int = Field(default=1, ge=1)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.low is None) != (self.high is None):
            raise ValueError("an interval has both ends, `low` and `high`, or none")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(f"the interval is upside down: low {self.low}, high {self.high}")
        if METRICS[self.metric].relative_to and self.reference is None:
            raise ValueError(f"metric {self.metric!r} is relative to a model: `reference` must name it")
        return self

    @property
    def group(self) -> str | None:
        """The name of the group that the number is a mean over; None for a single language."""
        return self.language.removeprefix(_GROUP) if self.language.startswith(_GROUP) else None


def write_scores(path: Path, scores: Iterable[Score]) -> None:
    """Writes `scores` to `path`, one JSON object a line, atomically."""
    with atomic_file(path) as file:
        for score in scores:
            file.write(score.model_dump_json(exclude_none=True) + "\n")


def read_scores(path: Path) -> list[Score]:
    """The scores in a file that `write_scores` wrote.

    Raises:
        InputError: the file is missing or not text, or a line of it is not a score.
    """
    try:
        # Not splitlines(): a name may hold U+2028, which is no end of a line in JSON.
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the scores cannot be read: {error}", where=path, fix="score the models again") from None
    return [_parse(line, f"{path}:{number}") for number, line in enumerate(lines, 1) if line.strip()]


def _parse(line: str, where: str) -> Score:
    try:
        return Score.model_validate_json(line)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        what = f"not a score: {field + ': ' if field else ''}{first['msg']}"
        raise InputError(what, where=where, fix="remove the line, or score the models again") from None
