"""Which labelled data a language has, its sentences, and what stands for them in a fingerprint."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

from equiglot.corpus import TextSource
from equiglot.corpus.paths import checked_sum, matching_files
from equiglot.tasks.formats import read_bio, read_conllu, read_jsonl, read_parquet, read_tsv
from equiglot.tasks.hub import hub_rows
from equiglot.tasks.place import read_places
from equiglot.tasks.sentences import Sentence, screened
from equiglot.tasks.settings import (
    SPLITS,
    BioFiles,
    ConlluFiles,
    DependencyParsing,
    HubRows,
    Labelled,
    PairJson,
    ParquetFiles,
    Place,
    SquadFiles,
    Task,
    TsvFiles,
    columns_of,
    source_of,
)

NAMED = 5  # files of a split, in words
UNSCORED = {"paper3": ("PUNCT", "SYM")}
"""Rules of trees -> parts of speech whose words do not count."""
LabelledFiles = ConlluFiles | BioFiles | TsvFiles | PairJson | ParquetFiles
FileSource = LabelledFiles | SquadFiles


def read_language(
    task: Labelled, language: str, documents: Mapping[str, TextSource], notes: Counter[str]
) -> dict[str, Iterable[Sentence]]:
    """The labelled sentences of a language, by split; only splits that are there.

    Args:
        task: the task.
        language: the language.
        documents: language -> text, for the task that makes its labels of it.
        notes: counts what readers of the scores should know about the data.

    Raises:
        InputError: as the readers of each kind and `screened`, when the sentences are read.
    """
    if isinstance(task, Place):
        return {**read_places(documents[language].documents(language), notes)}
    source = source_of(task, language)
    if source is None:
        return {}
    if isinstance(source, HubRows):
        parts = {split: hub_rows(source, task.task, language, split) for split in hub_splits(source)}
        return {
            split: screened(rows.sentences(language, task.unit), rows.place(language), notes, unit=task.unit)
            for split, rows in parts.items()
        }
    return {
        split: chain.from_iterable(
            screened(_read_file(source, task, file, notes), file, notes, unit=task.unit) for file in files
        )
        for split, files in files_of(source, language).items()
    }


def files_of(source: FileSource, language: str) -> dict[str, list[Path]]:
    """The files of a language, by split, sorted; only splits that have any."""
    divided = source.splits if isinstance(source, SquadFiles) and source.all else ()
    named = {split: getattr(source, "all" if split in divided else split) for split in SPLITS}
    found = {split: _matched(patterns, language) for split, patterns in named.items()}
    return {split: files for split, files in found.items() if files}


def hub_splits(source: HubRows) -> list[str]:
    """The splits that a dataset has."""
    return [split for split in SPLITS if getattr(source, split)]


def describe(task: Task, language: str) -> str:
    """Where the labelled data of a language is, in words; nothing if there is none."""
    if isinstance(task, Place):
        return "all documents of its text, also those that models were trained on"
    source = source_of(task, language)
    if isinstance(source, HubRows):
        return hub_rows(source, task.task, language, hub_splits(source)[0]).described(language)
    found = {} if source is None else files_of(source, language)
    if found and isinstance(source, SquadFiles) and source.all:
        return f"{_names(next(iter(found.values())))}, divided by {source.split_by}"
    return "; ".join(f"{split}: {_names(files)}" for split, files in found.items())


def _names(files: Sequence[Path]) -> str:
    return ", ".join(file.name for file in files[:NAMED]) + (", ..." if len(files) > NAMED else "")


def _matched(patterns: Iterable[str], language: str) -> list[Path]:
    names = [pattern.replace("{language}", language) for pattern in patterns]
    found = {file for name in names for file in ([Path(name)] if Path(name).is_file() else matching_files(name))}
    return sorted(found)


def _read_file(source: LabelledFiles, task: Labelled, file: Path, notes: Counter[str]) -> Iterator[Sentence]:
    match source:
        case ConlluFiles():
            trees = isinstance(task, DependencyParsing)
            return read_conllu(file, notes, trees=trees, unscored=UNSCORED.get(getattr(task, "rules", ""), ()))
        case BioFiles():
            return read_bio(file)
        case TsvFiles():
            return read_tsv(file, columns_of(source), source.label)
        case PairJson():
            return read_jsonl(file, columns_of(source), source.label)
        case ParquetFiles():
            return read_parquet(file, columns_of(source), source.label, task.unit)


AnyTask = TypeVar("AnyTask", bound=Task)


def task_identity(task: Task, languages: Sequence[str], documents: Mapping[str, TextSource]) -> dict[str, Any]:
    """What stands for a task's data in a fingerprint, JSON-able: contents, not names, and not the task's settings.

    Args:
        task: the task, its paths absolute.
        languages: the languages of the run.
        documents: language -> text, for the task that makes its labels of it.

    Raises:
        InputError: a file that cannot be read, or the Hub, where the commit of a dataset is not known.
    """
    return {language: _identity(task, language, documents) for language in languages}


def task_at(task: AnyTask, identity: Mapping[str, Any]) -> AnyTask:
    """The same task with datasets of the Hub at the commits of its identity, whatever is the newest state by now."""
    sources = {language: source_of(task, language) for language in identity}
    pinned = {
        language: source.model_copy(update={"revision": identity[language]["commit"]})
        for language, source in sources.items()
        if isinstance(source, HubRows) and "commit" in identity[language]
    }
    if not pinned:
        return task
    others = {language: source for language, source in sources.items() if source is not None}
    copied: AnyTask = task.model_copy(update={"data": {**others, **pinned}})  # type: ignore[assignment]
    return copied


def _identity(task: Task, language: str, documents: Mapping[str, TextSource]) -> Any:
    if isinstance(task, Place):
        return documents[language].identity(language)
    source = source_of(task, language)
    if source is None:
        return None
    if isinstance(source, HubRows):
        splits = {split: getattr(source, split) for split in hub_splits(source)}
        return {**hub_rows(source, task.task, language, next(iter(splits))).identity(language), "splits": splits}
    found = files_of(source, language)
    checksums = {split: [checked_sum(file) for file in files] for split, files in found.items()}
    return {**source.model_dump(mode="json", exclude={*SPLITS, "all"}), "checksums": checksums}
