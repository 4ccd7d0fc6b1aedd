"""What must hold on every device: each test runs on the CPU, and, marked `gpu`, on a CUDA card where there is one.

Bounds: against a model of float64 on the CPU, fp32 differs by no more than 1e-4 of a value, or 1e-5 where it is small.
"""

import copy
from pathlib import Path
from typing import Any, Literal

import pytest
import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from equiglot.labels import OnlineTeachers, StoredTeacher, StoredTeachers, StoreSettings, freeze, label_text, open_store
from equiglot.masking import BatchSettings, BatchStream, MaskSettings, Source
from equiglot.models import move_model, outputs, to_tensors
from equiglot.objectives import Annealed, Objective
from equiglot.training import CheckpointFolder, LabelSource, MaskedLM, Progress, Stopped, Trainer, TrainingSettings
from tests.stock import ARCHITECTURES, TOKENIZERS, stock_model, train_tokenizer
from tests.tiny import ENCODER, SPECIAL, VOCABULARY, make_model, make_stream, make_text

_CPU = torch.device("cpu")
_TEXTS = {"en": make_text(60), "eu": make_text(40, seed=1)}
_VALIDATION = {"en": make_text(12, seed=2)}
_SETTINGS = TrainingSettings(updates=8, learning_rate=3e-3, warmup=0.1, precision="fp32", validations=2)
_MIXED = Annealed(start=1, end=0)

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def device(request: pytest.FixtureRequest) -> torch.device:
    """The device that a test runs on."""
    if request.param == "cuda" and not torch.cuda.is_available():
        pytest.skip("no CUDA card")  # but an accelerator of another kind
    return torch.device(request.param)


def _model(device: torch.device, seed: int = 0, dropout: float = 0.0) -> PreTrainedModel:
    model = make_model(seed, ENCODER.model_copy(update={"dropout": dropout}))
    nn.Module.to(model, device)
    return model


def _gradients(model: PreTrainedModel, labels: LabelSource | None, objective: Objective, stream: BatchStream) -> Any:
    """Of the first batch: logits float32 [m, |V|], the loss, and every weight's gradient, all on the CPU."""
    batch = stream[0]
    tensors = to_tensors(batch, model.device)
    made = outputs(model, tensors)
    loss = objective.losses(made, tensors, labels.targets(batch) if labels else None, 0.4).total
    loss.backward()
    slopes = {name: each.grad.cpu().float() for name, each in model.named_parameters() if each.grad is not None}
    return made.logits.detach().cpu(), loss.detach().cpu(), slopes


def _check_close(found: Any, expected: Any, rtol: float = 1e-4, atol: float = 1e-5) -> None:
    torch.testing.assert_close(found, expected, rtol=rtol, atol=atol)


def test_a_batch_is_the_same_on_every_device(device: torch.device) -> None:
    stream = make_stream(_TEXTS)
    for index in range(4):
        batch, tensors = stream[index], to_tensors(stream[index], device)
        assert tensors.inputs.device.type == device.type
        assert tensors.inputs.cpu().numpy().tolist() == batch.inputs.tolist()
        assert tensors.targets.cpu().numpy().tolist() == batch.targets.tolist()
        assert tensors.gold.cpu().numpy().tolist() == batch.gold.tolist()
        real = (tensors.inputs != SPECIAL.padding) if tensors.attention is None else tensors.attention
        assert real.sum(dim=1).tolist() == batch.lengths.tolist()


@pytest.mark.parametrize("distilled", [False, True])
def test_logits_losses_and_gradients_are_those_of_float64(device: torch.device, distilled: bool) -> None:
    stream = make_stream(_TEXTS)
    objective = Objective(weight=_MIXED, temperature=2) if distilled else Objective()
    teachers = {where: freeze(_model(where, 7), where) for where in (device, _CPU)}
    labels = {where: OnlineTeachers({"eu": teacher}, stream, where) for where, teacher in teachers.items()}
    exact = _model(_CPU).double()
    expected = _gradients(exact, labels[_CPU] if distilled else None, objective, stream)
    found = _gradients(_model(device), labels[device] if distilled else None, objective, stream)
    assert expected[2].keys() == found[2].keys()
    _check_close(found, expected)


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_architecture_learns_with_the_same_bits(
    device: torch.device, architecture: str, precision: torch.dtype
) -> None:
    """Stock models with dropout, on padded batches: kernels that are not deterministic are refused by PyTorch."""
    tokenizer = train_tokenizer(TOKENIZERS[architecture])
    first = stock_model(architecture, tokenizer=tokenizer)
    batch = make_stream({"en": make_text(40)}, sentences=8)[0]
    found = []
    for _ in range(2):
        model = move_model(copy.deepcopy(first), device).train()
        tensors = to_tensors(batch, device)
        torch.manual_seed(3)
        with torch.autocast(device.type, precision, enabled=precision is torch.bfloat16):
            logits = outputs(model, tensors).logits
        nn.functional.cross_entropy(logits, tensors.gold).backward()
        found.append([each.grad.cpu() for each in model.parameters() if each.grad is not None])
    assert found[0] and all(torch.equal(one, other) for one, other in zip(*found, strict=True))
    exact = outputs(copy.deepcopy(first).double().eval(), to_tensors(batch, _CPU)).logits
    logits = outputs(move_model(first.eval(), device), to_tensors(batch, device)).logits
    _check_close(logits.detach().cpu(), exact.detach().float(), atol=1e-4)


def _trained(folder: Path, device: torch.device, stream: BatchStream, stops: list[int], **fields: Any) -> Any:
    """Trains, stopped after some updates and continued as a new process would; the record and the weights."""
    settings, demanding = _SETTINGS.model_copy(update=fields), "precision" in fields

    def trainer(**options: Any) -> tuple[PreTrainedModel, Trainer]:
        model = _model(device, dropout=0.1 if demanding else 0.0)
        labels = OnlineTeachers({"eu": freeze(_model(device, 7), device)}, stream, device) if demanding else None
        objective = Objective(weight=_MIXED, temperature=2) if demanding else Objective()
        task = MaskedLM(stream, special=SPECIAL, validation=_VALIDATION, labels=labels, objective=objective)
        given = {"updates": settings.updates or 0, "seed": 5, "checkpoint_seconds": 1e9, **options}
        return model, Trainer(model, task, settings, checkpoints=CheckpointFolder(folder), **given)

    for at in stops:
        seen: list[Progress] = []
        with pytest.raises(Stopped):
            trainer(watch=seen.append, stop=lambda seen=seen, at=at: seen[-1].update >= at)[1].train()
        torch.manual_seed(at)  # another process has another state
    model, last = trainer()
    record = last.train().model_copy(update={"seconds": 0})
    weights: dict[str, Tensor] = copy.deepcopy(model.state_dict())
    return record, weights


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_stopped_and_continued_it_ends_the_same_bit_for_bit(
    tmp_path: Path, device: torch.device, precision: Literal["fp32", "bf16"]
) -> None:
    """With dropout, a teacher, annealing and accumulation."""
    stream = make_stream(_TEXTS)
    results = [
        _trained(tmp_path / name, device, stream, stops, accumulation=2, precision=precision)
        for name, stops in (("whole", []), ("stopped", [3, 5]))
    ]
    assert results[0][0] == results[1][0]
    assert all(torch.equal(value, results[1][1][name]) for name, value in results[0][1].items())


def test_batches_accumulated_are_one_large_batch(tmp_path: Path, device: torch.device) -> None:
    parts, whole = make_stream(_TEXTS, sentences=4, parts=3), make_stream(_TEXTS, sentences=12)
    one, weights = _trained(tmp_path / "small", device, parts, [], accumulation=3)
    other, expected = _trained(tmp_path / "large", device, whole, [])
    assert one.tokens == other.tokens
    for mine, theirs in zip(one.losses, other.losses, strict=True):
        assert mine.losses == pytest.approx(theirs.losses, rel=1e-4)
    for name, value in expected.items():
        torch.testing.assert_close(weights[name], value, rtol=1e-3, atol=1e-4, msg=name)


def test_stored_labels_teach_what_a_teacher_says_now(tmp_path: Path, device: torch.device) -> None:
    """All words are stored, in fp32: gradients differ by rounding."""
    source = Source("en", make_text(30), SPECIAL, MaskSettings(), 0, draws=2)
    stream = BatchStream([source], [{"en": 2.0}], size=BatchSettings(sentences=4), special=SPECIAL, seed=0)
    teacher, objective = freeze(_model(device, 1), device), Objective(weight=_MIXED, temperature=2)
    kept = StoreSettings(k=VOCABULARY, draws=2, temperature=2, precision="fp32")
    label_text(teacher, source, SPECIAL, kept, {}, tmp_path / "en")
    stored = StoredTeachers({0: [StoredTeacher(open_store(tmp_path / "en"))]}, stream, objective, VOCABULARY, device)
    found = _gradients(_model(device, 9), stored, objective, stream)
    expected = _gradients(_model(device, 9), OnlineTeachers({"en": teacher}, stream, device), objective, stream)
    _check_close(found[2], expected[2], rtol=1e-3)


def test_sampled_labels_are_the_same_every_time(tmp_path: Path, device: torch.device) -> None:
    source = Source("en", make_text(10), SPECIAL, MaskSettings(), 0)
    stores = []
    for name in ("first", "second"):
        label_text(
            freeze(_model(device, 1), device), source, SPECIAL, StoreSettings(k=4, samples=6), {}, tmp_path / name
        )
        files = sorted(path for path in (tmp_path / name).rglob("*") if path.is_file() and path.suffix != ".json")
        stores.append([path.read_bytes() for path in files])
    assert stores[0] and stores[0] == stores[1]
