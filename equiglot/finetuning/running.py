"""A model fine-tuned from beginning to end: data, trainings, the best of them as a folder, scores.

While it is at work, all that is finished lies in a hidden folder beside the one that is to come: `.NAME.unfinished` has
the labelled data, checkpoints, and a folder for each seed that is done. The same command continues there.
"""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.numpy import save_file

from equiglot.errors import InputError
from equiglot.evaluation import Score, write_scores
from equiglot.files import aside, atomic_folder, check_absent, fingerprint, read_json, write_json
from equiglot.finetuning.data import LabelledTask
from equiglot.finetuning.scores import PREDICTIONS, TRAINING, fine_tuned_rows
from equiglot.finetuning.settings import FineTuning
from equiglot.finetuning.tuning import FineTuner, check_trained_labels, has_trained
from equiglot.lease import Lease, leases_of, take_lease
from equiglot.models import find_or_fetch, name_models
from equiglot.outputs import output_checksums
from equiglot.tasks import OpenTask, TaskSummary, build_task, check_task, open_task, task_identity
from equiglot.training import Progress

SCORES = "scores.jsonl"
_VERSION = 2  # of what a training makes of its settings


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
    watch: Callable[[int, Progress], None] = lambda number, progress: None,
    stop: Callable[[], bool] = lambda: False,
) -> FineTuned:
    """Fine-tunes a model, once for each seed, and scores it on test data.

    Args:
        source: a masked language model or another encoder: a folder, RUN/model, or a name on the hub.
        task: the labelled data.
        languages: of the data, those with training data and those that are only tested.
        settings: how.
        into: a new folder; gets the model of the seed that is best on dev data, as `from_pretrained` loads it
            (`AutoModelForTokenClassification`, or `AutoModelForSequenceClassification` for topics,
            `AutoModelForQuestionAnswering` for questions; of a parser, which `open_parser` loads, `AutoModel` loads the
            encoder), scores.jsonl (means over seeds), predictions.safetensors (`Predictions`), training.json and
            task.json.
        checkpoint_seconds: time between checkpoints.
        watch: told the number of a training, 0, 1 and so on, and how far it is.
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
    fix, known = "wait for it, or choose another --into", f"delete {leases_of(work)}"
    lease = take_lease(work, fix=fix, known=known)
    try:
        _check_same(work, begun, into)
        opened = _task(work / "task", task, languages)
        name = next(iter(name_models([source])))
        tuner = FineTuner(name, place, source, opened, settings, _with(opened, "train"), _with(opened, "test"))
        with _as_option():
            tuner.train(work, checkpoint_seconds=checkpoint_seconds, watch=watch, stop=stop)
        lease.check()
        with atomic_folder(into) as folder:
            scores = _assemble(tuner, work, folder)
    finally:
        if lease.is_held:
            if into.exists() or not has_trained(work):
                _discard(work, lease)
            else:
                lease.release()
    return FineTuned(into, tuple(scores), opened.summary)


def _discard(work: Path, lease: Lease) -> None:
    """Removes a folder: out of the way first, so that another command finds it whole or not at all."""
    gone = aside(work, lease.token)
    with suppress(OSError):  # what has ended the work counts more
        work.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)


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
        said = {"`map`": "--rename OLD=NEW", "`types`": "--types A,B", "`rules: squad`": "--rules squad"}
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


def _check_same(work: Path, all_of_it: dict[str, Any], into: Path) -> None:
    """Refuses to continue what was begun otherwise; before the first checkpoint there is nothing to continue."""
    file = work / "begun.json"
    now = {name: fingerprint(value) for name, value in all_of_it.items()}
    if not has_trained(work):
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
    """The labelled data that a finished model is scored on, checked, read and written to a folder that is made.

    Raises:
        InputError: data that is not as it should be; no test data.
    """
    with _as_typed(), atomic_folder(folder) as made:
        check_task(task, languages, {}, learnt=False)
        build_task(task, languages, {}, made, learnt=False)
    return open_task(folder)


def _task(folder: Path, task: LabelledTask, languages: Sequence[str]) -> OpenTask:
    """The labelled data that a model is trained on, read and checked unless it was."""
    if not folder.is_dir():
        with _as_typed(), atomic_folder(folder) as made:
            build_task(task, languages, {}, made)
            built = open_task(made)
            check_trained_labels(built, _with(built, "train"))
    return open_task(folder)


def _with(task: OpenTask, split: str) -> list[str]:
    """The languages that have a split."""
    return [each.code for each in task.summary.languages if split in each.sentences]


def _assemble(tuner: FineTuner, work: Path, folder: Path) -> list[Score]:
    """Writes what is there of all seeds into an empty folder; the scores."""
    settings, summary = tuner.settings, tuner.task.summary
    kept, model = tuner.best(work)
    shutil.copytree(model, folder, dirs_exist_ok=True)
    predictions = dict(tuner.predictions(work))
    estimates = tuner.estimates(summary.task, predictions)
    scores = list(fine_tuned_rows(tuner.name, summary.task, estimates, seed=settings.seed))
    write_scores(folder / SCORES, scores)
    save_file(predictions, folder / PREDICTIONS)
    by_seed = {seed: record.model_dump(mode="json") for seed, record in tuner.records(work).items()}
    about = {"base": tuner.source, "languages": list(tuner.trained), **_named(settings)}
    write_json(folder / TRAINING, {**about, **tuner.choice(work), "kept": kept, "seeds": by_seed})
    write_json(folder / "task.json", summary.model_dump(mode="json"))
    return scores
