"""The one training loop, of whatever task."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor, nn

from equiglot.errors import InputError
from equiglot.hashing import hash_name, hash_u64
from equiglot.models import seed_device, use_deterministic_algorithms
from equiglot.training.checkpoint import Checkpoint, CheckpointFolder
from equiglot.training.conditions import changed_conditions, check_alike, current_conditions
from equiglot.training.flat import add_gradients, separate
from equiglot.training.history import Counter, LossMeter, mean_of
from equiglot.training.optimiser import Optimiser, choose_precision, learning_rate
from equiglot.training.ranks import Ranks
from equiglot.training.record import LossPoint, Progress, Stopped, TrainingRecord, ValidationPoint
from equiglot.training.settings import TrainingSettings
from equiglot.training.task import TrainingBatch, TrainingTask

_LOSS_POINTS = 200  # of a training's loss curve
_COUNTS = "/counts"  # behind a language's code: its scores' denominators
_LARGEST_WEIGHT = 1e6  # beyond what half precision can say; products of two such layers soon are no numbers
_GO_ON, _SAVE, _STOP = range(3)  # what is done after an update


@dataclass
class _State:
    """All that changes during a training, besides weights and optimiser."""

    update: int = 0
    best_update: int = 0
    best_score: float | None = None
    best_weights: dict[str, Tensor] = field(default_factory=dict)
    losses: list[LossPoint] = field(default_factory=list)
    validations: list[ValidationPoint] = field(default_factory=list)
    sums: dict[str, list[np.ndarray]] = field(default_factory=dict)
    counts: dict[str, np.ndarray] = field(default_factory=dict)
    seconds: float = 0.0
    other_conditions: list[str] = field(default_factory=list)


class Trainer:
    """Trains one model.

    Args:
        model: on its device; trained in place.
        task: what it learns.
        settings: the training.
        updates: its length.
        seed: of dropout.
        checkpoints: where to continue from and to save to; None for a training that is begun again.
        checkpoint_seconds: time between checkpoints.
        watch: told how far the training is after every update.
        record: given every point of the curves.
        remark: told what somebody should know.
        stop: asked after every update; when true, a checkpoint is saved and `Stopped` is raised.
        ranks: the processes that train this model together, each with a trainer like this one. The first alone saves,
            and is asked to stop; the model, the record and all checkpoints are those of one process, bit for bit.
    """

    def __init__(
        self,
        model: nn.Module,
        task: TrainingTask,
        settings: TrainingSettings,
        *,
        updates: int,
        seed: int,
        checkpoints: CheckpointFolder | None = None,
        checkpoint_seconds: float = 60.0,
        watch: Callable[[Progress], None] = lambda progress: None,
        record: Callable[[LossPoint | ValidationPoint], None] = lambda point: None,
        remark: Callable[[str], None] = lambda text: None,
        stop: Callable[[], bool] = lambda: False,
        ranks: Ranks | None = None,
    ) -> None:
        self._model, self._task, self._settings = model, task, settings
        self._seed, self._checkpoints, self._checkpoint_seconds = seed, checkpoints, checkpoint_seconds
        self._watch, self._record, self._remark, self._stop = watch, record, remark, stop
        self._device = next(model.parameters()).device
        self._ranks = ranks or Ranks()
        self._optimiser = Optimiser(model, settings, self._ranks)
        self._precision = choose_precision(settings, self._device)
        self._conditions = current_conditions(self._device, self._precision)
        self._meter = LossMeter(task.languages, self._device, settings.accumulation, self._ranks)
        self._counter = Counter(task.languages)
        self._batches = lru_cache(maxsize=1)(self._read)
        self._state = _State()
        self.updates = updates

    def train(self) -> TrainingRecord:
        """Trains from the newest checkpoint, or from the start, to the end; the model then has its best weights.

        Raises:
            InputError: a loss or gradient is not a number, or weights grow beyond all bounds; the last good checkpoint
                stays. Or a CUDA card cannot be deterministic (`use_deterministic_algorithms`).
        """
        use_deterministic_algorithms(self._device)
        self._continue()
        check_alike(self._ranks, self._conditions, self._state.update)
        begun = saved = time.monotonic()
        before = self._state.seconds
        self._model.train()
        while self._state.update < self.updates and not self._stopped_early():
            self._step()
            self._after_update()
            now = time.monotonic()
            self._state.seconds = before + now - begun
            self._watch(self._progress())
            due = _SAVE if self._checkpoints and now - saved >= self._checkpoint_seconds else _GO_ON
            due = self._ranks.decide(_STOP if self._ranks.first and self._stop() else due)
            if due != _GO_ON:
                self._save()
                saved = time.monotonic()
            if due == _STOP:
                raise Stopped
        if self._state.best_weights:
            self._model.load_state_dict(self._state.best_weights)
        separate(self._model)
        return self.record()

    def record(self) -> TrainingRecord:
        """What the training was."""
        state = self._state
        return TrainingRecord(
            updates=self.updates,
            updates_made=state.update,
            best_update=state.best_update or state.update,
            metric=self._task.metric,
            tokens=self._counter.by_language(1),
            sequences=self._counter.by_language(0),
            precision=str(self._precision).removeprefix("torch."),
            losses=tuple(state.losses),
            validations=tuple(state.validations),
            seconds=state.seconds,
            other_conditions=tuple(state.other_conditions),
        )

    def by_sequence(self) -> dict[str, np.ndarray]:
        """Language -> float64 [validations, sequences], the score's numerator by sequence; with "<language>/counts"
        int64 [1, sequences], its denominator: for comparing a model in pairs with its earlier self."""
        sums = {language: np.stack(rows) for language, rows in self._state.sums.items()}
        return {**sums, **{f"{language}{_COUNTS}": counts[None] for language, counts in self._state.counts.items()}}

    def _step(self) -> None:
        """One update of the weights, from `accumulation` batches; gradients are divided once, by all items."""
        update, settings = self._state.update, self._settings
        batches = self._batches(update)
        count = self._count([batch for _, batch in batches])
        sound: dict[int, Tensor] = {}  # looked at only where the norm is no number: a look waits for the device

        def backward(placed: tuple[int, TrainingBatch]) -> None:
            if placed[1].count:
                sound[placed[0]] = self._backward(*placed, count)

        add_gradients(batches, backward, self._optimiser.gradients)
        if sound:  # all ranks see it in the norm
            flaw = torch.where(torch.stack(list(sound.values())).all(), 0.0, torch.nan)
            self._optimiser.gradients[0][:1].add_(flaw)
        if update + 1 < self.updates:
            self._batches(update + 1)  # here, not later: the device still computes, and is waited for only now
        if count and not math.isfinite(self._optimiser.step(learning_rate(settings, update, self.updates))):
            self._diverged([place for place, good in sound.items() if not good])
        self._state.update += 1

    def _read(self, update: int) -> list[tuple[int, TrainingBatch]]:
        """This rank's batches of an update, with their places among all of it."""
        accumulation = self._settings.accumulation
        places = self._ranks.share(range(accumulation))
        return [(place, self._task.batch(update * accumulation + place)) for place in places]

    def _count(self, batches: Sequence[TrainingBatch]) -> int:
        """Counts what the batches of an update have of each language; returns the number of their items, of all ranks
        together."""
        own = Counter(self._task.languages)
        for batch in batches:
            own.add(batch.languages, batch.lengths)
        counts = np.append(own.counts, sum(batch.count for batch in batches))
        counts = self._ranks.total(torch.from_numpy(counts)).numpy()
        self._counter.counts += counts[:-1].reshape(own.counts.shape)
        return int(counts[-1])

    def _backward(self, place: int, batch: TrainingBatch, count: int) -> Tensor:
        """Adds the gradient of the batch at `place` of an update of `count` items; bool [], false if its loss is no
        number.

        What is dropped out depends on the batch alone, not on which process reads it after which others.
        """
        index = self._state.update * self._settings.accumulation + place
        seed_device(self._device, int(hash_u64(self._seed, hash_name("dropout"), index)[0]) >> 1)
        progress = self._state.update / max(1, self.updates - 1)
        with torch.autocast(self._device.type, self._precision, enabled=self._precision != torch.float32):
            losses = self._task.losses(self._model, batch, progress)
        (losses.total / count).backward()
        self._meter.add(losses, place)
        return torch.isfinite(losses.total.detach())

    def _diverged(self, bad: list[int]) -> None:
        """Refuses to go on; `bad` are the places of this rank's batches whose loss is no number."""
        accumulation = self._settings.accumulation
        places = torch.zeros(accumulation, dtype=torch.int64)
        places[bad] = 1
        found = self._ranks.total(places).nonzero().flatten().tolist()
        what = "loss" if found else "gradient"
        batch = self._task.batch(self._state.update * accumulation + (found or [accumulation - 1])[0])
        languages = sorted({self._task.languages[number] for number in batch.languages})
        raise InputError(
            f"the {what} is not a number in update {self._state.update + 1}; the last checkpoint is intact",
            where=f"{batch.identity} ({len(batch.lengths)} sequences of {', '.join(languages)})",
            fix=f"{self._remedy()}; if it has a teacher, look at its losses",
        )

    def _remedy(self) -> str:
        rate, decay = self._settings.learning_rate, self._settings.weight_decay
        return f"lower training.learning_rate (now {rate:g}) or weight_decay (now {decay:g}), or raise warmup"

    def _check_sound(self) -> None:
        """Refuses weights that the last updates have spoilt, before they are saved or called the best.

        Raises:
            InputError: one is not a number, or so large that no loss can be computed any more.
        """
        tensors = {**self._weights(), **self._optimiser.own_state()}
        names = sorted(name for name, value in tensors.items() if value.is_floating_point())
        bad = self._ranks.total(torch.tensor([_is_spoilt(name, tensors[name]) for name in names], dtype=torch.int64))
        for place in bad.nonzero().flatten().tolist()[:1]:
            update = self._state.update
            rate = learning_rate(self._settings, update - 1, self.updates)
            raise InputError(
                f"weights have grown beyond all bounds ({names[place]}) by update {update}, whose learning rate was "
                f"{rate:g}; the last checkpoint is intact",
                where=f"training.learning_rate {self._settings.learning_rate:g}",
                fix=self._remedy(),
            )

    def _points_due(self, update: int, points: int) -> bool:
        """Whether `update` is one of `points` equally distant ones, the last of them the end."""
        return update * points // self.updates > (update - 1) * points // self.updates

    def _after_update(self) -> None:
        update = self._state.update
        if self._points_due(update, _LOSS_POINTS):
            self._state.losses.append(LossPoint(update=update, losses=self._meter.read()))
            self._record(self._state.losses[-1])
        if self._points_due(update, self._settings.validations):
            self._validate()

    def _validate(self) -> None:
        self._check_sound()
        state = self._state
        self._model.eval()
        with torch.no_grad():
            result = self._task.validate(self._model)
        self._model.train()
        if result is None:
            return
        point = ValidationPoint(update=state.update, scores=dict(result.scores), losses=dict(result.losses))
        state.validations.append(point)
        self._record(point)
        if not math.isfinite(point.score):
            what = f"the score of the validation at update {state.update} is no number; the last checkpoint is intact"
            raise InputError(what, where="training", fix=self._remedy())
        for language, sums in result.sums.items():
            state.sums.setdefault(language, []).append(sums)
        state.counts = dict(result.counts)
        if self._is_best(point.score):
            state.best_score, state.best_update = point.score, state.update
            state.best_weights = {name: value.detach().clone() for name, value in self._weights().items()}

    def _is_best(self, score: float) -> bool:
        best = self._state.best_score
        return best is None or (score < best if self._task.lower_is_better else score > best)

    def _stopped_early(self) -> bool:
        stopping, points = self._settings.early_stopping, self._state.validations
        if stopping is None or not points:
            return False
        return sum(point.update > self._state.best_update for point in points) >= stopping.patience

    def _weights(self) -> dict[str, Tensor]:
        """The parameters and buffers, each shared one under all its names."""
        return self._model.state_dict()

    def _progress(self) -> Progress:
        state = self._state
        return Progress(
            update=state.update,
            updates=self.updates,
            tokens=int(self._counter.counts[1].sum()),
            seconds=state.seconds,
            metric=self._task.metric,
            loss=mean_of(state.losses[-1].losses) if state.losses else None,
            score=state.validations[-1].score if state.validations else None,
        )

    def _save(self) -> None:
        """Saves everything that the rest of the training depends on."""
        if self._checkpoints is None:
            return
        self._check_sound()
        state, losses, optimiser = self._state, self._meter.sums(), self._optimiser.state()
        if not self._ranks.first:
            return
        tensors = {f"weights.{name}": value.clone() for name, value in self._weights().items()}
        tensors |= {f"best.{name}": value for name, value in state.best_weights.items()}
        tensors |= {f"meter.{term}": sums for term, sums in losses.items()}
        tensors |= {f"sequences.{key}": torch.from_numpy(rows) for key, rows in self.by_sequence().items()}
        tensors |= optimiser
        saved = {
            "conditions": self._conditions,
            "update": state.update,
            "best_update": state.best_update,
            "best_score": state.best_score,
            "seconds": state.seconds,
            "other_conditions": state.other_conditions,
            "losses": [point.model_dump() for point in state.losses],
            "validations": [point.model_dump() for point in state.validations],
            "counts": self._counter.counts.tolist(),
        }
        self._checkpoints.save(state.update, Checkpoint(tensors, saved))

    def _continue(self) -> None:
        checkpoint = self._checkpoints.load() if self._checkpoints else None
        if self._checkpoints is None or checkpoint is None:
            return
        saved = checkpoint.state
        changes = list(saved.get("other_conditions", ()))
        if changed := changed_conditions(saved["conditions"], self._conditions, self._checkpoints):
            changes.append(f"after update {saved['update']}: {changed}")
            self._remark(f"goes on under other conditions, {changes[-1]}; bits will be others")
        parts: dict[str, dict[str, Tensor]] = {"weights": {}, "best": {}, "meter": {}, "sequences": {}}
        for name, value in checkpoint.tensors.items():
            part, _, rest = name.partition(".")
            if part in parts:
                parts[part][rest] = value.to(self._device) if part != "sequences" else value
        rows = {name: each.numpy() for name, each in parts["sequences"].items()}
        self._model.load_state_dict(parts["weights"])
        self._optimiser.load_state(checkpoint.tensors)
        self._meter.load(parts["meter"])
        self._counter.counts = np.array(saved["counts"], dtype=np.int64)
        self._state = _State(
            update=saved["update"],
            best_update=saved["best_update"],
            best_score=saved["best_score"],
            best_weights=parts["best"],
            losses=[LossPoint(**point) for point in saved["losses"]],
            validations=[ValidationPoint(**point) for point in saved["validations"]],
            sums={name: list(each) for name, each in rows.items() if not name.endswith(_COUNTS)},
            counts={name.removesuffix(_COUNTS): each[0] for name, each in rows.items() if name.endswith(_COUNTS)},
            seconds=saved["seconds"],
            other_conditions=changes,
        )


def _is_spoilt(name: str, value: Tensor) -> bool:
    """Whether anything in it is no number, or a weight so large that no loss can be computed any more."""
    largest = torch.inf if name.startswith("optimiser.") else _LARGEST_WEIGHT
    return not bool((value.abs() < largest).all())
