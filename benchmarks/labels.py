"""What labels cost: an update without teachers, with stored labels, and with teachers that are asked while it trains.

    python -m benchmarks.labels
    python -m benchmarks.labels --layers 6 --hidden 512 --vocabulary 32000

All learn from the masked words as well, half and half. With a teacher whose forward pass costs r times the student's,
an update costs (3 + r) / 3 of one without: forward 1, backward 2, teacher r. The teachers are of the student's width,
and as deep as it takes; r is measured, like the rest, in the process's own CPU time where there is no GPU. The tokens
are made up. Contestants take turns, 64 batches each, and the median of the rounds counts; the least and the greatest
ratio of a round stand beside it.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from transformers import PreTrainedModel

from equiglot.labels import OnlineTeachers, StoredTeacher, StoredTeachers, StoreSettings, freeze, label_text, open_store
from equiglot.masking import BatchSettings, BatchStream, MaskSettings, Source, SpecialTokens
from equiglot.models import EncoderSettings, build_model, device, on_device, target_logits, to_tensors
from equiglot.objectives import Annealed, Objective
from equiglot.pipeline.execution.workers import prepare_process
from equiglot.training import LabelSource, MaskedLM, Stopped, Trainer, TrainingSettings
from equiglot.vocabulary import TokenizedText

SENTENCES = 32
POOLS = 2  # of batches, in the made-up text
HALF = Annealed(start=0.5, end=0.5)
RATIOS = (1, 6)  # of a teacher's forward pass to the student's


@dataclass
class Bench:
    """The student's size, and its text."""

    encoder: EncoderSettings
    vocabulary: int
    source: Source
    special: SpecialTokens

    def stream(self) -> BatchStream:
        size = BatchSettings(sentences=SENTENCES)
        return BatchStream([self.source], [{"en": 1.0}], size=size, special=self.special, seed=0)

    def model(self, layers: int, seed: int = 0) -> PreTrainedModel:
        encoder = self.encoder.model_copy(update={"layers": layers})
        return on_device(build_model(encoder, self.vocabulary, padding=0, seed=seed))

    def teacher(self, layers: int) -> PreTrainedModel:
        return freeze(self.model(layers, seed=1), device())

    def online(self, layers: int) -> Callable[[BatchStream], LabelSource]:
        return lambda stream: OnlineTeachers({"en": self.teacher(layers)}, stream, device())

    def stored(self, folder: Path, k: int) -> Callable[[BatchStream], LabelSource]:
        label_text(self.teacher(self.encoder.layers), self.source, self.special, StoreSettings(k=k), {}, folder)
        teachers = {0: [StoredTeacher(open_store(folder))]}
        return lambda stream: StoredTeachers(teachers, stream, Objective(weight=HALF), self.vocabulary, device())

    def contestant(self, labels: Callable[[BatchStream], LabelSource] | None) -> Callable[[], float]:
        """A training that goes on for a pool of batches whenever it is called; seconds of an update."""
        marks: list[float] = []
        stream = self.stream()
        objective, source = (Objective(weight=HALF), labels(stream)) if labels else (None, None)
        trainer = Trainer(
            self.model(self.encoder.layers),
            MaskedLM(stream, special=self.special, validation={}, objective=objective, labels=source),
            TrainingSettings(validations=1),
            updates=1_000_000,
            seed=0,
            watch=lambda progress: marks.append(now()),
            stop=lambda: len(marks) > stream.pool_batches,
        )

        def go_on() -> float:
            marks.clear()
            with suppress(Stopped):
                trainer.train()
            return (marks[-1] - marks[0]) / stream.pool_batches

        return go_on

    def forward(self, layers: int) -> float:
        """Seconds of the forward passes over a pool of batches; the best of a few times."""
        model, stream, seconds = self.teacher(layers), self.stream(), []
        batches = [to_tensors(stream[index], device()) for index in range(stream.pool_batches)]
        for _ in range(4):
            begun = now()
            with torch.no_grad(), torch.autocast(device().type, torch.bfloat16):
                for tensors in batches:
                    target_logits(model, tensors).sum().item()
            seconds.append(now() - begun)
        return min(seconds)

    def depth(self, ratio: float) -> int:
        """Layers of a model whose forward pass costs `ratio` times the student's."""
        one, student = self.forward(1), self.forward(self.encoder.layers)
        layer = (self.forward(1 + 4 * self.encoder.layers) - one) / (4 * self.encoder.layers)
        return max(1, 1 + round((ratio * student - one) / layer))


def now() -> float:
    """Seconds: of the process where it does the work itself, of the clock where a GPU does."""
    return time.process_time() if device().type == "cpu" else time.monotonic()


def make(encoder: EncoderSettings, vocabulary: int) -> Bench:
    """Sentences of some 5 to 50 made-up tokens."""
    generator = np.random.default_rng(0)
    lengths = generator.integers(5, min(50, encoder.max_length - 2), 64 * POOLS * SENTENCES)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    text = TokenizedText(generator.integers(5, vocabulary, offsets[-1], dtype=np.uint32), offsets, 4 * offsets)
    special = SpecialTokens(2, 3, 0, 4, np.arange(5, vocabulary))
    return Bench(encoder, vocabulary, Source("en", text, special, MaskSettings(), 0, draws=1), special)


def measure(bench: Bench, k: int, rounds: int, folder: Path) -> None:
    """Prints a table."""
    layers = bench.encoder.layers
    depths = {ratio: layers if ratio == 1 else bench.depth(ratio) for ratio in RATIOS}
    sources: dict[str, Callable[[BatchStream], LabelSource] | None] = {
        "masked words alone": None,
        f"stored labels, k = {k}": bench.stored(folder / "store", k),
    }
    sources |= {f"a teacher of {depth} layers": bench.online(depth) for depth in depths.values()}
    contestants = {name: bench.contestant(labels) for name, labels in sources.items()}
    taken: dict[str, list[float]] = {name: [] for name in contestants}
    for number in range(rounds + 1):
        for name, go_on in contestants.items():
            seconds = go_on()
            if number:  # the first round is to warm up
                taken[name].append(seconds)
    costs = dict(zip(list(sources)[2:], (_costs(bench, depth) for depth in depths.values()), strict=True))
    print("| labels | ms an update | to masked words alone | r | (3 + r) / 3 |")
    print("|---" * 5 + "|")
    for name, seconds in taken.items():
        ratios = [one / other for one, other in zip(seconds, taken["masked words alone"], strict=True)]
        ratio = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        arithmetic = f"{costs[name]:.1f} | {(3 + costs[name]) / 3:.2f}" if name in costs else "|"
        print(f"| {name} | {1000 * statistics.median(seconds):.1f} | {ratio} | {arithmetic} |")


def _costs(bench: Bench, layers: int) -> float:
    """What a teacher's forward pass costs, to the student's."""
    return bench.forward(layers) / bench.forward(bench.encoder.layers)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument("--vocabulary", type=int, default=8000)
    parser.add_argument("--k", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    prepare_process(arguments.threads)
    encoder = EncoderSettings(layers=arguments.layers, heads=4, hidden_size=arguments.hidden, max_length=64, dropout=0)
    with tempfile.TemporaryDirectory() as folder:
        measure(make(encoder, arguments.vocabulary), arguments.k, arguments.rounds, Path(folder))


if __name__ == "__main__":
    main()
