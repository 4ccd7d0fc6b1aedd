"""Losses of sentences, against the plain model asked about one sentence at a time."""

import math
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch

from equiglot.corpus.documents import SentenceWriter
from equiglot.evaluation import sentence_losses, sentences
from equiglot.hashing import hash_name, hash_u64
from equiglot.models import OpenModel, open_model
from tests.articles import ARTICLE
from tests.stock import save_stock

_SEED = 5
_SENTENCES = [*ARTICLE.values(), "дом", "free and equal " * 25, "All", "the 漢字 beings are"]


def _write(path: Path, lines: list[str]) -> Path:
    encoded = [line.encode() for line in lines]
    with SentenceWriter(path) as writer:
        writer.write(b"".join(encoded), [len(each) for each in encoded])
    return path


def _open(folder: Path, architecture: str) -> OpenModel:
    opened = open_model("teacher", str(save_stock(folder, architecture)))
    for parameter in opened.model.parameters():
        parameter.data *= 3
    return opened


def _chosen(sentence: int, count: int, salt: str, allowed: list[int]) -> list[int]:
    hashes = [int(hash_u64(_SEED, hash_name(salt), sentence, number)[0]) for number in range(count)]
    below = [number for number in allowed if hashes[number] < int(0.15 * 2**64)]
    return below or sorted(allowed, key=hashes.__getitem__)[:1]


@torch.no_grad()
def _token_costs(opened: OpenModel, ids: list[int], hidden: list[int]) -> list[float]:
    special, model = opened.special, opened.model
    masked = [special.mask if place in hidden else number for place, number in enumerate(ids)]
    inputs: Any = torch.tensor([[special.first, *masked, special.last]], device=model.device)
    logs = model(input_ids=inputs, attention_mask=torch.ones_like(inputs)).logits.log_softmax(-1)[0, 1:]
    return [-logs[place, ids[place]].item() for place in hidden]


def _by_words(opened: OpenModel, number: int, sentence: str) -> float:
    encoding = opened.tokenizer(sentence, add_special_tokens=False, return_offsets_mapping=True)
    ids, starts = encoding["input_ids"], [start for start, _ in encoding["offset_mapping"]]
    words, end = [], 0
    for word in sentence.split():
        end = sentence.index(word, end) + len(word)
        words.append((word, end))
    # A piece may begin with the space before its word.
    of_tokens = [next(place for place, (_, end) in enumerate(words) if start < end) for start in starts]
    chosen = _chosen(number, len(words), "loss of words", list(range(len(words))))
    hidden = [place for place, word in enumerate(of_tokens) if word in chosen]
    costs, cost = dict(zip(hidden, _token_costs(opened, ids, hidden), strict=True)), 0.0
    for word in chosen:
        own = [place for place in hidden if of_tokens[place] == word]
        unknown = not own or any(ids[place] == opened.tokenizer.unk_token_id for place in own)
        blind = len(words[word][0]) * math.log(opened.model.config.vocab_size)
        cost += blind if unknown else sum(costs[place] for place in own)
    return cost / sum(len(words[word][0]) for word in chosen)


def _by_tokens(opened: OpenModel, number: int, sentence: str) -> float:
    ids = opened.tokenizer(sentence, add_special_tokens=False)["input_ids"]
    known = [place for place, identity in enumerate(ids) if identity != opened.tokenizer.unk_token_id]
    if not known:
        return math.nan
    return float(np.mean(_token_costs(opened, ids, _chosen(number, len(ids), "loss of tokens", known))))


@pytest.mark.parametrize("how", ["words", "tokens"])
@pytest.mark.parametrize("architecture", ["bert", "roberta", "xlm-roberta"])
def test_losses_are_those_of_the_plain_model(
    architecture: str, how: Literal["words", "tokens"], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = _open(tmp_path / "model", architecture)
    path, told = _write(tmp_path / "text.arrow", _SENTENCES), list[int]()
    losses = sentence_losses(opened, path, how=how, seed=_SEED, tell=told.append)
    assert losses.dtype == np.float32 and len(losses) == sum(told) == len(_SENTENCES)
    reference = _by_words if how == "words" else _by_tokens
    compared = 0
    for number, sentence in enumerate(_SENTENCES):
        if len(opened.tokenizer(sentence, add_special_tokens=False)["input_ids"]) <= opened.max_tokens:
            assert losses[number] == pytest.approx(reference(opened, number, sentence), rel=1e-4, nan_ok=True)
            compared += 1
    assert compared >= 4 and np.isfinite(losses).sum() >= compared - 1
    # The rest, too long to be read at once, is cut between words.
    assert np.isfinite(losses[_SENTENCES.index("free and equal " * 25)])
    monkeypatch.setattr(sentences, "_SENTENCES", 3)
    monkeypatch.setattr(sentences, "_TOKENS", 50)
    again = sentence_losses(opened, path, how=how, seed=_SEED)
    np.testing.assert_allclose(again, losses, rtol=1e-4)


def test_another_seed_asks_for_other_words(tmp_path: Path) -> None:
    opened, path = _open(tmp_path / "model", "bert"), _write(tmp_path / "text.arrow", _SENTENCES)
    one, other = (sentence_losses(opened, path, how="words", seed=seed) for seed in (1, 2))
    long = [number for number, sentence in enumerate(_SENTENCES) if len(sentence.split()) > 8]
    assert (one[long] != other[long]).mean() > 0.7
