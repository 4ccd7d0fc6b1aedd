"""How far text is, from the job that prepares it to the terminal."""

from pathlib import Path

import pytest

from equiglot.display import RunDisplay, progress_in_words
from equiglot.pipeline import Event, Graph, JobProgress, Machine, TextProgress, Watcher, run_recipe
from equiglot.pipeline.hooks import Hooks
from equiglot.pipeline.progress import parse_progress
from equiglot.pipeline.work import make_corpus
from equiglot.run import RunDirectory
from equiglot.terminal import Terminal
from equiglot.training import Progress
from tests.pipeline.conftest import Change

TRAINING = Progress(update=3, updates=20, tokens=6000, seconds=2.0, loss=5.5)


def test_preparing_text_tells_how_far_it_is(make: Change, tmp_path: Path) -> None:
    told: list[JobProgress] = []
    make_corpus(RunDirectory(tmp_path), make(), "ru", Hooks(progress=told.append).counter())
    found: dict[str, list[int]] = {}
    for each in told:
        assert isinstance(each, TextProgress)
        found.setdefault(each.stage, []).append(each.done)
    assert list(found) == ["reading", "comparing", "writing"]
    assert all(counts == sorted(set(counts)) for counts in found.values())
    assert 20_000 <= found["reading"][-1] < 40_000


@pytest.mark.parametrize("progress", [TRAINING, TextProgress(stage="reading", done=7)])
def test_it_comes_back_from_json(progress: JobProgress) -> None:
    assert parse_progress(progress.model_dump(mode="json")) == progress


@pytest.mark.parametrize(
    ("progress", "words"),
    [
        (TextProgress(stage="reading", done=1234567), "reading, 1,234,567 characters"),
        (TextProgress(stage="writing", done=1234), "writing, 1,234 sentences"),
        (TRAINING, "3 of 20, 3.0k tokens/s, 11 s left, loss 5.50"),
        (None, ""),
    ],
)
def test_in_words(progress: JobProgress | None, words: str) -> None:
    assert progress_in_words(progress) == words


@pytest.mark.usefixtures("here")
def test_a_run_says_it(make: Change, tmp_path: Path) -> None:
    events: list[Event] = []
    run_recipe(make(models={"hl": {}}), tmp_path / "run", machine=Machine(), watcher=Watcher(event=events.append))
    said = {event.job for event in events if isinstance(event.progress, TextProgress)}
    assert said == {"corpus/en", "corpus/ru", "corpus/ar"}


def test_the_terminal_shows_it(make: Change) -> None:
    console = Terminal(force_terminal=True, width=140, record=True)
    display = RunDisplay(console)
    watcher, job = display.watcher(), Graph(make()).jobs["corpus/ru"]
    with console.capture() as captured, display:
        watcher.start(job)
        watcher.event(Event(job.name, "progress", progress=TextProgress(stage="comparing", done=4096)))
        display._bars.refresh()
    assert "comparing, 4,096 sentences" in captured.get()


def test_names_are_shown_as_they_are(make: Change, capsys: pytest.CaptureFixture[str]) -> None:
    display = RunDisplay(Terminal(width=140))
    job = Graph(make()).jobs["corpus/ru"]
    display.watcher().reuse(job, "runs/[bold]x[/nothing]")
    assert capsys.readouterr().out == "corpus/ru: taken from runs/[bold]x[/nothing]\n"
