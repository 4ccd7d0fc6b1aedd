"""Labels: renamed, checked, in order, and the same in all languages."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from equiglot.errors import InputError
from equiglot.recipe.scoring import NamedEntityFineTuning
from equiglot.tasks import NamedEntities, PartOfSpeech, Place, Topic
from equiglot.tasks.arranging import UNIVERSAL, check_agreement, in_order, labelling, stray

FILES = {"kind": "bio", "train": "a", "test": "b"}


def entities(**settings: Any) -> NamedEntities:
    return NamedEntities(task="ner", data=FILES, **settings)


def speech(**settings: Any) -> PartOfSpeech:
    return PartOfSpeech(task="pos", data=FILES, **settings)


def test_the_seventeen_universal_tags() -> None:
    label = labelling(speech(), "en")
    assert len(UNIVERSAL) == 17 and list(UNIVERSAL) == sorted(UNIVERSAL)
    assert [label(tag) for tag in UNIVERSAL] == list(UNIVERSAL)
    assert in_order(speech(), ["X", "NOUN"]) == UNIVERSAL


def test_a_language_renames_before_all() -> None:
    task = speech(map={"all": {"CONJ": "CCONJ", "_": "X"}, "el": {"CONJ": "SCONJ"}})
    assert [labelling(task, language)("CONJ") for language in ("el", "ru")] == ["SCONJ", "CCONJ"]
    assert [labelling(task, language)("_") for language in ("el", "ru")] == ["X", "X"]


@pytest.mark.parametrize("tag", ["_", "CONJ", "noun", ""])
def test_no_universal_tag(tag: str) -> None:
    with pytest.raises(ValueError) as caught:
        labelling(speech(), "ru")(tag)
    what, fix = caught.value.args
    assert (what == "A label is missing.") if not tag else (repr(tag) in what and f"map: {{ru: {{{tag}: ...}}}}" in fix)


@pytest.mark.parametrize(
    ("tag", "settings", "result"),
    [
        ("O", {}, "O"),
        ("B-PER", {}, "B-PER"),
        ("I-GROUP-NAME", {}, "I-GROUP-NAME"),
        ("B-NAME", {"map": {"vi": {"NAME": "PER"}}}, "B-PER"),
        ("I-NAME", {"map": {"all": {"NAME": "PER"}}, "types": ["PER"]}, "I-PER"),
        ("I-NAME", {"types": ["PER"]}, "O"),
        ("I-AGE", {"map": {"vi": {"AGE": "O"}}}, "O"),
        ("S-PER", {"map": {"vi": {"S-PER": "B-PER"}}}, "B-PER"),  # IOBES, tag by tag
        ("_", {"map": {"all": {"_": "O"}}}, "O"),
    ],
)
def test_entities(tag: str, settings: dict[str, Any], result: str) -> None:
    assert labelling(entities(**settings), "vi")(tag) == result


@pytest.mark.parametrize("tag", ["PER", "S-PER", "B-", "I", "B", "o", "", "B_PER"])
def test_no_bio_tag(tag: str) -> None:
    with pytest.raises(ValueError, match="is no BIO tag"):
        labelling(entities(), "vi")(tag)


def test_order() -> None:
    assert in_order(entities(), ["O", "I-PER", "B-PER", "Z-X"]) == ("B-PER", "I-PER", "Z-X", "O")
    topic = Topic(task="topic", data={"kind": "tsv"})
    assert in_order(topic, ["αθλητικά", "O", "travel", "O"]) == ("O", "travel", "αθλητικά")


@pytest.mark.parametrize(
    ("tags", "count"),
    [
        ("B-PER I-PER I-PER O B-LOC I-LOC", 0),
        ("I-PER I-PER O", 1),
        ("B-LOC I-PER I-PER I-LOC", 2),
        ("O I-LOC B-LOC B-LOC O I-LOC", 2),
        ("B-PER O I-PER", 1),
    ],
)
def test_inside_of_nothing(tags: str, count: int) -> None:
    assert stray(tags.split()) == count


@given(st.lists(st.sampled_from(["O", "B-A", "I-A", "B-B", "I-B"]), min_size=1))
def test_inside_of_nothing_by_hand(tags: Sequence[str]) -> None:
    count, inside = 0, ""
    for tag in tags:
        count += tag.startswith("I-") and inside != tag[2:]
        inside = tag[2:]
    assert stray(tags) == count


FOUND = {
    "de": {"O", "B-PER", "I-PER", "B-LOC"},
    "eu": {"O", "I-PER", "B-LOC", "B-MISC"},
    "el": {"B-MISC", "B-PER", "B-LOC"},
    "vi": {"B-NAME", "B-LOC"},
}


def test_languages_that_agree() -> None:
    check_agreement(entities(), {"de": FOUND["de"], "ru": {"B-LOC", "B-PER"}})
    check_agreement(entities(), {"hi": {"B-X"}})
    check_agreement(speech(), {"de": {"X"}, "ru": {"NOUN"}})
    check_agreement(Place(task="place"), {"de": {"first"}, "ru": {"last"}})


def test_types_that_differ() -> None:
    with pytest.raises(InputError) as caught:
        check_agreement(entities(), FOUND)
    assert "(de: LOC, PER; eu, el: LOC, MISC, PER; vi: LOC, NAME)" in caught.value.what
    assert "types: [LOC]" in str(caught.value.fix) and "map" in str(caught.value.fix)
    assert caught.value.where == "evaluation.ner"


def test_no_type_in_common() -> None:
    with pytest.raises(InputError) as caught:
        check_agreement(entities(), {"de": {"B-PER"}, "vi": {"B-NAME"}, "te": {"O"}})
    assert "te: none" in caught.value.what and "types" not in str(caught.value.fix)


def test_a_type_that_nobody_has() -> None:
    with pytest.raises(InputError, match="No training data has entities of the type PERS") as caught:
        check_agreement(entities(types=["LOC", "PERS"]), {"de": {"B-LOC", "O"}})
    assert caught.value.where == "evaluation.ner.types" and "there is: LOC" in str(caught.value.fix)


def test_classes_that_differ() -> None:
    topic = Topic(task="topic", data={"kind": "tsv"})
    check_agreement(topic, {"de": {"sports", "health"}, "ko": {"health", "sports"}})
    with pytest.raises(InputError, match=r"different classes \(de: health, sports; ko: health\)"):
        check_agreement(topic, {"de": {"sports", "health"}, "ko": {"health"}})


def test_languages_that_are_trained_on_one_by_one_need_not_agree() -> None:
    kinds = {"de": {"B-LOC"}, "ru": {"B-PER"}}
    with pytest.raises(InputError, match="different types of entities"):
        check_agreement(entities(), kinds)
    fields = {**entities().model_dump(exclude_unset=True), "method": "finetune"}
    check_agreement(NamedEntityFineTuning.model_validate(fields), kinds)
    with pytest.raises(InputError, match="different types of entities"):
        check_agreement(NamedEntityFineTuning.model_validate({**fields, "train": ["de"]}), kinds)
