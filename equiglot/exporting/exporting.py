"""A model folder -> a folder that onnxruntime and tokenizers alone can use, with the proof that it is the same."""

from __future__ import annotations

import importlib.metadata
import math
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

from tokenizers import Tokenizer
from torch import nn

from equiglot.corpus import SampleSource
from equiglot.errors import InputError
from equiglot.evaluation import Score
from equiglot.evaluation.external import spread_lines
from equiglot.exporting.card import export_card
from equiglot.exporting.checking import (
    BOUND,
    MASKED_LM,
    Runner,
    agreement,
    check_shapes,
    head_of,
    torch_runner,
)
from equiglot.exporting.graph import check_libraries, input_names, quantize, save_graph, trace
from equiglot.exporting.record import FP32, INT8, PYTORCH, RECORD, Agreement, ExportRecord, Head
from equiglot.exporting.runtime import GRAPHS, Session, this_processor
from equiglot.exporting.scoring import ScoredData, mean_score, score_graphs
from equiglot.files import atomic_folder, check_absent, checksum, fingerprint, write_json, write_text
from equiglot.masking import special_tokens_of
from equiglot.models import find_or_fetch, own_name, short_names
from equiglot.models.validation import check_config, check_ids, check_kind, position_count, weight_bytes, weight_files
from equiglot.models.whole import load_whole
from equiglot.run import CARD
from equiglot.settings import SHORTEST
from equiglot.vocabulary import TOKENIZER_FILES, load_tokenizer, write_tokenizer

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

_LONGEST = 512  # tokens, also of models that could read more: those that text is read in elsewhere, too
_LINES = 200  # of a text that int8 is compared on
_SCRIPTS = ("en", "ru", "ar", "zh", "ko", "tr")  # of the embedded sample, where no text is given
_FEW = 8  # lines of each
_VERSIONS = ("equiglot", "torch", "transformers", "tokenizers", "onnx", "onnxscript", "onnxruntime")


@dataclass(frozen=True)
class ExportSettings:
    """How a model is exported.

    Attributes:
        quantize: "int8", or None for fp32.
        name: what the model is called; its folder's name, or its own on the hub, if None.
        texts: files that int8 is compared on, a sentence a line; the embedded sample if there are none in it, and no
            text at all if None.
        data: labelled data that a fine-tuned model is scored on.
        max_loss: the share of the score that int8 may lose.
        any_processor: weights of int8 for processors without VNNI, too, wherever it is exported.
        threads: of ONNX Runtime.
    """

    quantize: Literal["int8"] | None = None
    name: str | None = None
    texts: tuple[Path, ...] | None = ()
    data: ScoredData | None = None
    max_loss: float = 0.01
    any_processor: bool = False
    threads: int = 1


def export_onnx(
    source: str, into: Path, settings: ExportSettings, progress: Callable[[str], None] = lambda what: None
) -> ExportRecord:
    """Exports a model to ONNX, in fp32 or int8, and compares it with the model.

    The folder has the graph, config.json, tokenizer.json (which cuts and pads by itself) with tokenizer_config.json,
    the record, and a card.

    Args:
        source: a model folder, RUN/model, or a name on the hub: an encoder, bare or with a head for masked words,
            tokens or texts.
        into: made; nothing may be there.
        settings: how.
        progress: told what is being done.

    Raises:
        InputError: a library is missing; something is at `into`; no such model, one that the exporter cannot trace, or
            a head that is not known; the graph does not compute what the model does; or int8 loses too much.
    """
    check_libraries()
    check_absent(into, "--into")
    texts = _read_texts(settings) if settings.quantize else {}
    progress("loading the model")
    opened = _open(source)
    if settings.quantize and opened.head == MASKED_LM:
        special_tokens_of(opened.tokenizer)  # int8 is compared on masked words: better said now that there is no mask
    with atomic_folder(into) as made:
        record = _write(opened, made, settings, texts, progress)
        write_json(made / RECORD, record.model_dump(mode="json", exclude_none=True))
        write_text(made / CARD, export_card(record))
    return record


@dataclass(frozen=True)
class _Opened:
    """A model to be exported: on the CPU, fp32, evaluating; with what is known of it."""

    source: str
    folder: Path
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerFast
    head: Head
    longest: int


def _open(source: str) -> _Opened:
    folder = find_or_fetch(source)
    check_config(folder)
    check_kind(folder)
    weight_files(folder)
    model, tokenizer = load_whole(folder), load_tokenizer(folder)
    check_ids(tokenizer, model, folder)
    return _Opened(source, folder, model, tokenizer, head_of(model), longest_input(model, tokenizer))


def _write(
    opened: _Opened,
    made: Path,
    settings: ExportSettings,
    texts: Mapping[str, Sequence[str]],
    progress: Callable[[str], None],
) -> ExportRecord:
    """Writes graph, configuration and tokenizer into an empty folder; what was compared."""
    folder, model, processor = opened.folder, opened.model, this_processor()
    names = input_names(model, opened.tokenizer)
    progress("tracing the model")
    program = trace(model, names)
    save_graph(program, made / GRAPHS["fp32"])
    run = Session(made / GRAPHS["fp32"], threads=settings.threads).run
    progress("comparing ONNX with PyTorch")
    shapes = check_shapes(model, run, opened.longest, opened.tokenizer.pad_token_id or 0, names)
    forms: dict[str, Runner] = {PYTORCH: torch_runner(model), FP32: run}
    precision: Literal["fp32", "int8"] = "fp32"
    reduce_range: bool | None = None
    if settings.quantize:
        progress("quantising")
        precision, reduce_range = "int8", settings.any_processor or processor.sums_may_overflow
        save_graph(quantize(program, reduce_range=reduce_range), made / GRAPHS["int8"])
        forms[INT8] = Session(made / GRAPHS["int8"], threads=settings.threads).run
    found = [_agreement(opened, text, lines, forms, progress) for text, lines in texts.items()]
    scores, loss = _score(opened, forms, settings, progress)
    for path in made.iterdir():
        if not path.name.startswith(GRAPHS[precision]):
            path.unlink()
    graph_bytes = sum(path.stat().st_size for path in made.iterdir())
    write_tokenizer(opened.tokenizer, made, max_length=opened.longest)
    batch_tokenizer(opened.tokenizer, opened.longest).save(str(made / "tokenizer.json"))
    shutil.copyfile(folder / "config.json", made / "config.json")
    return ExportRecord(
        source=settings.name or own_name(opened.source),
        fingerprint=fingerprint({name: checksum(folder / name) for name in _read_files(folder)}),
        kind=type(model).__name__,
        head=opened.head,
        graph=GRAPHS[precision],
        precision=precision,
        inputs=names,
        longest=opened.longest,
        parameters=model.num_parameters(),
        embeddings=embedding_count(model),
        bytes_before=weight_bytes(folder),
        bytes_after=graph_bytes,
        bound=BOUND,
        shapes=shapes,
        reduce_range=reduce_range,
        agreement=tuple(found),
        scores=tuple(scores),
        loss=loss,
        processor=processor,
        versions={name: importlib.metadata.version(name) for name in _VERSIONS},
        files={path.name: checksum(path) for path in sorted(made.iterdir())},
    )


def _read_files(folder: Path) -> list[str]:
    """The files that a model was read from."""
    return sorted(
        {"config.json", *weight_files(folder), *(name for name in TOKENIZER_FILES if (folder / name).is_file())}
    )


def embedding_count(model: PreTrainedModel) -> int:
    """Parameters of the vocabulary's embeddings."""
    return cast(nn.Embedding, model.get_input_embeddings()).weight.numel()


def longest_input(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast) -> int:
    """Tokens that a model is given at once, special ones included: 512 where it could read more.

    Raises:
        InputError: too few to be of use.
    """
    longest = min(_LONGEST, tokenizer.model_max_length, position_count(model))
    if longest < SHORTEST:
        where = tokenizer.name_or_path or None
        raise InputError(f"the model reads only {longest} tokens at once", where=where, fix="use another model")
    return longest


def batch_tokenizer(tokenizer: PreTrainedTokenizerFast, longest: int) -> Tokenizer:
    """What the tokenizers library needs for a batch, and no more: it cuts at `longest` tokens, and pads."""
    backend = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    backend.enable_truncation(longest, direction=tokenizer.truncation_side)
    backend.enable_padding(
        direction=tokenizer.padding_side,
        pad_id=tokenizer.pad_token_id or 0,
        pad_token=tokenizer.pad_token or "",
        pad_type_id=tokenizer.pad_token_type_id,
    )
    return backend


def _agreement(
    opened: _Opened,
    text: str,
    lines: Sequence[str],
    forms: Mapping[str, Runner],
    progress: Callable[[str], None],
) -> Agreement:
    progress(f"comparing int8 with fp32 on {text}")
    config = opened.model.config
    several = config.problem_type == "multi_label_classification"
    values: Literal["class", "classes", "number"] = (
        "classes" if several else "number" if config.num_labels == 1 else "class"
    )
    return agreement(
        text, lines, opened.tokenizer, opened.head, forms[FP32], forms[INT8], longest=opened.longest, values=values
    )


def _score(
    opened: _Opened, forms: Mapping[str, Runner], settings: ExportSettings, progress: Callable[[str], None]
) -> tuple[list[Score], float | None]:
    """Scores on labelled data, and the share that int8 loses.

    Raises:
        InputError: as `score_graphs`; or int8 loses more than it may.
    """
    if settings.data is None:
        return [], None
    progress("scoring")
    scores = score_graphs(settings.data, opened.head, opened.model.config, opened.tokenizer, forms, opened.longest)
    if INT8 not in forms:
        return scores, None
    before, after = (mean_score(scores, settings.data.task, form) for form in (FP32, INT8))
    loss = (before - after) / before if before else 0.0
    if loss > settings.max_loss:
        what = f"int8 loses {loss:.1%} of the score ({before:.1f} in fp32, {after:.1f} in int8)"
        fix = f"leave out --quantize, or allow it: --max-loss {math.ceil(1000 * loss) / 1000}"
        raise InputError(what, where="--max-loss", fix=fix)
    return scores, loss


def _read_texts(settings: ExportSettings) -> dict[str, list[str]]:
    """Name -> lines that int8 is compared on.

    Raises:
        InputError: a text is named twice, or cannot be read.
    """
    if settings.texts is None:
        return {}
    if settings.texts:
        places = [path.resolve() for path in settings.texts]
        if twice := next((path for path in places if places.count(path) > 1), None):
            raise InputError("this text is named twice", where=f"--text {twice}", fix="name it once")
        named = zip(short_names([*map(str, settings.texts)]), settings.texts, strict=True)
        return {name: spread_lines([path], _LINES) for name, path in named}
    return few_lines(_FEW)


def few_lines(count: int) -> dict[str, list[str]]:
    """Language -> so many lines of the embedded sample, in several scripts.

    Raises:
        InputError: it is not installed.
    """
    try:
        pages = {code: SampleSource(kind="sample").documents(code) for code in _SCRIPTS}
        lines = {code: (line for page in some for line in page.paragraphs) for code, some in pages.items()}
        return {code: [*islice(some, count)] for code, some in lines.items()}
    except InputError as error:
        fix = "give a text: --text FILE; or pip install 'equiglot[sample]'"
        raise InputError(error.what, where="--text", fix=fix) from None
