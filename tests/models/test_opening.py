"""Models by folder, run and hub name."""

import json
from pathlib import Path
from typing import Any

import httpx2
import huggingface_hub
import pytest
import torch
from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError
from transformers import BertConfig, BertModel

from equiglot.errors import InputError
from equiglot.models import find_model, name_models, open_model
from tests.stock import ARCHITECTURES, POSITIONS, save_stock, train_tokenizer


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Two run folders, with nothing in them that is read for their names."""
    for run, models in {"one": ("student", "hl"), "two": ("student",), "empty": ()}.items():
        (tmp_path / run).mkdir()
        (tmp_path / run / "recipe.yaml").write_text("name: x")
        for model in models:
            (tmp_path / run / "models" / model).mkdir(parents=True)
            (tmp_path / run / "models" / model / "config.json").write_text("{}")
    return tmp_path


def test_names_are_as_short_as_they_can_be(runs: Path) -> None:
    sources = [str(runs / "one"), str(runs / "two" / "student"), "google/electra"]
    assert name_models(sources) == {
        "hl": str(runs / "one" / "models" / "hl"),
        "one/student": str(runs / "one" / "models" / "student"),
        "two/student": str(runs / "two" / "models" / "student"),
        "electra": "google/electra",
    }


def test_one_model_of_a_run(runs: Path) -> None:
    assert find_model(str(runs / "one" / "hl")) == runs / "one" / "models" / "hl"
    assert find_model(str(runs / "two")) == runs / "two" / "models" / "student"
    for source, said in ((runs / "one", "several models: hl, student"), (runs / "nowhere", "no such model folder")):
        with pytest.raises(InputError, match=said):
            find_model(str(source))


def test_what_cannot_be_named(runs: Path) -> None:
    with pytest.raises(InputError, match="no finished model"):
        name_models([str(runs / "empty")])
    with pytest.raises(InputError, match="named twice"):
        name_models([str(runs / "one"), str(runs / "one" / "hl")])
    with pytest.raises(InputError, match="named twice"):
        name_models([str(runs / "two"), str(runs / "one" / ".." / "two" / "student")])


def test_no_model_is_lost_among_equal_names(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (runs / "a").mkdir()
    (runs / "models" / "a").mkdir(parents=True)
    monkeypatch.chdir(runs)
    assert name_models(["models/a", "a"]) == {"models/a": "models/a", "a": "a"}


@pytest.mark.parametrize(
    ("architecture", "name"),
    [
        ("bert", "BertTokenizer"),
        ("electra", "ElectraTokenizerFast"),
        ("distilbert", "DistilBertTokenizer"),
        ("roberta", "RobertaTokenizer"),
        ("xlm-roberta", "XLMRobertaTokenizerFast"),
        ("deberta-v2", "DebertaV2Tokenizer"),
    ],
)
def test_the_frame_whatever_the_tokenizer_is_called(architecture: str, name: str, tmp_path: Path) -> None:
    folder = save_stock(tmp_path, architecture)
    before = open_model("x", str(folder))
    file = folder / "tokenizer_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "tokenizer_class": name}))
    opened = open_model("x", str(folder))
    ids = opened.tokenizer("Все люди рождаются свободными").input_ids
    special, tokenizer = opened.special, opened.tokenizer
    assert (ids[0], ids[-1]) == (special.first, special.last) == (before.special.first, before.special.last)
    assert special.padding == before.special.padding == tokenizer.pad_token_id
    assert special.mask == before.special.mask == tokenizer.mask_token_id
    assert not set(special.maskable_ids.tolist()) & set(tokenizer.all_special_ids)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@torch.no_grad()
def test_the_longest_text_that_fits_is_read(architecture: str, tmp_path: Path) -> None:
    opened = open_model("stock", str(save_stock(tmp_path, architecture)))
    behind_padding = architecture in ("roberta", "xlm-roberta")  # positions are counted from behind the padding id
    padding = opened.tokenizer.pad_token_id
    assert opened.max_tokens == POSITIONS - 2 - (padding + 1 if behind_padding else 0)
    ids = torch.full((1, opened.max_tokens + 2), 7, device=opened.model.device)
    assert opened.model(input_ids=ids).logits.shape[1] == opened.max_tokens + 2
    if architecture in ("bert", "roberta", "xlm-roberta", "distilbert", "electra"):
        model = opened.model.cpu()  # a card that is asked for a row that there is not does nothing afterwards
        with pytest.raises((IndexError, RuntimeError)):
            model(input_ids=torch.full((1, opened.max_tokens + 3), 7))


def test_a_folder_without_a_masked_head_is_refused(tmp_path: Path) -> None:
    config = BertConfig(vocab_size=400, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8)
    BertModel(config).save_pretrained(tmp_path)
    train_tokenizer("wordpiece").save_pretrained(tmp_path)
    with pytest.raises(InputError, match="head of a masked language model is missing"):
        open_model("x", str(tmp_path))


def test_a_tokenizer_without_a_mask_is_refused(tmp_path: Path) -> None:
    save_stock(tmp_path, "bert")
    tokenizer = train_tokenizer("wordpiece")
    tokenizer.mask_token = None
    tokenizer.save_pretrained(tmp_path)
    with pytest.raises(InputError, match="no token for: mask"):
        open_model("x", str(tmp_path))


def test_a_tokenizer_of_another_model_is_refused(tmp_path: Path) -> None:
    save_stock(tmp_path, "bert")
    train_tokenizer("byte-bpe").save_pretrained(tmp_path)
    with pytest.raises(InputError, match="the model knows only"):
        open_model("x", str(tmp_path))


def test_ids_with_gaps_are_told_from_their_number(tmp_path: Path) -> None:
    save_stock(tmp_path, "bert")
    tree = json.loads((tmp_path / "tokenizer.json").read_text(encoding="utf-8"))
    vocabulary = tree["model"]["vocab"]
    vocabulary[max(vocabulary, key=vocabulary.__getitem__)] = 5_000
    (tmp_path / "tokenizer.json").write_text(json.dumps(tree), encoding="utf-8")
    with pytest.raises(InputError, match="ids up to 5,000, the model knows only"):
        open_model("x", str(tmp_path))


def test_a_name_on_the_hub_is_fetched_without_anything_that_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = save_stock(tmp_path / "kept", "roberta")
    asked: dict[str, Any] = {}

    def snapshot(name: str, **options: Any) -> str:
        asked.update(options, name=name)
        return str(folder)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot)
    assert open_model("roberta", "someone/roberta").tokenizer.mask_token == "<mask>"
    assert asked["name"] == "someone/roberta"
    patterns = " ".join(asked["allow_patterns"])
    assert "*.py" not in patterns and ".bin" not in patterns and "model*.safetensors" in patterns


_RESPONSE = httpx2.Response(500, request=httpx2.Request("GET", "https://hub.invalid"))


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (RepositoryNotFoundError("404", response=_RESPONSE), "no such model on the hub"),
        (HfHubHTTPError("broken", response=_RESPONSE), "the hub refuses"),
        (httpx2.ConnectError("no route"), "cannot be reached"),
        (OSError("no space"), "cannot be reached"),
    ],
)
def test_a_hub_that_does_not_answer(monkeypatch: pytest.MonkeyPatch, error: Exception, said: str) -> None:
    def snapshot(name: str, **options: Any) -> str:
        raise error

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot)
    with pytest.raises(InputError, match=said) as caught:
        open_model("x", "someone/x")
    assert caught.value.where == "someone/x" and caught.value.fix


def test_a_path_that_leads_nowhere() -> None:
    with pytest.raises(InputError, match="no such model folder"):
        open_model("x", "runs/demo/models/x")
