"""Rows for new vocabulary entries, for every architecture: what was there stays, a new one is the mean of its parts."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoConfig, AutoModelForMaskedLM

from equiglot.errors import InputError
from equiglot.models.extending import extend_weights
from tests.stock import ARCHITECTURES, biased, save_stock

PARTS = ((7, 9), (8, 9, 11), (12, 12))


def _extended(folder: Path, first: int, into: Path, rows: torch.Tensor | None = None) -> Path:
    into.mkdir()
    extend_weights(folder, first, PARTS, into, rows)
    return into


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_new_entry_is_the_mean_of_its_parts(architecture: str, tmp_path: Path) -> None:
    folder = biased(save_stock(tmp_path / "before", architecture))
    first = AutoConfig.from_pretrained(folder).vocab_size
    into = _extended(folder, first, tmp_path / "after")
    before, after = (load_file(each / "model.safetensors") for each in (folder, into))
    assert before.keys() == after.keys()
    grown = [name for name in before if before[name].shape != after[name].shape]
    assert any(before[name].dim() == 2 for name in grown) and any(before[name].dim() == 1 for name in grown)
    for name, tensor in after.items():
        assert torch.equal(tensor[:first] if name in grown else tensor, before[name]), name

    one, two = (AutoModelForMaskedLM.from_pretrained(each).eval() for each in (folder, into))
    assert two.config.vocab_size == first + len(PARTS) == two.get_input_embeddings().num_embeddings
    ids = torch.tensor([[7, 8, 20, 21, 9, 30]])
    with torch.no_grad():
        assert torch.equal(one.base_model(ids)[0], two.base_model(ids)[0])
        old, new = one(ids).logits, two(ids).logits
        torch.testing.assert_close(new[..., :first], old, rtol=0, atol=1e-5)
        for place, parts in enumerate(PARTS):
            torch.testing.assert_close(new[..., first + place], old[..., parts].mean(-1), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_other_rows_may_be_given_for_the_embeddings(architecture: str, tmp_path: Path) -> None:
    folder = save_stock(tmp_path / "before", architecture)
    first = AutoConfig.from_pretrained(folder).vocab_size
    width = AutoModelForMaskedLM.from_pretrained(folder).get_input_embeddings().embedding_dim
    rows = torch.randn(len(PARTS), width, generator=torch.Generator().manual_seed(3))
    model = AutoModelForMaskedLM.from_pretrained(_extended(folder, first, tmp_path / "after", rows))
    assert torch.equal(model.get_input_embeddings().weight[first:], rows)
    projection = model.get_output_embeddings()
    assert model.config.tie_word_embeddings is False or projection.weight is model.get_input_embeddings().weight


def test_rows_behind_the_last_entry_are_filled_first(tmp_path: Path) -> None:
    folder = save_stock(tmp_path / "before", "modernbert")
    size = AutoConfig.from_pretrained(folder).vocab_size
    for first, expected in ((size - 2, size + 1), (size - 9, size)):
        into = _extended(folder, first, tmp_path / f"after-{first}")
        model = AutoModelForMaskedLM.from_pretrained(into)
        table = AutoModelForMaskedLM.from_pretrained(folder).get_input_embeddings().weight
        new = model.get_input_embeddings().weight
        assert len(new) == expected and torch.equal(new[:first], table[:first])
        torch.testing.assert_close(new[first], table[list(PARTS[0])].mean(0))
        assert torch.equal(new[first + 3 :], table[first + 3 :])


def test_ids_that_the_model_does_not_have(tmp_path: Path) -> None:
    folder = save_stock(tmp_path / "before", "bert")
    size = AutoConfig.from_pretrained(folder).vocab_size
    with pytest.raises(InputError, match="the model knows only"):
        _extended(folder, size + 1, tmp_path / "after")
