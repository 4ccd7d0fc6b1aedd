"""Fine-tuning as part of a run: one entry beside the probe of the same task; seeds, kills, zero-shot, the page."""

import csv
import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file
from transformers import AutoModelForTokenClassification

from equiglot.errors import InputError
from equiglot.evaluation import ALL, IN_LANGUAGE, ZERO_SHOT, Score, left_tailed, read_scores
from equiglot.exporting import INT8, PYTORCH, read_record
from equiglot.files import read_json
from equiglot.outputs import output_checksums
from equiglot.pipeline import Graph, plan_recipe, read_status
from equiglot.pipeline.execution.states import state_of
from equiglot.pipeline.progress import JobProgress
from equiglot.pipeline.results import comparing
from equiglot.pipeline.results.comparing import compare_runs
from equiglot.pipeline.steps import Context, FineTuned
from equiglot.probing.linear import one_thread
from equiglot.recipe import Recipe
from equiglot.report import Comparison
from equiglot.report.comparison import merged, shared_tasks
from equiglot.report.spread import spreads
from equiglot.run import RunDirectory
from equiglot.tasks import open_task
from equiglot.training import Progress, Stopped
from tests.labelled import write_entities
from tests.pipeline.conftest import Change, half_written, run_here

QUICK = {"epochs": 2, "learning_rate": 5e-3, "batch": 8, "resamples": 100, "precision": "fp32", "max_length": 64}
QUICK |= {"sentences": {"train": 16, "dev": 6, "test": None}}
NAME = "pos-finetune"


@pytest.fixture(autouse=True)
def on_one_thread() -> Iterator[None]:
    """As in a run here."""
    with one_thread():
        yield


@pytest.fixture(scope="module")
def tuned(make: Change, labels: Path) -> Change:
    """The tiny recipe with part-of-speech tags to fine-tune on, `fields` of that entry; `beside` are other entries,
    `changes` those of the recipe."""

    def changed(
        *,
        beside: tuple[dict[str, Any], ...] = (),
        task: str = "pos",
        changes: Mapping[str, Any] | None = None,
        **fields: Any,
    ) -> Recipe:
        files = "ud/{language}_*-{split}.conllu" if task == "pos" else "ner/{language}-{split}.tsv"
        data = {split: f"{labels}/{files.replace('{split}', split)}" for split in ("train", "dev", "test")}
        kind = {"kind": "conllu" if task == "pos" else "bio"}
        entry = {"task": task, "method": "finetune", "data": {**kind, **data}, **QUICK, **fields}
        return make(evaluation=[{"task": "mlm", "sequences": 20, "resamples": 100}, *beside, entry], **(changes or {}))

    return changed


@pytest.fixture(scope="module")
def finished_tuning(finished: Path, tuned: Change, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Such a run that is done, with two seeds; not to be touched."""
    into = tmp_path_factory.mktemp("tuned") / "run"
    run_here(tuned(seeds=2), into, reuse=[finished])
    return into


def numbers(root: Path, **wanted: Any) -> list[Score]:
    """The scores that are so."""
    found = [score for score in read_scores(root / "scores.jsonl") if score.task == NAME]
    return [score for score in found if all(getattr(score, name) == value for name, value in wanted.items())]


def number(root: Path, **wanted: Any) -> Score:
    """The one score that is so."""
    (found,) = numbers(root, **wanted)
    return found


def step(recipe: Recipe, subject: str) -> FineTuned:
    """A step of a recipe."""
    found = Graph(recipe).jobs[f"finetune/{NAME}.{subject}"].step
    assert isinstance(found, FineTuned)
    return found


def is_done(recipe: Recipe, root: Path) -> bool:
    """Whether nothing is left to do."""
    return all(state_of(RunDirectory(root), job) == "done" for job in Graph(recipe).jobs.values())


def share(progress: JobProgress) -> float:
    """How much of its updates a training has made."""
    assert isinstance(progress, Progress)
    return progress.update / progress.updates


def test_every_model_is_tuned_on_each_of_its_languages(finished_tuning: Path) -> None:
    folders = {path.name.removeprefix(f"{NAME}.") for path in (finished_tuning / "finetuned").iterdir()}
    assert folders == {"en.mono-en", "ru.mono-ru", "en.hl", "ru.hl", "en.student", "ru.student"}
    assert not list((finished_tuning / "finetuned").rglob("model.safetensors")) and half_written(finished_tuning) == []
    assert not list((finished_tuning / "checkpoints").glob("*"))
    for language in ("en", "ru"):
        row = number(finished_tuning, model="student", language=language, metric="accuracy", source=IN_LANGUAGE)
        assert row.repeats == 2 and row.deviation is not None
        assert row.low is not None and row.high is not None and row.low <= row.value <= row.high
    assert not numbers(finished_tuning, source=ZERO_SHOT)


def test_a_score_is_what_its_predictions_say(finished_tuning: Path) -> None:
    run = RunDirectory(finished_tuning)
    split = open_task(run.task(NAME)).split("ru", "test")
    assert split is not None
    predicted = load_file(run.fine_tuned(f"{NAME}.ru.hl") / "predictions.safetensors")["ru"]
    by_seed = 100 * (predicted == split.labels).mean(axis=1)
    row = number(finished_tuning, model="hl", language="ru", metric="accuracy", source=IN_LANGUAGE)
    assert row.value == pytest.approx(by_seed.mean()) and row.n == len(split.labels)
    assert row.deviation == pytest.approx(np.std(by_seed, ddof=1))


def test_models_are_compared_with_the_reference(finished_tuning: Path) -> None:
    scores = {
        (row.model, row.language): row.value for row in numbers(finished_tuning, metric="accuracy", source=IN_LANGUAGE)
    }
    for language in ("en", "ru"):
        d = number(finished_tuning, model="student", language=language, metric="d", source=IN_LANGUAGE)
        assert d.value == pytest.approx(scores["student", language] - scores[f"mono-{language}", language])
        assert d.low is not None and d.high is not None and d.low <= d.value <= d.high
        assert not numbers(finished_tuning, model=f"mono-{language}", metric="d", language=language)
    mean = number(finished_tuning, model="student", language=ALL, metric="d", source=IN_LANGUAGE)
    assert mean.value == pytest.approx(scores["student", ALL] - scores["mono-{language}", ALL])
    assert numbers(finished_tuning, metric="difference", language=ALL)


def test_the_page_and_its_tables(finished_tuning: Path) -> None:
    page = (finished_tuning / "report" / "index.html").read_text(encoding="utf-8")
    assert '<section id="fine-tuned"' in page and "two trainings" in page
    # Two pairs cannot give a small p: it is said, in place of a verdict.
    assert "Two pairs cannot decide it: the p of a left-tailed Wilcoxon signed-rank test" in page and "0.250" in page
    tables = finished_tuning / "report" / "tables"
    for name in (f"{NAME}-accuracy", f"{NAME}-distance", f"{NAME}-differences", f"{NAME}-data", "finetune-ratios"):
        assert {path.suffix for path in tables.glob(f"{name}.*")} == {".csv", ".md", ".tex"}
    ratios = (tables / "finetune-ratios.csv").read_text(encoding="utf-8")
    assert "Russian" in ratios and "Lowest" in ratios
    scored = numbers(finished_tuning, metric="accuracy", source=IN_LANGUAGE)
    value = {(row.model, row.language): row.value for row in scored}
    ours, theirs = ([value[name.format(code), code] for code in ("en", "ru")] for name in ("student", "mono-{}"))
    assert f",{left_tailed(ours, theirs).p},2,0.25" in ratios


def test_status_shows_the_scores(finished_tuning: Path) -> None:
    found = {(score.model, score.language) for score in read_status(finished_tuning).scores if score.task == NAME}
    assert found >= {("student", "en"), ("student", "ru"), ("mono-en", "en")}


def test_another_run_gives_the_same_to_the_byte(finished_tuning: Path, tuned: Change, tmp_path: Path) -> None:
    subject, made = f"{NAME}.en.student", step(tuned(seeds=2), "en.student")
    shutil.copytree(finished_tuning, tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "finetuned" / subject)
    made.run(Context(RunDirectory(tmp_path / "run"), tmp_path / "made", tmp_path / "work"))
    one, other = (output_checksums(each) for each in (finished_tuning / "finetuned" / subject, tmp_path / "made"))
    assert {name for name in one if one[name] != other[name]} <= {"training.json"}  # has seconds


@pytest.mark.parametrize("part", [0.3, 0.7])  # in the first training, and in the second
def test_a_kill_changes_nothing(part: float, finished_tuning: Path, tuned: Change, tmp_path: Path) -> None:
    shutil.copytree(finished_tuning, tmp_path / "run")
    run, made, subject = RunDirectory(tmp_path / "run"), step(tuned(seeds=2), "ru.hl"), f"{NAME}.ru.hl"
    shutil.rmtree(run.fine_tuned(subject))
    told: list[JobProgress] = []
    with pytest.raises(Stopped):
        made.run(
            Context(
                run,
                tmp_path / "made",
                tmp_path / "work",
                told.append,
                stop=lambda: bool(told) and share(told[-1]) > part,
            )
        )
    assert 0.3 < share(told[-1]) < part + 0.2
    assert not (tmp_path / "made").exists() and half_written(run.root) == []
    made.run(Context(run, tmp_path / "made", tmp_path / "work", told.append))
    one, other = (output_checksums(each) for each in (finished_tuning / "finetuned" / subject, tmp_path / "made"))
    assert {name for name in one if one[name] != other[name]} <= {"training.json"}
    assert share(told[-1]) == 1  # both trainings as if they were one


def test_what_changed_is_done_again_and_no_more(tuned: Change) -> None:
    probe = {"task": "pos", "data": tuned().evaluation[1].data.model_dump(mode="json"), "resamples": 100}
    before = Graph(tuned()).jobs
    for fields, kinds in (
        ({"learning_rate": 1e-3}, {"finetune"}),
        ({"seeds": 2}, {"finetune"}),
        ({"keep": True}, {"finetune"}),
        ({"keep": True, "int8": True}, {"finetune"}),
        ({"sentences": {"train": 20}}, {"task", "finetune"}),
        ({"models": ["hl", "student", "mono-en", "mono-ru"]}, set()),
        ({"beside": (probe,)}, set()),
    ):
        after = Graph(tuned(**fields)).jobs
        assert {name.split("/")[0] for name in before if before[name].fingerprint != after[name].fingerprint} == kinds
    both = Graph(tuned(beside=(probe,))).jobs
    assert {"task/pos", f"task/{NAME}", "probes/pos.hl", f"finetune/{NAME}.en.hl"} <= both.keys()


def test_trained_on_some_languages_it_is_tested_on_all(finished: Path, tuned: Change, tmp_path: Path) -> None:
    recipe = tuned(train=["en"], models=["hl", "mono-en", "mono-ru"], keep=True)
    run_here(recipe, tmp_path / "run", reuse=[finished])
    root = tmp_path / "run"
    assert {path.name for path in (root / "finetuned").iterdir()} == {f"{NAME}.together.hl", f"{NAME}.together.mono-en"}
    sources = {(row.language, row.source) for row in numbers(root, model="hl", metric="accuracy")}
    assert {("en", IN_LANGUAGE), ("ru", ZERO_SHOT)} <= sources and ("ru", IN_LANGUAGE) not in sources
    assert number(root, model="hl", metric="d", language="en").source == IN_LANGUAGE
    assert not numbers(root, metric="d", language="ru")  # whose teacher was not trained on English
    kept = AutoModelForTokenClassification.from_pretrained(root / "finetuned" / f"{NAME}.together.hl" / "model")
    assert kept.config.label2id["NOUN"] >= 0
    assert "zero-shot" in (root / "report" / "tables" / f"{NAME}-accuracy.csv").read_text(encoding="utf-8")


def test_int8_is_scored_beside_what_it_was_made_of(finished: Path, tuned: Change, tmp_path: Path) -> None:
    beside = ({"task": "cost", "sentences": 4, "rounds": 1},)
    recipe, root = tuned(train=["en"], models=["hl"], int8=True, beside=beside), tmp_path / "run"
    run_here(recipe, root, reuse=[finished])
    assert is_done(recipe, root)
    folder = RunDirectory(root).exported(f"{NAME}.together.hl")
    record = read_record(folder)
    assert record is not None and record.source == "hl, fine-tuned on pos" and record.reduce_range
    assert (folder / "model_int8.onnx").is_file() and not (folder / "model.onnx").exists()
    trained = [each for each in record.scores if each.group is None and each.model == PYTORCH]
    assert {each.source for each in trained} == {IN_LANGUAGE, ZERO_SHOT}
    for each in trained:  # the weights that were scored when they had been trained
        same = number(root, model="hl", language=each.language, metric=each.metric, source=each.source)
        assert each.value == pytest.approx(same.value) and each.n == same.n
    with (root / "report" / "tables" / f"{NAME}-int8.csv").open(encoding="utf-8", newline="") as file:
        table = {tuple(row[:2]): row for row in csv.reader(file)}
    after = {each.language: each.value for each in record.scores if (each.model, each.metric) == (INT8, "accuracy")}
    for name, code in (("English", "en"), ("Russian", "ru")):
        assert f"{after[code]:.6f}".rstrip("0") in table[name, code], table
    costs = {score.model: score.value for score in read_scores(root / "scores.jsonl") if score.metric == "disk"}
    assert costs["hl in int8"] < costs["hl"] and "student in int8" not in costs
    page = (root / "report" / "index.html").read_text()
    assert "open circles are models in int8" in page and "Exported with weights in int8" in page


def test_what_has_no_labels_is_not_exported(finished: Path, tuned: Change, tmp_path: Path) -> None:
    recipe = tuned(task="ner", models=["hl"], epochs=1, int8=True)
    run_here(recipe, tmp_path / "run", reuse=[finished])
    exported = {path.name: [*path.iterdir()] for path in (tmp_path / "run" / "exported").iterdir()}
    assert exported["ner-finetune.en.hl"] and not exported["ner-finetune.ru.hl"]
    assert is_done(recipe, tmp_path / "run")


def test_a_library_that_is_lacking_is_said_before_anything_is_trained(
    finished: Path, finished_tuning: Path, tuned: Change, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    for number, reuse in enumerate(([finished], [finished, finished_tuning])):  # the data is read already
        with pytest.raises(InputError, match="not installed"):
            run_here(tuned(models=["hl"], int8=True), tmp_path / str(number), reuse=reuse)
        assert not any((tmp_path / str(number)).rglob("predictions.safetensors"))


def test_windows_where_the_text_is_longer_than_the_model_reads(finished: Path, tuned: Change, tmp_path: Path) -> None:
    run_here(tuned(models=["hl"], max_length=8, epochs=1), tmp_path / "run", reuse=[finished])
    split = open_task(RunDirectory(tmp_path / "run").task(NAME)).split("en", "test")
    assert split is not None
    row = number(tmp_path / "run", model="hl", language="en", metric="accuracy", source=IN_LANGUAGE)
    assert row.n == len(split.labels)


def test_a_language_without_labels_has_no_scores(finished: Path, tuned: Change, tmp_path: Path) -> None:
    run_here(tuned(task="ner", models=["hl"], epochs=1), tmp_path / "run", reuse=[finished])
    rows = [row for row in read_scores(tmp_path / "run" / "scores.jsonl") if row.task == "ner-finetune"]
    assert {row.language for row in rows if row.model == "hl"} == {"en", ALL, "group:high"}
    record = json.loads((tmp_path / "run" / "finetuned" / "ner-finetune.ru.hl" / "training.json").read_text())
    assert record == {"languages": [], "seeds": {}}
    assert (tmp_path / "run" / "report" / "tables" / "ner-finetune-entity-f1.csv").is_file()


def test_the_plan_counts_it(tuned: Change) -> None:
    once, twice = (plan_recipe(tuned(seeds=seeds)) for seeds in (1, 2))
    (one,), (two,) = ([each for each in plan.steps if each.name == "fine-tuning"] for plan in (once, twice))
    assert one.jobs == two.jobs == 6 and one.seconds > 0 and two.amount == 2 * one.amount
    # What is kept is the best model of all seeds, with one language or the other.
    kept = next(each for each in plan_recipe(tuned(seeds=2, keep=True)).steps if each.name == "fine-tuning")
    sizes = {model.name: model.parameters for model in once.models}
    assert one.disk == two.disk == 0
    assert kept.disk == 4 * (sizes["mono-en"] + sizes["mono-ru"] + 2 * sizes["hl"] + 2 * sizes["student"])


def test_several_rates_and_batches(finished: Path, tuned: Change, tmp_path: Path) -> None:
    several = {"learning_rate": [1e-6, 1e-2], "batch": [8, 16], "seeds": 2}
    (once,), (all_of_it,) = (
        [each for each in plan_recipe(tuned(**fields)).steps if each.name == "fine-tuning"] for fields in ({}, several)
    )
    assert all_of_it.jobs == once.jobs and all_of_it.amount == 5 * once.amount  # four pairs, and another seed
    run_here(tuned(models=["hl"], **several), tmp_path / "run", reuse=[finished])
    run = RunDirectory(tmp_path / "run")
    tried = read_json(run.fine_tuned(f"{NAME}.en.hl") / "training.json")["tried"]
    best = max(tried, key=lambda each: each["score"])
    table = (run.root / "report" / "tables" / f"{NAME}-settings.csv").read_text(encoding="utf-8").splitlines()
    assert len(table) == 3 and f",{best['learning_rate']:g},{best['batch']}," in table[1]
    page = (run.root / "report" / "index.html").read_text(encoding="utf-8")
    assert "Chosen settings" in page and "1e-06, 8: " in page
    assert "batches of 8 or 16 at a learning rate of 1e-06 or 0.01 (whichever is best on dev data" in page


def test_what_cannot_work_is_refused(tuned: Change, make: Change) -> None:
    for fields, words in (
        ({"train": ["de"]}, "the recipe has no language 'de'"),
        ({"languages": ["ru"], "train": ["en"]}, "the recipe has no language 'en' to use here"),
        ({"models": ["studnet"]}, "there is no model 'studnet'"),
        ({"models": ["mono-ru"], "train": ["en"]}, "no model that is fine-tuned has the language en"),
        ({"method": "finetuned"}, "unknown method"),
        ({"layers": "all"}, "unknown field 'layers'"),
        ({"epochs": 0}, "greater than 0"),
        ({"beside": (json.loads(tuned().evaluation[1].model_dump_json()),)}, "stands here twice by the same method"),
    ):
        with pytest.raises(InputError, match=words) as refused:
            tuned(**fields)
        assert "evaluation" in str(refused.value.where)
    with pytest.raises(InputError, match="unknown field 'epochs'"):
        make(evaluation=[{"task": "pos", "epochs": 3, "data": {"kind": "conllu", "train": "x"}}])
    with pytest.raises(InputError, match="has no data to score models on"):
        files = tuned().evaluation[1].data.model_dump(mode="json") | {"test": []}
        tuned(data=files)


def test_types_of_entities_that_nothing_is_trained_on_are_refused(make: Change, tuned: Change, tmp_path: Path) -> None:
    write_entities(tmp_path, ["en"], 60)
    file = tmp_path / "ner" / "en-test.tsv"
    file.write_text(file.read_text(encoding="utf-8").replace("-ORG", "-FIRM"), encoding="utf-8")
    data = {"kind": "bio"} | {split: f"{tmp_path}/ner/{{language}}-{split}.tsv" for split in ("train", "dev", "test")}
    job = Graph(tuned(task="ner", data=data)).jobs["task/ner-finetune"]
    with pytest.raises(InputError, match="labels that no training data has: FIRM") as refused:
        job.step.run(Context(RunDirectory(tmp_path / "run"), tmp_path / "made", tmp_path / "work"))
    assert "`map`" in str(refused.value.fix) and "`types`" in str(refused.value.fix)
    assert not (tmp_path / "made").exists()


def test_a_training_that_explodes_names_the_entry(finished: Path, tuned: Change, tmp_path: Path) -> None:
    wild = {"learning_rate": 10.0, "weight_decay": 10.0, "warmup": 0, "epochs": 30, "models": ["hl"]}
    with pytest.raises(InputError, match=r"beyond all bounds|not a number") as refused:
        run_here(tuned(**wild), tmp_path / "run", reuse=[finished])
    assert f"evaluation.{NAME}.learning_rate (now 10)" in str(refused.value.fix)


# --- against other runs


def compared(into: Path, *roots: Path) -> Comparison:
    """What the page about several runs is made from."""
    found: list[Comparison] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(comparing, "write_comparison", lambda comparison, path: found.append(comparison))
        compare_runs(roots, into)
    (comparison,) = found
    return comparison


def test_another_training_of_a_model_is_compared_by_what_it_is_fine_tuned_to(
    finished_tuning: Path, tuned: Change, tmp_path: Path
) -> None:
    other = tmp_path / "again"
    run_here(tuned(changes={"models__student__training": {"seed": 1}}, seeds=2), other, reuse=[finished_tuning])
    comparison = compared(tmp_path / "page.html", finished_tuning, other)
    assert comparison.obstacles == ()
    paired = {row.language: row for row in comparison.differences if row.task == NAME and row.model == "again: student"}
    for language in ("en", "ru", ALL):
        after, before = (
            number(root, model="student", language=language, metric="accuracy", source=IN_LANGUAGE).value
            for root in (other, finished_tuning)
        )
        row = paired["group:all" if language == ALL else language]
        assert row.value == pytest.approx(after - before) and row.source == IN_LANGUAGE and row.repeats == 2
        assert row.low is not None and row.high is not None and row.low <= row.value <= row.high
    spread = {each.title: each for each in spreads(comparison, merged(comparison), comparison.runs)}
    table = spread["Part of speech, fine-tuned"].tables[0]
    russian = next(row for row in table.rows if row[0].text == "Russian")
    assert russian[table.columns.index("student, 2 trainings")].note.endswith("n = 2")
    page = compare_runs([finished_tuning, other], tmp_path / "page.html").read_text(encoding="utf-8")
    assert (
        f'<section id="{NAME}"' in page and "paired over test items" in page and "standard deviation of train" in page
    )


def test_what_is_fine_tuned_otherwise_or_on_other_labels_is_not_comparable(
    finished: Path, finished_tuning: Path, tuned: Change, tmp_path: Path
) -> None:
    before = compared(tmp_path / "page.html", finished, finished_tuning)  # which stands alone
    assert shared_tasks(before.runs) == [] and before.obstacles == ()
    run_here(tuned(epochs=1, models=["hl"], languages=["ru"]), tmp_path / "short", reuse=[finished_tuning])
    run_here(tuned(seed=7, models=["hl"]), tmp_path / "draws", reuse=[finished_tuning])
    short, draws = (compared(tmp_path / "page.html", finished_tuning, tmp_path / name) for name in ("short", "draws"))
    # Of other resamples a difference cannot be paired.
    assert draws.obstacles == () and not any(row.task == NAME for row in draws.differences)
    said = "Part of speech, fine-tuned of run and short is not comparable"
    assert short.obstacles[0].startswith(f"{said} in en: their models are trained on other languages, their labelled")
    assert short.obstacles[1:] == (f"{said} in ru: their models are fine-tuned otherwise.",)
    assert not any(row.task == NAME for row in short.differences)
