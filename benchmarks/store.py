"""What stored labels take and how fast they are read, beside all logits in fp16 and beside DistillKit.

    python -m benchmarks.store [--vocabulary 288973] [--k 8 32 128] [--positions 1000000] [--into FOLDER]

A store is filled with random answers at the masked positions of a made-up text (18 tokens a sentence, as in news and
encyclopaedias; 15 % masked), and read as a training reads it: batches of 40,000 positions from all over the store,
memory-mapped, from the disk cache, unpacked to int64 and float32. Speed is for a second of one core. All logits in fp16
are read the same way from a file of 2 GB. DistillKit's sizes are its own: 114 to 300 bytes a token, for all tokens.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from rich.console import Console
from rich.table import Table

from equiglot.labels import LabelStore, ShardStatistics, StoredRows, StoreSettings, open_store
from equiglot.labels.packing import RowFormat
from equiglot.labels.records import Manifest
from equiglot.labels.writing import begin_store, write_shard
from equiglot.masking import MaskSettings

SENTENCE, RATE, SHARDS = 18, 0.15, 8
BATCH, SECONDS = 40_000, 3.0
DENSE = 2 << 30  # bytes


def answers(form: RowFormat, count: int, generator: np.random.Generator) -> StoredRows:
    shares = np.sort(generator.dirichlet(np.full(form.k + 1, 0.3), count), axis=1)[:, ::-1].astype(np.float32)
    shares = np.maximum(shares, np.float32(1e-30))
    ids, samples = (generator.integers(0, form.vocabulary_size, (count, each)) for each in (form.k, form.samples))
    return StoredRows(ids, np.log(shares[:, :-1]), shares[:, -1], samples)


def fill(into: Path, manifest: Manifest) -> LabelStore:
    """A store of random answers."""
    generator, form = np.random.default_rng(0), manifest.format
    begin_store(into, manifest)
    borders = np.arange(manifest.shards + 1) * manifest.sequences // manifest.shards
    for number in range(manifest.shards):
        begin, end = int(borders[number]), int(borders[number + 1])
        counts = generator.binomial(SENTENCE, RATE, (end - begin, 1))
        packed = form.pack(answers(form, int(counts.sum()), generator))
        write_shard(into, number, (begin, end), packed, counts, ShardStatistics(positions=len(packed)))
    return open_store(into)


def rate(read: Callable[[np.ndarray], object], positions: int, batch: int = BATCH) -> float:
    """Positions in a second of one core."""
    generator, done = np.random.default_rng(1), 0
    read(generator.integers(0, positions, batch))
    begun = time.process_time()
    while time.process_time() < begun + SECONDS:
        read(generator.integers(0, positions, batch))
        done += batch
    return done / (time.process_time() - begun)


def dense_rate(into: Path, vocabulary: int) -> float:
    """The same for all logits in fp16, converted to float32."""
    rows = DENSE // vocabulary // 2
    logits = np.lib.format.open_memmap(into / "dense.npy", "w+", np.float16, (rows, vocabulary))
    logits[:] = np.random.default_rng(0).standard_normal(vocabulary).astype(np.float16)
    logits.flush()
    return rate(lambda places: logits[places].astype(np.float32), rows, batch=100)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vocabulary", type=int, default=288_973)
    parser.add_argument("--k", type=int, nargs="+", default=[8, 32, 128])
    parser.add_argument("--positions", type=int, default=1_000_000)
    parser.add_argument("--into", type=Path, help="where the stores are made; a temporary folder by default")
    arguments = parser.parse_args()
    table = Table(box=None, pad_edge=False)
    table.add_column("stored", no_wrap=True)
    for title in ("bytes a position", "bytes a token of text", "of all logits", "million a second"):
        table.add_column(title, justify="right")
    dense = 2.0 * arguments.vocabulary
    with TemporaryDirectory(dir=arguments.into) as folder:
        for k in arguments.k:
            for settings in (StoreSettings(k=k), StoreSettings(k=k, precision="fp32"), StoreSettings(k=k, samples=8)):
                into = Path(folder) / f"{k}-{settings.precision}-{settings.samples}"
                sequences = round(arguments.positions / RATE / SENTENCE)
                made = {"language": "en", "masks": MaskSettings(rate=RATE), "seed": 0, "shards": SHARDS, "facts": {}}
                manifest = Manifest(
                    settings=settings, vocabulary_size=arguments.vocabulary, sequences=sequences, **made
                )
                store = fill(into, manifest)
                size = sum(file.stat().st_size for file in into.rglob("*") if file.is_file()) / store.positions
                sampled = f", {settings.samples} samples" if settings.samples else ""
                speed = rate(store.read, store.positions) / 1e6
                name = f"k = {k}, {settings.precision}{sampled}"
                table.add_row(name, f"{size:.1f}", f"{RATE * size:.1f}", f"1/{dense / size:,.0f}", f"{speed:.2f}")
        speed = dense_rate(Path(folder), arguments.vocabulary) / 1e6
        table.add_row("all logits, fp16", f"{dense:,.0f}", f"{RATE * dense:,.0f}", "1", f"{speed:.4f}")
    table.add_row("DistillKit (as published)", "", "114 to 300", "", "")
    Console().print(table, highlight=False)


if __name__ == "__main__":
    main()
