"""How much memory and time building a corpus takes, by the size of the text: memory should not grow, time with it.

    python -m benchmarks.memory [--text FOLDER --language de] [--megabytes 10 100] [--documents]

The text is made of that in FOLDER (or of the embedded sample, `pip install equiglot[sample]`): sentences in which each
word follows one that it follows there, so that there is no end to them and few come twice. Each size is built in a
process of its own. Anonymous memory, what the process itself asked for, is read from Linux's /proc; peak memory also
counts libraries and files in memory. Validation and test text are 10,000 sentences each: less than some 8 MB of text is
refused.
"""

import argparse
import json
import random
import re
import resource
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

from equiglot.corpus import LanguageText, TextSettings, build_corpus

STATUS = Path("/proc/self/status")
DOCUMENT = 20  # sentences, where documents are asked for


@dataclass
class Measured:
    """Megabytes of text, seconds, and MiB of memory at its peak."""

    megabytes: float
    seconds: float
    peak: float
    anonymous: float


def endless(lines: Iterable[str]) -> Iterator[str]:
    """Sentences whose words follow each other as they do in `lines`."""
    following: dict[str, list[str]] = {}
    for line in lines:
        for word, after in pairwise(["", *line.split(), ""]):
            following.setdefault(word, []).append(after)
    chance = random.Random(0)
    while True:
        words = [chance.choice(following[""])]
        while words[-1] and len(words) < 40:
            words.append(chance.choice(following[words[-1]]))
        yield " ".join(words).strip()


def write_text(sentences: Iterator[str], megabytes: float, documents: bool, path: Path) -> None:
    with path.open("w", encoding="utf-8") as file:
        number = 0
        while file.tell() < megabytes * 1e6:
            for sentence in (next(sentences) for _ in range(1000)):
                number += 1
                file.write(sentence + ("\n\n" if documents and number % DOCUMENT == 0 else "\n"))


def measure(path: Path, language: str) -> Measured:
    """Builds a corpus in another process and watches its memory."""
    arguments = [sys.executable, __file__, "--build", str(path), "--language", language]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
    anonymous = 0.0
    while process.poll() is None:
        anonymous = max(anonymous, field(Path(f"/proc/{process.pid}/status"), "RssAnon"))
        time.sleep(0.02)
    assert process.stdout is not None
    if process.returncode:
        sys.exit(f"building failed, exit code {process.returncode}")
    found = json.load(process.stdout)
    return Measured(path.stat().st_size / 1e6, found["seconds"], found["peak"], anonymous)


def build(path: Path, language: str) -> None:
    """What the other process does."""
    with TemporaryDirectory(dir=path.parent) as into:
        begun = time.monotonic()
        build_corpus(language, LanguageText.model_validate({"text": str(path)}), TextSettings(), 0, Path(into))
        seconds = time.monotonic() - begun
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "darwin" else 1)
    print(json.dumps({"seconds": seconds, "peak": field(STATUS, "VmHWM") or kilobytes / 1024}))


def field(status: Path, name: str) -> float:
    """A size in MiB from a file of Linux's /proc; 0 where there is none."""
    try:
        found = re.search(rf"{name}:\s+(\d+) kB", status.read_text())
    except OSError:
        return 0.0
    return int(found[1]) / 1024 if found else 0.0


def row(found: Measured, before: Measured | None) -> str:
    cells = [f"{found.megabytes:,.0f}", f"{found.seconds:,.1f}", f"{found.megabytes / found.seconds:.1f}"]
    cells += [f"{found.peak:.0f}", f"{found.anonymous:.0f}"]
    if before is not None:
        cells += [f"{found.peak / before.peak:.2f}", f"{found.seconds / before.seconds:.1f}"]
    return "| " + " | ".join(cells + [""] * (7 - len(cells))) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--text", help="a folder of *.txt files; the embedded sample by default")
    parser.add_argument("--language", default="en")
    parser.add_argument("--megabytes", nargs="+", type=float, default=[10, 100])
    parser.add_argument("--documents", action="store_true", help=f"documents of {DOCUMENT} sentences, not one a line")
    parser.add_argument("--build", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.build:
        build(arguments.build, arguments.language)
        return
    source = LanguageText.model_validate({"text": arguments.text or {"kind": "sample"}}).text
    lines = (line for document in source.documents(arguments.language) for line in document.paragraphs)
    sentences, before = endless(lines), None
    print("| text, MB | s | MB/s | peak, MiB | anonymous, MiB | memory, times the row above | time, times |")
    print("|---" * 7 + "|")
    for megabytes in sorted(arguments.megabytes):
        with TemporaryDirectory() as folder:
            path = Path(folder) / "text.txt"
            write_text(sentences, megabytes, arguments.documents, path)
            found = measure(path, arguments.language)
        print(row(found, before), flush=True)
        before = found


if __name__ == "__main__":
    main()
