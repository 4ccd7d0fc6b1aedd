"""`equiglot finetune`: what it prints, how it ends, and that the same command continues after a signal."""

import io
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from equiglot.display import FineTuningDisplay, print_fine_tuned
from equiglot.files import checksums
from equiglot.finetuning import FineTuning, fine_tune, name_data
from equiglot.training import Progress
from tests.finetuning.conftest import Model, write_data

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(model: Model, program: Call, tmp_path: Path) -> Call:
    """Fine-tunes a model for two epochs in an empty folder; exit code, output, errors."""
    write_data(tmp_path / "data", "topic")
    words = ["finetune", model("xlm-roberta"), "--task", "topic", "--data", "data/{language}-*.tsv"]
    words += ["--languages", "ru,ko", "--epochs", "2", "--learning-rate", "1e-3"]
    return partial(program, *words)


def test_scores_are_printed(call: Call, tmp_path: Path) -> None:
    code, out, _ = call("--into", "topics", "--zero-shot", "hi", "--seeds", "2", "--max-length", "12")
    assert code == 0
    for words in (
        "accuracy, %",
        "ru",
        "hi, not trained on",
        "mean",
        " ± ",
        "hi: no training data",
        "The model: topics",
    ):
        assert words in out
    assert (tmp_path / "topics" / "model.safetensors").is_file()


def test_the_same_command_continues_after_a_signal(call: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert call("--into", "whole")[0] == 0
    watch = FineTuningDisplay.watch

    def stopped(self: FineTuningDisplay, seed: int, progress: Any) -> None:
        if progress.update == 3:
            signal.raise_signal(signal.SIGTERM)
        watch(self, seed, progress)

    monkeypatch.setattr(FineTuningDisplay, "watch", stopped)
    code, _, err = call("--into", "parts")
    assert code == 128 + signal.SIGTERM and "the same command continues" in err
    assert not (tmp_path / "parts").exists()
    assert call("--into", "parts")[0] == 0
    one, other = checksums(tmp_path / "whole"), checksums(tmp_path / "parts")
    assert {name for name in one if one[name] != other[name]} <= {"training.json"}  # has seconds


def test_bad_input_is_one_message(call: Call, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    for arguments, words in (
        (["--into", "there"], "something is there already"),
        (["--into", "new", "--warmup", "-1"], "--warmup cannot be -1"),
        (["--into", "new", "--zero-shot", "tr"], "there is no file of tr"),
        (["--into", "new", "--task", "pos"], "is no universal part-of-speech tag"),
    ):
        code, out, err = call(*arguments)
        assert (code, out) == (2, "") and err.startswith("Error: ") and "Traceback" not in err
        assert words in err
        assert {each.name for each in tmp_path.iterdir()} == {"data", "there"}


def test_in_a_file_there_is_a_line_a_minute() -> None:
    seconds = iter([0.0, 20.0, 61.0, 61.0])
    output = io.StringIO()
    with FineTuningDisplay(Console(file=output, width=200), clock=lambda: next(seconds)) as shown:
        for update in (1, 2):
            shown.watch(
                4, Progress(update=update, updates=9, tokens=100, seconds=1.0, metric="accuracy", loss=0.5, score=70.0)
            )
    (line,) = output.getvalue().strip().splitlines()
    assert line.startswith("training 5: update 2 of 9") and line.endswith("accuracy 70.0")


def test_a_narrow_terminal_shows_every_language(model: Model, tmp_path: Path) -> None:
    data = write_data(tmp_path / "data", "ner", ["en", "ko"])
    task = name_data("ner", [data], ["en"], zero_shot=["ko"])
    settings = FineTuning(epochs=1, seeds=2, resamples=100)
    done = fine_tune(model("bert"), task, ["en", "ko"], settings, tmp_path / "model")
    print_fine_tuned(Console(file=(output := io.StringIO()), width=80), done)
    lines = output.getvalue().splitlines()
    shown = [line for line in lines if line.startswith(("en ", "ko, not trained on"))]
    f1 = {row.language: row for row in done.scores if row.metric == "entity_f1"}
    for code, line in zip(("en", "ko"), shown, strict=True):
        row = f1[code]
        assert f"{row.value:.1f} ± {row.deviation:.1f}" in line and line.endswith(f" {row.n}") and "…" not in line
