"""Recipes of tiny encoders with different tokenizers, and of a student that they become."""

import copy
from pathlib import Path
from typing import Any

from tests.pipeline.conftest import TREE

_KEPT = {"lowercase": False, "accents": "keep", "characters": 10_000}


def teachers_tree(text_files: Path) -> dict[str, Any]:
    """Four encoders with three kinds of tokenizers, trained in one run."""
    tree = _tree(text_files, "teachers")
    tree["models"] = {
        "english": {"languages": ["en"], "vocabulary": {"size": 300, **_KEPT}},
        "bilingual": {"languages": ["en", "ru"], "vocabulary": {"size": 400, **_KEPT}},
        "russian": {"languages": ["ru"], "vocabulary": {"algorithm": "unigram", "size": 300, **_KEPT}},
        "arabic": {"languages": ["ar"], "vocabulary": {"algorithm": "byte-bpe", "size": 400, **_KEPT}},
    }
    del tree["vocabulary"]
    del tree["evaluation"]  # that of masked words needs a vocabulary of the run
    return tree


def merge_tree(text_files: Path, teachers: Path, **labels: Any) -> dict[str, Any]:
    """The same four, taken from where they are, and a student of their stored labels, changed by `labels`."""
    tree = _tree(text_files, "merge")
    tree["vocabulary"] = {"kind": "union"}
    tree["encoder"] |= {"architecture": "electra", "embedding_size": 8}
    languages = {"english": ["en"], "bilingual": ["en", "ru"], "russian": ["ru"], "arabic": ["ar"]}
    tree["models"] = {
        name: {"existing": str(teachers / "models" / name), "languages": codes} for name, codes in languages.items()
    }
    taught = {"en": ["english", "bilingual"], "ru": ["bilingual", "russian"], "ar": "arabic"}
    tree["models"]["student"] = {"labels": {"kind": "stored", "teachers": taught, **labels}}
    return tree


def _tree(text_files: Path, name: str) -> dict[str, Any]:
    tree = copy.deepcopy(TREE)
    tree["name"] = name
    for language in tree["languages"].values():
        language["text"] = str(text_files / language["text"])
        language.pop("vocabulary_only", None)
    tree["training"] |= {"updates": 12}
    tree["evaluation"] = [
        {"task": "mlm", "sequences": 20, "resamples": 100},
        {"task": "likelihood", "sentences": 6, "resamples": 100},
    ]
    return tree
