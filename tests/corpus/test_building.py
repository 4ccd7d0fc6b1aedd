import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equiglot.corpus import (
    LanguageText,
    TextSettings,
    build_corpus,
    fold,
    read_sentences,
    read_statistics,
    sentence_length,
)
from equiglot.corpus import building as building_module
from equiglot.corpus import opening as opening_module
from equiglot.corpus import sorting as sorting_module
from equiglot.corpus import sources as sources_module
from equiglot.corpus import spool as spool_module
from equiglot.errors import InputError, refusal
from tests.articles import ARTICLE

Build = Callable[..., Any]
Write = Callable[..., str]
Sentences = Callable[..., list[str]]


def everything(splits: dict[str, list[str]]) -> list[str]:
    return [text for texts in splits.values() for text in texts]


def test_a_corpus(build: Build, written: Write, sentences: Sentences) -> None:
    texts = sentences(200)
    statistics, splits = build(written("\n".join(texts)))
    assert sorted(everything(splits)) == sorted(texts)
    assert {name: len(found) for name, found in splits.items()} == {"train": 190, "valid": 5, "test": 5}
    for name, found in splits.items():
        size = getattr(statistics, name)
        assert (size.documents, size.sentences, size.characters) == (len(found),) * 2 + (sum(map(len, found)),)
    assert splits["train"] != [text for text in texts if text in splits["train"]]  # drawn at random
    assert (statistics.language, statistics.parallel) == ("en", False)


def test_steps_add_up(build: Build, written: Write, sentences: Sentences) -> None:
    texts = sentences(300)
    noisy = [*texts, *texts[:20], *(text.upper() for text in texts[20:50]), "short", "1234567890 1234", "a\tb " * 30]
    statistics, splits = build(written("\n".join(noisy)), overlap=0.5, characters=2000)
    steps = statistics.steps
    for before, after in pairwise(steps):
        assert before.left == after.entered
    assert all(step.left == step.entered - step.dropped for step in steps if step.name != "sentence splitting")
    assert steps[-1].left == len(everything(splits))
    dropped = {step.name: step.dropped for step in steps}
    assert dropped["exact duplicates"] == 20 and dropped["near duplicates"] == 30
    assert statistics.train.characters <= 2000 < statistics.train.characters + 200


def test_deterministic_and_seeded(build: Build, written: Write, sentences: Sentences) -> None:
    path = written("\n".join(sentences(200)))
    first, again, other = build(path), build(path), build(path, seed=1)
    assert first == again
    assert first[1]["train"] != other[1]["train"]
    # The seed draws; it does not split.
    assert sorted(first[1]["test"]) == sorted(other[1]["test"])


def test_the_place_of_a_file_does_not_matter(build: Build, written: Write, sentences: Sentences) -> None:
    text = "\n".join(sentences(100))
    assert build(written(text, "a.txt"))[1] == build(written(text, "elsewhere/b.txt"))[1]


def test_block_sizes_do_not_matter(
    build: Build, written: Write, sentences: Sentences, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = sentences(400) + sentences(100)
    path = written("\n".join(text + "\n" * (i % 7 == 0) for i, text in enumerate(texts)))
    whole = build(path, overlap=0.5, start=0.3, characters=9000)
    for module, name, size in (
        (building_module, "BATCH_CHARACTERS", 100), (spool_module, "BLOCK", 7), (spool_module, "TEXT_BLOCK", 200),
        (opening_module, "BLOCK_CHARACTERS", 64), (sources_module, "PIECE_PARAGRAPHS", 2),
        (sorting_module, "LIMIT", 500), (sorting_module, "WAITING", 300), (sorting_module, "ROWS", 3),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, size)
    assert build(path, overlap=0.5, start=0.3, characters=9000) == whole


letter_words = st.text("abcd AB.", min_size=3, max_size=12)


@settings(max_examples=40, deadline=None)
@given(st.lists(letter_words.filter(fold), min_size=60, max_size=90), st.sampled_from([1, 3, 0.1, 0.2]), st.booleans())
def test_splits_are_disjoint(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], size: int | float, blank: bool
) -> None:
    folder = tmp_path_factory.mktemp("corpus")
    (folder / "text").write_text("\n".join(text + "\n" * (blank and i % 3 == 0) for i, text in enumerate(texts)))
    into = folder / "into"
    into.mkdir()
    chosen = TextSettings(min_characters=1, valid=size, test=size, split_sentences=False)
    try:
        build_corpus("en", LanguageText(text=str(folder / "text")), chosen, 0, into)
    except InputError:
        return  # too little is left of such text: said, not hidden
    found = [
        {fold(text) for batch in read_sentences(into / f"{name}.arrow") for text in batch}
        for name in ("train", "valid", "test")
    ]
    assert not found[0] & found[1] and not found[0] & found[2] and not found[1] & found[2]
    statistics = read_statistics(into)
    assert [len(texts) for texts in found] == [
        statistics.train.sentences, statistics.valid.sentences, statistics.test.sentences
    ]  # fmt: skip
    if isinstance(size, int):
        assert statistics.valid.sentences == statistics.test.sentences == size


def test_documents_stay_whole(build: Build, written: Write, sentences: Sentences) -> None:
    texts = sentences(600)
    documents = [texts[i : i + 6] for i in range(0, 600, 6)]
    statistics, splits = build(written("\n\n".join("\n".join(d) for d in documents)), valid=0.1, test=20)
    owner = {text: i for i, document in enumerate(documents) for text in document}
    parts = {name: [owner[text] for text in found] for name, found in splits.items()}
    assert not set(parts["train"]) & set(parts["valid"]) and not set(parts["train"]) & set(parts["test"])
    assert len(splits["test"]) == 20
    rest = next(step for step in statistics.steps if step.name.startswith("rest of a document"))
    assert rest.dropped == 4  # 20 sentences are three documents and two sentences
    # Together and in order.
    for number in set(parts["train"]):
        at = parts["train"].index(number)
        assert splits["train"][at : at + 6] == documents[number]
    assert statistics.train.documents == len(set(parts["train"]))


def test_a_smaller_draw_is_a_prefix(build: Build, written: Write, sentences: Sentences) -> None:
    path = written("\n".join(sentences(300)))
    whole, part = build(path)[1]["train"], build(path, characters=3000)[1]["train"]
    assert part == whole[: len(part)] and 40 < len(part) < 100


def test_starts_turn_the_ring(build: Build, written: Write, sentences: Sentences) -> None:
    path = written("\n".join(sentences(400)))
    whole, turned = build(path), build(path, start=0.5)
    at = whole[1]["train"].index(turned[1]["train"][0])
    assert 140 < at < 260
    assert turned[1]["train"] == whole[1]["train"][at:] + whole[1]["train"][:at]
    assert turned[1]["test"] == whole[1]["test"]  # held-out text is the same wherever drawing starts


def test_a_prefix_is_a_sample_of_all(build: Build, written: Write, sentences: Sentences) -> None:
    texts = sentences(2000)
    place = {text: i for i, text in enumerate(texts)}
    first = build(written("\n".join(texts)))[1]["train"][:200]
    assert 800 < sum(place[text] for text in first) / 200 < 1200


def test_real_scripts(data: Path, build: Build) -> None:
    for language in ("ru", "el", "hi", "te", "ko", "ur", "vi"):
        statistics, splits = build([str(data / language)], language, valid=50, test=50, overlap=0.5, characters=50_000)
        assert len(splits["valid"]) == len(splits["test"]) == 50
        assert 45_000 < statistics.train.characters <= 50_000
        keys = [fold(text) for text in everything(splits)]
        assert len(set(keys)) == len(keys)


@pytest.mark.parametrize(
    ("count", "chosen", "message"),
    [
        (12, {"valid": 4, "test": 4}, "12 sentences after cleaning; validation .4. and test .4."),
        (12, {"min_characters": 900}, "Nothing is left of the text of en"),
        (3, {"valid": 0.01, "test": 0.01}, "3 sentences in 3 documents"),
        (30, {"characters": 3, "valid": 2, "test": 2}, "No training text is left for en"),
    ],
)
def test_too_little_text(
    build: Build, written: Write, sentences: Sentences, count: int, chosen: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        build(written("\n".join(sentences(count))), **chosen)
    assert caught.value.fix and "languages.en" in str(caught.value.where)


def test_what_one_language_holds_out_can_be_its_own(build: Build, written: Write, sentences: Sentences) -> None:
    statistics, splits = build(written("\n".join(sentences(200))), valid=150, test=150, held_out=12)
    assert {name: len(found) for name, found in splits.items()} == {"train": 176, "valid": 12, "test": 12}
    assert (statistics.valid.sentences, statistics.test.sentences) == (12, 12)


def test_one_document_cannot_be_split_by_share(build: Build, written: Write, sentences: Sentences) -> None:
    texts = sentences(50)
    with pytest.raises(InputError, match=r"50 sentences in 2 documents"):
        build(written("\n".join(texts[:48]) + "\n\n" + "\n".join(texts[48:])), valid=0.05, test=0.05)


@pytest.mark.parametrize("sizes", [{"valid": 20, "test": 20}, {"valid": 0.05, "test": 20}])
def test_one_document_with_sentences_enough_is_no_reason_to_hold_out_fewer(
    build: Build, written: Write, sentences: Sentences, sizes: dict[str, Any]
) -> None:
    rows = json.dumps({"text": "\n".join(sentences(700))})
    with pytest.raises(InputError, match=r"in one document, for training, validation \(.*\) and test \(20\)") as caught:
        build({"kind": "jsonl", "paths": written(rows, "en.jsonl")}, **sizes)
    assert "more than half" not in caught.value.what and "more documents" in str(caught.value.fix)


def test_progress_is_told(written: Write, sentences: Sentences, tmp_path: Path) -> None:
    told: dict[str, int] = {}
    (tmp_path / "into").mkdir()
    texts = sentences(100)
    build_corpus(
        "en",
        LanguageText(text=written("\n".join(texts))),
        TextSettings(valid=5, test=5),
        0,
        tmp_path / "into",
        lambda stage, amount: told.update({stage: told.get(stage, 0) + amount}),
    )
    assert told == {"reading": sum(map(len, texts)), "comparing": 100, "writing": 100}


def test_a_full_disk_is_said_and_leaves_nothing_behind(
    written: Write, sentences: Sentences, tmp_path: Path, file_size_limit: Callable[[int], Any]
) -> None:
    path = written("\n".join(sentences(2000)))
    (tmp_path / "into").mkdir()
    with file_size_limit(20_000), pytest.raises(OSError) as caught:
        build_corpus("en", LanguageText(text=path), TextSettings(valid=5, test=5), 0, tmp_path / "into")
    refused = refusal(caught.value, "job corpus/en")
    assert refused is not None and refused.fix is not None and "room on the disk" in refused.fix
    assert not list((tmp_path / "into").iterdir())


def test_nothing_is_left_behind_by_a_failure(written: Write, tmp_path: Path) -> None:
    (tmp_path / "into").mkdir()
    with pytest.raises(InputError):
        build_corpus("en", LanguageText(text=written("a\n")), TextSettings(), 0, tmp_path / "into")
    assert not list((tmp_path / "into").iterdir())


def test_how_long_sentences_are(written: Write, tmp_path: Path) -> None:
    """In characters; and so that scripts compare, those of Han and Hangul twice."""
    settings = TextSettings(min_characters=1, split_sentences=False)
    for code in ("en", "ru", "hi", "ko", "zh"):
        source = LanguageText.model_validate({"text": written(ARTICLE[code], f"{code}.txt")})
        found = sentence_length(code, source, settings)
        assert found is not None
        characters, weighted = found
        dense = sum("\u2e80" < letter < "\ud7ff" for letter in ARTICLE[code])
        assert (characters, weighted) == (len(ARTICLE[code]), len(ARTICLE[code]) + dense)
        assert (dense > 10) == (code in ("ko", "zh"))
    empty = LanguageText.model_validate({"text": written("...", "en.txt")})
    assert sentence_length("en", empty, settings) is None
