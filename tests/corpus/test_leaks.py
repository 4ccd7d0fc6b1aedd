"""Held-out sentences of one language in the training text of another."""

from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from equiglot.corpus import SentenceWriter, find_leaks, fold, read_leaks, read_sentences
from equiglot.corpus import leaks as leaks_module

Text = Mapping[str, Mapping[str, Sequence[str]]]

LEAKY: Text = {
    "en": {
        "train": ["Open the file.", "Ein Satz aus dem Buch."],
        "valid": ["Close the window."],
        "test": ["Save the page.", "Print the page!", "Copy the text."],
    },
    "fr": {
        "train": ["Save the page.", "save THE page", "Print the page.", "Ouvrez le fichier.", "Close the window."],
        "valid": ["Fermez la porte."],
        "test": ["Imprimez la page."],
    },
    "de": {"train": ["Save the page."], "valid": ["Ein Satz."], "test": ["Ein Satz aus dem Buch."]},
}


def written(folder: Path, text: Text) -> dict[str, Path]:
    for language, splits in text.items():
        (folder / language).mkdir(parents=True)
        for split, sentences in splits.items():
            encoded = [sentence.encode() for sentence in sentences]
            with SentenceWriter(folder / language / f"{split}.arrow") as writer:
                writer.write(b"".join(encoded), [len(sentence) for sentence in encoded])
    (folder / "leaks").mkdir()
    return {language: folder / language for language in text}


def sentences_of(folder: Path, language: str) -> list[str]:
    return list(chain.from_iterable(read_sentences(folder / language / "train.arrow")))


def test_leaks_are_counted_and_told(tmp_path: Path) -> None:
    leaks = find_leaks(written(tmp_path, LEAKY), tmp_path / "leaks", drop=False)
    english, french, german = leaks.languages.values()
    assert (english.test, english.found, english.where) == (3, 2, {"fr": 2, "de": 1})
    assert (french.test, french.found, french.where) == (1, 0, {})
    assert (german.test, german.found, german.where) == (1, 1, {"en": 1})
    assert (french.leaked.sentences, english.leaked.sentences) == (4, 1)
    assert leaks.warnings[0] == (
        "2 of 3 test sentences of en stand in the training text of fr (2), de (1); "
        "text.drop_leaks: true drops it from there"
    )
    assert len(leaks.warnings) == 2 and read_leaks(tmp_path / "leaks") == leaks
    assert [file.name for file in (tmp_path / "leaks").iterdir()] == ["leaks.json"]


def test_leaks_are_dropped_from_training_text_where_asked(tmp_path: Path) -> None:
    leaks = find_leaks(written(tmp_path, LEAKY), tmp_path / "leaks", drop=True)
    left = {code: sentences_of(tmp_path / "leaks", code) for code in LEAKY}
    assert left == {"en": ["Open the file."], "fr": ["Ouvrez le fichier."], "de": []}
    assert leaks.languages["fr"].found == 0 and "was dropped" in leaks.warnings[0]


letters = st.lists(st.sampled_from(["ab", "AB", "ab!", "cd", "c d", "ef", "gh."]), max_size=8)


@given(st.lists(st.tuples(letters, letters, letters), min_size=2, max_size=3))
def test_leaks_are_those_that_the_slow_way_finds(
    tmp_path_factory: pytest.TempPathFactory, languages: list[tuple[list[str], list[str], list[str]]]
) -> None:
    names = ("train", "valid", "test")
    text = {f"l{n}": dict(zip(names, splits, strict=True)) for n, splits in enumerate(languages)}
    folder = tmp_path_factory.mktemp("text")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(leaks_module, "_BATCH", 3)
        leaks = find_leaks(written(folder, text), folder / "leaks", drop=True)
    for own, splits in text.items():
        others = {code: {fold(each) for each in text[code]["train"]} for code in text if code != own}
        held_out = {fold(each) for code in others for part in names[1:] for each in text[code][part]}
        found = [each for each in splits["test"] if fold(each) in set().union(*others.values())]
        assert (leaks.languages[own].test, leaks.languages[own].found) == (len(splits["test"]), len(found))
        where = {code: sum(fold(each) in train for each in splits["test"]) for code, train in others.items()}
        assert leaks.languages[own].where == {code: count for code, count in where.items() if count}
        left = sentences_of(folder / "leaks", own)
        assert left == [each for each in splits["train"] if fold(each) not in held_out]
        assert leaks.languages[own].leaked.sentences == len(splits["train"]) - len(left)
