"""Tokenizers on disk: ordinary Hugging Face folders, which every reader reads alike, and none makes a text explode."""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tokenizers import Tokenizer

from equiglot.errors import InputError, known_refusal
from equiglot.files import write_json
from equiglot.reading import read_json_object
from equiglot.settings import SHORTEST

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

MOST_GROWTH = 10_000
"""Characters that may become of one, by all steps together; in Unicode's own normalisation (NFKC) 18 may."""
_LARGEST_TABLE = 10_000_000  # bytes; SentencePiece's own have a third of a million
# What must stand in a regular expression that can fit nothing: repeats, choices, borders, looking ahead and behind.
_MAYBE_NOTHING = re.compile(r"[*?^$|]|\{0|\{,|\(\)|\\[bBGAzZK]")


def growth(description: dict[str, Any]) -> float:
    """How many characters or tokens may become of one, at most, as a tokenizer.json says it.

    Replacements of replacements multiply: seven that make ten letters of one make ten million.
    """
    steps = [*_steps(description.get("normalizer")), *_steps(description.get("decoder"))]
    template = description.get("post_processor")
    pieces = template.get("single") if isinstance(template, dict) else None
    return math.prod(map(_factor, steps)) * (max(1, len(pieces)) if isinstance(pieces, list) else 1)


def _steps(node: Any) -> Iterator[dict[str, Any]]:
    """The steps of a normaliser or decoder, those of a sequence one after the other."""
    if isinstance(node, list):
        for each in node:
            yield from _steps(each)
    elif isinstance(node, dict):
        yield node
        for name in ("normalizers", "decoders"):
            yield from _steps(node.get(name))


def _factor(step: dict[str, Any]) -> float:
    """How many characters one step may make of one."""
    if step.get("type") == "Replace":
        pattern = step.get("pattern")
        content, kinds = _text(step.get("content")), pattern if isinstance(pattern, dict) else {}
        replaced, expression = _text(kinds.get("String")), _text(kinds.get("Regex"))
        if not replaced and (not expression or _MAYBE_NOTHING.search(expression)):
            return 1 + 2 * len(content)  # put in before the character, and after it
        return max(1.0, len(content) / max(1, len(replaced)))
    if step.get("type") == "Prepend":
        return 1 + len(_text(step.get("prepend")))
    if step.get("type") == "Precompiled":
        return _longest_entry(step.get("precompiled_charsmap"))
    return 1


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _longest_entry(charsmap: Any) -> int:
    """Bytes of the longest text in a SentencePiece table: a trie, its length before it, then texts that end in NUL."""
    try:
        table = base64.b64decode(charsmap)
    except (binascii.Error, ValueError, TypeError):  # which the library says itself
        return 1
    if len(table) > _LARGEST_TABLE:
        return len(table)
    return max(1, *map(len, table[4 + int.from_bytes(table[:4], "little") :].split(b"\0")))


_SENTENCEPIECE = ("sentencepiece.bpe.model", "spiece.model", "spm.model", "tokenizer.model")
_SOURCES = ("tokenizer.json", "vocab.txt", "vocab.json", *_SENTENCEPIECE)
TOKENIZER_FILES = (*_SOURCES, "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "merges.txt")
"""All that a tokenizer can be read from; a folder has some of them."""
_EXECUTABLE = (".py", ".pkl", ".pickle", ".joblib")


def write_tokenizer(
    tokenizer: PreTrainedTokenizerFast,
    folder: Path,
    *,
    max_length: int | None = None,
    inputs: Sequence[str] | None = None,
) -> None:
    """Writes tokenizer.json and tokenizer_config.json into `folder`, alone or beside a model's config.json.

    transformers 5 makes a `BertTokenizer` anew from flags (`do_lower_case`, `strip_accents`) where the configuration
    names that class or none and config.json says `bert`; our normaliser would be lost. `PreTrainedTokenizerFast` is
    the name under which versions 4 and 5 both take tokenizer.json as it is.

    Args:
        tokenizer: any fast tokenizer.
        folder: where to; made if it is not there.
        max_length: tokens that the model beside it can read, special ones included; else the tokenizer's own.
        inputs: names of what the model beside it reads (not all take token types); else the tokenizer's own.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.backend_tokenizer.no_truncation()
    tokenizer.backend_tokenizer.no_padding()
    tokenizer.backend_tokenizer.save(str(folder / "tokenizer.json"))
    roles: dict[str, Any] = {
        role: str(token) for role, token in tokenizer.special_tokens_map.items() if isinstance(token, str)
    }
    if further := further_special_tokens(tokenizer):
        roles["additional_special_tokens"] = further  # a name that versions 4 and 5 of transformers read alike
    write_json(
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": max_length or tokenizer.model_max_length,
            "clean_up_tokenization_spaces": False,
            "model_input_names": list(inputs or tokenizer.model_input_names),
            "padding_side": tokenizer.padding_side,
            "truncation_side": tokenizer.truncation_side,
            **roles,
        },
    )


def further_special_tokens(tokenizer: PreTrainedTokenizerFast) -> list[str]:
    """Special tokens that a tokenizer has beside those with a role of their own (padding, mask and so on)."""
    known = tokenizer.get_vocab()
    return [str(token) for token in tokenizer.extra_special_tokens if str(token) in known]


def tokenizer_bytes(tokenizer: PreTrainedTokenizerFast) -> int:
    """The bytes of tokenizer.json, as `write_tokenizer` writes it."""
    return len(tokenizer.backend_tokenizer.to_str(pretty=True).encode())


def load_tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    """The fast tokenizer of a Hugging Face folder; nothing is fetched and nothing in the folder is executed.

    Raises:
        InputError: there is no tokenizer, it wants code of its own to be run, its files are damaged, it would make
            texts many times as long, or it says of no model how much that can read.
    """
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    _refuse_no_tokenizer(folder)
    _refuse_code(folder)
    _refuse_growth(folder)
    try:
        tokenizer = AutoTokenizer.from_pretrained(str(folder), trust_remote_code=False, local_files_only=True)
    except BaseException as error:  # The Rust side raises bare Exception, and panics.
        refused = known_refusal(error, folder)
        if refused is None and not isinstance(error, Exception):
            raise
        raise refused or _unreadable(error, folder) from error
    if not isinstance(tokenizer, PreTrainedTokenizerFast):
        raise InputError(
            f"The tokenizer is a {type(tokenizer).__name__}, without a fast version.",
            where=folder,
            fix="Save it with a tokenizer.json.",
        )
    _refuse_length(tokenizer.model_max_length, folder)
    return tokenizer


def load_backend(folder: Path) -> Tokenizer:
    """The tokenizer.json of a folder alone: it cuts text as `load_tokenizer`'s does, and is there without transformers.

    Raises:
        InputError: there is none, it is damaged, or it would make texts many times as long.
    """
    _refuse_growth(folder)
    try:
        backend = Tokenizer.from_file(str(folder / "tokenizer.json"))
    except BaseException as error:  # as above
        refused = known_refusal(error, folder)
        if refused is None and not isinstance(error, Exception):
            raise
        raise refused or _unreadable(error, folder) from error
    backend.no_truncation()
    backend.no_padding()
    return backend


def _unreadable(error: BaseException, folder: Path) -> InputError:
    return InputError(f"The tokenizer cannot be read: {error}", where=folder, fix="Get or make the folder again.")


def check_same_vocabulary(folder: Path, tokenizer: PreTrainedTokenizerFast) -> None:
    """Refuses a model whose ids stand for other tokens than `tokenizer`'s.

    Raises:
        InputError: another vocabulary, or none beside the model.
    """
    if load_tokenizer(folder).get_vocab() != tokenizer.get_vocab():
        raise InputError(
            "the model's vocabulary is not the run's",
            where=folder,
            fix="start from a model of a run with the same vocabulary (`--reuse` that run's folder)",
        )


def _refuse_no_tokenizer(folder: Path) -> None:
    if not folder.is_dir():
        raise InputError("There is no such folder.", where=folder, fix="Give the folder of a tokenizer or a model.")
    if not any((folder / name).is_file() for name in _SOURCES):
        raise InputError(
            "There is no tokenizer in this folder.", where=folder, fix="Give a folder with a tokenizer.json in it."
        )


def _refuse_code(folder: Path) -> None:
    fix = "Convert it to a folder with tokenizer.json alone; code and pickles from data are never run."
    for path in sorted(folder.iterdir()):
        if path.suffix in _EXECUTABLE:
            raise InputError("The tokenizer folder holds code or a pickle.", where=path, fix=fix)
    for name in ("tokenizer_config.json", "config.json"):
        if "auto_map" in _read_object(folder / name):
            raise InputError("The tokenizer wants code of its own to be run.", where=folder / name, fix=fix)


def _read_object(path: Path) -> dict[str, Any]:
    return read_json_object(path) if path.is_file() else {}


def _refuse_growth(folder: Path) -> None:
    path = folder / "tokenizer.json"
    if (factor := growth(_read_object(path))) > MOST_GROWTH:
        what = f"The tokenizer may make {factor:,.0f} characters or tokens of one, and {MOST_GROWTH:,} is the limit."
        fix = "Look at `Replace`, `Prepend` and `Precompiled` in its normaliser, and at its template; or get another."
        raise InputError(what, where=path, fix=fix)


def _refuse_length(length: Any, folder: Path) -> None:
    """A model that reads fewer tokens than `SHORTEST` is none; many tokenizers say 10 ** 30, for no limit."""
    if isinstance(length, bool) or not isinstance(length, int | float) or not length >= SHORTEST:
        what = f"The tokenizer says that its model reads {length!r} tokens at once: give a number, {SHORTEST} or more."
        where = f"{folder / 'tokenizer_config.json'}, field model_max_length"
        raise InputError(what, where=where, fix="Correct it to what the model's config.json says.")
