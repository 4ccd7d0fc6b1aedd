"""A classifier without pretraining: what it learns, that it is the same every time, and what it does with little."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from equiglot.finetuning.ngrams import ngram_predictions, word_features
from equiglot.tasks import OpenTask, build_task, open_task
from equiglot.tasks.arranging import Row
from equiglot.tasks.folder import split_file, write_split
from equiglot.tasks.settings import BioFiles, ConlluFiles, NamedEntities, PartOfSpeech, Topic, TsvFiles
from tests.labelled import write_entities, write_treebanks

Built = Callable[..., OpenTask]


@pytest.fixture
def treebank(tmp_path: Path) -> Built:
    """Tags that a rule on the form of a word gives, in some languages."""

    def build(languages: Sequence[str] = ("en",), *splits: str, count: int = 80) -> OpenTask:
        write_treebanks(tmp_path, languages, count)
        files = {
            each: f"{tmp_path}/ud/{{language}}_sample-{each}.conllu" for each in splits or ("train", "dev", "test")
        }
        folder = tmp_path / "task"
        folder.mkdir()
        build_task(PartOfSpeech(task="pos", data=ConlluFiles(kind="conllu", **files)), languages, {}, folder)
        return open_task(folder)

    return build


def right(task: OpenTask, language: str, predicted: np.ndarray) -> float:
    split = task.split(language, "test")
    assert split is not None and predicted.shape == (1, len(split.labels)) and predicted.dtype == np.int16
    return float((predicted[0] == split.labels).mean())


def test_a_rule_on_the_form_of_words_is_learnt(treebank: Built) -> None:
    task = treebank(["en", "ru"])
    apart = {code: ngram_predictions(task, [code], [code])[code] for code in ("en", "ru")}
    assert right(task, "en", apart["en"]) > 0.9 and right(task, "ru", apart["ru"]) > 0.85
    together = ngram_predictions(task, ["en", "ru"], ["en", "ru"])
    assert right(task, "en", together["en"]) > 0.9 and right(task, "ru", together["ru"]) > 0.85
    assert right(task, "ru", ngram_predictions(task, ["en"], ["ru"])["ru"]) < right(task, "ru", apart["ru"])


def test_without_dev_data_nothing_is_chosen_on_it(treebank: Built) -> None:
    task = treebank(["en"])
    held_out = ngram_predictions(task, ["en"], ["en"])["en"]
    for path in task.folder.glob("en-dev.arrow"):
        path.unlink()
    assert right(task, "en", ngram_predictions(task, ["en"], ["en"])["en"]) == pytest.approx(
        right(task, "en", held_out), abs=0.1
    )


def test_without_training_data_nothing_is_learnt(treebank: Built) -> None:
    task = treebank(["en"])
    with pytest.raises(ValueError, match="none of ru has training data"):
        ngram_predictions(task, ["ru"], ["en"])
    assert ngram_predictions(task, ["en"], ["ru"]) == {}


def test_the_same_data_give_the_same_predictions(treebank: Built) -> None:
    task = treebank(["en"], count=40)
    one, other = (ngram_predictions(task, ["en"], ["en"])["en"] for _ in range(2))
    assert np.array_equal(one, other)


def test_entities_and_texts(tmp_path: Path) -> None:
    write_entities(tmp_path, ["en"], 120)
    files = {each: f"{tmp_path}/ner/{{language}}-{each}.tsv" for each in ("train", "dev", "test")}
    (tmp_path / "task").mkdir()
    build_task(NamedEntities(task="ner", data=BioFiles(kind="bio", **files)), ["en"], {}, tmp_path / "task")
    task = open_task(tmp_path / "task")
    assert right(task, "en", ngram_predictions(task, ["en"], ["en"])["en"]) > 0.85
    kinds = (("goals and teams", "sport"), ("rain and snow", "weather"))
    texts = [(f"{kinds[number % 2][0]} number {number}", kinds[number % 2][1]) for number in range(60)]
    for split, rows in (("train", texts[:40]), ("test", texts[40:])):
        lines = ["text\tcategory", *("\t".join(row) for row in rows)]
        (tmp_path / f"{split}.tsv").write_text("\n".join(lines) + "\n")
    (tmp_path / "topics").mkdir()
    source = TsvFiles(kind="tsv", train=(f"{tmp_path}/train.tsv",), test=(f"{tmp_path}/test.tsv",))
    build_task(Topic(task="topic", data={"en": source}), ["en"], {}, tmp_path / "topics")
    task = open_task(tmp_path / "topics")
    assert right(task, "en", ngram_predictions(task, ["en"], ["en"])["en"]) == 1


def test_data_with_one_label_are_predicted_to_have_it(treebank: Built) -> None:
    task = treebank(["en"], count=20)
    split = task.split("en", "train")
    assert split is not None
    rows = [Row(words, ["NOUN"] * len(words)) for words in split.words]
    write_split(split_file(task.folder, "en", "train"), rows, task.summary.labels)
    predicted = ngram_predictions(task, ["en"], ["en"])["en"]
    assert {task.summary.labels[number] for number in np.unique(predicted)} == {"NOUN"}


def test_the_features_of_a_sentence() -> None:
    first, middle, last = (set(each) for each in word_features(["The", "Inn-2000", "!"]))
    assert {"word whole the", "word <the", "word he>", "form Aa", "first True", "last False", "before <"} <= first
    assert {"after inn-2000", "after inn-", "after -000", "after Aa-0"} <= first
    assert {
        "word whole inn-2000",
        "form Aa-0",
        "first False",
        "before the",
        "before Aa",
        "after !",
        "after -!",
    } <= middle
    assert {"form !", "last True", "after >", "before -000", "before Aa-0"} <= last
    assert not any(each.startswith("before A") for each in first)  # nothing stands before it
