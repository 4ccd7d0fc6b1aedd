import random
import unicodedata
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from equiglot.corpus import fold
from equiglot.corpus.characters import Letters, code_points, fold_table, letters_of, ngram_hashes, sequence_hashes

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


def letters(*sentences: str) -> Letters:
    return letters_of(code_points("".join(sentences)), np.array([len(s) for s in sentences], np.int64))


def test_folding_is_idempotent_for_every_code_point() -> None:
    table = fold_table()
    assert (table[table] == table).all()


@given(text)
def test_folding_is_idempotent(line: str) -> None:
    assert fold(fold(line)) == fold(line)


@given(text)
def test_folding_keeps_letters_and_marks_only(line: str) -> None:
    assert all(unicodedata.category(c) in ("Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc") for c in fold(line))


@pytest.mark.parametrize(
    ("line", "folded"),
    [
        ("Straße, 12!", "straße"),
        ("ΣΊΣΥΦΟΣ", "σίσυφοσ"),
        ("Ёж и ЁЛКА", "ёжиёлка"),
        ("İstanbul", "istanbul"),
        ("हिन्दी १२।", "हिन्दी"),  # vowel signs and virama stay
        ("తెలుగు", "తెలుగు"),
        ("한국어 3", "한국어"),
        ("می‌آیند", "میآیند"),  # the joiner goes: it is often left out
        ("❤️ 5️⃣ …", ""),
    ],
)
def test_folding_in_many_scripts(line: str, folded: str) -> None:
    assert fold(line) == folded


def test_vowel_signs_tell_words_apart() -> None:
    assert fold("कि") != fold("की") and fold("คา") != fold("คี")


@given(st.lists(text, max_size=8))
def test_letters_of_many_equal_those_of_each(sentences: list[str]) -> None:
    found = letters(*sentences)
    ends = [0, *found.ends.tolist()]
    each = [found.codes[a:b].tobytes().decode("utf-32-le") for a, b in pairwise(ends)]
    assert each == [fold(s) for s in sentences]
    assert found.counts.tolist() == [len(s) for s in each]


@given(st.lists(text, max_size=8))
def test_a_hash_depends_on_its_sequence_alone(sentences: list[str]) -> None:
    found = letters(*sentences)
    hashes = sequence_hashes(found.codes, found.ends)
    for sentence, value in zip(sentences, hashes, strict=True):
        alone = letters(sentence)
        assert sequence_hashes(alone.codes, alone.ends)[0] == value


def test_hashes_do_not_collide() -> None:
    chance = random.Random(0)
    words = {"".join(chance.choices("ab", k=chance.randint(1, 14))) for _ in range(100_000)}
    ordered = sorted(words)
    codes = code_points("".join(ordered))
    assert len(np.unique(sequence_hashes(codes, np.cumsum([len(w) for w in ordered])))) == len(ordered)


def ngrams(sentence: str) -> list[str]:
    """The n-grams of a folded sentence, the slow way."""
    folded = fold(sentence)
    widths = [4 if 0x2E80 < ord(c) < 0xD800 else 8 for c in folded]
    return [folded[i : i + n] for i, n in enumerate(widths) if i + n <= len(folded)]


@given(st.lists(st.text("abAB, 한글自由のहि"), max_size=6))
def test_ngrams_equal_the_slow_way(sentences: list[str]) -> None:
    hashes, owner = ngram_hashes(letters(*sentences))
    expected = [(i, g) for i, s in enumerate(sentences) for g in ngrams(s)]
    assert owner.tolist() == [i for i, _ in expected]
    value: dict[str, int] = {}
    for (_, gram), found in zip(expected, hashes.tolist(), strict=True):
        assert value.setdefault(gram, found) == found
    assert len(set(value.values())) == len(value)
