"""Measures everything in turns and writes the results, with the machine they were taken on.

    make bench                                  the whole, some quarter of an hour
    python -m benchmarks.speed --seconds 2 --rounds 1 --models demo
    python -m benchmarks.speed --device cuda --models paper1 --rounds 1 --contestants "ours, no dropout"

Nothing else should run meanwhile. Each measurement is a process of its own; contestants take turns, round after round,
and the median of the rounds counts. Results are written after each; what other calls wrote of the same machine into the
same folder stays. One that fails, or takes longer than `--limit`, is passed over, and its last words are kept.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.speed.contestants import CONTESTANTS, RATE
from benchmarks.speed.data import MODELS, Model, Prepared, load, prepare
from benchmarks.speed.report import markdown, ratios
from equiglot.pipeline.execution.machine import hardware, versions

PAIRS = "ours, a job on each core"
TUNED = {name for name in (*CONTESTANTS, PAIRS) if name.startswith("ours") or "best" in name}
"""Who gets Equiglot's settings of the C library's memory and of oneDNN's cache."""
_ON_CPU = (
    "ours",
    "trainer",
    "ours, no dropout",
    "trainer at its best",
    "ours, distilling",
    "plain distillation",
    PAIRS,
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=12.0, help="measured time of each contestant in a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--models", nargs="+", choices=list(MODELS), default=["demo", "small"])
    parser.add_argument("--contestants", nargs="+", choices=[*CONTESTANTS, PAIRS], default=list(_ON_CPU))
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--limit", type=float, help="seconds that a measurement may take, warming up included")
    parser.add_argument("--into", type=Path, default=Path(__file__).parents[1] / "results")
    arguments = parser.parse_args()
    place = arguments.into / f"speed-{_slug(hardware(), arguments.device)}.json"
    results = _begin(place, arguments.device)
    for model in arguments.models:
        with tempfile.TemporaryDirectory() as scratch:
            run = prepare(model, Path(scratch) / "run")
            about = _about(MODELS[model], load(model, run))
            kept = results["models"].setdefault(model, {"tokens_per_second": {}})
            kept |= {**about, "tokens_per_second": kept["tokens_per_second"]}
            given = [model, "-" if run is None else str(run.root), str(arguments.seconds)]
            for name in arguments.contestants:
                kept["tokens_per_second"][name] = []
            for number in range(arguments.rounds):
                for name in arguments.contestants:
                    measured = _measure(name, given, arguments.device, arguments.limit)
                    _enter(kept, name, measured, max(results["peak"].values()))
                    _write(place, results)
                    shown = measured.get("failed") or f"{measured['tokens_per_second']:,.0f} tokens/s"
                    print(f"{model}, round {number + 1}: {name}: {shown}", flush=True)
    print(markdown(results))
    print(f"Written to {place} and .md")


def _begin(place: Path, device: str) -> dict[str, Any]:
    """What is known of the machine, and the results of earlier calls."""
    about = {"machine": hardware(), "versions": versions(), "device": device}
    if place.exists():
        before: dict[str, Any] = json.loads(place.read_text())
        if {name: before.get(name) for name in about} == about:
            return before
    return {**about, "peak": _peak(device), "models": {}}


def _write(place: Path, results: dict[str, Any]) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.with_suffix(".part").write_text(json.dumps(results, indent=1) + "\n")
    place.with_suffix(".part").replace(place)
    place.with_suffix(".md").write_text(markdown(results))


def _measure(name: str, given: list[str], device: str, limit: float | None) -> dict[str, Any]:
    """Tokens a second, and gigabytes of a card's memory; or why there are none."""
    threads = int(hardware()["cores"])
    own, count = (name, 1) if name != PAIRS else ("ours", threads)
    jobs = [_start(own, given, threads if count == 1 else 1, device) for _ in range(count)]
    try:
        found = [_finish(job, limit) for job in jobs]
    finally:
        for job in jobs:
            job.kill()
    for each in found:
        if "failed" in each:
            return each
    return {**found[0], "tokens_per_second": sum(each["tokens_per_second"] for each in found)}


def _start(name: str, given: list[str], threads: int, device: str) -> "subprocess.Popen[str]":
    from equiglot.pipeline.execution.workers import MEMORY

    environment = {**os.environ, **(MEMORY if name in TUNED else {}), "TOKENIZERS_PARALLELISM": "false"}
    environment.setdefault("CUDA_VISIBLE_DEVICES", "0")
    command = [sys.executable, "-m", "benchmarks.speed.contestants", name, *given, str(threads), device]
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        cwd=Path(__file__).parents[2],
    )


def _finish(process: "subprocess.Popen[str]", limit: float | None) -> dict[str, Any]:
    try:
        output, errors = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        return {"failed": f"not done after {limit:g} s"}
    if process.returncode:
        return {"failed": "\n".join(errors.splitlines()[-8:]) or f"exit code {process.returncode}"}
    measured: dict[str, Any] = json.loads(output.splitlines()[-1])
    return measured


def _about(model: Model, prepared: Prepared) -> dict[str, Any]:
    return {
        "encoder": model.encoder.model_dump(),
        "vocabulary": prepared.size,
        "batch": model.batch,
        "operations_per_token": _operations_a_token(prepared),
        "padding": {"ours": _our_padding(prepared), "random batches": _random_padding(prepared)},
    }


def _enter(kept: dict[str, Any], name: str, measured: dict[str, Any], peak: float) -> None:
    """Adds a measurement to what is known of a model, and what follows from it."""
    failures, memory = kept.setdefault("failed", {}), kept.setdefault("gigabytes", {})
    if "failed" in measured:
        failures[name] = measured["failed"]
        return
    failures.pop(name, None)
    kept["tokens_per_second"][name].append(measured["tokens_per_second"])
    if measured.get("gigabytes"):
        memory[name] = measured["gigabytes"]
    medians = {each: statistics.median(speeds) for each, speeds in kept["tokens_per_second"].items() if speeds}
    kept["ratios"] = ratios(medians)
    kept["share_of_peak"] = {
        each: speed * kept["operations_per_token"] / peak / 1e9
        for each, speed in medians.items()
        if "distil" not in each and "labelling" not in each
    }


def _operations_a_token(prepared: Prepared) -> float:
    """Floating-point operations that a training step needs for each real token: forward, and twice as many backward.

    Only what must be computed: products of the layers, attention, and the head at the masked 15 %.
    """
    encoder, entries = prepared.model.encoder, prepared.size
    hidden = encoder.hidden_size
    lengths = np.array([len(sequence) for sequence in prepared.sequences()])
    width = (lengths**2).sum() / lengths.sum()  # of the row that a token stands in
    masked = RATE * (lengths - 2).sum() / lengths.sum()  # [CLS] and [SEP] never are
    layer = 4 * hidden**2 + 2 * hidden * (encoder.feed_forward or 4 * hidden) + 2 * width * hidden
    return float(6 * (encoder.layers * layer + masked * (hidden**2 + hidden * entries)))


def _our_padding(prepared: Prepared) -> float:
    batches = [prepared.stream()[index] for index in range(64)]
    return 1 - sum(int(batch.lengths.sum()) for batch in batches) / sum(batch.inputs.size for batch in batches)


def _random_padding(prepared: Prepared) -> float:
    lengths = np.array([len(sequence) for sequence in prepared.sequences()])
    shuffled = np.random.default_rng(0).permutation(lengths)
    batch = prepared.model.batch
    batches = shuffled[: len(shuffled) // batch * batch].reshape(-1, batch)
    return float(1 - batches.sum() / (batches.max(axis=1) * batch).sum())


def _peak(device: str) -> dict[str, float]:
    """The fastest large matrix product, GFLOP/s in fp32 and bf16: on all cores, or on the card."""
    program = """if True:
        import json, sys, time, torch
        device, best = sys.argv[2], {}
        torch.set_num_threads(int(sys.argv[1]))
        wait = torch.cuda.synchronize if device == "cuda" else lambda: None
        limit = 5.0  # seconds for a type and a size: bf16 on a processor without it takes minutes for one product
        sizes, at_once = ((8192, 16384), 5) if device == "cuda" else ((512, 1024, 2048, 4096), 1)
        for name, kind in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
            best[name] = 0.0
            for size in sizes:
                if best[name] and at_once * 2 * size**3 / best[name] / 1e9 > limit:
                    break
                since = time.perf_counter()
                a, b = (torch.randn(size, size, device=device).to(kind) for _ in range(2))
                for _ in range(max(3, 2 * (4096 // size) ** 2)):
                    wait()
                    begun = time.perf_counter()
                    for _ in range(at_once):
                        a @ b
                    wait()
                    best[name] = max(best[name], at_once * 2 * size**3 / (time.perf_counter() - begun) / 1e9)
                    if time.perf_counter() - since > limit:
                        break
        print(json.dumps(best))"""
    command = [sys.executable, "-c", program, hardware()["cores"], device]
    found: dict[str, float] = json.loads(subprocess.check_output(command, text=True))
    return found


def _slug(machine: dict[str, str], device: str) -> str:
    words = (
        machine["gpu"]
        if device == "cuda"
        else f"{machine['processor']} {machine['instructions']} {machine['cores']} cores"
    )
    return "-".join("".join(each if each.isalnum() else " " for each in words.lower()).split())


if __name__ == "__main__":
    main()
