"""What an audit says of every model, from the tasks that models were fine-tuned on."""

from collections.abc import Mapping, Sequence

from equiglot.evaluation import (
    IN_LANGUAGE,
    ZERO_SHOT,
    AuditedModel,
    ByLanguage,
    Factor,
    Gain,
    Measured,
    PairEstimates,
    averages,
    gain_of,
    judge,
    lead_of,
    primary_of,
    rank_causes,
)
from equiglot.recipe import Recipe

Estimates = Mapping[str, Mapping[str, PairEstimates]]
"""Task as in `Score` -> model -> all that is known of it."""


def audited_models(
    recipe: Recipe,
    estimates: Estimates,
    factors: Mapping[str, Sequence[Factor]],
    baselines: Mapping[str, PairEstimates] | None = None,
) -> tuple[AuditedModel, ...]:
    """The verdicts on all models that are not themselves what others are compared with.

    Args:
        recipe: with an `audit`.
        estimates: of all models that are fine-tuned.
        factors: model -> what may be why languages differ.
        baselines: task -> what a model scores that is no model of the recipe and has no pretraining either.
    """
    assert recipe.audit is not None
    untrained = {name: recipe.audit.untrained.replace("{model}", name) for name in recipe.plans()}
    audited = [name for name in recipe.plans() if name not in untrained.values()]
    scores = {task: {name: _by_language(task, each) for name, each in of.items()} for task, of in estimates.items()}
    others = {task: {"n-grams": _by_language(task, each)} for task, each in (baselines or {}).items()}
    found = []
    for name in audited:
        gains: dict[str, dict[str, Gain]] = {}
        better: dict[str, dict[str, tuple[str, Measured]]] = {}
        for task, models in scores.items():
            without = {untrained[name]: models.get(untrained[name], {}), **others.get(task, {})}
            for code, score in models.get(name, {}).items():
                beside = {model: numbers[code] for model, numbers in without.items() if code in numbers}
                if (gain := gain_of(task, score, beside)) is not None:
                    gains.setdefault(code, {})[task] = gain
            for code, lead in _leads(name, {each: models[each] for each in audited if each in models}).items():
                better.setdefault(code, {})[task] = lead
        languages = recipe.plans()[name].languages
        verdicts = judge(languages, gains, better, margin=recipe.audit.margin)
        causes = {code: rank_causes(code, factors.get(name, ())) for code in languages}
        found.append(AuditedModel(name, verdicts, causes))
    return tuple(found)


def _by_language(task: str, estimates: PairEstimates) -> ByLanguage:
    """A model's scores in the languages that it was trained on, and in others."""
    found, metric = averages(estimates), primary_of(task).name
    return {**found.get((metric, ZERO_SHOT), {}), **found.get((metric, IN_LANGUAGE), {})}


def _leads(model: str, scores: Mapping[str, ByLanguage]) -> dict[str, tuple[str, Measured]]:
    """Language -> the best other model, and how many points it is better."""
    leads: dict[str, tuple[str, Measured]] = {}
    for code, own in scores.get(model, {}).items():
        others = {name: numbers[code] for name, numbers in scores.items() if name != model and code in numbers}
        if not others:
            continue
        name = max(others, key=lambda each: others[each].value)
        leads[code] = name, lead_of(others[name], own)
    return leads
