"""What models cost: parameters, bytes on disk and in memory, time; of several models, measured in turn.

Each model has a process of its own. Rounds are interleaved: all models are timed once, one after the other, then again.
So what else the machine does, and how its clock changes, hits all of them alike.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from types import TracebackType
from typing import Any, Self

from pydantic import BaseModel, ConfigDict

from equiglot.errors import InputError
from equiglot.evaluation import ALL, COST, Score, spread
from equiglot.evaluation.external import spread_lines
from equiglot.exporting.checking import MASKED_LM
from equiglot.exporting.exporting import few_lines
from equiglot.exporting.graph import check_libraries
from equiglot.exporting.record import FP32, INT8, PYTORCH, read_record
from equiglot.exporting.runtime import Processor, this_processor
from equiglot.models import find_or_fetch
from equiglot.models.validation import check_config, check_kind, weight_files
from equiglot.vocabulary import TOKENIZER_FILES

BATCHES = (1, 32)
_FORMS = {"fp32": FP32, "int8": INT8}
_MILLION = 1e6


@dataclass(frozen=True)
class CostSettings:
    """How costs are measured.

    Attributes:
        threads: of each model; only one works at a time.
        sentences: that are read in a round, at each size of batch.
        rounds: of all models.
    """

    threads: int = 1
    sentences: int = 64
    rounds: int = 5


class ModelCost(BaseModel):
    """What a model costs.

    Attributes:
        name: the model.
        form: PyTorch or ONNX, and its precision.
        parameters: all of them.
        embeddings: those of the vocabulary.
        disk: bytes of weights or graph, and of the tokenizer.
        memory: bytes by which the process grew at most while it loaded the model and read a batch of 32 sentences.
        latency: of each round the median time of a sentence by itself, tokenised and read, milliseconds.
        throughput: size of batch -> of each round, sentences a second.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    form: str
    parameters: int
    embeddings: int
    disk: int
    memory: int
    latency: tuple[float, ...]
    throughput: dict[int, tuple[float, ...]]


class CostRecord(BaseModel):
    """What models cost, measured together.

    Attributes:
        models: in the order in which they were named.
        sentences: that were read in each round.
        threads: of each model.
        processor: it was measured on.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    models: tuple[ModelCost, ...]
    sentences: int
    threads: int
    processor: Processor


def measure_cost(
    models: Mapping[str, str],
    lines: Sequence[str],
    settings: CostSettings,
    progress: Callable[[str], None] = lambda what: None,
) -> CostRecord:
    """Measures models in turn, on the same sentences; a long one is cut after what the model reads, or 512 tokens.

    Of a masked language model that is its encoder: its head computes a number for each entry of the vocabulary at every
    token, and falls away when the model is fine-tuned. Beside an exported one, whose graph has the head, it counts.

    Args:
        models: name -> a model folder, a name on the hub, or a folder that `export_onnx` made.
        lines: sentences; some of them, evenly spread, are read.
        settings: how.
        progress: told what is being done.

    Raises:
        InputError: no such model, one that does not load, or a library is missing.
    """
    some = spread(lines, settings.sentences)
    measured = {name: _Measured(name, find_or_fetch(source)) for name, source in models.items()}
    words = any(each.record is not None and each.record.head == MASKED_LM for each in measured.values())
    seconds: dict[str, dict[int, list[list[float]]]] = {name: {size: [] for size in BATCHES} for name in models}
    with ExitStack() as stack:
        workers: dict[str, _Worker] = {}
        for name, each in measured.items():
            progress(f"loading {name}")
            workers[name] = stack.enter_context(_Worker(each, some, settings.threads, words=words))
        for number in range(settings.rounds):
            for size in BATCHES:
                for name, worker in workers.items():
                    progress(f"round {number + 1} of {settings.rounds}: {name}, batches of {size}")
                    seconds[name][size].append(worker.time(size))
        costs = [each.cost(workers[name].about, seconds[name], len(some)) for name, each in measured.items()]
    return CostRecord(models=tuple(costs), sentences=len(some), threads=settings.threads, processor=this_processor())


def cost_rows(record: CostRecord, seed: int = 0) -> Iterator[Score]:
    """Every number as a score: of times the median over rounds, `low` and `high` the least and the most."""
    for each in record.models:
        for metric, value in (
            ("parameters", each.parameters),
            ("embeddings", each.embeddings),
            ("disk", each.disk),
            ("memory", each.memory),
        ):
            yield _row(each.name, metric, [value / _MILLION], record.sentences, seed)
        yield _row(each.name, "latency", each.latency, record.sentences, seed)
        for size, found in each.throughput.items():
            yield _row(each.name, f"throughput_{size}", found, record.sentences, seed)


def _row(model: str, metric: str, values: Sequence[float], sentences: int, seed: int) -> Score:
    ends = {"low": min(values), "high": max(values)} if len(values) > 1 else {}
    identity = {"model": model, "task": COST, "language": ALL, "metric": metric, "seed": seed}
    return Score(**identity, value=median(values), n=sentences, repeats=len(values), **ends)


def read_sentences(texts: Sequence[Path], count: int) -> list[str]:
    """Sentences to measure on: of files, a sentence a line, or of the embedded sample in several scripts.

    Raises:
        InputError: a file that has none; or none is given, and the sample is not installed.
    """
    if texts:
        return spread_lines(texts, count)
    return [line for some in few_lines(count).values() for line in some]


class _Measured:
    """A model, and what its files say of it.

    Args:
        name: of the model.
        folder: a model folder, or an exported one.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.folder = name, folder
        self.record = read_record(folder)
        if self.record is not None:
            check_libraries("onnxruntime")
            self.form = _FORMS[self.record.precision]
            files = [each for each in self.record.files if each.startswith((self.record.graph, "tokenizer"))]
        else:
            check_config(folder)
            check_kind(folder)
            self.form = PYTORCH
            files = [*weight_files(folder), *(each for each in TOKENIZER_FILES if (folder / each).is_file())]
        if missing := [each for each in files if not (folder / each).is_file()]:
            raise InputError(f"the folder has lost {missing[0]}", where=folder, fix="export the model again")
        self.disk = sum((folder / each).stat().st_size for each in files)

    def cost(self, about: Mapping[str, Any], seconds: Mapping[int, Sequence[Sequence[float]]], count: int) -> ModelCost:
        """What was measured: `about` from the process, seconds[size of batch][round][batch]."""
        known = about if self.record is None else self.record.model_dump(include={"parameters", "embeddings"})
        return ModelCost(
            name=self.name,
            form=self.form,
            parameters=known["parameters"],
            embeddings=known["embeddings"],
            disk=self.disk,
            memory=about["memory"],
            latency=tuple(1000 * median(each) for each in seconds[1]),
            throughput={size: tuple(count / sum(each) for each in rounds) for size, rounds in seconds.items()},
        )


class _Worker:
    """A process with one model.

    Args:
        measured: the model.
        sentences: that it reads.
        threads: that it may use.
        words: whether a head that predicts words is asked.
    """

    def __init__(self, measured: _Measured, sentences: Sequence[str], threads: int, *, words: bool) -> None:
        self._measured = measured
        record = measured.record
        self._asked = {
            "folder": str(measured.folder),
            "graph": record and record.graph,
            "threads": threads,
            "words": words,
            "sentences": list(sentences),
        }
        environment = {
            "OMP_NUM_THREADS": str(threads),
            "RAYON_NUM_THREADS": str(threads),
            "TOKENIZERS_PARALLELISM": "true",
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "equiglot.exporting.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **environment, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            text=True,
            encoding="utf-8",
        )
        self.about: dict[str, Any] = {}

    def __enter__(self) -> Self:
        try:
            self.about = self._ask(self._asked)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._end()

    def time(self, size: int) -> list[float]:
        """Seconds of each batch of so many sentences."""
        found: list[float] = self._ask(size)["seconds"]
        return found

    def _ask(self, what: object) -> dict[str, Any]:
        process = self._process
        assert process.stdin and process.stdout and process.stderr
        try:
            process.stdin.write(json.dumps(what) + "\n")
            process.stdin.flush()
            answer: dict[str, Any] = json.loads(process.stdout.readline())
        except (BrokenPipeError, ValueError):
            code, said = process.wait(), process.stderr.read().strip()
            if code == -signal.SIGKILL:
                fix = "use a smaller model, or fewer models at a time"
                raise InputError(
                    "there is not enough memory for the model", where=self._measured.name, fix=fix
                ) from None
            raise RuntimeError(f"measuring {self._measured.name} failed ({code}): {said}") from None
        if error := answer.get("error"):
            raise InputError(error[0], where=error[1], fix=error[2])
        return answer

    def _end(self) -> None:
        self._process.kill()
        self._process.communicate()
