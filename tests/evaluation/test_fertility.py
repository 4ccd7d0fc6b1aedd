"""How tokenizers cut a language, against counting by hand; and vocabularies of the language's own."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerFast

from equiglot.evaluation.fertility import FEWEST_SENTENCES, FOLDS, Segmentation, measure_segmentation, own_vocabulary
from equiglot.evaluation.statistics import Bootstrap
from equiglot.vocabulary import VocabularySettings, learn_tokenizer, pieces_of
from tests.stock import KINDS, SCRIPTS, train_tokenizer

LINES = [*SCRIPTS.values(), "dignity and rights", "word ☃ snow", "  two   spaces  "]
BOOTSTRAP = Bootstrap(200, 0)


def cut(tokenizer: PreTrainedTokenizerFast, lines: list[str], most: int = 10) -> Segmentation:
    return measure_segmentation(tokenizer, lines, "xx", max_tokens=most, bootstrap=BOOTSTRAP)


@pytest.mark.parametrize("kind", KINDS)
def test_all_is_counted_as_by_hand(kind: str) -> None:
    tokenizer = train_tokenizer(kind)
    found, pieces = cut(tokenizer, LINES), pieces_of(tokenizer)
    rows = [tokenizer.encode(line, add_special_tokens=False) for line in LINES]
    words, characters = [len(line.split()) for line in LINES], [len("".join(line.split())) for line in LINES]
    tokens = sum(map(len, rows))
    assert (found.sentences, found.words, found.tokens) == (len(LINES), sum(words), tokens)
    assert found.tokens_a_word.value == pytest.approx(tokens / sum(words))
    assert found.characters_a_token.value == pytest.approx(sum(characters) / tokens)
    assert found.too_long.value == pytest.approx(np.mean([len(row) > 10 for row in rows]))
    ids = Counter(each for row in rows for each in row)
    assert found.bare.value == pytest.approx(
        sum(ids[i] for i, each in enumerate(pieces.surfaces) if each == "") / tokens
    )
    real = {i: times for i, times in ids.items() if pieces.tokens[i] is not None}
    assert found.use.size == sum(token is not None for token in pieces.tokens)
    assert found.use.seen == found.use.frequent[1] == len(real)
    assert found.use.frequent.get(2, 0) == sum(times >= 2 for times in real.values())
    most = [times for _, times in Counter(real).most_common()]
    assert sum(most[: found.use.needed]) >= 0.95 * sum(most) > sum(most[: found.use.needed - 1])
    for each in (found.tokens_a_word, found.characters_a_token, found.unknown, found.bare, found.too_long):
        assert each.low <= each.value <= each.high


def test_words_that_a_vocabulary_lacks() -> None:
    found = cut(train_tokenizer("wordpiece"), ["dignity and rights", "dignity ☃ rights", "☃and rights"])
    assert found.unknown.value == pytest.approx(2 / 8)
    assert cut(train_tokenizer("byte-bpe"), ["dignity ☃ rights"]).unknown.value == 0


def test_no_sentence_is_refused() -> None:
    with pytest.raises(ValueError, match="no sentence in xx"):
        cut(train_tokenizer("wordpiece"), [])


def text(count: int, seed: int = 0) -> list[str]:
    """Sentences of made-up words that share stems and endings."""
    draw = np.random.default_rng(seed)
    stems = ["".join(draw.choice(list("abdeiklmnoprstu"), 5)) for _ in range(80)]
    words = [stem + end for stem in stems for end in ("", "a", "am", "os", "iem")]
    weights = 1 / np.arange(1, len(words) + 1)
    return [" ".join(draw.choice(words, 8, p=weights / weights.sum())) for _ in range(count)]


@pytest.mark.parametrize("kind", ["wordpiece", "unigram", "byte-bpe", "bpe"])
def test_own_vocabularies_cut_what_they_were_not_learnt_from(kind: str) -> None:
    lines, tokenizer = text(120), train_tokenizer(kind)
    size = 400
    own = own_vocabulary(tokenizer, lines, "xx", size=size, bootstrap=BOOTSTRAP)
    assert own is not None and own.algorithm == kind and own.size <= own.asked == size and own.sentences == 120
    learning = VocabularySettings(
        algorithm=own.algorithm,  # type: ignore[arg-type]
        size=size,
        lowercase=kind == "wordpiece",
        accents="letters" if kind == "wordpiece" else "keep",
    )
    tokens = 0
    for fold in range(FOLDS):
        learnt = learn_tokenizer([line for at, line in enumerate(lines) if at % FOLDS != fold], learning)
        tokens += sum(len(learnt.encode(line, add_special_tokens=False)) for line in lines[fold::FOLDS])
    assert own.tokens_a_word.value == pytest.approx(tokens / (8 * 120))
    theirs = cut(tokenizer, lines)
    assert own.ratio.value == pytest.approx(theirs.tokens / tokens) and own.ratio.low <= own.ratio.value
    assert own.ratio.value > 1  # a tokenizer that was learnt from other languages


def test_more_text_makes_a_better_vocabulary() -> None:
    tokenizer = train_tokenizer("wordpiece")
    few, many = (
        own_vocabulary(tokenizer, text(count), "xx", size=800, bootstrap=BOOTSTRAP) for count in (FEWEST_SENTENCES, 600)
    )
    assert few is not None and many is not None
    assert few.size < many.size and few.tokens_a_word.value > many.tokens_a_word.value


def test_what_cannot_be_learnt_is_none() -> None:
    tokenizer = train_tokenizer("wordpiece")
    assert own_vocabulary(tokenizer, text(FEWEST_SENTENCES - 1), "xx", size=400, bootstrap=BOOTSTRAP) is None
    letters = ["".join(map(chr, range(0x4E00 + 10 * at, 0x4E0A + 10 * at))) for at in range(FEWEST_SENTENCES)]
    assert own_vocabulary(tokenizer, letters, "xx", size=400, bootstrap=BOOTSTRAP) is None


@settings(max_examples=20, deadline=None)
@given(st.permutations(range(len(LINES))))
def test_the_order_of_sentences_does_not_count(order: list[int]) -> None:
    tokenizer = train_tokenizer("unigram")
    one, other = cut(tokenizer, LINES), cut(tokenizer, [LINES[at] for at in order])
    assert one.use == other.use and one.tokens_a_word.value == pytest.approx(other.tokens_a_word.value)
