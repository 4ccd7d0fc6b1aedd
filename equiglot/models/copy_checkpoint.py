"""Models that others made, taken into a run: checked, then copied, as they are or without what they have learnt."""

import shutil
from pathlib import Path

import torch
from transformers import AutoModelForMaskedLM

from equiglot.files import atomic_folder, checksum
from equiglot.models.building import load_model
from equiglot.models.opening import locate_model, with_tokenizer
from equiglot.models.validation import check_config, check_kind, weight_files
from equiglot.models.whole import load_config
from equiglot.vocabulary import TOKENIZER_FILES


def copy_checkpoint(source: str, into: Path) -> None:
    """Copies a masked language model with its tokenizer to the folder `into`, where `from_pretrained` gives the same.

    Configuration, weights and tokenizer are copied byte by byte, and nothing else is.

    Args:
        source: a model folder, RUN/model, or a name on the Hugging Face hub.
        into: made, or replaced as a whole.

    Raises:
        InputError: what `open_model` refuses.
    """
    folder = locate_model(source)
    with_tokenizer(source, load_model(folder), folder, source)  # on no GPU: it is looked at, and not asked
    with atomic_folder(into) as made:
        for name in _files(folder):
            shutil.copyfile(folder / name, made / name)


def copy_untrained(source: Path, into: Path, *, seed: int) -> None:
    """Writes a masked language model with the configuration and the tokenizer of another one, freshly initialised.

    The tokenizer is copied byte by byte. Weights are drawn as transformers initialises the architecture, float32.

    Args:
        source: a model folder.
        into: made, or replaced as a whole.
        seed: of the weights.

    Raises:
        InputError: there is no such model, its configuration asks for code, or no masked language model has it.
    """
    check_config(source)
    check_kind(source)
    config = load_config(source)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = AutoModelForMaskedLM.from_config(config, dtype=torch.float32)
    with atomic_folder(into) as made:
        model.save_pretrained(made)
        for name in (name for name in TOKENIZER_FILES if (source / name).is_file()):
            shutil.copyfile(source / name, made / name)


def model_identity(source: str) -> dict[str, str]:
    """File name -> checksum, of all that `copy_checkpoint` would copy; the weights are not loaded.

    Raises:
        InputError: there is no such model, or its files alone show that it cannot be taken.
    """
    folder = locate_model(source)
    return {name: checksum(folder / name) for name in _files(folder)}


def _files(folder: Path) -> list[str]:
    check_config(folder)
    check_kind(folder)
    tokenizer = [name for name in TOKENIZER_FILES if (folder / name).is_file()]
    return sorted({"config.json", *weight_files(folder), *tokenizer})
