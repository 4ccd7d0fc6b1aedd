"""Measures everything in turns and writes the results, with the machine they were taken on.

    make bench                                  the whole, some quarter of an hour
    python -m benchmarks.speed --seconds 2 --rounds 1 --models demo

Nothing else should run meanwhile. Each measurement is a process of its own; contestants take turns, round after round,
and the median of the rounds counts.
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

from benchmarks.speed.data import MODELS, SENTENCES, Prepared, load, prepare
from equiglot.models import EncoderSettings
from equiglot.pipeline.execution.machine import hardware, versions

RATIOS = {
    "training, to transformers.Trainer as its examples are written": ("ours", "trainer"),
    "training, to transformers.Trainer at its best settings": ("ours, no dropout", "trainer at its best"),
    "distillation, to the plain loop": ("ours, distilling", "plain distillation"),
}
PAIRS = "ours, a job on each core"
SETTINGS = {
    "ours": "bf16, sentences of like length together, dropout 0.1",
    "trainer": "as run_mlm.py --line_by_line: fp32, random order, dropout 0.1",
    "ours, no dropout": "bf16, sentences of like length together",
    "trainer at its best": "bf16, eager attention, grouped by length, no dropout, memory settings as ours",
    "ours, distilling": "as ours; a teacher of the same size for each of five languages",
    "plain distillation": "fp32, random order, logits at all tokens, dropout 0.1; the same teachers",
    PAIRS: "as ours, one thread each, the sum",
}
TUNED = {name for name in SETTINGS if name.startswith("ours") or "best" in name}
"""Who gets Equiglot's settings of the C library's memory and of oneDNN's cache."""
_CONTESTANTS = [name for pair in RATIOS.values() for name in pair]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=12.0, help="measured time of each contestant in a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--models", nargs="+", choices=list(MODELS), default=list(MODELS))
    parser.add_argument("--into", type=Path, default=Path(__file__).parents[1] / "results")
    arguments = parser.parse_args()
    threads = int(hardware()["cores"])
    results: dict[str, Any] = {"machine": hardware(), "versions": versions(), "peak": _peak(threads), "models": {}}
    for model in arguments.models:
        with tempfile.TemporaryDirectory() as scratch:
            run = prepare(model, Path(scratch) / "run")
            measured = _measure(model, run.root, arguments.seconds, arguments.rounds, threads)
            results["models"][model] = _summary(model, load(run), measured, results["peak"]["bf16"])
    arguments.into.mkdir(parents=True, exist_ok=True)
    place = arguments.into / f"speed-{_slug(results['machine'])}"
    place.with_suffix(".json").write_text(json.dumps(results, indent=1) + "\n")
    place.with_suffix(".md").write_text(_markdown(results))
    print(_markdown(results))
    print(f"Written to {place}.json and .md")


def _measure(model: str, run: Path, seconds: float, rounds: int, threads: int) -> dict[str, list[float]]:
    """Contestant -> tokens a second in each round."""
    speeds: dict[str, list[float]] = {name: [] for name in (*_CONTESTANTS, PAIRS)}
    for number in range(rounds):
        for name in _CONTESTANTS:
            speeds[name].append(_finish(_start(name, model, run, seconds, threads)))
            print(f"{model}, round {number + 1}: {name}: {speeds[name][-1]:,.0f} tokens/s", flush=True)
        jobs = [_start("ours", model, run, seconds, 1) for _ in range(threads)]
        speeds[PAIRS].append(sum(_finish(job) for job in jobs))
    return speeds


def _start(name: str, model: str, run: Path, seconds: float, threads: int) -> "subprocess.Popen[str]":
    from equiglot.pipeline.execution.workers import MEMORY

    environment = {**os.environ, **(MEMORY if name in TUNED else {})}
    command = [sys.executable, "-m", "benchmarks.speed.contestants", name, model, str(run), str(seconds), str(threads)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, cwd=Path(__file__).parents[2])


def _finish(process: "subprocess.Popen[str]") -> float:
    output, _ = process.communicate()
    if process.returncode:
        sys.exit(process.returncode)
    return float(json.loads(output.splitlines()[-1])["tokens_per_second"])


def _summary(model: str, prepared: Prepared, measured: dict[str, list[float]], peak: float) -> dict[str, Any]:
    medians = {name: statistics.median(speeds) for name, speeds in measured.items()}
    operations = _operations_a_token(MODELS[model], prepared)
    return {
        "encoder": MODELS[model].model_dump(),
        "vocabulary": prepared.size,
        "tokens_per_second": measured,
        "ratios": {what: medians[ours] / medians[theirs] for what, (ours, theirs) in RATIOS.items()},
        "operations_per_token": operations,
        "share_of_peak": {name: medians[name] * operations / peak / 1e9 for name in (*_CONTESTANTS[:4], PAIRS)},
        "padding": {"ours": _our_padding(prepared), "random batches": _random_padding(prepared)},
    }


def _operations_a_token(encoder: EncoderSettings, prepared: Prepared) -> float:
    """Floating-point operations that a training step needs for each real token: forward, and twice as many backward.

    Only what must be computed: products of the layers, attention, and the head at the masked 15 %.
    """
    hidden, entries = encoder.hidden_size, prepared.size
    lengths = np.array([len(sequence) for sequence in prepared.sequences()])
    width = (lengths**2).sum() / lengths.sum()  # of the row that a token stands in
    masked = 0.15 * (lengths - 2).sum() / lengths.sum()  # [CLS] and [SEP] never are
    layer = 4 * hidden**2 + 2 * hidden * (encoder.feed_forward or 4 * hidden) + 2 * width * hidden
    return float(6 * (encoder.layers * layer + masked * (hidden**2 + hidden * entries)))


def _our_padding(prepared: Prepared) -> float:
    batches = [prepared.stream()[index] for index in range(640)]
    return 1 - sum(int(batch.lengths.sum()) for batch in batches) / sum(batch.inputs.size for batch in batches)


def _random_padding(prepared: Prepared) -> float:
    lengths = np.array([len(sequence) for sequence in prepared.sequences()])
    shuffled = np.random.default_rng(0).permutation(lengths)
    batches = shuffled[: len(shuffled) // SENTENCES * SENTENCES].reshape(-1, SENTENCES)
    return float(1 - batches.sum() / (batches.max(axis=1) * SENTENCES).sum())


def _peak(threads: int) -> dict[str, float]:
    """The fastest large matrix product, GFLOP/s, on all cores."""
    program = """if True:
        import sys, time, torch
        torch.set_num_threads(int(sys.argv[1]))
        best, kind = 0.0, getattr(torch, sys.argv[2])
        for size in (512, 1024, 2048, 4096):
            a, b = (torch.randn(size, size).to(kind) for _ in range(2))
            for _ in range(max(3, 2 * (4096 // size) ** 2)):
                begun = time.perf_counter()
                a @ b
                best = max(best, 2 * size**3 / (time.perf_counter() - begun) / 1e9)
        print(best)"""
    kinds = {"fp32": "float32", "bf16": "bfloat16"}
    return {
        name: float(subprocess.check_output([sys.executable, "-c", program, str(threads), kind], text=True))
        for name, kind in kinds.items()
    }


def _markdown(results: dict[str, Any]) -> str:
    machine, packages = results["machine"], results["versions"]
    lines = [
        f"{machine['processor']}, {machine['cores']} cores, {machine['instructions']}; PyTorch {packages['torch']}, "
        f"transformers {packages['transformers']}. Matrix products at most {results['peak']['bf16']:,.0f} GFLOP/s in "
        f"bf16, {results['peak']['fp32']:,.0f} in fp32.",
    ]
    for name, model in results["models"].items():
        encoder = model["encoder"]
        lines += [
            "",
            f"**{name}**: {encoder['layers']} layers, width {encoder['hidden_size']}, |V| {model['vocabulary']:,}, "
            f"batches of {SENTENCES} sentences of five languages",
            "",
            "| | settings | tokens a second: median (rounds) | share of the bf16 peak |",
            "|---|---|---|---|",
        ]
        for contestant, speeds in model["tokens_per_second"].items():
            share = model["share_of_peak"].get(contestant)
            rounds = ", ".join(f"{speed:,.0f}" for speed in speeds)
            shown = "" if share is None else f"{share:.0%}"
            lines.append(
                f"| {contestant} | {SETTINGS[contestant]} | {statistics.median(speeds):,.0f} ({rounds}) | {shown} |"
            )
        lines += ["", "| ours | times as fast |", "|---|---|"]
        lines += [f"| {what} | {ratio:.1f} |" for what, ratio in model["ratios"].items()]
        padding = model["padding"]
        lines += ["", f"Padding: ours {padding['ours']:.1%}, random batches {padding['random batches']:.1%}."]
    return "\n".join(lines) + "\n"


def _slug(machine: dict[str, str]) -> str:
    words = f"{machine['processor']} {machine['cores']} cores".lower()
    return "-".join("".join(each if each.isalnum() else " " for each in words).split())


if __name__ == "__main__":
    main()
