"""Ctrl-C at a terminal, while a cluster does the jobs: the question, its answers, and no answer."""

import copy
import os
import pty
import select
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from equiglot.pipeline import read_status
from equiglot.recipe import load_recipe
from tests.pipeline.conftest import TREE, half_written, results, run_here
from tests.pipeline.slurm_stand_in import is_running, pids
from tests.waiting import PATIENCE, until

QUESTION = "Leave the jobs with SLURM? The same command takes them up again."
CONTROL_C = "\x03"


@contextmanager
def _heeded_signals() -> Iterator[None]:
    """What begins here heeds signals as at a terminal, though the tests run in the background or under nohup."""
    before = {number: signal.signal(number, signal.SIG_DFL) for number in (signal.SIGINT, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class AtTerminal:
    """A command at a terminal of its own, whose text is read as it comes."""

    def __init__(self, command: list[str]) -> None:
        self._terminal = pty.openpty()
        self.shown, self._is_open = "", True
        name = os.ttyname(self._terminal[1])
        # Who leads a session gets the first terminal that it opens as the one that Ctrl-C is pressed at.
        shell = f"exec {shlex.join(command)} <{name} >{name} 2>&1"
        environment = {**os.environ, "COLUMNS": "200", "TERM": "xterm"}
        with _heeded_signals():
            self.process = subprocess.Popen(["sh", "-c", shell], start_new_session=True, env=environment)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        terminal = self._terminal[0]
        while (more := select.select([terminal], [], [], 0.1)[0]) or self._is_open:
            if more:
                self.shown += os.read(terminal, 10_000).decode(errors="replace")

    def wait_for(self, words: str) -> None:
        end = time.monotonic() + PATIENCE
        while words not in self.shown:
            assert time.monotonic() < end and self.process.poll() is None, self.shown
            time.sleep(0.05)

    def press(self, keys: str) -> None:
        os.write(self._terminal[0], keys.encode())

    def close(self) -> None:
        """As a window that is closed, or a connection that breaks."""
        self._is_open = False
        self._reader.join()
        for end in self._terminal:
            os.close(end)

    def end(self) -> int:
        """The exit code."""
        code = self.process.wait(PATIENCE)
        self.close()
        return code


@pytest.fixture
def begin(queue: Path, text_files: Path, finished: Path, tmp_path: Path) -> Iterator[Callable[[], AtTerminal]]:
    """Begins, or continues, a run whose one model takes some seconds, in the folder `run`, at a terminal."""
    tree: dict[str, Any] = {**copy.deepcopy(TREE), "models": {"hl": {}}}
    for language in tree["languages"].values():
        language["text"] = str(text_files / language["text"])
    tree["training"]["updates"] = 2000
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(tree))
    (tmp_path / "profile.yaml").write_text("short_seconds: 0")
    run = ["run", f"{tmp_path}/tiny.yaml", "--into", f"{tmp_path}/run", "--on", f"slurm:{tmp_path}/profile.yaml"]
    begun = list[AtTerminal]()

    def begin() -> AtTerminal:
        begun.append(AtTerminal([sys.executable, "-m", "equiglot", *run, "--reuse", str(finished)]))
        return begun[-1]

    yield begin
    for each in begun:
        each.process.kill()


def _training(queue: Path) -> bool:
    return any(map(is_running, pids(queue)))


def test_the_jobs_are_left_and_taken_up_again(
    begin: Callable[[], AtTerminal], queue: Path, finished: Path, tmp_path: Path
) -> None:
    into, terminal = tmp_path / "run", begin()
    terminal.wait_for("model/hl: process")
    terminal.press(CONTROL_C)
    terminal.wait_for(QUESTION)
    terminal.press("y\n")
    assert terminal.end() == 128 + signal.SIGINT, terminal.shown
    assert "Stopped; the same command continues." in terminal.shown
    assert _training(queue) and list(read_status(into).running) == ["model/hl"]
    terminal = begin()
    assert terminal.end() == 0, terminal.shown
    assert '"adopted"' in (into / "log.jsonl").read_text() and len(pids(queue)) == 2  # a training, and its scores
    run_here(load_recipe(str(tmp_path / "tiny.yaml")), tmp_path / "here", reuse=[finished])
    assert results(into) == results(tmp_path / "here")


@pytest.mark.parametrize(("answers", "saved"), [(["n\n"], True), ([CONTROL_C, CONTROL_C], False)])
def test_the_jobs_are_ended(
    begin: Callable[[], AtTerminal], queue: Path, tmp_path: Path, answers: list[str], saved: bool
) -> None:
    """No is an answer, and so is another Ctrl-C; the third waits for nothing."""
    terminal = begin()
    terminal.wait_for("model/hl: process")
    terminal.press(CONTROL_C)
    terminal.wait_for(QUESTION)
    for number, answer in enumerate(answers):
        if number:
            terminal.wait_for("Stopping: trainings save where they are")
        terminal.press(answer)
    assert terminal.end() == 128 + signal.SIGINT, terminal.shown
    assert "Stopped; the same command continues." in terminal.shown and "Traceback" not in terminal.shown
    until(lambda: not _training(queue))  # a worker that has said how it ended takes a while to be gone
    assert half_written(tmp_path / "run") == []
    assert not (tmp_path / "run" / ".attempts").exists()
    if saved:
        assert "Stopping: trainings save where they are" in terminal.shown
        assert list((tmp_path / "run" / "checkpoints").glob("hl-*/*"))


def test_a_terminal_that_is_closed(begin: Callable[[], AtTerminal], queue: Path, tmp_path: Path) -> None:
    """The jobs go on, though the question was not answered."""
    terminal = begin()
    terminal.wait_for("model/hl: process")
    terminal.press(CONTROL_C)
    terminal.wait_for(QUESTION)
    terminal.close()
    terminal.process.wait(PATIENCE)
    assert _training(queue) and list(read_status(tmp_path / "run").running) == ["model/hl"]
    assert read_status(tmp_path / "run").owner is None
