"""Attention and dropout of models that are trained on a CPU, against those of transformers."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional
from transformers import AutoModelForMaskedLM, BertConfig, ElectraConfig, PreTrainedModel

from equiglot.models import cpu, prepare_for_cpu
from equiglot.models.cpu import dropout_mask

ROWS, WIDTH = 7, 19


KINDS = {"bert": {}, "electra": {"embedding_size": 64}, "electra, narrow": {"embedding_size": 24}}


def make(dropout: float = 0.0, *, heads: int = 4, kind: str = "bert", **changes: object) -> PreTrainedModel:
    """A model whose biases and norms are no longer at their initial zeros and ones."""
    torch.manual_seed(1)
    settings = {"hidden_dropout_prob": dropout, "attention_probs_dropout_prob": dropout, **KINDS[kind], **changes}
    configuration = BertConfig if kind == "bert" else ElectraConfig
    model = AutoModelForMaskedLM.from_config(
        configuration(
            vocab_size=300,
            hidden_size=64,
            num_hidden_layers=3,
            num_attention_heads=heads,
            intermediate_size=160,
            max_position_embeddings=40,
            initializer_range=0.1,
            **settings,
        )
    )
    for name, parameter in model.named_parameters():
        if parameter.dim() == 1:
            torch.nn.init.normal_(parameter, mean=float(name.endswith("LayerNorm.weight")), std=0.1)
    return model.train()


def rows(padded: bool) -> tuple[torch.Tensor, torch.Tensor | None]:
    torch.manual_seed(2)
    inputs = torch.randint(5, 300, (ROWS, WIDTH))
    lengths = torch.randint(5, WIDTH, (ROWS,))
    return inputs, (torch.arange(WIDTH) < lengths[:, None]) if padded else None


def states_and_gradients(model, compute, attention, autocast: bool):
    torch.manual_seed(3)
    wanted = torch.randn(ROWS, WIDTH, 64)
    if attention is not None:
        wanted = wanted * attention[:, :, None]
    model.zero_grad()
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        states = compute()
    states.float().backward(wanted)
    gradients = {name: each.grad.clone() for name, each in model.named_parameters() if each.grad is not None}
    return states.detach().float(), gradients


def distance(first: torch.Tensor, second: torch.Tensor) -> float:
    return float((first - second).norm() / second.norm())


def plain(model, inputs, attention):
    return model.base_model(input_ids=inputs, attention_mask=attention).last_hidden_state


def encode(model, inputs, attention):
    prepare_for_cpu(model)
    return plain(model, inputs, attention)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("padded", [False, True])
def test_states_and_gradients_are_those_of_transformers(padded, kind):
    model, (inputs, attention) = make(kind=kind), rows(padded)
    there, expected = states_and_gradients(model, lambda: plain(model, inputs, attention), attention, False)
    here, found = states_and_gradients(model, lambda: encode(model, inputs, attention), attention, False)
    real = slice(None) if attention is None else attention
    assert distance(here[real], there[real]) < 1e-6
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        if "key.bias" in name:  # zero but for rounding: it moves all of a row's scores alike
            assert found[name].norm() < 1e-4 * expected[name.replace("key", "query")].norm()
        else:
            assert distance(found[name], gradient) < 1e-5, name


@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("sharpness", [1, 6])
@pytest.mark.parametrize("kind", ["bert", "electra, narrow"])
def test_in_bf16_they_are_as_near_to_fp32_as_those_of_eager_attention(padded, sharpness, kind):
    model, (inputs, attention) = make(kind=kind), rows(padded)
    with torch.no_grad():
        for layer in model.base_model.encoder.layer:
            layer.attention.self.query.weight.mul_(sharpness)
            layer.attention.self.key.weight.mul_(sharpness)
    exact, expected = states_and_gradients(model, lambda: plain(model, inputs, attention), attention, False)
    model.set_attn_implementation("eager")
    there, usual = states_and_gradients(model, lambda: plain(model, inputs, attention), attention, True)
    here, found = states_and_gradients(model, lambda: encode(model, inputs, attention), attention, True)
    real = slice(None) if attention is None else attention
    assert distance(here[real], exact[real]) < 1.5 * distance(there[real], exact[real])
    for name, gradient in expected.items():
        if "key.bias" not in name:
            assert distance(found[name], gradient) < 1.5 * distance(usual[name], gradient) + 1e-3, name


def test_no_gradient_no_graph():
    model, (inputs, attention) = make(), rows(True)
    with torch.no_grad():
        assert encode(model, inputs, attention).grad_fn is None


def plain_with_masks(model, inputs, attention, masks):
    """A plain BERT or ELECTRA whose dropout is given."""
    kept = iter(masks)
    hidden_rate = model.config.hidden_dropout_prob
    attention_rate = model.config.attention_probs_dropout_prob

    def drop(values, rate=hidden_rate):
        return values * next(kept).view(values.shape).float() / (1 - rate) if rate else values

    embeddings, heads = model.base_model.embeddings, model.config.num_attention_heads
    states = embeddings.word_embeddings(inputs) + embeddings.position_embeddings.weight[:WIDTH]
    states = drop(embeddings.LayerNorm(states + embeddings.token_type_embeddings.weight[0]))
    states = getattr(model.base_model, "embeddings_project", torch.nn.Identity())(states)
    for layer in model.base_model.encoder.layer:
        own, attended = layer.attention.self, layer.attention.output
        parts = [each(states).view(ROWS, WIDTH, heads, -1).transpose(1, 2) for each in (own.query, own.key, own.value)]
        scores = parts[0] @ parts[1].mT / math.sqrt(parts[0].shape[-1])
        scores = scores.masked_fill(~attention[:, None, None, :], -math.inf)
        probabilities = drop(scores.softmax(-1), attention_rate)
        context = probabilities @ parts[2]
        context = attended.dense(context.transpose(1, 2).reshape(ROWS, WIDTH, -1))
        states = attended.LayerNorm(states + drop(context))
        up = functional.gelu(layer.intermediate.dense(states))
        states = layer.output.LayerNorm(states + drop(layer.output.dense(up)))
    return states


@pytest.mark.parametrize("heads", [1, 4])
@pytest.mark.parametrize("rates", [(0.3, 0.3), (0.3, 0.0), (0.0, 0.3)])
@pytest.mark.parametrize(("autocast", "bound"), [(False, 1e-5), (True, 0.06)])
@pytest.mark.parametrize("kind", ["bert", "electra, narrow"])
def test_dropout_reaches_what_it_reaches_in_transformers(monkeypatch, heads, rates, autocast, bound, kind):
    hidden, probabilities = rates
    model = make(heads=heads, kind=kind, hidden_dropout_prob=hidden, attention_probs_dropout_prob=probabilities)
    inputs, attention = rows(True)
    masks = []

    def kept(shape, dtype, rate):
        masks.append(dropout_mask(shape, dtype, rate))
        return masks[-1]

    monkeypatch.setattr(cpu, "dropout_mask", kept)
    here, found = states_and_gradients(model, lambda: encode(model, inputs, attention), attention, autocast)
    layers_of = model.config.num_hidden_layers
    assert len(masks) == (1 + 2 * layers_of) * bool(hidden) + layers_of * bool(probabilities)
    there, expected = states_and_gradients(
        model, lambda: plain_with_masks(model, inputs, attention, masks), attention, False
    )
    assert distance(here[attention], there[attention]) < bound
    for name, gradient in expected.items():
        if "key.bias" not in name:
            assert distance(found[name], gradient) < bound, name


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (5, 1)])
def test_one_row_and_one_token(shape):
    model, inputs = make(), torch.full(shape, 7)
    with torch.no_grad():
        there = plain(model, inputs, None)
        assert distance(encode(model, inputs, None), there) < 1e-6


def test_frozen_weights_get_no_gradient():
    model, (inputs, attention) = make(), rows(True)
    model.base_model.encoder.layer[1].requires_grad_(False)
    _, found = states_and_gradients(model, lambda: encode(model, inputs, attention), attention, False)
    assert not any("layer.1." in name for name in found)
    assert any("layer.0." in name for name in found)


def test_no_dropout_in_evaluation_mode():
    model, (inputs, attention) = make(dropout=0.5).eval(), rows(False)
    with torch.no_grad():
        assert torch.equal(encode(model, inputs, attention), encode(model, inputs, attention))


def test_the_seed_of_torch_decides_about_dropout():
    model, (inputs, attention) = make(dropout=0.5), rows(False)
    states = []
    for seed in (5, 5, 6):
        torch.manual_seed(seed)
        states.append(encode(model, inputs, attention).detach())
    assert torch.equal(states[0], states[1])
    assert not torch.equal(states[0], states[2])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_a_mask_drops_its_share(dtype, rate):
    torch.manual_seed(4)
    mask = dropout_mask((3, 1001, 333), dtype, rate)
    assert mask.dtype == dtype
    assert mask.shape == (3, 1001, 333)
    assert set(mask.unique().tolist()) == {0.0, 1.0}
    error = math.sqrt(rate * (1 - rate) / mask.numel())
    assert abs((mask == 0).float().mean().item() - rate) < 5 * error + 2**-16
    # neighbours, and the four elements of a random word, are independent
    flat = mask.float().flatten().numpy()
    for step in (1, 2, 4, 333):
        assert abs(np.corrcoef(flat[:-step], flat[step:])[0, 1]) < 5 / math.sqrt(len(flat))


def test_masks_differ_from_each_other():
    assert not torch.equal(*(dropout_mask((100,), torch.float32, 0.5) for _ in range(2)))


@pytest.mark.parametrize("autocast", [False, True])
def test_hidden_states_of_every_layer_and_their_gradients_are_those_of_transformers(autocast):
    model, (inputs, attention) = make(), rows(True)

    def every_layer():
        output = model.base_model(input_ids=inputs, attention_mask=attention, output_hidden_states=True)
        assert len(output.hidden_states) == 4
        return torch.stack([states.float() for states in output.hidden_states]).sum(0)

    there, expected = states_and_gradients(model, every_layer, attention, False)
    prepare_for_cpu(model)
    here, found = states_and_gradients(model, every_layer, attention, autocast)
    bound = 0.06 if autocast else 1e-5
    assert distance(here[attention], there[attention]) < bound
    for name, gradient in expected.items():
        if "key.bias" not in name:
            assert distance(found[name], gradient) < bound, name


def test_a_token_that_sees_none_spoils_nothing():
    model, (inputs, _) = make(), rows(False)
    nothing = torch.zeros(ROWS, WIDTH, dtype=torch.bool)
    states, gradients = states_and_gradients(model, lambda: encode(model, inputs, nothing), None, False)
    assert all(torch.isfinite(each).all() for each in (states, *gradients.values()))


def test_all_dropout_modules_are_exchanged_and_keep_their_mode():
    model = make(dropout=0.3).eval()
    prepare_for_cpu(model)
    prepare_for_cpu(model)
    modules = [each for each in model.modules() if isinstance(each, torch.nn.Dropout)]
    assert len(modules) == 1 + 3 * 3
    assert all(type(each) is cpu.CheapDropout and each.p == 0.3 and not each.training for each in modules)
