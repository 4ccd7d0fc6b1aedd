"""What each kind of job does: from files of the run to files of the run."""

from collections.abc import Callable
from pathlib import Path

from equiglot.corpus import build_corpus, find_leaks
from equiglot.errors import InputError
from equiglot.evaluation import (
    Bootstrap,
    MaskedPositions,
    TestMasks,
    frequency_predictor,
    language_rows,
    model_predictor,
    score_positions,
    write_positions,
    write_scores,
)
from equiglot.masking import framing_of
from equiglot.models import load_model, on_device, open_model, resolve_encoder
from equiglot.pipeline.graph import Kind, training_text
from equiglot.pipeline.hooks import Hooks
from equiglot.pipeline.labelling import look_first, make_agreement, make_labels, make_likelihood, make_losses
from equiglot.pipeline.progress import Tell
from equiglot.pipeline.sources import tokenizer_folder
from equiglot.pipeline.tasks import make_features, make_probes, make_task
from equiglot.pipeline.trainings import make_model
from equiglot.recipe import FREQUENCY, SHARED, MaskedLanguageModelling, Recipe
from equiglot.run import RunDirectory, atomic_folder, write_json
from equiglot.vocabulary import (
    TokenStatistics,
    UnionVocabulary,
    load_tokenizer,
    make_union,
    open_tokens,
    tokenise_split,
    train_vocabulary,
)

SPLITS = ("train", "valid", "test")


def perform(run: RunDirectory, recipe: Recipe, kind: Kind, subject: str, checkpoints: Path, hooks: Hooks) -> None:
    """Does one job, whose needs are done; its output appears complete or not at all.

    A training, or labelling, continues from the folder `checkpoints`.
    """
    plain: dict[Kind, Callable[[RunDirectory, Recipe, str], None]] = {
        "task": make_task,
        "vocabulary": make_vocabulary,
        "agreement": make_agreement,
        "scores": make_scores,
    }
    counting: dict[Kind, Callable[[RunDirectory, Recipe, str, Tell], None]] = {
        "losses": make_losses,
        "likelihood": make_likelihood,
        "features": make_features,
        "probes": make_probes,
    }
    continuing: dict[Kind, Callable[[RunDirectory, Recipe, str, Path, Hooks], None]] = {
        "labels": make_labels,
        "model": make_model,
    }
    remarking: dict[Kind, Callable[[RunDirectory, Recipe, str, Hooks], None]] = {
        "corpus": make_corpus,
        "leaks": make_leaks,
        "tokens": make_tokens,
    }
    if kind in remarking:
        remarking[kind](run, recipe, subject, hooks)
    elif kind in plain:
        plain[kind](run, recipe, subject)
    elif kind in counting:
        counting[kind](run, recipe, subject, hooks.counter())
    else:
        continuing[kind](run, recipe, subject, checkpoints, hooks)


def make_corpus(run: RunDirectory, recipe: Recipe, language: str, hooks: Hooks) -> None:
    """Text of a language, cleaned and split."""
    settings, tell = recipe.languages[language], hooks.counter()
    with atomic_folder(run.corpus(language)) as folder:
        statistics = build_corpus(language, settings, recipe.text, recipe.seed, folder, tell)
    for warning in statistics.warnings:
        hooks.remark(warning)


def make_leaks(run: RunDirectory, recipe: Recipe, subject: str, hooks: Hooks) -> None:
    """What the languages hold out and have in their training text, all with all."""
    corpora, tell = {language: run.corpus(language) for language in recipe.trained_languages}, hooks.counter()
    with atomic_folder(run.leaks) as folder:
        leaks = find_leaks(corpora, folder, drop=recipe.text.drop_leaks, progress=lambda n: tell("comparing", n))
    for warning in leaks.warnings:
        hooks.remark(warning)


def make_vocabulary(run: RunDirectory, recipe: Recipe, subject: str) -> None:
    """A tokenizer: that of the run, learnt or united, or one that is learnt for a single model."""
    settings, languages = recipe.vocabulary, recipe.vocabulary_languages
    into = run.vocabulary
    if subject != SHARED:
        plan = recipe.plans()[subject]
        assert plan.own_vocabulary is not None
        settings, into = plan.own_vocabulary, run.own_vocabulary(subject)
        languages = settings.languages or plan.languages
    if isinstance(settings, UnionVocabulary):
        folders = {name: tokenizer_folder(run, recipe, name) for name in recipe.united}
        make_union(folders, settings, into)
    else:
        corpora = {language: training_text(run, recipe, language) for language in sorted(languages)}
        train_vocabulary(corpora, settings, into)
    size, owner = len(load_tokenizer(into)), "" if subject == SHARED else subject
    for plan in recipe.plans().values():  # what cannot be built is refused before text is read and labelled
        if plan.owner == owner and plan.existing is None:
            resolve_encoder(plan.encoder, size)


def make_tokens(run: RunDirectory, recipe: Recipe, subject: str, hooks: Hooks) -> None:
    """The splits of a language as token ids of the run's tokenizer, or of a model's own."""
    language, _, owner = subject.partition(".")
    tokenizer = load_tokenizer(tokenizer_folder(run, recipe, owner))
    longest = recipe.encoder.max_length - 2
    taken = bool(owner) and recipe.plans()[owner].existing is not None
    if taken:
        longest = min(longest, open_model(owner, str(run.model(owner))).max_tokens)
    statistics = {}
    with atomic_folder(run.tokens(language, owner)) as folder:
        for split in SPLITS:
            source = run.corpus(language) / f"{split}.arrow"
            source = training_text(run, recipe, language) if split == "train" else source
            counts = tokenise_split(source, tokenizer, longest, folder / split)
            statistics[split] = counts.model_dump(mode="json")
        _check_enough(recipe, language, statistics["train"]["sequences"])
        write_json(folder / "tokens.json", statistics)
    if taken:
        unknown = TokenStatistics.model_validate(statistics["train"]).unknown_rate
        look_first(run, recipe, language, owner, unknown, hooks.remark)


def _check_enough(recipe: Recipe, language: str, sequences: int) -> None:
    """Refuses too little text before anything is trained."""
    batches = {
        plan.name: (plan.training.batch.sentences or 1) * plan.training.accumulation
        for plan in recipe.plans().values()
        if language in plan.languages and plan.existing is None
    }
    name = max(batches, key=lambda each: batches[each])
    if sequences < batches[name]:
        raise InputError(
            f"{language} has {sequences:,} training sentences, less than one batch of {batches[name]:,}",
            where=f"models.{name}.training.batch",
            fix="add text, make the batch smaller, or leave the language out",
        )


def make_scores(run: RunDirectory, recipe: Recipe, name: str) -> None:
    """One model (or the frequency ranking) scored on the test text of its languages."""
    tokenizer, task = load_tokenizer(run.vocabulary), recipe.masked
    masks = TestMasks(task.rate, task.draws, task.sequences, task.seed, framing_of(tokenizer))
    positions: dict[str, MaskedPositions] = {}
    if name == FREQUENCY:
        languages, seed = recipe.trained_languages, recipe.seed
    else:
        plan = recipe.plans()[name]
        languages, seed = plan.languages, plan.seed(recipe)
        model = on_device(load_model(run.model(name), vocabulary_size=len(tokenizer)))
    for language in languages:
        if name == FREQUENCY:
            predict = frequency_predictor(open_tokens(run.tokens(language) / "train"), len(tokenizer))
        else:
            predict = model_predictor(model)
        positions[language] = score_positions(predict, language, open_tokens(run.tokens(language) / "test"), masks)
    with atomic_folder(run.scores_of(name)) as folder:
        write_positions(folder / "positions.safetensors", positions)
        write_scores(folder / "scores.jsonl", language_rows(name, positions, bootstrap_of(task), seed))


def bootstrap_of(task: MaskedLanguageModelling) -> Bootstrap:
    """How the intervals of a task are made."""
    return Bootstrap(task.resamples, task.seed)
