"""A whole run's report, invented: every number comes from a formula, none was measured."""

import math
from collections.abc import Callable

import pytest

from equiglot.evaluation import Score, group_language
from equiglot.report import CleaningStep, Curve, Language, Model, Portion, Report, Run, Size
from tests.report.probes import probe_scores, probed_tasks

TEACHERS = "mono-{language}"
GROUPS = {"high": ("en", "de"), "low": ("tr", "eu", "el"), "all": ("en", "de", "tr", "eu", "el")}
CODES = GROUPS["all"]
NAMES = {"en": "English", "de": "German", "tr": "Turkish", "eu": "Basque", "el": "Greek"}
CHARACTERS = {"en": 1_500_000, "de": 1_500_000, "tr": 300_000, "eu": 300_000, "el": 150_000}
MRR = {
    TEACHERS: {"en": 43.3, "de": 38.8, "tr": 44.1, "eu": 42.7, "el": 39.2},
    "student": {"en": 41.9, "de": 37.6, "tr": 43.4, "eu": 41.1, "el": 37.8},
    "student-mixed": {"en": 41.2, "de": 36.7, "tr": 43.6, "eu": 41.4, "el": 38.5},
    "hl": {"en": 40.8, "de": 36.4, "tr": 37.9, "eu": 36.8, "el": 33.3},
    "hl-balanced": {"en": 36.6, "de": 31.5, "tr": 41.0, "eu": 40.2, "el": 36.6},
    "frequency": {"en": 6.9, "de": 6.1, "tr": 4.4, "eu": 5.2, "el": 5.9},
}
LABELS = {"student": "Student", "student-mixed": "Student, half gold", "hl": "HL", "hl-balanced": "HL balanced"}
EXAMPLES = {
    "en": ["the", "rain", "has", "stop", "##ped", "."],
    "tr": ["yağ", "##mur", "din", "##di", "."],
    "el": ["η", "βροχη", "σταμα", "##τησε", "."],
}

ScoreMaker = Callable[..., Score]


def make_score(model: str, metric: str, language: str, value: float, half: float | None, against: str | None) -> Score:
    """A score whose interval is `value` plus and minus `half`."""
    low, high = (None, None) if half is None else (value - half, value + half)
    return Score(
        model=model, task="mlm", language=language, metric=metric, value=round(value, 4), low=low, high=high,
        n=5000, seed=0, reference=against,
    )  # fmt: skip


def _mean(model: str, codes: tuple[str, ...]) -> float:
    return sum(MRR[model][code] for code in codes) / len(codes)


def _wide(model: str) -> list[Score]:
    """A model's rows over every language and group; its teachers' names are per language."""
    scales: tuple[tuple[str, float], ...] = (("mrr", 1.0), ("accuracy", 0.78), ("top5", 1.3))
    rows = [
        make_score(model.replace("{language}", code), metric, code, scale * MRR[model][code], 0.7, None)
        for code in CODES
        for metric, scale in scales
    ]
    rows += [
        make_score(model.replace("{language}", code), "loss", code, 7 - MRR[model][code] / 10, 0.06, None)
        for code in CODES
    ]
    return rows + [
        make_score(model, "mrr", group_language(name), _mean(model, codes), 0.4, None) for name, codes in GROUPS.items()
    ]


def _relative(metric: str, model: str, against: str) -> list[Score]:
    rows = [make_score(model, metric, code, MRR[model][code] - MRR[against][code], 0.6, against) for code in CODES]
    means = {name: _mean(model, codes) - _mean(against, codes) for name, codes in GROUPS.items()}
    return rows + [
        make_score(model, metric, group_language(name), value, 0.3, against) for name, value in means.items()
    ]


def _scores() -> tuple[Score, ...]:
    names = list(LABELS)
    rows = [row for model in (TEACHERS, *names, "frequency") for row in _wide(model)]
    rows += [row for model in names for row in _relative("d", model, TEACHERS)]
    pairs = [(first, second) for index, first in enumerate(names) for second in names[index + 1 :]]
    return tuple(rows + [row for first, second in pairs for row in _relative("difference", first, second)])


def _languages() -> tuple[Language, ...]:
    return tuple(
        Language(
            code=code,
            name=name,
            text="Invented sentences, as if read aloud by volunteers",
            train=_size(CHARACTERS[code]),
            valid=_size(60_000),
            test=_size(60_000),
            cleaning=(
                CleaningStep(name="NFC", counts={"changed": 12 + index}),
                CleaningStep(name="control characters", counts={"removed": 3 * index}),
                CleaningStep(name="length limits", counts={"dropped": 410 - 7 * index}),
                CleaningStep(name="near duplicates", counts={"dropped": 1203 + 91 * index}),
            ),
            fertility=1.31 + 0.12 * index,
            continued=0.19 + 0.05 * index,
            unknown=0.0004 * index,
            example=tuple(EXAMPLES.get(code, ())),
        )
        for index, (code, name) in enumerate(NAMES.items())
    )


def _size(characters: int) -> Size:
    return Size(characters=characters, sentences=characters // 52, tokens=characters // 4)


def _models() -> tuple[Model, ...]:
    teachers = [_model(f"mono-{code}", "teacher", f"Teacher of {NAMES[code]}", (code,), "all") for code in CODES]
    wide = [
        _model("hl", "baseline", "HL", CODES, "all"),
        _model("hl-balanced", "baseline", "HL balanced", CODES, "truncated to the smallest"),
        _model("student", "student", "Student", CODES, "truncated to the smallest"),
        _model("student-mixed", "student", "Student, half gold", CODES, "truncated to the smallest"),
    ]
    return (*teachers, *wide, Model(name="frequency", role="reference", label="Frequency ranking", languages=CODES))


def _model(name: str, role: str, label: str, languages: tuple[str, ...], balancing: str) -> Model:
    limit = 150_000 if balancing.startswith("truncated") else 10**9
    portions = {
        code: Portion(
            characters=min(CHARACTERS[code], limit),
            tokens=min(CHARACTERS[code], limit) // 4,
            passes=12.5,
            updates=9000 / len(languages),
        )
        for code in languages
    }
    labels = "soft, from each language's teacher, T = 1" if role == "student" else "hard"
    return Model.model_validate(
        {"name": name, "role": role, "label": label, "languages": languages, "parameters": 1_912_064, "labels": labels,
         "balancing": balancing, "updates": 9000, "best_update": 8700, "tokens": 6_400_000, "seconds": 411.0,
         "portions": portions}
    )  # fmt: skip


def _curves() -> tuple[Curve, ...]:
    updates = tuple(range(0, 9001, 150))
    curves = []
    for model in _models()[:-1]:
        for code in model.languages:
            top = MRR[TEACHERS if model.role == "teacher" else model.name][code]
            rise = [(1 - math.exp(-update / 2500)) for update in updates]
            curves.append(_curve(model.name, "valid", "mrr", code, updates, [5 + (top - 5) * share for share in rise]))
            term = "soft" if model.role == "student" else "hard"
            curves.append(_curve(model.name, "train", term, code, updates, [8 - (top / 9) * share for share in rise]))
    return tuple(curves)


def _curve(model: str, split: str, metric: str, code: str, updates: tuple[int, ...], values: list[float]) -> Curve:
    fields = {
        "model": model,
        "split": split,
        "metric": metric,
        "language": code,
        "updates": updates,
        "values": tuple(values),
    }
    return Curve.model_validate(fields)


@pytest.fixture(scope="session")
def synthetic() -> Report:
    """The report of a finished run in five languages and three scripts."""
    return Report(
        name="synthetic example",
        languages=_languages(),
        groups=GROUPS,
        models=_models(),
        scores=_scores(),
        curves=_curves(),
        reference=TEACHERS,
        notes=("Every number on this page is invented: it is a test of the page.",),
        run=Run(
            recipe="name: synthetic\nseed: 0\nlanguages:\n  en: {text: [en.txt]}\n  # a < b & c > d\n",
            command="equiglot run balance --into runs/synthetic",
            started="2030-01-01 10:00",
            finished="2030-01-01 11:22",
            seconds=4911.0,
            versions={"equiglot": "0.0.0", "torch": "2.13.0", "python": "3.11.2"},
            hardware={"processor": "an invented one", "threads": "2", "precision": "float32"},
        ),
    )


@pytest.fixture(scope="session")
def score() -> ScoreMaker:
    """`make_score`, for tests that build their own numbers."""
    return make_score


@pytest.fixture(scope="session")
def probed(synthetic: Report) -> Report:
    """The same run with two tasks: parts of speech, where languages lack data; named entities, from five starts."""
    return synthetic.model_copy(
        update={"tasks": probed_tasks(CODES), "scores": (*synthetic.scores, *probe_scores(MRR, GROUPS, TEACHERS))}
    )
