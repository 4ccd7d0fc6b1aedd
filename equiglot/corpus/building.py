"""Building a language's corpus: read, clean, drop duplicates, split, drop overlap, write in draw order.

    documents -> clean sentences with hashes, on disk (`spool`) -> the fate of each, over columns -> Arrow files

Text passes through memory a block at a time, and whatever is kept of each sentence stands on disk: memory is the same
for a gigabyte as for ten megabytes, and temporary files take two to four times the size of the text. A corpus is a pure
function of its text, its settings and the seed.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from equiglot.corpus.cleaning import Cleaner, lengths_of
from equiglot.corpus.documents import SentenceWriter
from equiglot.corpus.overlap import drop_overlap
from equiglot.corpus.settings import LanguageText, TextSettings
from equiglot.corpus.sorting import draw, drop_repeats
from equiglot.corpus.splitting import assign_splits
from equiglot.corpus.spool import TEST, TRAIN, VALID, Amount, Spool, SpoolWriter, open_spool
from equiglot.corpus.statistics import (
    BEYOND,
    EXACT,
    NEAR,
    OVERLAP,
    REST,
    CleaningStep,
    CorpusStatistics,
    SplitStatistics,
    large_losses,
    write_statistics,
)
from equiglot.errors import InputError
from equiglot.hashing import digest

BATCH_CHARACTERS = 1 << 18  # cleaned at a time
_SOME = 500  # lines that tell how long sentences are
MEASURED = 20_000_000  # characters that are cleaned to see how much of a text is left
Progress = Callable[[str, int], None]


def build_corpus(
    language: str,
    source_settings: LanguageText,
    settings: TextSettings,
    seed: int,
    into: Path,
    progress: Progress | None = None,
) -> CorpusStatistics:
    """Writes {train,valid,test}.arrow and corpus.json into the existing, empty folder `into`.

    Args:
        language: a BCP 47 code.
        source_settings: where the text comes from (paths resolved) and how much of it is used.
        settings, seed: how it is cleaned and split; in which order documents are drawn for training.
        into: where to write; temporary files go there too.
        progress: called with a stage (reading, comparing, writing) and how much was done since the last call
            (characters for reading, sentences for the others).

    Raises:
        InputError: bad or too little text.
    """
    notify, settings = progress or (lambda stage, amount: None), source_settings.splitting(settings)
    cleaner = Cleaner(language, settings)
    with TemporaryDirectory(prefix=".scratch-", dir=into) as name:
        scratch = Path(name)
        _read(language, source_settings, cleaner, seed, scratch, notify)
        spool = open_spool(scratch)
        steps = [*cleaner.steps, *_decide(spool, settings, language, notify)]
        left = spool.left()
        train = _write(spool, TRAIN, into / "train.arrow", notify, source_settings.start, source_settings.characters)
        valid = _write(spool, VALID, into / "valid.arrow", notify)
        test = _write(spool, TEST, into / "test.arrow", notify)
    _check_training(train, language)
    written = Amount(*(sum(getattr(part, unit) for part in (train, valid, test)) for unit in Amount._fields))
    if source_settings.characters is not None:
        steps.append(_step(BEYOND, left, written))
    statistics = CorpusStatistics(
        language=language,
        description=source_settings.source.describe(language),
        parallel=source_settings.source.is_parallel,
        train=train,
        valid=valid,
        test=test,
        steps=tuple(steps),
        warnings=large_losses(language, steps, written.characters),
    )
    write_statistics(into, statistics)
    return statistics


def measure_text(language: str, source: LanguageText, settings: TextSettings) -> tuple[int, Amount, int]:
    """How many documents a text has, and what is left of it after cleaning, without duplicates; it is read once.

    The third number is how many sentences are in the two largest documents, less the first of each.

    Of a text longer than MEASURED the rest is taken to lose as much as its beginning.

    Args:
        language: a BCP 47 code.
        source: where the text comes from (paths resolved).
        settings: how it is cleaned.

    Raises:
        InputError: bad text.
    """
    cleaner, seen, within = Cleaner(language, settings), set[int](), Counter[int]()
    documents = read = cleaned = characters = 0
    for batch in _batches(language, source):
        amount = sum(map(len, batch.lines))
        documents, read = documents + len(batch.new), read + amount
        if cleaned < MEASURED:
            sentences = cleaner.clean(batch.lines, batch.documents)
            cleaned += amount
            columns = sentences.folded, sentences.characters, sentences.documents
            for key, length, number in zip(*(column.tolist() for column in columns), strict=True):
                if key not in seen:
                    characters += length
                    within[number] += 1
                    seen.add(key)
    scale = read / max(1, cleaned)
    bound = sum(count - 1 for _, count in within.most_common(2))
    return documents, Amount(round(scale * len(seen)), round(scale * characters)), bound


def sentence_length(language: str, source: LanguageText, settings: TextSettings) -> tuple[float, float] | None:
    """Characters of a sentence, and the same with those of a dense script counted twice (`lengths_of`): means over the
    beginning of a text after cleaning; None where nothing is left there.

    Args:
        language: a BCP 47 code.
        source: where the text comes from (paths resolved).
        settings: how it is cleaned.

    Raises:
        InputError: bad text.
    """
    first = next(_batches(language, source))
    found = Cleaner(language, settings).clean(first.lines[:_SOME], first.documents[:_SOME])
    if not found.texts:
        return None
    return float(found.characters.mean()), float(lengths_of(found.texts).mean())


@dataclass
class _Batch:
    """Lines to clean, with the number of each one's document, and hashes of the ids of documents that begin here."""

    lines: list[str] = field(default_factory=list)
    documents: list[int] = field(default_factory=list)
    new: list[bytes] = field(default_factory=list)


def _read(language: str, source: LanguageText, cleaner: Cleaner, seed: int, scratch: Path, progress: Progress) -> None:
    """Reads and cleans all text into a spool in `scratch`."""
    with SpoolWriter(scratch, seed) as writer:
        for batch in _batches(language, source):
            writer.add(cleaner.clean(batch.lines, batch.documents), batch.new)
            progress("reading", sum(map(len, batch.lines)))


def _batches(language: str, source: LanguageText) -> Iterator[_Batch]:
    """All lines of a source, some BATCH_CHARACTERS at a time."""
    batch, size, number, last = _Batch(), 0, -1, None
    for document in source.source.documents(language):
        if document.id != last:  # otherwise a further piece of the same document
            number, last = number + 1, document.id
            batch.new.append(digest(document.id))
        batch.lines += document.paragraphs
        batch.documents += [number] * len(document.paragraphs)
        size += sum(map(len, document.paragraphs))
        if size >= BATCH_CHARACTERS:
            yield batch
            batch, size = _Batch(), 0
    yield batch


def _decide(spool: Spool, settings: TextSettings, language: str, progress: Progress) -> list[CleaningStep]:
    """Decides the fate of every sentence; the steps that compare sentences."""
    steps, amounts = list[CleaningStep](), [spool.left()]

    def decided(name: str) -> None:
        amounts.append(spool.left())
        steps.append(_step(name, *amounts[-2:]))

    drop_repeats(spool, spool.exact)
    decided(EXACT)
    if settings.near_duplicates:
        drop_repeats(spool, spool.folded)
        decided(NEAR)
    assign_splits(spool, settings, language)
    decided(REST)
    if settings.overlap is not None:
        drop_overlap(spool, settings.overlap, lambda amount: progress("comparing", amount))
        decided(OVERLAP)
    return steps


def _step(name: str, before: Amount, after: Amount) -> CleaningStep:
    return CleaningStep(
        name=name,
        entered=before.sentences,
        left=after.sentences,
        dropped=before.sentences - after.sentences,
        characters=before.characters - after.characters,
    )


def _write(
    spool: Spool, split: int, path: Path, progress: Progress, start: float = 0.0, limit: int | None = None
) -> SplitStatistics:
    """Writes a split in draw order, at most `limit` characters of it."""
    sentences = characters = documents = 0
    last = -1
    with SentenceWriter(path) as writer:
        for numbers, text in draw(spool, split, start, limit):
            seen = characters + np.cumsum(numbers["characters"], dtype=np.int64)
            taken = numbers if limit is None else numbers[seen <= limit]
            if len(taken):
                writer.write(text, taken["bytes"])
                documents += int(np.count_nonzero(np.diff(taken["document"], prepend=last)))
                last, sentences = int(taken["document"][-1]), sentences + len(taken)
                characters = int(seen[len(taken) - 1])
                progress("writing", len(taken))
            if len(taken) < len(numbers):
                break
    return SplitStatistics(documents=documents, sentences=sentences, characters=characters)


def _check_training(train: SplitStatistics, language: str) -> None:
    if train.sentences == 0:
        fix = "give more text, raise languages.*.characters, or hold out less (held_out, or text.valid and text.test)"
        raise InputError(f"No training text is left for {language}.", where=f"languages.{language}", fix=fix)
