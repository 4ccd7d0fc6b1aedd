"""What a run says about its text, and what it leaves out of it."""

from pathlib import Path

import pytest

from equiglot.corpus import count_sentences, read_leaks, read_statistics
from equiglot.files import read_json
from equiglot.pipeline import Event, Graph, Remark, Watcher
from equiglot.pipeline.results.texts import RunText
from equiglot.recipe import Recipe
from equiglot.run import RunDirectory
from tests.pipeline.conftest import Change, run_here


@pytest.fixture
def leaky(make: Change, text_files: Path, tmp_path: Path) -> Change:
    """The tiny recipe, in whose Russian text all of the English one stands."""
    english, russian = ((text_files / f"{code}.txt").read_text(encoding="utf-8") for code in ("en", "ru"))
    (tmp_path / "mixed.txt").write_text(f"{russian}\n{english}", encoding="utf-8")

    def changed(**fields: object) -> Recipe:
        return make(languages__ru__text=str(tmp_path / "mixed.txt"), **fields)

    return changed


def remarks(recipe: Recipe, into: Path) -> dict[str, list[str]]:
    """Job -> what it remarks, of those jobs that a run does up to the tokens."""
    found: dict[str, list[str]] = {}

    def hear(event: Event) -> None:
        heard = found.setdefault(event.job, [])
        if isinstance(event.progress, Remark):
            heard.append(event.progress.remark)

    for kind in ("leaks", "tokens"):
        run_here(recipe, into, only=kind, replace=True, watcher=Watcher(event=hear))
    return found


def test_leaks_are_told_and_left_out_where_asked(leaky: Change, tmp_path: Path) -> None:
    run = RunDirectory(tmp_path / "run")
    said = remarks(leaky(), run.root)["leaks/all"]
    found = read_leaks(run.leaks).languages["en"].found
    assert found >= 20 and f"{found} of 30 test sentences of en stand in the training text of ru ({found})" in said[0]
    russian = count_sentences(run.corpus("ru") / "train.arrow")

    did = remarks(leaky(text__drop_leaks=True), run.root)
    assert not [job for job in did if job.startswith("corpus/")], "texts stay as they are"
    leaks = read_leaks(run.leaks)
    left = russian - leaks.languages["ru"].leaked.sentences
    assert leaks.dropped and left < russian and count_sentences(run.leaks / "ru" / "train.arrow") == left
    assert read_json(run.tokens("ru") / "tokens.json")["train"]["sentences"] == left
    language = RunText(run, leaky(), lambda job: (run.job(job)).is_file()).language("ru")
    assert language.train is not None and language.train.sentences == left
    assert language.cleaning[-1].counts["training sentences dropped"] == russian - left


def test_one_language_has_no_leaks(make: Change) -> None:
    assert "leaks/all" not in Graph(make(languages={"en": {"text": "en.txt"}})).jobs


def test_nothing_waits_for_the_leaks_unless_they_are_dropped(make: Change) -> None:
    plain, dropping = Graph(make()).jobs, Graph(make(text__drop_leaks=True)).jobs
    assert not [name for name, job in plain.items() if "leaks/all" in job.needs]
    waiting = [name for name, job in dropping.items() if "leaks/all" in job.needs]
    assert waiting == ["vocabulary/shared", "tokens/en", "tokens/ru"]
    assert plain["corpus/ru"].fingerprint == dropping["corpus/ru"].fingerprint


def test_a_step_of_cleaning_that_takes_much_is_told_at_once(make: Change, tmp_path: Path) -> None:
    into = RunDirectory(tmp_path / "run")
    said = remarks(make(text__max_characters=100), into.root)["corpus/ru"]
    assert said == list(read_statistics(into.corpus("ru")).warnings)
    assert "ru: the step `length limits` of cleaning takes" in said[0]
