"""An audit as a recipe: models that are there already, fine-tuned on all labelled data that a folder has."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from equiglot.corpus.opening import numbered_lines, unpacked_name
from equiglot.corpus.paths import files_below
from equiglot.errors import InputError
from equiglot.settings import Settings

Preset = Literal["quick", "paper3"]
PRESETS: dict[Preset, dict[str, Any]] = {
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
        "batch": 32,
        "learning_rate": 5e-5,
        "warmup": 1000,
        "validations": 50,
        "seeds": 3,
    },
}
"""How models are fine-tuned: some hundred updates on a thousand sentences; or as in paper 3 (section 3.3: Adam, a tenth
of warm-up, linear decay, 10,000 steps, evaluated every 200), with one of its learning rates and batches."""
FRESH = "fresh-"
"""Before the name of a model: the same with random weights."""

_NAMED = {"train": "train", "dev": "dev", "valid": "dev", "validation": "dev", "test": "test"}
_TASKS = {"pos": "conllu", "parse": "conllu", "ner": "bio", "topic": "tsv", "qa": "squad"}
"""Task -> the kind of its files."""
_CLASS = ("category", "label", "topic", "class")
_TEXT = ("text", "sentence")
_TAG = re.compile(r"O|[BI]-\S+")
_LINES = 50  # that are looked at to tell what a table is


class Audit(Settings):
    """Which languages the models serve badly, and why: a verdict on every language, on the page.

    It is read off the tasks that models are fine-tuned on, beside models without pretraining.
    """

    untrained: str = Field(
        FRESH + "{model}", description="The model without pretraining beside {model}: the same with random weights."
    )
    margin: float = Field(
        10.0, gt=0, le=100, description="Points by which a language must lag behind others to be called behind."
    )


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
    BIO tag a line (entities), a table with a text and its class (topics), or questions as in SQuAD.

    Raises:
        InputError: no such folder, or no labelled data of the languages in it.
    """
    if not folder.is_dir():
        raise InputError("there is no such folder", where=f"--data {folder}", fix="name one with labelled data")
    found = LabelledFolder()
    for file in files_below(folder):
        name = str(file.relative_to(folder))
        code = next((each for each in languages if each in _parts(file, folder)), None)
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
        for task in (task for task, form in _TASKS.items() if form == kind["kind"]):
            source = found.data.setdefault(task, {}).setdefault(code, dict(kind))
            source.setdefault(split or "all", []).append(str(file.resolve()))
    for task in [*found.data]:
        found.data[task] = {code: each for code in languages if (each := found.data[task].get(code))}
    if not found.data:
        what = f"there is no labelled data of {', '.join(languages)} in it"
        fix = "files have a language's code and a split in their names, such as sl_ssj-test.conllu or sib200-sl-dev.tsv"
        raise InputError(what, where=f"--data {folder}", fix=fix)
    return found


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
    if suffix not in (".tsv", ".txt", ".bio", ".iob", ".iob2", ".conll"):
        return None
    lines = [line for _, (_, line) in zip(range(_LINES), numbered_lines(file), strict=False)]
    header = lines[0].split("\t") if lines else []
    text, label = (next((each for each in names if each in header), None) for names in (_TEXT, _CLASS))
    if suffix == ".tsv" and text and label:
        return {"kind": "tsv", "text": text, "label": label}
    tagged = lines and all(len(line.split()) > 1 and _TAG.fullmatch(line.split()[-1]) for line in lines)
    return {"kind": "bio"} if tagged else None


def _is_squad(file: Path) -> bool:
    try:
        tree = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    articles = tree.get("data") if isinstance(tree, dict) else None
    return isinstance(articles, list) and all(isinstance(each, dict) and "paragraphs" in each for each in articles)


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
        "languages": {code: {} for code in languages},
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


def _models(models: Mapping[str, str], languages: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, place in models.items():
        folder = Path(place)
        yield name, {"existing": str(folder.resolve()) if folder.is_dir() else place, "languages": list(languages)}
        yield FRESH + name, {"fresh": {"model": name}, "languages": list(languages)}
