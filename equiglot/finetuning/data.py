"""What is typed after `--data` -> the labelled data of a task, as a recipe would name it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from equiglot.corpus import check_language
from equiglot.corpus.languages import language_in, names_language, same_language
from equiglot.corpus.opening import unpacked_name
from equiglot.corpus.paths import matching_files
from equiglot.errors import InputError
from equiglot.tasks import SPLITS, DependencyParsing, NamedEntities, PartOfSpeech, QuestionAnswering, TextPair, Topic

LabelledTask = PartOfSpeech | DependencyParsing | NamedEntities | Topic | TextPair | QuestionAnswering
_CLASSES: dict[str, type[LabelledTask]] = {
    "pos": PartOfSpeech,
    "parse": DependencyParsing,
    "ner": NamedEntities,
    "topic": Topic,
    "pair": TextPair,
    "qa": QuestionAnswering,
}
_SPLIT = re.compile(r"(?:^|[-_.])(train|dev|valid|validation|test)$")  # at the end of a name without its suffixes
_SAID = {"valid": "dev", "validation": "dev"}
_LABELLED = {".tsv", ".txt", ".bio", ".iob", ".iob2", ".conll"}
_HUB, _ALL = "hub:", "all"
_FORMS = "name files with their split (--data train=FILE), a folder or glob of files called ...-train.conllu, "
_FORMS += "...-dev.conllu and ...-test.conllu, or hub:NAME:CONFIGURATION"
_QUESTIONS = "name files with their split (--data train=FILE), or files that serve all splits (--data all=FILE)"


_RULES = {"qa": ("squad", "mlqa"), "parse": ("official", "paper3"), "ner": ("official", "paper3")}
"""Task -> the rules that it can be scored by."""


def name_data(
    task: str,
    data: Sequence[str],
    languages: Sequence[str],
    *,
    zero_shot: Sequence[str] = (),
    columns: str | None = None,
    rename: Sequence[str] = (),
    types: Sequence[str] = (),
    train_sentences: int | None = None,
    rules: str | None = None,
) -> LabelledTask:
    """The task that is typed on a command line.

    Args:
        task: pos, parse, ner, topic, pair or qa.
        data: SPLIT=PATTERN (of questions, all=PATTERN for files that serve all splits); or a folder or pattern of files
            whose names end in a split; or hub:NAME[:CONFIGURATION]. {language} in it stands for a language's code; of a
            folder, files with the code in their names are taken.
        languages: codes of those that are trained on; none where a finished model is scored.
        zero_shot: codes of others, which are only tested.
        columns: TEXT,LABEL: names of those with words (or a text) and labels, where files have names for them; of pairs
            FIRST,SECOND,LABEL.
        rename: OLD=NEW, labels of the files that are to be called otherwise; classes, types of entities or tags.
        types: of entities that count; others are O. All if empty.
        train_sentences: so many sentences (or questions) of a language are trained on at most.
        rules: how answers are compared, squad (if None) or mlqa; of trees and entities what counts, official (if None)
            or paper3.

    Raises:
        InputError: no such task, no language or one twice, data of several kinds, a pattern that matches nothing, a
            file whose name does not say its split, no training or no test data.
    """
    if task not in _CLASSES:
        raise InputError(f"there is no task {task!r}", where="--task", fix=f"use one of {', '.join(_CLASSES)}")
    codes = (*languages, *zero_shot)
    if not codes:
        raise InputError("no language is named", where="--languages", fix="name those of the data: sl or sl,hr")
    for number, code in enumerate(codes):
        check_language(code)
        if same_language(code, codes[:number]):
            raise InputError(f"the language {code} is named twice", where="--languages", fix="name it once")
    named = [(code, _source(task, data, code, codes, columns, trained=code in languages)) for code in codes]
    if task == "parse" and any(source["kind"] != "conllu" for _, source in named):
        fix = "give treebanks: files whose names end in .conllu"
        raise InputError("only CoNLL-U files have trees", where=f"--data {' '.join(data)}", fix=fix)
    if task == "qa":
        _check_questions([source for _, source in named], f"--data {' '.join(data)}")
        _check_unlabelled({"--columns": columns, "--rename": rename, "--types": types})
    if rules is not None and rules not in _RULES.get(task, ()):
        known = " or ".join(_RULES.get(task, ()))
        what = f"there are no rules {rules!r} for the task {task}"
        raise InputError(what, where="--rules", fix=f"take {known}" if known else "leave it out")
    fields: dict[str, Any] = {
        "task": task,
        "data": dict(named),
        "sentences": {"train": train_sentences, "dev": None, "test": None},
    }
    given = {"map": {"all": dict(map(_pair, rename))} if rename else None, "types": list(types), "rules": rules}
    fields |= {name: value for name, value in given.items() if value}
    try:
        return _CLASSES[task].model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        where = f"--data {' '.join(data)}"
        raise InputError(f"this cannot be data of the task {task}: {first['msg']}", where=where, fix=_FORMS) from None


def _check_questions(sources: Sequence[dict[str, Any]], where: str) -> None:
    for source in sources:
        if source["kind"] != "squad":
            fix = "give files whose names end in .json or .parquet"
            raise InputError("questions are read from files in the form of SQuAD only", where=where, fix=fix)
        if _ALL in source and {*SPLITS} & {*source}:
            raise InputError("files for all splits stand beside files for one", where=where, fix=_QUESTIONS)


def _check_unlabelled(options: Mapping[str, str | Sequence[str] | None]) -> None:
    for option, given in options.items():
        if given:
            raise InputError("questions have no labels", where=option, fix="leave it out")


def _pair(named: str) -> tuple[str, str]:
    old, equals, new = named.partition("=")
    if not equals or not old or not new:
        raise InputError(f"{named!r} renames no label", where="--rename", fix="write it as OLD=NEW")
    return old, new


def _source(
    task: str, data: Sequence[str], language: str, codes: Sequence[str], columns: str | None, *, trained: bool
) -> dict[str, Any]:
    names = {} if columns is None else _columns(columns, ("text", "second", "label") if task == "pair" else _TWO)
    if data and all(each.startswith(_HUB) for each in data):
        if len(data) > 1:
            raise InputError("several datasets are named", where="--data", fix="name one")
        dataset, _, configuration = data[0].removeprefix(_HUB).partition(":")
        splits: dict[str, Any] = {} if trained else {"train": None, "dev": None}
        return {"kind": "hub", "dataset": dataset, "configuration": configuration or None, **names, **splits}
    found: dict[str, list[str]] = {}
    for each in data:
        for split, file in _files(each, language, codes, (*SPLITS, _ALL) if task == "qa" else SPLITS):
            if trained or split in ("test", _ALL):
                found.setdefault(split, []).append(str(file))
    _check_splits(found, data, language, _QUESTIONS if task == "qa" else _FORMS, trained=trained)
    kinds = {_kind(task, file) for files in found.values() for file in files}
    if len(kinds) > 1:
        raise InputError(
            f"the data of {language} is of several kinds: {', '.join(sorted(kinds))}",
            where=f"--data {' '.join(data)}",
            fix="name files of one kind",
        )
    kind = kinds.pop()
    if names and kind in _NAMELESS:
        fix = "leave out --columns, or give Parquet files"
        raise InputError(f"files of the kind {kind} have no names of columns", where="--columns", fix=fix)
    parts = {"splits": ["test"]} if _ALL in found and not trained else {}
    return {"kind": kind, **names, **found, **parts}


_TWO = ("text", "label")
_NAMELESS = {"conllu", "bio"}


def _columns(named: str, fields: Sequence[str]) -> dict[str, str]:
    names = named.split(",")
    if len(names) != len(fields) or not all(names):
        count, form = ("two", "TEXT,LABEL") if fields == _TWO else ("three", "FIRST,SECOND,LABEL")
        raise InputError(f"{named!r} names no {count} columns", where="--columns", fix=f"write it as {form}")
    return dict(zip(fields, names, strict=True))


def _check_splits(found: dict[str, list[str]], data: Sequence[str], language: str, fix: str, *, trained: bool) -> None:
    where = f"--data {' '.join(data)}"
    if trained and not {"train", "dev", _ALL} & {*found}:
        raise InputError(f"there is no training data of {language}", where=where, fix=fix)
    if not {"test", _ALL} & {*found} and not trained:
        fix = f"{fix}; or leave the language out"
        raise InputError(f"there is no test data of {language}, which is only tested", where=where, fix=fix)


def _files(pattern: str, language: str, codes: Sequence[str], splits: Sequence[str]) -> Iterator[tuple[str, Path]]:
    """Splits and files that a pattern means for one of the languages `codes`.

    Raises:
        InputError: it matches none, or a name does not say its split.
    """
    split, equals, rest = pattern.partition("=")
    named = equals and split in splits
    path = (rest if named else pattern).replace("{language}", language)
    files = _matching(path, language, codes)
    if not files:
        raise InputError(f"there is no file of {language}", where=f"--data {pattern}", fix=f"correct it; {_FORMS}")
    for file in files:
        said = None if named else _SPLIT.search(Path(unpacked_name(file.name)).stem)
        if not named and said is None:
            if Path(path).is_dir():  # a README, or a licence
                continue
            what = "the name of the file does not say whether it is for training or for testing"
            raise InputError(what, where=file, fix=f"write --data train={file}, or dev= or test=")
        yield (split if said is None else _SAID.get(said[1], said[1])), file


def _matching(path: str, language: str, codes: Sequence[str]) -> list[Path]:
    """The file, what the glob matches, or the files in the folder: those with the language's code as a part of their
    name (sl_ssj-ud-train, sib200-sl-train), or where none has it those that name no language."""
    if Path(path).is_file():
        return [Path(path)]
    if Path(path).is_dir():
        there = sorted(file for file in Path(path).iterdir() if file.is_file())
        own = [file for file in there if language_in(file.name, codes) == language]
        return own or [file for file in there if not names_language(file.name)]
    return sorted(matching_files(path))


def _kind(task: str, file: str) -> str:
    suffix = Path(unpacked_name(Path(file).name)).suffix.lower()
    if suffix in (".conllu", ".parquet"):
        return suffix[1:]
    if suffix in (".json", ".parquet") and task == "qa":
        return "squad"
    if suffix == ".jsonl" and task == "pair":
        return "jsonl"
    if suffix in _LABELLED:
        return "tsv" if task in ("topic", "pair") else "bio"
    known = ".json or .parquet" if task == "qa" else ", ".join(sorted({".conllu", ".parquet", *_LABELLED}))
    raise InputError("the name of the file does not say what it holds", where=file, fix=f"give files in {known}")
