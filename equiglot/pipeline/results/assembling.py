"""From the files of a run to its scores and its page; a run that is half done gives what there is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from equiglot.errors import InputError
from equiglot.evaluation import (
    ESTIMATES,
    MASKED_LM,
    Bootstrap,
    ByLanguage,
    Estimate,
    PairEstimates,
    Score,
    WordBits,
    averages,
    comparison_rows,
    coverage_of,
    groups_within,
    likelihood_rows,
    primary_of,
    read_bits,
    read_estimates,
    read_scores,
    references_of,
    write_scores,
)
from equiglot.exporting import FP32, INT8
from equiglot.files import read_json
from equiglot.pipeline.execution.states import recorded_graph, state_of
from equiglot.pipeline.records import Record, read_record
from equiglot.pipeline.results.auditing import AuditedRun, TunedEstimates
from equiglot.pipeline.results.finetuned import FineTunedModels
from equiglot.pipeline.results.merged import MergedRun
from equiglot.pipeline.results.probes import ProbedModels
from equiglot.pipeline.results.texts import RunText
from equiglot.pipeline.results.wording import (
    balance_in_words,
    describe_model,
    encoder_in_words,
    labels_in_words,
    start_in_words,
)
from equiglot.pipeline.steps import exported_steps, fine_tuned_steps, halved_steps, read_segmentation, simple_steps
from equiglot.pipeline.steps.scores import BITS
from equiglot.recipe import FREQUENCY, ModelPlan, Recipe, recipe_text
from equiglot.report import (
    AuditReport,
    Curve,
    Model,
    Portion,
    Published,
    Report,
    Role,
    Run,
    listed,
    plots_of,
    read_published,
    tables_of,
    write_card,
    write_figures,
    write_report,
    write_tables,
)
from equiglot.run import RunDirectory
from equiglot.training import LossPoint, ValidationPoint

_FREQUENCY_LABEL = "words by frequency"


def write_results(run: RunDirectory, recipe: Recipe) -> None:
    """Writes scores, page, tables, figures and cards, from all that is done; whoever calls it holds the run."""
    assembly = Assembly(run, recipe)
    scores = list(assembly.scores())
    report = assembly.report(scores)
    write_scores(run.scores, scores)
    write_tables(tables_of(report), run.tables)
    write_figures(plots_of(report), run.figures)
    write_report(report, run.report)
    for model in report.models:
        if model.updates is not None:
            write_card(report, model, run.card(model.name))


def read_audit(root: Path, recipe: Recipe) -> AuditReport | None:
    """What a run's audit says so far; None where its recipe has none."""
    return None if recipe.audit is None else Assembly(RunDirectory(root), recipe).audit()


class Assembly:
    """What a run has made so far.

    Args:
        run: its folder.
        recipe: its recipe.

    Attributes:
        mrr: model -> language -> its MRR, for all that is scored.
        bits: model -> language -> what words cost it, for all whose likelihood is measured.
        probed: task -> its probes, for every task whose data is prepared.
        fine_tuned: name in scores -> its fine-tuned models, of the same kind.
    """

    def __init__(self, run: RunDirectory, recipe: Recipe) -> None:
        self._run, self._recipe = run, recipe
        self._plans = recipe.plans()
        jobs = recorded_graph(run, recipe).jobs
        self._states = {name: state_of(run, job) for name, job in jobs.items()}
        self._records = {name: read_record(run, name) for name, state in self._states.items() if state == "done"}
        self.probed = {task: self._probed(task) for task in recipe.probed if self._done(f"task/{task}")}
        self.fine_tuned = {name: self._fine_tuned(name) for name in recipe.fine_tuned if self._done(f"task/{name}")}
        self.bits = {name: self._bits(name) for name in self._plans if self._done(f"likelihood/{name}")}
        self.mrr = {name: self._mrr(name) for name in (*self._plans, FREQUENCY) if self._done(f"scores/{name}")}

    def scores(self, groups: Mapping[str, Sequence[str]] | None = None) -> Iterator[Score]:
        """Every number of the run: of each model alone, then of groups (its own, or these), distances, differences."""
        groups = self._recipe.groups if groups is None else groups
        for name in self.mrr:
            yield from read_scores(self._run.scores_of(name) / "scores.jsonl")
        yield from self.comparisons(groups)
        yield from self._likelihood(groups)
        for probed in self.probed.values():
            yield from probed.scores(groups)
        for tuned in self.fine_tuned.values():
            yield from tuned.scores(groups)
        if self._done("cost/all"):
            yield from read_scores(self._run.costs / "scores.jsonl")

    def _likelihood(self, groups: Mapping[str, Sequence[str]]) -> Iterator[Score]:
        """Bits a character, where they are measured."""
        if self._recipe.likelihood is not None and self.bits:
            yield from likelihood_rows(
                self.bits,
                {code: name for code, name in self._references().items() if name in self.bits},
                reference=self._recipe.reference_name,
                groups=groups,
                bootstrap=Bootstrap(self._recipe.likelihood.resamples, self._recipe.likelihood.seed),
                seed=self._recipe.seed,
            )

    def comparisons(self, groups: Mapping[str, Sequence[str]]) -> Iterator[Score]:
        """Means over groups of languages, distances from the teachers, and differences between models."""
        compared = {name: scores for name, scores in self.mrr.items() if name == FREQUENCY or self._compared(name)}
        teachers = self._references()
        yield from comparison_rows(
            MASKED_LM,
            compared,
            references_of(self.mrr, teachers),
            reference=self._recipe.reference_name,
            groups=groups,
            taught=groups_within(groups, teachers),
            seed=self._recipe.seed,
        )

    def report(self, scores: list[Score]) -> Report:
        """All that the page shows."""
        text = RunText(self._run, self._recipe, self._done)
        frequency = [self._frequency()] if self._recipe.masked is not None else []
        models = (*(self._model(plan) for plan in self._plans.values()), *frequency)
        trained = (name for name, plan in self._plans.items() if plan.is_trained and self._done(f"model/{name}"))
        curves = chain.from_iterable(self._curves(name) for name in trained)
        return Report(
            name=self._recipe.report.title or self._recipe.name,
            languages=tuple(text.language(code) for code in self._recipe.trained_languages),
            vocabulary=text.vocabulary(),
            has_vocabulary=self._recipe.has_vocabulary,
            groups=self._recipe.groups,
            models=models,
            scores=tuple(scores),
            curves=tuple(curves),
            reference=self._recipe.reference_name,
            references=self._references(),
            evaluated=self._recipe.evaluated,
            tasks=tuple(probed.task() for probed in self.probed.values()),
            fine_tuned=tuple(tuned.task() for tuned in self.fine_tuned.values()),
            exported=self._exported(),
            audit=self.audit(),
            coverage=tuple(
                coverage_of(name, code, words) for name, of in self.bits.items() for code, words in of.items()
            ),
            merged=MergedRun(self._run, self._recipe, self._done).merged(),
            published=self._published(),
            run=self._about_run(),
            missing=self._missing(),
            notes=self._recipe.report.notes,
        )

    def audit(self) -> AuditReport | None:
        """What is said of the models, where the recipe asks for it."""
        if self._recipe.audit is None:
            return None
        tasks = {
            name: TunedEstimates(tuned.summary, tuned.estimates, self._simple(name), self._halved(name))
            for name, tuned in self.fine_tuned.items()
        }
        cut = {name: read_segmentation(self._run, name) for name in self._plans if self._done(f"segmentation/{name}")}
        text = RunText(self._run, self._recipe, self._done)
        found = {code: text.language(code).train for code in self._recipe.text_languages}
        characters = {code: size.characters for code, size in found.items() if size is not None}
        audited = AuditedRun(self._recipe, tasks, cut, characters)
        return AuditReport(
            models=audited.models, analyses=audited.analyses, cut=cut, sizes=audited.sizes, measure=audited.measure
        )

    def _halved(self, task: str) -> dict[str, PairEstimates]:
        """Model -> what it scores after training on half of the data of each language, as far as that is done."""
        found: dict[str, PairEstimates] = {}
        for step in halved_steps(self._recipe):
            if step.settings.name == task and self._done(step.name):
                path = self._run.fine_tuned(step.subject) / ESTIMATES
                found.setdefault(step.plan.name, {}).update(read_estimates(path))
        return found

    def _simple(self, task: str) -> dict[str, PairEstimates]:
        """Baseline without an encoder -> what it scores on a task, as far as it is done."""
        steps = (step for step in simple_steps(self._recipe) if step.subject == task and self._done(step.name))
        return {step.called: read_estimates(step.folder(self._run, task) / ESTIMATES) for step in steps}

    def _published(self) -> Published | None:
        """What others have published, where the recipe names it, and it is still there to be read."""
        name = self._recipe.report.published
        try:
            return read_published(name) if name is not None else None
        except InputError:  # the run was moved without the file; `equiglot run` refuses it
            return None

    def _missing(self) -> tuple[str, ...]:
        groups = {"left": "not done", "changed": "done with another recipe or version, and left out here"}
        names = {state: [name for name, each in self._states.items() if each == state] for state in groups}
        return tuple(f"{words}: {listed(names[state])}" for state, words in groups.items() if names[state])

    def record(self, job: str) -> Record | None:
        """The record of a job that is done."""
        return self._records.get(job)

    def _done(self, job: str) -> bool:
        return self.record(job) is not None

    def _compared(self, name: str) -> bool:
        return not self._recipe.is_expert(self._plans[name])

    def _probed(self, task: str) -> ProbedModels:
        done = [name for name in self._plans if self._done(f"probes/{task}.{name}")]
        return ProbedModels(self._run, self._recipe, self._recipe.probed[task], done)

    def _fine_tuned(self, name: str) -> FineTunedModels:
        settings = self._recipe.fine_tuned[name]
        done = [step for step in fine_tuned_steps(self._recipe, settings) if self._done(step.name)]
        exported = [step for step in exported_steps(self._recipe, settings) if self._done(step.name)]
        return FineTunedModels(self._run, self._recipe, settings, done, exported)

    def _exported(self) -> dict[str, tuple[Score, ...]]:
        """What fine-tuned models score in fp32 and in int8, where they are exported."""
        forms = {"fp32": FP32, "int8": INT8}
        found = {
            name: tuple(chain.from_iterable(tuned.exported(form) for tuned in self.fine_tuned.values()))
            for name, form in forms.items()
        }
        return {name: scores for name, scores in found.items() if scores}

    def _mrr(self, name: str) -> ByLanguage:
        estimates = averages(read_estimates(self._run.scores_of(name) / ESTIMATES))
        return estimates[primary_of(MASKED_LM).name, None]

    def teachers(self) -> ByLanguage:
        """Language -> MRR of the model that its distance is measured from."""
        references = references_of(self.mrr, self._references())
        return {code: number for numbers in references.values() for code, number in numbers.items()}

    def _references(self) -> dict[str, str]:
        """Language -> the model that its distance is measured from."""
        named = {code: self._recipe.reference(code) for code in self._recipe.trained_languages}
        return {code: name for code, name in named.items() if name}

    def _bits(self, name: str) -> dict[str, WordBits]:
        return read_bits(self._run.likelihood(name) / BITS)

    def _role(self, plan: ModelPlan) -> Role:
        if plan.is_student:
            return "student"
        return "teacher" if self._recipe.is_expert(plan) else "baseline"

    def _model(self, plan: ModelPlan) -> Model:
        known = Model(
            name=plan.name,
            role=self._role(plan),
            label=plan.name,
            languages=plan.languages,
            labels=labels_in_words(plan),
            teachers=plan.teachers(),
            pretrained=plan.tokens,
            source=plan.revises or _place(plan.existing),
        )
        done = self._done(f"model/{plan.name}")
        if done:
            known = known.model_copy(update=describe_model(self._run, plan))
        if not plan.is_trained:
            return known
        about = read_json(self._run.model(plan.name) / "training.json") if done else {}
        encoder = [known.encoder if plan.encoder is None else encoder_in_words(plan.encoder)]
        start = "" if plan.start is None else start_in_words(plan.start, about.get("fit"))
        known = known.model_copy(
            update={
                "fitted": start if plan.start is not None and plan.start.fit is not None else "",
                "balancing": balance_in_words(plan),
                "encoder": ", ".join(filter(None, (*encoder, start))),
                "seed": plan.seed(self._recipe),
                "alike": self._alike(plan),
            }
        )
        if not done:
            return known
        return known.model_copy(
            update={
                "parameters": about["parameters"],
                "updates": about["updates_made"],
                "best_update": about["best_update"],
                "tokens": sum(about["tokens"].values()),
                "seconds": about["seconds"],
                "portions": {code: Portion(**portion) for code, portion in about["portions"].items()},
                "starved": self._starved(plan) if known.role == "teacher" and len(plan.languages) == 1 else None,
            }
        )

    def _alike(self, plan: ModelPlan) -> str:
        """The first model that differs from this one in nothing but how long it is trained; perhaps this one."""
        return next(name for name, other in self._plans.items() if _lasting(other) == _lasting(plan))

    def _frequency(self) -> Model:
        return Model(
            name=FREQUENCY,
            role="reference",
            label=_FREQUENCY_LABEL,
            languages=self._recipe.text_languages,
            labels="counts in the training text",
        )

    def _starved(self, plan: ModelPlan) -> str | None:
        """Why a teacher knows too little to teach: it is no better than counting, or than half of its training."""
        (language,) = plan.languages
        scored = plan.name in self.mrr and FREQUENCY in self.mrr
        if scored and self.mrr[plan.name][language].minus(self.mrr[FREQUENCY][language]).interval[0] <= 0:
            return "no better than ranking words by frequency"
        gain = _gain_of_second_half(self._run, plan.name, language)
        if gain is not None and gain.interval[0] <= 0:
            return "no better than half-way through its training"
        return None

    def _curves(self, name: str) -> Iterator[Curve]:
        about = read_json(self._run.model(name) / "training.json")
        points = [ValidationPoint(**point) for point in about["validations"]]
        updates, metric = tuple(point.update for point in points), about["metric"]
        for code in self._plans[name].languages:
            values = tuple(point.scores[code] for point in points)
            yield Curve(model=name, split="valid", metric=metric, language=code, updates=updates, values=values)
            if metric == "loss":
                continue
            values = tuple(point.losses[code] for point in points)
            yield Curve(model=name, split="valid", metric="loss", language=code, updates=updates, values=values)
        if len(self._plans[name].languages) > 1:
            values = tuple(point.score for point in points)
            yield Curve(model=name, split="valid", metric=metric, updates=updates, values=values)
        yield from _loss_curves(name, [LossPoint(**point) for point in about["losses"]])

    def _about_run(self) -> Run:
        done = [record for record in self._records.values() if record is not None]  # none: made again just now
        last = max(done, key=lambda record: record.finished, default=None)
        return Run(
            recipe=recipe_text(self._recipe),
            command=f"equiglot run {self._run.root}/recipe.yaml --into {self._run.root}",
            started=min((record.begun for record in done), default=""),
            finished=last.finished if last else "",
            seconds=sum(record.seconds for record in done),
            versions=last.versions if last else {},
            hardware=last.hardware if last else {},
        )


def _lasting(plan: ModelPlan) -> Mapping[str, object]:
    """All that a recipe says of a model but its name and the length of its training."""
    return plan.model_dump(exclude={"name": True, "training": {"epochs", "updates"}})


def _place(existing: str | None) -> str:
    """Where a model was taken from: its name on the hub, or of its folder; not where on this machine that is."""
    return "" if existing is None else Path(existing).name if Path(existing).is_absolute() else existing


def _loss_curves(name: str, points: list[LossPoint]) -> Iterator[Curve]:
    series = dict.fromkeys(key for point in points for key in point.losses)
    for key in series:
        term, language = key.split("/")
        known = [(point.update, point.losses[key]) for point in points if key in point.losses]
        updates, values = zip(*known, strict=True)
        yield Curve(model=name, split="train", metric=term, language=language, updates=updates, values=values)


def _gain_of_second_half(run: RunDirectory, name: str, language: str) -> Estimate | None:
    """MRR (percent) of the kept weights minus that half-way to them, on the same validation sentences; None where there
    was no validation between."""
    about, ranks = read_json(run.model(name) / "training.json"), load_file(run.model(name) / "validation.safetensors")
    updates = np.array([point["update"] for point in about["validations"]])
    best = int(np.argmin(np.abs(updates - about["best_update"])))
    half = int(np.argmin(np.abs(updates - about["best_update"] / 2)))
    if half == best:
        return None
    sums = 100 * (ranks[language][best] - ranks[language][half])
    return Bootstrap(1000, seed=0).mean(sums, ranks[f"{language}/counts"][0], language)
