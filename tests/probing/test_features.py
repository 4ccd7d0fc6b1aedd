"""Hidden states of words and texts against a plain pass of the stock model, one sentence at a time."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from equiglot.errors import InputError
from equiglot.models import OpenModel, open_model
from equiglot.probing import features, open_features, write_features
from equiglot.probing.reading import ItemReader, cut_windows
from equiglot.probing.settings import Layers
from equiglot.tasks import OpenTask
from tests.articles import ARTICLE
from tests.probing.conftest import make_task
from tests.stock import ARCHITECTURES, SCRIPTS, save_stock

MIXED = [
    ["born", "\u200b", "free"],
    ["Việt Nam", "42", "<mask>"],
    ["자유"],
    [*ARTICLE["en"].split(), *ARTICLE["ru"].split()],
]
ROUNDING = {"rtol": 2e-3, "atol": 2e-3}  # of half precision


def _task(folder: Path, sentences: list[list[str]], unit: str = "word") -> OpenTask:
    rows = [(words, ["X"] * len(words)) for words in sentences]
    return make_task(folder, {("en", "test"): rows}, ["X"], unit)


def _states(opened: OpenModel, task: OpenTask, folder: Path, layers: Layers = "last") -> Any:
    write_features(opened, task, ["en"], layers, folder)
    return open_features(folder).of("en", "test")


@torch.no_grad()
def _plain(opened: OpenModel, ids: list[int]) -> Tensor:
    """Hidden states [layers + 1, tokens, hidden] of one sequence, special tokens left out."""
    inputs = torch.tensor([[opened.special.first, *ids, opened.special.last]], device=opened.model.device)
    output = opened.model.base_model(input_ids=inputs, output_hidden_states=True)
    return torch.stack([*output.hidden_states[:-1], output.last_hidden_state])[:, 0, 1:-1].cpu()


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_states_are_those_of_the_stock_model(architecture: str, tmp_path: Path) -> None:
    opened = open_model("stock", str(save_stock(tmp_path / "model", architecture)))
    sentences = [[word[:5] for word in line.split()[:2]] for line in SCRIPTS.values()]
    read = _states(opened, _task(tmp_path, sentences), tmp_path, "all")
    expected = []
    for words in sentences:
        encoding = opened.tokenizer.backend_tokenizer.encode(" ".join(words), add_special_tokens=False)
        assert len(encoding.ids) <= opened.max_tokens
        starts = np.cumsum([0, *(len(word) + 1 for word in words[:-1])])
        marked = list(zip(encoding.tokens, encoding.offsets, strict=True))
        places = [
            next(at for at, (token, (_, end)) in enumerate(marked) if token not in "▁Ġ" and end > start)
            for start in starts
        ]
        expected.append(_plain(opened, encoding.ids)[:, places].transpose(0, 1))
    assert read.dtype == np.float16
    np.testing.assert_allclose(read.astype(np.float32), torch.cat(expected).numpy(), **ROUNDING)


@pytest.mark.parametrize("architecture", ["bert", "modernbert", "deberta-v2"])
def test_layers_can_be_chosen(architecture: str, tmp_path: Path) -> None:
    opened = open_model("stock", str(save_stock(tmp_path / "model", architecture)))
    task = _task(tmp_path, MIXED)
    every, last, first = (np.array(_states(opened, task, tmp_path, layers)) for layers in ("all", "last", 1))
    assert every.shape == (sum(map(len, MIXED)), 3, 16) and last.shape == first.shape == (len(every), 1, 16)
    assert np.array_equal(_states(opened, task, tmp_path, "mix"), every)
    assert np.array_equal(_states(opened, task, tmp_path, 2), last)
    np.testing.assert_allclose(last[:, 0].astype(float), every[:, 2].astype(float), **ROUNDING)
    np.testing.assert_allclose(first[:, 0].astype(float), every[:, 1].astype(float), **ROUNDING)
    with pytest.raises(InputError, match="no layer 3"):
        _states(opened, task, tmp_path, 3)


@pytest.mark.parametrize("unit", ["word", "sentence"])
@pytest.mark.parametrize(("tokens", "sentences", "numbers"), [(1, 1, 1), (60, 3, 10**9), (10**6, 10**6, 200)])
def test_states_do_not_depend_on_the_batches(
    monkeypatch: pytest.MonkeyPatch,
    shapes: OpenTask,
    tmp_path: Path,
    unit: str,
    tokens: int,
    sentences: int,
    numbers: int,
) -> None:
    opened = open_model("stock", str(save_stock(tmp_path / "model", "bert")))
    rows = [words for language in ("en", "ar") for words in shapes.split(language, "dev").words[:12]]
    task = _task(tmp_path, rows if unit == "word" else [[" ".join(words)] for words in rows], unit)
    usual = np.array(_states(opened, task, tmp_path))
    monkeypatch.setattr(features, "_TOKENS", tokens)
    monkeypatch.setattr(features, "_SENTENCES", sentences)
    monkeypatch.setattr(features, "_NUMBERS", numbers)
    other = _states(opened, task, tmp_path)
    np.testing.assert_allclose(other.astype(float), usual.astype(float), **ROUNDING)
    assert len(usual) == sum(len(words) if unit == "word" else 1 for words in rows)


def test_a_long_sentence_is_read_in_windows(shapes: OpenTask, tmp_path: Path) -> None:
    opened = open_model("stock", str(save_stock(tmp_path / "model", "bert")))
    words = [word for sentence in shapes.split("ru", "train").words for word in sentence][:60]
    read = ItemReader(opened, "word").read([words])
    windows = cut_windows(read.offsets, opened.max_tokens)
    assert len(windows.begins) > 5
    states = _states(opened, _task(tmp_path, [words]), tmp_path)
    assert len(states) == len(words)
    for begin, end, first, last in zip(windows.begins, windows.ends, windows.firsts, windows.lasts, strict=True):
        alone = _plain(opened, read.ids[begin:end].tolist())[-1]
        taken = [token for token in range(first, last) if read.items[token] >= 0]
        expected = alone[[token - begin for token in taken]].numpy()
        np.testing.assert_allclose(states[read.items[taken], 0].astype(np.float32), expected, **ROUNDING)


def test_a_text_is_the_mean_of_its_tokens(shapes: OpenTask, tmp_path: Path) -> None:
    opened = open_model("stock", str(save_stock(tmp_path / "model", "bert")))
    long = " ".join(word for sentence in shapes.split("en", "train").words[:9] for word in sentence)
    texts = ["born free", "\u200b", long]
    states = _states(opened, _task(tmp_path, [[text] for text in texts], "sentence"), tmp_path)
    read = ItemReader(opened, "sentence").read([[text] for text in texts])
    assert read.ids[read.items == 1].tolist() == [opened.tokenizer.unk_token_id]
    windows = cut_windows(read.offsets, opened.max_tokens)
    of_tokens = [
        _plain(opened, read.ids[begin:end].tolist())[-1, first - begin : last - begin]
        for begin, end, first, last in zip(windows.begins, windows.ends, windows.firsts, windows.lasts, strict=True)
    ]
    assert len(of_tokens) > 5
    tokens = torch.cat(of_tokens).numpy()
    means = np.stack([tokens[read.items == item].mean(0) for item in range(3)])
    np.testing.assert_allclose(states[:, 0].astype(np.float32), means, **ROUNDING)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e6])
def test_what_half_precision_cannot_hold_is_refused(tmp_path: Path, value: float) -> None:
    opened = open_model("broken", str(save_stock(tmp_path / "model", "bert")))
    with torch.no_grad():
        opened.model.base_model.encoder.layer[-1].output.LayerNorm.bias[3] = value
    with pytest.raises(InputError, match="model broken") as error:
        _states(opened, _task(tmp_path, MIXED), tmp_path)
    assert error.value.where == "en-test.npy"


def test_only_what_is_there_is_written(shapes: OpenTask, tmp_path: Path) -> None:
    opened = open_model("stock", str(save_stock(tmp_path / "model", "bert")))
    done: list[int] = []
    folder = tmp_path / "features"
    folder.mkdir()
    task = _task(tmp_path, MIXED)
    write_features(opened, task, ["en", "vi"], "last", folder, done.append)
    assert [path.name for path in folder.iterdir()] == ["en-test.npy"]
    assert sum(done) == len(MIXED)
    found = open_features(folder)
    assert found.of("vi", "test") is None and found.of("en", "train") is None
    states = found.of("en", "test")
    assert isinstance(states, np.memmap) and not states.flags.writeable


def test_damaged_features_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no features"):
        open_features(tmp_path / "none")
    path = tmp_path / "en-test.npy"
    np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match="cannot be read"):
        open_features(tmp_path).of("en", "test")
    np.save(path, np.zeros((2, 2)))
    with pytest.raises(InputError, match="does not hold features"):
        open_features(tmp_path).of("en", "test")
    np.save(path, np.zeros((2, 1, 2), np.float16))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(InputError, match="cannot be read"):
        open_features(tmp_path).of("en", "test")
