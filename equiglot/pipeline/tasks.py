"""What the jobs of probes do: labelled data, hidden states, linear classifiers and their scores."""

from equiglot.evaluation import (
    Bootstrap,
    Gold,
    pair_estimates,
    pair_rows,
    primary_metric,
    write_estimates,
    write_scores,
)
from equiglot.models import open_model
from equiglot.pipeline.progress import Tell
from equiglot.probing import open_features, probe_pairs, write_features, write_predictions
from equiglot.recipe import ProbedTask, Recipe
from equiglot.run import RunDirectory, atomic_folder
from equiglot.tasks import OpenTask, build_task, open_task

ESTIMATES = "estimates.safetensors"
"""The file of the estimates of all pairs in the folder of a model's probes."""


def make_task(run: RunDirectory, recipe: Recipe, task: str) -> None:
    """The labelled data of a task, in all languages that have any."""
    texts = {code: recipe.languages[code].text for code in recipe.trained_languages}
    with atomic_folder(run.task(task)) as folder:
        build_task(recipe.probed[task], recipe.trained_languages, texts, folder)


def make_features(run: RunDirectory, recipe: Recipe, subject: str, tell: Tell) -> None:
    """The hidden states of a task's words or texts, for one model."""
    settings, model = _parts(recipe, subject)
    opened, languages = open_model(model, str(run.model(model))), recipe.plans()[model].languages
    with atomic_folder(run.features(subject)) as folder:
        task = open_task(run.task(settings.task))
        write_features(opened, task, languages, settings.layers, folder, lambda done: tell("encoding", done))


def make_probes(run: RunDirectory, recipe: Recipe, subject: str, tell: Tell) -> None:
    """Probes of one model, trained on each of its languages and tested on all of them."""
    settings, model = _parts(recipe, subject)
    plan, task = recipe.plans()[model], open_task(run.task(settings.task))
    metric = primary_metric(settings.task, task.summary.labels)
    features = open_features(run.features(subject))
    pairs = [
        pair
        for of_source in probe_pairs(task, features, plan.languages, settings, metric, lambda n: tell("probing", n))
        for pair in of_source
    ]
    estimates = pair_estimates(
        settings.task,
        task.summary.labels,
        {code: _gold(task, code) for code in dict.fromkeys(pair.target for pair in pairs)},
        {(pair.source, pair.target, pair.seed): pair.predicted for pair in pairs},
        Bootstrap(settings.resamples, settings.seed),
    )
    with atomic_folder(run.probes(subject)) as folder:
        write_predictions(folder, pairs)
        write_estimates(folder / ESTIMATES, estimates)
        write_scores(folder / "scores.jsonl", pair_rows(model, settings.task, estimates, plan.seed(recipe)))


def _gold(task: OpenTask, language: str) -> Gold:
    split = task.split(language, "test")
    assert split is not None  # something was predicted for it
    return Gold(split.labels, split.lengths)


def _parts(recipe: Recipe, subject: str) -> tuple[ProbedTask, str]:
    """The task and the model of task.model."""
    task, _, model = subject.partition(".")
    return recipe.probed[task], model
