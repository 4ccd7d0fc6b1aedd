"""An audit as a recipe: models that are there already, fine-tuned on all labelled data that a folder has."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from equiglot.corpus.languages import language_in
from equiglot.corpus.opening import numbered_lines, unpacked_name
from equiglot.corpus.paths import files_below
from equiglot.corpus.resources import resources_of
from equiglot.errors import InputError
from equiglot.recipe.loading import load_recipe, recipe_tree
from equiglot.recipe.scoring import FRESH
from equiglot.run import RunDirectory

PRESETS: dict[str, dict[str, Any]] = {
    "quick": {
        "epochs": 5,
        "learning_rate": 1e-4,
        "warmup": 30,
        "patience": 2,
        "seeds": 3,
        "sentences": {"train": 1000, "dev": 300, "test": 1000},
    },
    "paper3": {
        "epochs": 1000,
        "max_updates": 10_000,
        "batch": [16, 32],
        "learning_rate": [2e-5, 3e-5, 5e-5],
        "warmup": 1000,
        "validations": 50,
        "seeds": 3,
    },
}
"""Name -> how models are fine-tuned: some hundred updates on a thousand sentences; or as in paper 3 (section 3.2: Adam,
a tenth of warm-up, linear decay, 10,000 steps, evaluated every 200; the best of three rates and two batches)."""
_NAMED = {"train": "train", "dev": "dev", "valid": "dev", "validation": "dev", "test": "test"}
_TASKS = {"pos": "conllu", "parse": "conllu", "ner": "bio", "topic": "tsv", "qa": "squad"}
"""Task -> the kind of its files."""
_CLASS = ("category", "label", "topic", "class")
_TEXT = ("text", "sentence")
_PAIRS = (("sentence1", "sentence2"), ("premise", "hypothesis"))
_TAG = re.compile(r"O|[BI]-\S+")
_COLUMNS = {"pos": 3, "parse": 6}  # of CoNLL-U
_LINES = 50  # that are looked at to tell what a table is


def preset_of(name: str, *, seeds: int | None = None, train_sentences: int | None = None) -> dict[str, Any]:
    """One of `PRESETS`, with other numbers of trainings and of sentences to train on where they are given.

    Raises:
        InputError: there is none of that name.
    """
    if name not in PRESETS:
        raise InputError(f"there is no preset {name!r}", where="--preset", fix=f"use one of {', '.join(PRESETS)}")
    preset = dict(PRESETS[name])
    if seeds is not None:
        preset["seeds"] = seeds
    if train_sentences is not None:
        preset["sentences"] = {"dev": None, **preset.get("sentences", {}), "train": train_sentences}
    return preset


@dataclass
class LabelledFolder:
    """The labelled data in a folder.

    Attributes:
        data: task -> language -> its source, as a recipe has it.
        others: files that are no labelled data of the languages asked for -> why.
    """

    data: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    others: dict[str, str] = field(default_factory=dict)


def find_labelled(folder: Path, languages: Sequence[str]) -> LabelledFolder:
    """Looks for labelled data in a folder and the folders in it.

    A file is of the language whose code stands in its name, or in that of its folder, between dots, lines and the like;
    and of the split that stands there. What it holds is seen in it: CoNLL-U (parts of speech, trees), a word and its
    BIO tag a line (entities), a table with a text and its class (topics) or with two (pairs), or questions as in SQuAD.

    Raises:
        InputError: no such folder, or no labelled data of the languages in it.
    """
    if not folder.is_dir():
        raise InputError("there is no such folder", where=f"--data {folder}", fix="name one with labelled data")
    found = LabelledFolder()
    for file in files_below(folder):
        name = str(file.relative_to(folder))
        code = _stated(file, folder, languages)
        if code is None:
            continue
        kind = _kind(file)
        if kind is None:
            found.others[name] = "no labelled data by its form"
            continue
        split = next((_NAMED[part] for part in reversed(_parts(file, folder)) if part in _NAMED), None)
        if split is None and kind["kind"] != "squad":
            found.others[name] = "its name does not say whether it is for train, dev or test"
            continue
        tasks = _tasks(kind, file)
        if not tasks:
            found.others[name] = "it has neither parts of speech nor trees"
        for task in tasks:
            source = found.data.setdefault(task, {}).setdefault(code, dict(kind))
            if kind.items() <= source.items():
                source.setdefault(split or "all", []).append(str(file.resolve()))
            else:
                found.others[name] = f"its columns are called otherwise than in other tables of {code}"
    for task in [*found.data]:
        found.data[task] = {code: each for code in languages if (each := found.data[task].get(code))}
    if not found.data:
        what = f"there is no labelled data of {', '.join(languages)} in it"
        fix = "files have a language's code and a split in their names, such as sl_ssj-test.conllu or sib200-sl-dev.tsv"
        raise InputError(what, where=f"--data {folder}", fix=fix)
    return found


def _stated(file: Path, folder: Path, languages: Sequence[str]) -> str | None:
    """The language that a file's name states, or else that of the folder nearest to it."""
    names = reversed(file.relative_to(folder).parts)
    return next((code for name in names if (code := language_in(name, languages))), None)


def _parts(file: Path, folder: Path) -> list[str]:
    """The parts of a file's path below a folder, those of its own name last."""
    inside = file.relative_to(folder)
    names = [*inside.parts[:-1], unpacked_name(inside.name)]
    return [part for name in names for part in re.split(r"[-_.]", name)]


def _kind(file: Path) -> dict[str, Any] | None:
    """What labelled data a file holds, as a recipe says it; None if none."""
    suffix = Path(unpacked_name(file.name)).suffix.lower()
    if suffix == ".conllu":
        return {"kind": "conllu"}
    if suffix == ".json":
        return {"kind": "squad"} if _is_squad(file) else None
    if suffix == ".jsonl":
        return _pair("jsonl", _fields_of(file))
    if suffix not in (".tsv", ".txt", ".bio", ".iob", ".iob2", ".conll"):
        return None
    lines = [line for _, (_, line) in zip(range(_LINES), numbered_lines(file), strict=False)]
    header = lines[0].split("\t") if lines else []
    if suffix == ".tsv" and (pair := _pair("tsv", header)):
        return pair
    text, label = (next((each for each in names if each in header), None) for names in (_TEXT, _CLASS))
    if suffix == ".tsv" and text and label:
        return {"kind": "tsv", "text": text, "label": label}
    tagged = lines and all(len(line.split()) > 1 and _TAG.fullmatch(line.split()[-1]) for line in lines)
    return {"kind": "bio"} if tagged else None


def _pair(kind: str, fields: Sequence[str]) -> dict[str, Any] | None:
    """A file with two texts and their class, as a recipe says it; None if there are none."""
    label = next((each for each in _CLASS if each in fields), None)
    pair = next((each for each in _PAIRS if {*each} <= {*fields}), None)
    return {"kind": kind, "text": pair[0], "second": pair[1], "label": label} if pair and label else None


def _fields_of(file: Path) -> Sequence[str]:
    """The fields of the first object of a file of JSON lines; none if it is no such file."""
    try:
        found = json.loads(next((line for _, line in numbered_lines(file)), ""))
    except ValueError:
        return ()
    return [*found] if isinstance(found, dict) else ()


def _tasks(kind: Mapping[str, Any], file: Path) -> list[str]:
    """What a file of a kind has labels for; of CoNLL-U, the tasks whose columns are not all _."""
    if "second" in kind:
        return ["pair"]
    tasks = [task for task, form in _TASKS.items() if form == kind["kind"]]
    if kind["kind"] != "conllu":
        return tasks
    words = (line.split("\t") for _, line in numbered_lines(file) if "\t" in line)
    some = [columns for columns in islice(words, _LINES) if columns[0].isdigit()]
    used = [task for task in tasks if any(columns[_COLUMNS[task] : _COLUMNS[task] + 1] != ["_"] for columns in some)]
    return used if some else tasks


def _is_squad(file: Path) -> bool:
    try:
        tree = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    articles = tree.get("data") if isinstance(tree, dict) else None
    return isinstance(articles, list) and all(isinstance(each, dict) and "paragraphs" in each for each in articles)


def audit_recipe(
    models: Sequence[str],
    languages: Sequence[str],
    folder: Path | None,
    *,
    name: str,
    tuning: Mapping[str, Any],
    tasks: Sequence[str] = (),
    source: Sequence[str] = (),
) -> tuple[dict[str, Any], LabelledFolder]:
    """A recipe, as YAML would have it, that audits models on the labelled data of a folder; and what was found there.

    Args:
        models: folders, RUN/model, RUN for all models of a run, or names on the hub.
        languages: codes.
        folder: with labelled data. Without it, models of one run are audited on that run's own text: each paragraph is
            told apart by its place in its document, which needs no labels.
        name: of the recipe.
        tuning: how models are fine-tuned: fields of an entry of `evaluation`.
        tasks: those that are taken of what is found; all if empty.
        source: codes of languages that models are trained on together, and tested on all; each on its own if empty.

    Raises:
        InputError: no labelled data, or none of a task or language that is named; a folder is missing.
    """
    from equiglot.models import name_models  # which brings torch

    named = name_models(models)
    if folder is not None and not languages:
        raise InputError("no language is named", where="--languages", fix="name those of the data: sl or sl,hr")
    if folder is None:
        return _text_audit(named, languages, name, tuning), LabelledFolder()
    if others := [code for code in source if code not in languages]:
        what = f"{others[0]} is trained on, and is not among the languages {', '.join(languages)}"
        raise InputError(what, where="--source", fix="name it as one of --languages, too")
    found = find_labelled(folder, languages)
    _check_trained(found, source or languages, folder)
    if unknown := [task for task in tasks if task not in found.data]:
        what = f"there is no data of the task {unknown[0]} in {folder}"
        raise InputError(what, where="--tasks", fix=f"take of {', '.join(found.data)}")
    data = {task: of for task, of in found.data.items() if not tasks or task in tasks}
    without = [code for code in languages if not any(code in of for of in data.values())]
    if without:
        what = f"there is no labelled data of {', '.join(without)}"
        raise InputError(what, where=f"--data {folder}", fix="leave the language out, or give data")
    return audit_tree(named, languages, data, name=name, tuning=tuning, source=source), found


def _check_trained(found: LabelledFolder, trained: Sequence[str], folder: Path) -> None:
    """Leaves out tasks without data to train on; refuses a folder that has no other."""
    for task, of in [*found.data.items()]:
        if not any({"train", "dev", "all"} & of[code].keys() for code in trained if code in of):
            found.others[task] = f"no data to train on in {', '.join(trained)}"
            del found.data[task]
    if not found.data:
        what = f"there is no data to train on in {', '.join(trained)}"
        fix = "give data whose names say train or dev; or train on another language with --source, and test on these"
        raise InputError(what, where=f"--data {folder}", fix=fix)


def _text_audit(
    named: Mapping[str, str], languages: Sequence[str], name: str, tuning: Mapping[str, Any]
) -> dict[str, Any]:
    """The audit of a run's models on the run's own text."""
    runs = {Path(place).resolve().parent.parent for place in named.values()}
    file = RunDirectory(next(iter(runs))).recipe
    if len(runs) != 1 or not file.is_file():
        fix = "name a folder with labelled data; or models of one run, whose text is then taken"
        raise InputError("there is no labelled data", where="--data", fix=fix)
    recipe = load_recipe(file)
    plans = recipe.plans()
    whole = recipe_tree(recipe)
    every = whole["languages"]
    texts = {code: {**_language(code), **each} for code, each in every.items() if not languages or code in languages}
    if not texts:
        what = f"the run has no text of {', '.join(languages)}"
        raise InputError(what, where="--languages", fix=f"take of {', '.join(every)}")
    known = {model: plans[Path(place).name].languages for model, place in named.items() if Path(place).name in plans}
    readers = {model: place for model, place in named.items() if any(code in texts for code in known.get(model, texts))}
    if not readers:
        what = f"none of the models was trained on {', '.join(texts)}"
        raise InputError(what, where="--languages", fix="name languages that the models have")
    tree = audit_tree(readers, list(texts), {"place": {}}, name=name, tuning=tuning)
    for model, codes in ((model, codes) for model, codes in known.items() if model in readers):
        for each in (model, FRESH + model):
            tree["models"][each]["languages"] = [code for code in codes if code in texts]
    entry = {field: value for field, value in tree["evaluation"][0].items() if field not in ("data", "languages")}
    text = {"text": whole["text"]} if "text" in whole else {}  # held out as it was there
    return {**tree, **text, "languages": texts, "evaluation": [entry]}


def audit_tree(
    models: Mapping[str, str],
    languages: Sequence[str],
    data: Mapping[str, Mapping[str, Mapping[str, Any]]],
    *,
    name: str,
    tuning: Mapping[str, Any],
    source: Sequence[str] = (),
) -> dict[str, Any]:
    """A recipe, as YAML would have it, that audits models.

    Args:
        models: name -> folder, or name on the hub.
        languages: codes.
        data: task -> language -> source (`find_labelled`).
        name: of the recipe.
        tuning: how models are fine-tuned: fields of an entry of `evaluation`.
        source: codes of languages that models are trained on together, and tested on all; each on its own if empty.
    """
    return {
        "name": name,
        "description": f"Audit of {', '.join(models)}",
        "languages": {code: _language(code) for code in languages},
        "models": dict(_models(models, languages)),
        "evaluation": [
            {
                "task": task,
                "method": "finetune",
                **tuning,
                **({"train": list(source)} if source else {}),
                "languages": list(of_task),
                "data": {code: dict(each) for code, each in of_task.items()},
            }
            for task, of_task in data.items()
        ],
        "audit": {},
    }


def _language(code: str) -> dict[str, Any]:
    known = resources_of(code)
    return {} if known is None else {"wikipedia": round(known.wiki_size, 2)}


def _models(models: Mapping[str, str], languages: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, place in models.items():
        folder = Path(place)
        yield name, {"existing": str(folder.resolve()) if folder.is_dir() else place, "languages": list(languages)}
        yield FRESH + name, {"fresh": {"model": name}, "languages": list(languages)}
