"""Models with random weights beside those that they are like."""

import json
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from equiglot.errors import InputError
from equiglot.pipeline import Graph, plan_recipe
from equiglot.vocabulary import TOKENIZER_FILES
from tests.pipeline.conftest import Change, run_here


def _fresh(**others: Any) -> dict[str, Any]:
    """The recipe's fields: a model, and the same with random weights, twice."""
    return {
        "models": {
            "like": {"fresh": {"model": "learnt"}, "languages": ["ru"]},
            "again": {"fresh": {"model": "like"}, "languages": ["ru"]},
            "learnt": {"training": {"updates": 3}, "languages": ["ru"], "encoder": {"layers": 1}},
        },
        **others,
    }


@pytest.fixture(scope="module")
def run(make: Change, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that is done; not to be touched."""
    into = tmp_path_factory.mktemp("fresh") / "run"
    run_here(make(**_fresh()), into)
    return into


def test_all_but_the_weights_is_the_same(run: Path) -> None:
    models = [run / "models" / name for name in ("learnt", "like", "again")]
    weights = [load_file(folder / "model.safetensors") for folder in models]
    shapes = [{name: tensor.shape for name, tensor in each.items()} for each in weights]
    assert shapes[0] == shapes[1] == shapes[2]
    rows = [each["bert.embeddings.word_embeddings.weight"] for each in weights]
    assert not rows[0].equal(rows[1]) and not rows[1].equal(rows[2])
    assert abs(float(rows[1].std()) - 0.02) < 0.005  # transformers' own initialisation
    files = [name for name in TOKENIZER_FILES if (models[0] / name).is_file()]
    assert "tokenizer.json" in files
    assert all(len({(folder / name).read_bytes() for folder in models}) == 1 for name in files)
    configs = [json.loads((folder / "config.json").read_text()) for folder in models]
    assert configs[0] == configs[1] == configs[2]


def test_the_page_says_what_it_is(run: Path) -> None:
    page = (run / "report" / "index.html").read_text()
    assert "random weights, all else as in learnt" in page
    assert "learns from not trained" not in page


def test_the_seed_and_the_name_draw_the_weights(make: Change) -> None:
    jobs, reseeded = Graph(make(**_fresh())).jobs, Graph(make(**_fresh(seed=7))).jobs
    assert jobs["model/like"].needs == ("model/learnt",)
    seeds = [each["model/" + name].inputs["seed"] for each in (jobs, reseeded) for name in ("like", "again")]
    assert len({*seeds}) == 4


def test_nothing_is_trained_for_it(make: Change) -> None:
    plan = plan_recipe(make(**_fresh()))
    assert {model.name for model in plan.models} == {"learnt"}


@pytest.mark.parametrize(
    ("change", "told", "where"),
    [
        ({"models__like__fresh__model": "learned"}, "no model is called 'learned'", "models.like.fresh.model"),
        ({"models__like__fresh__model": "again"}, "a circle", "models."),
        ({"models__like__training": {"updates": 3}}, "a model that is made anew is not trained", "models.like"),
        ({"models__like__existing": "./folder"}, "either `existing` or `fresh`", "models.like"),
        ({"models__like__trim": {"model": "learnt"}}, "either `trim` or `fresh`", "models.like"),
    ],
)
def test_contradictions_are_refused(make: Change, change: dict[str, Any], told: str, where: str) -> None:
    with pytest.raises(InputError) as refused:
        make(**_fresh(), **change)
    assert told in str(refused.value) and where in str(refused.value.where)
