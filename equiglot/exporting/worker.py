"""A process in which one model is measured and nothing else: `python -m equiglot.exporting.worker`.

It reads and writes JSON, a line at a time: first what to load, then, each time it is asked, how large the batches are.
For an exported model neither PyTorch nor transformers is imported.
"""

import json
import re
import resource
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from equiglot.errors import InputError

_STATUS = Path("/proc/self/status")
_WARM_UP = 32  # sentences, at once

Model = Callable[[dict[str, Any]], object]


def main() -> None:
    """Loads the model, tells what that took, and measures until nobody asks any more."""
    asked = json.loads(sys.stdin.readline())
    try:
        libraries, load = _form(asked)
        before = _resident()
        model, tokenizer, about = load()
        batches = _batches(tokenizer, asked["sentences"][:_WARM_UP], _WARM_UP)
        for batch in batches:
            model(batch())
        _say({"memory": max(0, _peak() - before), "libraries": libraries, **about})
    except InputError as error:
        _say({"error": [error.what, error.where, error.fix]})
        return
    for line in sys.stdin:
        _say({"seconds": [_timed(model, batch) for batch in _batches(tokenizer, asked["sentences"], json.loads(line))]})


def _say(what: dict[str, Any]) -> None:
    print(json.dumps(what), flush=True)


def _form(asked: dict[str, Any]) -> tuple[list[str], Callable[[], tuple[Model, Tokenizer, dict[str, int]]]]:
    """The libraries that are in memory before the model is, and what loads it."""
    folder, threads = Path(asked["folder"]), int(asked["threads"])
    graph = asked["graph"]
    load = _onnx(folder, graph, threads) if graph else _pytorch(folder, threads, words=asked["words"])
    return sorted({*sys.modules} & {"torch", "transformers", "onnxruntime"}), load


def _onnx(folder: Path, graph: str, threads: int) -> Callable[[], tuple[Model, Tokenizer, dict[str, int]]]:
    import onnxruntime  # noqa: F401 - in memory before the model is

    from equiglot.exporting.runtime import Session

    def load() -> tuple[Model, Tokenizer, dict[str, int]]:
        return Session(folder / graph, threads=threads).run, Tokenizer.from_file(str(folder / "tokenizer.json")), {}

    return load


def _pytorch(folder: Path, threads: int, *, words: bool) -> Callable[[], tuple[Model, Tokenizer, dict[str, int]]]:
    """What loads a model's folder; without `words`, a head that predicts words is loaded and not asked."""
    import torch
    from transformers import AutoTokenizer, PreTrainedTokenizerFast  # noqa: F401 - in memory before the model is

    from equiglot.exporting.checking import MASKED_LM, head_of
    from equiglot.exporting.exporting import batch_tokenizer, embedding_count, longest_input
    from equiglot.exporting.graph import input_names
    from equiglot.models.whole import load_as_saved
    from equiglot.vocabulary import load_tokenizer

    torch.set_num_threads(threads)

    def load() -> tuple[Model, Tokenizer, dict[str, int]]:
        model, tokenizer = load_as_saved(folder), load_tokenizer(folder)
        names, encoder = input_names(model, tokenizer), head_of(model) == MASKED_LM and not words
        asked = model.base_model if encoder else model
        about = {"parameters": model.num_parameters(), "embeddings": embedding_count(model)}

        @torch.no_grad()
        def run(feed: dict[str, Any]) -> object:
            return asked(**{name: torch.from_numpy(feed[name]) for name in names})[0]

        return run, batch_tokenizer(tokenizer, longest_input(model, tokenizer)), about

    return load


def _batches(tokenizer: Tokenizer, sentences: Sequence[str], size: int) -> list[Callable[[], dict[str, Any]]]:
    """What makes each batch of some sentences: tokenising is a part of what is timed."""

    def batch(some: list[str]) -> Callable[[], dict[str, Any]]:
        return lambda: _feed(tokenizer.encode_batch(some))

    return [batch(list(sentences[first : first + size])) for first in range(0, len(sentences), size)]


def _feed(rows: Sequence[Any]) -> dict[str, Any]:
    return {
        "input_ids": np.array([row.ids for row in rows]),
        "attention_mask": np.array([row.attention_mask for row in rows]),
        "token_type_ids": np.array([row.type_ids for row in rows]),
    }


def _timed(model: Model, batch: Callable[[], dict[str, Any]]) -> float:
    begin = perf_counter()
    model(batch())
    return perf_counter() - begin


def _resident() -> int:
    """Bytes of this process that are in memory, where the system tells; else the most that were."""
    return _status("VmRSS") or _most()


def _peak() -> int:
    """The most bytes that were in memory. `getrusage` would count what the parent process had before."""
    return _status("VmHWM") or _most()


def _status(field: str) -> int:
    text = _STATUS.read_text(encoding="utf-8") if _STATUS.is_file() else ""
    found = re.search(rf"^{field}:\s+(\d+) kB", text, re.MULTILINE)
    return 1024 * int(found[1]) if found else 0


def _most() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    main()
