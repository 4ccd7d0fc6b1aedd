"""Models that others made, by folder, by run, or by their name on the Hugging Face hub."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from equiglot.corpus.hub import names_folder
from equiglot.errors import InputError
from equiglot.masking import SpecialTokens, special_tokens_of
from equiglot.models.building import load_model
from equiglot.models.devices import on_device
from equiglot.models.validation import check_ids, conversion, position_count
from equiglot.outputs import check_model
from equiglot.run import RunDirectory
from equiglot.settings import SHORTEST
from equiglot.vocabulary import load_tokenizer

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

# What is fetched: nothing that is executed when it is read, and no copy of the weights in another form.
_WANTED = (
    *("config.json", "model*.safetensors*", "tokenizer*.json", "special_tokens_map.json", "added_tokens.json"),
    *("vocab.*", "merges.txt", "*.model"),
    # Of sentence-transformers, whose other modules stand in folders: 1_Pooling, 2_Dense.
    *("modules.json", "*sentence*.json", "[0-9]_*/*.json", "[0-9]_*/*.safetensors"),
)
_PATHS = "correct the path; a name on the hub stands without ./"
_LONGEST = 512  # tokens read at once, also by models that could read more: context beyond it changes little


@dataclass(frozen=True)
class OpenModel:
    """A masked language model, or an encoder with another head, with all that is needed to ask it.

    Attributes:
        name: what it is called in tables.
        model: in evaluation mode, on the GPU if there is one.
        tokenizer: its own, padding and truncation switched off.
        special: special ids.
        max_tokens: tokens of text that it reads at once, special ones not counted.
    """

    name: str
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerFast
    special: SpecialTokens
    max_tokens: int


def name_models(sources: Iterable[str]) -> dict[str, str]:
    """Name -> folder or hub name, for what a user typed: a run folder stands for all its models, RUN/model for one.

    The name is the last part of the source, or as much of its end as tells it from the others: student, demo/student.

    Raises:
        InputError: a run without a finished model, or a model named twice.
    """
    found = [each for source in sources for each in _in_run(source)]
    places = [Path(each).resolve() for each in found]
    for each, place in zip(found, places, strict=True):
        if places.count(place) > 1:
            raise InputError("this model is named twice", where=each, fix="name it once")
    return dict(zip(short_names(found), found, strict=True))


def own_name(source: str) -> str:
    """What a model is called where others read of it: of a folder its last part, since nobody else has its path."""
    return Path(source).resolve().name if Path(source).is_dir() else source


def short_names(paths: Sequence[str]) -> list[str]:
    """The shortest end of each of some paths that is no other's, without the `models` of runs; the path itself where
    all of it is another's, too."""
    parts = [tuple(part for part in Path(each).parts if part != "models") for each in paths]
    short = [_shortest(each, parts) for each in parts]
    return [name if short.count(name) == 1 else each for name, each in zip(short, paths, strict=True)]


def _shortest(own: tuple[str, ...], others: Sequence[tuple[str, ...]]) -> str:
    """The shortest end of a path that is no other's."""
    for length in range(1, len(own)):
        if sum(other[-length:] == own[-length:] for other in others) == 1:
            return "/".join(own[-length:])
    return str(Path(*own))


def find_model(source: str) -> Path:
    """The folder of one model: itself, or RUN/model.

    Raises:
        InputError: there is no such folder, a run with several models, or the model of a run that is not what its
            training wrote.
    """
    found = _in_run(source)
    if len(found) != 1:
        names = ", ".join(Path(each).name for each in found)
        raise InputError(f"the run has several models: {names}", where=source, fix=f"name one: {found[0]}")
    if not Path(found[0]).is_dir():
        raise InputError("there is no such model folder", where=source, fix=_PATHS)
    check_model(Path(found[0]))
    return Path(found[0])


def locate_model(source: str) -> Path:
    """The folder of a model that a recipe names: a path says that it is one (./, ../, / or ~), a name is the hub's,
    whatever folders there are. What the hub has is fetched if need be.

    Raises:
        InputError: as `find_model`; or there is no such folder or no such model.
    """
    return find_model(source) if names_folder(source) else _fetch(source)


def find_or_fetch(source: str) -> Path:
    """The folder of a model that is named on the command line: what is there as a folder, else what the hub has.

    Raises:
        InputError: as `locate_model`.
    """
    return find_model(source) if Path(_in_run(source)[0]).is_dir() else _fetch(source)


def _in_run(source: str) -> list[str]:
    place = Path(source)
    if (place / "config.json").is_file():
        return [source]
    if RunDirectory(place).recipe.is_file():
        models = sorted(file.parent for file in RunDirectory(place).model("*").parent.glob("*/config.json"))
        if not models:
            raise InputError(
                "the run has no finished model yet", where=source, fix="`equiglot status` tells how far it is"
            )
        return [str(model) for model in models]
    in_run = RunDirectory(place.parent).model(place.name)
    return [str(in_run) if (in_run / "config.json").is_file() else source]


def open_model(name: str, source: str) -> OpenModel:
    """The masked language model and tokenizer in a folder or of a hub name.

    Unlike in a recipe, what is there as a folder is taken: it is typed where one sees it.

    Raises:
        InputError: there is none, it is no masked language model, its tokenizer has no mask token or does not fit it,
            or the hub cannot be reached.
    """
    folder = find_or_fetch(source)
    return with_tokenizer(name, on_device(load_model(folder)), folder, source)


def with_tokenizer(name: str, model: PreTrainedModel, folder: Path, source: str) -> OpenModel:
    """A model, wherever it is, with the tokenizer of its folder; `source` is what it is called in messages.

    Raises:
        InputError: the tokenizer has no mask token or does not fit the model, which may read too few tokens at once.
    """
    tokenizer = load_tokenizer(folder)
    check_ids(tokenizer, model, source)
    tokenizer.backend_tokenizer.no_truncation()  # what tokenizer.json says of both is meant for batches
    tokenizer.backend_tokenizer.no_padding()
    longest = min(_LONGEST, tokenizer.model_max_length, position_count(model))
    if longest < SHORTEST:
        what = f"the model reads only {longest} tokens at once, special ones included, and {SHORTEST} are needed"
        raise InputError(what, where=source, fix="use another model")
    return OpenModel(name, model.eval(), tokenizer, special_tokens_of(tokenizer), longest - 2)


def _fetch(source: str) -> Path:
    """The folder that a model of the hub is kept in on this machine, fetched if it is not there.

    Raises:
        InputError: no such model, no right to it, or no network.
    """
    from httpx2 import HTTPError
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, RepositoryNotFoundError

    try:
        folder = Path(snapshot_download(source, allow_patterns=list(_WANTED), ignore_patterns=["[!0-9]*/*"]))
    except HFValidationError:
        raise InputError("there is no such model folder", where=source, fix="correct the path") from None
    except RepositoryNotFoundError:  # a private or gated model looks the same
        what = "there is no such folder, and no such model on the hub that you may read"
        fix = "correct the name; for a private or gated model, `hf auth login` first"
        raise InputError(what, where=source, fix=fix) from None
    except HfHubHTTPError as error:
        raise InputError(f"the hub refuses: {error}", where=source, fix="try again later") from None
    except (OSError, HTTPError):
        what = "there is no such folder, and the hub cannot be reached for a model of this name"
        fix = "correct the path, or get the model where there is a network"
        raise InputError(what, where=source, fix=fix) from None
    if not any(folder.glob("*.safetensors")):
        fix = f"`hf download {source} --local-dir FOLDER`, {conversion(Path('FOLDER'))}\n         and use that folder"
        raise InputError("the hub has no safetensors of this model", where=source, fix=fix)
    return folder
