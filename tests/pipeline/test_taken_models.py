"""Runs that train nothing: models that are there already, compared on labelled data, without text."""

import html
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from equiglot.cli import app
from equiglot.errors import InputError
from equiglot.evaluation import read_scores
from equiglot.pipeline import Graph, Watcher
from equiglot.recipe import Recipe, load_recipe
from tests.pipeline.conftest import Change, run_here


def _tree(finished: Path, labels: Path) -> dict[str, Any]:
    files = {split: f"{labels}/ud/{{language}}_*-{split}.conllu" for split in ("train", "dev", "test")}
    taken = {
        name: {"existing": str(finished / "models" / name), "languages": ["en", "ru"]} for name in ("hl", "student")
    }
    return {
        "name": "there",
        "languages": {"en": {}, "ru": {"group": "low"}},
        "models": taken,
        "evaluation": [{"task": "pos", "data": {"kind": "conllu", **files}, "resamples": 100}],
    }


@pytest.fixture(scope="module")
def recipe(finished: Path, labels: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recipe whose models are all there already, and which has no text."""
    path = tmp_path_factory.mktemp("recipe") / "there.yaml"
    path.write_text(yaml.safe_dump(_tree(finished, labels)), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def run(recipe: Path) -> Path:
    """A run of it that is done; not to be touched."""
    into = recipe.parent / "run"
    run_here(load_recipe(recipe), into)
    return into


def _told(*arguments: object) -> Result:
    result = CliRunner().invoke(app, [str(each) for each in arguments])
    assert result.exit_code == 0, result.output
    return result


def _page(path: Path) -> str:
    """The words of a page."""
    bare = re.sub(r"<(style|script).*?</\1>|<[^>]*>", " ", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    return " ".join(html.unescape(bare).split())


def test_it_is_planned(recipe: Path, tmp_path: Path) -> None:
    plan = _told("plan", recipe, "--into", tmp_path / "none").output
    assert "probes" in plan and "corpus" not in plan


def test_nothing_of_text_is_made(run: Path) -> None:
    jobs = {str(path.relative_to(run / "jobs").with_suffix("")) for path in (run / "jobs").rglob("*.json")}
    kinds = {job.replace(".", "/", 1).split("/")[0] for job in jobs}
    assert kinds == {"task", "model", "features", "probes"}, jobs
    assert not (run / "corpus").exists() and not (run / "vocabulary").exists()


def test_the_scores_have_no_distances(run: Path) -> None:
    scores = read_scores(run / "scores.jsonl")
    assert {score.model for score in scores} == {"hl", "student"}
    assert {score.metric for score in scores} >= {"accuracy", "difference"}
    assert not {"d", "mrr", "rdt"} & {score.metric for score in scores}


def test_the_page_has_what_there_is_and_names_nothing_as_missing(run: Path) -> None:
    page = _page(run / "report" / "index.html")
    verdict = page.split("Equiglot report · there")[1].split("What was run")[0]
    assert verdict.startswith(" Part of speech, in-language: ") and "accuracy, the mean over all languages" in verdict
    for words in ("Not done yet", "MRR", "teacher", "has been prepared yet", "been measured yet", "recorded yet"):
        assert words not in page, words
    assert "D(M, L)" not in page and "Distance" not in page


def test_status_and_report(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "run")
    (tmp_path / "run" / "report" / "index.html").unlink()
    status = _told("status", tmp_path / "run").output
    assert "probes/pos.student" in status and "left" not in status
    _told("report", tmp_path / "run")
    verdicts = [_page(root / "report" / "index.html").split("What was run")[0] for root in (run, tmp_path / "run")]
    assert verdicts[0] == verdicts[1]


def test_it_is_stopped_and_continued_to_the_same_numbers(recipe: Path, run: Path, tmp_path: Path) -> None:
    done: list[str] = []

    def stop(job: Any, *_: Any) -> None:
        done.append(job.name)
        if job.name == "model/student":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_here(load_recipe(recipe), tmp_path / "run", watcher=Watcher(start=stop))
    assert not (tmp_path / "run" / "probes").exists()
    _told("run", recipe, "--into", tmp_path / "run")
    assert (tmp_path / "run" / "scores.jsonl").read_bytes() == (run / "scores.jsonl").read_bytes()


def test_two_runs_are_compared(run: Path, recipe: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    run_here(load_recipe(recipe, ["evaluation.0.layers=0"]), other, reuse=[run])
    _told("compare", run, other, "--into", tmp_path / "page.html")
    page = _page(tmp_path / "page.html")
    assert "evaluation.pos.layers" in page and "their probes read other layers" in page
    assert "MRR" not in page and "teacher" not in page


def test_runs_of_equal_probes_can_be_compared(run: Path, recipe: Path, finished: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    run_here(load_recipe(recipe, [f"models.student.existing={finished / 'models' / 'mono-en'}"]), other, reuse=[run])
    _told("compare", run, other, "--into", tmp_path / "page.html")
    page = _page(tmp_path / "page.html")
    assert "Their scores can be compared: labelled data and probes are the same." in page


WRONG: list[tuple[dict[str, Any], str, str, str]] = [
    ({"vocabulary": {"size": 100}}, "no model has the run's vocabulary", "vocabulary", "leave `vocabulary` out"),
    ({"text": {"valid": 10}}, "no language has text", "text", "leave `text` out"),
    ({"training": {"updates": 10}}, "no model is trained", "training", "leave `training` out"),
    ({"encoder": {"layers": 1}}, "no model is trained", "encoder", "leave `encoder` out"),
    ({"evaluation": ["mlm"]}, "mlm scores models of the run's vocabulary", "evaluation.0", "leave mlm out"),
    ({"evaluation": ["likelihood"]}, "en has no text, and the task likelihood", "languages.en.text", "say where"),
    ({"evaluation": ["place"]}, "en has no text, and the task place", "languages.en.text", "say where"),
    ({"evaluation": []}, "nothing is scored", "evaluation", ""),
    ({"evaluation": None}, "nothing is trained and nothing is scored", "evaluation", "name what they are scored by"),
    (
        {"report": {"reference": "studnet"}},
        "no model is called 'studnet'",
        "report.reference",
        "did you mean 'student'?",
    ),
    ({"languages": {"en": {"characters": 9}, "ru": {}}}, "there is none: add `text`", "languages.en", ""),
    (
        {"languages": {"en": {}, "ru": {}, "ar": {"vocabulary_only": True}}},
        "ar has no text, and it is there for the vocabulary alone",
        "languages.ar.text",
        "say where",
    ),
    ({"models": {"new": {}}}, "en has no text, and new is trained on it", "languages.en.text", "say where"),
]


@pytest.mark.parametrize(("fields", "what", "where", "fix"), WRONG, ids=[f"{each[0]}" for each in WRONG])
def test_contradictions(
    finished: Path, labels: Path, tmp_path: Path, fields: dict[str, Any], what: str, where: str, fix: str
) -> None:
    tree = {name: value for name, value in {**_tree(finished, labels), **fields}.items() if value is not None}
    (tmp_path / "wrong.yaml").write_text(yaml.safe_dump(tree), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load_recipe(tmp_path / "wrong.yaml")
    assert what in caught.value.what
    assert where in str(caught.value.where) and fix in str(caught.value.fix)


def test_an_expert_teaches_or_is_the_reference(finished: Path, labels: Path, tmp_path: Path) -> None:
    def read(tree: dict[str, Any]) -> Recipe:
        (tmp_path / "there.yaml").write_text(yaml.safe_dump(tree), encoding="utf-8")
        return load_recipe(tmp_path / "there.yaml")

    tree = _tree(finished, labels)
    for report, reference, experts in (({}, "", []), ({"reference": "hl"}, "hl", ["hl"])):
        found = read({**tree, "report": report})
        assert [found.reference(code) for code in ("en", "ru")] == [reference] * 2
        assert [plan.name for plan in found.plans().values() if found.is_expert(plan)] == experts


def test_text_of_some_languages(make: Change, finished: Path) -> None:
    """Beside models that are trained, one that is there already may have a language without text."""
    taken = {"existing": str(finished / "models" / "hl"), "languages": ["en", "ru", "ar"]}
    recipe = make(
        languages={"en": {"text": "en.txt"}, "ru": {"text": "ru.txt"}, "ar": {}},
        text__drop_leaks=True,
        models={"taken": taken, "new": {"languages": ["en", "ru"]}},
    )
    jobs = Graph(recipe, lambda step: None).jobs
    assert "corpus/ru" in jobs and not [name for name in jobs if name.split("/")[1].startswith("ar")]
    assert jobs["leaks/all"].inputs["languages"] == list(recipe.text_languages) == ["en", "ru"]
    assert set(jobs["scores/frequency"].needs) == {"vocabulary/shared", "tokens/en", "tokens/ru"}
