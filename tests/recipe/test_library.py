"""The built-in recipes state what they say they do."""

from pathlib import Path

import pytest

from equiglot.corpus import HubSource
from equiglot.models import count_parameters
from equiglot.pipeline import Graph
from equiglot.probing import FixedProbe
from equiglot.recipe import Recipe, load_recipe

# Paper 1, Table 1, in millions of characters.
SHARED = {"en": 100, "de": 100, "es": 50, "hu": 30, "vi": 20, "tr": 10, "eu": 10}
DIVERSE = {"ru": 100, "de": 100, "ko": 50, "el": 30, "hi": 20, "te": 10, "ur": 10}
VOCABULARY_ONLY = {"he", "lt"}  # appendix E.1, footnote 9
# Wu and Dredze (2020), Table 1.
WIKIPEDIAS = {
    7: {"eu", "hi", "lt", "te", "ur"}, 8: {"el"}, 9: {"he", "ko", "tr", "vi"}, 10: {"hu"}, 12: {"de", "es", "ru"},
    14: {"en"},
}  # fmt: skip


PAPER = FixedProbe(kind="fixed", seeds=5)  # section 5.2, Table 3


@pytest.fixture
def wikipedia(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Something to read for every language, in text/<language>/ of the current folder."""
    for language in {*SHARED, *DIVERSE, *VOCABULARY_ONLY}:
        folder = tmp_path / "text" / language
        folder.mkdir(parents=True)
        (folder / "wiki.txt").write_text(f"Article in {language}.\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(HubSource, "_commit", lambda source, language: "0" * 40)  # XTREME's; there is no network


@pytest.mark.usefixtures("wikipedia")
@pytest.mark.parametrize(("name", "sizes"), [("paper1-shared", SHARED), ("paper1-diverse", DIVERSE)])
def test_paper_1_is_stated_in_full(name: str, sizes: dict[str, int]) -> None:
    recipe = load_recipe(name)
    assert {code: recipe.languages[code].characters for code in recipe.trained_languages} == {
        code: size * 1_000_000 for code, size in sizes.items()
    }
    assert set(recipe.groups["high"]) == {code for code, size in sizes.items() if size >= 50}
    assert set(recipe.groups["low"]) == {code for code, size in sizes.items() if size < 50}
    assert set(recipe.vocabulary_languages) == {*SHARED, *DIVERSE, *VOCABULARY_ONLY}
    assert count_parameters(recipe.encoder, recipe.vocabulary.size) == 51_193_168  # appendix E.1
    training = recipe.training
    assert (training.epochs, training.batch.sentences, training.learning_rate) == (10, 8, 5e-5)
    plans = recipe.plans()
    assert list(plans) == [*(f"mono-{code}" for code in recipe.trained_languages), "hl", "hl-balanced", "student"]
    assert plans["student"].balance.kind == plans["hl-balanced"].balance.kind == "truncate"
    assert plans["student"].teachers() == {code: (f"mono-{code}",) for code in recipe.trained_languages}
    assert recipe.report.published == name
    assert {task: each.probe for task, each in recipe.probed.items()} == dict.fromkeys(("pos", "ner"), PAPER)
    assert all((each.sentences.train, each.sentences.test) == (None, None) for each in recipe.probed.values())
    sizes_there = {code: size for size, codes in WIKIPEDIAS.items() for code in codes}
    assert {code: language.wikipedia for code, language in recipe.languages.items()} == sizes_there


@pytest.mark.usefixtures("wikipedia")
def test_appendix_c_is_stated_in_full() -> None:
    """Five amounts of German; teachers of 10, 50 and 100 million, students on every amount that is not larger."""
    recipe = load_recipe("paper1-monolingual-scaling")
    amounts = [10, 20, 30, 50, 100]
    assert recipe.trained_languages == ("de",)
    plans = recipe.plans()
    wanted: dict[str, tuple[int, tuple[str, ...]]] = {f"hl-{size}": (size, ()) for size in amounts}
    wanted |= {
        f"student-{size}-of-{teacher}": (size, (f"hl-{teacher}",))
        for teacher in (10, 50, 100)
        for size in amounts
        if size <= teacher
    }
    assert {
        name: (plan.balance.portions({"de": 10**9}, 1)["de"].characters // 10**6, plan.teachers().get("de", ()))
        for name, plan in plans.items()
    } == wanted
    rates = {plan.training.learning_rate for plan in plans.values() if plan.teachers()}
    assert rates == {5 * recipe.training.learning_rate}  # footnote 8
    assert [name for name, plan in plans.items() if recipe.is_expert(plan)] == ["hl-100"]


@pytest.mark.usefixtures("wikipedia")
def test_appendix_c_shares_text_and_vocabulary_with_the_main_experiment() -> None:
    jobs, others = (Graph(load_recipe(name)).jobs for name in ("paper1-monolingual-scaling", "paper1-shared"))
    for job in ("corpus/de", "vocabulary/shared", "tokens/de"):
        assert jobs[job].fingerprint == others[job].fingerprint, job


@pytest.mark.usefixtures("wikipedia")
def test_the_two_sets_share_the_vocabulary_and_the_german_teacher() -> None:
    shared, diverse = (Graph(load_recipe(name)).jobs for name in ("paper1-shared", "paper1-diverse"))
    for job in ("vocabulary/shared", "tokens/de", "model/mono-de", "scores/mono-de"):
        assert shared[job].fingerprint == diverse[job].fingerprint, job
    assert shared["model/hl"].fingerprint != diverse["model/hl"].fingerprint


def test_the_demo_is_as_unequal_as_it_says() -> None:
    pytest.importorskip("comfyui_embedded_docs", reason="the embedded sample is not installed")
    recipe: Recipe = load_recipe("demo")
    sizes = [recipe.languages[code].characters or 0 for code in recipe.trained_languages]
    assert 5 <= len(sizes) <= 7 and max(sizes) == 10 * min(sizes)
    assert load_recipe("demo-quick").training.updates == 500
    assert all(plan.training.updates <= 500 for plan in load_recipe("demo-quick").plans().values())
