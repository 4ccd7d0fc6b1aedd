"""Pseudo-log-likelihood against a plain loop over the stock model, one token at a time."""

from pathlib import Path

import numpy as np
import pytest
import torch

from equiglot.evaluation import pseudo_likelihood
from equiglot.evaluation.lines import TokenizedLines, tokenize_lines
from equiglot.evaluation.pseudo_likelihood import word_bits
from equiglot.models import OpenModel, open_model
from tests.stock import ARCHITECTURES, SCRIPTS, save_stock

LINES = [*(SCRIPTS[code][:15] for code in ("en", "ru", "te")), "自由 free", "a"]


@torch.no_grad()
def _plain_loop(opened: OpenModel, lines: TokenizedLines) -> list[float]:
    """PLL-word-l2r as the paper says it: no batches, no shortened projection."""
    tokenizer = opened.tokenizer
    bits = [0.0] * len(lines.characters)
    for piece in range(len(lines.text)):
        begin, end = lines.text.offsets[piece : piece + 2].tolist()
        ids, words = lines.text.ids[begin:end].tolist(), lines.words[begin:end].tolist()
        for place, gold in enumerate(ids):
            seen = [
                tokenizer.mask_token_id if at >= place and words[at] == words[place] else number
                for at, number in enumerate(ids)
            ]
            whole = [tokenizer.cls_token_id, *seen, tokenizer.sep_token_id]
            inputs = torch.tensor([whole], device=opened.model.device)
            logits = opened.model(input_ids=inputs).logits[0, place + 1]
            bits[words[place]] -= float(logits.double().log_softmax(-1)[gold]) / np.log(2)
    return [bit if whole else np.nan for bit, whole in zip(bits, lines.expressed.tolist(), strict=True)]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_bits_are_those_of_a_plain_loop(architecture: str, tmp_path: Path) -> None:
    opened = open_model("stock", str(save_stock(tmp_path, architecture)))
    lines = tokenize_lines(opened.tokenizer, LINES, 6)
    assert len(lines.text) > len(LINES), "some lines are longer than a piece"
    np.testing.assert_allclose(word_bits(opened, lines), _plain_loop(opened, lines), rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize(("tokens", "logits"), [(1, 1), (60, 10**6), (10**6, 10**9)])
def test_bits_do_not_depend_on_the_batches(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tokens: int, logits: int
) -> None:
    opened = open_model("stock", str(save_stock(tmp_path, "distilbert")))
    lines = tokenize_lines(opened.tokenizer, LINES, opened.max_tokens)
    usual = word_bits(opened, lines)
    monkeypatch.setattr(pseudo_likelihood, "_TOKENS", tokens)
    monkeypatch.setattr(pseudo_likelihood, "_LOGITS", logits)
    np.testing.assert_allclose(word_bits(opened, lines), usual, rtol=1e-4, atol=1e-4)


def test_words_that_the_vocabulary_lacks_are_not_free(tmp_path: Path) -> None:
    opened = open_model("stock", str(save_stock(tmp_path, "bert")))
    lines = tokenize_lines(opened.tokenizer, ["born 自由 free"], 99)
    bits = word_bits(opened, lines)
    assert np.isnan(bits).tolist() == [False, True, False]
    assert (bits[[0, 2]] > 0).all()


def test_the_rest_of_a_word_is_hidden(tmp_path: Path) -> None:
    """Without it the first token of a word would be read off the others: the plain score is another."""
    opened = open_model("stock", str(save_stock(tmp_path, "distilbert")))
    lines = tokenize_lines(opened.tokenizer, ["humanity"], 99)
    assert len(lines.words) > 2
    apart = TokenizedLines(
        lines.text,
        lines.lines,
        np.arange(len(lines.words)),
        np.zeros(len(lines.words), np.int64),
        np.ones(len(lines.words), np.int64),
        np.ones(len(lines.words), np.bool_),
        lines.altered,
        1,
    )
    assert abs(word_bits(opened, apart).sum() - word_bits(opened, lines).sum()) > 1e-3
