"""Questions: pairs as transformers writes them, the best span against all spans, and every question with an answer."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file
from torch import nn
from transformers import AutoModelForQuestionAnswering, AutoTokenizer

from equiglot.evaluation import LONGEST_ANSWER, read_scores
from equiglot.finetuning import FineTuning, fine_tune, name_data
from equiglot.finetuning.answering import (
    Answering,
    _best_spans,
    boundary_logits,
    boundary_losses,
    lay_out_questions,
    predict_answers,
)
from equiglot.finetuning.questions import LONGEST_QUESTION, AskedWindows, read_questions
from equiglot.finetuning.running import open_data
from equiglot.finetuning.two_texts import pair_format
from equiglot.models import OpenModel, load_answerer, with_tokenizer
from equiglot.tasks import OpenTask, open_questions
from tests.finetuning.conftest import Model
from tests.labelled import write_questions
from tests.stock import ARCHITECTURES

LANGUAGES = ("en", "ru", "el", "hi", "zh", "ar")


def _task(folder: Path, **options: Any) -> OpenTask:
    write_questions(folder, LANGUAGES)
    named = name_data("qa", [f"all={folder}/qa/{{language}}.json"], LANGUAGES, **options)
    return open_data(folder / "task", named, LANGUAGES)


def _written(folder: Path, context: str, questions: list[tuple[str, str]]) -> OpenTask:
    """A task whose training, dev and test data is one paragraph."""
    asked = [
        {"id": str(number), "question": question, "answers": [{"text": text, "answer_start": context.index(text)}]}
        for number, (question, text) in enumerate(questions)
    ]
    file = folder / "one.json"
    file.write_text(json.dumps({"data": [{"paragraphs": [{"context": context, "qas": asked}]}]}), encoding="utf-8")
    for split in ("train", "dev", "test"):
        (folder / f"{split}.json").write_bytes(file.read_bytes())
    named = name_data("qa", [f"{split}={folder}/{split}.json" for split in ("train", "dev", "test")], ["ru"])
    return open_data(folder / "task", named, ["ru"])


def _opened(place: str) -> OpenModel:
    model = load_answerer(Path(place), seed=0)
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    return with_tokenizer("model", model, Path(place), place)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_pairs_are_what_transformers_reads_and_learns(architecture: str, model: Model, tmp_path: Path) -> None:
    """Ids, type ids where the model is told, and the loss of one window."""
    task, opened = _task(tmp_path), _opened(model(architecture))
    tokenizer = AutoTokenizer.from_pretrained(model(architecture))
    if architecture == "bert":
        for each in (tokenizer, opened.tokenizer):
            each.model_input_names = ["input_ids", "token_type_ids", "attention_mask"]
        assert pair_format(opened).kinds == (0, 0, 0, 1, 1)
    asked, split = read_questions(opened, task, "test", ["en"]), open_questions(task, "en", "test")
    assert split is not None
    compared = 0
    for row in range(len(asked)):
        batch, owner = lay_out_questions(asked, np.array([row]), opened), asked.owners[row]
        theirs = tokenizer(split.questions[owner], split.contexts[split.paragraphs[owner]], return_tensors="pt")
        if theirs.input_ids.shape != batch.texts.inputs.shape:  # a window over a part
            continue
        assert torch.equal(theirs.input_ids, batch.texts.inputs)
        assert batch.texts.kinds is None or torch.equal(theirs.token_type_ids, batch.texts.kinds)
        start, end = batch.answers.T
        with torch.no_grad():
            loss = opened.model(**theirs, start_positions=start, end_positions=end).loss
            own = boundary_losses(boundary_logits(opened.model, batch), batch)
        torch.testing.assert_close(own[0], loss)
        compared += int(start) > 0
    assert compared or architecture not in ("bert", "distilbert", "electra")


@pytest.mark.parametrize("architecture", ["bert", "roberta", "xlm-roberta", "modernbert"])
def test_windows_cover_paragraphs_and_hold_their_answers(architecture: str, model: Model, tmp_path: Path) -> None:
    task, opened = _task(tmp_path), _opened(model(architecture))
    asked = read_questions(opened, task, "train", LANGUAGES)
    splits = [split for code in LANGUAGES if (split := open_questions(task, code, "train"))]
    contexts = [text for split in splits for text in split.contexts]
    answers = [texts[0] for split in splits for texts in split.answers]
    before = np.cumsum([0, *(len(split.contexts) for split in splits)])
    owners = np.concatenate([split.paragraphs + start for split, start in zip(splits, before, strict=False)])
    assert asked.lengths.max() <= opened.max_tokens + 2
    held = read = 0
    for question in range(len(asked.reached)):
        rows = np.flatnonzero(asked.owners == question)
        paragraph = owners[question]
        assert asked.begins[rows[0]] == asked.contexts.offsets[paragraph]
        assert asked.ends[rows[-1]] == asked.contexts.offsets[paragraph + 1]
        assert all(asked.ends[one] > asked.begins[other] for one, other in pairwise(rows))
        inside = rows[asked.answers[rows, 0] >= 0]
        held += len(inside) > 0
        if len(inside) and asked.reached[question]:
            first, last = asked.answers[inside[0]]
            text = contexts[paragraph][asked.contexts.spans[first, 0] : asked.contexts.spans[last, 1]]
            assert text.casefold().strip(".。") == answers[question].casefold().strip(".。")
            read += 1
    assert held >= read > len(answers) / 2


@pytest.mark.parametrize("architecture", ["bert", "xlm-roberta"])
def test_every_question_has_an_answer_whatever_is_read_together(
    architecture: str, model: Model, tmp_path: Path
) -> None:
    task, opened = _task(tmp_path), _opened(model(architecture))
    for code in LANGUAGES:
        split, asked = open_questions(task, code, "test"), read_questions(opened, task, "test", [code])
        assert split is not None
        answers, loss = predict_answers(opened, asked)
        assert answers.dtype == np.int32 and answers.shape == (len(split.ids), 3) and loss > 0
        spans = [
            split.contexts[place][start:end] for place, (start, end, _) in zip(split.paragraphs, answers, strict=True)
        ]
        assert all(text and text == text.strip() for text in spans)
        best: dict[int, tuple[float, str]] = {}
        for row in range(len(asked)):
            score, text = _plain(opened, asked, row, split.contexts[split.paragraphs[asked.owners[row]]])
            if asked.owners[row] not in best or score > best[asked.owners[row]][0] + 1e-5:
                best[int(asked.owners[row])] = score, text
        assert spans == [text for _, text in best.values()]


def _plain(opened: OpenModel, asked: AskedWindows, row: int, context: str) -> tuple[float, str]:
    """The best span of one window, by looking at all."""
    batch = lay_out_questions(asked, np.array([row]), opened)
    with torch.no_grad():
        outputs = opened.model(input_ids=batch.texts.inputs)
    starts, ends = (each[0].log_softmax(0).tolist() for each in (outputs.start_logits, outputs.end_logits))
    tokens = range(int(asked.ends[row] - asked.begins[row]))
    spans = asked.contexts.spans[asked.begins[row] : asked.ends[row]]
    usable = [token for token in tokens if spans[token, 1] > spans[token, 0]]
    first = int(batch.texts.seconds[0])
    score, start, end = max(
        (starts[first + one] + ends[first + other], -one, other)
        for one in usable
        for other in usable
        if one <= other < one + LONGEST_ANSWER
    )
    return score, context[spans[-start, 0] : spans[end, 1]]


@given(st.integers(1, 45), st.integers(0, 2**32 - 1))
def test_the_best_span_is_the_best_of_all(width: int, seed: int) -> None:
    drawn = np.random.default_rng(seed)
    scores = torch.from_numpy(drawn.normal(size=(3, 2, width)).astype(np.float32))
    allowed = torch.from_numpy(drawn.random((3, width)) < 0.7)
    allowed[2] = False
    best, columns = _best_spans(scores, allowed)
    for row in range(3):
        spans = {
            (one, other): float(scores[row, 0, one] + scores[row, 1, other])
            for one in range(width)
            for other in range(one, min(width, one + LONGEST_ANSWER))
            if allowed[row, one] and allowed[row, other]
        }
        assert best[row] == max(spans.values(), default=-np.inf)
        assert not spans or spans[tuple(columns[row])] == best[row]


def test_special_tokens_in_the_text_are_text(model: Model, tmp_path: Path) -> None:
    task = _written(tmp_path, "Все люди [SEP] рождаются [MASK] свободными.", [("Кто [SEP] [CLS]?", "люди")])
    opened = _opened(model("bert"))
    asked = read_questions(opened, task, "test", ["ru"])
    special = {*opened.tokenizer.all_special_ids} - {opened.tokenizer.unk_token_id}
    assert not special & {*asked.questions.tolist(), *asked.contexts.ids.tolist()}
    inputs = lay_out_questions(asked, np.array([0]), opened).texts.inputs[0].tolist()
    assert [inputs.count(opened.tokenizer.sep_token_id), inputs.count(opened.tokenizer.cls_token_id)] == [2, 1]


def test_long_questions_are_cut_and_answers_without_a_token_are_not_reached(model: Model, tmp_path: Path) -> None:
    text = "人人生而自由，在尊严和权利上一律平等。"
    task = _written(tmp_path, text, [("自由" * 200, "自由"), ("?", text)])
    for architecture, reached in (("bert", [True, True]), ("xlm-roberta", [False, True])):  # one unknown token for all
        opened = _opened(model(architecture))
        asked = read_questions(opened, task, "test", ["ru"])
        assert asked.reached.tolist() == reached, architecture
        assert np.diff(asked.question_offsets)[0] <= min(LONGEST_QUESTION, 19)
        answers, _ = predict_answers(opened, asked)
        assert answers[:, 2].tolist() == reached


@pytest.mark.parametrize(
    ("text", "answer"), [("घर में है सब", "है"), ("un cafe\u0301 noir", "cafe\u0301"), ("घर में", "में"), ("घर में", "घर")]
)
def test_answers_keep_the_marks_that_a_tokenizer_takes_off(
    text: str, answer: str, model: Model, tmp_path: Path
) -> None:
    """Vowel signs and accents belong to the token before them, also at the end of the text."""
    opened = _opened(model("bert"))
    asked = read_questions(opened, _written(tmp_path, text, [("?", answer)]), "test", ["ru"])
    ((first, last),) = asked.answers
    assert asked.contexts.read_off(text, (int(first), int(last))) == answer and asked.reached.all()


def test_an_epoch_has_every_window_once(model: Model, tmp_path: Path) -> None:
    task, opened = _task(tmp_path), _opened(model("bert"))
    one, other = (Answering(opened, task, LANGUAGES, batch=7, seed=3) for _ in range(2))
    asked, count = read_questions(opened, task, "train", LANGUAGES), one.epoch_batches
    rows = [one.batch(index) for index in range(count)]
    assert sum(batch.count for batch in rows) == len(asked) and sum(batch.lengths.sum() for batch in rows) == sum(
        asked.lengths
    )
    assert all(
        torch.equal(one.batch(index).texts.inputs, other.batch(index).texts.inputs) for index in (2, 0, count + 1)
    )


def test_from_a_command_to_a_folder_that_transformers_loads(model: Model, tmp_path: Path) -> None:
    write_questions(tmp_path, LANGUAGES)
    trained, tested = ["en", "ru", "hi"], ["el", "ar", "zh"]
    named = name_data("qa", [f"all={tmp_path}/qa/{{language}}.json"], trained, zero_shot=tested)
    settings = FineTuning(epochs=8, batch=8, learning_rate=1e-2, warmup=5, precision="fp32", resamples=100)
    done = fine_tune(model("modernbert"), named, [*trained, *tested], settings, tmp_path / "model")
    rows = {(row.language, row.metric): row for row in read_scores(done.folder / "scores.jsonl")}
    predicted = load_file(done.folder / "predictions.safetensors")
    for code in (*trained, *tested):
        f1, exact, reachable = (rows[code, name] for name in ("f1", "exact_match", "reachable"))
        assert f1.n == predicted[code].shape[1] and f1.source == ("in-language" if code in trained else "zero-shot")
        assert reachable.value >= exact.value and f1.value >= exact.value
    assert np.mean([rows[code, "f1"].value for code in trained]) > 30  # a word at random: about a tenth
    record = json.loads((done.folder / "training.json").read_text())["seeds"]["0"]
    assert record["metric"] == "f1" and {*record["validations"][0]["scores"]} == {*trained}
    loaded = AutoModelForQuestionAnswering.from_pretrained(done.folder)
    assert type(loaded).__name__ == "ModernBertForQuestionAnswering" and loaded.config.num_labels == 2
