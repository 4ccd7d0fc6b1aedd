"""Logits at the targets, of every architecture, against all logits of the model itself."""

import pytest
import torch
from torch import Tensor, nn
from transformers import AlbertConfig, AlbertForMaskedLM, AutoModelForMaskedLM, PreTrainedModel

from equiglot.errors import InputError
from equiglot.models import TensorBatch, head_parts, hidden_states, outputs, states_inside, target_logits
from tests.stock import ARCHITECTURES, TOKENIZERS, configuration, stock_model, train_tokenizer


def _batch(size: int, targets: list[int]) -> TensorBatch:
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randint(5, size, (3, 11), generator=generator)
    attention = torch.ones(3, 11, dtype=torch.bool)
    attention[1, 7:] = False
    places = torch.tensor(targets, dtype=torch.int64)
    return TensorBatch(inputs, attention, places, inputs.flatten()[places], torch.zeros_like(places))


@torch.no_grad()
def _all_logits(model: PreTrainedModel, batch: TensorBatch) -> Tensor:
    logits: Tensor = model(input_ids=batch.inputs, attention_mask=batch.attention).logits
    return logits.flatten(0, 1)


@pytest.mark.parametrize("targets", [[0, 4, 13, 31], [12], [], list(range(33))], ids=["some", "one", "none", "all"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
@torch.no_grad()
def test_target_logits_are_the_models_own(architecture: str, targets: list[int]) -> None:
    tokenizer = train_tokenizer(TOKENIZERS[architecture])
    model = stock_model(architecture, tokenizer=tokenizer)
    batch = _batch(len(tokenizer), targets)
    logits = target_logits(model, batch)
    assert logits.shape == (len(targets), len(tokenizer)) and logits.dtype == torch.float32
    torch.testing.assert_close(logits, _all_logits(model, batch)[batch.targets], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@torch.no_grad()
def test_the_projection_sees_the_targets_only(architecture: str) -> None:
    tokenizer = train_tokenizer(TOKENIZERS[architecture])
    model = stock_model(architecture, tokenizer=tokenizer)
    rows: list[int] = []
    projection = model.get_output_embeddings()
    assert isinstance(projection, nn.Linear)
    projection.register_forward_hook(lambda _, inputs, output: rows.append(output.shape[:-1].numel()))
    target_logits(model, _batch(len(tokenizer), [0, 4, 13]))
    assert len(rows) == 1 and rows[0] < 33
    rows.clear()
    model(input_ids=_batch(len(tokenizer), []).inputs)
    assert rows == [33], "and afterwards everything again"


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@torch.no_grad()
def test_the_parts_of_the_head_make_the_logits(architecture: str) -> None:
    tokenizer = train_tokenizer(TOKENIZERS[architecture])
    model = stock_model(architecture, tokenizer=tokenizer)
    batch = _batch(len(tokenizer), list(range(33)))
    prepare, project = head_parts(model)
    vectors = prepare(hidden_states(model, batch))
    assert vectors.shape == (3, 11, project.in_features)
    torch.testing.assert_close(project(vectors).flatten(0, 1), _all_logits(model, batch), rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_debertas_other_head_has_no_projection_to_find() -> None:
    torch.manual_seed(0)
    config = configuration("deberta-v2", 200, 0)
    config.legacy = False
    model = AutoModelForMaskedLM.from_config(config).eval()
    batch = _batch(200, [0, 4, 13])
    torch.testing.assert_close(target_logits(model, batch), _all_logits(model, batch)[batch.targets])
    with pytest.raises(InputError, match="'deberta-v2' are not supported"):
        head_parts(model)


@torch.no_grad()
def test_a_model_whose_projection_cannot_be_found_makes_all_logits() -> None:
    tokenizer = train_tokenizer("wordpiece")
    config = AlbertConfig(vocab_size=len(tokenizer), embedding_size=8, hidden_size=8, num_attention_heads=1)
    model = AlbertForMaskedLM(config).eval()
    batch = _batch(len(tokenizer), [0, 4, 13])
    expected = target_logits(model, batch)
    model.get_output_embeddings = lambda: None
    torch.testing.assert_close(target_logits(model, batch), expected)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@torch.no_grad()
def test_what_stands_inside_is_the_models_own(architecture: str) -> None:
    tokenizer = train_tokenizer(TOKENIZERS[architecture])
    model = stock_model(architecture, tokenizer=tokenizer)
    batch = _batch(len(tokenizer), [4, 13])
    states, inside = states_inside(model, batch)
    torch.testing.assert_close(states, hidden_states(model, batch))
    assert len(inside.layers) == model.config.num_hidden_layers + 1 and inside.layers[-1].equal(states)
    assert [each.shape for each in inside.attention] == [states.shape] * 3
    hooks = sum(len(module._forward_hooks) for module in model.modules())  # transformers keeps some of its own
    made = outputs(model, batch, inside=True)
    torch.testing.assert_close(made.logits, target_logits(model, batch))
    assert made.inside is not None and made.inside.attention[2].equal(inside.attention[2])
    assert sum(len(module._forward_hooks) for module in model.modules()) == hooks


@pytest.mark.parametrize("architecture", ["bert", "distilbert", "electra", "roberta", "xlm-roberta"])
@torch.no_grad()
def test_queries_and_keys_make_the_attention_of_the_last_layer(architecture: str) -> None:
    """Where nothing is added or rotated, against the attention that the model itself reports."""
    tokenizer = train_tokenizer(TOKENIZERS[architecture])
    model = stock_model(architecture, tokenizer=tokenizer)
    model.set_attn_implementation("eager")
    batch = _batch(len(tokenizer), [4])
    queries, keys, _ = states_inside(model, batch)[1].attention
    heads = model.config.num_attention_heads
    queries, keys = (each.unflatten(-1, (heads, -1)).transpose(1, 2) for each in (queries, keys))
    products = queries @ keys.transpose(-1, -2) / queries.shape[-1] ** 0.5
    assert batch.attention is not None
    products = products.masked_fill(~batch.attention[:, None, None], -torch.inf)
    reported = model.base_model(input_ids=batch.inputs, attention_mask=batch.attention, output_attentions=True)
    torch.testing.assert_close(products.softmax(-1), reported.attentions[-1], rtol=1e-4, atol=1e-5)
