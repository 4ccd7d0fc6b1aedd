"""The built-in recipes state what they say they do."""

import re
from importlib import resources
from pathlib import Path

import pytest

from equiglot.corpus import HubSource
from equiglot.corpus.balancing import Smoothing
from equiglot.labels import SoftLabels, StoredLabels
from equiglot.models import count_parameters
from equiglot.objectives import Annealed
from equiglot.pipeline import Graph
from equiglot.probing import FixedProbe
from equiglot.recipe import Recipe, load_recipe
from equiglot.report.published import read_published

LIBRARY = [
    entry.read_text(encoding="utf-8")
    for entry in (resources.files("equiglot.recipe") / "library").iterdir()
    if entry.name.endswith(".yaml")
]
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


# Paper 2, Table 6: the languages of MuRIL.
MURIL = {"bn", "en", "gu", "hi", "kn", "ml", "mr", "ne", "pa", "ta", "te", "ur"}


@pytest.fixture
def any_wikipedia(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file for every language that a built-in recipe may name; nobody reads it."""
    for language in re.findall(r"text: text/(\w+)", "".join(LIBRARY)):
        (tmp_path / "text" / language).mkdir(parents=True, exist_ok=True)
        (tmp_path / "text" / language / "wiki.txt").write_text(f"Article in {language}.\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)


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
    assert {plan.training.updates for plan in recipe.plans().values()} == {2000}
    assert {plan.training.updates for plan in load_recipe("demo-quick").plans().values()} == {250}
    assert (recipe.encoder.architecture, recipe.masking.rate) == ("modernbert", 0.3)


@pytest.mark.usefixtures("any_wikipedia")
@pytest.mark.parametrize(
    ("name", "entries", "millions"), [("paper2-similar", 99_112, 162), ("paper2-dissimilar", 180_996, 225)]
)
def test_paper_2_with_monolingual_teachers_is_stated_in_full(name: str, entries: int, millions: int) -> None:
    recipe = load_recipe(name)
    plans = recipe.plans()
    student = plans.pop("student")
    assert {plan.languages for plan in plans.values()} == {(code,) for code in recipe.languages}  # Table 1
    assert recipe.united == tuple(plans)
    assert set(student.teachers()) == set(recipe.languages)
    assert all(plans[name].languages == (code,) for code, (name,) in student.teachers().items())
    assert round(count_parameters(student.encoder, entries) / 1e6) == millions  # section 4.2
    assert (student.training.updates, student.training.batch.sentences) == (250_000, 4096)  # appendix A.2.1
    assert student.balance == Smoothing(kind="smoothing", alpha=0.7)  # section 4.1
    assert isinstance(student.labels, StoredLabels)
    assert (student.labels.k, student.labels.weight) == (8, Annealed(start=1, end=0))
    assert all(plan.tokens.keys() == set(plan.languages) for plan in plans.values())  # Table 3
    assert recipe.report.published == name


@pytest.mark.usefixtures("any_wikipedia")
def test_paper_2_with_multilingual_teachers_is_stated_in_full() -> None:
    recipe = load_recipe("paper2-multilingual-teachers")
    plans = recipe.plans()
    assert recipe.united == ("mbert", "muril") and set(plans["muril"].languages) == MURIL
    assert len(recipe.languages) == 103  # mBERT's 104: Chinese counts twice
    taught = {
        name: [plans[name].teachers()[code] for code in ("hi", "de")]
        for name in ("student-muril", "student-mbert", "student-both-all", "student-both-best")
    }
    assert taught == {
        "student-muril": [("muril",), ("mbert",)],
        "student-mbert": [("mbert",), ("mbert",)],
        "student-both-all": [("mbert", "muril"), ("mbert",)],
        "student-both-best": [("mbert", "muril"), ("mbert",)],
    }
    copies = [getattr(plans[f"student-both-{name}"].labels, "copies", None) for name in ("all", "best")]
    assert copies == ["all", "best"]
    assert round(count_parameters(plans["student-muril"].encoder, 288_973) / 1e6) in range(155, 166)  # appendix A.2.2
    assert plans["sm1"].owner == "mbert" and not plans["sm1"].is_student and not plans["sm2"].is_student
    assert {plans[name].training.updates for name in ("sm2-100k", "sm3-100k")} == {100_000}
    assert [getattr(plans[f"student-k{k}"].labels, "k", None) for k in (128, 512)] == [128, 512]


@pytest.mark.usefixtures("any_wikipedia")
def test_what_merge_takes_is_what_merge_teachers_makes() -> None:
    teachers = load_recipe("merge-teachers")
    names = [plan.name for plan in teachers.plans().values()]
    for name in names:
        folder = Path("runs/merge-teachers/models") / name
        folder.mkdir(parents=True)
        (folder / "config.json").write_text("{}")
    merge = load_recipe("merge")
    taken = [plan for plan in merge.plans().values() if plan.existing is not None]
    assert [Path(str(plan.existing)) for plan in taken] == [
        Path.cwd() / "runs/merge-teachers/models" / name for name in names
    ]
    assert {plan.name: plan.languages for plan in taken} == {
        plan.name: plan.languages for plan in teachers.plans().values()
    }
    assert merge.languages == teachers.languages


@pytest.fixture
def paper_4(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files for all that paper 4's recipes name; nobody reads them."""
    for language in SIX:
        names = [f"dumps/{language}wiki-latest-pages-articles.xml.bz2"]
        for split in ("train", "dev", "test"):
            names += [f"ud/{language}_x-ud-{split}.conllu"]
            names += [f"{folder}/{language}-{split}.tsv" for folder in ("classes", "entities")]
        for name in names:
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text("text\tlabel\n")
    monkeypatch.chdir(tmp_path)


SIX = ("fr", "nl", "he", "hi", "sl", "sw")


@pytest.mark.usefixtures("paper_4")
@pytest.mark.parametrize("name", ["paper4-mbert", "paper4-xlm-r", "paper4-ablation"])
def test_paper_4_is_stated_in_full(name: str) -> None:
    recipe = load_recipe(name)
    training, masks = recipe.training, recipe.masking
    assert (masks.rate, masks.mask_share, masks.random_share, masks.smoothing) == (0.15, 0.8, 0.1, 0.7)
    for plan in recipe.plans().values():
        if plan.is_trained:
            training = plan.training
            assert (training.epochs, training.learning_rate, training.epsilon) == (10, 5e-4, 1e-6)
            assert (training.batch.sentences or 0) * training.accumulation == 1600
            assert (training.best_by, training.validations) == ("loss", 10)
            assert training.frozen == (("positions",) if name == "paper4-xlm-r" else ())
            assert plan.start is not None and plan.start.layers == "alternate"
            assert plan.all_teachers == (plan.start.model,) and plan.owner == plan.start.model
    language = "sl"
    student = recipe.plans()[f"student-{language}"]
    assert isinstance(student.labels, SoftLabels) and student.labels.temperature == 2
    weights = student.labels.weight.end, student.labels.states and student.labels.states.end
    assert weights == (pytest.approx(5 / 7, abs=1e-3), pytest.approx(1 / 7, abs=1e-3))  # Eq. 8: 5, 1, 2
    fine_tuned = {each.task: each for each in recipe.fine_tuned.values()}
    assert set(fine_tuned) == {"pos", "topic", "ner"}
    assert {(each.epochs, each.learning_rate, each.warmup) for each in fine_tuned.values()} == {(10, 5e-5, 500)}
    published = read_published(name)
    theirs = {number.model for number in published.numbers} - {"upper-bound"}
    assert theirs <= set(recipe.plans()) and recipe.report.published == name


PAPER_3 = {"lv": 7, "af": 6, "mn": 5, "yo": 3, "lt": 7, "nl": 11}  # Tables 1 and 3: WikiSize


@pytest.mark.parametrize(("name", "tokens", "sequences"), [("paper3", 256, 88), ("paper3-short", 128, 220)])
def test_paper_3_is_stated_in_full(
    name: str, tokens: int, sequences: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(HubSource, "_commit", lambda source, language: "0" * 40)  # there is no network
    for language in PAPER_3:
        trees = [f"ud/{language}_x-ud-{split}.conllu" for split in ("train", "dev", "test")]
        for file in (f"dumps/{language}wiki-latest-pages-articles.xml.bz2", *trees):
            (tmp_path / file).parent.mkdir(exist_ok=True)
            (tmp_path / file).write_text("text\tlabel\n")
    monkeypatch.chdir(tmp_path)
    recipe = load_recipe(name)
    assert {code: each.wikipedia for code, each in recipe.languages.items()} == PAPER_3
    trained = [plan for plan in recipe.plans().values() if plan.is_trained]
    for plan in trained:
        training, encoder = plan.training, plan.encoder
        assert (training.updates, training.learning_rate, training.schedule) == (115_000, 1e-4, "inverse_sqrt")
        assert training.batch.sentences == sequences and round(training.warmup * 115_000, -3) == 10_000
        assert encoder is not None and (encoder.hidden_size, encoder.max_length) == (768, tokens)
        assert encoder.layers == (6 if plan.name.startswith("small") else 12)
        own = recipe.plans()[plan.owner].own_vocabulary
        assert own is not None and own.algorithm == "unigram"
        assert own.size == (10_000 if plan.name.startswith("few") else 30_000)
    assert {plan.languages for plan in trained if plan.name.startswith("pair")} == {("lv", "lt"), ("af", "nl")}
    assert {each.max_updates for each in recipe.fine_tuned.values()} == {10_000}
    theirs = {number.model for number in read_published("paper3").numbers} - {"baseline"}
    assert theirs <= set(recipe.plans()) and recipe.report.published == "paper3"
