"""Tasks on disk: what is written is what the files say, and readers are told what they must know."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from equiglot.corpus import FilesSource
from equiglot.errors import InputError
from equiglot.tasks import SPLITS, NamedEntities, Place, Topic, build_task, open_task
from equiglot.tasks.arranging import UNIVERSAL
from tests.articles import ARTICLE
from tests.tasks.conftest import Write, built, patterns, read_back
from tests.tasks.sentences import BIO, SENTENCE, UPOS, bio, conllu, tagged
from tests.tasks.test_tables import NAMES, metadata

LANGUAGES = list(SENTENCE)

SEEN = "test sentences that stand in the training data, too"
SINGLE = "a single test sentence: its intervals mean nothing"


def test_treebanks_of_many_scripts(speech: Any, tmp_path: Path) -> None:
    sentences = {language: [tagged(language, UPOS)] * 2 for language in LANGUAGES}
    names = [(language, split) for language in LANGUAGES for split in ("train", "dev", "test")]
    task = speech({f"{language}_x-{split}": conllu(sentences[language]) for language, split in names})
    summary = built(task, LANGUAGES, tmp_path / "task")
    assert summary.labels == UNIVERSAL and (summary.task, summary.unit) == ("pos", "word")
    assert [each.code for each in summary.languages] == LANGUAGES
    for described in summary.languages:
        words = 2 * len(UPOS[described.code].split())
        assert described.items == described.available == {"train": words, "dev": words, "test": words}
        assert described.sentences == {"train": 2, "dev": 2, "test": 2} and described.notes == (f"{SEEN}: 2",)
        code = described.code
        assert described.files == f"train: {code}_x-train.conllu; dev: {code}_x-dev.conllu; test: {code}_x-test.conllu"
        for split in ("train", "dev", "test"):
            assert read_back(tmp_path / "task", code, split) == sentences[code]
    assert open_task(tmp_path / "task").summary == summary


def test_every_language_is_described(speech: Any, tmp_path: Path) -> None:
    sentence = tagged("hi", UPOS)
    task = speech(
        {
            "ko_x-train": conllu([tagged("ko", UPOS)] * 20),
            "ko_x-test": conllu([[("이", "PRON")]]),
            "hi_pud-test": conllu([sentence, [("१", "NUM")]], root="2") + "# nothing\n\n",
            "te_x-dev": conllu([tagged("te", UPOS)] * 10),
            "te_x-test": conllu([tagged("te", UPOS)]),
            "ar_x-train": conllu([tagged("ar", UPOS)] * 2),
            "ar_x-dev": conllu([tagged("ar", UPOS)]),
        },
    )
    described = {each.code: each for each in built(task, ["ko", "hi", "te", "ar", "ru"], tmp_path / "task").languages}
    assert {code: each.notes for code, each in described.items()} == {
        "ko": (
            "no dev data: a tenth of its training data held out to choose settings",
            "labels in test that training has not: PRON",
            SINGLE,
        ),
        "hi": (
            "no training data: only tested on",
            "trees without a root (used all the same): 2",
            "empty sentences left out: 1",
            "labels in test that training has not: ADJ, AUX, NUM",  # of any language
        ),
        "te": (
            "no training data: trained on its dev data, a tenth of it held out to choose settings",
            f"{SEEN}: 1",
            SINGLE,
        ),
        "ar": ("no test data: only trained on",),
        "ru": ("no data",),
    }
    assert described["ko"].sentences == {"train": 18, "dev": 2, "test": 1}
    assert described["te"].sentences == {"train": 9, "dev": 1, "test": 1}
    assert described["ru"].sentences == described["ru"].items == described["ru"].available == {}
    assert described["ru"].files == ""
    assert read_back(tmp_path / "task", "ru", "test") is read_back(tmp_path / "task", "hi", "train") is None
    assert read_back(tmp_path / "task", "hi", "test") == [sentence, [("१", "NUM")]]


def test_half_of_the_training_data_has_every_class(write: Write, tmp_path: Path) -> None:
    rows = "".join(f"{text}\t{n % 4 // 2}{n % 2}\n" for n, text in enumerate(f"text {n}" for n in range(400)))
    for split in ("train", "dev", "test"):
        write(f"text\tcategory\n{rows}", f"topic/en-{split}.tsv")
    task = Topic(task="topic", data={"kind": "tsv", **{s: f"{tmp_path}/topic/{{language}}-{s}.tsv" for s in SPLITS}})
    (tmp_path / "built").mkdir()
    build_task(task, ["en"], {}, tmp_path / "built")
    whole = open_task(tmp_path / "built")
    half = replace(whole, halved=True)
    labels = half.split("en", "train")
    assert labels is not None and len(labels.labels) == 200
    assert min(np.bincount(labels.labels, minlength=4)) > 30
    words = [int(each[0].split()[1]) // 2 for each in labels.words]
    assert words == list(range(200)), "one of each two, in order"
    assert half.texts("en", "test") == whole.texts("en", "test")


def test_several_treebanks_are_joined_in_order(speech: Any, tmp_path: Path) -> None:
    first, second = tagged("el", UPOS), tagged("el", UPOS)[::-1]
    files = {"el_b-train": [second] * 2, "el_a-train": [first], "el_a-dev": [first], "el_b-test": [first]}
    task = speech({name: conllu(sentences) for name, sentences in files.items()})
    (described,) = built(task, ["el"], tmp_path / "task").languages
    names = "train: el_a-train.conllu, el_b-train.conllu; dev: el_a-dev.conllu; test: el_b-test.conllu"
    assert described.files == names
    assert read_back(tmp_path / "task", "el", "train") == [first, second, second]


def test_cut_down_to_what_is_asked_for(speech: Any, tmp_path: Path) -> None:
    sentence = tagged("ru", UPOS)
    files = {f"ru_x-{split}": conllu([sentence] * 9) for split in ("train", "dev", "test")}
    task = speech(files, sentences={"train": 5, "dev": 4, "test": 3})
    (described,) = built(task, ["ru"], tmp_path / "task").languages
    assert described.sentences == {"train": 5, "dev": 4, "test": 3}
    assert described.items == {"train": 30, "dev": 24, "test": 18}
    assert described.available == {"train": 54, "dev": 54, "test": 54}


def test_a_tag_that_is_none_has_its_line_until_it_is_mapped(speech: Any, tmp_path: Path) -> None:
    bad = [[("Анна", "PROPN"), ("живёт", "V")]]
    files = {"ru_x-train": conllu([tagged("ru", UPOS)] * 2), "ru_x-dev": conllu([tagged("ru", UPOS)])}
    task = speech({**files, "ru_x-test": conllu([tagged("ru", UPOS), *bad])})
    with pytest.raises(InputError, match="'V' is no universal part-of-speech tag") as caught:
        built(task, ["ru"], tmp_path / "task")
    assert caught.value.where == f"{tmp_path}/ud/ru_x-test.conllu:11"
    assert "map: {ru: {V: ...}}" in str(caught.value.fix)
    built(task.model_copy(update={"map": {"ru": {"V": "VERB"}}}), ["ru"], tmp_path / "task")
    assert read_back(tmp_path / "task", "ru", "test") == [tagged("ru", UPOS), [("Анна", "PROPN"), ("живёт", "VERB")]]


def test_entities_of_many_scripts(entities: Any, tmp_path: Path) -> None:
    names = [(language, split) for language in LANGUAGES for split in ("train", "dev", "test")]
    task = entities({f"{language}_x-{split}": bio([tagged(language, BIO)] * 3) for language, split in names})
    summary = built(task, LANGUAGES, tmp_path / "task")
    assert summary.labels == ("B-LOC", "B-PER", "I-LOC", "O")
    for language in LANGUAGES:
        assert read_back(tmp_path / "task", language, "test") == [tagged(language, BIO)] * 3
    assert all(each.notes == (f"{SEEN}: 3",) for each in summary.languages)


def test_inside_tags_that_follow_nothing_are_kept_and_counted(entities: Any, tmp_path: Path) -> None:
    odd = [("Άννα", "I-PER"), ("Νέα", "B-LOC"), ("Υόρκη", "I-PER")]
    files = {"el_x-train": bio([odd, odd]), "el_x-dev": bio([odd]), "el_x-test": bio([odd])}
    (described,) = built(entities(files), ["el"], tmp_path / "task").languages
    assert described.notes == ("I- tags that follow no tag of their type (left as they are): 8", f"{SEEN}: 1", SINGLE)
    assert read_back(tmp_path / "task", "el", "test") == [odd]


def test_types_must_agree_and_the_remedy_works(entities: Any, tmp_path: Path) -> None:
    vietnamese = [(word, tag.replace("PER", "NAME")) for word, tag in tagged("vi", BIO)]
    files = {
        f"{code}_x-{split}": bio([sentence] * 3)
        for code, sentence in (("ko", tagged("ko", BIO)), ("vi", vietnamese))
        for split in ("train", "dev", "test")
    }
    task = entities(files)
    with pytest.raises(InputError, match=r"\(ko: LOC, PER; vi: LOC, NAME\)") as caught:
        built(task, ["ko", "vi"], tmp_path / "task")
    assert "types: [LOC]" in str(caught.value.fix) and "{vi: {NAME: PER}}" in str(caught.value.fix)
    summary = built(task.model_copy(update={"types": ("LOC",)}), ["ko", "vi"], tmp_path / "task")
    assert summary.labels == ("B-LOC", "O")
    summary = built(task.model_copy(update={"map": {"vi": {"NAME": "PER"}}}), ["ko", "vi"], tmp_path / "task")
    assert summary.labels == ("B-LOC", "B-PER", "O")
    assert read_back(tmp_path / "task", "vi", "test") == [tagged("vi", BIO)] * 3
    # A language that is only tested on may have what it likes; its readers are told.
    for split in ("train", "dev"):
        (tmp_path / "ner" / f"vi_x-{split}.tsv").unlink()
    summary = built(task, ["ko", "vi"], tmp_path / "task")
    assert summary.languages[1].notes == (
        "no training data: only tested on",
        "labels in test that training has not: B-NAME",
    )
    assert summary.labels == ("B-LOC", "B-NAME", "B-PER", "O")


def test_topics(tmp_path: Path, write: Write) -> None:
    for language in ("hi", "ar"):
        for split in ("train", "dev", "test"):
            text = f"text\tcategory\n{ARTICLE[language]}\trights\n \trights\nx\tother\n"
            write(text, f"{language}_t-{split}.tsv")
    task = Topic(task="topic", data={"kind": "tsv", **patterns(tmp_path, ".tsv")})
    summary = built(task, ["hi", "ar"], tmp_path / "task")
    assert (summary.unit, summary.labels) == ("sentence", ("other", "rights"))
    assert read_back(tmp_path / "task", "ar", "dev") == [[(ARTICLE["ar"], "rights")], [("x", "other")]]
    assert summary.languages[0].notes == ("empty sentences left out: 3", f"{SEEN}: 2")
    write(f"text\tcategory\n{ARTICLE['hi']}\trights\nx\trights\n", "hi_t-train.tsv")
    with pytest.raises(InputError, match=r"different classes \(hi: rights; ar: other, rights\)"):
        built(task, ["hi", "ar"], tmp_path / "task")


def test_parquet_files(tmp_path: Path) -> None:
    rows = {code: [word for word, _ in tagged(code, BIO)] for code in LANGUAGES}
    features = metadata({"ner_tags": {"feature": {"names": NAMES}}})
    for code in LANGUAGES:
        for split in ("train", "test"):
            numbers = [NAMES.index(tag) for _, tag in tagged(code, BIO)]
            table = pa.table({"tokens": [rows[code]] * 12, "ner_tags": [numbers] * 12})
            parquet.write_table(table.replace_schema_metadata(features), tmp_path / f"{code}_p-{split}.parquet")
    data = {name: pattern for name, pattern in patterns(tmp_path, ".parquet").items() if name != "dev"}
    summary = built(NamedEntities(task="ner", data={"kind": "parquet", **data}), LANGUAGES, tmp_path / "task")
    assert summary.labels == ("B-LOC", "B-PER", "I-LOC", "O")
    for code in LANGUAGES:
        assert read_back(tmp_path / "task", code, "test") == [tagged(code, BIO)] * 12


def test_places(tmp_path: Path, write: Write) -> None:
    texts: dict[str, FilesSource] = {}
    for language in ("el", "te"):
        document = f"{ARTICLE[language]}\n{ARTICLE['ko']}\n{ARTICLE['ru']}\n\n"
        texts[language] = FilesSource(paths=(str(write(document * 30 + "x\n", f"{language}.txt")),))
    summary = built(Place(task="place"), ["el", "te"], tmp_path / "task", texts)
    assert (summary.unit, summary.labels) == ("sentence", ("between", "first", "last"))
    for each in summary.languages:
        assert (
            sum(each.items.values()) == 90
            and each.files == "all documents of its text, also those that models were trained on"
        )
        assert each.notes[0] == "documents with fewer than 3 paragraphs left out: 1"
    test = read_back(tmp_path / "task", "te", "test")
    assert test is not None and test[:2] == [[(ARTICLE["te"], "first")], [(ARTICLE["ko"], "between")]]
    short = {code: FilesSource(paths=(str(write("one\n\ntwo\n", f"short-{code}.txt")),)) for code in ("el", "te")}
    with pytest.raises(InputError, match="has no data to train on in any of the languages el, te"):
        built(Place(task="place"), ["el", "te"], tmp_path / "task", short)


def test_one_label_is_nothing_to_learn(entities: Any, tmp_path: Path) -> None:
    task = entities({f"en_x-{split}": bio([[("a", "O")]] * 2) for split in ("train", "dev", "test")})
    with pytest.raises(InputError, match=r"All data has one label only \(O\)"):
        built(task, ["en"], tmp_path / "task")


def test_a_file_without_a_sentence(entities: Any, tmp_path: Path) -> None:
    files = {f"en_x-{split}": bio([tagged("en", BIO)] * 2) for split in ("train", "dev")}
    with pytest.raises(InputError, match="There is no sentence in it") as caught:
        built(entities({**files, "en_x-test": "\n \n"}), ["en"], tmp_path / "task")
    assert caught.value.where == f"{tmp_path}/ner/en_x-test.tsv"
