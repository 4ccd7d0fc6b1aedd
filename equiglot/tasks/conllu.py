"""CoNLL-U: the words of treebanks and their universal part-of-speech tags."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from conllu import Token, parse_token_and_metadata
from conllu.exceptions import ParseException
from conllu.parser import DEFAULT_FIELD_PARSERS

from equiglot.tasks.sentences import Sentence, at_lines, blocks, malformed

COLUMNS, ID_CHARACTERS = 10, 20
_FIELDS = ("id", "form", "lemma", "upos", "xpos", "feats", "head")  # those behind them are not parsed
_PARSERS = {**{field: lambda columns, at: columns[at] for field in _FIELDS}, "id": DEFAULT_FIELD_PARSERS["id"]}


def read_conllu(file: Path, notes: Counter[str]) -> Iterator[Sentence]:
    """The sentences of a treebank, those without words too; ranges of tokens (1-2) and empty nodes (1.1) are no words.

    Args:
        file: UTF-8, plain or packed.
        notes: counts trees without a root.

    Raises:
        InputError: a line without ten columns, an id that is none, or words that are not numbered 1, 2, 3, ...
    """
    for block in blocks(file):
        tokens = [(line, _token(file, line, text)) for line, text in block if not text.startswith("#")]
        words = [(line, token) for line, token in tokens if isinstance(token["id"], int)]
        for expected, (line, token) in enumerate(words, 1):
            if token["id"] != expected:
                what = f"The word {token['id']} stands where word {expected} of a sentence should."
                fix = "number the words of a sentence 1, 2, 3, ..., with a blank line between sentences"
                raise malformed(file, line, what, fix)
        notes["trees without a root (used all the same)"] += bool(words) and all(t["head"] != "0" for _, t in words)
        forms, tags = [token["form"] for _, token in words], [token["upos"] for _, token in words]
        yield at_lines(file, forms, tags, [line for line, _ in words])


def _token(file: Path, line: int, text: str) -> Token:
    columns = text.count("\t") + 1
    if columns != COLUMNS:
        what = f"A line of CoNLL-U has {COLUMNS} columns with tabs between them, this one has {columns}."
        raise malformed(file, line, what, "correct it, or give the file that the treebank was published as")
    digits = text.index("\t")
    if digits > ID_CHARACTERS:
        what = f"The id of a word has {digits:,} characters; it is a number."
        raise malformed(file, line, what, "number the words of a sentence 1, 2, 3, ...")
    try:
        token: Token = parse_token_and_metadata(text, _FIELDS, _PARSERS)[0]
    except ParseException as error:
        raise malformed(file, line, f"This is no line of CoNLL-U: {error}", "correct it") from None
    if token["id"] is None or not token["form"]:
        raise malformed(file, line, "A word of CoNLL-U has an id and a form; here one is missing.", "correct it")
    return token
