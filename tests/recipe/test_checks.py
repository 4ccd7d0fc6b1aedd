"""Settings that are right each by itself and wrong together."""

from pathlib import Path

import pytest

from equiglot.recipe import load_recipe
from tests.recipe.conftest import RECIPE, Refused

STUDENT = 'labels: {kind: soft, teachers: "mono-{language}"}'

# What is replaced, by what; the line and field of the message; words in it; words of the remedy.
WRONG = [
    (
        "mono-{language}: {languages: each}",
        "mono: {languages: each}",
        13,
        "models.mono.languages",
        "contradict",
        "each",
    ),
    ("hl: {}", "hl-{language}: {}", 14, "models.hl-{language}.languages", "contradict", "each"),
    ("hl: {}", "hl: {}\n  HL: {}", 15, "models.HL", "the models 'hl' and 'HL' differ in large and small", "rename"),
    ("hl: {}", "mono-en: {}", 14, "models.mono-en", "two models are called 'mono-en'", "rename"),
    ("hl: {}", "frequency: {}", 14, "models.frequency", "cannot be the name", "frequency"),
    ("hl: {}", "a/b: {}", 14, "models.a/b", "cannot be the name", "letters"),
    ("hl: {}", "..: {}", 14, "models...", "cannot be the name", "letters"),
    ("hl: {}", "hl: {languages: [en, rus]}", 14, "models.hl.languages", "no language 'rus'", "'ru'"),
    ("hl: {}", "hl: {languages: [en, en]}", 14, "models.hl.languages", "named twice", "once"),
    ("hl: {}", "hl: {languages: []}", 14, "models.hl.languages", "no language is named", "en, ru, ko"),
    ("name: small", "name: small\nvocabulary: {languages: [fr]}", 2, "vocabulary.languages", "'fr'", "en, ru, ko"),
    ("name: small", "name: small\nreport: {reference: mon}", 2, "report.reference", "no model", "'mono-ru'"),
    ("name: small", "name: small\nreport: {published: paper1}", 2, "report.published", "no such", "paper1-shared"),
    ("name: small", "name: small\nreport: {published: x.yaml}", 2, "report.published", "/x.yaml)", "paper1-shared"),
    ("mono-{language}: {l", "mon-{language}: {l", 19, "models.student.labels.teachers", "en has no", "'mon-en'"),
    (STUDENT, "labels: {kind: soft, teachers: hl2}", 19, "models.student.labels.teachers", "'hl2'", "'hl'"),
    (STUDENT, "labels: {kind: soft, teachers: mono-en}", 19, "models.student.labels.teachers", "ru has no", "mono-ru"),
    (STUDENT, "labels: {kind: soft, teachers: {en: hl}}", 19, "models.student.labels.teachers", "ru has no", "gold"),
    (
        STUDENT,
        "labels: {kind: soft, teachers: {en: hl, rus: hl}, without_teacher: gold}",
        19,
        "models.student.labels.teachers",
        "'rus'",
        "'ru'",
    ),
    (
        STUDENT,
        "labels: {kind: soft, teachers: {}, without_teacher: gold}",
        19,
        "models.student.labels.teachers",
        "no language is named",
        "en, ru, ko",
    ),
    (STUDENT, "labels: {kind: soft, teachers: student}", 19, "models.student.labels.teachers", "circle", "break"),
    ("sentences: 8", "tokens: 63", 11, "models.mono-{language}.training.batch.tokens", "cannot hold", "at least 64"),
    ("layers: 1", "max_length: 32", 17, "models.v1.5.encoder.max_length", "pieces of 64 tokens", "leave it out"),
    (
        STUDENT,
        "{labels: {kind: soft, teachers: 'mono-{language}', states: 0.2}, encoder: {hidden_size: 32}}",
        19,
        "models.student.labels.states",
        "hidden states 32 wide",
        "one hidden_size",
    ),
    (
        STUDENT,
        "from: {folder: nowhere}",
        19,
        "models.student.from.folder",
        "no model in the folder",
        "Hugging Face",
    ),
]


@pytest.mark.parametrize(("old", "new", "line", "field", "what", "fix"), WRONG, ids=[each[1] for each in WRONG])
def test_contradictions(refused: Refused, old: str, new: str, line: int, field: str, what: str, fix: str) -> None:
    error = refused(old, new)
    assert error.where is not None and error.fix is not None
    assert error.where.endswith(f"small.yaml:{line}, field {field}")
    assert what in error.what
    assert fix in error.fix


def test_a_longer_circle(refused: Refused) -> None:
    circle = "  a: {labels: {kind: soft, teachers: b}}\n  b: {labels: {kind: soft, teachers: a}}\n"
    error = refused(RECIPE[RECIPE.index("  v1.5") :], circle)
    assert error.what == "a circle: b learns from a learns from b"


def test_gold_labels_only_where_the_recipe_says_so(place: Path) -> None:
    labels = "labels: {kind: soft, teachers: {en: mono-en}, without_teacher: gold}"
    (place / "small.yaml").write_text(RECIPE.replace(STUDENT, labels))
    plan = load_recipe(place / "small.yaml").plans()["student"]
    assert plan.teachers() == {"en": ("mono-en",)}
    assert plan.languages == ("en", "ru", "ko")


def test_a_student_comes_after_its_teachers(place: Path) -> None:
    text = RECIPE.replace("hl: {}", "hl: {labels: {kind: soft, teachers: v1.5}}")
    (place / "small.yaml").write_text(text)
    names = list(load_recipe(place / "small.yaml").plans())
    assert names == ["mono-en", "mono-ru", "mono-ko", "v1.5", "hl", "student"]


def test_languages_of_the_vocabulary_alone(refused: Refused, place: Path) -> None:
    (place / "small.yaml").write_text(RECIPE.replace("group: low", "vocabulary_only: true"))
    recipe = load_recipe(place / "small.yaml")
    assert recipe.trained_languages == ("en", "ru")
    assert recipe.vocabulary_languages == ("en", "ru", "ko")
    assert recipe.groups == {"high": ("en",), "all": ("en", "ru")}
    languages = RECIPE[RECIPE.index("languages") : RECIPE.index("encoder")]
    error = refused(languages, "languages: {en: {text: text/en.txt, vocabulary_only: true}}\n")
    assert "every language" in error.what


@pytest.mark.parametrize(
    ("content", "what"),
    [(None, "There is no file"), (b"", "empty")],
)
def test_missing_and_empty_text(refused: Refused, place: Path, content: bytes | None, what: str) -> None:
    file = place / "text" / "en.txt"
    file.unlink()
    if content is not None:
        file.write_bytes(content)
    error = refused()
    assert what in error.what and str(file) in error.what
    assert error.where == f"{place / 'small.yaml'}:3, field languages.en.text"


def test_the_same_file_twice(refused: Refused) -> None:
    error = refused("text: text/ko.txt", "text: text/../text/en.txt")
    assert "en and ko have the same file" in error.what
    assert "small.yaml:7, field languages.ko.text" in str(error.where)


def test_unknown_language_code(refused: Refused) -> None:
    error = refused("  en: {", "  english: {")
    assert "'english' is not a language code" in error.what
    assert "small.yaml:3, field languages.english" in str(error.where)
    assert "en (English)" in str(error.fix)


def test_the_sample_is_split_by_shares(refused: Refused) -> None:
    error = refused("text: text/en.txt", "text: {kind: sample}")
    assert "cannot be a number of sentences" in error.what
    assert str(error.where).endswith("field text.valid")


def test_a_language_that_the_sample_lacks(refused: Refused) -> None:
    error = refused("ko: {text: text/ko.txt", "te: {text: {kind: sample}")
    assert "'te'" in error.what
    assert "field languages.te.text" in str(error.where)
