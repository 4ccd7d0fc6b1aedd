"""What a model weighs, told from its shapes, against what is written; and layers that fit into a size."""

from pathlib import Path
from typing import Any

import pytest
from transformers import AutoModelForMaskedLM, DebertaV2Config, MPNetConfig, PreTrainedConfig, XLMRobertaConfig

from equiglot.errors import InputError
from equiglot.models import EncoderSettings, LayerChoice, Part, build_model, fit_layers, half_bytes, take_part
from equiglot.models.budget import saved_bytes
from equiglot.models.settings import chosen_layers, spread_layers
from tests.tiny import PADDING

ENTRIES = 1003
SMALL = {"layers": 5, "heads": 2, "hidden_size": 16, "max_length": 32, "dropout": 0.0}
STOCK = {"vocab_size": 503, "hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 24}


def written(model: Any, folder: Path) -> int:
    """The bytes of the file of weights."""
    model.save_pretrained(folder)
    return (folder / "model.safetensors").stat().st_size


def teacher(folder: Path, architecture: str = "bert", **others: Any) -> Any:
    settings = EncoderSettings.model_validate({"architecture": architecture, **SMALL, **others})
    model = build_model(settings, ENTRIES, padding=PADDING, seed=1)
    model.save_pretrained(folder)
    return model


@pytest.mark.parametrize("count", [1, 5, 6, 12, 24])
def test_layers_are_spread_evenly(count: int) -> None:
    assert spread_layers((count + 1) // 2, count) == chosen_layers("alternate", count)
    for number in range(1, count + 1):
        layers = spread_layers(number, count)
        gaps = {second - first for first, second in zip(layers, (*layers[1:], count), strict=True)}
        assert layers[0] == 0 and len(layers) == number and max(gaps) - min(gaps) <= 1


@pytest.mark.parametrize(
    "config",
    [XLMRobertaConfig(**STOCK, num_hidden_layers=3), DebertaV2Config(**STOCK, num_hidden_layers=2)],
    ids=lambda config: config.model_type,
)
def test_the_bytes_of_models_of_others(config: PreTrainedConfig, tmp_path: Path) -> None:
    assert saved_bytes(config) == written(AutoModelForMaskedLM.from_config(config), tmp_path)


@pytest.mark.parametrize(
    ("architecture", "others", "layers", "width"),
    [
        ("bert", {}, "all", None),
        ("bert", {}, (0, 3), 8),
        ("modernbert", {}, "alternate", 8),
        ("electra", {"embedding_size": 8}, "first", None),
    ],
)
def test_the_bytes_of_a_part(
    architecture: str, others: dict[str, Any], layers: LayerChoice, width: int | None, tmp_path: Path
) -> None:
    model = teacher(tmp_path, architecture, **others)
    part = take_part(model, Part(layers=layers, width=width), where="")
    assert saved_bytes(part.config) == written(part, tmp_path / "part")
    half = take_part(model, Part(layers="alternate", width=width), where="")
    assert half_bytes(tmp_path, Part(fit=1, width=width), ENTRIES) == written(half, tmp_path / "half")


def test_as_many_layers_as_fit(tmp_path: Path) -> None:
    model = teacher(tmp_path)
    sizes = {
        number: written(take_part(model, Part(layers=spread_layers(number, 5)), where=""), tmp_path / "part") + 77
        for number in range(1, 6)
    }
    for number, size in sizes.items():
        found = fit_layers(tmp_path, Part(fit=size), beside=77, where="from.fit")
        assert (found.needed, found.layers, found.of, found.entries) == (size, spread_layers(number, 5), 5, ENTRIES)
        if number > 1:
            assert len(fit_layers(tmp_path, Part(fit=size - 1), beside=77, where="").layers) == number - 1
    with pytest.raises(InputError, match=f"with one layer and {ENTRIES:,} entries {sizes[1]:,} are the least") as told:
        fit_layers(tmp_path, Part(fit=sizes[1] - 1), beside=77, where="models.student.from.fit")
    assert told.value.where == "models.student.from.fit" and f"{sizes[1]:,} or more" in str(told.value.fix)


def test_layers_that_cannot_be_taken_are_refused_only_where_they_must_be(tmp_path: Path) -> None:
    config = MPNetConfig(**STOCK, num_hidden_layers=2)
    whole = written(AutoModelForMaskedLM.from_config(config), tmp_path)
    assert fit_layers(tmp_path, Part(fit=whole), beside=0, where="").layers == (0, 1)
    assert half_bytes(tmp_path, Part(fit=1), 503) == whole
    with pytest.raises(InputError, match="single layers cannot be taken"):
        fit_layers(tmp_path, Part(fit=whole - 1), beside=0, where="")


def test_layers_are_named_or_fitted() -> None:
    with pytest.raises(ValueError, match="either `layers` or `fit`"):
        Part.model_validate({"layers": "alternate", "fit": "4MB"})
