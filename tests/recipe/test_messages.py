"""Whatever is wrong in a recipe is said once, with file, line, field and remedy."""

from pathlib import Path

import pytest

from equiglot.errors import InputError
from equiglot.recipe import load_recipe
from tests.recipe.conftest import RECIPE, Refused

# What is replaced in the recipe, by what; the line and field of the message; words in it; words of the remedy.
WRONG = [
    ("layers: 2", "layer: 2", 8, "encoder.layer", "unknown field 'layer'", "'layers'"),
    ("group: high}", "gruop: high}", 3, "languages.en.gruop", "unknown field", "'group'"),
    ("name: small", "nmae: small", 1, "nmae", "unknown field", "'name'"),
    ("hl: {}", "hl: {lables: hard}", 14, "models.hl.lables", "unknown field", "'labels'"),
    ("hl: {}", "hl: {xyz: hard}", 14, "models.hl.xyz", "unknown field", "balance"),
    ("hl: {}", "hl: {training: {bathc: 3}}", 14, "models.hl.training.bathc", "unknown field", "'batch'"),
    ("layers: 1", "laers: 1", 17, "models.v1.5.encoder.laers", "unknown field", "'layers'"),
    ("kind: soft,", "kind: soft, temprature: 2,", 19, "models.student.labels.temprature", "unknown", "'temperature'"),
    (
        "kind: soft,",
        "kind: soft, weight: {start: 1, ned: 0},",
        19,
        "models.student.labels.weight.ned",
        "unknown field",
        "'end'",
    ),
    ("text: text/en.txt", "text: {kind: files, path: a}", 3, "languages.en.text.path", "unknown field", "'paths'"),
    ("text: text/en.txt", "text: {kind: sample, path: a}", 3, "languages.en.text.path", "unknown field", "kind"),
    (
        "balance: truncate",
        "balance: {kind: cap, character: 5}",
        16,
        "models.v1.5.balance.character",
        "unknown field",
        "'characters'",
    ),
    ("balance: truncate", "balance: trunctate", 16, "models.v1.5.balance", "unknown kind 'trunctate'", "'truncate'"),
    ("balance: truncate", "balance: {alpha: 1}", 16, "models.v1.5.balance", "'kind' is missing", "add it"),
    ("balance: truncate", "balance: cap", 16, "models.v1.5.balance.characters", "is missing", "add it"),
    ("kind: soft", "kind: sotf", 19, "models.student.labels", "unknown kind 'sotf'", "soft"),
    ("text: text/en.txt", "text: {kind: smaple}", 3, "languages.en.text", "unknown kind 'smaple'", "'sample'"),
    ("layers: 2", "layers: two", 8, "encoder.layers", "valid integer", "schema"),
    ("layers: 2", "layers: -1", 8, "encoder.layers", "greater than 0", "schema"),
    ("layers: 2", "heads: 3", 8, "encoder", "not a multiple of heads 3", "schema"),
    ("epochs: 4", "epochs: 4\n  updates: 5", 9, "training", "either in `epochs` or in `updates`", "schema"),
    ("sentences: 8", "sentences: 8, tokens: 512", 11, "training.batch", "either `sentences` or `tokens`", "schema"),
    ("languages: each", "languages: 5", 13, "models.mono-{language}.languages", "'all' or 'each', or: ", "schema"),
    ("hl: {}", "hl: 5", 14, "models.hl", "given: 5", "schema"),
    ("training:\n", "training: 5\nx:\n", 10, "x", "unknown field", "fields here"),
    ("training:\n", "vocabulary: 5\ntraining:\n", 9, "vocabulary", "given: 5", "schema"),
    ("training:\n", "text: {valid: 1.5}\ntraining:\n", 9, "text.valid", "share of the documents", "schema"),
    ("training:\n", "evaluation: []\ntraining:\n", 9, "evaluation", "nothing is scored", "schema"),
    ("training:\n", "evaluation: [mlm, mlm]\ntraining:\n", 9, "evaluation", "mlm stands here twice", "schema"),
    ("training:\n", "evaluation: [{rate: 1}]\ntraining:\n", 9, "evaluation.0", "'task' is missing", "add it"),
    ("training:\n", "evaluation: [mlm, plac]\ntraining:\n", 9, "evaluation.1", "unknown task 'plac'", "'place'"),
    ("training:\n", "evaluation: [{task: mlm, rat: 1}]\ntraining:\n", 9, "evaluation.0.rat", "unknown field", "'rate'"),
    (
        "training:\n",
        "evaluation: [mlm, {task: pos}]\ntraining:\n",
        9,
        "evaluation.1.data",
        "'data' is missing",
        "add it",
    ),
    (
        "training:\n",
        "evaluation: [mlm, {task: pos, data: {kind: conlu}}]\ntraining:\n",
        9,
        "evaluation.1.data",
        "unknown kind 'conlu'",
        "'conllu'",
    ),
    (
        "training:\n",
        "evaluation: [mlm, {task: ner, data: {de: {kind: bio, tain: a.tsv}}}]\ntraining:\n",
        9,
        "evaluation.1.data.de.tain",
        "unknown field",
        "'train'",
    ),
    (
        "training:\n",
        "evaluation: [mlm, {task: place, probe: {kind: fixed, epoch: 1}}]\ntraining:\n",
        9,
        "evaluation.1.probe.epoch",
        "unknown field",
        "'epochs'",
    ),
    (
        "training:\n",
        "evaluation: [mlm, {task: place, layers: lst}]\ntraining:\n",
        9,
        "evaluation.1.layers",
        "'last'",
        "schema",
    ),
    ("name: small", "name: a/b", 1, "name", "match pattern", "schema"),
    ("kind: soft,", "kind: soft, temperature: 0,", 19, "models.student.labels.temperature", "greater than 0", "schema"),
    ("kind: soft,", "kind: soft, weight: 1.5,", 19, "models.student.labels.weight.start", "less than", "schema"),
    (
        'teachers: "mono-{language}"',
        "teachers: [a]",
        19,
        "models.student.labels.teachers",
        "valid string, or: ",
        "schema",
    ),
]


@pytest.mark.parametrize(("old", "new", "line", "field", "what", "fix"), WRONG, ids=[each[1] for each in WRONG])
def test_wrong_fields(refused: Refused, old: str, new: str, line: int, field: str, what: str, fix: str) -> None:
    error = refused(old, new)
    assert error.where is not None and error.fix is not None
    assert error.where.endswith(f"small.yaml:{line}, field {field}")
    assert what in error.what
    assert fix in error.fix
    assert "\n" not in error.what


def test_long_values_are_cut(refused: Refused) -> None:
    assert len(refused("layers: 2", f"layers: {'x' * 1000}").what) < 200


def test_missing_name(refused: Refused) -> None:
    error = refused("name: small\n", "")
    assert error.what == "the field 'name' is missing"


def test_missing_text(refused: Refused) -> None:
    error = refused("text: text/en.txt, ", "")
    assert error.what == "en has no text, and mono-en is trained on it"
    assert "small.yaml:3, field languages.en.text" in str(error.where)


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("name: small\nmodels: [a\n", 3, "not YAML"),
        ("name: a\n\tb: c\n", 2, "not YAML"),
        ("name: 'a\n", 2, "not YAML"),
        ("name: a\nlanguages: *nowhere\n", 2, "not YAML"),
        ("name: !!python/object:os.system a\n", 1, "not YAML"),
        ("a: 1\n---\nb: 2\n", 2, "not YAML"),
        ("name: a\nname: b\n", 2, "'name' stands here twice"),
        ("models:\n  hl: {}\n  hl: {}\n", 3, "'hl' stands here twice"),
        ("languages:\n  en: {}\n  no: {}\n", 3, "the name no"),
        ("models:\n  1: {}\n", 2, "the name 1"),
        ("models: &a\n  x: *a\n", 2, "inside of itself"),
        ("- a\n- b\n", None, "a YAML mapping"),
        ("", None, "the recipe is empty"),
        ("# nothing but words\n", None, "the recipe is empty"),
        ("name: 2024-13-45\n", None, "not YAML"),
        ("name: \x00\n", None, "not YAML"),
    ],
)
def test_not_yaml(tmp_path: Path, text: str, line: int | None, what: str) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text(text)
    with pytest.raises(InputError) as caught:
        load_recipe(file)
    assert what in caught.value.what
    assert caught.value.where == (f"{file}:{line}" if line else str(file))
    assert caught.value.fix


def test_not_utf8(tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_bytes("name: a\ndescription: schön\n".encode("latin-1"))
    with pytest.raises(InputError, match="not UTF-8") as caught:
        load_recipe(file)
    assert caught.value.where == f"{file}:2"


def test_a_byte_order_mark_is_no_mistake(place: Path) -> None:
    (place / "small.yaml").write_text(RECIPE, encoding="utf-8-sig")
    assert load_recipe(place / "small.yaml").name == "small"


def test_no_such_recipe() -> None:
    with pytest.raises(InputError) as caught:
        load_recipe("paper1-shard")
    assert (caught.value.where, caught.value.fix) == ("paper1-shard", "did you mean 'paper1-shared'?")


@pytest.mark.parametrize("source", ["/nowhere/at/all.yaml", ".", "", "../x", "a\0b", "x" * 200])
def test_no_such_file(source: str) -> None:
    with pytest.raises(InputError, match="no such recipe"):
        load_recipe(source)


def test_settings_that_are_quoted_are_read_as_numbers(place: Path) -> None:
    # YAML 1.1 takes 5e-5, without a dot, for text.
    file = place / "small.yaml"
    file.write_text(RECIPE.replace("epochs: 4", "learning_rate: 5e-5"))
    assert load_recipe(file).training.learning_rate == 5e-5


@pytest.mark.parametrize(
    ("rates", "field", "what"),
    [
        ("11", "learning_rate", "less than or equal to 10"),
        ("fast", "learning_rate", "a valid number"),
        ("[1e-3, 11]", "learning_rate.1", "less than or equal to 10"),
        ("[]", "learning_rate", "at least 1 item"),
    ],
)
def test_a_number_or_several(refused: Refused, rates: str, field: str, what: str) -> None:
    entry = f"[{{task: pos, method: finetune, data: {{kind: conllu, test: a}}, learning_rate: {rates}}}]"
    error = refused("name: small", f"name: small\nevaluation: {entry}")
    assert what in error.what and str(error.where).endswith(f"evaluation.0.{field}")


def test_a_layer_that_a_model_has_not(refused: Refused) -> None:
    error = refused("training:\n", "evaluation: [mlm, {task: place, layers: 2}]\ntraining:\n")
    assert str(error.where).endswith("small.yaml:9, field evaluation.1.layers")
    assert "v1.5 has no layer 2, only 0 (the embeddings) to 1" in error.what  # others have two
    assert "last, all or mix" in str(error.fix)
