"""What is wrong with a task, as far as can be seen without reading its data."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path

from equiglot.corpus import TextSource
from equiglot.errors import InputError
from equiglot.tasks.arranging import UNIVERSAL
from equiglot.tasks.hub import hub_rows
from equiglot.tasks.place import check_documents
from equiglot.tasks.reading import FileSource, files_of, hub_splits
from equiglot.tasks.settings import (
    MLQA_LANGUAGES,
    SPLITS,
    ConlluFiles,
    HubRows,
    Labelled,
    NamedEntities,
    PartOfSpeech,
    Place,
    QuestionAnswering,
    SquadFiles,
    Task,
    source_of,
)

_PLACEHOLDERS = ("{language}", "{name}")


def check_task(
    task: Task, languages: Sequence[str], documents: Mapping[str, TextSource], *, learnt: bool = True
) -> None:
    """Refuses a task that cannot work, before anything is computed.

    Args:
        task: the task, its paths absolute.
        languages: the languages of the run.
        documents: language -> text, for the task that makes its labels of it.
        learnt: whether models learn it; else finished ones are scored, and test data is all that is needed.

    Raises:
        InputError: an unknown language, or one without rules of comparing answers, a pattern that matches no file of
            any language, a file that serves twice, a kind of file that has no such labels, no data to train or to score
            on, a package that is not installed, or text in which nobody knows where a document ends.
    """
    if isinstance(task, QuestionAnswering):
        _check_rules(task, languages)
    else:
        _check_map(task, languages)
    if isinstance(task, Place):
        for language in languages:
            check_documents(documents[language], language)
        return
    where = f"evaluation.{task.task}.data"
    if isinstance(task.data, dict):
        _check_known(task.data, languages, where)
    splits: set[str] = set()
    owners: dict[Path, tuple[str, str]] = {}
    for source, codes in _sources(task, languages):
        if isinstance(source, HubRows):
            splits |= _check_hub(source, codes, task.task, where)
        else:
            splits |= _check_files(source, codes, owners, where)
        if isinstance(task, NamedEntities) and isinstance(source, ConlluFiles):
            raise InputError("CoNLL-U has no named entities.", where=where, fix="give BIO files: {kind: bio, ...}")
    for needed, purpose in (({"train", "dev"}, "train on"), ({"test"}, "score models on")):
        if not needed & splits and (learnt or "test" in needed):
            fix = f"give `{'` or `'.join(sorted(needed, reverse=True))}`"
            raise InputError(f"The task {task.task} has no data to {purpose}.", where=where, fix=fix)


def _sources(task: Task, languages: Sequence[str]) -> list[tuple[FileSource | HubRows, Sequence[str]]]:
    """Each source with the languages that it is for."""
    if isinstance(task, Place):
        return []
    if isinstance(task.data, dict):
        return [(source, [language]) for language, source in task.data.items()]
    return [(task.data, languages)]


def _check_rules(task: QuestionAnswering, languages: Sequence[str]) -> None:
    for language in languages:
        if task.rules == "mlqa" and language not in MLQA_LANGUAGES and source_of(task, language) is not None:
            what = f"MLQA has no rules of comparing answers in {language}, only for {', '.join(MLQA_LANGUAGES)}."
            raise InputError(what, where=f"evaluation.{task.task}.rules", fix="take the rules of SQuAD: `rules: squad`")


def _check_map(task: Labelled, languages: Sequence[str]) -> None:
    where = f"evaluation.{task.task}.map"
    _check_known(task.map, (*languages, "all"), where)
    for language, renamed in task.map.items():
        for label, name in renamed.items():
            if isinstance(task, PartOfSpeech) and name not in UNIVERSAL:
                what = f"{label} is mapped to {name!r}, which is no universal part-of-speech tag."
                raise InputError(what, where=f"{where}.{language}", fix=f"use one of {', '.join(UNIVERSAL)}")


def _check_known(named: Mapping[str, object], languages: Sequence[str], where: str) -> None:
    for language in named:
        if language not in languages:
            near = get_close_matches(language, languages, n=1, cutoff=0.5)  # of two letters, one
            fix = f"did you mean {near[0]!r}?" if near else f"there is: {', '.join(languages)}"
            raise InputError(f"No model of this run is trained on the language {language!r}.", where=where, fix=fix)


def _check_hub(source: HubRows, languages: Sequence[str], task: str, where: str) -> set[str]:
    """The splits of a dataset."""
    named = f"{source.dataset} {source.configuration}"
    if len(languages) > 1 and not any(each in named for each in _PLACEHOLDERS):
        what = f"All languages would have the same rows of {source.dataset}."
        fix = "write {language} or {name} in `configuration` or `dataset`, or give each language a source of its own"
        raise InputError(what, where=where, fix=fix)
    splits = hub_splits(source)
    if not splits:
        what = f"No split of {source.dataset} is named."
        raise InputError(what, where=where, fix="name one as `train`, `dev` or `test`")
    hub_rows(source, task, languages[0], splits[0]).origins(languages[0])
    return {*splits}


def _check_files(
    source: FileSource, languages: Sequence[str], owners: dict[Path, tuple[str, str]], where: str
) -> set[str]:
    """The splits that have files; `owners` is what each file serves for, and grows."""
    found = {language: files_of(source, language) for language in languages}
    there = {split for splits in found.values() for split in splits}
    divided = isinstance(source, SquadFiles) and bool(source.all)
    for split in (*SPLITS, "all"):
        if getattr(source, split, ()) and split not in there and not (divided and there):
            what = f"{' and '.join(getattr(source, split))} matches no file of {', '.join(languages)}."
            fix = f"correct `{split}` or leave it out; a relative path starts at the recipe's folder"
            raise InputError(what, where=f"{where}.{split}", fix=fix)
    if not there:
        raise InputError("No files are named.", where=where, fix="give `train`, `dev` and `test`")
    served = (
        (file, (language, "all" if divided else split))
        for language in found
        for split, files in found[language].items()
        for file in files
    )
    for file, use in served:
        other = owners.setdefault(file.resolve(), use)
        if other != use:
            what = f"{file.name} would be {' '.join(other)} data and {' '.join(use)} data."
            fix = "make the patterns stricter; {language} stands for a language's code"
            fix += "; or let each split take a part of it: `all`" if isinstance(source, SquadFiles) else ""
            raise InputError(what, where=where, fix=fix)
    return there
