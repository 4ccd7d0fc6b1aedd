"""What the page of several runs is made from, and those runs as one report that tables and figures can be made of."""

from collections.abc import Mapping, Sequence
from itertools import combinations

from equiglot.evaluation import MASKED_LM, METRICS, Score
from equiglot.report.data import Model, Report
from equiglot.report.format import count, listed
from equiglot.report.parts import Part
from equiglot.report.score_index import MASKED, measure_of
from equiglot.report.series import Series, multilingual_series
from equiglot.report.tables import Pair

_SYMBOLS = ("circle", "diamond", "square", "triangle-up", "hexagon", "circle-open", "cross", "x")


class ComparedRun(Part):
    """One of the runs.

    Attributes:
        name: what the page calls it.
        folder: where it is.
        report: what its own page is made from; means over groups are over the languages that all runs have.
        trainings: model -> a mark of all that went into its training, the seed too; equal marks are one training.
        seeds: model -> all seeds that its training hangs on.
        seedless: a mark of its recipe without seeds and names, and of its texts.
        tests: language -> a mark of vocabulary, test text and masks; scores of equal marks can be compared. A language
            is missing where that is not known.
        labels: task -> language -> a mark of its labelled data and of how it is probed, or fine-tuned on; scores of
            equal marks can be compared, whatever the models are.
    """

    name: str
    folder: str
    report: Report
    trainings: Mapping[str, str] = {}
    seeds: Mapping[str, str] = {}
    seedless: str = ""
    tests: Mapping[str, str] = {}
    labels: Mapping[str, Mapping[str, str]] = {}

    @property
    def languages(self) -> set[str]:
        """The codes of its languages."""
        return {language.code for language in self.report.languages}

    def is_scored(self, model: str, task: str = MASKED_LM) -> bool:
        """Whether there are scores of a model in a task."""
        return any(score.model == model and score.task == task for score in self.report.scores)


class Field(Part):
    """A field of the recipe that is not the same in all runs.

    Attributes:
        name: dotted.
        values: one a run, as text; empty where the run has none.
    """

    name: str
    values: tuple[str, ...]


class Comparison(Part):
    """All that the page of several runs shows.

    Attributes:
        runs: in the order in which they were named.
        groups: name -> languages that all runs have, and have in that group; "all" for all of them.
        fields: where the recipes differ.
        obstacles: why numbers of some runs cannot be compared, one sentence each.
        differences: of masked words and of fine-tuned tasks, a model's score in one run minus that in an earlier one,
            paired; the names are `name_in`'s.
    """

    runs: tuple[ComparedRun, ...]
    groups: Mapping[str, tuple[str, ...]] = {}
    fields: tuple[Field, ...] = ()
    obstacles: tuple[str, ...] = ()
    differences: tuple[Score, ...] = ()

    def repeated(self) -> tuple[tuple[ComparedRun, ...], ...]:
        """The runs that differ in nothing but seeds, together; what is alone, or only copied, is left out."""
        alike: dict[str, list[ComparedRun]] = {}
        for run in self.runs:
            alike.setdefault(run.seedless, []).append(run)
        return tuple(tuple(runs) for runs in alike.values() if any(len(distinct(runs, m)) > 1 for m in _trained(runs)))

    def checked(self) -> bool:
        """Whether it is known of all languages that runs share if their scores can be compared."""
        masked = (pair for pair in combinations(self.runs, 2) if all(MASKED_LM in run.report.evaluated for run in pair))
        return all({*one.tests} & {*two.tests} >= one.languages & two.languages for one, two in masked)

    @property
    def masked(self) -> bool:
        """Whether any run scores masked words."""
        return any(MASKED_LM in run.report.evaluated for run in self.runs)


def distinct(runs: Sequence[ComparedRun], *models: str, task: str = MASKED_LM) -> list[ComparedRun]:
    """One run of each training of a model, or of several together, from seeds of its own; with scores if one has."""
    found: list[ComparedRun] = []
    trained = [run for run in runs if all(model in run.trainings for model in models)]
    for run in sorted(trained, key=lambda run: not all(run.is_scored(model, task) for model in models)):
        if not any(all(_same(run, each, model) for model in models) for each in found):
            found.append(run)
    return [run for run in runs if run in found]


def shared_tasks(runs: Sequence[ComparedRun]) -> list[str]:
    """The labelled tasks that at least two of the runs have scores of, those that are probed first."""
    scored = [{score.task for score in run.report.scores} for run in runs]
    probed = [task.task for run in runs for task in run.report.tasks]
    tuned = [task.name for run in runs for task in run.report.fine_tuned]
    return [task for task in dict.fromkeys((*probed, *tuned)) if sum(task in each for each in scored) > 1]


def _same(one: ComparedRun, two: ComparedRun, model: str) -> bool:
    """Trainings that differ in versions alone are none from another seed."""
    return one.trainings[model] == two.trainings[model] or one.seeds.get(model) == two.seeds.get(model)


def _trained(runs: Sequence[ComparedRun]) -> list[str]:
    return list(dict.fromkeys(model for run in runs for model in run.trainings))


def name_in(run: str, model: str) -> str:
    """The name of a run's model among those of all runs."""
    return f"{run}: {model}"


def merged(comparison: Comparison) -> Report:
    """All runs as one report without models: its scores carry `name_in`, the teachers together the reference's name."""
    languages = {language.code: language for run in comparison.runs for language in run.report.languages}
    scores = [score for run in comparison.runs for score in _renamed(run)]
    return Report(
        name=listed([run.name for run in comparison.runs]),
        languages=tuple(languages.values()),
        groups=comparison.groups,
        scores=(*scores, *comparison.differences),
    )


def pooled(runs: Sequence[ComparedRun]) -> Report:
    """The first report, with the scores of runs that differ in nothing but seeds: its numbers are means over them."""
    scores = _pooled([run.report.scores for run in runs])
    forms = {form for run in runs for form in run.report.exported}
    exported = {form: _pooled([run.report.exported.get(form, ()) for run in runs]) for form in sorted(forms)}
    return runs[0].report.model_copy(update={"scores": scores, "exported": exported})


def _pooled(runs: Sequence[Sequence[Score]]) -> tuple[Score, ...]:
    """All scores, with the place of their run as their seed."""
    return tuple(score.model_copy(update={"seed": place}) for place, run in enumerate(runs) for score in run)


def _renamed(run: ComparedRun) -> list[Score]:
    """A run's scores, and each teacher's once more under the name of all; what compares two models is left out."""
    together = {code: model for code, model in run.report.references.items()}
    found = []
    for score in run.report.scores:
        if METRICS[score.metric].relative_to != "any":
            found.append(score.model_copy(update={"model": name_in(run.name, score.model)}))
            if score.task == MASKED_LM and together.get(score.language) == score.model:
                found.append(score.model_copy(update={"model": name_in(run.name, run.report.reference)}))
    return found


def all_models(comparison: Comparison) -> list[Model]:
    """Every multilingual model once, the baselines first; of equal names the first run's."""
    models: dict[str, Model] = {}
    for run in comparison.runs:
        for model in run.report.of_role("baseline", "student"):
            models.setdefault(model.name, model)
    return sorted(models.values(), key=lambda model: model.role != "baseline")


def compared_series(comparison: Comparison, task: str = MASKED_LM) -> tuple[Series, ...]:
    """What is drawn: colours tell models, signs tell runs; what has one name stands side by side.

    By masked words, teachers are compared within the run's vocabulary only.
    """
    models = all_models(comparison)
    looks = {look.name: look for look in multilingual_series(Report(name="", models=tuple(models)))}
    found = [
        Series(name_in(run.name, run.report.reference), f"teachers \N{MIDDLE DOT} {run.name}", "reference",
               "var(--teacher)", _symbol(place))
        for place, run in enumerate(comparison.runs)
        if run.report.of_role("teacher") and (task != MASKED_LM or measure_of(run.report) == MASKED)
    ]  # fmt: skip
    for model in models:
        for place, run in enumerate(comparison.runs):
            if model.name in {each.name for each in run.report.models}:
                label = f"{model.label} \N{MIDDLE DOT} {run.name}"
                colour = looks[model.name].colour
                found.append(Series(name_in(run.name, model.name), label, model.role, colour, _symbol(place)))
    return tuple(found)


def _symbol(place: int) -> str:
    return _SYMBOLS[place % len(_SYMBOLS)]


def compared_pairs(comparison: Comparison, task: str = MASKED_LM, source: str | None = None) -> list[Pair]:
    """Every model, and the teachers together, against itself in another run: the later minus the earlier."""
    differences = (score for score in comparison.differences if (score.task, score.source) == (task, source))
    known = {(score.model, score.reference) for score in differences}
    found = []
    labels = {run.report.reference: "teachers" for run in comparison.runs}
    labels |= {model.name: model.label for model in all_models(comparison)}
    for name, label in labels.items():
        for one, two in combinations(comparison.runs, 2):
            pair = (name_in(two.name, name), name_in(one.name, name))
            if pair in known:
                found.append(Pair(*pair, f"{label}: {two.name} \N{MINUS SIGN} {one.name}"))
    return found


def headline(comparison: Comparison) -> str:
    """What the page says first."""
    number = len(comparison.runs)
    if any(len(runs) == number for runs in comparison.repeated()):
        noise = "the noise of training" + (", and of the text that the seeds drew" if comparison.obstacles else "")
        return f"{count(number)} runs that differ in nothing but seeds: what lies between them is {noise}."
    first, *others = comparison.runs
    if first.trainings and all(run.trainings == first.trainings for run in others) and not comparison.obstacles:
        return f"{count(number)} runs with the same trainings: nothing lies between them."
    fields = len(comparison.fields)
    text = f"{count(number)} runs that differ in {count(fields)} field{'' if fields == 1 else 's'} of the recipe"
    if comparison.obstacles:
        return f"{text}; not all of their scores can be compared."
    if not comparison.checked():
        return f"{text}. Whether their scores can be compared is not known yet."
    reports = [run.report for run in comparison.runs]
    how = {"probes": any(each.tasks for each in reports), "fine-tuning": any(each.fine_tuned for each in reports)}
    labelled = listed(["labelled data", *(name for name, there in how.items() if there)])
    same = "vocabulary, test text and masks" if comparison.masked else labelled
    return f"{text}. Their scores can be compared: {same} are the same."


def unfinished(runs: Sequence[ComparedRun]) -> tuple[str, ...]:
    """What is missing of the runs, one phrase a run."""
    return tuple(f"{run.name}: {'; '.join(run.report.missing)}" for run in runs if run.report.missing)
