"""Scores of any masked language models on any lines of text: ranks on shared masks, and bits per character."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from equiglot.corpus import check_language
from equiglot.corpus.languages import same_language
from equiglot.corpus.opening import read_lines
from equiglot.corpus.sources import FilesSource, kind_of
from equiglot.errors import InputError
from equiglot.evaluation.bits import Coverage, WordBits, bits_per_character, coverage_of
from equiglot.evaluation.estimates import PairEstimates, position_estimates
from equiglot.evaluation.lines import TokenizedLines, tokenize_lines
from equiglot.evaluation.metrics import LIKELIHOOD, MASKED_LM
from equiglot.evaluation.mlm import TestMasks, frequency_predictor, model_predictor, score_positions
from equiglot.evaluation.pseudo_likelihood import measure_words
from equiglot.evaluation.rows import pair_rows, rows_of
from equiglot.evaluation.score import Score
from equiglot.evaluation.statistics import Bootstrap
from equiglot.files import write_json
from equiglot.models import OpenModel

FREQUENCY = "(by frequency)"
"""The reference of each tokenizer: its tokens ranked by how often they stand in this very text."""


@dataclass(frozen=True)
class EvalSettings:
    """How models are asked.

    Attributes:
        rate: share of the tokens that are masked.
        seed: of masks and bootstrap.
        resamples: bootstrap samples behind an interval.
        likelihood_lines: lines of each text that bits are measured on, evenly spread; 0 for none.
    """

    rate: float = 0.15
    seed: int = 0
    resamples: int = 1000
    likelihood_lines: int = 300

    @property
    def bootstrap(self) -> Bootstrap:
        """How intervals are made."""
        return Bootstrap(self.resamples, self.seed)


@dataclass(frozen=True)
class ExternalScores:
    """What came out.

    Attributes:
        groups: models that were asked for the same tokens at the same places, `FREQUENCY` last in each.
        masked: MRR, accuracy, top 5 and loss; comparable within a group. Of `groups`' models, in that order.
        bits: bits per character, on the words that all of the models can express; comparable between all of them.
        coverage: what each tokenizer makes of the text.
    """

    groups: tuple[tuple[str, ...], ...]
    masked: tuple[tuple[Score, ...], ...]
    bits: tuple[Score, ...]
    coverage: tuple[Coverage, ...]


def read_texts(named: Sequence[str]) -> dict[str, list[str]]:
    """Language -> lines, for texts named as en=FILE: lines as they are, without blank ones.

    Raises:
        InputError: not written so, no language, a language twice, or a file that cannot be read, is no plain text or
            not UTF-8, or has no text.
    """
    return {code: list(stream_lines(path)) for code, path in name_texts(named).items()}


def stream_lines(path: Path) -> Iterator[str]:
    """The lines of a text as they are, without blank ones; they need not fit into memory.

    Args:
        path: a file, or a folder: all files of plain text below it, sorted.

    Raises:
        InputError: a file cannot be read, is not UTF-8, or has no text; a folder has no file.
    """
    for file in FilesSource(kind="files", paths=(str(path),)).files() if path.is_dir() else [path]:
        empty = True
        for line in (line for block in read_lines(file) for line in block if line and not line.isspace()):
            empty = False
            yield line
        if empty:
            raise InputError("the file has no text", where=file, fix="give a file with a sentence or paragraph a line")


def spread_lines(paths: Sequence[Path], count: int) -> list[str]:
    """At most `count` lines of texts, evenly spread over all of them; the texts need not fit into memory.

    Raises:
        InputError: as `stream_lines`.
    """
    total = sum(1 for path in paths for _ in stream_lines(path))
    chosen = {*spread(range(total), count)}
    lines = (line for path in paths for line in stream_lines(path))
    return [line for number, line in enumerate(lines) if number in chosen]


def name_texts(named: Sequence[str]) -> dict[str, Path]:
    """Language -> file or folder, for texts named as en=FILE.

    Raises:
        InputError: not written so, no language, a language twice, or a file that is no plain text by its name.
    """
    texts: dict[str, Path] = {}
    for each in named:
        code, equals, name = each.partition("=")
        if not equals or not name:
            raise InputError(f"{each!r} names no text", where="--text", fix="write it as en=corpora/en.txt")
        try:
            check_language(code)
        except InputError as error:
            raise InputError(error.what, where=f"--text {each}", fix=error.fix) from None
        if same_language(code, texts):
            raise InputError(f"the language {code!r} has two texts", where="--text", fix="put them into one file")
        if (kind := kind_of(name)) != "files":
            what = f"the file is no plain text: its name says {kind}"
            raise InputError(what, where=name, fix="give a file of plain text, a sentence or paragraph a line")
        texts[code] = Path(name)
    return texts


def write_external_scores(path: Path, scores: ExternalScores) -> None:
    """Writes all of it as JSON: groups of models, their scores, bits, and coverage."""
    groups = [
        {"models": names, "scores": [each.model_dump(exclude_none=True) for each in rows]}
        for names, rows in zip(scores.groups, scores.masked, strict=True)
    ]
    bits = [each.model_dump(exclude_none=True) for each in scores.bits]
    write_json(path, {"groups": groups, "bits": bits, "coverage": [asdict(each) for each in scores.coverage]})


def score_external(
    models: Sequence[OpenModel],
    texts: Mapping[str, Sequence[str]],
    settings: EvalSettings,
    progress: Callable[[str], None] = lambda what: None,
) -> ExternalScores:
    """Scores models on texts.

    Args:
        models: any.
        texts: language -> lines.
        settings: how.
        progress: told what is done next, in words.

    Raises:
        InputError: logits that are not numbers, or a text without a token that could be masked.
    """
    grouped = _by_tokenizer(models)
    masked = tuple(tuple(_masked_scores(group, texts, settings, progress)) for group in grouped)
    bits: list[Score] = []
    coverage: list[Coverage] = []
    for language, lines in texts.items() if settings.likelihood_lines else ():
        some, words = spread(lines, settings.likelihood_lines), dict[str, WordBits]()
        for each in models:
            progress(f"{each.name}: likelihood of {language}")
            words[each.name] = measure_words(each, some)
        coverage += [coverage_of(name, language, each) for name, each in words.items()]
        bits += _bits_rows(language, words, settings)
    names = tuple((*(each.name for each in group), FREQUENCY) for group in grouped)
    return ExternalScores(names, masked, tuple(bits), tuple(coverage))


Each = TypeVar("Each")


def spread(lines: Sequence[Each], count: int) -> list[Each]:
    """At most `count` lines, evenly spread over all; or numbers of lines."""
    if len(lines) <= count:
        return list(lines)
    return [lines[number * len(lines) // count] for number in range(count)]


def _by_tokenizer(models: Sequence[OpenModel]) -> list[list[OpenModel]]:
    """Models that share a tokenizer together: they share masks, and read as much at once as the shortest of them."""
    groups: dict[str, list[OpenModel]] = {}
    for each in models:
        backend = each.tokenizer.backend_tokenizer
        identity = hashlib.blake2b(backend.to_str().encode()).hexdigest()
        groups.setdefault(f"{identity} {each.special.mask}", []).append(each)
    shortest = {identity: min(each.max_tokens for each in group) for identity, group in groups.items()}
    return [[replace(each, max_tokens=shortest[key]) for each in group] for key, group in groups.items()]


def _masked_scores(
    group: Sequence[OpenModel],
    texts: Mapping[str, Sequence[str]],
    settings: EvalSettings,
    progress: Callable[[str], None],
) -> Iterator[Score]:
    """Every metric at masked positions of models that share a tokenizer, and of its tokens by frequency."""
    first = group[0]
    masks = TestMasks(settings.rate, 1, None, settings.seed, first.special)
    read = {code: tokenize_lines(first.tokenizer, lines, first.max_tokens) for code, lines in texts.items()}
    size = int(first.model.config.vocab_size)
    predictors = {each.name: model_predictor(each.model) for each in group}
    for name in (*predictors, FREQUENCY):
        estimates: PairEstimates = {}
        for code, lines in read.items():
            progress(f"{name}: masked words of {code}")
            _check_maskable(code, lines, masks)
            predict = predictors[name] if name in predictors else frequency_predictor(lines.text, size)
            found = score_positions(predict, code, lines.text, masks)
            of_lines = lines.lines[found.sequences].astype(np.int32)  # pieces of a line are not independent
            by_line = replace(found, sequences=of_lines, count=lines.count)
            estimates |= position_estimates(code, by_line, settings.bootstrap)
        yield from pair_rows(name, MASKED_LM, estimates, settings.seed)


def _check_maskable(language: str, lines: TokenizedLines, masks: TestMasks) -> None:
    if not any(len(batch.gold) for batch in masks.batches(language, lines.text)):
        raise InputError(f"no token of the text of {language} came to be masked", where=language, fix="give more text")


def _bits_rows(language: str, words: Mapping[str, WordBits], settings: EvalSettings) -> Iterator[Score]:
    """Bits per character of every model on the words that all of them can express; words are the same for all."""
    estimates = bits_per_character(words, language, settings.bootstrap)
    if not estimates:
        raise InputError(
            f"there is no word of {language} that all of the models can express",
            where=language,
            fix="leave out the models that have [UNK] for it, or the text",
        )
    for name, estimate in estimates.items():
        yield from rows_of({language: estimate}, model=name, task=LIKELIHOOD, metric="bits", seed=settings.seed)
