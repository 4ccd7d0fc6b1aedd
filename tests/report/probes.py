"""What probes of two tasks scored, invented from other invented numbers."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from statistics import fmean

from equiglot.evaluation import IN_LANGUAGE, ZERO_SHOT, Score, group_language
from equiglot.report import ProbedTask
from equiglot.tasks import TaskLanguage

Scores = Mapping[str, Mapping[str, float]]
Groups = Mapping[str, Sequence[str]]

TESTED = {"pos": ("en", "de", "tr", "el"), "ner": ("en", "de", "tr", "eu", "el")}
TRAINED = {"pos": ("en", "de", "tr"), "ner": ("en", "de", "tr", "eu", "el")}
SCALES: dict[str, dict[str, float]] = {
    "pos": {"accuracy": 1.9},
    "ner": {"macro_f1": 0.9, "entity_f1": 0.7, "seqeval_f1": 0.75},
}
REPEATS = {"pos": 1, "ner": 5}
_ORDER = ("en", "de", "tr", "eu", "el")


def probed_tasks(codes: Sequence[str]) -> tuple[ProbedTask, ...]:
    """Parts of speech, where a language has no data and one none to train on; named entities of all languages."""
    labels = {
        "pos": ("ADJ", "ADP", "ADV", "AUX", "CCONJ", "DET", "NOUN", "NUM", "PART", "PRON", "PROPN", "PUNCT", "VERB"),
        "ner": ("B-LOC", "B-ORG", "B-PER", "I-LOC", "I-ORG", "I-PER", "O"),
    }
    methods = {
        "pos": "multinomial logistic regression on the last layer, with the penalty that was best on dev",
        "ner": "trained on the last layer for 3 epochs, as in paper 1",
    }
    return tuple(
        ProbedTask(
            task=task,
            labels=labels[task],
            languages=tuple(_data(task, code) for code in codes),
            method=methods[task],
            repeats=REPEATS[task],
            converged=REPEATS[task] == 1,
        )
        for task in labels
    )


def _data(task: str, code: str) -> TaskLanguage:
    if code not in TESTED[task]:
        return TaskLanguage(code=code, notes=("no data",))
    splits = ("train", "dev", "test") if code in TRAINED[task] else ("test",)
    return TaskLanguage(
        code=code,
        files=f"UD 2.9, {code}_invented",
        sentences=dict.fromkeys(splits, 2000),
        items=dict.fromkeys(splits, 31_234),
        available={split: 204_585 if split == "train" else 31_234 for split in splits},
        notes=() if code in TRAINED[task] else ("no training data: only tested on",),
    )


def probe_scores(mrr: Scores, groups: Groups, teachers: str) -> Iterator[Score]:
    """Every row of both tasks: pairs, means, differences and p; `mrr` is model -> language -> its MRR."""
    models = [name for name in mrr if name not in (teachers, "frequency")]
    for task, scales in SCALES.items():
        for metric, scale in scales.items():
            for model in models:
                yield from _alone(task, metric, model, mrr[model], scale, groups)
            yield from _of_teachers(task, metric, teachers, mrr[teachers], scale, groups)
        first = next(iter(scales.values()))
        for model, other in combinations(models, 2):
            yield from _compared(task, (model, other), (mrr[model], mrr[other]), first, groups)


def _value(mrr: Mapping[str, float], source: str, target: str, scale: float) -> float:
    return scale * (mrr[target] - 6 * abs(_ORDER.index(source) - _ORDER.index(target)) ** 0.5)


def _averages(task: str, mrr: Mapping[str, float], scale: float) -> dict[str, dict[str, float]]:
    """In-language and zero-shot numbers by language."""
    zero_shot = {
        target: fmean(_value(mrr, source, target, scale) for source in TRAINED[task] if source != target)
        for target in TESTED[task]
    }
    return {IN_LANGUAGE: {code: _value(mrr, code, code, scale) for code in TRAINED[task]}, ZERO_SHOT: zero_shot}


def _grouped(values: Mapping[str, float], groups: Groups) -> dict[str, float]:
    means = {
        group_language(name): fmean(values[code] for code in codes if code in values) for name, codes in groups.items()
    }
    return {**values, **means}


def _alone(
    task: str, metric: str, model: str, mrr: Mapping[str, float], scale: float, groups: Groups
) -> Iterator[Score]:
    for source in TRAINED[task]:
        for target in TESTED[task]:
            if source != target:
                yield _score(task, metric, model, target, source, _value(mrr, source, target, scale))
    for source, values in _averages(task, mrr, scale).items():
        for language, value in _grouped(values, groups).items():
            yield _score(task, metric, model, language, source, value)


def _of_teachers(
    task: str, metric: str, teachers: str, mrr: Mapping[str, float], scale: float, groups: Groups
) -> Iterator[Score]:
    values = _averages(task, mrr, scale)[IN_LANGUAGE]
    for code, value in values.items():
        yield _score(task, metric, teachers.replace("{language}", code), code, IN_LANGUAGE, value)
    for language, value in _grouped(values, groups).items():
        yield _score(task, metric, teachers, language, IN_LANGUAGE, value)


def _compared(
    task: str,
    models: tuple[str, str],
    mrr: tuple[Mapping[str, float], Mapping[str, float]],
    scale: float,
    groups: Groups,
) -> Iterator[Score]:
    ours, theirs = (_averages(task, each, scale) for each in mrr)
    model, other = models
    for source in (IN_LANGUAGE, ZERO_SHOT):
        differences = {code: ours[source][code] - theirs[source][code] for code in ours[source]}
        for language, value in _grouped(differences, groups).items():
            half = 0.3 if language.startswith("group:") else 0.9
            yield _score(task, "difference", model, language, source, value, half=half, reference=other, repeats=1)
        p = 2.0 ** (1 - len(differences)) if min(differences.values()) > 0 else 0.62
        everything = group_language("all")
        yield _score(task, "p", model, everything, source, p, half=None, reference=other, n=len(differences), repeats=1)


def _score(
    task: str, metric: str, model: str, language: str, source: str, value: float, *, half: float | None = 0.6,
    reference: str | None = None, n: int = 31_234, repeats: int | None = None,
) -> Score:  # fmt: skip
    times = repeats or REPEATS[task]
    low, high = (None, None) if half is None else (value - half, value + half)
    return Score(
        model=model, task=task, language=language, metric=metric, value=value, low=low, high=high, n=n, seed=0,
        reference=reference, source=source, deviation=0.8 if times > 1 else None, repeats=times,
    )  # fmt: skip
