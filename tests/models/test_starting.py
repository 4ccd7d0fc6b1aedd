"""Models that start from layers of another: copied exactly, saved as they are, or refused."""

from pathlib import Path

import pytest
import torch
from transformers import (
    AlbertConfig,
    AutoModelForMaskedLM,
    AutoTokenizer,
    DebertaV2Config,
    DistilBertConfig,
    ModernBertConfig,
    PreTrainedConfig,
    XLMRobertaConfig,
)

from equiglot.errors import InputError
from equiglot.models import (
    EncoderSettings,
    LayerChoice,
    Part,
    build_model,
    chosen_layers,
    export_model,
    start_from,
    take_part,
)
from tests.stock import save_stock
from tests.tiny import PADDING, VOCABULARY

SMALL = {"layers": 5, "heads": 2, "hidden_size": 16, "max_length": 32, "dropout": 0.0}
STOCK = {"vocab_size": VOCABULARY, "hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 24}
INPUTS = torch.arange(5, 25)[None]


@pytest.mark.parametrize(
    ("choice", "count", "layers"),
    [
        ("all", 3, (0, 1, 2)),
        ("alternate", 12, (0, 2, 4, 6, 8, 10)),  # paper 4: n from 2n - 1, counted from 1
        ("alternate", 5, (0, 2, 4)),
        ("first", 12, (0, 1, 2, 3, 4, 5)),
        ("last", 5, (2, 3, 4)),
        ("last", 1, (0,)),
        ("distilbert", 12, (0, 2, 4, 7, 9, 11)),  # the list of DistilBERT's code
        ("distilbert", 6, (0, 2, 5)),
        ("distilbert", 2, (0,)),
        ((5, 0), 12, (5, 0)),
    ],
)
def test_the_layers_that_are_taken(choice: LayerChoice, count: int, layers: tuple[int, ...]) -> None:
    assert chosen_layers(choice, count) == layers


@pytest.mark.parametrize("layers", ["alternate", "first", (0, 4, 1)])
@pytest.mark.parametrize(
    ("architecture", "stack"),
    [("bert", "bert.encoder.layer"), ("electra", "electra.encoder.layer"), ("modernbert", "model.layers")],
)
def test_weights_are_copied_exactly(architecture: str, stack: str, layers: LayerChoice, tmp_path: Path) -> None:
    narrow = {"embedding_size": 8} if architecture == "electra" else {}
    settings = EncoderSettings.model_validate({"architecture": architecture, **SMALL, **narrow})
    teacher = build_model(settings, VOCABULARY, padding=PADDING, seed=1)
    teacher.save_pretrained(tmp_path / "teacher")
    before = torch.random.get_rng_state()
    student = start_from(tmp_path / "teacher", Part(layers=layers), vocabulary_size=VOCABULARY, max_length=32)
    assert torch.equal(before, torch.random.get_rng_state())
    chosen = chosen_layers(layers, 5)
    theirs, ours = teacher.state_dict(), student.state_dict()
    for name, weights in ours.items():
        number, _, rest = name.removeprefix(f"{stack}.").partition(".")
        source = f"{stack}.{chosen[int(number)]}.{rest}" if name.startswith(stack) else name
        assert torch.equal(weights, theirs[source]), name
    assert {name for name in theirs if not name.startswith(stack)} <= ours.keys()
    assert student.config.num_hidden_layers == 3
    assert student.get_output_embeddings().weight.data_ptr() != teacher.get_output_embeddings().weight.data_ptr()
    _check_the_same_when_saved(student, tmp_path / "student")


def _check_the_same_when_saved(student: torch.nn.Module, folder: Path) -> None:
    student.eval().save_pretrained(folder)
    stock = AutoModelForMaskedLM.from_pretrained(folder).eval()
    with torch.no_grad():
        assert torch.equal(stock(INPUTS).logits, student(INPUTS).logits)


def test_modernberts_layers_keep_what_they_attend_to() -> None:
    config = ModernBertConfig(**STOCK, num_hidden_layers=7, local_attention=4, pad_token_id=0)
    teacher = AutoModelForMaskedLM.from_config(config).eval()
    student = take_part(teacher, Part(layers=(0, 1, 3, 6)), where="here").eval()
    kinds = [layer.attention_type for layer in student.model.layers]
    assert kinds == ["full_attention", "sliding_attention", "full_attention", "full_attention"]
    # The states between its layers are those that the teacher's layers make of the same.
    kept = torch.nn.ModuleList(teacher.model.layers[number] for number in (0, 1, 3, 6))
    teacher.model.layers, teacher.config.num_hidden_layers = kept, 4
    with torch.no_grad():
        assert torch.equal(student(INPUTS).logits, teacher(INPUTS).logits)


@pytest.mark.parametrize("config", [DebertaV2Config, DistilBertConfig])
def test_layers_of_models_made_elsewhere(config: type[PreTrainedConfig], tmp_path: Path) -> None:
    """The same weights, and the same states, as the teacher without its other layers has."""
    relative = {"relative_attention": True, "position_biased_input": False, "pos_att_type": ["p2c", "c2p"]}
    own = {"hidden_dim": 24} if config is DistilBertConfig else {**relative, "pad_token_id": 0}
    sizes = {"initializer_range": 0.5, "num_hidden_layers": 4, "max_position_embeddings": 34}
    teacher = AutoModelForMaskedLM.from_config(config(**STOCK, **sizes, **own)).eval()
    teacher.save_pretrained(tmp_path / "teacher")
    student = start_from(tmp_path / "teacher", Part(layers=(0, 3)), max_length=32).eval()
    _check_the_same_when_saved(student, tmp_path / "student")
    stack = teacher.base_model.transformer if config is DistilBertConfig else teacher.base_model.encoder
    stack.layer = torch.nn.ModuleList(stack.layer[number] for number in (0, 3))
    with torch.no_grad():
        assert torch.equal(student(INPUTS).logits, teacher(INPUTS).logits)


def test_xlm_robertas_layers(tmp_path: Path) -> None:
    config = XLMRobertaConfig(**STOCK, num_hidden_layers=4, max_position_embeddings=34, pad_token_id=1)
    AutoModelForMaskedLM.from_config(config).save_pretrained(tmp_path / "teacher")
    student = start_from(tmp_path / "teacher", Part(layers="alternate"), max_length=32)
    _check_the_same_when_saved(student, tmp_path / "student")
    with pytest.raises(InputError, match="32 positions, fewer than"):
        start_from(tmp_path / "teacher", Part(), max_length=33)


@pytest.mark.parametrize(
    ("config", "layers", "what"),
    [
        (ModernBertConfig(**STOCK, num_hidden_layers=3, pad_token_id=0), "last", "none of them can be first"),
        (ModernBertConfig(**STOCK, num_hidden_layers=3, pad_token_id=0), (0, 3), "none with the number 3"),
        (XLMRobertaConfig(**STOCK, num_hidden_layers=3), (1, 1), "named twice"),
        (AlbertConfig(**STOCK, embedding_size=8, num_hidden_layers=3), "first", "type 'albert'"),
    ],
)
def test_layers_that_cannot_be_taken(config: PreTrainedConfig, layers: LayerChoice, what: str) -> None:
    with pytest.raises(InputError, match=what) as caught:
        take_part(AutoModelForMaskedLM.from_config(config), Part(layers=layers), where="here")
    assert caught.value.fix and caught.value.where == "here"


@pytest.mark.parametrize("architecture", ["bert", "xlm-roberta"])
def test_an_exported_tokenizer_cuts_where_the_positions_end(architecture: str, tmp_path: Path) -> None:
    """RoBERTa counts positions from behind its padding: it has fewer than its configuration says."""
    save_stock(tmp_path / "stock", architecture)
    model = AutoModelForMaskedLM.from_pretrained(tmp_path / "stock")
    export_model(model, AutoTokenizer.from_pretrained(tmp_path / "stock"), tmp_path / "exported")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "exported")
    longest = tokenizer("a " * 2 * model.config.max_position_embeddings, truncation=True, return_tensors="pt")
    less = 2 if architecture == "xlm-roberta" else 0
    assert longest["input_ids"].shape[1] == model.config.max_position_embeddings - less
    with torch.no_grad():
        model(**longest)
