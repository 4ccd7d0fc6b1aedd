"""Students of every architecture: what is built, what it weighs, and the folder that everybody reads."""

from itertools import pairwise
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import Tensor
from transformers import (
    AutoModelForMaskedLM,
    AutoTokenizer,
    ElectraForMaskedLM,
    ModernBertForMaskedLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

from equiglot.errors import InputError
from equiglot.models import EncoderSettings, build_model, count_parameters, export_model, load_model, resolve_encoder
from tests.stock import SCRIPTS, train_tokenizer

SMALL = {"layers": 2, "heads": 2, "hidden_size": 16, "max_length": 48}
STUDENTS = {
    "bert": EncoderSettings(architecture="bert", **SMALL),
    "electra": EncoderSettings(architecture="electra", **SMALL),
    "electra, narrow": EncoderSettings(architecture="electra", embedding_size=8, **SMALL),
    "modernbert": EncoderSettings(architecture="modernbert", **SMALL),
}
TOKENIZER = train_tokenizer("wordpiece")
TOKENIZER.model_input_names = ["input_ids", "token_type_ids", "attention_mask"]
PADDING = int(TOKENIZER.pad_token_id)


def _build(student: str, seed: int = 0) -> PreTrainedModel:
    return build_model(STUDENTS[student], len(TOKENIZER), padding=PADDING, seed=seed)


@torch.no_grad()
def _logits(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast = TOKENIZER) -> Tensor:
    batch = tokenizer(list(SCRIPTS.values()), padding=True, truncation=True, max_length=48, return_tensors="pt")
    logits: Tensor = model.eval()(**batch).logits
    return logits


@pytest.fixture(params=STUDENTS)
def student(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def test_the_folder_is_everybodys(student: str, tmp_path: Path) -> None:
    model = _build(student)
    export_model(model, TOKENIZER, tmp_path)
    stock, tokenizer = AutoModelForMaskedLM.from_pretrained(tmp_path), AutoTokenizer.from_pretrained(tmp_path)
    assert type(stock) is type(model)
    assert torch.equal(_logits(stock, tokenizer), _logits(model))
    assert torch.equal(_logits(load_model(tmp_path, vocabulary_size=len(TOKENIZER))), _logits(model))
    assert tokenizer.model_max_length == 48
    for each in (model, stock):
        assert each.get_output_embeddings().weight is each.get_input_embeddings().weight


def test_a_model_without_token_types_is_not_given_any(student: str, tmp_path: Path) -> None:
    export_model(_build(student), TOKENIZER, tmp_path)
    takes_types = student != "modernbert"
    assert ("token_type_ids" in AutoTokenizer.from_pretrained(tmp_path)("Привет")) == takes_types


def test_weights_are_a_function_of_the_seed(student: str) -> None:
    first, again, other = (_build(student, seed).state_dict() for seed in (3, 3, 4))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


def test_parameters_are_counted_without_building(student: str) -> None:
    assert count_parameters(STUDENTS[student], len(TOKENIZER)) == _build(student).num_parameters()


def test_dropout_is_where_it_is_asked_for(student: str) -> None:
    for rate in (0.0, 0.5):
        asked = STUDENTS[student].model_copy(update={"dropout": rate})
        model = build_model(asked, len(TOKENIZER), padding=PADDING, seed=0).train()
        ids = torch.arange(5, 25)[None]
        assert torch.equal(model(input_ids=ids).logits, model(input_ids=ids).logits) == (rate == 0)
        modules = [each for each in model.modules() if isinstance(each, torch.nn.Dropout)]
        assert modules and all(each.p == rate for each in modules)


def test_narrow_embeddings_are_narrow_everywhere() -> None:
    model = _build("electra, narrow")
    assert isinstance(model, ElectraForMaskedLM)
    assert model.get_input_embeddings().weight.shape == (len(TOKENIZER), 8)
    assert model.get_output_embeddings().in_features == 8
    assert not hasattr(_build("electra").base_model, "embeddings_project")


def test_a_gate_costs_no_weights() -> None:
    wide = {"layers": 1, "heads": 4, "hidden_size": 192}
    model = build_model(EncoderSettings(architecture="modernbert", **wide), 100, padding=0, seed=0)
    assert isinstance(model, ModernBertForMaskedLM)
    assert sum(each.numel() for each in model.model.layers[0].mlp.parameters()) == 8 * 192 * 192
    assert all(model.config.to_dict()[f"{role}_token_id"] is None for role in ("bos", "eos", "cls", "sep"))


def test_modernbert_needs_heads_of_an_even_width() -> None:
    with pytest.raises(ValidationError, match=r"even width, hidden_size / heads is 9"):
        EncoderSettings(architecture="modernbert", hidden_size=18, heads=2)


def test_the_papers_factorised_student_has_160_million_parameters() -> None:
    # Paper 2, section 4: MuRIL's and mBERT's vocabularies united, 288,973 entries; width 256 under 768.
    asked = {"architecture": "electra", "layers": 12, "heads": 12, "hidden_size": 768, "max_length": 512}
    chosen = resolve_encoder(EncoderSettings.model_validate({**asked, "parameters": "160M"}), 288_973)
    assert (chosen.embedding_size, chosen.parameters) == (256, None)
    assert count_parameters(chosen, 288_973) == 159_847_373


@settings(max_examples=60)
@given(
    hidden=st.sampled_from([4, 8, 20, 32, 48]),
    vocabulary=st.integers(5, 3_000),
    parameters=st.integers(1_000, 200_000),
)
def test_the_widest_embeddings_that_fit_are_chosen(hidden: int, vocabulary: int, parameters: int) -> None:
    asked = EncoderSettings(architecture="electra", layers=1, heads=1, hidden_size=hidden, parameters=parameters)
    sizes = {
        width: count_parameters(asked.model_copy(update={"embedding_size": width, "parameters": None}), vocabulary)
        for width in (*range(8, hidden, 8), hidden)
    }
    fitting = [width for width, size in sizes.items() if size <= parameters]
    if fitting:
        chosen = resolve_encoder(asked, vocabulary)
        assert chosen.embedding_size == max(fitting)
        assert count_parameters(asked, vocabulary) == sizes[max(fitting)] <= parameters
        assert resolve_encoder(chosen, vocabulary) == chosen
        model = build_model(asked, vocabulary, padding=0, seed=0)
        assert model.num_parameters() == sizes[max(fitting)]
    else:
        with pytest.raises(InputError, match=f"has {min(sizes.values()):,} parameters even") as error:
            resolve_encoder(asked, vocabulary)
        assert error.value.where == f"encoder.parameters {parameters:,}" and error.value.fix
    assert all(one < other for one, other in pairwise([*sizes.values()][:-1])), "only full width can be smaller"


def test_a_width_that_is_given_stays() -> None:
    for asked in STUDENTS.values():
        assert resolve_encoder(asked, 100) is asked
