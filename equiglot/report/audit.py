"""Which languages models serve badly, and why: a verdict on each, what it rests on, and in what languages differ."""

from collections.abc import Iterator, Sequence

from equiglot.evaluation import STANDINGS, AuditedModel, Measured, Standing, Verdict, primary_of
from equiglot.report.audit_vocabulary import cut_table, language_cell, use_plot
from equiglot.report.data import AuditReport, Report
from equiglot.report.explaining import explained
from equiglot.report.format import NONE, capital, count, decimal, interval, listed, shortened, signed, task_title
from equiglot.report.labels import Point, text_positions
from equiglot.report.plotting import Axis, Dot, Figure, HeatCell, HeatMap, Plot, Rule, Tick, Trace
from equiglot.report.sections import Fold, Heading, NamedTable, Paragraph, Part, Section
from equiglot.report.tables import Cell, Mark, Table
from equiglot.tasks import DataHealth, task_of

_COLOURS: dict[Standing, str] = {
    "worse than no pretraining": "var(--vermilion)",
    "behind": "var(--amber)",
    "served": "var(--blue)",
    "unknown": "var(--reference)",
}
_MARKS: dict[Standing, Mark] = {"worse than no pretraining": "clear", "behind": "clear"}
_RULE = (
    " Each task of a language is scored by a model that was fine-tuned on it several times, and by the best model "
    "without pretraining: the same encoder from random weights; or character n-grams, and for trees every word on its "
    "neighbour. Unknown: nothing can be compared, as with a single training. Worse than no pretraining: in some task "
    "the whole interval of the gain is below 0 (intervals that hold for all tasks of the language together). Behind: "
    "pretraining removes fewer of the errors than in the other languages on average, or another model of this audit is "
    "better, by at least the margin that the recipe states, and by more than chance; or the mean gain is not above 0 "
    "by more than chance. Served: none of these. Errors removed are the gain in percent of the errors of the model "
    "without pretraining; a loss is in percent of what that scores."
)
_FEWEST_SIZES = 3
_CELL = 34  # pixels of a row of a heat map


def audit_sections(report: Report) -> Iterator[Section]:
    """One section for all audited models; none in a run without an audit."""
    if (audit := report.audit) is None:
        return
    codes = _ordered(report)
    parts: list[Part] = [NamedTable("audit", _verdicts(report))]
    parts += [plot for plot in (_by_size(report), _gains(report)) if plot.views]
    parts.append(Paragraph(_RULE, "How verdicts are given."))
    parts += _why(audit)
    if (use := use_plot(report, audit, codes)).views:
        parts += [Heading("How languages use the vocabulary"), use]
    for each in _models(report):
        name = report.label_of(each.model)
        details = [NamedTable(f"audit-{each.model}", _details(report, each))]
        if any(each.causes.values()):
            details.append(NamedTable(f"audit-causes-{each.model}", _causes(report, each)))
        details.append(NamedTable(f"audit-cut-{each.model}", cut_table(report, audit.cut.get(each.model, {}), codes)))
        parts.append(Fold(f"{name}: every number", tuple(details)))
    parts.append(Fold("Faults of the labelled data", (NamedTable("audit-data", _faults(report)),)))
    yield Section("audit", "Audit", "Which languages are served, and which are not", tuple(parts))


def _models(report: Report) -> Sequence[AuditedModel]:
    return () if report.audit is None else report.audit.models


def audit_summary(report: Report, audited: AuditedModel) -> str:
    """How many languages a model serves, and which it does not, in a sentence."""
    groups = {standing: [report.language_name(code) for code in audited.of(standing)] for standing in STANDINGS}
    total = len(audited.verdicts)
    said = [f"{len(groups['served'])} of {total} language{'' if total == 1 else 's'} served"]
    said += [
        f"{standing}: {'all' if len(names) == total else listed(names)}"
        for standing, names in groups.items()
        if names and standing != "served"
    ]
    return "; ".join(said) + "."


def _verdicts(report: Report) -> Table:
    """One row a language, those with the worst verdict first; of each model what is said of it."""
    rows, caused = [], any(causes for each in _models(report) for causes in each.causes.values())
    for code in _ordered(report):
        cells = []
        for audited in _models(report):
            verdict = audited.verdicts.get(code)
            if verdict is None:
                cells += [Cell(NONE)] * (1 + caused)
                continue
            cells += [_verdict_cell(verdict), _cause_cell(audited, code)][: 1 + caused]
        rows.append((language_cell(report, code), *cells))
    caption = (
        "The verdict on each language, the worst first"
        f"{', and in what the language is worse off than the others' if caused else ''}. How verdicts are given is "
        "said below."
    )
    models = [report.label_of(each.model) for each in _models(report)]
    titles = ("Verdict", "Differs in")[: 1 + caused]
    columns = ("", *(title for _ in models for title in titles))
    spans = (("", 1), *((model, len(titles)) for model in models)) if len(models) > 1 else ()
    return Table(caption, columns, tuple(rows), numeric_from=len(columns), spans=spans)


def _ordered(report: Report) -> list[str]:
    """Codes of the languages, those with the worst verdict of any model before the others."""
    order = {standing: place for place, standing in enumerate(STANDINGS)}

    def key(code: str) -> tuple[int, float]:
        found = [each.verdicts[code] for each in _models(report) if code in each.verdicts]
        place = min((order[each.standing] for each in found), default=len(order))
        removed = min((each.removed.value for each in found if each.removed is not None), default=0.0)
        return place, removed

    return sorted((each.code for each in report.languages), key=key)


def _verdict_cell(verdict: Verdict) -> Cell:
    return Cell(
        verdict.standing,
        capital(verdict.reason),
        _MARKS.get(verdict.standing, ""),
        {"": verdict.standing, "removed": None if verdict.removed is None else verdict.removed.value},
    )


def _cause_cell(audited: AuditedModel, code: str) -> Cell:
    causes = audited.causes.get(code, ())
    if not causes:
        return Cell(NONE, values={"": None})
    first = causes[0]
    said = f"{first.indicator.phrase}: {_short(first.value)}, usually {_short(first.usual)}"
    others = ", ".join(each.indicator.name for each in causes[1:])
    return Cell(first.indicator.name, said + (f"; also {others}" if others else ""), values={"": first.indicator.name})


def _short(value: float) -> str:
    return decimal(value, 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2)


def _details(report: Report, audited: AuditedModel) -> Table:
    """One row a language and task."""
    rows, doublings = list[tuple[Cell, ...]](), audited.doublings
    curved = any(doublings.values())
    for code in _ordered(report):
        verdict = audited.verdicts.get(code)
        for task in _tasks(report):
            gain = None if verdict is None else verdict.gains.get(task)
            head = (language_cell(report, code), Cell(task_title(task_of(task)), values={"": task}))
            doubling = (_number(doublings.get(code, {}).get(task), sign=True),) if curved else ()
            if gain is None:
                rows.append((*head, *(Cell(NONE, values={"": None}) for _ in range(4)), *doubling))
                continue
            without, said = _number(gain.baseline), [gain.baseline_model]
            said += [f"{name} {decimal(value)}" for name, value in gain.others.items()]
            rows.append(
                (
                    *head,
                    _number(gain.score),
                    Cell(without.text, "; ".join(said), values=without.values),
                    _number(gain.points, sign=True),
                    _number(gain.removed),
                    *doubling,
                )
            )
    metrics = listed([f"{primary_of(task).phrase} ({task_title(task_of(task)).lower()})" for task in _tasks(report)])
    caption = (
        f"Scores in percent ({metrics}), beside the best model without pretraining; 95 % intervals hold the noise of "
        "test sentences and of fine-tuning."
    )
    columns: tuple[str, ...] = ("", "Task", "Score", "Without pretraining", "Gain (points)", "Errors removed (%)")
    if curved:
        columns = (*columns, "Twice the labels (points)")
        caption += " Twice the labels: what all of them bring over half of them."
    return Table(caption, columns, tuple(rows), numeric_from=2)


def _number(number: Measured | None, *, sign: bool = False) -> Cell:
    if number is None:
        return Cell(NONE, values={"": None})
    low, high = number.interval()
    text = signed(number.value) if sign else decimal(number.value)
    return Cell(
        text,
        interval(low, high, sign=sign),
        "clear" if sign and (low > 0 or high < 0) else "",
        {"": number.value, "low": low, "high": high},
    )


def _causes(report: Report, audited: AuditedModel) -> Table:
    rows = [
        (
            language_cell(report, code),
            Cell(capital(each.indicator.phrase)),
            Cell(_short(each.value), values={"": each.value}),
            Cell(_short(each.usual), values={"": each.usual}),
            Cell(decimal(each.distance), values={"": each.distance}),
            Cell(each.indicator.remedy),
        )
        for code in _ordered(report)
        for each in audited.causes.get(code, ())
    ]
    caption = (
        "In what a language is worse off than the others: its number, the median of the others, and the distance in "
        "units of their spread. That languages differ in it does not say that it is why scores differ."
    )
    return Table(caption, ("", "What", "Here", "Usually", "Distance", "What helps"), tuple(rows), numeric_from=2)


def _counts(health: DataHealth) -> tuple[int, ...]:
    unseen = sum(health.unseen.values())
    return (health.repeated, health.contradicted, health.twice, unseen, health.stray, health.other_text)


def _faults(report: Report) -> Table:
    """What is wrong with labelled data: one row a task and language that has any fault."""
    found = [
        (task.name, code, health)
        for task in report.fine_tuned
        for code, health in ((each.code, each.health) for each in task.languages)
        if health is not None and not health.is_sound
    ]
    rows = tuple(
        (
            language_cell(report, code),
            Cell(_task(task), values={"": task}),
            *(Cell(count(number) if number else NONE, values={"": number}) for number in _counts(each)),
        )
        for task, code, each in found
    )
    caption = (
        "Faults of labelled data, which is used all the same: test sentences that stand in the training data, and of "
        "these the ones that have other labels there; test sentences that stand in the test data before; test items "
        "whose label training data lacks; I- tags that follow no tag of their type; sentences of treebanks that are "
        "not their text. Tasks and languages that are not named have none."
    )
    columns = ("", "Task", "Repeated", "Contradicted", "Twice", "Unseen labels", "Stray I-", "Other text")
    return Table(caption, columns, rows, numeric_from=2)


def _why(audit: AuditReport) -> Iterator[Part]:
    """Which resources scores go with, in sentences (paper 3, section 5.1)."""
    said = [sentence for analysis in audit.analyses for sentence in explained(analysis)]
    if all(sentence.startswith("Not estimable") for sentence in said):
        said = said[:1]
    if said:
        yield Heading("What scores go with")
        yield Paragraph(" ".join(dict.fromkeys(said)))
        yield Paragraph("A linear model shows what goes together, not what causes what.")


def _tasks(report: Report) -> list[str]:
    return [each.name for each in report.fine_tuned]


def _gains(report: Report) -> Plot:
    """Languages by tasks, what pretraining brings; of each model a view."""
    views = {report.label_of(each.model): figure for each in _models(report) if (figure := _heat(report, each))}
    return Plot(
        name="audit-gains",
        title="Heat map: what pretraining brings, by language and task",
        caption="What pretraining brings, in percent of the errors that the best model without it makes; below 0 the "
        "model is worse than that, in percent of what that scores. An empty place has no data, or nothing to compare.",
        absent="",
        views=views,
        choice="Model",
    )


def _heat(report: Report, audited: AuditedModel) -> Figure | None:
    codes, tasks = _ordered(report), _tasks(report)
    cells = []
    for y, code in enumerate(codes):
        for x, task in enumerate(tasks):
            verdict = audited.verdicts.get(code)
            gain = None if verdict is None else verdict.gains.get(task)
            if gain is not None and gain.removed is not None:
                said = (
                    f"{report.language_name(code)}, {task_title(task_of(task)).lower()}: {decimal(gain.score.value)} "
                )
                said += f"against {decimal(gain.baseline.value)} of {gain.baseline_model}"
                cells.append(HeatCell(x, y, gain.removed.value, decimal(gain.removed.value, 0), said))
    if not cells:
        return None
    every = [
        each.removed.value
        for model in _models(report)
        for verdict in model.verdicts.values()
        for each in verdict.gains.values()
        if each.removed
    ]
    columns, rows = (
        [shortened(name, 18) for name in names] for names in (map(_task, tasks), map(report.language_name, codes))
    )
    return Figure(
        height=_CELL * len(codes),
        x=Axis("", (-0.5, len(columns) - 0.5), tuple(map(Tick, range(len(columns)), columns)), grid=False),
        y=Axis("", (len(rows) - 0.5, -0.5), tuple(map(Tick, range(len(rows)), rows)), grid=False),
        heat=HeatMap("errors removed (%)", cells, (min(0.0, *every), max(1.0, *every))),
    )


def _task(name: str) -> str:
    return task_title(task_of(name))


def _by_size(report: Report) -> Plot:
    """Errors removed by how much text there is of a language (paper 3, Figures 1 and 2)."""
    views = {report.label_of(each.model): figure for each in _models(report) if (figure := _sizes(report, each))}
    return Plot(
        name="audit-sizes",
        title="Scatter plot: what pretraining brings, by how much text there is of a language",
        caption="Percent of errors that pretraining removes, the mean over tasks, by how much text there is of the "
        "language. Vertical lines are 95 % intervals; below 0 a language is worse off than without pretraining.",
        absent="",
        views=views,
        choice="Model",
    )


def _sizes(report: Report, audited: AuditedModel) -> Figure | None:
    sizes, measure = ({}, "") if report.audit is None else (report.audit.sizes, report.audit.measure)
    points = [
        (Point(sizes[code], each.removed.value, report.language_name(code)), each)
        for code, each in audited.verdicts.items()
        if code in sizes and each.removed is not None
    ]
    if len(points) < _FEWEST_SIZES:
        return None
    ends = [each.removed.interval() for _, each in points if each.removed is not None]
    margin = 0.08 * (max(high for _, high in ends) - min(low for low, _ in ends) or 1.0)
    x_range = min(point.x for point, _ in points) - 0.8, max(point.x for point, _ in points) + 0.8
    y_range = min(0.0, *(low for low, _ in ends)) - margin, max(high for _, high in ends) + margin
    sides = text_positions([point for point, _ in points], x_range, y_range)
    traces = [
        Trace(
            point.label,
            [Dot(point.x, point.y, f"{each.standing}; {decimal(point.y)} % of errors removed", upwards=end)],
            _COLOURS[each.standing],
            "circle",
            side=side,
        )
        for (point, each), end, side in zip(points, ends, sides, strict=True)
    ]
    return Figure(
        height=360,
        x=Axis(measure, x_range),
        y=Axis("errors removed (%)", y_range),
        traces=traces,
        rules=[Rule(y=0.0)],
    )
