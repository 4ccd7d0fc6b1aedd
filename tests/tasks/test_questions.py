"""Files in the form of SQuAD, in six scripts: read as they are, divided alike in all languages, refused when wrong."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet
from pydantic import ValidationError

from equiglot.errors import InputError
from equiglot.tasks import SPLITS, OpenTask, QuestionAnswering, build_task, check_task, open_questions, open_task
from equiglot.tasks.squad import read_squad
from tests.articles import ARTICLE
from tests.labelled import write_questions

LANGUAGES = ("en", "ru", "el", "hi", "zh", "ar")


def _task(pattern: str, **fields: Any) -> QuestionAnswering:
    source = fields.pop("data", {"all": pattern}) | {"kind": "squad"}
    return QuestionAnswering.model_validate({"task": "qa", "data": source, **fields})


def _built(folder: Path, task: QuestionAnswering, languages: tuple[str, ...] = LANGUAGES) -> OpenTask:
    check_task(task, languages, {})
    folder.mkdir()
    build_task(task, languages, {}, folder)
    return open_task(folder)


def test_one_file_serves_all_splits_and_languages_agree(tmp_path: Path) -> None:
    write_questions(tmp_path, LANGUAGES)
    opened = _built(tmp_path / "task", _task(f"{tmp_path}/qa/{{language}}.json"))
    ids: dict[str, set[str]] = {}
    for code, split in ((code, split) for code in LANGUAGES for split in SPLITS):
        found = open_questions(opened, code, split)
        assert found is not None and len(found.ids) == found.lengths.sum() == len(found.questions)
        assert ids.setdefault(split, {*found.ids}) == {*found.ids}
        for place, answers, starts in zip(found.paragraphs, found.answers, found.starts, strict=True):
            context = found.contexts[place]
            assert all(context[start:].startswith(text) for text, start in zip(answers, starts, strict=True))
    assert not ids["train"] & ids["test"] and not ids["train"] & ids["dev"] and not ids["dev"] & ids["test"]
    language = opened.summary.languages[3]
    assert opened.summary.unit == "question" and opened.summary.rules == "squad" and language.notes == ()
    assert language.items == {split: len(each) for split, each in ids.items()}
    assert language.sentences["train"] < language.items["train"]


def test_real_files_are_read_whole_and_divided_alike(real_data: Path, tmp_path: Path) -> None:
    opened = _built(tmp_path / "task", _task(f"{real_data}/qa/xquad.{{language}}.json"), ("en", "ru", "el", "hi"))
    for language in opened.summary.languages:
        assert sum(language.items.values()) == 1190 and sum(language.sentences.values()) == 240
        assert language.items == opened.summary.languages[0].items and not language.notes


def test_a_part_of_the_questions_and_held_out_ones(tmp_path: Path) -> None:
    write_questions(tmp_path, ["ru"])
    tested = _task("", data={"train": f"{tmp_path}/qa/ru.json"})
    with pytest.raises(InputError, match="no data to score models on"):
        check_task(tested, ["ru"], {})
    source = {"all": f"{tmp_path}/qa/{{language}}.json", "splits": ["train", "test"], "split_by": "paragraph"}
    task = _task("", data=source, sentences={"train": 5, "test": 3})
    (language,) = _built(tmp_path / "task", task, ("ru",)).summary.languages
    assert language.items["train"] == 5 and language.items["test"] == 3 and language.items["dev"] > 0
    assert language.available["train"] > 5 and "a tenth of its training data held out" in language.notes[0]


def _document(*questions: dict[str, Any], context: str = ARTICLE["ru"]) -> dict[str, Any]:
    return {"data": [{"title": "Права", "paragraphs": [{"context": context, "qas": list(questions)}]}]}


def _asked(name: str = "a", text: str = "люди", start: int = 4, **fields: Any) -> dict[str, Any]:
    return {"id": name, "question": "Кто?", "answers": [{"text": text, "answer_start": start}], **fields}


def _refused(tmp_path: Path, tree: Any, message: str) -> None:
    file = tmp_path / "wrong.json"
    file.write_text(tree if isinstance(tree, str) else json.dumps(tree), encoding="utf-8")
    with pytest.raises(InputError, match=message):
        read_squad(file, Counter())


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ("{", "not JSON"),
        ("[]", "not a JSON object"),
        ({"version": 1}, "not in the form of SQuAD 1.1: data: field required"),
        ({"data": [{"paragraphs": [{"context": "a", "qas": [{"id": 1}]}]}]}, r"data.0.paragraphs.0.qas.0.question"),
        ({"data": []}, "no question in it"),
        (_document(_asked(answers=[])), "has no answer"),
        (_document(_asked(answers=[{"text": " ", "answer_start": 3}])), "has no answer"),
        (_document(_asked(question=" ")), "question is empty"),
        (_document(_asked("a"), _asked("a")), "the same id, the first of them a"),
        (_document(_asked("a"), _asked("b", "дом")), "1 of 2 answers .* the first belongs to question b"),
        (_document(_asked("a"), _asked("b", "и", 999)), "do not stand anywhere else in it just once.* question b"),
        (_document(_asked("a", start=-1)), "1 of 1 answers do not start"),
        (_document(_asked("a", start=7), _asked("b", start=8), _asked("c")), "2 of 3 .* question a"),
        (_document(*(_asked(str(number)) for number in range(2001))), "2,001 questions"),
    ],
)
def test_what_is_wrong_is_said(tree: Any, message: str, tmp_path: Path) -> None:
    _refused(tmp_path, tree, message)


@given(st.sampled_from(sorted(ARTICLE)), st.data())
def test_answers_are_found_again_where_they_stand_once(
    tmp_path_factory: pytest.TempPathFactory, code: str, data: st.DataObject
) -> None:
    """Offsets in bytes, say; the text is never changed, combining marks and ligatures stay."""
    context = "ﬁ e\u0301 " + ARTICLE[code]
    start = data.draw(st.integers(0, len(context) - 6))
    text, notes = context[start : start + 6], Counter[str]()
    right = [_asked(str(number), context[number : number + 9], number) for number in range(3)]
    tree = _document(*right, _asked("moved", text, start + 1), context=context)
    file = tmp_path_factory.mktemp("squad") / "a.json"
    file.write_text(json.dumps(tree), encoding="utf-8")
    once = context.count(text) == 1 and not context.startswith(text, start + 1)
    if not once or not text.strip():
        return
    (paragraph,) = read_squad(file, notes)
    assert paragraph.context == context and paragraph.questions[-1].starts == (start,)
    assert list(notes.values()) == [1]


def test_half_a_surrogate_pair_is_replaced_and_nothing_moves(tmp_path: Path) -> None:
    context = "Все \ud83d люди"
    file = tmp_path / "a.json"
    file.write_text(json.dumps(_document(_asked(start=6), context=context)), encoding="utf-8")
    (paragraph,) = read_squad(file, Counter())
    assert paragraph.context == "Все \ufffd люди" and paragraph.questions[0].starts == (6,)
    assert paragraph.context.encode()


@pytest.mark.parametrize("column", ["context", "title"])
def test_lists_in_the_place_of_a_text_are_refused(column: str, tmp_path: Path) -> None:
    row = {
        "id": "a",
        "title": "t",
        "context": "люди",
        "question": "Кто?",
        "answers": {"text": ["люди"], "answer_start": [0]},
    }
    parquet.write_table(pa.Table.from_pylist([{**row, column: ["люди"]}]), tmp_path / "a.parquet")
    with pytest.raises(InputError, match="not text") as error:
        read_squad(tmp_path / "a.parquet", Counter())
    assert str(error.value.where).endswith("row 1")


@pytest.mark.parametrize("titled", [True, False])
def test_rows_of_parquet_are_read_as_json_is(titled: bool, tmp_path: Path) -> None:
    write_questions(tmp_path, ["hi"])
    expected = read_squad(tmp_path / "qa" / "hi.json", Counter())
    rows = [
        {
            "id": question.id,
            "context": paragraph.context,
            "question": question.text,
            "answers": {"text": question.answers, "answer_start": question.starts},
            **({"title": paragraph.article} if titled else {}),
        }
        for paragraph in expected
        for question in paragraph.questions
    ]
    parquet.write_table(pa.Table.from_pylist(rows), tmp_path / "hi.parquet")
    found = read_squad(tmp_path / "hi.parquet", Counter())
    if titled:
        assert found == expected
    else:
        assert [(each.context, each.questions) for each in found] == [(one.context, one.questions) for one in expected]
        assert len({each.article for each in found}) == len(found)
    parquet.write_table(pa.table({"id": ["a"], "context": ["b"], "question": ["c"]}), tmp_path / "short.parquet")
    with pytest.raises(InputError, match="no column 'answers'"):
        read_squad(tmp_path / "short.parquet", Counter())
    rows[1]["answers"] = {"text": ["a"], "answer_start": []}
    parquet.write_table(pa.Table.from_pylist(rows), tmp_path / "uneven.parquet")
    with pytest.raises(InputError, match="equally long") as error:
        read_squad(tmp_path / "uneven.parquet", Counter())
    assert str(error.value.where).endswith("row 2")


def test_titles_that_differ_between_languages_are_refused(tmp_path: Path) -> None:
    write_questions(tmp_path, ["en", "ru"])
    file = tmp_path / "qa" / "ru.json"
    tree = json.loads(file.read_text(encoding="utf-8"))
    for number, article in enumerate(tree["data"]):
        article["title"] = f"статья {number}"
    file.write_text(json.dumps(tree), encoding="utf-8")
    with pytest.raises(InputError, match=r"is tested in (en|ru) and trained on in .*titles of articles differ"):
        _built(tmp_path / "task", _task(f"{tmp_path}/qa/{{language}}.json"), ("en", "ru"))


def test_files_for_all_splits_or_for_each() -> None:
    with pytest.raises(ValidationError, match="`all` stands beside"):
        _task("", data={"all": "a.json", "test": "b.json"})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda task: {"rules": "mlqa"}, "MLQA has no rules of comparing answers in (ru|el)"),
        (
            lambda task: {"data": {"kind": "squad", **dict.fromkeys(SPLITS, task["data"]["all"][0])}},
            "or let each split",
        ),
        (lambda task: {"data": {"kind": "squad", "all": "none.json"}}, "matches no file"),
    ],
)
def test_tasks_that_cannot_work(change: Callable[[Any], dict[str, Any]], message: str, tmp_path: Path) -> None:
    write_questions(tmp_path, LANGUAGES)
    tree = _task(f"{tmp_path}/qa/{{language}}.json").model_dump(mode="json")
    with pytest.raises(InputError, match=message):
        check_task(QuestionAnswering.model_validate({**tree, **change(tree)}), LANGUAGES, {})
