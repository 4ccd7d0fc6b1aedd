"""Who is best by a metric, and by how much more than noise; and the verdict, which says no more than the numbers."""

from dataclasses import dataclass

from equiglot.evaluation import ALL, Metric, group_language, primary_of, smallest_p
from equiglot.report.audit import audit_summary
from equiglot.report.data import Model, Report
from equiglot.report.format import SURE, capital, decimal, group_phrase, listed, signed, spelt, task_title
from equiglot.report.plotting import spoken
from equiglot.report.probes import SOURCES, Transfer
from equiglot.report.score_index import BITS, Number, ScoreIndex, measure_of, measures_distance, numbers_of, teachers_of


def called(report: Report, model: Model) -> str:
    """What a model is called within a sentence."""
    if model.role == "student" and len(report.of_role("student")) == 1:
        return "the student"
    if model.role == "teacher" and len(model.languages) == 1 and _is_only_teacher(report, model):
        return f"the teacher of {report.language_name(model.languages[0])}"
    return model.label


def _is_only_teacher(report: Report, model: Model) -> bool:
    """Whether its language has no other teacher."""
    others = (each for each in report.of_role("teacher") if each != model)
    return not any(model.languages[0] in each.languages for each in others)


def leader(numbers: ScoreIndex, metric: Metric, mean: str = "the mean over all languages") -> str:
    """A sentence that says who is best over all languages, who is level with it, and how far others are behind.

    Args:
        numbers: what models are compared by.
        metric: of them, that in which differences are measured.
        mean: what a number over all languages is.

    Returns:
        The sentence; empty where no model has a number over all languages.
    """
    report, ranking = numbers.report, numbers.ranking(metric.name, ALL)
    if not ranking:
        return ""
    (best, value), others = ranking[0], [model for model, _ in ranking[1:]]
    unit = f"{metric.unit} {metric.phrase}" if metric.unit == "%" else metric.unit
    where = f"{decimal(value.value, metric.digits)}\N{NO-BREAK SPACE}{unit}, {mean}"
    name = capital(called(report, best))
    if not others:
        return f"{name} has {where}. No other model is compared with it."
    digits, clear, level, open_ = metric.difference.digits, [], [], []
    for model in others:
        lead, other = numbers.difference(best.name, model.name, ALL), called(report, model)
        if lead is None or lead.low is None:
            open_.append(other)
        elif lead.clearly_positive:
            clear.append(f"{other} by {spoken(lead, signs=True, digits=digits)}")
        else:
            level.append(f"{other} ({spoken(lead, signs=True, digits=digits)})")
    text = f"No model is clearly best: {called(report, best)} has {where}" if level or open_ else ""
    text = text or f"{name} {_claim(numbers, metric, best, others)} {where}"
    text += f", but is level with {listed(level)}, within the noise" if level else ""
    text += f"; its difference from {listed(open_)} has no paired interval" if open_ else ""
    text += f"; it is ahead of {listed(clear)}{metric.difference.unit or ' points'}" if clear else ""
    return f"{text}."


def _claim(numbers: ScoreIndex, metric: Metric, best: Model, others: list[Model]) -> str:
    """What may be said of a model whose leads exclude zero: that depends on the tests over languages, if there are."""
    tests = [numbers.p(best.name, model.name) for model in others]
    if all(test and test.value <= SURE for test in tests):
        return "is best: it has"
    end = "lowest" if metric.lower_is_better else "highest"
    if any(test is None or smallest_p(test.n) > SURE for test in tests):
        return f"has the {end} mean:"
    return f"has the {end} mean, but language by language that may be chance:"


_MOST_NAMED = 4
"""Of more models than this the headline only says how many they are."""


@dataclass(frozen=True)
class Verdict:
    """What the page says first.

    Attributes:
        headline: one sentence.
        cautions: what keeps the headline from being taken for more than it is, one or more sentences each.
        missing: what is not done yet, a phrase each.
    """

    headline: str
    cautions: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


def verdict(report: Report) -> Verdict:
    """The verdict on a report's numbers: D over all languages (paper 1, Eq. 3), then group by group.

    D is in points of MRR, or, where teachers have vocabularies of their own, in bits per character. Where no distance
    is measured, the numbers are those of the first task that models are scored in.
    """
    missing = missing_pieces(report)
    return Verdict(_headline(report), tuple(filter(None, (_starved(report), _unpaired(report)))), missing)


def missing_pieces(report: Report) -> tuple[str, ...]:
    """What a finished run has and this one does not, one phrase each."""
    scored = {score.model for score in report.scores}
    trained = [model for model in report.models if model.role != "reference" and not model.source]
    found = [*report.missing]
    untrained = [called(report, model) for model in trained if model.updates is None]
    unscored = [called(report, model) for model in trained if model.updates is not None and model.name not in scored]
    found += [f"not trained: {listed(untrained)}"] if untrained else []
    found += [f"trained, but not scored: {listed(unscored)}"] if unscored and report.evaluated else []
    return tuple(found)


def _scored(report: Report) -> set[str]:
    """The models that were scored in what the verdict is about."""
    return {score.model for score in report.scores if score.task == measure_of(report).task}


def _headline(report: Report) -> str:
    if report.audit is not None:
        return " ".join(f"{report.label_of(each.model)}: {audit_summary(report, each)}" for each in report.audit.models)
    if report.models and not measures_distance(report):
        return _leader(report)
    numbers = numbers_of(report)
    ranking = numbers.ranking("d", ALL)
    students = report.of_role("student")
    if not ranking or (students and not any(model.role == "student" for model, _ in ranking)):
        return f"No verdict yet: {_reason(report)}."
    return (
        capital("; ".join((_overall(report, numbers, ranking), *_group_clauses(report, numbers, ranking[0][0])))) + "."
    )


def _leader(report: Report) -> str:
    """Who is best in the first task, where there is nothing that distances are measured from."""
    if not report.evaluated:
        return "No verdict: the recipe scores no model."
    task = report.evaluated[0]
    probed = next((each for each in report.tasks if each.task == task), None)
    if probed is not None:
        by_source = dict(Transfer(report, probed).averages)
    elif any(each.name == task for each in report.fine_tuned):
        by_source = {source: ScoreIndex(report, task, source) for source in SOURCES}
    else:
        by_source = {}
    if by_source:
        found = {f"{task_title(task)}, {name}": leader(each, primary_of(task)) for name, each in by_source.items()}
    else:
        found = {"": leader(ScoreIndex(report, task), primary_of(task))}
    place, said = next(((place, said) for place, said in found.items() if said), ("", ""))
    return f"{place}: {said}" if place else said or "No verdict yet: no model is scored over all languages."


def _reason(report: Report) -> str:
    students = report.of_role("student")
    if not report.models:
        return "this run has no models"
    if any(model.updates is None for model in students):
        return "the student is not trained" if len(students) == 1 else "the students are not trained"
    scored = _scored(report)
    unscored = [called(report, model) for model in report.of_role("student", "teacher") if model.name not in scored]
    if not scored and measure_of(report) == BITS:
        return (
            "the teachers have vocabularies of their own, and likelihood, which compares across them, is not measured"
        )
    if unscored:
        return f"{listed(unscored)} {'is' if len(unscored) == 1 else 'are'} not scored"
    return f"no distance from the {teachers_of(report)} was computed"


def _overall(report: Report, numbers: ScoreIndex, ranking: list[tuple[Model, Number]]) -> str:
    """Who comes closest to the teachers over all languages, and by how much more than noise."""
    (best, value), others = ranking[0], ranking[1:]
    fine = measure_of(report).difference.digits
    clear, level, open_ = [], [], []
    rivals_clear = True
    for model, other in others:
        lead = numbers.difference(best.name, model.name, ALL)
        name = f"{called(report, model)} ({signed(other.value, fine)})"
        if model.role != best.role and not (lead and lead.clearly_positive):
            rivals_clear = False
        if lead is None or lead.low is None:
            open_.append(name)
        elif lead.clearly_positive:
            clear.append(name)
        else:
            level.append(f"{name} is within the noise (difference {spoken(lead, signs=True, digits=fine)})")
    text = f"{_opening(report, best, rivals_clear)}{called(report, best)} {_standing(report, value, alone=not others)}"
    text += f", ahead of {_named(clear)}" if clear else ""
    text += f", but its lead over {_named(level, ' is within the noise')}" if level else ""
    if open_:
        text += f"{', and' if level else ','} nominally ahead of {_named(open_)}"
    return text


def _named(phrases: list[str], shared: str = "") -> str:
    """The phrases as a list; of many only how many, and what they share."""
    return listed(phrases) if len(phrases) <= _MOST_NAMED else f"{spelt(len(phrases))} others{shared}"


def _teachers(report: Report) -> str:
    """Those that distances are measured from."""
    if report.only_teacher:
        return report.only_teacher.label
    taught = all(report.teacher_of(language.code) for language in report.languages)
    return f"the {teachers_of(report)} over all languages{'' if taught else ' with a teacher'}"


def _opening(report: Report, best: Model, rivals_clear: bool) -> str:
    students = report.of_role("student")
    if not rivals_clear:
        return "no clear winner: "
    if best.role == "student" or not students:
        return ""
    return "the student does not win: " if len(students) == 1 else "no student wins: "


def _standing(report: Report, value: Number, *, alone: bool) -> str:
    """How the best model, or the only one, stands to the teachers, over all languages."""
    shown = measure_of(report).difference
    where = f"{_teachers(report)} (D = {spoken(value, signs=True, digits=shown.digits)}{shown.unit})"
    if value.clearly_positive:
        return f"is better than {where}"
    if value.low is not None and value.high is not None and value.low <= 0 <= value.high:
        return f"is level with {where}"
    if alone and value.clearly_negative:
        return f"is behind {where}"
    return f"comes closest to {where}" if value.value <= 0 else f"is nominally better than {where}"


def _group_clauses(report: Report, numbers: ScoreIndex, leader: Model) -> list[str]:
    """Who is best in each group of languages; the groups where it is the leader of all come first, together."""
    won, others = [], []
    for name in report.proper_groups:
        language = group_language(name)
        ranking = numbers.ranking("d", language)
        if len(ranking) < 2:
            continue
        best = ranking[0][0]
        leads = [numbers.difference(best.name, model.name, language) for model, _ in ranking[1:]]
        sure = all(lead and lead.clearly_positive for lead in leads)
        if sure and best == leader:
            won.append(f"in {group_phrase(name)}")
        elif level := numbers.level_with_best("d", language):
            names = listed([called(report, model) for model in (best, *level)])
            others.append(f"in {group_phrase(name)} {names} are level")
        else:
            others.append(f"in {group_phrase(name)} {called(report, best)} is {'' if sure else 'nominally '}best")
    return [*([f"{called(report, leader)} is also best {listed(won)}"] if won else []), *others]


def _starved(report: Report) -> str:
    teachers = report.of_role("teacher")
    starved = [(model, model.starved) for model in teachers if model.starved is not None]
    if not starved:
        return ""
    names = [
        report.language_name(model.languages[0]) if len(model.languages) == 1 else model.label for model, _ in starved
    ]
    reasons = "; ".join(f"{name}: {reason}" for name, (_, reason) in zip(names, starved, strict=True))
    verb = "is" if len(starved) == 1 else "are"
    return (
        f"{len(starved)} of {len(teachers)} teachers {verb} starved ({reasons}). A starved teacher knows little and "
        f"teaches little, so in {listed(names)} the student is held down, and D, measured against a weak teacher, "
        "flatters every model."
    )


def _unpaired(report: Report) -> str:
    numbers = numbers_of(report)
    ranking = numbers.ranking("d", ALL)
    if len(ranking) < 2:
        return ""
    leads = [numbers.difference(ranking[0][0].name, model.name, ALL) for model, _ in ranking[1:]]
    if all(lead and lead.low is not None for lead in leads):
        return ""
    return "Some differences between models have no paired interval, so whether they are more than noise is open."
