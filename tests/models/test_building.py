"""Models: the size that the paper gives, the folder that everybody reads, and folders that are refused."""

import json
from pathlib import Path

import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import load_file, save_file
from transformers import (
    AutoModelForMaskedLM,
    AutoTokenizer,
    BertConfig,
    BertForPreTraining,
    BertModel,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

from equiglot.errors import InputError
from equiglot.models import (
    EncoderSettings,
    Part,
    count_parameters,
    export_model,
    freeze_parts,
    load_model,
    prepare_for_cpu,
    start_from,
)
from equiglot.vocabulary import SPECIAL_TOKENS, VocabularySettings
from equiglot.vocabulary.training import build_tokenizer, wordpiece
from tests.tiny import ENCODER, VOCABULARY, make_model


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    """A tokenizer of as many entries as the tiny models; its own limit is not the models'."""
    pieces = [
        *SPECIAL_TOKENS,
        *"abcdefghijklmnopqrstuvwxyz",
        *(f"##{letter}" for letter in "abcdefghijklmnopqrstuvwxyz"),
    ]
    pieces += ["한국", "##어", "é"]
    model = wordpiece({piece: number for number, piece in enumerate(pieces)})
    return build_tokenizer(model, VocabularySettings(), 512)


@pytest.fixture
def folder(tokenizer: PreTrainedTokenizerFast, tmp_path: Path) -> Path:
    """An exported model, as a training leaves it."""
    model = make_model()
    prepare_for_cpu(model)
    export_model(model, tokenizer, tmp_path / "model")
    return tmp_path / "model"


def _logits(model: PreTrainedModel) -> torch.Tensor:
    ids = torch.arange(5, 25).reshape(2, 10)
    mask = torch.ones_like(ids)
    mask[1, 6:] = 0
    with torch.no_grad():
        logits: torch.Tensor = model.eval()(input_ids=ids, attention_mask=mask).logits
    return logits


def test_the_papers_model_has_the_papers_size() -> None:
    # Paper 1, appendix E.1: six layers, four heads, 512, 3072, 128 positions, 50,000 entries.
    settings = EncoderSettings(layers=6, heads=4, hidden_size=512, feed_forward=3072, max_length=128)
    assert count_parameters(settings, 50_000) == 51_193_168


def test_counting_is_building_and_counting() -> None:
    model = make_model()
    assert count_parameters(ENCODER, VOCABULARY) == sum(each.numel() for each in model.parameters())
    assert model.config.intermediate_size == 4 * ENCODER.hidden_size
    tied = model.get_input_embeddings().weight
    assert model.get_output_embeddings().weight is tied


def test_weights_are_a_function_of_the_seed_alone() -> None:
    torch.manual_seed(5)
    state = torch.get_rng_state()
    first = make_model(seed=3).state_dict()
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(99)
    again, other = make_model(seed=3).state_dict(), make_model(seed=4).state_dict()
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


def test_round_trip_through_stock_transformers(folder: Path) -> None:
    model = make_model()
    stock = AutoModelForMaskedLM.from_pretrained(folder)
    assert type(stock) is type(model)
    assert torch.equal(_logits(stock), _logits(model))
    assert torch.equal(_logits(load_model(folder, vocabulary_size=VOCABULARY)), _logits(model))


def test_the_folder_knows_nothing_of_ours(folder: Path) -> None:
    assert sorted(path.name for path in folder.iterdir()) == [
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    ]
    for name in ("config.json", "tokenizer_config.json"):
        written = (folder / name).read_text()
        assert not any(word in written for word in ("fp32", "equiglot", "attn_implementation", "auto_map", "local"))
    stock = BertConfig.from_pretrained(folder).to_dict()
    assert set(json.loads((folder / "config.json").read_text())) <= set(stock)
    assert AutoModelForMaskedLM.from_pretrained(folder).config._attn_implementation == "sdpa"


def test_the_tokenizer_beside_the_model_is_the_same_and_knows_the_models_length(
    folder: Path, tokenizer: PreTrainedTokenizerFast
) -> None:
    stock = AutoTokenizer.from_pretrained(folder)
    assert stock("한국어 café").input_ids == tokenizer("한국어 café").input_ids
    assert "한국" in stock.tokenize("한국어")
    assert stock.model_max_length == ENCODER.max_length
    assert len(stock("a " * 100, truncation=True).input_ids) == ENCODER.max_length


def test_a_folder_is_where_a_training_can_start(folder: Path) -> None:
    started = start_from(folder, Part(), vocabulary_size=VOCABULARY, max_length=ENCODER.max_length)
    assert torch.equal(_logits(started), _logits(make_model()))
    assert started.num_parameters() == count_parameters(ENCODER, VOCABULARY)


def _drop_config(folder: Path) -> None:
    (folder / "config.json").unlink()


def _drop_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def _pickle_weights(folder: Path) -> None:
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    _drop_weights(folder)


def _drop_head(folder: Path) -> None:
    BertModel(BertConfig.from_pretrained(folder)).save_pretrained(folder)


def _drop_layer(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    kept = {name: each for name, each in weights.items() if "encoder.layer.1" not in name}
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})


def _cut_weights(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1000])


def _cut_header(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:20])


def _configure(folder: Path, **fields: object) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **fields}))


def _change_shape(folder: Path) -> None:
    _configure(folder, hidden_size=32)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_drop_config, "no config.json"),
        (_drop_weights, "no weights"),
        (_pickle_weights, "pickled"),
        (_drop_head, r"the head .* is missing \(cls\.predictions\.bias and 5 more\)"),
        (_drop_layer, r"lacks weights of its model \(bert\.encoder"),
        (_cut_weights, "cannot be loaded"),
        (_cut_header, "cannot be loaded"),
        (_change_shape, "cannot be loaded"),
    ],
)
def test_folders_that_hold_no_usable_model_are_refused(folder: Path, spoil: object, message: str) -> None:
    assert callable(spoil)
    spoil(folder)
    with pytest.raises(InputError, match=message) as error:
        load_model(folder)
    assert error.value.where == str(folder) and error.value.fix


@pytest.mark.parametrize("fields", [{"hidden_size": "a"}, {"num_attention_heads": 0}, {"pad_token_id": 99999}])
def test_numbers_that_make_no_model_are_refused(folder: Path, fields: dict[str, object]) -> None:
    _configure(folder, **fields)
    with pytest.raises(InputError, match=r"cannot be loaded: \w") as error:
        load_model(folder)
    assert error.value.where == str(folder) and error.value.fix


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"transformers_weights": "adapter_model.bin"}, "the weights are no safetensors: adapter_model.bin"),
        ({"auto_map": {"AutoModelForMaskedLM": "model.Model"}}, "code of its own"),
        ({"quantization_config": {"quant_method": "bitsandbytes"}}, "quantised"),
        ({"attn_implementation": "someone/kernel"}, "native code from the hub"),
        ({"_attn_implementation": {"": "someone/kernel"}}, "native code from the hub"),
        ({"experts_implementation": "someone/kernel"}, "native code from the hub"),
        ({"text_config": {"_experts_implementation": "someone/kernel"}}, "native code from the hub"),
    ],
)
def test_what_config_json_may_not_ask_for(folder: Path, fields: dict[str, object], message: str) -> None:
    torch.save(load_file(folder / "model.safetensors"), folder / "adapter_model.bin")
    _configure(folder, **fields)
    with pytest.raises(InputError, match=message) as error:
        load_model(folder)
    assert str(error.value.where).startswith(f"{folder / 'config.json'}, field ") and error.value.fix


def test_what_config_json_may_ask_for(folder: Path) -> None:
    fields = {"transformers_weights": "model.safetensors", "_attn_implementation": "eager", "quantization_config": None}
    _configure(folder, **fields)
    torch.testing.assert_close(_logits(load_model(folder)), _logits(make_model()))


@pytest.mark.parametrize("text", ["{", "[]", "\x80"])
def test_a_config_that_is_no_json_object(folder: Path, text: str) -> None:
    (folder / "config.json").write_text(text, encoding="latin-1")
    with pytest.raises(InputError, match="this is not") as error:
        load_model(folder)
    assert error.value.where == str(folder / "config.json") and error.value.fix


def test_adapters_and_pickled_shards_are_refused(folder: Path) -> None:
    (folder / "adapter_config.json").write_text("{}")
    with pytest.raises(InputError, match="an adapter, no whole model"):
        load_model(folder)
    (folder / "adapter_config.json").unlink()
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": {"cls.predictions.bias": "shard.bin"}}))
    with pytest.raises(InputError, match=r"no safetensors: shard\.bin") as error:
        load_model(folder)
    assert error.value.where == str(index)


def test_another_vocabulary_is_refused(folder: Path) -> None:
    with pytest.raises(InputError, match="knows 60 ids, the vocabulary has 61"):
        load_model(folder, vocabulary_size=61)


def test_heads_must_divide_the_size() -> None:
    with pytest.raises(ValidationError, match="multiple of heads"):
        EncoderSettings(hidden_size=512, heads=3)


def _add(folder: Path, *names: str) -> None:
    weights = load_file(folder / "model.safetensors")
    save_file({**weights, **{name: torch.ones(3) for name in names}}, folder / "model.safetensors", {"format": "pt"})


def test_layers_that_the_configuration_does_not_ask_for_are_refused(folder: Path) -> None:
    _configure(folder, num_hidden_layers=1)
    with pytest.raises(InputError, match=r"does not ask for \(bert\.encoder\.layer\.1\..* and 15 more") as error:
        load_model(folder)
    assert error.value.where == str(folder) and error.value.fix


@pytest.mark.parametrize("name", ["cls.predictions.transform.gate.weight", "encoder.layer.7.output.dense.weight"])
def test_other_weights_of_encoder_or_head_are_refused(folder: Path, name: str) -> None:
    _add(folder, name)
    with pytest.raises(InputError, match=f"does not ask for .{name}."):
        load_model(folder)


def test_what_masked_words_do_not_depend_on_may_stand_beside_them(folder: Path) -> None:
    _add(folder, "bert.pooler.dense.weight", "cls.seq_relationship.weight", "bert.embeddings.position_ids")
    _add(folder, "classifier.weight", "sop_classifier.classifier.weight")
    assert torch.equal(_logits(load_model(folder)), _logits(make_model()))


def test_a_model_for_pretraining_is_a_masked_language_model(folder: Path) -> None:
    BertForPreTraining(BertConfig.from_pretrained(folder)).save_pretrained(folder)
    assert "cls.seq_relationship.weight" in load_file(folder / "model.safetensors")
    load_model(folder)


@pytest.mark.parametrize("value", [float("inf"), float("nan")])
@pytest.mark.parametrize("name", ["cls.predictions.bias", "bert.encoder.layer.1.output.dense.weight"])
def test_weights_that_are_no_numbers_are_refused(folder: Path, name: str, value: float) -> None:
    weights = load_file(folder / "model.safetensors")
    weights[name].view(-1)[-1] = value
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(InputError, match=f"infinite or not a number: {name}"):
        load_model(folder)


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({"num_hidden_layers": 30_000}, "more than 1,000"),
        ({"n_layers": 10**12}, "more than 1,000"),
        ({"block_sizes": [2, 30_000]}, "more than 1,000"),
        ({"text_config": {"num_layers": 30_000}}, "more than 1,000"),
        ({"num_labels": 50_000_000}, "more than 100,000"),
        ({"id2label": {str(number): "x" for number in range(100_001)}}, "more than 100,000"),
        ({"layer_norm_eps": float("nan")}, "a number is infinite or none"),
        ({"hidden_size": float("inf")}, "a number is infinite or none"),
    ],
)
def test_configurations_that_would_take_all_memory_are_refused(
    folder: Path, fields: dict[str, object], what: str
) -> None:
    _configure(folder, **fields)
    with pytest.raises(InputError, match=what) as error:
        load_model(folder)
    assert f"field {next(iter(fields))}" in str(error.value.where) or "field num_layers" in str(error.value.where)


@pytest.mark.parametrize("size", ["vocab_size", "hidden_size", "max_position_embeddings", "type_vocab_size"])
def test_sizes_that_the_weights_do_not_have_are_refused(folder: Path, size: str) -> None:
    _configure(folder, **{size: 2 * 10**9})
    with pytest.raises(InputError, match=r"cannot be loaded|not enough memory"):
        load_model(folder)


@pytest.mark.parametrize("architecture", ["bert", "electra", "modernbert"])
def test_parts_can_be_frozen(architecture: str) -> None:
    model = make_model(encoder=ENCODER.model_copy(update={"architecture": architecture}))
    freeze_parts(model, ["embeddings"])
    frozen = {name for name, each in model.named_parameters() if not each.requires_grad}
    assert frozen and all("embeddings" in name for name in frozen)
    if architecture == "modernbert":
        with pytest.raises(InputError, match="no embeddings of positions"):
            freeze_parts(model, ["positions"])
        return
    model.requires_grad_(True)
    freeze_parts(model, ["positions"])
    (frozen_table,) = (name for name, each in model.named_parameters() if not each.requires_grad)
    assert frozen_table.endswith("position_embeddings.weight")
