"""What is drawn: each multilingual model, the teachers taken together, the reference; each always looking the same."""

from dataclasses import dataclass
from itertools import count

from equiglot.evaluation import Metric
from equiglot.report.data import Report, Role
from equiglot.report.numbers import Number, Numbers

# Custom properties of page.css (Okabe and Ito's palette, which colour-blind readers can tell apart), and Plotly's
# symbols, so that colour is never the only sign. Where there are more models than colours, each colour comes again with
# other symbols: no two of 18 students look the same.
_STUDENTS = ("--blue", "--purple", "--sky"), ("circle", "hexagon", "circle-open", "diamond", "square", "triangle-up")
_BASELINES = ("--vermilion", "--green", "--amber"), (
    "diamond", "square", "triangle-up", "circle", "hexagon", "circle-open"
)  # fmt: skip


@dataclass(frozen=True)
class Series:
    """One thing that is compared, and how it looks on the page.

    Attributes:
        name: its name in the scores.
        label: its name on the page.
        role: what it is; "teacher" stands for the monolingual teachers taken together.
        colour: a CSS colour, `var(--name)`; the page's script resolves it, for light and for dark.
        symbol: Plotly's name of its marker.
    """

    name: str
    label: str
    role: Role
    colour: str
    symbol: str

    def number(self, numbers: Numbers, metric: Metric, language: str) -> Number | None:
        """Its number in a language or group."""
        if self.role == "teacher":
            return numbers.of_teachers(metric, language)
        return numbers.of(self.name, metric, language)


def all_series(report: Report) -> tuple[Series, ...]:
    """Everything that is compared: the teachers together, the multilingual models, the reference."""
    references = report.of_role("reference")
    label = report.only_teacher.label if report.only_teacher else "Monolingual teachers"
    teachers = [Series(report.reference, label, "teacher", "var(--teacher)", "cross")]
    lines = [Series(model.name, model.label, "reference", "var(--reference)", "x") for model in references]
    return (*(teachers if report.of_role("teacher") else ()), *multilingual_series(report), *lines)


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
