"""A folder as the model that was saved there: nothing is made up, nothing dropped."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import AutoConfig, AutoModel, BertForSequenceClassification, PreTrainedModel

from equiglot.errors import InputError
from equiglot.models.whole import load_whole
from tests.stock import ARCHITECTURES, save_stock

Weights = dict[str, Tensor]


def _rewritten(folder: Path, change: Callable[[Weights], Weights]) -> Path:
    save_file(change(load_file(folder / "model.safetensors")), folder / "model.safetensors", {"format": "pt"})
    return folder


def _without(*parts: str) -> Callable[[Weights], Weights]:
    return lambda weights: {name: each for name, each in weights.items() if not any(part in name for part in parts)}


def _save(model: PreTrainedModel, folder: Path) -> Path:
    model.save_pretrained(folder)
    return folder


@pytest.fixture
def masked(tmp_path: Path) -> Path:
    return save_stock(tmp_path / "masked", "bert")


@pytest.fixture
def classifier(masked: Path, tmp_path: Path) -> Path:
    torch.manual_seed(0)
    return _save(BertForSequenceClassification(AutoConfig.from_pretrained(masked)), tmp_path / "classifier")


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_whatever_its_head(architecture: str, tmp_path: Path) -> None:
    masked = load_whole(save_stock(tmp_path / "masked", architecture))
    assert "ForMaskedLM" in type(masked).__name__
    bare = load_whole(_save(AutoModel.from_pretrained(tmp_path / "masked"), tmp_path / "bare"))
    assert bare is bare.base_model
    ids = torch.tensor([[3, 9, 11]])
    assert torch.equal(bare(ids)[0], masked.base_model(ids)[0])


def test_a_bare_model_may_lack_its_pooler_and_a_classifier_may_not(classifier: Path, tmp_path: Path) -> None:
    bare = _save(load_whole(classifier).base_model, tmp_path / "bare")
    ids = torch.tensor([[3, 9, 11]])
    before = load_whole(bare)(ids)[0]
    assert torch.equal(load_whole(_rewritten(bare, _without("pooler")))(ids)[0], before)
    with pytest.raises(InputError, match=r"lacks weights of its BertForSequenceClassification \(bert.pooler"):
        load_whole(_rewritten(classifier, _without("pooler")))


def test_a_head_that_is_there_in_part_is_not_taken_for_none(masked: Path, tmp_path: Path) -> None:
    whole = load_whole(masked)
    with pytest.raises(InputError, match=r"lacks weights of its BertForMaskedLM \(cls.predictions.transform"):
        load_whole(_rewritten(masked, _without("cls.predictions.transform")))
    headless = load_whole(_rewritten(masked, _without("cls.")))
    assert headless is headless.base_model
    ids = torch.tensor([[3, 9, 11]])
    assert torch.equal(headless(ids)[0], whole.base_model(ids)[0])


@pytest.mark.parametrize("bare", [False, True])
def test_layers_that_config_json_does_not_ask_for_are_refused(masked: Path, bare: bool, tmp_path: Path) -> None:
    if bare:
        masked = _save(load_whole(masked).base_model, tmp_path / "bare")
    config = masked / "config.json"
    config.write_text(config.read_text().replace('"num_hidden_layers": 2', '"num_hidden_layers": 1'))
    with pytest.raises(InputError, match=r"does not ask for \((bert\.)?encoder\.layer\.1\."):
        load_whole(masked)
