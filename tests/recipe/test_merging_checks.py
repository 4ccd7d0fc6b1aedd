"""Recipes that merge models and contradict themselves are refused before anything is computed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from equiglot.errors import InputError
from equiglot.recipe import load_recipe

RECIPE = """\
name: small
languages:
  en: {text: en.txt}
  ru: {text: ru.txt}
text: {valid: 2, test: 2}
vocabulary: {kind: union}
encoder: {architecture: electra, layers: 1, heads: 2, hidden_size: 16, embedding_size: 8, max_length: 32}
models:
  english: {existing: ./english, languages: [en]}
  bilingual: {existing: ./bilingual, languages: [en, ru]}
  own: {languages: [en], vocabulary: {size: 100}}
  student: {labels: {kind: stored, teachers: {en: [english, bilingual], ru: bilingual}}}
"""

# What is replaced, by what; the field of the message; words in it; words of the remedy.
WRONG = [
    ("languages: [en]}\n  bi", "languages: [en], labels: hard}\n  bi", "models.english", "leave out labels", ""),
    ("{existing: ./english, languages: [en]}", "{existing: ./english}", "models.english", "`languages` is missing", ""),
    ("size: 100}", "size: 100}, tokens: {en: 5}", "models.own", "`tokens` is about models that are there", ""),
    (
        "{kind: union}",
        "{kind: union, models: [english]}",
        "vocabulary.models",
        "two vocabularies at least, and there is 1",
        "two models",
    ),
    ("{kind: union}", "{kind: union, models: [english, own, x]}", "vocabulary", "'x'", "such are: english"),
    ("{kind: union}", "{kind: union, rules: englisch}", "vocabulary", "'englisch'", "did you mean 'english'"),
    (
        "{kind: union}",
        "{kind: union, models: [english, own], rules: bilingual}",
        "vocabulary.rules",
        "is not in the union",
        "english, own",
    ),
    ("{kind: union}", "{kind: union, size: 5}", "vocabulary.size", "unknown field 'size'", "models, rules"),
    ("{kind: union}", "{kind: onion}", "vocabulary", "unknown kind 'onion'", "union"),
    ("{kind: union}", "{size: 100}", "models.student.labels.teachers", "no union holds both", "{kind: union}"),
    ("vocabulary: {size: 100}", "vocabulary: englis", "models.own.vocabulary", "no model 'englis'", "'english'"),
    ("vocabulary: {size: 100}", "vocabulary: {size: 100, languages: [de]}", "models.own.vocabulary", "'de'", "en, ru"),
    (
        "kind: stored, teachers: {en: [english, bilingual], ru: bilingual}",
        "kind: soft, teachers: {en: english, ru: bilingual}",
        "models.student.labels.kind",
        "english has another vocabulary than student",
        "kind: stored",
    ),
    ("ru: bilingual}", "ru: english}", "models.student.labels.teachers", "ru has no teacher", "bilingual"),
    (", ru: bilingual}", "}", "models.student.labels.teachers", "ru has no teacher", "without_teacher: gold"),
    ("kind: stored,", "kind: stored, reading: sampled,", "models.student.labels", "`samples` go together", ""),
    ("kind: stored,", "kind: stored, samples: 4,", "models.student.labels", "`samples` go together", ""),
    ("kind: stored,", "kind: stord,", "models.student.labels", "unknown kind 'stord'", "stored"),
    ("kind: stored,", "kind: stored, copys: best,", "models.student.labels.copys", "unknown field", "'copies'"),
    ("kind: stored,", "kind: stored, k: 0,", "models.student.labels.k", "greater than or equal to 1", ""),
    (
        "text: {valid: 2, test: 2}",
        "text: {valid: 2, test: 2}\nmasking: {dynamic: false}",
        "models.student.labels.draws",
        "4 different masks",
        "masking.dynamic",
    ),
    ("architecture: electra", "architecture: bert", "encoder", "embedding_size needs `architecture: electra`", ""),
    ("embedding_size: 8", "embedding_size: 8, parameters: 1M", "encoder", "give either embedding_size or", ""),
    ("embedding_size: 8", "parameters: 5Q", "encoder.parameters", "5Q", ""),
    ("  own:", "  shared:", "models.shared", "cannot be the name", "stand for something else"),
    ("  own:", "  teachers:", "models.teachers", "cannot be the name", "stand for something else"),
    ("models:", "report: {reference: {de: english}}\nmodels:", "report.reference", "'de'", "en, ru"),
    ("models:", "report: {reference: {en: englisch}}\nmodels:", "report.reference", "'englisch'", "'english'"),
]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    for code in ("en", "ru"):
        (tmp_path / f"{code}.txt").write_text("a line\n" * 20)
    for name in ("english", "bilingual"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text("{}")
    return tmp_path


@pytest.mark.parametrize(("old", "new", "field", "what", "fix"), WRONG)
def test_contradictions(place: Path, old: str, new: str, field: str, what: str, fix: str) -> None:
    assert old in RECIPE
    text = RECIPE.replace(old, new, 1)
    if "4 different masks" in what:
        text = text.replace("kind: stored,", "kind: stored, draws: 4,")
    (place / "small.yaml").write_text(text)
    with pytest.raises(InputError) as caught:
        load_recipe(place / "small.yaml")
    error = caught.value
    assert f"field {field}" in str(error.where), error
    assert "small.yaml:" in str(error.where), error
    assert what in error.what and fix in str(error.fix), error


def test_the_recipe_itself_is_right(place: Path) -> None:
    (place / "small.yaml").write_text(RECIPE)
    recipe = load_recipe(place / "small.yaml")
    plans = recipe.plans()
    assert recipe.united == ("english", "bilingual", "own")
    assert [plan.owner for plan in plans.values()] == ["english", "bilingual", "own", ""]
    assert list(plans)[-1] == "student" and recipe.reference_name == "teachers"
    assert Path(str(plans["english"].existing)) == place / "english"


def test_a_name_on_the_hub_is_no_folder(place: Path) -> None:
    tree: dict[str, Any] = yaml.safe_load(RECIPE)
    tree["models"]["english"]["existing"] = "dbmdz/bert-base-turkish-cased"
    (place / "small.yaml").write_text(yaml.safe_dump(tree))
    assert load_recipe(place / "small.yaml").plans()["english"].existing == "dbmdz/bert-base-turkish-cased"


@pytest.fixture
def error_of(place: Path) -> Callable[[str], InputError]:
    """The error where the English teacher, `./english`, is named otherwise."""

    def read(existing: str) -> InputError:
        (place / "small.yaml").write_text(RECIPE.replace("./english", existing))
        with pytest.raises(InputError) as caught:
            load_recipe(place / "small.yaml")
        assert str(caught.value.where).endswith("small.yaml:9, field models.english.existing")
        return caught.value

    return read


@pytest.mark.parametrize("name", ["english", "owner/english"])
def test_a_name_that_a_folder_has_too_is_not_guessed(
    place: Path, error_of: Callable[[str], InputError], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "/" in name:
        (place / "owner").mkdir()
        (place / "english").rename(place / name)
    monkeypatch.chdir("/")
    error = error_of(name)
    assert "a name on the hub, and there is a folder of the same name" in error.what and f"write ./{name}" in str(error)
    (place / "small.yaml").write_text(RECIPE.replace("./english", f"./{name}"))
    assert load_recipe(place / "small.yaml").models["english"].existing == str(place / name)


def test_only_what_says_that_it_is_a_path_is_one(
    place: Path, error_of: Callable[[str], InputError], monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / "a/b").mkdir(parents=True)
    (place / "english").rename(place / "a/b/english")
    error = error_of("a/b/english")
    assert "does not say that it is a path" in error.what and "write ./a/b/english" in str(error.fix)
    monkeypatch.setenv("MY_TEACHERS", "a/b")
    assert "write ./a/b/english" in str(error_of("$MY_TEACHERS/english").fix)
    monkeypatch.setenv("HOME", str(place / "a"))
    for path in (str(place / "a/b"), "./a/b", f"../{place.name}/a/b", "~/b", "$MY_PLACE"):
        monkeypatch.setenv("MY_PLACE", "./a/b")
        (place / "small.yaml").write_text(RECIPE.replace("./english", f"{path}/english"))
        existing = load_recipe(place / "small.yaml").models["english"].existing
        assert existing is not None and Path(existing).resolve() == place / "a/b/english"


def test_paths_of_models_start_at_the_file_that_names_them(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "small.yaml").write_text(RECIPE)
    (place / "below").mkdir()
    (place / "below/child.yaml").write_text("extends: ../small.yaml\nname: child\n")
    monkeypatch.chdir("/")
    assert load_recipe(place / "below/child.yaml").models["english"].existing == str(place / "english")


def test_datasets_are_named_in_the_same_way(place: Path) -> None:
    (place / "owner/data").mkdir(parents=True)
    for field, source in (
        ("languages.en.text", "{kind: hub, dataset: DATA}"),
        ("evaluation", "[mlm, {task: topic, data: {kind: hub, dataset: DATA}}]"),
        ("evaluation", "[mlm, {task: topic, data: {en: {kind: hub, dataset: DATA}}}]"),
    ):
        (place / "small.yaml").write_text(RECIPE)
        for name, what in (("owner/data", "a folder of the same name"), ("x/owner/data", "is a path")):
            with pytest.raises(InputError, match=what) as caught:
                load_recipe(place / "small.yaml", [f"{field}={source.replace('DATA', name)}"])
            assert f"write ./{name}" in str(caught.value.fix)
