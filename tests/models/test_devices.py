"""What a CUDA card needs, as far as a machine without one can say."""

import numpy as np
import pytest
import torch
from transformers import PreTrainedModel

from equiglot.errors import InputError
from equiglot.models import (
    TensorBatch,
    devices,
    fix_workspace,
    move_array,
    outputs,
    seed_device,
    use_deterministic_algorithms,
)
from tests.tiny import ENCODER, VOCABULARY, make_model

_CPU, _CUDA = torch.device("cpu"), torch.device("cuda")


def test_on_a_cpu_an_array_is_not_copied() -> None:
    array = np.arange(5)
    tensor = move_array(array, _CPU)
    array[0] = 7
    assert tensor.tolist() == [7, 1, 2, 3, 4]


def test_the_workspace_of_cublas_is_fixed_before_cuda_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: False)
    fix_workspace()
    use_deterministic_algorithms(_CUDA)
    assert torch.are_deterministic_algorithms_enabled()


@pytest.mark.parametrize("given", [None, ":0:0"])
def test_where_cuda_was_begun_without_one_it_is_refused(monkeypatch: pytest.MonkeyPatch, given: str | None) -> None:
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    if given is not None:
        monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", given)
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    fix_workspace()
    with pytest.raises(InputError, match="fixed workspace of cuBLAS") as error:
        use_deterministic_algorithms(_CUDA)
    assert "CUBLAS_WORKSPACE_CONFIG=:4096:8" in str(error.value.fix)
    use_deterministic_algorithms(_CPU)  # which has no cuBLAS


def test_a_seed_draws_as_torch_would_and_nothing_is_noted() -> None:
    torch.manual_seed(5)
    expected, noted = torch.rand(3), len(torch.cuda._queued_calls)
    seed_device(_CPU, 5)
    assert torch.equal(torch.rand(3), expected) and len(torch.cuda._queued_calls) == noted


def _batch(padded: bool) -> TensorBatch:
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randint(5, VOCABULARY, (6, 20), generator=generator)
    attention = torch.arange(20) < torch.tensor([20, 3, 11, 20, 7, 15])[:, None]
    targets = attention.flatten().nonzero().flatten()[::3]
    return TensorBatch(inputs, attention if padded else None, targets, targets, targets)


def _made(model: PreTrainedModel, attention: str, padded: bool) -> tuple[torch.Tensor, list[torch.Tensor]]:
    model.set_attn_implementation(attention)
    model.zero_grad()
    logits = outputs(model, _batch(padded)).logits
    logits.square().mean().backward()
    return logits.detach(), [each.grad.clone() for each in model.parameters() if each.grad is not None]


@pytest.mark.parametrize("padded", [True, False])
@pytest.mark.parametrize("architecture", ["bert", "electra", "modernbert"])
def test_attention_is_that_of_transformers(architecture: str, padded: bool) -> None:
    model = make_model(1, ENCODER.model_copy(update={"architecture": architecture, "hidden_size": 32}))
    if architecture == "modernbert":
        model.config.sliding_window = 4  # local attention in some of its layers
    model.train()
    ours, theirs = (_made(model, name, padded) for name in (devices._ATTENTION, "sdpa"))
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-7)
