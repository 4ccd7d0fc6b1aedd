"""Tokens and the white-space words that they belong to, for three kinds of tokenizers."""

from itertools import pairwise

import numpy as np
import pytest

from equiglot.evaluation.lines import TokenizedLines, tokenize_lines
from tests.stock import KINDS, SCRIPTS, train_tokenizer

LINES = [*SCRIPTS.values(), "  two   spaces\tand a tab  ", "自由 平等", "word"]


def _pieces(lines: TokenizedLines) -> list[list[int]]:
    return [part.tolist() for part in np.split(lines.text.ids, lines.text.offsets[1:-1])]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("longest", [1, 3, 7, 1000])
def test_nothing_is_left_out(kind: str, longest: int) -> None:
    tokenizer = train_tokenizer(kind)
    lines = tokenize_lines(tokenizer, LINES, longest)
    assert max(lines.text.lengths) <= longest and min(lines.text.lengths) > 0
    whole = [tokenizer.encode(line, add_special_tokens=False) for line in LINES]
    assert lines.text.ids.tolist() == [number for line in whole for number in line]
    per_line = np.bincount(lines.lines, weights=lines.text.lengths, minlength=len(LINES))
    assert per_line.tolist() == [len(line) for line in whole]
    assert lines.count == len(LINES)


@pytest.mark.parametrize("kind", KINDS)
def test_words_are_those_between_spaces(kind: str) -> None:
    tokenizer = train_tokenizer(kind)
    lines = tokenize_lines(tokenizer, LINES, 1000)
    written = [word for line in LINES for word in line.split()]
    assert lines.characters.tolist() == [len(word) for word in written]
    assert lines.word_lines.tolist() == [number for number, line in enumerate(LINES) for _ in line.split()]
    for number, word in enumerate(written):
        ids = lines.text.ids[lines.words == number].tolist()
        alone = "".join(tokenizer.decode(ids, skip_special_tokens=False).split())
        if lines.expressed[number] and kind != "wordpiece":
            assert alone == word
        elif lines.expressed[number]:
            assert alone.replace("##", "") == tokenizer.backend_tokenizer.normalizer.normalize_str(word)
        else:
            assert tokenizer.unk_token_id in ids


@pytest.mark.parametrize("kind", KINDS)
def test_words_are_the_same_for_every_tokenizer(kind: str) -> None:
    ours, others = (tokenize_lines(train_tokenizer(each), LINES, 9) for each in (kind, "byte-bpe"))
    assert np.array_equal(ours.characters, others.characters) and np.array_equal(ours.word_lines, others.word_lines)


def test_pieces_end_between_words_where_they_can() -> None:
    tokenizer = train_tokenizer("wordpiece")
    lines = tokenize_lines(tokenizer, ["dignity rights dignity rights", "d" * 12], 5)
    words = np.split(lines.words, lines.text.offsets[1:-1])
    assert len(words) > 2
    of_first_line = [part for part, line in zip(words, lines.lines, strict=True) if line == 0]
    assert all(not set(a) & set(b) for a, b in pairwise(of_first_line))


def test_what_a_vocabulary_lacks_is_told() -> None:
    texts = ["born 自由 free", "born \u200b free", "All FREE born."]
    wordpiece = tokenize_lines(train_tokenizer("wordpiece"), texts, 99)
    assert wordpiece.expressed.tolist() == [True, False, True, True, False, True, True, True, True]
    assert wordpiece.altered.tolist()[6:] == [True, True, False]
    bytes_ = tokenize_lines(train_tokenizer("byte-bpe"), texts, 99)
    assert bytes_.expressed.all() and not bytes_.altered.any()


def test_a_mask_in_the_text_is_text() -> None:
    tokenizer = train_tokenizer("byte-bpe")
    assert tokenizer.mask_token_id not in tokenize_lines(tokenizer, ["a <mask> b </s>"], 99).text.ids
