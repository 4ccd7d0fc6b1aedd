"""The training loop: against a plain one, through interruptions, and where it must stop."""

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from transformers import BertForMaskedLM, PreTrainedModel

from equiglot.errors import InputError
from equiglot.labels import OnlineTeachers, freeze
from equiglot.masking import Batch, BatchStream
from equiglot.objectives import Annealed, Objective, SoftTargets
from equiglot.training import (
    CheckpointFolder,
    LabelSource,
    LossPoint,
    MaskedLM,
    Progress,
    Stopped,
    Trainer,
    TrainingRecord,
    TrainingSettings,
    Validation,
    ValidationPoint,
    accept_other_conditions,
    loop,
)
from equiglot.training.conditions import Conditions, changed_conditions, current_conditions
from tests.tiny import ENCODER, SPECIAL, make_model, make_stream, make_text

_CPU = torch.device("cpu")
_TEXTS = {"en": make_text(150), "eu": make_text(60, seed=1)}
_VALIDATION = {"en": make_text(20, seed=2), "eu": make_text(12, seed=3)}
_SETTINGS = TrainingSettings(updates=16, learning_rate=3e-3, warmup=0.1, precision="fp32", validations=4)

pytestmark = pytest.mark.usefixtures("one_thread")


@dataclass
class _Training:
    """A tiny training that can be begun again and again."""

    folder: Path
    settings: TrainingSettings = _SETTINGS
    objective: Objective = field(default_factory=Objective)
    stream: BatchStream = field(default_factory=lambda: make_stream(_TEXTS))
    labels: Callable[[BatchStream], LabelSource | None] = lambda stream: None
    dropout: float = 0.0

    def trainer(self, **options: Any) -> tuple[PreTrainedModel, Trainer]:
        """A fresh model and its trainer, as a new process would make them."""
        model = make_model(encoder=ENCODER.model_copy(update={"dropout": self.dropout}))
        return model, Trainer(
            model,
            MaskedLM(
                self.stream,
                special=SPECIAL,
                validation=_VALIDATION,
                objective=self.objective,
                labels=self.labels(self.stream),
            ),
            self.settings,
            updates=self.settings.updates or 0,
            checkpoints=CheckpointFolder(self.folder),
            **{"seed": 5, "checkpoint_seconds": 1e9, **options},
        )

    def whole(self, **options: Any) -> "_Result":
        """Trains to the end, from the newest checkpoint if there is one."""
        model, trainer = self.trainer(**options)
        record = trainer.train()
        return _Result(record, copy.deepcopy(model.state_dict()), trainer.by_sequence())

    def interrupted(self, at: int) -> None:
        """Trains to update `at`, where it is asked to stop."""
        seen: list[Progress] = []
        _, trainer = self.trainer(watch=seen.append, stop=lambda: seen[-1].update >= at)
        with pytest.raises(Stopped):
            trainer.train()
        assert seen[-1].update == at

    def killed(self, at: int) -> None:
        """Trains to update `at`, saving after every one, and dies there without a word."""

        def die(progress: Progress) -> None:
            if progress.update >= at:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            self.trainer(watch=die, checkpoint_seconds=0)[1].train()


@dataclass
class _Result:
    record: TrainingRecord
    weights: dict[str, torch.Tensor]
    ranks: dict[str, np.ndarray]

    def check_same(self, other: "_Result") -> None:
        """Bit for bit the same, but for the time."""
        assert self.record.model_copy(update={"seconds": 0}) == other.record.model_copy(update={"seconds": 0})
        assert all(torch.equal(self.weights[name], other.weights[name]) for name in self.weights)
        assert self.ranks.keys() == other.ranks.keys()
        assert all(np.array_equal(self.ranks[name], other.ranks[name]) for name in self.ranks)


def _plain_training(stream: BatchStream, settings: TrainingSettings) -> tuple[list[float], dict[str, torch.Tensor]]:
    """The same training, written with nothing of ours but the batches: loss of every update, weights at the end."""
    model, updates = make_model(), settings.updates or 0
    assert isinstance(model, BertForMaskedLM)
    plain = {name for name, _ in model.named_parameters() if "LayerNorm" in name or name.endswith("bias")}
    groups = [
        {"params": [p for name, p in model.named_parameters() if name not in plain], "weight_decay": 0.01},
        {"params": [p for name, p in model.named_parameters() if name in plain], "weight_decay": 0.0},
    ]
    optimiser = torch.optim.AdamW(groups, lr=settings.learning_rate, fused=False, foreach=False)
    warm = round(settings.warmup * updates)
    losses = []
    for update in range(updates):
        first = update * settings.accumulation
        batches = [stream[index] for index in range(first, first + settings.accumulation)]
        count = sum(len(batch.targets) for batch in batches)
        total = 0.0
        for batch in batches:
            labels = torch.full(batch.inputs.shape, -100)
            labels.view(-1)[batch.targets] = torch.from_numpy(batch.gold)
            mask = torch.from_numpy((batch.inputs != 0).astype(np.int64))
            output = model(input_ids=torch.from_numpy(batch.inputs), attention_mask=mask, labels=labels)
            # The stock loss is the batch's mean; accumulated, every target of the update weighs the same.
            loss = output.loss * (len(batch.targets) / count)
            loss.backward()
            total += loss.item()
        torch.nn.utils.clip_grad_norm_(model.parameters(), settings.clip)
        rate = (update + 1) / warm if update < warm else 1 - (update - warm) / (updates - warm)
        for group in optimiser.param_groups:
            group["lr"] = settings.learning_rate * rate
        optimiser.step()
        optimiser.zero_grad()
        losses.append(total)
    return losses, model.state_dict()


@pytest.mark.parametrize("accumulation", [1, 3])
def test_it_is_the_training_that_anyone_would_write(tmp_path: Path, accumulation: int) -> None:
    fields = {"updates": 40, "accumulation": accumulation, "validations": 1}
    training = _Training(
        tmp_path,
        _SETTINGS.model_copy(update=fields),
        stream=make_stream({"en": _TEXTS["en"]}, sentences=12, parts=accumulation),
    )
    result = training.whole()
    losses, weights = _plain_training(training.stream, training.settings)
    ours = [point.losses["hard/en"] for point in result.record.losses]
    assert ours == pytest.approx(losses, abs=1e-4)
    assert np.mean(ours[-5:]) < np.mean(ours[:5]) - 0.1  # It learnt something.
    for name, value in weights.items():
        torch.testing.assert_close(result.weights[name], value, rtol=1e-3, atol=1e-4, msg=name)


@pytest.mark.parametrize("size", [{"sentences": 4}, {"tokens": 60}])
def test_batches_accumulated_are_one_large_batch(tmp_path: Path, size: dict[str, int]) -> None:
    """The same sentences and masks in every update, and so the same training, to rounding."""
    several = _SETTINGS.model_copy(update={"accumulation": 3})
    parts = make_stream(_TEXTS, **{"sentences": None, **size}, parts=3)
    whole = make_stream(_TEXTS, **{"sentences": None, **{name: 3 * number for name, number in size.items()}})
    assert parts.epoch_batches == 3 * whole.epoch_batches > 30
    one = _Training(tmp_path / "small", several, stream=parts).whole()
    other = _Training(tmp_path / "large", stream=whole).whole()
    assert one.record.tokens == other.record.tokens and one.record.sequences == other.record.sequences
    for mine, theirs in zip(one.record.losses, other.record.losses, strict=True):
        assert mine.losses == pytest.approx(theirs.losses, rel=1e-4)
    for name, value in other.weights.items():
        torch.testing.assert_close(one.weights[name], value, rtol=1e-3, atol=1e-4, msg=name)


def _teachers(stream: BatchStream) -> LabelSource:
    return OnlineTeachers({"eu": freeze(make_model(7), _CPU)}, stream, _CPU)


def _demanding(folder: Path) -> _Training:
    """A training with everything that a resume could lose: dropout, teachers, annealing, accumulation, best weights."""
    settings = _SETTINGS.model_copy(update={"accumulation": 2, "validations": 5})
    objective = Objective(weight=Annealed(start=1, end=0, shape="cosine"), temperature=2)
    return _Training(folder, settings, objective, labels=_teachers, dropout=0.1)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> _Result:
    """What the demanding training gives when nothing happens to it."""
    torch.set_num_threads(1)
    return _demanding(tmp_path_factory.mktemp("undisturbed")).whole()


@pytest.mark.parametrize("stops", [[1], [4, 5], [3, 9, 15], [16], [7, 8]])
def test_stopped_and_continued_it_ends_the_same(tmp_path: Path, undisturbed: _Result, stops: list[int]) -> None:
    training = _demanding(tmp_path)
    for at in stops:
        training.interrupted(at)
    training.whole().check_same(undisturbed)


@pytest.mark.parametrize("threads", [1, 2])
def test_in_bf16_it_continues_bit_for_bit_too(tmp_path: Path, threads: int) -> None:
    torch.set_num_threads(threads)
    results = []
    for stops in ([], [3, 12]):
        training = _demanding(tmp_path / f"{len(stops)} stops")
        training.settings = training.settings.model_copy(update={"precision": "bf16"})
        for at in stops:
            training.interrupted(at)
        results.append(training.whole())
    results[0].check_same(results[1])


def test_it_is_not_continued_under_other_conditions(tmp_path: Path) -> None:
    training = _demanding(tmp_path)
    training.interrupted(4)
    torch.set_num_threads(2)
    with pytest.raises(InputError, match="threads was 1, is 2"):
        training.whole()
    torch.set_num_threads(1)
    training.settings = training.settings.model_copy(update={"precision": "bf16"})
    with pytest.raises(InputError, match="precision was float32, is bfloat16"):
        training.whole()


def test_it_is_continued_under_other_conditions_where_that_is_said_and_its_record_says_so(tmp_path: Path) -> None:
    training = _demanding(tmp_path / "checkpoints" / "model")
    training.interrupted(4)
    accept_other_conditions(tmp_path)
    torch.set_num_threads(2)
    training.interrupted(6)
    torch.set_num_threads(1)
    told: list[str] = []
    record = training.whole(remark=told.append).record
    changes = ("after update 4: threads was 1, is 2", "after update 6: threads was 2, is 1")
    assert record.other_conditions == changes and record.updates_made == 16
    assert len(told) == 1 and changes[1] in told[0]


def test_killed_and_continued_it_ends_the_same(tmp_path: Path, undisturbed: _Result) -> None:
    training = _demanding(tmp_path)
    for at in (2, 3, 6, 11):
        training.killed(at)
        torch.manual_seed(at)  # Another process has another state.
    assert len(list(tmp_path.iterdir())) == 2
    training.whole().check_same(undisturbed)


@pytest.mark.parametrize("damage", ["truncate", "flip"])
def test_a_damaged_checkpoint_costs_only_the_way_from_the_one_before(
    tmp_path: Path, undisturbed: _Result, damage: str
) -> None:
    training = _demanding(tmp_path)
    training.interrupted(6)
    training.interrupted(10)
    newest = tmp_path / "update-000000010" / "tensors.safetensors"
    written = bytearray(newest.read_bytes())
    written[len(written) // 2] ^= 1
    newest.write_bytes(written if damage == "flip" else written[:-100])
    seen: list[Progress] = []
    training.whole(watch=seen.append).check_same(undisturbed)
    assert seen[0].update == 7


def test_watchers_see_every_update_and_every_point_once(tmp_path: Path, undisturbed: _Result) -> None:
    seen: list[Progress] = []
    points: list[LossPoint | ValidationPoint] = []
    result = _demanding(tmp_path).whole(watch=seen.append, record=points.append)
    result.check_same(undisturbed)
    assert [progress.update for progress in seen] == list(range(1, 17))
    assert seen[-1].tokens == sum(result.record.tokens.values())
    assert [point for point in points if isinstance(point, LossPoint)] == list(result.record.losses)
    assert [point for point in points if isinstance(point, ValidationPoint)] == list(result.record.validations)


def test_the_record_counts_what_was_read(undisturbed: _Result) -> None:
    record, stream = undisturbed.record, make_stream(_TEXTS)
    tokens = np.zeros((2, 2), dtype=np.int64)
    for index in range(32):
        batch = stream[index]
        np.add.at(tokens[0], batch.languages, 1)
        np.add.at(tokens[1], batch.languages, batch.lengths)
    assert list(record.sequences.values()) == tokens[0].tolist()
    assert list(record.tokens.values()) == tokens[1].tolist()
    assert (record.updates, record.updates_made, record.precision) == (16, 16, "float32")
    assert [point.update for point in record.validations][-1] == 16 and len(record.validations) == 5
    assert {name for point in record.losses for name in point.losses} == {"hard/en", "hard/eu", "soft/eu"}
    for language, point in ((name, record.validations[2]) for name in _VALIDATION):
        ranks, counts = undisturbed.ranks[language], undisturbed.ranks[f"{language}/counts"]
        assert ranks.shape == (5, len(_VALIDATION[language]))
        assert point.scores[language] == pytest.approx(100 * ranks[2].sum() / counts.sum())


def test_algorithms_are_deterministic_whoever_trains(tmp_path: Path) -> None:
    torch.use_deterministic_algorithms(False)  # as in a process of a user's
    try:
        _, trainer = _Training(tmp_path, _SETTINGS.model_copy(update={"updates": 1})).trainer()
        trainer.train()
        assert torch.are_deterministic_algorithms_enabled()
    finally:
        torch.use_deterministic_algorithms(True)


def test_a_batch_is_laid_out_once_an_update(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    laid_out: list[int] = []
    read = BatchStream.__getitem__

    def count(stream: BatchStream, index: int) -> Batch:
        laid_out.append(index)
        return read(stream, index)

    settings = _SETTINGS.model_copy(update={"updates": 3, "accumulation": 2})
    training = _Training(tmp_path, settings, stream=make_stream(_TEXTS, parts=2))
    monkeypatch.setattr(BatchStream, "__getitem__", count)
    training.whole()
    assert laid_out == list(range(6))


_ALWAYS = Annealed(start=1, end=1)


class _Looks(TorchDispatchMode):
    """Counts how often the program asks for a value that a device has computed, and would wait for it."""

    ASKING = (torch.ops.aten._local_scalar_dense.default, torch.ops.aten.nonzero.default, torch.ops.aten.equal.default)
    INDEXING = (torch.ops.aten.index.Tensor, torch.ops.aten.index_put.default, torch.ops.aten.index_put_.default)

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None) -> Any:
        by_mask = func in self.INDEXING and any(each is not None and each.dtype == torch.bool for each in args[1])
        self.count += func in self.ASKING or by_mask
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("beside", [{}, {"states": _ALWAYS, "layers": _ALWAYS, "relations": _ALWAYS}])
@pytest.mark.parametrize("accumulation", [1, 3])
def test_an_update_asks_for_one_number_however_many_batches_it_has(
    monkeypatch: pytest.MonkeyPatch, accumulation: int, beside: dict[str, Annealed]
) -> None:
    """As on a GPU, whose attention the models have here; a dropout of a CPU asks, and there is none."""
    stream = make_stream(_TEXTS, parts=accumulation)
    objective = Objective(weight=Annealed(start=1, end=0), temperature=2, beside=beside)
    models = [make_model(), *map(make_model, range(1, 1 + len(_TEXTS)))]
    for model in models:
        model.set_attn_implementation("on_gpu")
    teachers = dict(zip(_TEXTS, (freeze(model, _CPU) for model in models[1:]), strict=True))
    labels = OnlineTeachers(teachers, stream, _CPU, objective=objective, student=models[0].config)
    task = MaskedLM(stream, special=SPECIAL, validation={}, objective=objective, labels=labels)
    monkeypatch.setattr(MaskedLM, "validate", lambda task, model: None)
    settings = _SETTINGS.model_copy(update={"accumulation": accumulation, "validations": 1})
    asked: list[int] = []
    with _Looks() as looks, patch.object(loop, "_LOSS_POINTS", 1):
        watch = lambda progress: asked.append(looks.count)  # noqa: E731
        Trainer(models[0], task, settings, updates=6, seed=5, watch=watch).train()
    assert np.diff(asked[:5]).tolist() == [1, 1, 1, 1]  # the last has a validation besides


class _Spoilt:
    """Teachers whose answer about one batch is not a number."""

    def __init__(self, stream: BatchStream, bad: int) -> None:
        self._teachers, self._bad = _teachers(stream), bad

    def targets(self, batch: Batch) -> SoftTargets | None:
        soft = self._teachers.targets(batch)
        if soft is not None and batch.index >= self._bad:
            soft.logits[-1, 3] = float("-inf")
        return soft


def test_a_loss_that_is_not_a_number_stops_it_and_leaves_the_checkpoint(tmp_path: Path, undisturbed: _Result) -> None:
    training = _demanding(tmp_path)
    healthy = training.labels
    teachers, stream = _teachers(training.stream), training.stream
    bad = next(index for index in range(20, 30) if teachers.targets(stream[index]) is not None)
    training.labels = lambda stream: _Spoilt(stream, bad=20)
    with pytest.raises(InputError, match="the loss is not a number in update 11") as error:
        training.whole(checkpoint_seconds=0)
    assert error.value.where is not None
    assert error.value.where.startswith(f"epoch 0, batch {bad} (4 sequences of ") and "eu" in error.value.where
    training.labels = healthy
    seen: list[Progress] = []
    training.whole(watch=seen.append).check_same(undisturbed)
    assert seen[0].update == 11


def test_a_gradient_that_is_not_a_number_stops_it_too(tmp_path: Path) -> None:
    model, trainer = _Training(tmp_path, stream=make_stream(_TEXTS, sentences=12)).trainer()
    parameter = next(model.parameters())
    parameter.register_hook(lambda gradient: gradient / 0)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(InputError, match="the gradient is not a number in update 1"):
        trainer.train()
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


_WILD: dict[str, dict[str, float]] = {
    "one step too far": {"learning_rate": 1e30},
    "a decay that grows": {"learning_rate": 10, "weight_decay": 10},
}


@pytest.mark.parametrize("settings", _WILD.values(), ids=_WILD)
def test_weights_that_no_loss_can_be_computed_with_are_never_saved(tmp_path: Path, settings: dict[str, float]) -> None:
    _Training(tmp_path).interrupted(5)
    spoilt = _Training(tmp_path, settings=_SETTINGS.model_copy(update=settings))
    with pytest.raises(InputError, match=r"weights have grown beyond all bounds .* by update") as error:
        spoilt.whole(checkpoint_seconds=0)
    assert "the last checkpoint is intact" in error.value.what
    assert f"lower training.learning_rate (now {settings['learning_rate']:g})" in str(error.value.fix)
    assert _Training(tmp_path).whole().record.updates_made == 16  # it goes on from the last good one


def test_weights_that_are_no_numbers_are_no_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a validation would say of them."""
    monkeypatch.setattr(MaskedLM, "validate", _scripted([0.9, 0.9, 0.9], []))
    settings = _SETTINGS.model_copy(update={"updates": 3, "learning_rate": 1e38, "schedule": "constant", "warmup": 0.0})
    _, trainer = _Training(tmp_path, settings=settings).trainer()
    with pytest.raises(InputError, match=r"whose learning rate was 1e.38"):
        trainer.train()


def test_a_score_that_is_no_number_is_never_the_best(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MaskedLM, "validate", _scripted([math.nan, 0.9, 0.9], []))
    _, trainer = _Training(tmp_path).trainer()
    with pytest.raises(InputError, match=r"the score of the validation at update .* is no number"):
        trainer.train()


def _scripted(scores: list[float], seen: list[dict[str, torch.Tensor]]) -> Callable[[Any, PreTrainedModel], Validation]:
    """A validation that gives these scores, one after the other."""
    left = iter(scores)

    def validate(task: MaskedLM, model: PreTrainedModel) -> Validation:
        assert not model.training and not torch.is_grad_enabled()
        seen.append(copy.deepcopy(model.state_dict()))
        score = next(left)
        return Validation(dict.fromkeys(task.languages, score), dict.fromkeys(task.languages, 1.0))

    return validate


def test_the_best_weights_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[dict[str, torch.Tensor]] = []
    monkeypatch.setattr(MaskedLM, "validate", _scripted([0.1, 0.5, 0.5, 0.3], seen))
    result = _Training(tmp_path).whole()
    assert (result.record.best_update, result.record.updates_made) == (8, 16)
    assert all(torch.equal(value, seen[1][name]) for name, value in result.weights.items())
    assert any(not torch.equal(value, seen[3][name]) for name, value in result.weights.items())


def test_the_best_weights_survive_an_interruption(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[dict[str, torch.Tensor]] = []
    monkeypatch.setattr(MaskedLM, "validate", _scripted([0.1, 0.5, 0.2, 0.3], seen))
    training = _Training(tmp_path)
    training.interrupted(10)
    result = training.whole()
    assert result.record.best_update == 8
    assert all(torch.equal(value, seen[1][name]) for name, value in result.weights.items())


def test_losses_of_an_unfinished_point_survive_an_interruption(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "_LOSS_POINTS", 3)
    whole = _demanding(tmp_path / "whole").whole()
    assert [point.update for point in whole.record.losses] == [6, 11, 16]
    parts = _demanding(tmp_path / "parts")
    for at in (2, 9):
        parts.interrupted(at)
    parts.whole().check_same(whole)


def test_dropout_is_another_in_every_batch_and_every_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seeds: list[int] = []
    monkeypatch.setattr(loop, "seed_device", lambda device, seed: seeds.append(seed))
    for seed in (5, 6):
        settings = _SETTINGS.model_copy(update={"accumulation": 2})
        training = _Training(tmp_path, settings, stream=make_stream(_TEXTS, sentences=12, parts=2))
        training.trainer(seed=seed)[1].train()
    assert len(set(seeds)) == len(seeds) == 64


def test_it_stops_early_when_nothing_gets_better(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fields = {"validations": 8, "early_stopping": {"patience": 2}}
    training = _Training(tmp_path, TrainingSettings.model_validate({**_SETTINGS.model_dump(), **fields}))
    monkeypatch.setattr(MaskedLM, "validate", _scripted([0.1, 0.3, 0.2, 0.4, 0.4, 0.1, 0.9], []))
    result = training.whole()
    assert (result.record.best_update, result.record.updates_made, result.record.updates) == (8, 12, 16)
    assert len(result.record.validations) == 6


def test_a_training_that_has_ended_ends_again_at_once(tmp_path: Path, undisturbed: _Result) -> None:
    training = _demanding(tmp_path)
    training.interrupted(16)
    seen: list[Progress] = []
    training.whole(watch=seen.append).check_same(undisturbed)
    assert seen == []


def test_in_bf16_it_learns_as_well_as_in_fp32(tmp_path: Path) -> None:
    fields = {"updates": 40, "validations": 1}
    results = [
        _Training(tmp_path / precision, _SETTINGS.model_copy(update={**fields, "precision": precision})).whole()
        for precision in ("fp32", "bf16")
    ]
    losses = [result.record.validations[-1].losses for result in results]
    assert results[1].record.precision == "bfloat16"
    assert losses[0] == pytest.approx(losses[1], rel=0.02)
    assert all(value.dtype == torch.float32 for value in results[1].weights.values())


def test_a_validation_changes_nothing(tmp_path: Path) -> None:
    """Nothing is dropped out in it, and the training goes on as if there had been none."""
    results = []
    for validations in (1, 16):
        training = _Training(tmp_path / str(validations), dropout=0.5)
        training.settings = _SETTINGS.model_copy(update={"validations": validations})
        results.append(training.whole())
    few, many = (result.record for result in results)
    assert few.losses == many.losses and few.validations[-1] == many.validations[-1]


def test_another_kind_of_card_is_another_condition(monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for name in ("NVIDIA H200", "NVIDIA A100"):
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda device, name=name: name)
        found.append(current_conditions(torch.device("cuda"), torch.bfloat16))
    assert found[0]["device"] == "NVIDIA H200" and found[0] != found[1]
    assert current_conditions(_CPU, torch.bfloat16)["device"] == "cpu"


def test_threads_are_a_condition_where_they_compute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """On a card they do not; that a checkpoint of one says nothing of them is no difference."""
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "NVIDIA H200")
    found: dict[str, list[Conditions]] = {"cuda": [], "cpu": []}
    for threads in (16, 8):
        monkeypatch.setattr(torch, "get_num_threads", lambda threads=threads: threads)
        for device, conditions in found.items():
            conditions.append(current_conditions(torch.device(device), torch.bfloat16))
    folder = CheckpointFolder(tmp_path)
    assert changed_conditions(*found["cuda"], folder) == ""
    with pytest.raises(InputError, match="threads was 16, is 8"):
        changed_conditions(*found["cpu"], folder)
    with pytest.raises(InputError, match="conditions: device was NVIDIA H200, is cpu\n"):
        changed_conditions(found["cuda"][0], found["cpu"][0], folder)
