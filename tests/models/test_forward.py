"""The shortened forward pass and the attention of ours, against the stock model."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from transformers import AlbertConfig, AlbertForMaskedLM, BertForMaskedLM

from equiglot.errors import InputError
from equiglot.masking import Batch
from equiglot.models import head_parts, hidden_states, prepare_for_cpu, target_logits, to_tensors
from tests.tiny import VOCABULARY, make_model, make_stream, make_text

_CPU = torch.device("cpu")
_STREAM = make_stream({"en": make_text(200), "eu": make_text(40, seed=1)}, sentences=6)


def _stock_logits(model: BertForMaskedLM, batch: Batch) -> torch.Tensor:
    """All logits of the unchanged model at the targets, float32 [m, |V|]."""
    attention = torch.from_numpy((np.arange(batch.inputs.shape[1]) < batch.lengths[:, None]).astype(np.int64))
    logits = model(input_ids=torch.from_numpy(batch.inputs), attention_mask=attention).logits
    at_targets: torch.Tensor = logits.reshape(-1, VOCABULARY)[torch.from_numpy(batch.targets)]
    return at_targets


def _batches(padded: bool) -> list[Batch]:
    batches = [_STREAM[index] for index in range(_STREAM.epoch_batches)]
    return [batch for batch in batches if batch.padded == padded and len(batch.targets)][:4]


@pytest.mark.parametrize("padded", [True, False])
@pytest.mark.parametrize("ours", [True, False])
def test_logits_at_the_targets_are_those_of_the_stock_model(padded: bool, ours: bool) -> None:
    model, stock = make_model().eval(), make_model().eval()
    assert isinstance(stock, BertForMaskedLM)
    if ours:
        prepare_for_cpu(model)
    assert len(_batches(padded)) > 1
    for batch in _batches(padded):
        logits = target_logits(model, to_tensors(batch, _CPU))
        torch.testing.assert_close(logits, _stock_logits(stock, batch), rtol=1e-5, atol=1e-6)


def test_gradients_are_those_of_the_stock_model() -> None:
    model, stock = make_model(), make_model()
    assert isinstance(stock, BertForMaskedLM)
    prepare_for_cpu(model)
    batch = _batches(padded=True)[0]
    target_logits(model, to_tensors(batch, _CPU)).square().sum().backward()
    _stock_logits(stock, batch).square().sum().backward()
    for (name, ours), theirs in zip(model.named_parameters(), stock.parameters(), strict=True):
        if theirs.grad is not None and ours.grad is not None:
            torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-4, atol=1e-5, msg=name)
        assert (ours.grad is None) == (theirs.grad is None)


@pytest.mark.parametrize("activation", ["gelu", "left to transformers"])
def test_under_autocast_the_logits_stay_near(activation: str) -> None:
    model, stock = make_model().eval(), make_model().eval()
    assert isinstance(stock, BertForMaskedLM)
    model.config.hidden_act = activation  # decides who computes the layers; they are built already
    prepare_for_cpu(model)
    batch = _batches(padded=True)[0]
    with torch.autocast("cpu", torch.bfloat16):
        logits = target_logits(model, to_tensors(batch, _CPU))
    assert logits.dtype == torch.float32
    exact = _stock_logits(stock, batch)
    assert not torch.equal(logits, exact)
    torch.testing.assert_close(logits, exact, rtol=0.05, atol=0.02)


def test_what_stands_in_the_padding_does_not_matter() -> None:
    model = make_model().eval()
    batch = _batches(padded=True)[0]
    before = target_logits(model, to_tensors(batch, _CPU))
    inputs = batch.inputs.copy()
    inputs[np.arange(inputs.shape[1]) >= batch.lengths[:, None]] = 17
    other = replace(batch, inputs=inputs)
    torch.testing.assert_close(target_logits(model, to_tensors(other, _CPU)), before)


def test_tensors_say_the_language_of_each_target() -> None:
    batch = _batches(padded=True)[0]
    tensors = to_tensors(batch, _CPU)
    assert tensors.attention is not None and tensors.attention.sum(dim=1).tolist() == batch.lengths.tolist()
    rows = [target // batch.inputs.shape[1] for target in batch.targets.tolist()]
    assert tensors.languages.tolist() == [batch.languages[row] for row in rows]
    assert to_tensors(_batches(padded=False)[0], _CPU).attention is None


def test_hidden_states_and_head_make_the_logits() -> None:
    model, batch = make_model().eval(), to_tensors(_batches(padded=True)[0], _CPU)
    prepare, project = head_parts(model)
    states = hidden_states(model, batch)
    assert states.shape == (*batch.inputs.shape, model.config.hidden_size)
    whole = project(prepare(states)).flatten(0, 1)[batch.targets]
    torch.testing.assert_close(target_logits(model, batch), whole)


def test_an_unknown_architecture_is_refused() -> None:
    config = AlbertConfig(vocab_size=20, embedding_size=8, hidden_size=8, num_attention_heads=1, intermediate_size=8)
    model = AlbertForMaskedLM(config)
    with pytest.raises(InputError, match="'albert'"):
        head_parts(model)
