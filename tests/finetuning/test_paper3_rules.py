"""`rules: paper3`: which words of trees, and which entities, count as in the code of paper 3."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from equiglot.errors import InputError
from equiglot.evaluation import METRICS, Bootstrap, Gold, score_labels
from equiglot.finetuning import FineTuning, fine_tune, name_data, neighbour_baseline
from equiglot.finetuning.epochs import gold_of
from equiglot.report.probes import how_counted
from equiglot.tasks import build_task, open_task
from equiglot.tasks.formats import read_conllu
from tests.finetuning.conftest import Model
from tests.finetuning.treebanks import write_treebanks

LABELS = ("B-LOC", "B-PER", "I-LOC", "I-PER", "O")
BOOTSTRAP = Bootstrap(20, 0)


def _with_punctuation(folder: Path) -> str:
    """Treebanks in which words with the relation punct are PUNCT, and those with det are SYM."""
    pattern = write_treebanks(folder, ["en", "el"])
    for file in folder.glob("*.conllu"):
        lines = [line.split("\t") for line in file.read_text(encoding="utf-8").split("\n")]
        for line in lines:
            if len(line) == 10:
                line[3] = {"punct": "PUNCT", "det": "SYM"}.get(line[7], "NOUN")
        file.write_text("\n".join("\t".join(line) for line in lines), encoding="utf-8")
    return pattern


def test_punctuation_and_symbols_do_not_count(tmp_path: Path) -> None:
    pattern = _with_punctuation(tmp_path / "data")
    tasks = {}
    for rules in ("official", "paper3"):
        (tmp_path / rules).mkdir()
        build_task(name_data("parse", [pattern], ["el"], rules=rules), ["el"], {}, tmp_path / rules)
        tasks[rules] = open_task(tmp_path / rules)
    labels = tasks["paper3"].summary.labels
    split, whole = (tasks[rules].split("el", "test") for rules in ("paper3", "official"))
    assert split is not None and whole is not None and split.scored is not None and whole.scored is None
    relations = [labels[number] for number in split.labels]
    assert split.scored.tolist() == [relation not in ("punct", "det") for relation in relations]
    assert split.labels.tolist() == whole.labels.tolist() and 0 < split.scored.sum() < len(split.labels)
    gold, wrong = gold_of(split), gold_of(split).labels.copy()
    wrong[~split.scored] = 99  # what does not count may be anything
    first = int(np.flatnonzero(split.scored)[0])
    wrong[first, 0] += 1
    (scored,) = score_labels("parse", labels, gold, [wrong], language="el", bootstrap=BOOTSTRAP)
    count = int(split.scored.sum())
    assert scored["uas"].value == scored["las"].value == pytest.approx(100 * (count - 1) / count)
    assert scored["las"].n == count
    (strict,) = score_labels("parse", labels, gold_of(whole), [wrong], language="el", bootstrap=BOOTSTRAP)
    assert strict["las"].value < scored["las"].value and strict["las"].n == len(whole.labels)


def test_the_neighbour_is_chosen_by_what_counts(tmp_path: Path) -> None:
    """Two words that count hang on the word before them, and three that do not on the word behind."""
    rows = ["a NOUN 0 root", "b NOUN 1 obj", ". PUNCT 4 punct", ". PUNCT 5 punct", ". PUNCT 1 punct"]
    lines = (
        f"{n}\t{w}\t_\t{tag}\t_\t_\t{head}\t{rel}\t_\t_"
        for n, (w, tag, head, rel) in enumerate(map(str.split, rows), 1)
    )
    sentence = "\n".join(lines) + "\n\n"
    for split in ("train", "dev", "test"):
        (tmp_path / f"en-{split}.conllu").write_text(sentence * 10)
    found = {}
    for rules in ("official", "paper3"):
        (tmp_path / rules).mkdir()
        build_task(name_data("parse", [f"{tmp_path}/en-*.conllu"], ["en"], rules=rules), ["en"], {}, tmp_path / rules)
        found[rules] = neighbour_baseline(open_task(tmp_path / rules), "en")
    assert found["paper3"] == {"las": 100.0, "uas": 100.0} and found["official"] != found["paper3"]


def test_a_parser_is_chosen_and_scored_so(model: Model, tmp_path: Path) -> None:
    pattern = _with_punctuation(tmp_path / "data")
    settings = FineTuning(epochs=2, batch=8, learning_rate=2e-3, warmup=1, precision="fp32", resamples=100)
    task = name_data("parse", [pattern], ["en"], rules="paper3")
    tuned = fine_tune(model("bert"), task, ["en"], settings, tmp_path / "parser")
    words = [word for row in read_conllu(next((tmp_path / "data").glob("en-test*")), Counter()) for word in row.labels]
    assert {row.n for row in tuned.scores if row.language == "en"} == {sum(tag == "NOUN" for tag in words)}
    assert tuned.data.rules == "paper3"


def _as_in_its_code(tags: list[str]) -> set[tuple[str, int, int]]:
    """Entities (type, begin, end): B begins one, and so does an I that stands behind none of its type."""
    found, begin = set(), -1
    for place, tag in enumerate([*tags, "O"]):
        goes_on = begin >= 0 and tag[0] == "I" and tag[2:] == tags[begin][2:]
        if begin >= 0 and not goes_on:
            found.add((tags[begin][2:], begin, place))
            begin = -1
        if tag[0] == "B" or (tag[0] == "I" and not goes_on):
            begin = place
    return found


_TAGS = st.lists(st.integers(0, 4), min_size=1, max_size=9)


@given(st.lists(st.tuples(_TAGS, st.randoms(use_true_random=False)), min_size=1, max_size=6))
def test_an_i_that_goes_on_nothing_begins_an_entity(drawn: list[tuple[list[int], object]]) -> None:
    gold = [tags for tags, _ in drawn]
    guessed = [[random.choice([tag, 4, 3, 1]) for tag in tags] for tags, random in drawn]  # type: ignore[attr-defined]
    spans = [[{*_as_in_its_code([LABELS[tag] for tag in tags])} for tags in sentences] for sentences in (gold, guessed)]
    shared = sum(len(one & other) for one, other in zip(*spans, strict=True))
    both = sum(len(each) for sentences in spans for each in sentences)
    right = Gold(np.concatenate(gold).astype(np.int16), np.array([*map(len, gold)]), lenient=True)
    predicted = np.concatenate(guessed).astype(np.int16)
    (scored,) = score_labels("ner-finetune", LABELS, right, [predicted], language="en", bootstrap=BOOTSTRAP)
    assert scored["entity_f1"].value == pytest.approx(200 * shared / max(1, both))


def test_types_that_change_within_an_entity() -> None:
    """B-PER I-LOC are two entities, as its code has it; the paper's text joins them to one of the last type."""
    tags = [LABELS.index(each) for each in ("B-PER", "I-LOC", "O", "I-PER")]
    assert _as_in_its_code(["B-PER", "I-LOC", "O", "I-PER"]) == {("PER", 0, 1), ("LOC", 1, 2), ("PER", 3, 4)}
    entities = METRICS["entity_f1"].labels
    assert entities is not None
    for lenient, count in ((True, 3), (False, 1)):
        gold = Gold(np.array(tags, np.int16), np.array([4]), lenient=lenient)
        assert entities.count(gold, gold.labels, LABELS).tolist() == [[count] * 3]


def test_what_the_page_says_of_it(tmp_path: Path) -> None:
    pattern = _with_punctuation(tmp_path / "data")
    said = {}
    for rules in ("official", "paper3"):
        (tmp_path / rules).mkdir()
        task = name_data("parse", [pattern], ["en"], rules=rules)
        said[rules] = how_counted(METRICS["uas"], build_task(task, ["en"], {}, tmp_path / rules))
    assert said["official"] == "the share of words, punctuation too, that get the right head"
    assert said["paper3"] == "the share of words that are neither punctuation nor symbols that get the right head"


def test_only_trees_and_entities_have_these_rules(tmp_path: Path) -> None:
    pattern = write_treebanks(tmp_path / "data", ["en"])
    with pytest.raises(InputError, match="no rules 'paper3' for the task pos") as refused:
        name_data("pos", [pattern], ["en"], rules="paper3")
    assert refused.value.fix == "leave it out"
    with pytest.raises(InputError, match="no rules 'squad' for the task parse") as refused:
        name_data("parse", [pattern], ["en"], rules="squad")
    assert refused.value.fix == "take official or paper3"
