"""The row in which every measured number is kept, and the file of such rows."""

from collections.abc import Iterable
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError, model_validator

from equiglot.errors import InputError
from equiglot.run import atomic_file

Metric = Literal[
    "mrr", "accuracy", "top5", "loss", "d", "difference", "bits", "macro_f1", "entity_f1", "seqeval_f1", "p", "rdt"
]
"""What a number is.

`mrr`, `accuracy`, `top5`: percent (0 to 100). `loss`: nats per masked position. `bits`: per character of text, less is
better. `macro_f1`: F1 in percent, the mean over classes ("O" among them) of single words or sentences (paper 1,
section 7). `entity_f1`: F1 of whole entities in percent, strict IOB2. `seqeval_f1`: the same as XTREME counts it, by
seqeval's lenient reading.

Relative to `reference`: `d`: distance from the monolingual teachers in points of MRR (paper 1, Eq. 3), positive where
the model is better. `difference`: the task's first metric (`PRIMARY`) of `model` minus that of `reference`, in points,
on the same items. Of likelihood both are bits per character that `model` saves: positive where it is better, as
everywhere. `p`: of a Wilcoxon signed-rank test over the languages' differences, 0 to 1; `n` languages. `rdt`: relative
deviation from a teacher in percent (paper 2, Eq. 3), positive where the model is better.
"""

PRIMARY: dict[str, Metric] = {
    "mlm": "mrr",
    "pos": "accuracy",
    "ner": "macro_f1",
    "topic": "accuracy",
    "place": "macro_f1",
    "likelihood": "bits",
}
"""The metric of each task that models are compared by."""

LIKELIHOOD = "likelihood"
"""The task of predicting every word of a text, which compares models of any vocabularies: bits per character."""

IN_LANGUAGE, ZERO_SHOT = "in-language", "zero-shot"
"""What stands in `Score.source` for a probe tested on the language that it was trained on, and for the mean over the
probes trained on all other languages."""

_GROUP = "group:"


def group_language(name: str) -> str:
    """What stands in `Score.language` for the mean over the group of languages called `name`."""
    return _GROUP + name


ALL = group_language("all")
"""What stands in `Score.language` for the mean over all languages of a run."""


class Score(BaseModel):
    """One number.

    Attributes:
        model: the name of the model, or of the set of monolingual teachers taken together.
        task: what was asked of it, such as "mlm".
        language: a language's code, or `group_language(name)` for the unweighted mean over a group's languages.
        metric: what the number is; its unit is `Metric`'s.
        value: the number.
        low: lower end of the 95 % interval, or None where there is none.
        high: upper end of the 95 % interval, or None where there is none.
        n: how many items (masked positions, for "mlm") it was measured on.
        seed: the seed of the training that it belongs to.
        reference: the model that it is relative to, for `d`, `difference`, `p` and `rdt`.
        source: for a probe, the language that it was trained on: a code, `IN_LANGUAGE` or `ZERO_SHOT`; of a group, the
            mean over its languages as targets. None where nothing is trained to be scored.
        deviation: standard deviation over repeats (n - 1 in the denominator); `value` is their mean. None without.
        repeats: how often the probe was trained, from different initial weights.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    task: str
    language: str
    metric: Metric
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
        if self.metric in ("d", "difference", "p", "rdt") and self.reference is None:
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
