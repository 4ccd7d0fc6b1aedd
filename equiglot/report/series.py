"""What is drawn: each multilingual model, the teachers taken together, the reference; each always looking the same."""

from dataclasses import dataclass
from itertools import count, cycle

from equiglot.report.data import Report, Role
from equiglot.report.score_index import Number, ScoreIndex

# Custom properties of page.css (Okabe and Ito's palette, which colour-blind readers can tell apart), and symbols, so
# that colour is never the only sign. Where there are more models than colours, each colour comes again with other
# symbols: no two of 18 students look the same.
_STUDENTS = ("--blue", "--purple", "--sky"), ("circle", "hexagon", "circle-open", "diamond", "square", "triangle-up")
_BASELINES = ("--vermilion", "--green", "--amber"), (
    "diamond", "square", "triangle-up", "circle", "hexagon", "circle-open"
)  # fmt: skip
LOOKS = (("--blue", "circle"), ("--vermilion", "diamond"), ("--green", "square"), ("--purple", "hexagon"),
         ("--amber", "triangle-up"), ("--sky", "circle-open"))  # fmt: skip
"""Colour and symbol of lines that do not stand for single models."""
_TEACHERS = ("diamond", "square", "triangle-up", "hexagon", "circle-open")


@dataclass(frozen=True)
class Series:
    """One thing that is compared, and how it looks on the page.

    Attributes:
        name: its name in the scores.
        label: its name on the page.
        role: what it is; "teacher" stands for the monolingual teachers taken together.
        colour: a CSS colour, `var(--name)`, which the page's style has for light and for dark.
        symbol: its marker, a key of `drawing.SYMBOLS`.
    """

    name: str
    label: str
    role: Role
    colour: str
    symbol: str

    def number(self, numbers: ScoreIndex, metric: str, language: str) -> Number | None:
        """Its number in a language or group; the teachers' distance from themselves is 0."""
        if self.role == "teacher":
            if metric == "d":
                return Number(0.0)
            return numbers.of_teachers(metric, language)
        return numbers.of(self.name, metric, language)


def all_series(report: Report) -> tuple[Series, ...]:
    """Everything that is compared: the teachers together, the multilingual models, the reference."""
    references = report.of_role("reference")
    lines = [Series(model.name, model.label, "reference", "var(--reference)", "x") for model in references]
    return (*_teacher_series(report), *multilingual_series(report), *lines)


def masked_series(report: Report) -> tuple[Series, ...]:
    """Those of them that have the run's vocabulary, which alone are compared by masked words; no unscored reference."""
    others = {model.name for model in report.models if model.vocabulary}
    others |= {report.reference} if any(teacher.vocabulary for teacher in report.of_role("teacher")) else set()
    scored = {score.model for score in report.scores}
    others |= {model.name for model in report.of_role("reference") if model.name not in scored}
    return tuple(series for series in all_series(report) if series.name not in others)


def likelihood_series(report: Report) -> tuple[Series, ...]:
    """What is compared by likelihood: teachers together, those that others stand before, multilingual models."""
    return (*_teacher_series(report), *other_teachers(report), *multilingual_series(report))


def other_teachers(report: Report) -> tuple[Series, ...]:
    """Those of the teachers that are not all that their languages are measured from."""
    found = [
        model
        for model in report.of_role("teacher")
        if any(report.teacher_of(code) not in (None, model) for code in model.languages)
    ]
    return tuple(
        Series(model.name, model.label, "reference", "var(--teacher)", symbol)
        for model, symbol in zip(found, cycle(_TEACHERS), strict=False)
    )


def _teacher_series(report: Report) -> list[Series]:
    teachers = report.of_role("teacher")
    alone = all(len(teacher.languages) <= 1 for teacher in teachers)
    label = report.only_teacher.label if report.only_teacher else "Monolingual teachers" if alone else "Teachers"
    return [Series(report.reference, label, "teacher", "var(--teacher)", "cross")] if teachers else []


def multilingual_series(report: Report) -> tuple[Series, ...]:
    """What is compared with the teachers, baselines first, else in the order of the recipe."""
    positions = {"student": count(), "baseline": count()}
    found = []
    for model in report.of_role("baseline", "student"):
        colours, symbols = _STUDENTS if model.role == "student" else _BASELINES
        round_, place = divmod(next(positions[model.role]), len(colours))
        symbol = symbols[(place + round_) % len(symbols)]
        found.append(Series(model.name, model.label, model.role, f"var({colours[place]})", symbol))
    return tuple(found)
