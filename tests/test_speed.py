"""The benchmark of speed: what it makes of its measurements, and whether the script for a CUDA card runs to its end."""

import json
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks.speed.contestants import Clock
from benchmarks.speed.data import MODELS, load
from benchmarks.speed.report import GOALS, ratios, summary

ROOT = Path(__file__).resolve().parent.parent


def test_a_ratio_needs_both_of_its_sides() -> None:
    medians = {"ours, no dropout": 30.0, "trainer at its best": 10.0, "ours, distilling": 5.0}
    assert ratios(medians) == {"training, to transformers.Trainer at its best settings": 3.0}


def _results(ratio: float, share: float) -> dict[str, Any]:
    whats = [what for _, what in GOALS if what != "share of the peak"]
    return {
        "device": "cuda",
        "models": {
            "paper1": {"ratios": dict.fromkeys(whats, ratio), "share_of_peak": {"ours": share / 2, "trainer": 0.9}},
            "paper1-large": {"share_of_peak": {"ours, compiled": share}},
        },
    }


def test_goals_are_reached_missed_or_not_measured() -> None:
    assert summary(_results(4.5, 0.6))[1] == 0
    lines, code = summary(_results(3.0, 0.6))
    assert code == 4
    assert [line for line in lines if "MISSED" in line] == [
        "goal: paper1: distillation, to the plain loop: 4: 3.00, MISSED"
    ]
    assert summary(_results(4.5, 0.4))[1] == 4
    failed = _results(4.5, 0.6)
    failed["models"]["paper1"]["failed"] = {"trainer": "first words\nno memory is left"}
    lines, code = summary(failed)
    assert code == 3 and "paper1: not measured: trainer: no memory is left" in lines
    nothing = {"device": "cuda", "models": {}}
    assert summary(nothing) == (
        [f"goal: {name}: {what}: {goal:g}: not measured" for (name, what), goal in GOALS.items()],
        3,
    )
    assert summary({"device": "cpu", "models": {}}) == ([], 0)  # goals are of a card


def test_a_report_of_no_measurements_says_so(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.speed.report"]
    done = subprocess.run([*command, tmp_path / "speed-*.json"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (3, "nothing was measured\n", "")
    measured = tmp_path / "speed-none.json"
    measured.write_text(json.dumps({"device": "cpu", "models": {"demo": {"ratios": {"training": 2.0}}}}))
    done = subprocess.run([*command, measured], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "demo: training: 2.00 times\n")


def test_made_up_text_is_the_same_every_time_and_follows_zipfs_law() -> None:
    one, other = load("tiny", None), load("tiny", None)
    model = MODELS["tiny"]
    for language, text in one.texts.items():
        assert np.array_equal(text.ids, other.texts[language].ids)
        assert len(text) == model.sequences
        assert text.lengths.min() >= 3 and text.lengths.max() <= model.encoder.max_length - 2
        assert text.ids.min() >= 5 and text.ids.max() < model.entries
        counts = np.sort(np.bincount(text.ids, minlength=model.entries))[::-1]
        assert counts[0] / counts[9] == pytest.approx(10, rel=0.35)
    assert one.size == model.entries
    batch = one.stream()[0]
    assert len(batch.lengths) == model.batch and batch.inputs[0, 0] == one.special.first


def test_the_clock_counts_from_a_border_to_a_border(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("time.perf_counter", lambda: now)
    clock = Clock(10, torch.device("cpu"))
    over = []
    for update in range(1, 100):
        now = 1.0 + update
        over.append(clock.update(torch.tensor(7), border=update % 8 == 0))
        if over[-1]:
            break
    assert len(over) == 40  # begun after 24, the first border after 20 updates; 10 s later is no border, 16 are
    assert clock.elapsed == 16 and int(clock.tokens) == 16 * 7


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("bash") is None or shutil.which("timeout") is None, reason="no bash, or no timeout")
def test_the_script_for_a_card_runs_to_its_end_without_one(tmp_path: Path) -> None:
    environment = {**os.environ, "DEVICE": "cpu", "PYTHON": sys.executable, "OUT": str(tmp_path), "WHEELS": "none"}
    done = subprocess.run(
        ["bash", ROOT / "benchmarks" / "gpu.sh"], env=environment, capture_output=True, text=True, check=False
    )
    comparable = find_spec("accelerate") is not None  # what transformers.Trainer needs
    assert done.returncode == (0 if comparable else 3), done.stdout + done.stderr
    assert "1 passed" in (tmp_path / "tests.txt").read_text()
    results = json.loads(next(tmp_path.glob("speed-*.json")).read_text())
    assert results["models"]["tiny"]["tokens_per_second"]["ours, no dropout"][0] > 0
    assert "ms of kernels an update" in (tmp_path / "profile.txt").read_text()
    assert ("at its best settings" in (tmp_path / "summary.txt").read_text()) == comparable
    assert len(list(tmp_path.iterdir())) <= 8


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
def test_the_script_says_what_it_lacks(tmp_path: Path) -> None:
    script = ROOT / "benchmarks" / "gpu.sh"
    environment = {**os.environ, "PYTHON": "no-such-python", "OUT": str(tmp_path)}
    done = subprocess.run(["bash", script], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "there is no no-such-python" in done.stderr
    assert not list(tmp_path.iterdir())
