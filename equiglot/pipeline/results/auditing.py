"""What an audit says of every model, from the tasks that models were fine-tuned on, and of why languages differ."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import log2

from equiglot.evaluation import (
    IN_LANGUAGE,
    ZERO_SHOT,
    AuditedModel,
    ByLanguage,
    Gain,
    Indicator,
    LanguageSegmentation,
    Measured,
    PairEstimates,
    averages,
    gain_of,
    judge,
    lead_of,
    primary_of,
    rank_causes,
)
from equiglot.evaluation.regression import (
    PRETRAINING_TEXT,
    TRAINING_DATA,
    Analysis,
    Factor,
    Observation,
    analyse,
)
from equiglot.recipe import Audit, Recipe
from equiglot.tasks import TaskSummary

PIECES = Factor("the pieces of a word", "each doubling of the pieces that a word is cut into", doublings=True)
"""Tokens a word, by the model's tokenizer."""
_FACTORS = (PRETRAINING_TEXT, TRAINING_DATA, PIECES)
_MORE_TEXT = "more text of it, or an expert of it distilled in (equiglot init)"
_ENTRIES = "entries of its own (extend), or a vocabulary of its own"


@dataclass(frozen=True)
class TunedEstimates:
    """All that is known of the models that were fine-tuned on one task.

    Attributes:
        data: the labelled data.
        estimates: model -> its estimates.
        simple: baseline without an encoder, which is no model of the recipe -> its estimates.
        halved: model -> its estimates after training on half of the data.
    """

    data: TaskSummary
    estimates: Mapping[str, PairEstimates]
    simple: Mapping[str, PairEstimates]
    halved: Mapping[str, PairEstimates]

    def trained_on(self, language: str) -> int:
        """Words or texts of a language that are trained on."""
        return next((each.items.get("train", 0) for each in self.data.languages if each.code == language), 0)


@dataclass(frozen=True)
class AuditedRun:
    """What a run knows of its audit.

    Attributes:
        recipe: with an `audit`.
        tasks: as in `Score` -> what was fine-tuned.
        cut: model -> language -> how its tokenizer cuts it.
        characters: language -> training text, where the run has any.
    """

    recipe: Recipe
    tasks: Mapping[str, TunedEstimates]
    cut: Mapping[str, Mapping[str, LanguageSegmentation]]
    characters: Mapping[str, int]

    @cached_property
    def sizes(self) -> dict[str, float]:
        """Language -> binary logarithm of how much text there is: of the run's own, in characters, or else of its
        Wikipedia, in MB."""
        if self.characters:
            return {code: log2(count) for code, count in self.characters.items() if count}
        languages = self.recipe.languages.items()
        return {code: each.wikipedia for code, each in languages if each.wikipedia is not None}

    @property
    def measure(self) -> str:
        """What these sizes are."""
        return "characters of training text, log2" if self.characters else "size of the Wikipedia, log2 of MB"

    @cached_property
    def models(self) -> tuple[AuditedModel, ...]:
        """The verdicts on all models that are not themselves what others are compared with."""
        tuned = {
            plan.name for entry in self.recipe.fine_tuned.values() for plan in self.recipe.fine_tuned_models(entry)
        }
        names = [name for name in self.recipe.plans() if name in tuned - {*self._untrained.values()}]
        return tuple(self._audited(name, [each for each in names if each != name]) for name in names)

    @cached_property
    def analyses(self) -> tuple[Analysis, ...]:
        """Which resources scores go with, over languages, models and tasks (paper 3, section 5.1); and scores relative
        to those without pretraining."""
        observations = [
            Observation(code, name, task, gain.score.value, self._factors(name, code, task), gain.baseline.value)
            for name, verdicts in ((each.model, each.verdicts) for each in self.models)
            for code, verdict in verdicts.items()
            for task, gain in verdict.gains.items()
        ]
        return (analyse(observations, _FACTORS), analyse(observations, _FACTORS, "ratio"))

    @property
    def _audit(self) -> Audit:
        assert self.recipe.audit is not None
        return self.recipe.audit

    @cached_property
    def _untrained(self) -> dict[str, str]:
        """Model -> the one without pretraining beside it."""
        return {name: self._audit.untrained.replace("{model}", name) for name in self.recipe.plans()}

    @cached_property
    def _scores(self) -> dict[str, dict[str, ByLanguage]]:
        """Task -> model -> its scores."""
        return {
            task: {name: _by_language(task, each) for name, each in tuned.estimates.items()}
            for task, tuned in self.tasks.items()
        }

    def _audited(self, name: str, others: Sequence[str]) -> AuditedModel:
        gains: dict[str, dict[str, Gain]] = {}
        better: dict[str, dict[str, tuple[str, Measured]]] = {}
        doublings: dict[str, dict[str, Measured]] = {code: {} for code in self.recipe.plans()[name].languages}
        for task, models in self._scores.items():
            without = {self._untrained[name]: models.get(self._untrained[name], {})}
            without |= {simple: _by_language(task, each) for simple, each in self.tasks[task].simple.items()}
            halved = _by_language(task, self.tasks[task].halved.get(name, {}))
            for code, score in models.get(name, {}).items():
                if code in halved and len(score.repeats) > 1:
                    doublings[code][task] = lead_of(score, halved[code])
                beside = {model: numbers[code] for model, numbers in without.items() if code in numbers}
                if (gain := gain_of(task, score, beside)) is not None:
                    gains.setdefault(code, {})[task] = gain
                ahead = {other: models[other][code] for other in others if code in models.get(other, {})}
                if ahead:
                    best = max(ahead, key=lambda each: ahead[each].value)
                    better.setdefault(code, {})[task] = best, lead_of(ahead[best], score)
        languages = self.recipe.plans()[name].languages
        indicators = self._indicators(languages, self.cut.get(name, {}))
        verdicts = judge(languages, gains, better, margin=self._audit.margin)
        return AuditedModel(name, verdicts, {code: rank_causes(code, indicators) for code in languages}, doublings)

    def _factors(self, model: str, language: str, task: str) -> dict[str, float]:
        size, cut = self.sizes.get(language), self.cut.get(model, {}).get(language)
        values = {} if size is None else {PRETRAINING_TEXT.name: 2.0**size}
        values |= {} if cut is None else {PIECES.name: cut.cut.tokens_a_word.value}
        trained = self.tasks[task].trained_on(language)
        return values | ({TRAINING_DATA.name: float(trained)} if trained else {})

    def _indicators(self, languages: Sequence[str], cut: Mapping[str, LanguageSegmentation]) -> list[Indicator]:
        """What may be why a model serves some languages worse than others, as numbers of each language."""
        sizes = {code: self.sizes[code] for code in languages if code in self.sizes}
        items = {code: sum(task.trained_on(code) for task in self.tasks.values()) for code in languages}
        labelled = {code: log2(count) for code, count in items.items() if count}
        own = {code: each.own.ratio.value for code, each in cut.items() if each.own is not None}

        unknown = {code: 100 * each.cut.unknown.value for code, each in cut.items()}
        used = {code: 100 * each.cut.use.seen_share for code, each in cut.items()}
        long = {code: 100 * each.cut.too_long.value for code, each in cut.items()}
        return [
            Indicator("little text", self.measure, sizes, False, _MORE_TEXT),
            Indicator("little labelled data", "words and texts to train on, log2", labelled, False, "more labels"),
            Indicator("cut small", "times as many tokens as a vocabulary of its own", own, True, _ENTRIES),
            Indicator("unknown words", "words unknown in part, %", unknown, True, _ENTRIES),
            Indicator("few entries", "of the vocabulary in use, %", used, False, _ENTRIES),
            Indicator("long sentences", "sentences longer than the model reads, %", long, True, "a longer model"),
        ]


def _by_language(task: str, estimates: PairEstimates) -> ByLanguage:
    """A model's scores in the languages that it was trained on, and in others."""
    found, metric = averages(estimates), primary_of(task).name
    return {**found.get((metric, ZERO_SHOT), {}), **found.get((metric, IN_LANGUAGE), {})}
