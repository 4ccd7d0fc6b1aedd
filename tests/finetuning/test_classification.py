"""The training task: its batches against a plain loop of transformers, and that every gold item counts once."""

from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from transformers import get_linear_schedule_with_warmup

from equiglot.evaluation import Bootstrap, Gold, score_labels
from equiglot.finetuning import Classification, FineTuning, name_data, predict, read_examples
from equiglot.finetuning.classification import lay_out_examples
from equiglot.models import OpenModel, load_classifier, with_tokenizer
from equiglot.tasks import OpenTask, build_task, open_task
from equiglot.training import Trainer
from tests.finetuning.conftest import LANGUAGES, SIZES, Model, write_data

_EPSILON = 1e-4  # Adam's: gradients that are nothing but rounding move nothing
UNITS = {"pos": "token", "ner": "token", "topic": "sequence"}


def _task(folder: Path, task: str) -> OpenTask:
    build = folder / "task"
    build.mkdir()
    build_task(name_data(task, [write_data(folder / "data", task)], LANGUAGES), LANGUAGES, {}, build)
    return open_task(build)


def _opened(place: str, task: OpenTask, seed: int = 0) -> OpenModel:
    model = load_classifier(Path(place), UNITS[task.summary.task], task.summary.labels, seed=seed)  # type: ignore[arg-type]
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    for name in ("attention_dropout", "attention_probs_dropout_prob", "hidden_dropout_prob"):
        if hasattr(model.config, name):
            setattr(model.config, name, 0.0)
    return with_tokenizer("model", model, Path(place), place)


@pytest.mark.parametrize(
    ("architecture", "task"), [("bert", "pos"), ("bert", "topic"), ("modernbert", "ner"), ("xlm-roberta", "topic")]
)
def test_it_learns_what_a_plain_loop_of_transformers_learns(
    architecture: str, task: str, model: Model, tmp_path: Path
) -> None:
    data, settings = _task(tmp_path, task), FineTuning(batch=8, learning_rate=1e-3, warmup=0, precision="fp32")
    ours, theirs = (_opened(model(architecture), data) for _ in range(2))
    before = {name: value.clone() for name, value in theirs.model.state_dict().items()}
    learnt = Classification(ours, data, LANGUAGES, batch=8, seed=1)
    training = settings.training(1).model_copy(update={"updates": 6, "validations": 1, "epsilon": _EPSILON})
    Trainer(ours.model, learnt, training, updates=6, seed=0).train()
    _train_plainly(theirs.model, [_plain(learnt.batch(index), task) for index in range(6)], training)
    moved = 0.0
    for name, value in theirs.model.state_dict().items():
        torch.testing.assert_close(ours.model.state_dict()[name], value, rtol=1e-3, atol=2e-5, msg=name)
        moved = max(moved, float((value - before[name]).abs().max()))
    assert moved > 1e-3


def _plain(batch: Any, task: str) -> dict[str, Any]:
    """A batch as a data collator of transformers makes it."""
    inputs = batch.tensors.inputs
    labels = torch.from_numpy(batch.gold)
    if task != "topic":
        at_tokens = torch.full_like(inputs, -100)
        at_tokens.view(-1)[batch.tensors.targets] = labels
        labels = at_tokens
    attention = torch.ones_like(inputs) if batch.tensors.attention is None else batch.tensors.attention.long()
    return {"input_ids": inputs, "attention_mask": attention, "labels": labels}


def _train_plainly(model: Any, batches: list[dict[str, Any]], settings: Any) -> None:
    model.train()
    groups = [
        {"params": [each for each in model.parameters() if (each.dim() > 1) == matrix], "weight_decay": decay}
        for matrix, decay in ((True, settings.weight_decay), (False, 0.0))
    ]
    optimiser = torch.optim.AdamW(groups, lr=settings.learning_rate, eps=settings.epsilon)
    for group in groups:  # ours decays weights without a gradient as well: those of an unused pooler, say
        for each in group["params"]:
            each.grad = torch.zeros_like(each)
    schedule = get_linear_schedule_with_warmup(optimiser, 0, len(batches))
    for batch in batches:
        model(**batch).loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), settings.clip)
        optimiser.step()
        schedule.step()
        optimiser.zero_grad(set_to_none=False)


@pytest.mark.parametrize(
    ("architecture", "task"),
    [("bert", "pos"), ("roberta", "pos"), ("modernbert", "pos"), ("xlm-roberta", "pos"), ("xlm-roberta", "topic")],
)
def test_every_gold_item_is_scored_once_also_in_windows(
    architecture: str, task: str, model: Model, tmp_path: Path
) -> None:
    """Sentences of every script are longer than a window of six tokens."""
    data = _task(tmp_path, task)
    whole = _opened(model(architecture), data)
    opened = OpenModel(whole.name, whole.model, whole.tokenizer, whole.special, 6)
    for split, count in SIZES.items():
        examples = read_examples(opened, data, split, LANGUAGES)
        gold = np.concatenate([found.labels for code in LANGUAGES if (found := data.split(code, split))])
        assert len(examples) > count * len(LANGUAGES)
        batches = [lay_out_examples(examples, np.array([row]), opened) for row in range(len(examples))]
        items = np.concatenate([batch.items for batch in batches])
        if task == "pos":
            assert sorted(items) == list(range(len(gold)))
        else:
            assert set(items) == set(range(len(gold)))
        assert np.array_equal(np.concatenate([batch.gold for batch in batches]), gold[items])
        predicted, loss = predict(opened, examples)
        assert len(predicted) == len(gold) and loss > 0
    for code in LANGUAGES:
        found = data.split(code, "test")
        assert found is not None
        predicted, _ = predict(opened, read_examples(opened, data, "test", [code]))
        scores = score_labels(
            task,
            data.summary.labels,
            Gold(found.labels, found.lengths),
            [predicted],
            language=code,
            bootstrap=Bootstrap(100, 0),
        )[0]
        assert scores["accuracy"].n == len(found.labels)


def test_a_prediction_is_the_models_own(model: Model, tmp_path: Path) -> None:
    """One sentence at a time, no padding, against batches of many; words in several windows would differ."""
    data = _task(tmp_path, "ner")
    opened = _opened(model("xlm-roberta"), data)
    predicted, _ = predict(opened, examples := read_examples(opened, data, "test", LANGUAGES))
    opened.model.eval()
    for row in range(len(examples)):
        batch = lay_out_examples(examples, np.array([row]), opened)
        with torch.no_grad():
            logits = opened.model(input_ids=batch.tensors.inputs).logits[0]
        assert np.array_equal(logits[batch.tensors.targets].argmax(-1).numpy(), predicted[batch.items])


def test_an_epoch_has_every_window_once_in_an_order_of_its_own(model: Model, tmp_path: Path) -> None:
    data = _task(tmp_path, "pos")
    opened = _opened(model("bert"), data)
    one, other = (Classification(opened, data, LANGUAGES, batch=7, seed=3) for _ in range(2))
    count = one.epoch_batches
    first, second = ([one.batch(epoch * count + index).items.tolist() for index in range(count)] for epoch in (0, 1))
    words = sum(len(found.labels) for code in LANGUAGES if (found := data.split(code, "train")))
    assert sorted(chain(*first)) == sorted(chain(*second)) == list(range(words))
    assert first != second
    assert [other.batch(index).items.tolist() for index in reversed(range(count))] == first[::-1]
    batch = one.batch(3)
    assert batch.count == len(batch.gold) == len(batch.item_languages)
    assert len(batch.languages) == len(batch.lengths) <= 7
