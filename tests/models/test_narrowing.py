"""Narrower models: what is taken of every matrix, the best embeddings of a width, and what cannot be narrowed."""

from pathlib import Path
from typing import Literal

import pytest
import torch
from transformers import AlbertConfig, AutoModelForMaskedLM

from equiglot.errors import InputError
from equiglot.models import EncoderSettings, Part, build_model, take_part
from equiglot.models.narrowing import NARROWED
from tests.stock import TOKENIZERS, stock_model, train_tokenizer
from tests.tiny import PADDING, VOCABULARY

_BOTH: tuple[Literal["svd", "cut"], ...] = ("svd", "cut")
_KINDS = [kind for kind in NARROWED if kind in TOKENIZERS]


def _model(kind: str) -> torch.nn.Module:
    return stock_model(kind, tokenizer=train_tokenizer(TOKENIZERS[kind]))


@pytest.mark.parametrize("by", _BOTH)
@pytest.mark.parametrize("kind", _KINDS)
@torch.no_grad()
def test_a_narrow_model_reads_as_any_other(kind: str, by: Literal["svd", "cut"], tmp_path: Path) -> None:
    wide = _model(kind)
    heads, width = wide.config.num_attention_heads, wide.config.hidden_size
    narrow = take_part(wide, Part(width=width // heads, by=by), where="here").eval()
    assert (narrow.config.hidden_size, narrow.config.num_attention_heads) == (width // heads, 1)
    narrow.save_pretrained(tmp_path)
    stock, inputs = AutoModelForMaskedLM.from_pretrained(tmp_path).eval(), torch.arange(5, 20)[None]
    logits = narrow(input_ids=inputs).logits
    torch.testing.assert_close(stock(input_ids=inputs).logits, logits)
    assert logits.isfinite().all() and narrow.num_parameters() < wide.num_parameters() / 2
    assert narrow.get_input_embeddings().weight.data_ptr() == narrow.get_output_embeddings().weight.data_ptr()


@pytest.mark.parametrize("kind", _KINDS)
@torch.no_grad()
def test_cut_to_its_own_width_it_is_the_same(kind: str) -> None:
    wide = _model(kind)
    same = take_part(wide, Part(width=wide.config.hidden_size, by="cut"), where="here")
    assert same is not wide
    for name, value in wide.state_dict().items():
        assert same.state_dict()[name].equal(value), name


def test_what_is_cut_of_every_matrix() -> None:
    settings = EncoderSettings(layers=1, heads=4, hidden_size=32, max_length=16, architecture="modernbert")
    wide = build_model(settings, VOCABULARY, padding=PADDING, seed=1)
    ours, theirs = take_part(wide, Part(width=16, by="cut"), where="here").state_dict(), wide.state_dict()
    layer, inner = "model.layers.0.", wide.config.intermediate_size
    queries, keys, values = theirs[layer + "attn.Wqkv.weight"].split(32)
    assert ours[layer + "attn.Wqkv.weight"].equal(torch.cat([each[:16, :16] for each in (queries, keys, values)]))
    gate = theirs[layer + "mlp.Wi.weight"]
    half = inner // 2
    assert ours[layer + "mlp.Wi.weight"].equal(torch.cat([gate[:half, :16], gate[inner : inner + half, :16]]))
    assert ours[layer + "mlp.Wo.weight"].equal(theirs[layer + "mlp.Wo.weight"][:16, :half])
    assert ours["decoder.bias"].equal(theirs["decoder.bias"])


@torch.no_grad()
def test_embeddings_are_the_nearest_of_their_width() -> None:
    """Eckart and Young: what the narrow rows can be rotated back to is as near as any matrix of that rank."""
    wide = build_model(
        EncoderSettings(layers=1, heads=4, hidden_size=32, max_length=16), VOCABULARY, padding=PADDING, seed=1
    )
    narrow = take_part(wide, Part(width=16), where="here")
    own, theirs = (model.get_input_embeddings().weight for model in (narrow, wide))
    singular = torch.linalg.svdvals(theirs)
    lost = theirs.square().sum() - own.square().sum()
    torch.testing.assert_close(lost, singular[16:].square().sum(), rtol=1e-4, atol=1e-5)
    again = take_part(wide, Part(width=16), where="here")
    assert all(value.equal(again.state_dict()[name]) for name, value in narrow.state_dict().items())
    # The products of narrow embeddings with what reads them are those of the wide ones, rotated into the same plane.
    basis = torch.linalg.lstsq(theirs, own).solution
    query = "bert.encoder.layer.0.attention.self.query.weight"
    torch.testing.assert_close(
        narrow.state_dict()[query], (wide.state_dict()[query] @ basis)[:16], rtol=1e-3, atol=1e-5
    )


def test_what_cannot_be_narrowed_is_refused() -> None:
    wide = build_model(
        EncoderSettings(layers=1, heads=4, hidden_size=32, max_length=16), VOCABULARY, padding=PADDING, seed=1
    )
    for width in (12, 40):
        with pytest.raises(InputError, match="does not fit") as refused:
            take_part(wide, Part(width=width), where="here")
        assert "8, 16, 24, 32" in str(refused.value.fix)
    config = AlbertConfig(vocab_size=20, embedding_size=8, hidden_size=8, num_attention_heads=1, intermediate_size=8)
    with pytest.raises(InputError, match="cannot be made narrower"):
        take_part(AutoModelForMaskedLM.from_config(config), Part(width=8), where="here")
