"""The report of a run that merges four models with vocabularies of their own, invented: none of it was measured."""

from collections.abc import Iterator, Mapping

import numpy as np

from equiglot.evaluation import (
    IN_LANGUAGE,
    Bootstrap,
    Coverage,
    Estimate,
    PairEstimates,
    PairKey,
    Score,
    WordBits,
    group_members,
    likelihood_rows,
    pair_rows,
    rdt_rows,
)
from equiglot.report import (
    CutText,
    Language,
    Merged,
    Model,
    Portion,
    ProbedTask,
    Report,
    StoredText,
)
from equiglot.tasks import TaskLanguage
from equiglot.vocabulary import UnionModel, UnionRecord

NAMES = {"en": "English", "es": "Spanish", "hi": "Hindi", "ko": "Korean", "gl": "Galician"}
CODES = tuple(NAMES)
GROUPS = {"high": ("en", "es"), "low": ("hi", "ko", "gl"), "all": CODES}
TEACHERS = {"bert-en": ("en",), "beto": ("es",), "indic": ("hi", "en"), "korean": ("ko",)}
"""English has two, Galician none."""
REFERENCES = {"en": "bert-en", "es": "beto", "hi": "indic", "ko": "korean"}
STUDENTS = {"student": "Student, all copies", "student-best": "Student, best copy", "gold": "Union, gold labels"}
REFERENCE = "teachers"
_BITS = {"bert-en": 2.3, "beto": 2.1, "indic": 2.5, "korean": 3.0, "student": 2.35, "student-best": 2.36, "gold": 2.7}
_MRR = {"student": 38.0, "student-best": 37.9, "gold": 33.0}
_WORDS, _SENTENCES = 900, 120


def _words(model: str, language: str) -> WordBits:
    """Words that are as hard for all models, but for a little noise of each."""
    text = np.random.default_rng(CODES.index(language))
    characters = text.integers(1, 14 if language != "ko" else 40, _WORDS)
    hard = text.gamma(2.0, 0.5, _WORDS) * characters
    own = np.random.default_rng([CODES.index(language), len(model)]).normal(1.0, 0.1, _WORDS)
    bits = hard * own * _BITS[model]
    bits[text.random(_WORDS) < 0.01] = np.nan
    return WordBits(bits, characters, np.sort(text.integers(0, _SENTENCES, _WORDS)), text.random(_WORDS) < 0.02, 120)


def _languages(model: str) -> tuple[str, ...]:
    return TEACHERS.get(model, CODES)


def _probes(model: str) -> PairEstimates:
    """In-language accuracies with five replicates."""
    found: PairEstimates = {}
    for code in _languages(model):
        if code != "gl":
            value = 97.0 - 2 * _BITS[model] + CODES.index(code)
            spread = value + np.random.default_rng(CODES.index(code)).normal(0, 0.3, 200)
            found[PairKey("accuracy", code, code, 0)] = Estimate(value, spread, 4000)
    return found


def _masked() -> Iterator[Score]:
    identity = {"task": "mlm", "n": 3000, "seed": 0}
    for model, value in _MRR.items():
        for place, language in enumerate((*CODES, *(f"group:{name}" for name in GROUPS))):
            number = value - place
            yield Score(model=model, language=language, metric="mrr", value=number, low=number - 1, high=number + 1,
                        **identity)  # fmt: skip


def scores() -> tuple[Score, ...]:
    """Every row of the run."""
    words = {model: {code: _words(model, code) for code in _languages(model)} for model in _BITS}
    settings = {"reference": REFERENCE, "seed": 0}
    likelihood = likelihood_rows(words, REFERENCES, groups=GROUPS, bootstrap=Bootstrap(200, 0), **settings)
    probed = {model: _probes(model) for model in _BITS}
    ours, theirs = ({name: probed[name] for name in names} for names in (STUDENTS, TEACHERS))
    tested = [code for code in CODES if code != "gl"]
    members = group_members(GROUPS, tested, tested)
    rows = [row for name, each in probed.items() for row in pair_rows(name, "pos", each, 0)]
    return (
        *_masked(),
        *likelihood,
        *rows,
        *rdt_rows("pos", ours, theirs, REFERENCES, members=members, **settings),
    )


def _teacher(name: str, codes: tuple[str, ...]) -> Model:
    return Model(
        name=name,
        role="teacher",
        label=name,
        languages=codes,
        parameters=109_000_000,
        source=f"models/{name}",
        vocabulary="Unigram, 32,000 entries" if name == "korean" else "WordPiece, 31,002 entries",
        pretrained={} if name == "korean" else {code: 3_000_000_000 for code in codes},
    )


def _student(name: str, label: str) -> Model:
    portions = {code: Portion(characters=9_000_000, tokens=2_285_000, passes=3, updates=2000) for code in CODES}
    taught = {code: tuple(each for each, codes in TEACHERS.items() if code in codes) for code in REFERENCES}
    return Model(
        name=name,
        role="baseline" if name == "gold" else "student",
        label=label,
        languages=CODES,
        parameters=159_871_232,
        embedding=256,
        labels="stored, k = 8" if name != "gold" else "hard",
        updates=10_000,
        tokens=90_000_000,
        seconds=36_000,
        seed=0,
        portions=portions,
        teachers={} if name == "gold" else taught,
    )


def _merged() -> Merged:
    kinds: Mapping[str, str] = {"korean": "unigram"}
    return Merged(
        union=UnionRecord(kind="wordpiece", size=88_214, alphabet=312, rules="beto", models={
            name: UnionModel(
                kind=kinds.get(name, "wordpiece"), size=31_002, surfaces=30_000, shared=9_000, only=21_000,
                unmapped=5 if name == "korean" else 0, examples=("<0xEC>", "<0x9D>") if name == "korean" else (),
                differences=("It keeps ﬁ where this one writes fi (“ﬁn”).",) if name == "korean" else (),
            )
            for name in TEACHERS
        }),
        cuts=tuple(
            CutText(teacher=name, language=code, sentences=0.81, words=0.973, unmapped=0.0004, mass=0.0011)
            for name, codes in TEACHERS.items()
            for code in codes
        ),
        labels=tuple(
            StoredText(teacher=name, language=code, k=8, samples=8, draws=2, positions=1_250_000, size=43_750_000,
                       kept=0.873, entropy=2.31, agreement=0.512, seconds=754)
            for name, codes in TEACHERS.items()
            for code in codes
        ),
    )  # fmt: skip


def merged_report() -> Report:
    """The report of the run."""
    models = (*(_teacher(*each) for each in TEACHERS.items()), *(_student(*each) for each in STUDENTS.items()))
    tested = {"train": 2000, "test": 4000}
    data = tuple(TaskLanguage(code=code, items=tested if code != "gl" else {}) for code in CODES)
    return Report(
        name="merged example",
        languages=tuple(Language(code=code, name=name, fertility=1.4) for code, name in NAMES.items()),
        groups=GROUPS,
        models=(*models, Model(name="frequency", role="reference", label="words by frequency", languages=CODES)),
        scores=scores(),
        reference=REFERENCE,
        references=REFERENCES,
        evaluated=("mlm", "likelihood", "pos"),
        tasks=(ProbedTask(task="pos", labels=("NOUN", "VERB"), languages=data),),
        coverage=tuple(
            Coverage(model.name, code, 0.004, 0.02, 19.5 if code == "ko" else 5.1)
            for model in models
            for code in model.languages
        ),
        merged=_merged(),
        notes=("Every number on this page is invented: it is a test of the page.",),
    )


def in_language(report: Report, model: str, teacher: str, language: str) -> float:
    """RDT by hand, from the rows of the probes."""
    numbers = {
        (score.model, score.language): score.value
        for score in report.scores
        if (score.task, score.metric, score.source) == ("pos", "accuracy", IN_LANGUAGE)
    }
    ours, theirs = numbers[model, language], numbers[teacher, language]
    return 100 * (ours - theirs) / theirs
