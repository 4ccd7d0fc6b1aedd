"""A model fine-tuned from beginning to end: data, trainings, the best of them as a folder, scores.

While it is at work, all that is finished lies in a hidden folder beside the one that is to come: `.NAME.unfinished` has
the labelled data, checkpoints, and a folder for each seed that is done. The same command continues there.
"""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file

from equiglot.errors import InputError
from equiglot.evaluation import Bootstrap, Score, write_scores
from equiglot.finetuning.classification import Classification, gold_of, predict, read_examples
from equiglot.finetuning.data import LabelledTask
from equiglot.finetuning.scores import fine_tuned_rows
from equiglot.finetuning.settings import FineTuning
from equiglot.labels.leases import claim
from equiglot.models import (
    OpenModel,
    device,
    find_or_fetch,
    load_classifier,
    name_models,
    prepare_for_cpu,
    with_tokenizer,
)
from equiglot.outputs import output_checksums
from equiglot.run import atomic_folder, check_absent, fingerprint, read_json, write_json
from equiglot.tasks import OpenTask, TaskSummary, build_task, check_task, open_task, task_identity
from equiglot.training import CheckpointFolder, Progress, Trainer, TrainingRecord
from equiglot.vocabulary import TOKENIZER_FILES

PREDICTIONS, TRAINING, SCORES = "predictions.safetensors", "training.json", "scores.jsonl"
_MODEL = "model"  # of a seed that is done
_VERSION = 1  # of what a training makes of its settings


@dataclass(frozen=True)
class FineTuned:
    """What came out.

    Attributes:
        folder: the model.
        scores: as in its scores.jsonl.
        data: what it was trained and tested on.
    """

    folder: Path
    scores: tuple[Score, ...]
    data: TaskSummary


def fine_tune(
    source: str,
    task: LabelledTask,
    languages: Sequence[str],
    settings: FineTuning,
    into: Path,
    *,
    checkpoint_seconds: float = 60.0,
    watch: Callable[[int, Progress], None] = lambda seed, progress: None,
    stop: Callable[[], bool] = lambda: False,
) -> FineTuned:
    """Fine-tunes a model, once for each seed, and scores it on test data.

    Args:
        source: a masked language model or another encoder: a folder, RUN/model, or a name on the hub.
        task: the labelled data.
        languages: of the data, those with training data and those that are only tested.
        settings: how.
        into: a new folder; gets the model of the seed that is best on dev data, as `from_pretrained` loads it
            (`AutoModelForTokenClassification`, or `AutoModelForSequenceClassification` for topics), scores.jsonl (means
            over seeds), predictions.safetensors (language -> int16 [seeds, items]), training.json and task.json.
        checkpoint_seconds: time between checkpoints.
        watch: told how far the training with a seed is.
        stop: asked after every update; when true, `Stopped` is raised, and the same call continues.

    Raises:
        InputError: `into` is there; no encoder; data that is not as it should be; labels that training data lacks;
            another call's unfinished work in the way; a loss that is not a number.
    """
    check_absent(into, "--into")
    place = find_or_fetch(source)
    with _as_typed():
        check_task(task, languages, {})
        data = {"task": task.model_dump(mode="json"), "identity": task_identity(task, languages, {})}
    work = into.absolute().parent / f".{into.name}.unfinished"
    begun = {"version": _VERSION, "model": output_checksums(place), **_named(settings), **data}
    with claim(work / ".lock") as own:
        if not own:
            raise InputError("another command works on it", where=into, fix="wait for it, or choose another --into")
        try:
            _check_same(work, begun, into)
            opened = _task(work / "task", task, languages)
            tuner = _FineTuner(source, place, opened, settings)
            for seed in tuner.seeds:
                if not (work / f"seed-{seed}").is_dir():
                    tuner.train(seed, work, checkpoint_seconds, partial(watch, seed), stop)
            with atomic_folder(into) as folder:
                scores = tuner.assemble(work, folder)
        finally:
            if into.exists() or not _has_trained(work):
                shutil.rmtree(work, ignore_errors=True)
    return FineTuned(into, tuple(scores), opened.summary)


def _named(settings: FineTuning) -> dict[str, Any]:
    return {"settings": settings.model_dump(mode="json")}


@contextmanager
def _as_typed() -> Iterator[None]:
    """Names the option in place of a recipe's field."""
    try:
        yield
    except InputError as error:
        if error.where is None or not error.where.startswith("evaluation."):
            raise
        fix = error.fix or ""
        said = {"`map`": "--rename OLD=NEW", "`types`": "--types A,B"}
        options = " and ".join(f"{option} for {field}" for field, option in said.items() if field.strip("`") in fix)
        raise InputError(error.what, where="--data", fix=f"{fix} (here: {options})" if options else fix) from None


@contextmanager
def _as_option() -> Iterator[None]:
    """Names the options in place of a recipe's fields, where a training fails."""
    try:
        yield
    except InputError as error:
        where, fix = (
            part and part.replace("training.learning_rate", "--learning-rate") for part in (error.where, error.fix)
        )
        raise InputError(error.what, where=where, fix=fix and fix.partition("; if it has a teacher")[0]) from None


def _has_trained(work: Path) -> bool:
    return any(work.glob("seed-*")) or any(work.glob("checkpoints/*/*"))


def _check_same(work: Path, all_of_it: dict[str, Any], into: Path) -> None:
    """Refuses to continue what was begun otherwise; before the first checkpoint there is nothing to continue."""
    file = work / "begun.json"
    now = {name: fingerprint(value) for name, value in all_of_it.items()}
    if not _has_trained(work):
        shutil.rmtree(work / "task", ignore_errors=True)
        write_json(file, now)
        return
    try:
        before = dict(read_json(file))
    except (OSError, ValueError, TypeError):
        before = {}
    changed = [name for name, value in now.items() if before.get(name) != value]
    if changed:
        what = f"a fine-tuning into {into.name} was begun and not finished, with other {' and '.join(changed)}"
        raise InputError(what, where=work, fix="give the same again, choose another --into, or delete that folder")


def open_data(folder: Path, task: LabelledTask, languages: Sequence[str]) -> OpenTask:
    """The labelled data of a task, checked, read and written to a folder that is made.

    Raises:
        InputError: data that is not as it should be.
    """
    with _as_typed():
        check_task(task, languages, {})
    return _task(folder, task, languages)


def _task(folder: Path, task: LabelledTask, languages: Sequence[str]) -> OpenTask:
    """The labelled data, read and checked unless it was."""
    if not folder.is_dir():
        with _as_typed(), atomic_folder(folder) as made:
            build_task(task, languages, {}, made)
            _check_known(OpenTask(made, open_task(made).summary))
    return open_task(folder)


def _check_known(task: OpenTask) -> None:
    """Refuses classes, and types of entities, that are tested and not trained. Tags of words may be rare: they count as
    wrong, and the summary names them.

    Raises:
        InputError: with the language and the labels.
    """
    summary = task.summary
    if summary.task == "pos":
        return
    codes = [each.code for each in summary.languages]
    trained = {label for code in codes for label in _kinds(task, code, "train")}
    for code in codes:
        for split in ("dev", "test"):
            unseen = sorted(_kinds(task, code, split) - trained)
            if unseen:
                what = f"the {split} data of {code} has labels that no training data has: {', '.join(unseen)}"
                fix = "rename them (--rename OLD=NEW), or leave them out"
                raise InputError(what, where="--data", fix=f"{fix} (--types)" if summary.task == "ner" else fix)


def _kinds(task: OpenTask, language: str, split: str) -> set[str]:
    """The classes of a split, or types of entities."""
    found = task.split(language, split)
    labels = () if found is None else np.unique(found.labels).tolist()
    names = {task.summary.labels[number] for number in labels}
    return {name.partition("-")[2] or name for name in names} if task.summary.task == "ner" else names


class _FineTuner:
    """Trains one model on a task, and makes one folder of all trainings."""

    def __init__(self, source: str, place: Path, task: OpenTask, settings: FineTuning) -> None:
        self._source, self._place, self._task, self._settings = source, place, task, settings
        self._name = next(iter(name_models([source])))
        self.seeds = range(settings.seed, settings.seed + settings.seeds)
        summaries = task.summary.languages
        self._trained = [each.code for each in summaries if "train" in each.sentences]
        self._tested = [each.code for each in summaries if "test" in each.sentences]

    def open(self, seed: int) -> OpenModel:
        """The model with a new classifier, as it is before a training."""
        summary = self._task.summary
        unit = "token" if summary.unit == "word" else "sequence"
        model = load_classifier(self._place, unit, summary.labels, seed=seed)  # type: ignore[arg-type]
        opened = with_tokenizer(self._name, model, self._place, self._source)
        if device().type == "cpu":
            prepare_for_cpu(opened.model)
        longest = self._settings.max_length
        return opened if longest is None else replace(opened, max_tokens=min(opened.max_tokens, longest - 2))

    def train(
        self,
        seed: int,
        work: Path,
        checkpoint_seconds: float,
        watch: Callable[[Progress], None],
        stop: Callable[[], bool],
    ) -> None:
        """Trains with a seed, from the newest checkpoint on, and writes model, record and predictions."""
        opened = self.open(seed)
        task = Classification(opened, self._task, self._trained, batch=self._settings.batch, seed=seed)
        checkpoints = CheckpointFolder(work / "checkpoints" / f"seed-{seed}")
        with _as_option():
            record = Trainer(
                opened.model,
                task,
                self._settings.training(task.epoch_batches),
                updates=self._settings.updates(task.epoch_batches),
                seed=seed,
                checkpoints=checkpoints,
                checkpoint_seconds=checkpoint_seconds,
                watch=watch,
                stop=stop,
            ).train()
        opened.model.eval()
        predicted = {
            code: predict(opened, read_examples(opened, self._task, "test", [code]))[0] for code in self._tested
        }
        with atomic_folder(work / f"seed-{seed}") as folder:
            opened.model.save_pretrained(folder / _MODEL)
            for name in TOKENIZER_FILES:
                if (self._place / name).is_file():
                    shutil.copyfile(self._place / name, folder / _MODEL / name)
            save_file(predicted, folder / PREDICTIONS)
            write_json(folder / TRAINING, record.model_dump(mode="json"))
        checkpoints.remove()

    def assemble(self, work: Path, folder: Path) -> list[Score]:
        """Writes what is there of all seeds into an empty folder; the scores."""
        settings, summary, seeds = self._settings, self._task.summary, self.seeds
        records = [TrainingRecord.model_validate(read_json(work / f"seed-{seed}" / TRAINING)) for seed in seeds]
        best = seeds[int(np.argmax([_best(record) for record in records]))]
        shutil.copytree(work / f"seed-{best}" / _MODEL, folder, dirs_exist_ok=True)
        found = [load_file(work / f"seed-{seed}" / PREDICTIONS) for seed in seeds]
        predictions = {code: np.stack([each[code] for each in found]) for code in self._tested}
        gold = {code: gold_of(split) for code in self._tested if (split := self._task.split(code, "test"))}
        rows = fine_tuned_rows(
            self._name,
            summary.task,
            summary.labels,
            gold,
            predictions,
            trained=self._trained,
            bootstrap=Bootstrap(settings.resamples, settings.seed),
            seed=settings.seed,
        )
        scores = list(rows)
        write_scores(folder / SCORES, scores)
        save_file(predictions, folder / PREDICTIONS)
        by_seed = {seed: each.model_dump(mode="json") for seed, each in zip(seeds, records, strict=True)}
        about = {"base": self._source, "languages": self._trained, **_named(settings)}
        write_json(folder / TRAINING, {**about, "kept": best, "seeds": by_seed})
        write_json(folder / "task.json", summary.model_dump(mode="json"))
        return scores


def _best(record: TrainingRecord) -> float:
    """The validation score of the weights that were kept."""
    return max(point.score for point in record.validations)
