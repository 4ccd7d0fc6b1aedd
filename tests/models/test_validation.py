"""Folders of foreign models that cannot be taken: each refusal says what, where, and what to do."""

import json
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import (
    AutoModelForMaskedLM,
    BartConfig,
    BartForConditionalGeneration,
    BertConfig,
    BertForSequenceClassification,
    BertLMHeadModel,
    BertModel,
    ElectraForPreTraining,
    GPT2Config,
    GPT2LMHeadModel,
    PreTrainedModel,
    T5Config,
    T5ForConditionalGeneration,
    ViTConfig,
    ViTModel,
)

from equiglot.errors import InputError
from equiglot.models import copy_checkpoint, model_identity, open_model
from tests.stock import configuration, save_stock, train_tokenizer

_BERT = {"vocab_size": 400, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}
_OTHERS: dict[str, Callable[[], PreTrainedModel]] = {
    "gpt2": lambda: GPT2LMHeadModel(GPT2Config(vocab_size=400, n_embd=8, n_layer=1, n_head=2)),
    "bert that writes": lambda: BertLMHeadModel(BertConfig(**_BERT, is_decoder=True)),
    "t5": lambda: T5ForConditionalGeneration(
        T5Config(vocab_size=400, d_model=8, d_kv=4, d_ff=8, num_layers=1, num_heads=2)
    ),
    "bart": lambda: BartForConditionalGeneration(
        BartConfig(
            **{
                "vocab_size": 400,
                "d_model": 8,
                "encoder_layers": 1,
                "decoder_layers": 1,
                "max_position_embeddings": 40,
            },
            **{"encoder_attention_heads": 2, "decoder_attention_heads": 2, "encoder_ffn_dim": 8, "decoder_ffn_dim": 8},
        )
    ),
    "vit": lambda: ViTModel(ViTConfig(hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8)),
    "encoder": lambda: BertModel(BertConfig(**_BERT)),
    "classifier": lambda: BertForSequenceClassification(BertConfig(**_BERT)),
    "discriminator": lambda: ElectraForPreTraining(configuration("electra", 400, 0)),
}


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ("gpt2", r"\(gpt2\) is a decoder: it reads from left to right"),
        ("bert that writes", r"\(bert\) is a decoder"),
        ("t5", r"\(t5\) is an encoder with a decoder"),
        ("bart", r"\(bart\) is an encoder with a decoder"),
        ("vit", "models of type 'vit' are no masked language models"),
        ("encoder", r"head .*missing \(cls\.predictions\.bias and 5 more\): .* a BertModel"),
        ("classifier", "head .* is missing .*: the configuration names a BertForSequenceClassification"),
        ("discriminator", r"missing \(generator_lm_head\.bias and 4 more\): .* a ElectraForPreTraining"),
    ],
)
def test_models_of_other_kinds(other: str, message: str, tmp_path: Path) -> None:
    _OTHERS[other]().save_pretrained(tmp_path / "model")
    train_tokenizer("wordpiece").save_pretrained(tmp_path / "model")
    _refused(tmp_path / "model", message)


@pytest.mark.parametrize(
    ("kind", "message"), [(None, "does not say what kind"), ("nothing", "knows no models of type 'nothing'")]
)
def test_a_configuration_that_names_no_kind(kind: str | None, message: str, tmp_path: Path) -> None:
    folder = save_stock(tmp_path / "model", "bert")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "model_type": kind}))
    assert _refused(folder, message).where == f"{folder / 'config.json'}, field model_type"


def test_folders_that_are_no_models(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    _refused(tmp_path / "model", "not a model folder: it has no config.json")
    _refused(tmp_path / "nowhere" / "at" / "all", "no such model folder")


def test_no_tokenizer(tmp_path: Path) -> None:
    folder = save_stock(tmp_path / "model", "bert")
    (folder / "tokenizer.json").unlink()
    _refused(folder, "no tokenizer in this folder")


@pytest.mark.parametrize(
    ("architecture", "kind", "message"),
    [
        ("bert", "byte-bpe", "ids up to 419, the model knows only 400"),
        ("modernbert", "wordpiece", r"ids only up to 399, the model knows 5,000"),
        ("xlm-roberta", "unigram-deberta", "the tokenizer pads with id 0, the model with id 1"),
    ],
)
def test_the_tokenizer_of_another_model(architecture: str, kind: str, message: str, tmp_path: Path) -> None:
    own = train_tokenizer(kind)
    size = {"bert": 400, "modernbert": 5_000, "xlm-roberta": len(own)}[architecture]
    padding = 1 if architecture == "xlm-roberta" else 0
    AutoModelForMaskedLM.from_config(configuration(architecture, size, padding)).save_pretrained(tmp_path / "model")
    own.save_pretrained(tmp_path / "model")
    _refused(tmp_path / "model", message)


def test_embeddings_that_are_filled_up_are_none_of_another_model(tmp_path: Path) -> None:
    own = train_tokenizer("wordpiece")
    AutoModelForMaskedLM.from_config(configuration("bert", 512, 0)).save_pretrained(tmp_path / "model")
    own.save_pretrained(tmp_path / "model")
    copy_checkpoint(str(tmp_path / "model"), tmp_path / "taken")
    assert open_model("x", str(tmp_path / "taken")).model.config.vocab_size == 512 > len(own)


@pytest.mark.parametrize("role", ["mask", "pad", "cls", "sep"])
def test_missing_special_tokens(role: str, tmp_path: Path) -> None:
    folder = save_stock(tmp_path / "model", "bert")
    tokenizer = train_tokenizer("wordpiece")
    setattr(tokenizer, f"{role}_token", None)
    tokenizer.save_pretrained(folder)
    said = {"mask": "mask", "pad": "padding", "cls": "beginning", "sep": "end"}[role]
    _refused(folder, f"the tokenizer has no token for: {said}")


def test_pickled_weights_and_the_way_out_of_them(tmp_path: Path) -> None:
    folder = save_stock(tmp_path / "a model", "xlm-roberta")
    safe = folder / "model.safetensors"
    expected = load_file(safe)
    torch.save(expected, folder / "pytorch_model.bin")
    safe.unlink()
    _convert(folder)
    copy_checkpoint(str(folder), tmp_path / "taken")
    found = load_file(tmp_path / "taken" / "model.safetensors")
    assert found.keys() == expected.keys() and all(torch.equal(found[name], expected[name]) for name in expected)


def test_a_head_that_was_missing_is_missing_after_conversion(tmp_path: Path) -> None:
    folder = save_stock(tmp_path / "model", "bert")
    encoder = BertModel.from_pretrained(folder).state_dict()
    torch.save(encoder, folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    _convert(folder)
    _refused(folder, "the head of a masked language model is missing")


def _convert(folder: Path) -> None:
    """What the refusal of pickled weights says is to be done, without the sandbox."""
    fix = _refused(folder, r"the weights are pickled \(pytorch_model\.bin\)").fix
    command = shlex.split(str(fix).splitlines()[1])
    assert command[:6] == ["docker", "run", "--rm", "--network", "none", "-v"]
    assert command[6:10] == [f"{folder.resolve()}:/model", "IMAGE", "python", "-c"]
    code = command[10].replace('"/model/', f'"{folder}/')
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_other_pickles(tmp_path: Path) -> None:
    folder = save_stock(tmp_path / "model", "bert")
    (folder / "model.safetensors").rename(folder / "weights.pth")
    assert "save_pretrained" in str(_refused(folder, r"the weights are pickled \(weights\.pth\)").fix)


def test_weights_that_lie_elsewhere(tmp_path: Path) -> None:
    folder = save_stock(tmp_path / "model", "bert")
    (folder / "model.safetensors").rename(tmp_path / "other.safetensors")
    for shard in ("../other.safetensors", "missing.safetensors"):
        index = {"metadata": {}, "weight_map": {"cls.predictions.bias": shard}}
        (folder / "model.safetensors.index.json").write_text(json.dumps(index))
        _refused(folder, f"not in the folder itself: {shard}")


def _refused(folder: Path, message: str) -> InputError:
    """Neither opened nor taken; nothing is left behind."""
    into = folder.parent / "taken"
    with pytest.raises(InputError, match=message) as error:
        copy_checkpoint(str(folder), into)
    assert error.value.where and str(folder) in error.value.where and error.value.fix
    assert not into.exists()
    with pytest.raises(InputError, match=message):
        open_model("x", str(folder))
    return error.value


def test_what_the_files_alone_show_is_refused_before_anything_is_loaded(tmp_path: Path) -> None:
    _OTHERS["gpt2"]().save_pretrained(tmp_path / "model")
    with pytest.raises(InputError, match="is a decoder"):
        model_identity(str(tmp_path / "model"))
