"""The one training loop, of whatever task."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
import transformers
from torch import Tensor, nn

from equiglot.errors import InputError
from equiglot.hashing import hash_name, hash_u64
from equiglot.training.checkpoint import Checkpoint, CheckpointFolder, pack_optimiser, unpack_optimiser
from equiglot.training.flat import separate
from equiglot.training.history import Counter, LossMeter, LossPoint, Progress, TrainingRecord, ValidationPoint, mean_of
from equiglot.training.optimiser import build_optimiser, choose_precision, clip_gradients, learning_rate
from equiglot.training.settings import TrainingSettings
from equiglot.training.task import TrainingBatch, TrainingTask

_LOSS_POINTS = 200  # of a training's loss curve
_COUNTS = "/counts"  # behind a language's code: its scores' denominators
_LARGEST_WEIGHT = 1e6  # beyond what half precision can say; products of two such layers soon are no numbers


class Stopped(Exception):
    """A training was asked to stop; it has saved where it was."""


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
        stop: asked after every update; when true, a checkpoint is saved and `Stopped` is raised.
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
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self._model, self._task, self._settings = model, task, settings
        self._seed, self._checkpoints, self._checkpoint_seconds = seed, checkpoints, checkpoint_seconds
        self._watch, self._record, self._stop = watch, record, stop
        self._device = next(model.parameters()).device
        self._optimiser = build_optimiser(model, settings)
        self._precision = choose_precision(settings, self._device)
        self._meter = LossMeter(task.languages, self._device)
        self._counter = Counter(task.languages)
        self._state = _State()
        self.updates = updates

    def train(self) -> TrainingRecord:
        """Trains from the newest checkpoint, or from the start, to the end; the model then has its best weights.

        Raises:
            InputError: a loss or gradient is not a number, or weights grow beyond all bounds; the last good checkpoint
                stays.
        """
        torch.use_deterministic_algorithms(True)
        # A debugging aid that costs 5 to 20 % of a step.
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
        self._continue()
        begun = saved = time.monotonic()
        before = self._state.seconds
        self._model.train()
        while self._state.update < self.updates and not self._stopped_early():
            self._step()
            self._after_update()
            now = time.monotonic()
            self._state.seconds = before + now - begun
            self._watch(self._progress())
            if self._stop():
                self._save()
                raise Stopped
            if self._checkpoints and now - saved >= self._checkpoint_seconds:
                self._save()
                saved = time.monotonic()
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
        )

    def by_sequence(self) -> dict[str, np.ndarray]:
        """Language -> float64 [validations, sequences], the score's numerator by sequence; with "<language>/counts"
        int64 [1, sequences], its denominator: for comparing a model in pairs with its earlier self."""
        sums = {language: np.stack(rows) for language, rows in self._state.sums.items()}
        return {**sums, **{f"{language}{_COUNTS}": counts[None] for language, counts in self._state.counts.items()}}

    def _step(self) -> None:
        """One update of the weights, from `accumulation` batches; gradients are divided once, by all items."""
        update, settings = self._state.update, self._settings
        torch.manual_seed(int(hash_u64(self._seed, hash_name("dropout"), update)[0]) >> 1)
        for group in self._optimiser.param_groups:
            group["lr"] = learning_rate(settings, update, self.updates)
        indices = range(update * settings.accumulation, (update + 1) * settings.accumulation)
        batches = [self._task.batch(index) for index in indices]
        count = sum(batch.count for batch in batches)
        for batch in batches:
            self._backward(batch, max(1, count))
        if count:  # or there is nothing to learn
            if not torch.isfinite(clip_gradients(self._optimiser, settings.clip)):
                self._diverged("gradient", batches[-1])
            self._optimiser.step()
            self._optimiser.zero_grad(set_to_none=False)
        self._state.update += 1

    def _backward(self, batch: TrainingBatch, count: int) -> None:
        self._counter.add(batch.languages, batch.lengths)
        if not batch.count:
            return
        progress = self._state.update / max(1, self.updates - 1)
        with torch.autocast(self._device.type, self._precision, enabled=self._precision != torch.float32):
            losses = self._task.losses(self._model, batch, progress)
        if not torch.isfinite(losses.total):
            self._diverged("loss", batch)
        (losses.total / count).backward()
        self._meter.add(losses)

    def _diverged(self, what: str, batch: TrainingBatch) -> None:
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
        tensors = {**self._weights(), **pack_optimiser(self._optimiser)}
        for name, value in tensors.items():
            largest = torch.inf if name.startswith("optimiser.") else _LARGEST_WEIGHT
            if value.is_floating_point() and not (value.abs() < largest).all():
                update, rate = self._state.update, self._optimiser.param_groups[0]["lr"]
                raise InputError(
                    f"weights have grown beyond all bounds ({name}) by update {update}, whose learning rate was "
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
        state = self._state
        tensors = {f"weights.{name}": value.clone() for name, value in self._weights().items()}
        tensors |= {f"best.{name}": value for name, value in state.best_weights.items()}
        tensors |= {f"meter.{term}": sums for term, sums in self._meter.sums.items()}
        tensors |= {f"sequences.{key}": torch.from_numpy(rows) for key, rows in self.by_sequence().items()}
        tensors |= pack_optimiser(self._optimiser)
        saved = {
            "conditions": self._conditions(),
            "update": state.update,
            "best_update": state.best_update,
            "best_score": state.best_score,
            "seconds": state.seconds,
            "losses": [point.model_dump() for point in state.losses],
            "validations": [point.model_dump() for point in state.validations],
            "counts": self._counter.counts.tolist(),
        }
        self._checkpoints.save(state.update, Checkpoint(tensors, saved))

    def _conditions(self) -> dict[str, str]:
        """What the bits of a training depend on besides its settings."""
        return {
            "threads": str(torch.get_num_threads()),
            "precision": str(self._precision).removeprefix("torch."),
            "device": self._device.type,
            "instructions": torch.backends.cpu.get_cpu_capability(),
            "torch": torch.__version__,
            "transformers": transformers.__version__,
        }

    def _check_conditions(self, saved: dict[str, str], folder: Path) -> None:
        now = self._conditions()
        changed = [
            f"{name} was {saved.get(name)}, is {value}" for name, value in now.items() if saved.get(name) != value
        ]
        if changed:
            raise InputError(
                f"the training was begun under other conditions: {'; '.join(changed)}",
                where=folder,
                fix="continue it under those, or delete that folder to begin it again",
            )

    def _continue(self) -> None:
        """Takes up the newest checkpoint, if there is one."""
        checkpoint = self._checkpoints.load() if self._checkpoints else None
        if self._checkpoints is None or checkpoint is None:
            return
        saved = checkpoint.state
        self._check_conditions(saved["conditions"], self._checkpoints.path)
        parts: dict[str, dict[str, Tensor]] = {"weights": {}, "best": {}, "meter": {}, "sequences": {}}
        for name, value in checkpoint.tensors.items():
            part, _, rest = name.partition(".")
            if part in parts:
                parts[part][rest] = value.to(self._device) if part != "sequences" else value
        rows = {name: each.numpy() for name, each in parts["sequences"].items()}
        self._model.load_state_dict(parts["weights"])
        unpack_optimiser(self._optimiser, checkpoint.tensors)
        self._meter.sums = parts["meter"]
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
        )
