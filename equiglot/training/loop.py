"""The one training loop: teachers, baselines and students, hard labels and soft."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch
import transformers
from torch import Tensor
from transformers import PreTrainedModel

from equiglot.errors import InputError
from equiglot.hashing import hash_name, hash_u64
from equiglot.masking import Batch, BatchStream, Framing
from equiglot.models import attend_in_fp32, can_encode, target_logits, to_tensors
from equiglot.objectives import Objective, SoftTargets, TopKTargets
from equiglot.training.checkpoint import Checkpoint, CheckpointFolder, pack_optimiser, unpack_optimiser
from equiglot.training.flat import separate
from equiglot.training.history import Counter, LossMeter, LossPoint, Progress, TrainingRecord, ValidationPoint, mean_of
from equiglot.training.optimiser import build_optimiser, choose_precision, clip_gradients, learning_rate
from equiglot.training.settings import TrainingSettings
from equiglot.training.validation import LanguageValidation, validate
from equiglot.vocabulary import TokenizedText

_LOSS_POINTS = 200  # of a training's loss curve
_LARGEST_WEIGHT = 1e6  # beyond what half precision can say; products of two such layers soon are no numbers
_VALIDATION_SEED = 0  # one for all: every model is validated on the same masks


class Stopped(Exception):
    """A training was asked to stop; it has saved where it was."""


class LabelSource(Protocol):
    """Where soft labels come from."""

    def targets(self, batch: Batch, index: int) -> SoftTargets | TopKTargets | None:
        """The soft labels of `batch`, which stands at `index` of the stream."""
        ...


@dataclass
class _State:
    """All that changes during a training, besides weights and optimiser."""

    update: int = 0
    best_update: int = 0
    best_mrr: float = -1.0
    best_weights: dict[str, Tensor] = field(default_factory=dict)
    losses: list[LossPoint] = field(default_factory=list)
    validations: list[ValidationPoint] = field(default_factory=list)
    by_sequence: dict[str, list[np.ndarray]] = field(default_factory=dict)
    seconds: float = 0.0


class Trainer:
    """Trains one model.

    Args:
        model: on its device; trained in place.
        stream: the training batches.
        updates: length of the training.
        objective: the loss.
        labels: soft labels, or None for hard ones.
        settings: the training.
        validation: language -> validation text.
        framing: special ids.
        seed: of dropout.
        checkpoints: where to continue from and to save to.
        checkpoint_seconds: time between checkpoints.
        watch: told how far the training is after every update.
        record: given every point of the curves.
        stop: asked after every update; when true, a checkpoint is saved and `Stopped` is raised.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        stream: BatchStream,
        updates: int,
        *,
        objective: Objective,
        labels: LabelSource | None,
        settings: TrainingSettings,
        validation: Mapping[str, TokenizedText],
        framing: Framing,
        seed: int,
        checkpoints: CheckpointFolder,
        checkpoint_seconds: float = 60.0,
        watch: Callable[[Progress], None] = lambda progress: None,
        record: Callable[[LossPoint | ValidationPoint], None] = lambda point: None,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self._model, self._stream, self._labels, self._objective = model, stream, labels, objective
        self._settings, self._validation, self._framing = settings, validation, framing
        self._seed, self._checkpoints, self._checkpoint_seconds = seed, checkpoints, checkpoint_seconds
        self._watch, self._record, self._stop = watch, record, stop
        self._device = next(model.parameters()).device
        if self._device.type == "cpu" and not can_encode(model, self._device):
            attend_in_fp32(model)
        self._optimiser = build_optimiser(model, settings)
        self._precision = choose_precision(settings, self._device)
        self._meter = LossMeter(stream.languages, self._device)
        self._counter = Counter(stream.languages)
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
            if now - saved >= self._checkpoint_seconds:
                self._save()
                saved = time.monotonic()
        self._model.load_state_dict(self._state.best_weights)
        separate(self._model)
        return self.record()

    def record(self) -> TrainingRecord:
        """What the training was."""
        state = self._state
        return TrainingRecord(
            updates=self.updates,
            updates_made=state.update,
            best_update=state.best_update,
            tokens=self._counter.by_language(1),
            sequences=self._counter.by_language(0),
            precision=str(self._precision).removeprefix("torch."),
            losses=tuple(state.losses),
            validations=tuple(state.validations),
            seconds=state.seconds,
        )

    def reciprocal_ranks(self) -> dict[str, np.ndarray]:
        """Language -> float64 [validations, sequences], reciprocal ranks summed by sequence; with "<language>/counts"
        int64 [1, sequences]: what a model knew at each validation, for comparing it in pairs with its earlier self."""
        return {name: np.stack(rows) for name, rows in self._state.by_sequence.items()}

    def _step(self) -> None:
        """One update of the weights, from `accumulation` batches; gradients are divided once, by all targets."""
        update, settings = self._state.update, self._settings
        torch.manual_seed(int(hash_u64(self._seed, hash_name("dropout"), update)[0]) >> 1)
        for group in self._optimiser.param_groups:
            group["lr"] = learning_rate(settings, update, self.updates)
        indices = range(update * settings.accumulation, (update + 1) * settings.accumulation)
        batches = [self._stream[index] for index in indices]
        count = sum(len(batch.targets) for batch in batches)
        for index, batch in zip(indices, batches, strict=True):
            self._backward(batch, index, max(1, count))
        if count:  # or there is nothing to learn
            if not torch.isfinite(clip_gradients(self._optimiser, settings.clip)):
                self._diverged("gradient", batches[-1])
            self._optimiser.step()
            self._optimiser.zero_grad(set_to_none=False)
        self._state.update += 1

    def _backward(self, batch: Batch, index: int, count: int) -> None:
        self._counter.add(batch.languages, batch.lengths)
        if not len(batch.targets):
            return
        tensors = to_tensors(batch, self._device)
        with torch.autocast(self._device.type, self._precision, enabled=self._precision != torch.float32):
            soft = self._labels.targets(batch, index) if self._labels else None
            logits = target_logits(self._model, tensors)
        losses = self._objective.losses(logits, tensors.gold, soft, self._state.update / max(1, self.updates - 1))
        if not torch.isfinite(losses.total):
            self._diverged("loss", batch)
        (losses.total / count).backward()
        self._meter.add(losses, tensors.languages)

    def _diverged(self, what: str, batch: Batch) -> None:
        languages = sorted({self._stream.languages[number] for number in batch.languages})
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
        results = validate(
            self._model,
            self._validation,
            limit=self._settings.validation_sequences,
            framing=self._framing,
            seed=_VALIDATION_SEED,
        )
        point = ValidationPoint(
            update=self._state.update,
            mrr={language: result.mrr for language, result in results.items()},
            loss={language: result.loss for language, result in results.items()},
        )
        self._state.validations.append(point)
        self._record(point)
        self._keep_by_sequence(results)
        if point.mean_mrr > self._state.best_mrr:
            self._state.best_mrr, self._state.best_update = point.mean_mrr, self._state.update
            self._state.best_weights = {name: value.detach().clone() for name, value in self._weights().items()}

    def _keep_by_sequence(self, results: Mapping[str, LanguageValidation]) -> None:
        for language, result in results.items():
            self._state.by_sequence.setdefault(language, []).append(result.reciprocal_ranks)
            self._state.by_sequence[f"{language}/counts"] = [result.counts]

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
            loss=mean_of(state.losses[-1].losses) if state.losses else None,
            mrr=state.validations[-1].mean_mrr if state.validations else None,
        )

    def _save(self) -> None:
        """Saves everything that the rest of the training depends on."""
        self._check_sound()
        state = self._state
        tensors = {f"weights.{name}": value.clone() for name, value in self._weights().items()}
        tensors |= {f"best.{name}": value for name, value in state.best_weights.items()}
        tensors |= {f"meter.{term}": sums for term, sums in self._meter.sums.items()}
        tensors |= {f"sequences.{key}": torch.from_numpy(rows) for key, rows in self.reciprocal_ranks().items()}
        tensors |= pack_optimiser(self._optimiser)
        saved = {
            "conditions": self._conditions(),
            "update": state.update,
            "best_update": state.best_update,
            "best_mrr": state.best_mrr,
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

    def _check_conditions(self, saved: dict[str, str]) -> None:
        now = self._conditions()
        changed = [
            f"{name} was {saved.get(name)}, is {value}" for name, value in now.items() if saved.get(name) != value
        ]
        if changed:
            raise InputError(
                f"the training was begun under other conditions: {'; '.join(changed)}",
                where=self._checkpoints.path,
                fix="continue it under those, or delete that folder to begin it again",
            )

    def _continue(self) -> None:
        """Takes up the newest checkpoint, if there is one."""
        checkpoint = self._checkpoints.load()
        if checkpoint is None:
            return
        saved = checkpoint.state
        self._check_conditions(saved["conditions"])
        parts: dict[str, dict[str, Tensor]] = {"weights": {}, "best": {}, "meter": {}, "sequences": {}}
        for name, value in checkpoint.tensors.items():
            part, _, rest = name.partition(".")
            if part in parts:
                parts[part][rest] = value.to(self._device) if part != "sequences" else value
        self._model.load_state_dict(parts["weights"])
        unpack_optimiser(self._optimiser, checkpoint.tensors)
        self._meter.sums = parts["meter"]
        self._counter.counts = np.array(saved["counts"], dtype=np.int64)
        self._state = _State(
            update=saved["update"],
            best_update=saved["best_update"],
            best_mrr=saved["best_mrr"],
            best_weights=parts["best"],
            losses=[LossPoint(**point) for point in saved["losses"]],
            validations=[ValidationPoint(**point) for point in saved["validations"]],
            by_sequence={key: list(rows.numpy()) for key, rows in parts["sequences"].items()},
            seconds=saved["seconds"],
        )
