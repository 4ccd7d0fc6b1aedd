"""One model fine-tuned on one task, once for each seed: its trainings, and what came out of all of them.

What is finished lies in a working folder: checkpoints of a training, and a folder for each seed that is done. Whoever
calls it again with the same folder continues there.
"""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from equiglot.errors import InputError
from equiglot.evaluation import Bootstrap, PairEstimates
from equiglot.files import atomic_folder, read_json, write_json
from equiglot.finetuning.kinds import KINDS, TaskKind
from equiglot.finetuning.scores import PREDICTIONS, TRAINING, Predictions, fine_tuned_estimates
from equiglot.finetuning.settings import FineTuning, Trial
from equiglot.models import OpenModel, device, on_device, prepare_for_cpu, with_tokenizer
from equiglot.reading import read_json_object
from equiglot.tasks import OpenTask
from equiglot.training import CheckpointFolder, Progress, Trainer, TrainingRecord
from equiglot.vocabulary import TOKENIZER_FILES

_MODEL = "model"  # of a seed that is done


@dataclass(frozen=True)
class FineTuner:
    """Trains one model on a task, with several seeds.

    Attributes:
        name: the model's.
        place: its folder.
        source: what it is called where anything is wrong with it.
        task: the labelled data.
        settings: how.
        trained: the languages that it is trained on; all have training data.
        tested: those that it is tested on; all have test data.
        keep: whether the weights of the seeds that are done are kept.
    """

    name: str
    place: Path
    source: str
    task: OpenTask
    settings: FineTuning
    trained: Sequence[str]
    tested: Sequence[str]
    keep: bool = True

    @property
    def kind(self) -> TaskKind:
        """What it has to know of the task."""
        return KINDS[self.task.summary.task]

    @property
    def seeds(self) -> range:
        """Those that it is trained with."""
        return range(self.settings.seed, self.settings.seed + self.settings.seeds)

    def train(
        self,
        work: Path,
        *,
        checkpoint_seconds: float,
        watch: Callable[[int, Progress], None],
        stop: Callable[[], bool],
    ) -> None:
        """Trains with every seed that is not done, from the newest checkpoint on.

        Of several learning rates or batches all pairs are tried with the first seed; the pair that is best on dev data
        is the choice for all seeds, so that these differ in nothing but their noise. (A choice for each seed would take
        as many trainings for each, and mix the noise of choosing into it.)

        Args:
            work: the working folder.
            checkpoint_seconds: time between checkpoints.
            watch: told the number of a training, from 0 to `FineTuning.trainings`, and how far it is.
            stop: asked after every update; when true, `Stopped` is raised, and the same call continues.

        Raises:
            InputError: no encoder; a loss that is not a number.
        """
        first, *others = self.seeds
        candidates = self.settings.candidates()
        for number, candidate in enumerate(candidates):
            if not (place := self._tried(work, candidate)).is_dir():
                self._train(first, candidate, place, checkpoint_seconds, partial(watch, number), stop)
        chosen = self.chosen(work)
        for candidate in candidates:
            if candidate != chosen:
                shutil.rmtree(self._tried(work, candidate) / _MODEL, ignore_errors=True)
        for number, seed in enumerate(others, len(candidates)):
            if not (place := self._of(work, seed)).is_dir():
                self._train(seed, chosen, place, checkpoint_seconds, partial(watch, number), stop)

    def trials(self, work: Path) -> list[Trial]:
        """What was tried, in order; all trainings with the first seed are done."""
        found = ((each, read_record(self._tried(work, each))) for each in self.settings.candidates())
        return [Trial(learning_rate=each.only_rate, batch=each.only_batch, score=_best(done)) for each, done in found]

    def chosen(self, work: Path) -> FineTuning:
        """The settings with the best score on dev data, the first of equals."""
        scores = [each.score for each in self.trials(work)]
        return self.settings.candidates()[int(np.argmax(scores))]

    def choice(self, work: Path) -> dict[str, list[dict[str, float]]]:
        """What is written of it beside the trainings, JSON-able; nothing where there was nothing to choose."""
        trials = self.trials(work)
        return {"tried": [each.model_dump(mode="json") for each in trials]} if len(trials) > 1 else {}

    def records(self, work: Path) -> dict[int, TrainingRecord]:
        """Seed -> its training."""
        return {seed: read_record(self._of(work, seed)) for seed in self.seeds}

    def predictions(self, work: Path) -> Predictions:
        """Language -> the prediction of every test item, [seeds, items, ...]."""
        found = [load_file(self._of(work, seed) / PREDICTIONS) for seed in self.seeds]
        return {code: np.stack([each[code] for each in found]) for code in self.tested}

    def estimates(self, task: str, predictions: Predictions) -> PairEstimates:
        """Every metric of what was predicted; `task` is what stands in scores."""
        return fine_tuned_estimates(
            task,
            self.task.summary.labels,
            {code: self.kind.gold(self.task, code) for code in self.tested},
            predictions,
            trained=self.trained,
            bootstrap=Bootstrap(self.settings.resamples, self.settings.seed),
        )

    def best(self, work: Path) -> tuple[int, Path]:
        """The seed that is best on dev data, the first of equals; and the folder of its model."""
        scores = [_best(record) for record in self.records(work).values()]
        seed = self.seeds[int(np.argmax(scores))]
        return seed, self._of(work, seed) / _MODEL

    def _of(self, work: Path, seed: int) -> Path:
        """The folder of a training of the chosen settings."""
        return self._tried(work, self.chosen(work)) if seed == self.settings.seed else work / f"seed-{seed}"

    def _tried(self, work: Path, settings: FineTuning) -> Path:
        """The folder of the training with the first seed, and one of the candidates for settings."""
        alone = f"seed-{self.settings.seed}"
        several = len(self.settings.candidates()) > 1
        return work / (f"{alone}-{settings.only_rate!r}-{settings.only_batch}" if several else alone)

    def _open(self, seed: int) -> OpenModel:
        """The model with a new head, as it is before a training."""
        model = on_device(self.kind.load(self.place, self.task.summary, seed=seed))
        opened = with_tokenizer(self.name, model, self.place, self.source)
        if device().type == "cpu":
            prepare_for_cpu(opened.model)
        longest = self.settings.max_length
        return opened if longest is None else replace(opened, max_tokens=min(opened.max_tokens, longest - 2))

    def _train(
        self,
        seed: int,
        settings: FineTuning,
        place: Path,
        checkpoint_seconds: float,
        watch: Callable[[Progress], None],
        stop: Callable[[], bool],
    ) -> None:
        """Trains with a seed and one learning rate and batch; `place` is the folder that is made."""
        opened = self._open(seed)
        task = self.kind.training(opened, self.task, self.trained, batch=settings.only_batch, seed=seed)
        checkpoints = CheckpointFolder(place.parent / "checkpoints" / place.name)
        record = Trainer(
            opened.model,
            task,
            settings.training(task.epoch_batches),
            updates=settings.updates(task.epoch_batches),
            seed=seed,
            checkpoints=checkpoints,
            checkpoint_seconds=checkpoint_seconds,
            watch=watch,
            stop=stop,
        ).train()
        opened.model.eval()
        predicted = {code: self.kind.predict(opened, self.task, code) for code in self.tested}
        with atomic_folder(place) as folder:
            if self.keep:
                opened.model.save_pretrained(folder / _MODEL)
                for name in TOKENIZER_FILES:
                    if (self.place / name).is_file():
                        shutil.copyfile(self.place / name, folder / _MODEL / name)
                _shorten(folder / _MODEL / "tokenizer_config.json", opened.max_tokens + 2)
            save_file(predicted, folder / PREDICTIONS)
            write_json(folder / TRAINING, record.model_dump(mode="json"))
        checkpoints.remove()


def _shorten(file: Path, longest: int) -> None:
    """Writes down how many tokens the model was trained to read, special ones included, where its tokenizer would let
    it read more: whoever loads it reads as it was scored."""
    config = read_json_object(file) if file.is_file() else {}
    known = config.get("model_max_length")
    if not isinstance(known, int | float) or known > longest:
        write_json(file, {**config, "model_max_length": longest})


def read_record(folder: Path) -> TrainingRecord:
    """The training in a folder of it."""
    return TrainingRecord.model_validate(read_json(folder / TRAINING))


def _best(record: TrainingRecord) -> float:
    """The best score on dev data, in percent."""
    return max(point.score for point in record.validations)


def has_trained(work: Path) -> bool:
    """Whether there is anything in a working folder to continue from."""
    return any(work.glob("seed-*")) or any(work.glob("checkpoints/*/*"))


def check_trained_labels(task: OpenTask, trained: Sequence[str]) -> None:
    """Refuses classes, and types of entities, that are tested and that none of the languages `trained` is trained on.

    They are mostly other names for the same. Tags of words, and relations, may be rare: they count as wrong, and the
    summary names them.

    Raises:
        InputError: with the language and the labels.
    """
    summary = task.summary
    if summary.task in ("pos", "parse", "qa"):
        return
    known = {label for code in trained for label in _kinds(task, code, "train")}
    for code in (each.code for each in summary.languages):
        for split in ("dev", "test"):
            unseen = sorted(_kinds(task, code, split) - known)
            if unseen:
                what = f"the {split} data of {code} has labels that no training data has: {', '.join(unseen)}"
                fix = "rename them with `map`, or leave them out"
                raise InputError(
                    what,
                    where=f"evaluation.{summary.task}",
                    fix=f"{fix} with `types`" if summary.task == "ner" else fix,
                )


def _kinds(task: OpenTask, language: str, split: str) -> set[str]:
    """The classes of a split, or types of entities."""
    found = task.split(language, split)
    labels = () if found is None else np.unique(found.labels).tolist()
    names = {task.summary.labels[number] for number in labels}
    return {name.partition("-")[2] or name for name in names} if task.summary.task == "ner" else names
