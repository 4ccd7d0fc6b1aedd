"""The page itself: one HTML file that needs nothing else, neither the network nor another file."""

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from equiglot.evaluation import ALL
from equiglot.report import figures, tables
from equiglot.report.data import Report
from equiglot.report.numbers import Numbers
from equiglot.report.series import Series, all_series, multilingual_series
from equiglot.report.tables import Table
from equiglot.report.verdict import verdict
from equiglot.report.words import count, decimal, duration, interval, short_count, signed
from equiglot.run import write_text

_HERE = Path(__file__).parent
_CONTENTS = {
    "trade-off": "Trade-off",
    "scores": "Scores",
    "distance": "Distance",
    "learning": "Learning curves",
    "data": "Data",
    "vocabulary": "Vocabulary",
    "models": "Models",
    "metric": "How to read the numbers",
    "run": "What was run",
}


@dataclass(frozen=True)
class Plot:
    """A figure's place on the page.

    Attributes:
        id: of the element that it is drawn into.
        title: what a screen reader says of it.
        caption: what stands under it.
        absent: what stands in its place where there is nothing to draw.
        views: name of a view -> figure; with several, the reader chooses.
        choice: label of that choice.
        series: what its key explains; empty where labels stand in the figure.
    """

    id: str
    title: str
    caption: str
    absent: str
    views: Mapping[str, go.Figure]
    choice: str = ""
    series: tuple[Series, ...] = ()


@dataclass(frozen=True)
class Standing:
    """A multilingual model's D over all languages, as text."""

    series: Series
    value: str
    interval: str


def write_report(report: Report, path: Path) -> None:
    """Writes the page to `path`, atomically: about 5 MB, most of it Plotly.

    Raises:
        OSError: the disk is full or `path` cannot be written; what stood there before is unharmed.
    """
    write_text(path, render(report))


def render(report: Report) -> str:
    """The page as HTML. Every text of the report is escaped where it stands."""
    plots = {plot.id: plot for plot in _plots(report)}
    environment = Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["unbroken"] = _unbroken
    return environment.get_template("page.html.jinja").render(
        report=report,
        verdict=verdict(report),
        standings=_standings(report),
        contents=_CONTENTS,
        figures=plots,
        tables=_tables(report),
        examples=[language for language in report.languages if language.example],
        seeds=Numbers(report).seeds,
        run_facts=_run_facts(report),
        trusted=_trusted(plots.values()),
    )


def _plots(report: Report) -> Sequence[Plot]:
    return (
        _trade_off_plot(report),
        _scores_plot(report),
        _distance_plot(report),
        _learning_plot(report),
        _loss_plot(report),
    )


def _single(figure: go.Figure | None) -> Mapping[str, go.Figure]:
    return {} if figure is None else {"": figure}


def _trade_off_plot(report: Report) -> Plot:
    few = len(report.proper_groups) < 2
    return Plot(
        id="trade-off-plot",
        title="Scatter plot: mean MRR in high-resource against low-resource languages, one point a model",
        caption="Mean MRR of one group of languages against that of the other; further up and to the right is better. "
        "Bars are 95 % intervals. Dotted lines: the monolingual teachers' level. The axes do not start at zero.",
        absent="The trade-off needs two groups of languages, and the recipe names fewer."
        if few
        else "No model is scored in both groups of languages yet.",
        views=_single(figures.trade_off(report)),
    )


def _scores_plot(report: Report) -> Plot:
    beyond = figures.beyond_the_axis(report)
    left_out = " ".join(
        f"{series.label} ({decimal(low)} to {decimal(high)}) lies beyond the axis, which does not start at zero."
        for series, (low, high) in beyond.items()
    )
    return Plot(
        id="scores-plot",
        title="Dot plot: MRR of every model by language; the table below has the numbers",
        caption="MRR by group and language, with 95 % intervals. Each teacher is shown in its own language. "
        + left_out,
        absent="No model is scored yet.",
        views=_single(figures.scores_by_language(report)),
        series=tuple(entry for entry in all_series(report) if entry not in beyond),
    )


def _distance_plot(report: Report) -> Plot:
    return Plot(
        id="distance-plot",
        title="Dot plot: distance of every multilingual model from the monolingual teachers; the table has the numbers",
        caption="D by group and language, with 95 % intervals. The line at 0 is the monolingual teachers; to its right "
        "a model is better than they are.",
        absent="No distance is known yet: it needs a scored multilingual model and scored teachers.",
        views=_single(figures.distances(report)),
        series=multilingual_series(report),
    )


def _learning_plot(report: Report) -> Plot:
    return Plot(
        id="learning-plot",
        title="Line chart: validation MRR by update",
        caption="MRR on the validation text during training. A line that still climbs at its end has not had updates "
        "enough. Teachers are shown with their own language.",
        absent="No validation score was recorded yet.",
        views=figures.learning_curves(report),
        choice="Validation MRR in",
    )


def _loss_plot(report: Report) -> Plot:
    return Plot(
        id="loss-plot",
        title="Line chart: loss by update, one line a language",
        caption="Losses by language; low-resource languages are dashed. A soft-label loss that stays high shows a "
        "teacher that the student cannot follow; one that falls fast to nothing, a teacher that knows little.",
        absent="No loss was recorded yet.",
        views=figures.loss_curves(report),
        choice="Loss of",
    )


def _tables(report: Report) -> dict[str, Table]:
    best = "The best multilingual model of each row is bold; \N{ALMOST EQUAL TO} marks those within its noise."
    intervals = "95 % intervals in brackets."
    return {
        "mrr": tables.score_table(report, "mrr", f"MRR in percent, {intervals} {best}"),
        "accuracy": tables.score_table(
            report, "accuracy", f"Accuracy: the right token is ranked first, in percent. {intervals}"
        ),
        "top5": tables.score_table(
            report, "top5", f"Top-5 accuracy: the right token is among the first five, in percent. {intervals}"
        ),
        "loss": tables.score_table(
            report, "loss", f"Masked loss: nats per masked position; lower is better. {intervals}"
        ),
        "distance": tables.distance_table(
            report, f"D, mean difference in MRR from the monolingual teachers, in points; {intervals} {best}"
        ),
        "difference": tables.difference_table(
            report,
            "Paired differences in MRR between models, on the same masks; bold where the interval excludes zero.",
        ),
        "data": tables.data_table(
            report, "The text of each language after cleaning: characters; beneath, sentences and tokens."
        ),
        "cleaning": tables.cleaning_table(report, "Cleaning: what each step did, in order."),
        "portion": tables.portion_table(
            report,
            "What each model really got of each language: characters of the balanced text; beneath, its tokens, how "
            "often it was read, and its share of the updates.",
        ),
        "vocabulary": tables.vocabulary_table(report, "How the vocabulary takes each language."),
        "models": tables.models_table(report, "The models of the run; beneath the time, tokens read a second."),
    }


def _standings(report: Report) -> list[Standing]:
    numbers = Numbers(report)
    found = [(series, numbers.of(series.name, "d", ALL)) for series in multilingual_series(report)]
    known = [(series, number) for series, number in found if number is not None]
    return [
        Standing(series, signed(number.value), interval(number.low, number.high, sign=True)) for series, number in known
    ]


def _run_facts(report: Report) -> dict[str, str]:
    tokens = [model.tokens for model in report.models if model.tokens is not None]
    facts = {
        "Command": report.run.command,
        "Started": report.run.started,
        "Finished": report.run.finished,
        "Time of all jobs": "" if report.run.seconds is None else duration(report.run.seconds),
        "Tokens read": f"{short_count(sum(tokens))} in training, all models together" if tokens else "",
        "Models": count(len(report.models)),
    }
    return {name: value for name, value in facts.items() if value}


def _trusted(plots: Sequence[Plot] | Any) -> dict[str, Markup]:
    """Text that stands on the page unescaped: our style and scripts, and JSON in which every <, >, & is escaped.

    The policy names the scripts by their hashes: nothing else can run, even if some text did get through unescaped.
    """
    script = _ours("page.js")
    specs = {plot.id: [view.to_plotly_json() for view in plot.views.values()] for plot in plots if plot.views}
    hashes = (hashlib.sha256(text.encode()).digest() for text in (_plotly(), script))
    sources = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in hashes)
    return {
        "style": Markup(_ours("page.css")),
        "script": Markup(script),
        "plotly": Markup(_plotly()),
        "sources": Markup(sources),
        "figures": htmlsafe_json_dumps(specs, allow_nan=False),
    }


def _unbroken(text: str) -> str:
    """`text` without line breaks inside intervals and after "D ="."""
    return re.sub(r"\[(\S+), (\S+)\]", "[\\1,\N{NO-BREAK SPACE}\\2]", text).replace(
        "D = ", "D\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}"
    )


def _ours(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


@cache
def _plotly() -> str:
    return str(get_plotlyjs())
