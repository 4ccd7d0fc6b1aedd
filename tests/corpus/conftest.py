"""Real text in many scripts, and corpora made of it."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from equiglot.corpus import CorpusStatistics, LanguageText, TextSettings, build_corpus, read_sentences
from tests.articles import ARTICLE

SECOND = {
    "en": "They are endowed with reason and conscience.",
    "ru": "Они наделены разумом и совестью.",
    "el": "Είναι προικισμένοι με λογική και συνείδηση.",
    "hi": "उन्हें बुद्धि और अन्तरात्मा की देन प्राप्त है।",
    "te": "వారు వివేదనాంతఃకరణ సంపన్నులగుదురు.",
    "ko": "인간은 천부적으로 이성과 양심을 부여받았다.",
    "ar": "وقد وهبوا عقلًا وضميرًا.",
    "fa": "همه دارای عقل و وجدان می‌باشند.",
    "zh": "他们赋有理性和良心，并应以兄弟关系的精神相对待。",
    "ja": "人間は、理性と良心とを授けられており、互いに同胞の精神をもって行動しなければならない。",
}

Built = tuple[CorpusStatistics, dict[str, list[str]]]
Build = Callable[..., Built]


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """Builds a corpus; gives its statistics and the sentences of its splits."""
    runs = iter(range(1000))

    def run(source: Any, language: str = "en", seed: int = 0, **settings: Any) -> Built:
        own = {name: settings.pop(name) for name in ("characters", "start", "held_out") if name in settings}
        into = tmp_path / f"corpus-{next(runs)}"
        into.mkdir()
        chosen = TextSettings(**({"valid": 5, "test": 5, "overlap": None} | settings))
        text = LanguageText(text=source, **own)
        statistics = build_corpus(language, text, chosen, seed, into)
        assert sorted(file.name for file in into.iterdir()) == [
            "corpus.json",
            "test.arrow",
            "train.arrow",
            "valid.arrow",
        ]
        splits = ("train", "valid", "test")
        return statistics, {s: [t for b in read_sentences(into / f"{s}.arrow") for t in b] for s in splits}

    return run


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., str]:
    """Writes a text file; gives its path."""

    def write(text: str | bytes, name: str = "text.txt") -> str:
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(file)

    return write


def random_sentences(count: int, seed: int = 0) -> list[str]:
    """Sentences of random words, all different in their letters."""
    chance = random.Random(seed)
    words = ["".join(chance.choices("abcdefghijklmnoprstuvw", k=chance.randint(3, 9))) for _ in range(5000)]
    return [" ".join(chance.choices(words, k=chance.randint(5, 12))).capitalize() + "." for _ in range(count)]


@pytest.fixture
def sentences() -> Callable[..., list[str]]:
    return random_sentences


@pytest.fixture
def data(real_data: Path) -> Path:
    """The folder of real text; tests that need it skip where it is not."""
    return real_data / "text"


@pytest.fixture(params=list(ARTICLE))
def article(request: pytest.FixtureRequest) -> tuple[str, str]:
    """A language and a sentence in it."""
    return request.param, ARTICLE[request.param]


@pytest.fixture(params=list(SECOND))
def two_sentences(request: pytest.FixtureRequest) -> tuple[str, str, str]:
    """A language and two sentences in it that follow each other."""
    return request.param, ARTICLE[request.param], SECOND[request.param]
