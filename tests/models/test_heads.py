"""Classifiers on encoders: the encoder's weights as they are, new ones from the seed, and folders that are refused."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModel, AutoModelForMaskedLM

from equiglot.errors import InputError
from equiglot.models import load_answerer, load_classifier
from tests.stock import ARCHITECTURES, save_stock

LABELS = ("LOC", "PER", "O")


@pytest.mark.parametrize("unit", ["token", "sequence"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_encoder_is_kept_and_the_classifier_is_drawn(unit: str, architecture: str, tmp_path: Path) -> None:
    folder = save_stock(tmp_path / "model", architecture)
    one, again, other = (load_classifier(folder, unit, LABELS, seed=seed) for seed in (1, 1, 2))  # type: ignore[arg-type]
    encoder = AutoModelForMaskedLM.from_pretrained(folder).base_model.state_dict()
    kept = one.base_model.state_dict()
    assert all(torch.equal(kept[name], value) for name, value in encoder.items())
    states = [each.state_dict() for each in (one, again, other)]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    assert any(not torch.equal(states[0][name], states[2][name]) for name in states[0])
    assert one.config.id2label == dict(enumerate(LABELS)) and one.config.label2id["PER"] == 1


def test_a_fine_tuned_model_and_a_bare_encoder_get_new_classifiers(tmp_path: Path) -> None:
    stock = save_stock(tmp_path / "model", "bert")
    tuned = load_classifier(stock, "token", LABELS, seed=1)
    tuned.save_pretrained(tmp_path / "tuned")
    AutoModel.from_pretrained(stock).save_pretrained(tmp_path / "bare")
    for labels in (LABELS, ("a", "b")):
        fresh = load_classifier(stock, "token", labels, seed=2).state_dict()
        for name in ("tuned", "bare"):
            found = load_classifier(tmp_path / name, "token", labels, seed=2).state_dict()
            encoder = [key for key in fresh if key.startswith("bert.") and "pooler" not in key]
            assert all(torch.equal(found[key], fresh[key]) for key in encoder)
            assert found["classifier.weight"].shape == (len(labels), 16)
        assert not torch.equal(found["classifier.weight"][:2], tuned.classifier.weight[:2])


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_head_for_answers_is_drawn_on_any_encoder(architecture: str, tmp_path: Path) -> None:
    """On a tagger of three labels, too; and a tagger is made of a model that finds answers."""
    stock = save_stock(tmp_path / "model", architecture)
    load_classifier(stock, "token", LABELS, seed=1).save_pretrained(tmp_path / "tagger")
    one, again, other = (load_answerer(stock, seed=seed) for seed in (1, 1, 2))
    of_tagger = load_answerer(tmp_path / "tagger", seed=1)
    name = "classifier.weight" if architecture == "modernbert" else "qa_outputs.weight"
    for key, value in one.state_dict().items():
        assert torch.equal(value, again.state_dict()[key]) and torch.equal(value, of_tagger.state_dict()[key]), key
        assert torch.equal(value, other.state_dict()[key]) is (key != name), key
    assert one.state_dict()[name].shape == (2, 16) and of_tagger.config.num_labels == 2
    one.save_pretrained(tmp_path / "answerer")
    tagger = load_classifier(tmp_path / "answerer", "token", LABELS, seed=1)
    assert tagger.config.num_labels == 3
    assert all(
        torch.equal(value, one.base_model.state_dict()[key]) for key, value in tagger.base_model.state_dict().items()
    )


def test_incomplete_and_contradictory_encoders_are_refused(tmp_path: Path) -> None:
    folder = save_stock(tmp_path / "model", "bert")
    weights = load_file(folder / "model.safetensors")
    short = {name: value for name, value in weights.items() if "layer.1.output.dense" not in name}
    save_file(short, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(InputError, match="lacks weights"):
        load_classifier(folder, "token", LABELS, seed=0)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "num_hidden_layers": 1}))
    with pytest.raises(InputError, match="does not ask for"):
        load_classifier(folder, "token", LABELS, seed=0)
    (folder / "config.json").write_text(json.dumps({**config, "auto_map": {"AutoModel": "x.Y"}}))
    with pytest.raises(InputError, match="code of its own"):
        load_classifier(folder, "token", LABELS, seed=0)
    with pytest.raises(InputError, match="not a model folder"):
        load_classifier(tmp_path, "token", LABELS, seed=0)
