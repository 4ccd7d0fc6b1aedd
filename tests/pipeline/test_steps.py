"""A kind of step that the package does not have, in this file alone: run, killed and continued like any other."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from equiglot.corpus import count_sentences
from equiglot.files import atomic_folder, write_text
from equiglot.pipeline import Graph, graph, read_status, run_recipe
from equiglot.pipeline.records import known_record
from equiglot.pipeline.steps import Context, Step
from equiglot.recipe import Recipe, parse_recipe
from equiglot.run import RunDirectory
from equiglot.training import Stopped
from tests.pipeline.conftest import TREE, Change, run_here

_HALF = 40  # sentences


@dataclass(frozen=True)
class Count(Step):
    """How many sentences the training text of a language has, counted one by one."""

    kind = "count"
    folder = staticmethod(lambda run, subject: run.root / "counts" / subject)
    continues = True
    language: str

    @property
    def subject(self) -> str:
        return self.language

    @property
    def inputs(self) -> dict[str, Any]:
        return {"by": 1}

    @property
    def needs(self) -> tuple[str, ...]:
        return (f"corpus/{self.language}",)

    def run(self, context: Context) -> None:
        saved = context.checkpoints / "count"
        done = before = int(saved.read_text()) if saved.exists() else 0
        context.remark(f"from {done}")
        sentences = count_sentences(context.run.corpus(self.language) / "train.arrow")
        while done < sentences:
            done += 1
            if self.language == "en" and done == _HALF and before < _HALF:  # it is killed, or asked to stop, here
                write_text(saved, str(done))
                while not context.stop():
                    time.sleep(0.02)
                raise Stopped
        with atomic_folder(context.output) as folder:
            write_text(folder / "count", str(done))


def _counts(recipe: Recipe) -> Iterator[Step]:
    return (Count(recipe, language) for language in recipe.trained_languages)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph, "STEPS", [*graph.STEPS, _counts])


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.usefixtures("counted")
def test_a_step_of_another_kind(number: signal.Signals, make: Change, text_files: Path, tmp_path: Path) -> None:
    into = RunDirectory(tmp_path / "run")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    called = [sys.executable, __file__, str(text_files), str(into.root)]
    process = subprocess.Popen(called, env=environment, stderr=subprocess.DEVNULL)
    while not list(into.root.glob("checkpoints/en-*/count")):
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(number)
    assert process.wait() != 0
    assert read_status(into.root).states["count/en"] == "left"

    made = into.job("corpus/en").stat().st_mtime_ns
    run_here(make(), into.root, only="count")
    log = into.log.read_text()
    assert '"job": "count/en", "remark": "from 0"' in log and f'"job": "count/en", "remark": "from {_HALF}"' in log
    sentences = count_sentences(into.corpus("en") / "train.arrow")
    assert int((into.root / "counts/en/count").read_text()) == sentences > _HALF
    assert known_record(into, "count/en").needs == {"corpus/en": Graph(make()).jobs["corpus/en"].fingerprint}
    assert made == into.job("corpus/en").stat().st_mtime_ns and not list(into.root.glob("checkpoints/en-*"))
    assert read_status(into.root).states["count/en"] == "done"


if __name__ in ("__main__", "__mp_main__"):  # the command that is killed, and its workers
    graph.STEPS.append(_counts)
if __name__ == "__main__":
    run_recipe(parse_recipe(TREE, Path(sys.argv[1])), Path(sys.argv[2]), only="count")
