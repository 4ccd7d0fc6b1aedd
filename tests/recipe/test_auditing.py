"""Labelled data found in a folder, and the recipe of an audit."""

import json
from pathlib import Path

import pytest

from equiglot.errors import InputError
from equiglot.recipe import audit_recipe, parse_recipe, preset_of
from equiglot.recipe.auditing import audit_tree, find_labelled
from tests.stock import save_stock

_TREE = "1\tDobro\tdobro\tADV\t_\t_\t0\troot\t_\t_\n\n"
_QUESTIONS = {"data": [{"title": "t", "paragraphs": []}]}


def _write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_dot_", ".").replace("_dash_", "-")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    return _write(
        folder,
        ud__sl_ssj_dash_train_dot_conllu=_TREE,
        ud__sl_ssj_dash_test_dot_conllu=_TREE,
        ud__hi_pud_dash_test_dot_conllu=_TREE,
        ner__hi_hiner_dash_train_dot_tsv="दिल्ली\tB-LOC\nमें\tO\n\n",
        ner__hi_hiner_dash_valid_dot_tsv="दिल्ली\tB-LOC\n",
        topic__sib200_dash_sl_dash_dev_dot_tsv="index_id\tcategory\ttext\n0\tsports\tTekma je bila dobra.\n",
        qa__xquad_dot_hi_dot_json=json.dumps(_QUESTIONS),
        sl__reviews_dash_test_dot_tsv="text\tlabel\nOdlično.\tgood\n",
        text__sl__all_dot_txt="Navadno besedilo.\n",
        ud__tr_imst_dash_test_dot_conllu=_TREE,
        ud__sl_ssj_dot_conllu=_TREE,
        sl__config_dash_test_dot_json='{"a": 1}',
    )


def test_what_a_folder_has(data: Path) -> None:
    found = find_labelled(data, ["sl", "hi"])
    assert found.data.keys() == {"pos", "parse", "ner", "topic", "qa"}
    assert {task: list(of) for task, of in found.data.items()} == {
        "ner": ["hi"],
        "qa": ["hi"],
        "topic": ["sl"],
        "pos": ["sl", "hi"],
        "parse": ["sl", "hi"],
    }
    trees = found.data["pos"]["sl"]
    assert trees["kind"] == "conllu" and [Path(each).name for each in trees["train"]] == ["sl_ssj-train.conllu"]
    assert "train" not in found.data["pos"]["hi"]
    assert found.data["ner"]["hi"].keys() == {"kind", "train", "dev"}  # valid is dev
    assert found.others.keys() == {
        *("text/sl/all.txt", "ud/sl_ssj.conllu", "sl/config-test.json", "topic/sib200-sl-dev.tsv")
    }
    assert "train, dev or test" in found.others["ud/sl_ssj.conllu"]


def test_tables_of_one_language_have_the_same_columns(data: Path) -> None:
    found = find_labelled(data, ["sl"])
    topic = found.data["topic"]["sl"]
    assert (topic["text"], topic["label"]) == ("text", "label")
    assert [Path(each).name for each in topic["test"]] == ["reviews-test.tsv"] and "dev" not in topic
    assert "called otherwise" in found.others["topic/sib200-sl-dev.tsv"]


def test_nothing_is_found(tmp_path: Path, data: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        find_labelled(tmp_path / "nothing", ["sl"])
    with pytest.raises(InputError, match="no labelled data of ko"):
        find_labelled(data, ["ko"])


def test_the_recipe_of_an_audit(data: Path, tmp_path: Path) -> None:
    model = str(save_stock(tmp_path / "bert", "bert"))
    tree, found = audit_recipe([model], ["sl", "hi"], data, name="audit", tuning=preset_of("quick"), tasks=["pos"])
    recipe = parse_recipe(tree, tmp_path)
    assert recipe.audit is not None and recipe.audit.untrained == "fresh-{model}"
    assert list(recipe.plans()) == ["bert", "fresh-bert"] and recipe.plans()["fresh-bert"].revises == "bert"
    (entry,) = recipe.fine_tuned.values()
    assert entry.name == "pos-finetune" and entry.seeds == 3 and entry.sentences.train == 1000
    assert recipe.languages["hi"].wikipedia is not None and len(found.others) == 5
    assert not recipe.sources  # nothing is trained: no text


def test_bad_input_of_an_audit(data: Path, tmp_path: Path) -> None:
    model, quick = str(save_stock(tmp_path / "bert", "bert")), preset_of("quick")
    with pytest.raises(InputError, match="no data of the task ner"):
        audit_recipe([model], ["sl"], data, name="a", tuning=quick, tasks=["ner"])
    with pytest.raises(InputError, match="no labelled data of sl"):
        audit_recipe([model], ["sl", "hi"], data, name="a", tuning=quick, tasks=["ner"])
    with pytest.raises(InputError, match="no language is named"):
        audit_recipe([model], [], data, name="a", tuning=quick)
    with pytest.raises(InputError, match="there is no labelled data"):
        audit_recipe([model], ["sl"], None, name="a", tuning=quick)
    with pytest.raises(InputError, match="tr is trained on, and is not among"):
        audit_recipe([model], ["sl"], data, name="a", tuning=quick, source=["tr"])
    with pytest.raises(InputError, match="no data to train on in tr"):
        audit_recipe([model], ["tr"], data, name="a", tuning=quick)
    with pytest.raises(InputError, match="no preset 'paper4'"):
        preset_of("paper4")


def test_zero_shot(data: Path) -> None:
    found = find_labelled(data, ["sl", "hi"])
    tree = audit_tree({"m": "x/y"}, ["sl", "hi"], found.data, name="a", tuning={}, source=["sl"])
    assert all(each["train"] == ["sl"] for each in tree["evaluation"])
    assert tree["models"]["m"] == {"existing": "x/y", "languages": ["sl", "hi"]}


def test_treebanks_without_trees_or_without_tags(tmp_path: Path) -> None:
    """Comments, ranges of words and empty nodes say nothing of either."""
    tagged = "# text = Vámonos\n1-2\tVámonos\t_\t_\t_\t_\t_\t_\t_\t_\n1\tVamos\t_\tVERB\t_\t_\t_\t_\t_\t_\n\n"
    parsed, bare = (_TREE.replace("ADV", "_"), _TREE.replace("ADV", "_").replace("0\troot", "_\t_"))
    files = {
        "es_a-test.conllu": tagged,
        "ko_a-test.conllu": parsed,
        "sl_a-test.conllu": bare,
        "tr_a-test.conllu": _TREE,
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    found = find_labelled(tmp_path, ["es", "ko", "sl", "tr"])
    assert {task: [*of] for task, of in found.data.items()} == {"pos": ["es", "tr"], "parse": ["ko", "tr"]}
    assert found.others == {"sl_a-test.conllu": "it has neither parts of speech nor trees"}
