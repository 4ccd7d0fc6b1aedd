"""How far text is, from the job that prepares it to the terminal."""

import re
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from equiglot.display import RunDisplay, progress_in_words
from equiglot.display.runs import print_scores
from equiglot.evaluation import Score
from equiglot.pipeline import Event, Graph, JobProgress, Remark, Status, TextProgress, Watcher
from equiglot.pipeline.execution.pool import Made
from equiglot.pipeline.progress import parse_progress
from equiglot.pipeline.steps import Context, Corpus
from equiglot.recipe import Recipe
from equiglot.run import RunDirectory
from equiglot.terminal import Terminal
from equiglot.training import Progress
from tests.pipeline.conftest import Change, run_here
from tests.test_imports import loaded

TRAINING = Progress(update=3, updates=20, tokens=6000, seconds=2.0, metric="mrr", loss=5.5)


def test_preparing_text_tells_how_far_it_is(make: Change, tmp_path: Path) -> None:
    told: list[JobProgress] = []
    context = Context(RunDirectory(tmp_path), tmp_path / "made", tmp_path / "checkpoints", progress=told.append)
    Corpus(make(), "ru").run(context)
    found: dict[str, list[int]] = {}
    for each in told:
        assert isinstance(each, TextProgress)
        found.setdefault(each.stage, []).append(each.done)
    assert list(found) == ["reading", "comparing", "writing"]
    assert all(counts == sorted(set(counts)) for counts in found.values())
    assert 20_000 <= found["reading"][-1] < 40_000


@pytest.mark.parametrize("progress", [TRAINING, TextProgress(stage="reading", done=7), Remark(remark="x")])
def test_it_comes_back_from_json(progress: JobProgress) -> None:
    assert parse_progress(progress.model_dump(mode="json")) == progress


@pytest.mark.parametrize(
    ("progress", "words"),
    [
        (TextProgress(stage="reading", done=1234567), "reading, 1,234,567 characters"),
        (TextProgress(stage="writing", done=1234), "writing, 1,234 sentences"),
        (TRAINING, "update 3 of 20, 3.0k tokens/s, 11 s left, loss 5.50"),
        (Remark(remark="x y"), "x y"),
        (None, ""),
    ],
)
def test_in_words(progress: JobProgress | None, words: str) -> None:
    assert progress_in_words(progress) == words


def test_a_run_says_it(make: Change, tmp_path: Path) -> None:
    events: list[Event] = []
    ticks: list[int] = []
    watcher = Watcher(event=events.append, tick=lambda: ticks.append(len(events)))
    run_here(make(models={"hl": {}}), tmp_path / "run", watcher=watcher)
    said = {event.job for event in events if isinstance(event.progress, TextProgress)}
    assert said == {"corpus/en", "corpus/ru", "corpus/ar", "leaks/all"}
    last = [event.progress for event in events if isinstance(event.progress, Progress)][-1]
    assert last.loss is not None and last.score is not None and last.update == last.updates
    assert len(ticks) > 5


def test_the_terminal_shows_it(make: Change) -> None:
    console = Terminal(force_terminal=True, width=140, record=True)
    display = RunDisplay(console)
    watcher, job = display.watcher(), Graph(make()).jobs["corpus/ru"]
    with console.capture() as captured, display:
        watcher.start(job)
        watcher.event(Event(job.name, "1-1", "progress", progress=TextProgress(stage="comparing", done=4096)))
        display._bars.refresh()
    assert "comparing, 4,096 sentences" in captured.get()


def test_names_are_shown_as_they_are(make: Change, capsys: pytest.CaptureFixture[str]) -> None:
    display = RunDisplay(Terminal(width=140))
    job = Graph(make()).jobs["corpus/ru"]
    display.watcher().reuse(job, "runs/[bold]x[/nothing]")
    assert capsys.readouterr().out == "corpus/ru: taken from runs/[bold]x[/nothing]\n"


# --- where the output is a file or a pipe


class Shown:
    """A display on a pipe, whose clock a test moves."""

    def __init__(self, recipe: Recipe, capsys: pytest.CaptureFixture[str]) -> None:
        self._now, self._jobs, self._capsys = 1000.0, Graph(recipe).jobs, capsys
        self.watcher = RunDisplay(Terminal(width=140), interval=60, clock=lambda: self._now).watcher()

    def start(self, job: str) -> None:
        self.watcher.start(self._jobs[job])

    def hear(self, job: str, progress: JobProgress) -> list[str]:
        """What is printed when a job says something."""
        self.watcher.event(Event(job, "1-1", "progress", progress=progress))
        return self._lines()

    def end(self, job: str) -> list[str]:
        self.watcher.event(Event(job, "1-1", "done", made=Made(80.0, {}, None)))
        return self._lines()

    def wait(self, seconds: float) -> list[str]:
        """What is printed in the meantime."""
        self._now += seconds
        self.watcher.tick()
        return self._lines()

    def _lines(self) -> list[str]:
        return self._capsys.readouterr().out.splitlines()


@pytest.fixture
def shown(make: Change, capsys: pytest.CaptureFixture[str]) -> Shown:
    return Shown(make(), capsys)


def test_a_line_a_minute_for_each_job(shown: Shown) -> None:
    shown.start("model/hl")
    assert shown.hear("model/hl", training(1)) == []
    assert shown.wait(59) == []
    assert shown.hear("model/hl", training(10, loss=5.25, score=12.5)) == []
    shown.start("scores/frequency")
    assert shown.wait(1) == ["model/hl: update 10 of 20, 1.0k tokens/s, 10 s left, loss 5.25, MRR 12.5"]
    assert shown.wait(58) == []
    assert shown.wait(2) == [
        "model/hl: update 10 of 20, 1.0k tokens/s, 10 s left, loss 5.25, MRR 12.5",
        "scores/frequency: at work for 61 s",
    ]
    assert shown.hear("model/hl", training(20, score=25)) == []
    assert shown.end("model/hl") == ["model/hl: done in 80 s, validation MRR 25.0"]
    assert shown.wait(61) == ["scores/frequency: at work for 2 min"]


def test_what_is_worth_knowing_is_said_at_once_and_once(shown: Shown) -> None:
    shown.start("model/hl")
    assert shown.hear("model/hl", training(8, score=30)) == ["model/hl: goes on at update 8 of 20"]
    assert shown.hear("model/hl", training(10, score=28)) == []
    fell = "model/hl: validation MRR fell from 30.0 to 15.0 in update 12 of 20; the best weights are kept"
    assert shown.hear("model/hl", training(12, score=15)) == [fell]
    assert shown.hear("model/hl", training(13, score=15)) == []
    assert shown.hear("model/hl", Remark(remark="Look here.")) == ["model/hl: Look here."]
    assert shown.end("model/hl") == ["model/hl: done in 80 s, stopped early, validation MRR 15.0"]


def test_a_worker_elsewhere_that_is_silent(shown: Shown) -> None:
    """Who says nothing, though workers elsewhere say every 20 s that they live."""
    shown.start("model/hl")
    shown.watcher.event(Event("model/hl", "1-1", "progress", place="waits"))
    shown.watcher.event(Event("model/hl", "1-1", "alive"))
    assert shown._lines() == ["model/hl: waits"]
    assert shown.wait(70) == ["model/hl: at work for 70 s"]
    assert shown.wait(60) == ["model/hl: at work for 2 min; no word for 2 min"]
    assert shown.hear("model/hl", training(3)) == ["model/hl: goes on at update 3 of 20"]
    assert shown.wait(60) == ["model/hl: update 3 of 20, 1.0k tokens/s, 17 s left"]


def test_a_screen_has_bars_and_no_lines(make: Change) -> None:
    console = Terminal(force_terminal=True, width=140)
    display, now = RunDisplay(console, interval=0, clock=lambda: 7.0), "model/hl"
    with console.capture() as captured:
        display.watcher().start(Graph(make()).jobs[now])
        display.watcher().tick()
    assert captured.get() == ""


def training(update: int, **known: float) -> Progress:
    return Progress(update=update, updates=20, tokens=1000 * update, seconds=float(update), metric="mrr", **known)


@pytest.mark.parametrize(("models", "languages", "width"), [(2, 3, 80), (2, 17, 80), (9, 17, 60), (1, 40, 20)])
def test_every_score_is_shown_whole_however_narrow_the_terminal(models: int, languages: int, width: int) -> None:
    names = [f"model-{number}" for number in range(models)]
    codes = [f"q{chr(97 + number % 26)}{number}" for number in range(languages)]
    scores = [
        Score(model=name, task="mlm", language=code, metric="mrr", value=10 + place + number / 100, n=1, seed=0)
        for place, name in enumerate(names)
        for number, code in enumerate(codes)
    ]
    console = Console(width=width, file=StringIO())
    print_scores(console, Status({}, {}, {}, None, scores))
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "\N{HORIZONTAL ELLIPSIS}" not in shown and {*names, *codes} <= {*shown.split()}
    assert sorted(re.findall(r"\d+\.\d", shown)) == sorted(f"{score.value:.1f}" for score in scores)
    assert max(map(len, shown.splitlines())) <= width


@pytest.mark.parametrize("command", ["status", "report"])
def test_a_run_is_looked_at_without_torch(command: str, done: Path) -> None:
    called = f"import sys; sys.argv = ['equiglot', {command!r}, {str(done)!r}]; from equiglot.cli import app"
    assert not loaded(f"{called}; app(standalone_mode=False)")
