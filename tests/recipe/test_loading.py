"""Recipes from files, from each other, from overrides; and back to text."""

from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from equiglot.corpus import FilesSource
from equiglot.corpus.balancing import UniMax
from equiglot.errors import InputError
from equiglot.models import EncoderSettings
from equiglot.recipe import (
    Language,
    MaskedLanguageModelling,
    ModelSettings,
    Recipe,
    builtin_recipes,
    load_recipe,
    parse_recipe,
    recipe_schema,
    recipe_text,
    recipe_tree,
)
from tests.recipe.conftest import RECIPE, Refused


@pytest.fixture
def file(place: Path) -> Path:
    return place / "small.yaml"


def paths_of(recipe: Recipe, language: str) -> tuple[str, ...]:
    source = recipe.languages[language].text
    assert isinstance(source, FilesSource)
    return source.paths


# --- what one recipe takes from another


def test_extends_a_file_beside_it(place: Path, file: Path) -> None:
    below = place / "other" / "child.yaml"
    below.parent.mkdir()
    below.write_text("extends: ../small.yaml\nname: child\ntraining: {updates: 7}\nmodels: {hl: {balance: truncate}}\n")
    child, parent = load_recipe(below), load_recipe(file)
    assert child.name == "child"
    assert (child.training.updates, child.training.epochs) == (7, None)
    assert child.models["hl"].balance.kind == "truncate"
    assert child.models["student"].labels == parent.models["student"].labels
    assert child.models["student"].training.updates == 7
    # Each file's paths are relative to its own folder.
    assert child.languages == parent.languages


def test_languages_and_models_are_taken_out(place: Path, file: Path) -> None:
    (place / "child.yaml").write_text("extends: small.yaml\nname: child\nmodels: {hl: null, hl-long: {balance: all}}\n")
    parent, child = load_recipe(file), load_recipe(place / "child.yaml")
    assert set(child.models) == {*parent.models, "hl-long"} - {"hl"}
    assert set(load_recipe(file, ["models.hl=null"]).models) == set(parent.models) - {"hl"}
    (place / "child.yaml").write_text("extends: small.yaml\nname: child\nlanguages: {ko: null, kk: null}\n")
    with pytest.raises(InputError) as caught:  # the one was not there
        load_recipe(place / "child.yaml")
    assert str(caught.value.where).endswith("child.yaml:3, field languages.kk")


def test_extends_a_builtin_recipe(place: Path) -> None:
    file = place / "mine.yaml"
    languages = "".join(f"  {code}: {{text: text/en.txt}}\n" for code in ("en",))
    file.write_text("extends: paper1-shared\nname: mine\nlanguages:\n" + languages)
    with pytest.raises(InputError, match=r"There is no file or folder .*text/de") as caught:
        load_recipe(file)
    assert caught.value.where is not None
    assert caught.value.where.startswith("paper1-shared:")
    assert caught.value.where.endswith("field languages.de.text")


def test_errors_name_the_file_that_the_field_stands_in(place: Path) -> None:
    (place / "child.yaml").write_text("extends: small.yaml\nname: child\nmodels:\n  hl: {balance: all}\n")
    (place / "small.yaml").write_text(RECIPE.replace("layers: 2", "layers: none"))
    with pytest.raises(InputError) as caught:
        load_recipe(place / "child.yaml")
    assert caught.value.where == f"{place / 'small.yaml'}:8, field encoder.layers"


@pytest.mark.parametrize(("parent", "fix"), [("smal", "give a YAML file"), ("paper1-shred", "'paper1-shared'")])
def test_extends_nothing(refused: Refused, parent: str, fix: str) -> None:
    error = refused("name: small", f"name: small\nextends: {parent}")
    assert error.what == f"no such recipe: {parent!r}"
    assert str(error.where).endswith("small.yaml:2, field extends")
    assert fix in str(error.fix)


@pytest.mark.parametrize("parent", ["null", "[demo]", "3"])
def test_extends_what_is_no_name(refused: Refused, parent: str) -> None:
    error = refused("name: small", f"name: small\nextends: {parent}")
    assert "takes the name of one recipe or file" in error.what and str(error.where).endswith("field extends")


def test_extends_in_a_circle(place: Path, refused: Refused) -> None:
    (place / "other.yaml").write_text("extends: small.yaml\n")
    error = refused("name: small", "name: small\nextends: other.yaml")
    assert "in a circle" in error.what
    assert "in a circle" in refused("name: small", "name: small\nextends: small.yaml").what


def test_a_name_is_a_builtin_recipe_whatever_lies_beside_it(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "demo").write_text(RECIPE)
    (place / "child.yaml").write_text("extends: demo\n")
    monkeypatch.chdir(place)
    assert load_recipe("demo").name == load_recipe("child.yaml").name == "demo"
    (place / "child.yaml").write_text("extends: ./demo\nname: child\n")
    assert load_recipe("./demo").name == "small"
    assert load_recipe("child.yaml").encoder == load_recipe("./demo").encoder


def test_a_chain_of_recipes_has_an_end(place: Path) -> None:
    for number in range(30):
        (place / f"{number}.yaml").write_text(f"extends: {number + 1}.yaml\n")
    with pytest.raises(InputError, match="more than 20 recipes extend each other"):
        load_recipe(place / "0.yaml")


# --- paths


def test_paths_start_at_the_recipe(file: Path, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    assert paths_of(load_recipe(file), "ru") == (str(place / "text/ru.txt"),)


def test_homes(file: Path, place: Path, monkeypatch: pytest.MonkeyPatch, refused: Refused) -> None:
    monkeypatch.setenv("HOME", str(place / "text"))
    (place / "~x").mkdir()
    (place / "~x" / "ru.txt").write_text("Все люди.", encoding="utf-8")
    file.write_text(RECIPE.replace("text/en.txt", "~/en.txt").replace("text/ru.txt", "./~x/ru.txt"))
    recipe = load_recipe(file)
    assert paths_of(recipe, "en") == (str(place / "text/en.txt"),)
    assert paths_of(recipe, "ru") == (str(place / "~x/ru.txt"),)
    error = refused("- text/ru.txt", "- ~nobodyhere/ru.txt")
    assert error.what == "~nobodyhere is no user's home" and "./~nobodyhere" in str(error.fix)
    assert str(error.where).endswith("small.yaml:6, field languages.ru.text.0")
    assert "~nobodyhere" in refused("text/en.txt", "{kind: hub, dataset: ~nobodyhere/x}").what


def test_environment_variables(file: Path, place: Path, monkeypatch: pytest.MonkeyPatch, refused: Refused) -> None:
    monkeypatch.setenv("TEXT", str(place / "text"))
    file.write_text(RECIPE.replace("text: text/en.txt", "text: $TEXT/en.txt"))
    assert paths_of(load_recipe(file), "en") == (str(place / "text/en.txt"),)
    error = refused("- text/ru.txt", "- ${NOWHERE_AT_ALL}/ru.txt")
    assert "environment variable that is not set" in error.what
    assert str(error.where).endswith("small.yaml:6, field languages.ru.text.0")


# --- --set


def test_overrides(file: Path, place: Path) -> None:
    recipe = load_recipe(
        file,
        [
            "encoder.layers=3",
            "training.updates=9",
            "models.hl.training.epochs=2",
            "training.batch.tokens=512",
            "models.student.labels.weight=0.5",
            "models.v1.5.encoder.layers=5",
            "languages.ru.text.0=text/en.txt",
            "languages.en.text=text/ru.txt",
            "models.new={balance: {kind: cap, characters: 9}}",
            "text={valid: 0.1, test: 0.2}",
            "report.title=a=b",
        ],
    )
    assert recipe.encoder.layers == recipe.models["student"].encoder.layers == 3
    assert (recipe.training.updates, recipe.training.epochs) == (9, None)
    assert (recipe.models["hl"].training.updates, recipe.models["hl"].training.epochs) == (None, 2)
    assert (recipe.training.batch.sentences, recipe.training.batch.tokens) == (None, 512)
    assert recipe.plans()["student"].labels.objective.weight.start == 0.5
    assert recipe.models["v1.5"].encoder.layers == 5
    assert paths_of(recipe, "ru") == (str(place / "text/en.txt"),)
    assert recipe.models["new"].balance.kind == "cap"
    assert (recipe.text.valid, recipe.text.test) == (0.1, 0.2)
    assert recipe.report.title == "a=b"


def test_overrides_of_lists_that_the_recipe_leaves_at_their_default(file: Path) -> None:
    given = ("evaluation.0.draws=2", "models.hl.training.betas.1=0.98", "training.betas.0=0.8")
    recipe = load_recipe(file, given)
    assert recipe.evaluation == (MaskedLanguageModelling(draws=2),)
    assert recipe.training.betas == (0.8, 0.999)
    assert recipe.models["hl"].training.betas == (0.9, 0.98)
    assert load_recipe(file, given[::-1]).models["hl"].training.betas == (0.8, 0.98)


def test_overrides_within_what_is_written_as_a_name_alone(file: Path) -> None:
    given = ("evaluation=[mlm]", "evaluation.0.draws=2", "models.hl.balance=unimax", "models.hl.balance.passes=3")
    recipe = load_recipe(file, given)
    assert recipe.evaluation == (MaskedLanguageModelling(draws=2),)
    assert recipe.models["hl"].balance == UniMax(passes=3)


@pytest.mark.parametrize(
    ("assignment", "where", "what", "fix"),
    [
        ("evaluation.1.draws=2", "--set evaluation.1.draws", "items 0 to 0, not '1'", "whole list"),
        ("evaluation.draws=2", "--set evaluation.draws", "items 0 to 0, not 'draws'", "whole list"),
        ("report.notes.0=x", "--set report.notes.0", "the list is empty", "whole list"),
        ("encoder.layer=3", "--set encoder.layer, field encoder.layer", "unknown field", "'layers'"),
        ("encodr.layers=3", "--set encodr.layers, field encodr", "unknown field", "'encoder'"),
        ("models.studnt.training.epochs=4", "--set models.studnt.training.epochs", "no 'studnt'", "'student'"),
        ("models.mono-en.training.epochs=4", "--set models.mono-en.training.epochs", "no 'mono-en'", "mono-{language}"),
        ("languages.fr.text=x", "--set languages.fr.text", "no 'fr'", "en, ru, ko"),
        ("models.v1.6.encoder.layers=5", "--set models.v1.6.encoder.layers", "no 'v1'", "'v1.5'"),
        ("languages.ru.text.1=x", "--set languages.ru.text.1", "items 0 to 0", "whole list"),
        ("languages.ru.text.-1=x", "--set languages.ru.text.-1", "items 0 to 0", "whole list"),
        ("encoder.layers", "--set", "no assignment", "a.b.c=value"),
        ("=3", "--set", "no assignment", "a.b.c=value"),
        ("encoder..layers=3", "--set", "no assignment", "a.b.c=value"),
        ("encoder.layers=[1", "--set encoder.layers", "no YAML value", "quotes"),
        ("encoder.layers=2024-99-99", "--set encoder.layers", "no YAML value", "quotes"),
        ("encoder.layers=-1", "--set encoder.layers, field encoder.layers", "greater than 0", "schema"),
        ("encoder.heads=3", "small.yaml:8, field encoder, with --set encoder.heads", "not a multiple", "schema"),
        ("encoder.layers=", "--set encoder.layers, field encoder.layers", "valid integer", "schema"),
        ("encoder=5", "--set encoder, field encoder", "EncoderSettings", "schema"),
        ("models.hl.encoder.max_length=32", "--set models.hl.encoder.max_length", "pieces of 64", "leave it out"),
    ],
)
def test_wrong_overrides(refused: Refused, assignment: str, where: str, what: str, fix: str) -> None:
    error = refused(overrides=(assignment,))
    assert where in str(error.where)
    assert what in error.what
    assert fix in str(error.fix)


# --- there and back

VALUES = {
    "encoder.layers": st.integers(1, 9),
    "encoder.dropout": st.floats(0, 0.99),
    "training.epochs": st.floats(0.1, 100),
    "training.updates": st.integers(1, 10**9),
    "training.batch.tokens": st.integers(64, 10**6),
    "training.learning_rate": st.floats(1e-9, 1),
    "training.early_stopping": st.none() | st.builds(dict, patience=st.integers(1, 9)),
    "models.hl.training.updates": st.integers(1, 10**9),
    "models.hl.balance": st.sampled_from(["all", "truncate", {"kind": "smoothing", "alpha": 0.5}]),
    "models.student.labels.weight": st.floats(0, 1) | st.builds(dict, start=st.floats(0, 1), end=st.floats(0, 1)),
    "models.student.labels.scale": st.booleans(),
    "description": st.text(st.characters(exclude_categories=["Cs", "Cc"])),
    "report.notes": st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=9), max_size=3),
    "vocabulary.languages": st.none() | st.just(["ru", "en"]),
    "languages.ru.group": st.none() | st.sampled_from(["high", "no", "1"]),
    "text.valid": st.integers(1, 9) | st.floats(0.01, 0.2),
    "evaluation": st.sampled_from([["mlm"], [{"task": "mlm", "draws": 2}], [{"task": "mlm", "rate": 0.2}]]),
}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chosen=st.fixed_dictionaries({}, optional=VALUES))
def test_text_of_a_recipe_gives_the_same_recipe(file: Path, tmp_path: Path, chosen: dict[str, object]) -> None:
    recipe = load_recipe(file, [f"{path}={yaml.safe_dump(value).strip()}" for path, value in chosen.items()])
    assert parse_recipe(yaml.safe_load(recipe_text(recipe)), Path("/")) == recipe
    assert Recipe.model_validate(recipe_tree(recipe)) == recipe
    again = tmp_path / "again" / "recipe.yaml"
    again.parent.mkdir(exist_ok=True)
    again.write_text(recipe_text(recipe), encoding="utf-8")
    assert load_recipe(again) == recipe


def test_a_recipe_made_in_python_is_the_one_of_the_file(place: Path) -> None:
    (place / "one.yaml").write_text(
        "name: one\nlanguages: {en: {text: text/en.txt}}\nencoder: {layers: 2}\nmodels: {hl: {encoder: {heads: 2}}}\n"
    )
    made = Recipe(
        name="one",
        languages={"en": Language(text=[str(place / "text/en.txt")])},
        encoder=EncoderSettings(layers=2),
        models={"hl": ModelSettings(encoder=EncoderSettings(heads=2))},
    )
    assert made.models["hl"].encoder.layers == 2
    assert made == load_recipe(place / "one.yaml")


# --- built-in recipes


@pytest.mark.parametrize("name", builtin_recipes())
def test_builtin_recipes(name: str) -> None:
    assert builtin_recipes()[name]
    try:
        recipe = load_recipe(name)
    except InputError as error:
        # The papers' recipes want text that does not come with them; all else was right.
        known = ("There is no file or folder", "not installed")
        assert any(what in error.what for what in known), error.what
        return
    assert recipe.name == name
    assert recipe.plans()


def check_structure(schema: dict[str, object]) -> None:
    properties = schema["properties"]
    assert isinstance(properties, dict)
    assert {"extends", *Recipe.model_fields} == set(properties)
    definitions = schema["$defs"]
    assert isinstance(definitions, dict)
    text = repr(schema)
    assert all(f"'#/$defs/{name}'" in text for name in definitions)


def test_schema() -> None:
    schema = recipe_schema()
    check_structure(schema)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    library = Path(__file__).parents[2] / "equiglot" / "recipe" / "library"
    for path in sorted(library.glob("*.yaml")):
        assert [error.message for error in validator.iter_errors(yaml.safe_load(path.read_text()))] == []
    validator.validate(yaml.safe_load(RECIPE))
    assert not validator.is_valid(yaml.safe_load(RECIPE.replace("layers: 2", "layer: 2")))
    assert not validator.is_valid({"name": "a"})
