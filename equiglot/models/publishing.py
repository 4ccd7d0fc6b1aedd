"""A model folder to the Hugging Face hub: checked first, and nothing sent but what was listed."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from equiglot.errors import InputError
from equiglot.models.building import load_model
from equiglot.models.validation import check_ids, weight_files
from equiglot.vocabulary import load_tokenizer

_NEEDED = {
    "config.json": "save the model with `save_pretrained`",
    "tokenizer.json": "save its tokenizer beside it, with `save_pretrained`",
    "README.md": "write a model card: what the model is, what it was trained on, its licence and its limits",
}
_SENT = (*_NEEDED, "generation_config.json", "training.json")
_SENT = (*_SENT, "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json")


@dataclass(frozen=True)
class Upload:
    """What would be sent.

    Attributes:
        folder: of the model.
        files: name -> bytes.
        kept: files of the folder that are not sent.
        parameters: of the model.
    """

    folder: Path
    files: dict[str, int]
    kept: tuple[str, ...]
    parameters: int


def prepare_upload(folder: Path) -> Upload:
    """Checks that a model folder is whole: a card, and weights and a tokenizer that load and fit each other.

    Raises:
        InputError: something is missing, does not load, or does not fit.
    """
    for name, fix in _NEEDED.items():
        if not (folder / name).is_file():
            raise InputError(f"the model folder has no {name}", where=folder, fix=fix)
    _check_card(folder / "README.md")
    tokenizer = load_tokenizer(folder)
    model = load_model(folder)
    check_ids(tokenizer, model, folder)
    sent = [folder / name for name in (*_SENT, *weight_files(folder)) if (folder / name).is_file()]
    files = {path.name: path.stat().st_size for path in sent}
    kept = sorted(path.name for path in folder.iterdir() if path.name not in files)
    return Upload(folder, files, tuple(kept), model.num_parameters())


def _check_card(card: Path) -> None:
    try:
        text = card.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise InputError("the model card is not UTF-8 text", where=card, fix="save it as UTF-8") from None
    if not text.strip():
        raise InputError("the model card is empty", where=card, fix=_NEEDED["README.md"])


def check_token() -> None:
    """Refuses to go on where no token says who is sending.

    Raises:
        InputError: there is none.
    """
    from huggingface_hub import get_token

    if get_token() is None:
        fix = "`hf auth login`, or set HF_TOKEN to a token that may write (huggingface.co/settings/tokens)"
        raise InputError("there is no token for the hub on this machine", fix=fix)


def look_up(repository: str, *, private: bool) -> Literal["private", "public"] | None:
    """Who may read a repository that is there already; None where there is none.

    Raises:
        InputError: a wrong name, a token that is not accepted, no network, or a repository that is public though a
            private one is asked for.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import RepositoryNotFoundError

    with _readable(repository):
        try:
            found = HfApi().model_info(repository)
        except RepositoryNotFoundError as error:
            if error.response.status_code != 404:
                raise
            return None
    if private and not found.private:
        what = "the repository is there already, and public: nothing was sent"
        raise InputError(what, where=repository, fix="make it private on the hub, or choose another name")
    return "private" if found.private else "public"


def send(upload: Upload, repository: str, *, private: bool) -> str:
    """Makes the repository, if it is not there, and sends the files as one commit; the address of the model.

    Raises:
        InputError: a wrong name, a token that is not accepted or may not write, no network, or a repository that is
            public though a private one was asked for.
    """
    from huggingface_hub import CommitOperationAdd, HfApi

    api = HfApi()
    with _readable(repository):
        place = api.create_repo(repository, private=private, exist_ok=True)
        look_up(place.repo_id, private=private)
        operations = [CommitOperationAdd(name, upload.folder / name) for name in upload.files]
        api.create_commit(place.repo_id, operations, commit_message="Model sent by Equiglot")
    return str(place.url)


@contextmanager
def _readable(repository: str) -> Iterator[None]:
    """Turns what the hub and the network refuse into one message."""
    from httpx2 import HTTPError
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    try:
        yield
    except HFValidationError as error:
        raise InputError(
            f"this cannot be the name of a repository: {error}", where=repository, fix="name/model"
        ) from None
    except HfHubHTTPError as error:
        status = error.response.status_code
        if status == 401:
            what, fix = "the hub does not accept the token", "`hf auth login` again, or correct HF_TOKEN"
        elif status in (403, 404):
            what = f"the token has no right to write here: {error.server_message or status}"
            fix = "use a token that may write, and a name or organisation of your own"
        else:
            what, fix = f"the hub refuses: {error.server_message or error}", "try again later"
        raise InputError(what, where=repository, fix=fix) from None
    except (OSError, HTTPError) as error:
        what = f"the hub cannot be reached: {error}"
        raise InputError(what, where=repository, fix="check the network; HF_HUB_OFFLINE must not be set") from None
