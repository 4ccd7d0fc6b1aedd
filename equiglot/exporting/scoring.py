"""The score of a fine-tuned model on its task, in whatever form it runs: PyTorch, ONNX, int8."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import cast

import numpy as np
import torch
from torch import Tensor
from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerFast

from equiglot.errors import InputError
from equiglot.evaluation import ALL, Bootstrap, Gold, Score
from equiglot.exporting.checking import Runner
from equiglot.exporting.record import Head
from equiglot.exporting.runtime import Integers
from equiglot.files import read_json
from equiglot.finetuning import (
    CHOOSING,
    fine_tuned_estimates,
    fine_tuned_rows,
    name_data,
    open_data,
    predict,
    read_examples,
)
from equiglot.masking import special_tokens_of
from equiglot.models import OpenModel, find_or_fetch
from equiglot.tasks import LabelledSplit, NamedEntities, OpenTask, TaskSummary
from equiglot.tasks.arranging import kind_of

_HEADS: dict[str, Head] = {"word": "token classifier", "sentence": "text classifier"}
_RESAMPLES = 1000


@dataclass(frozen=True)
class ScoredData:
    """Labelled data that a fine-tuned model is scored on.

    Attributes:
        task: what is labelled: pos, ner, topic, place.
        languages: of the test data that is scored.
        trained: those of the model's training data; others are zero-shot.
        open: opens it, with a folder that may be made for it.
        types: of entities that count; all if none are named.
    """

    task: str
    languages: tuple[str, ...]
    trained: tuple[str, ...]
    open: Callable[[Path], OpenTask]
    types: tuple[str, ...] = ()


def name_scored_data(
    source: str,
    data: Sequence[str],
    *,
    task: str | None,
    languages: Sequence[str],
    columns: str | None = None,
    rename: Sequence[str] = (),
    types: Sequence[str] = (),
) -> ScoredData | None:
    """The labelled data that is typed on a command line; None where none is.

    Args:
        source: the model; the task and the languages that are not given are those of its task.json, which says what it
            was trained on, too. Without one, that is taken to be all languages.
        data, columns, rename, types: as `name_data` takes them; only test data is needed, and used.
        task: pos, ner or topic.
        languages: codes.

    Raises:
        InputError: as `name_data`; or nothing says what the task is.
    """
    if not data:
        return None
    summary = _summary(find_or_fetch(source) / "task.json", needed=task is None or not languages)
    if summary is not None:
        task = task or summary.task
        languages = languages or _with(summary, "test")
    if task is None:
        raise InputError("nothing says what the data is for", where="--data", fix="give --task and --languages")
    if task in ("parse", "qa"):
        fix = "leave out --data: the encoder alone is exported"
        raise InputError(f"models of the task {task} are not exported, and so not scored", where="--data", fix=fix)
    if task == "pair":
        fix = "leave out --data; the model is exported without its score"
        raise InputError("models of pairs are not scored in exported forms yet", where="--data", fix=fix)
    named = name_data(task, data, [], zero_shot=languages, columns=columns, rename=rename, types=types)
    trained = languages if summary is None else _with(summary, "train")
    types = (named.types or ()) if isinstance(named, NamedEntities) else ()
    opening = partial(open_data, task=named, languages=languages)
    return ScoredData(task, tuple(languages), tuple(trained), opening, tuple(types))


def _summary(file: Path, *, needed: bool) -> TaskSummary | None:
    """What a fine-tuning wrote of its data; None where there is none, or the file is none of ours and not `needed`."""
    if not file.is_file():
        return None
    try:
        return TaskSummary.model_validate(read_json(file))
    except ValueError as error:
        if not needed:
            return None
        raise InputError("task.json is damaged", where=file, fix="give --task and --languages") from error


def _with(summary: TaskSummary, split: str) -> list[str]:
    """The languages that have a split."""
    return [each.code for each in summary.languages if split in each.sentences]


class _Runs:
    """What a prediction needs of a model, for a graph.

    Args:
        run: the graph.
        config: the model's.
    """

    device = torch.device("cpu")

    def __init__(self, run: Runner, config: PretrainedConfig) -> None:
        self._run, self.config = run, config

    def __call__(self, *, input_ids: Tensor, attention_mask: Tensor | None) -> SimpleNamespace:
        seen = torch.ones_like(input_ids) if attention_mask is None else attention_mask.long()
        logits = self._run({"input_ids": input_ids.numpy(), "attention_mask": seen.numpy()})
        return SimpleNamespace(logits=torch.from_numpy(logits))


def score_graphs(
    data: ScoredData,
    head: Head,
    config: PretrainedConfig,
    tokenizer: PreTrainedTokenizerFast,
    runners: Mapping[str, Runner],
    longest: int,
) -> list[Score]:
    """Every metric of the task by language, of each form of a model; a sentence that is too long is read in windows.

    Args:
        data: with test data.
        head: what the model is.
        config: the model's, with the names of its labels.
        tokenizer: the model's.
        runners: name of a form -> what runs it.
        longest: tokens that the model reads at once, special ones included.

    Raises:
        InputError: the model does not label words or texts, or has not the labels of the data, or a type of entities
            that is to count; or bad data.
    """
    with TemporaryDirectory() as place:
        task = data.open(Path(place) / "task")
        if _HEADS[task.summary.unit] != head:
            what = f"the model is a {head}, and the task {task.summary.task} needs a {_HEADS[task.summary.unit]}"
            raise InputError(
                what, where="--data", fix="give a model that was fine-tuned on the task, or leave out --data"
            )
        labels = label_names(config)
        _check_types(data.types, labels)
        places = np.array([labels.index(label) if label in labels else -1 for label in task.summary.labels], np.int64)
        gold = {code: _gold(split, places, task.summary.labels, labels) for code, split in _tests(task, data.languages)}
        special = special_tokens_of(tokenizer)
        forms = [
            OpenModel(name, cast(PreTrainedModel, _Runs(run, config)), tokenizer, special, longest - 2)
            for name, run in runners.items()
        ]
        read = {code: read_examples(forms[0], task, "test", [code]) for code in gold}
        examples = {code: replace(each, gold=places[each.gold]) for code, each in read.items()}
        rows: list[Score] = []
        for form in forms:
            predicted = {code: predict(form, each)[0][None] for code, each in examples.items()}
            estimates = fine_tuned_estimates(
                task.summary.task, labels, gold, predicted, trained=data.trained, bootstrap=Bootstrap(_RESAMPLES, 0)
            )
            rows += fine_tuned_rows(form.name, task.summary.task, estimates, seed=0)
    return rows


def mean_score(scores: Sequence[Score], task: str, form: str) -> float:
    """The score of a form of a model in the metric that weights are chosen by, the mean over languages."""
    found = [each for each in scores if each.model == form and each.metric == CHOOSING[task] and each.language != ALL]
    return float(np.mean([each.value for each in found]))


def label_names(config: PretrainedConfig) -> list[str]:
    """The labels of a classifier, in the order of its logits."""
    names: dict[int, str] = {int(number): str(name) for number, name in (config.id2label or {}).items()}
    return [names[number] for number in range(len(names))]


def _check_types(types: Sequence[str], labels: Sequence[str]) -> None:
    known = sorted({kind_of(label) for label in labels} - {""})
    if unknown := [each for each in types if each not in known]:
        fix = f"correct it; there is: {', '.join(known)}"
        raise InputError(f"the model knows no entities of the type {unknown[0]}", where="--types", fix=fix)


def _tests(task: OpenTask, languages: Sequence[str]) -> list[tuple[str, LabelledSplit]]:
    return [(code, split) for code in languages if (split := task.split(code, "test")) is not None]


def _gold(split: LabelledSplit, places: Integers, of_data: Sequence[str], labels: Sequence[str]) -> Gold:
    """The right labels, as numbers of the model's.

    Raises:
        InputError: the model does not have all of them.
    """
    used = np.unique(split.labels)
    if unknown := [of_data[number] for number in used if places[number] < 0]:
        what = f"the data has labels that the model has not: {', '.join(unknown)} (the model's: {', '.join(labels)})"
        raise InputError(what, where="--data", fix="rename them (--rename OLD=NEW), or give the model's own test data")
    return Gold(places[split.labels].astype(np.int16), split.lengths, lenient=split.lenient)
