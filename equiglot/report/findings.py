"""What probes found, in sentences and in maps of all pairs of languages."""

from collections.abc import Iterator, Mapping

from equiglot.evaluation import ALL, Metric, smallest_p
from equiglot.report.data import Model, ProbedTask, Report
from equiglot.report.format import SURE, capital, count, decimal, listed, probability, shortened, spelt, task_title
from equiglot.report.plotting import Axis, Figure, HeatCell, HeatMap, Plot, Tick, spoken
from equiglot.report.probes import Transfer, probe_tables, score_tables
from equiglot.report.score_index import Number, ScoreIndex
from equiglot.report.sections import Fold, NamedTable, Notes, Paragraph, Section
from equiglot.report.verdict import called, leader

_ROW = 36
"""Height of a row, in pixels."""


def transfer_maps(report: Report, task: ProbedTask) -> Mapping[str, Figure]:
    """A model's label -> rows by the language trained on, columns by the language tested on.

    The colours mean the same in all of them. Models whose probes were tested on no other language have none.
    """
    transfer = Transfer(report, task)
    cells = [_cells(transfer, model) for model in transfer.models]
    values = [cell.value for found in cells for cell in found]
    maps: dict[str, Figure] = {}
    for model, found in zip(transfer.models, cells, strict=True):
        # Two models may have one label: no map may hide another.
        title = model.label if model.label not in maps else f"{model.label} ({len(maps) + 1})"
        maps[title] = _figure(transfer, HeatMap(model.label, found, (min(values), max(values))))
    return maps


def _cells(transfer: Transfer, model: Model) -> list[HeatCell]:
    name, digits = transfer.report.language_name, transfer.metric.digits
    return [
        HeatCell(
            column,
            row,
            number.value,
            decimal(number.value, digits),
            f"trained on {name(source)}, tested on {name(target)}: {spoken(number, digits=digits)}",
            framed=source == target,
        )
        for row, source in enumerate(transfer.sources)
        for column, target in enumerate(transfer.targets)
        if (number := transfer.number(model.name, source, target)) is not None
    ]


def _figure(transfer: Transfer, heat: HeatMap) -> Figure:
    name = transfer.report.language_name
    rows = [f"{shortened(name(code), 14)} ({shortened(code, 8)})" for code in transfer.sources]
    columns = [shortened(code, 8) for code in transfer.targets]
    x = Axis("tested on", (-0.5, len(columns) - 0.5), tuple(map(Tick, range(len(columns)), columns)), grid=False)
    y = Axis("trained on", (len(rows) - 0.5, -0.5), tuple(map(Tick, range(len(rows)), rows)), grid=False)
    return Figure(len(rows) * _ROW, x, y, heat=heat)


def probe_sections(report: Report) -> Iterator[Section]:
    """A section for each task that probes were trained for."""
    for task in report.tasks:
        tables = probe_tables(report, task)
        first, *others = score_tables(Transfer(report, task))
        said = findings(report, task)
        yield Section(
            task.task,
            task_title(task.task),
            task_title(task.task),
            (
                *(Paragraph(text) for text in about_probes(task)),
                Notes.of(said)
                if said
                else Paragraph("No probe of this task is scored over all languages yet.", absent=True),
                NamedTable(first, tables[first]),
                Fold("Other ways to count", tuple(NamedTable(name, tables[name]) for name in others)),
                NamedTable(f"{task.task}-difference", tables[f"{task.task}-difference"]),
                _transfer_plot(report, task),
                Fold("Every pair of languages", (NamedTable(f"{task.task}-pairs", tables[f"{task.task}-pairs"]),)),
                NamedTable(f"{task.task}-data", tables[f"{task.task}-data"]),
            ),
        )


def _transfer_plot(report: Report, task: ProbedTask) -> Plot:
    maps = transfer_maps(report, task)
    of = "" if len(maps) > 1 else f" of {listed(list(maps))}"  # of whom a figure without a choice is
    known = [language for language in task.languages if language.items.get("test")]
    alone = task.languages and len(known) < 2
    return Plot(
        name=f"{task.task}-transfer",
        title=f"{task_title(task.task)}, heat map: a row for each language that probes were trained on, a column for "
        "each that they were tested on; the table below has the numbers",
        caption=f"{capital(Transfer(report, task).metric.phrase)} in percent{of}, by the language that a probe was "
        "trained on (rows) and tested on (columns). Framed: in-language. The stronger the colour the higher; it means "
        "the same for all models.",
        absent=f"No probe was tested on another language{': that needs labelled data in two.' if alone else ' yet.'}",
        views=maps,
        choice="Model",
    )


def findings(report: Report, task: ProbedTask) -> dict[str, str]:
    """Who is best, and by how much more than noise, by what the numbers are of; empty without numbers."""
    transfer = Transfer(report, task)
    found = {capital(source): _finding(transfer, source) for source in transfer.averages}
    return {source: text for source, text in found.items() if text}


def about_probes(task: ProbedTask) -> tuple[str, str]:
    """What was done, and what the numbers are, in whole sentences."""
    return _done(task), _noise(task)


def _done(task: ProbedTask) -> str:
    reads = (
        "the hidden states of each word's first sub-word"
        if task.unit == "word"
        else "the mean of the hidden states of each text's sub-words"
    )
    labels = f"{count(len(task.labels))} labels" if task.labels else "its labels"
    how = f" It is {task.method}." if task.method else ""
    return (
        f"A probe is a linear classifier on the frozen encoder: from {reads} it tells {labels} "
        f"apart.{how} Each is trained on one language and tested on every language: in-language on its own, zero-shot "
        "on another. The zero-shot number of a language is the mean over the probes of all other languages."
    )


def _noise(task: ProbedTask) -> str:
    training = "do not contain the noise of training the models: another seed of a model moves its scores too."
    if task.repeats > 1:
        return (
            f"Each number is the mean of {spelt(task.repeats)} probes from different random starts, with their "
            f"standard deviation. The intervals of differences are over test sentences and {training}"
        )
    probe = (
        "A converged probe has nearly no noise of its own."
        if task.converged
        else "Each probe was trained from one random start: what another start would change is not known."
    )
    return f"{probe} The intervals are over test sentences and {training}"


def _finding(transfer: Transfer, source: str) -> str:
    """Who is best over all languages, by how much, and who is level; then p, of which the languages are the sample."""
    numbers = transfer.averages[source]
    those = " that have labelled data" if transfer.untested or transfer.untrained else ""
    lead = leader(numbers, transfer.metric, f"the mean over all languages{those}")
    return " ".join(filter(None, (lead, _tests(numbers, transfer.metric))))


def _tests(numbers: ScoreIndex, metric: Metric) -> str:
    """p of the best model against each other one, and how small it could be with so few languages."""
    models = [model for model, _ in numbers.ranking(metric.name, ALL)]
    found = {called(numbers.report, model): numbers.p(models[0].name, model.name) for model in models[1:]}
    known = {name: number for name, number in found.items() if number is not None and number.n}
    if not known:
        return ""
    fewest = min(number.n for number in known.values())
    least = smallest_p(fewest)
    if least > SURE:
        return f"{capital(_languages(fewest))} cannot decide it: the p of a Wilcoxon test is {least:.3f} at the least."
    said = [f"p {probability(number.value)} against {name}{_at_its_end(number)}" for name, number in known.items()]
    return f"Language by language (Wilcoxon signed-rank test, each pair by itself): {'; '.join(said)}."


def _at_its_end(number: Number) -> str:
    smallest = number.value <= 1.001 * smallest_p(number.n)
    return f", the smallest possible with {_languages(number.n)}" if smallest else ""


def _languages(number: int) -> str:
    return f"{spelt(number)} language{'' if number == 1 else 's'}"
