"""The same jobs through one engine after the other: seconds, what the command itself costs a job, and equal bytes.

    python -m benchmarks.engines local ray slurm:profile.yaml [--workers 2] [--recipe demo-quick] [--set FIELD=VALUE]

The first is what the others are compared with. The command's own cost is its processor time and that of nothing else:
workers are processes of their own. What a job must give is compared byte by byte; only times of day and durations,
which stand in records and training.json, may differ.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from equiglot.files import checksum

_SAME = ("*.safetensors", "*.arrow", "*.npy", "scores.jsonl", "tokenizer.json")
_COMMAND = """
import sys, time
from pathlib import Path
from equiglot.pipeline import Machine, pool_on, run_recipe
from equiglot.recipe import load_recipe
where, recipe, into, workers, *overrides = sys.argv[1:]
begun = time.process_time()
run_recipe(load_recipe(recipe, overrides), Path(into), machine=Machine(workers=int(workers)), pool=pool_on(where))
print(time.process_time() - begun, len(list(Path(into).glob("jobs/*/*.json"))))
"""


@dataclass(frozen=True)
class Measured:
    """A run.

    Attributes:
        seconds: by the clock.
        own: processor seconds of the command, the page included, imports not.
        jobs: how many there were.
        files: path below the run folder -> checksum.
    """

    seconds: float
    own: float
    jobs: int
    files: dict[str, str]


def measure(where: str, recipe: str, into: Path, workers: int, overrides: list[str]) -> Measured:
    """Runs a recipe in a new folder."""
    begun = time.monotonic()
    arguments = [where, recipe, str(into), str(workers), *overrides]
    said = subprocess.run([sys.executable, "-c", _COMMAND, *arguments], stdout=subprocess.PIPE, text=True, check=True)
    own, jobs = said.stdout.split()[-2:]
    found = {path for pattern in _SAME for path in into.rglob(pattern) if not _is_hidden(path.relative_to(into))}
    files = {str(path.relative_to(into)): checksum(path) for path in sorted(found)}
    return Measured(time.monotonic() - begun, float(own), int(jobs), files)


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("where", nargs="+", help="as `equiglot run --on`")
    parser.add_argument("--recipe", default="demo-quick")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--set", dest="overrides", action="append", default=[])
    parser.add_argument("--folder", type=Path, help="where the run folders are made: on a disk that all machines share")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        first: Measured | None = None
        for number, where in enumerate(arguments.where):
            into = Path(folder) / str(number)
            one = measure(where, arguments.recipe, into, arguments.workers, arguments.overrides)
            first = first or one
            differ = [name for name in {**first.files, **one.files} if first.files.get(name) != one.files.get(name)]
            same = f"{len(differ)} of {len(one.files)} files differ: {differ[:3]}" if differ else "the same bytes"
            print(
                f"{where}: {one.seconds:.0f} s, {one.jobs} jobs, the command itself {1000 * one.own / one.jobs:.0f} ms "
                f"of processor time a job, {same} ({len(one.files)} files)",
                flush=True,
            )


if __name__ == "__main__":
    main()
