"""What each kind of job does: from files of the run to files of the run."""

import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors.numpy import save_file

from equiglot.corpus import build_corpus
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
from equiglot.labels import OnlineTeachers, freeze
from equiglot.masking import Framing, framing_of, hash_name, hash_words
from equiglot.models import build_model, device, export_model, load_model, on_device
from equiglot.pipeline.events import EventWriter
from equiglot.pipeline.graph import Kind
from equiglot.pipeline.progress import JobProgress, Tell, TextProgress
from equiglot.pipeline.tasks import make_features, make_probes, make_task
from equiglot.recipe import FREQUENCY, MaskedLanguageModelling, ModelPlan, Recipe
from equiglot.run import RunDirectory, atomic_folder, write_json
from equiglot.training import CheckpointFolder, Reading, Trainer, plan_reading
from equiglot.vocabulary import check_same_vocabulary, load_tokenizer, open_tokens, tokenise_split, train_vocabulary

SPLITS = ("train", "valid", "test")


@dataclass(frozen=True)
class Hooks:
    """How a job at work talks to whoever runs it.

    Attributes:
        progress: told how far a training, or the preparation of text, is.
        stop: asked whether to stop; a training then saves and raises `Stopped`.
        checkpoint_seconds: time between checkpoints.
    """

    progress: Callable[[JobProgress], None] = field(default=lambda progress: None)
    stop: Callable[[], bool] = field(default=lambda: False)
    checkpoint_seconds: float = 60.0

    def counter(self) -> Tell:
        """Something to count with what is done of each stage of a job; the sums are told."""
        done = Counter[str]()

        def tell(stage: str, amount: int) -> None:
            done[stage] += amount
            self.progress(TextProgress(stage=stage, done=done[stage]))

        return tell


def perform(run: RunDirectory, recipe: Recipe, kind: Kind, subject: str, checkpoints: Path, hooks: Hooks) -> None:
    """Does one job, whose needs are done; its output appears complete or not at all.

    A training continues from the folder `checkpoints` and leaves it there.
    """
    if kind == "task":
        make_task(run, recipe, subject)
    elif kind == "corpus":
        make_corpus(run, recipe, subject, hooks.counter())
    elif kind == "vocabulary":
        make_vocabulary(run, recipe)
    elif kind == "tokens":
        make_tokens(run, recipe, subject)
    elif kind == "model":
        make_model(run, recipe, recipe.plans()[subject], checkpoints, hooks)
    elif kind == "scores":
        make_scores(run, recipe, subject)
    elif kind == "features":
        make_features(run, recipe, subject, hooks.counter())
    else:
        make_probes(run, recipe, subject, hooks.counter())


def make_corpus(run: RunDirectory, recipe: Recipe, language: str, tell: Tell) -> None:
    """Text of a language, cleaned and split."""
    with atomic_folder(run.corpus(language)) as folder:
        build_corpus(language, recipe.languages[language], recipe.text, recipe.seed, folder, tell)


def make_vocabulary(run: RunDirectory, recipe: Recipe) -> None:
    """The shared tokenizer."""
    corpora = {language: run.corpus(language) / "train.arrow" for language in sorted(recipe.vocabulary_languages)}
    train_vocabulary(corpora, recipe.vocabulary, run.vocabulary)


def make_tokens(run: RunDirectory, recipe: Recipe, language: str) -> None:
    """The splits of a language as token ids."""
    tokenizer = load_tokenizer(run.vocabulary)
    statistics = {}
    with atomic_folder(run.tokens(language)) as folder:
        for split in SPLITS:
            source = run.corpus(language) / f"{split}.arrow"
            counts = tokenise_split(source, tokenizer, recipe.encoder.max_length - 2, folder / split)
            statistics[split] = counts.model_dump(mode="json")
        _check_enough(recipe, language, statistics["train"]["sequences"])
        write_json(folder / "tokens.json", statistics)


def _check_enough(recipe: Recipe, language: str, sequences: int) -> None:
    """Refuses too little text before anything is trained."""
    batches = {
        plan.name: plan.training.batch.sentences or 1 for plan in recipe.plans().values() if language in plan.languages
    }
    name = max(batches, key=lambda each: batches[each])
    if sequences < batches[name]:
        raise InputError(
            f"{language} has {sequences:,} training sentences, less than one batch of {batches[name]:,}",
            where=f"models.{name}.training.batch",
            fix="add text, make the batch smaller, or leave the language out",
        )


def randomness(recipe: Recipe, plan: ModelPlan) -> int:
    """What initialisation, order, masks and dropout of a training are drawn from.

    The model's name is part of it: a student that saw its teacher's own masked inputs, in its order and from its
    initial weights, would be taught by the teacher's memory of them.
    """
    return int(hash_words(plan.seed(recipe), hash_name(plan.name))[0]) >> 1


def read_for(run: RunDirectory, recipe: Recipe, plan: ModelPlan, framing: Framing) -> Reading:
    """The balanced training text of a model."""
    return plan_reading(
        {language: open_tokens(run.tokens(language) / "train") for language in plan.languages},
        plan.balance,
        plan.training,
        masks=recipe.masking,
        framing=framing,
        seed=randomness(recipe, plan),
    )


def make_model(run: RunDirectory, recipe: Recipe, plan: ModelPlan, checkpoints: Path, hooks: Hooks) -> None:
    """One model, trained."""
    tokenizer = load_tokenizer(run.vocabulary)
    framing, seed = framing_of(tokenizer), randomness(recipe, plan)
    reading = read_for(run, recipe, plan, framing)
    if plan.encoder.folder is not None:
        check_same_vocabulary(Path(plan.encoder.folder), tokenizer)
    model = on_device(build_model(plan.encoder, len(tokenizer), padding=framing.padding, seed=seed))
    names = plan.teachers()
    loaded = {
        name: freeze(load_model(run.model(name), vocabulary_size=len(tokenizer)), device())
        for name in dict.fromkeys(names.values())
    }
    teachers = {language: loaded[name] for language, name in names.items()}
    if not checkpoints.exists():  # from the start: the curves of an earlier recipe are not its own
        shutil.rmtree(run.events(plan.name), ignore_errors=True)
    with EventWriter(run.events(plan.name)) as events:
        trainer = Trainer(
            model,
            reading.stream,
            reading.updates,
            objective=plan.labels.objective,
            labels=OnlineTeachers(teachers, reading.stream, device()) if teachers else None,
            settings=plan.training,
            validation={language: open_tokens(run.tokens(language) / "valid") for language in plan.languages},
            framing=framing,
            seed=seed,
            checkpoints=CheckpointFolder(checkpoints),
            checkpoint_seconds=hooks.checkpoint_seconds,
            watch=hooks.progress,
            record=events.add,
            stop=hooks.stop,
        )
        record = trainer.train()
    with atomic_folder(run.model(plan.name)) as folder:
        export_model(model.cpu(), tokenizer, folder)
        write_json(folder / "training.json", _about(record.model_dump(mode="json"), model.num_parameters(), reading))
        save_file(trainer.reciprocal_ranks(), folder / "validation.safetensors")


def _about(record: dict[str, Any], parameters: int, reading: Reading) -> dict[str, Any]:
    portions = {
        language: {
            "characters": reading.characters[language],
            "tokens": reading.tokens[language],
            "passes": record["sequences"][language] / reading.sequences[language],
            "updates": record["updates_made"] * record["tokens"][language] / max(1, sum(record["tokens"].values())),
        }
        for language in reading.characters
    }
    return {**record, "parameters": parameters, "portions": portions}


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
