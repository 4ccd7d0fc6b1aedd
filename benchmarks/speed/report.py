"""What measurements say: ratios, whether goals are met, and pages of text.

    python -m benchmarks.speed.report speed-nvidia-h200.json    the ratios and the goals

Exit code 3 where something, or all, was not measured, 4 where a goal is missed.
"""

import json
import statistics
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

RATIOS = {
    "training, to transformers.Trainer as its examples are written": ("ours", "trainer"),
    "training, to transformers.Trainer at its best settings": ("ours, no dropout", "trainer at its best"),
    "training, to the same, compiled": ("ours, no dropout", "trainer at its best, compiled"),
    "distillation, to the plain loop": ("ours, distilling", "plain distillation"),
    "labelling, to the plain loop": ("ours, labelling", "plain labelling"),
}
SETTINGS = {
    "ours": "sentences of like length together, dropout 0.1",
    "trainer": "as run_mlm.py --line_by_line: fp32, random order, dropout 0.1",
    "ours, no dropout": "sentences of like length together",
    "ours, compiled": "the same, the encoder by torch.compile",
    "trainer at its best": "bf16 where ours is, grouped by length, no dropout; on a CPU eager attention, memory "
    "settings as ours; on a card sdpa, fused AdamW, workers for the data, widths a multiple of 8",
    "trainer at its best, compiled": "the same, with torch_compile",
    "ours, distilling": "as ours; a teacher of the same size for each of five languages",
    "plain distillation": "random order, logits at all tokens, dropout 0.1; the same teachers; fp32, on a card bf16",
    "ours, a job on each core": "as ours, one thread each, the sum",
    "ours, labelling": "fp32, 8 words of each masked position, written to the disk",
    "plain labelling": "fp32, random order, logits at all tokens; kept in memory",
}
_SHARE = "share of the peak"
GOALS = {
    ("paper1", "training, to transformers.Trainer at its best settings"): 2.0,
    ("paper1", "training, to the same, compiled"): 2.0,
    ("paper1", "distillation, to the plain loop"): 4.0,
    ("paper1", _SHARE): 0.5,
}
"""On a card: model, what -> what Equiglot is to reach."""


def ratios(medians: Mapping[str, float]) -> dict[str, float]:
    """What -> how many times as fast, where both were measured."""
    return {
        what: medians[ours] / medians[theirs]
        for what, (ours, theirs) in RATIOS.items()
        if ours in medians and theirs in medians
    }


def markdown(results: Mapping[str, Any]) -> str:
    """Everything that was measured, as a page."""
    machine, packages = results["machine"], results["versions"]
    on_card = results.get("device") == "cuda"
    place = (
        machine["gpu"] if on_card else f"{machine['processor']}, {machine['cores']} cores, {machine['instructions']}"
    )
    lines = [
        f"{place}; PyTorch {packages['torch']}, transformers {packages['transformers']}. Matrix products at most "
        f"{results['peak']['bf16']:,.0f} GFLOP/s in bf16, {results['peak']['fp32']:,.0f} in fp32: the larger of "
        "them is the peak. Ours multiplies in bf16 where the processor does, else in fp32.",
    ]
    for name, model in results["models"].items():
        lines += _table(name, model)
    return "\n".join(lines) + "\n"


def _table(name: str, model: Mapping[str, Any]) -> Iterator[str]:
    encoder, memory = model["encoder"], model.get("gigabytes", {})
    yield ""
    yield (
        f"**{name}**: {encoder['layers']} layers, width {encoder['hidden_size']}, |V| {model['vocabulary']:,}, "
        f"batches of {model['batch']} sentences of five languages"
    )
    yield from (
        "",
        "| | settings | tokens a second: median (rounds) | share of the peak |" + (" GB |" if memory else ""),
        "|---|---|---|---|" + ("---|" if memory else ""),
    )
    for contestant, speeds in model["tokens_per_second"].items():
        if speeds:
            share = model.get("share_of_peak", {}).get(contestant)
            of_card = f" {memory[contestant]:.1f} |" if contestant in memory else " |" if memory else ""
            rounds = ", ".join(f"{speed:,.0f}" for speed in speeds)
            yield (
                f"| {contestant} | {SETTINGS[contestant]} | {statistics.median(speeds):,.0f} ({rounds}) | "
                f"{'' if share is None else f'{share:.0%}'} |{of_card}"
            )
    yield from ("", "| ours | times as fast |", "|---|---|")
    yield from (f"| {what} | {ratio:.1f} |" for what, ratio in model.get("ratios", {}).items())
    padding = model["padding"]
    yield from ("", f"Padding: ours {padding['ours']:.1%}, random batches {padding['random batches']:.1%}.")
    for contestant, words in model.get("failed", {}).items():
        yield from ("", f"Not measured: {contestant}", "", "```", words, "```")


def summary(results: Mapping[str, Any]) -> tuple[list[str], int]:
    """All ratios and, on a card, the goals; and an exit code."""
    lines, missing, missed = [], 0, 0
    for name, model in results["models"].items():
        lines += [f"{name}: {what}: {ratio:.2f} times" for what, ratio in model.get("ratios", {}).items()]
        lines += [f"{name}: not measured: {each}: {_last(words)}" for each, words in model.get("failed", {}).items()]
        missing += len(model.get("failed", {}))
    for (name, what), goal in GOALS.items() if results.get("device") == "cuda" else ():
        found = (
            _best_share(results, name)
            if what == _SHARE
            else results["models"].get(name, {}).get("ratios", {}).get(what)
        )
        verdict = "not measured" if found is None else f"{found:.2f}, {'reached' if found >= goal else 'MISSED'}"
        lines.append(f"goal: {name}: {what}: {goal:g}: {verdict}")
        missing, missed = missing + (found is None), missed + (found is not None and found < goal)
    return lines, 3 if missing else 4 if missed else 0


def _best_share(results: Mapping[str, Any], name: str) -> float | None:
    """Of a model, in batches of whatever size."""
    shares = [
        share
        for model, measured in results["models"].items()
        for contestant, share in measured.get("share_of_peak", {}).items()
        if model.startswith(name) and contestant.startswith("ours")
    ]
    return max(shares, default=None)


def _last(words: str) -> str:
    return words.strip().splitlines()[-1]


def main() -> None:
    codes = []
    for place in map(Path, sys.argv[1:]):
        if place.exists():
            lines, code = summary(json.loads(place.read_text()))
            print("\n".join(lines))
            codes.append(code)
    if not codes:
        print("nothing was measured")
    sys.exit(max(codes, default=3))


if __name__ == "__main__":
    main()
