"""The files of labelled data: words and BIO tags, CoNLL-U and its trees, tables of texts, rows of typed columns."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from conllu import Token, parse_token_and_metadata
from conllu.exceptions import ParseException
from conllu.parser import DEFAULT_FIELD_PARSERS

from equiglot.corpus.opening import numbered_lines
from equiglot.corpus.records import ROWS, check_column, opened_table
from equiglot.errors import InputError
from equiglot.reading import without_halves
from equiglot.tasks.health import OTHER_TEXT, is_other_text
from equiglot.tasks.sentences import TEXT_CHARACTERS, UNSPECIFIED, Sentence, at_lines, blocks, malformed
from equiglot.tasks.trees import is_tree

if TYPE_CHECKING:
    import pyarrow as pa

_DOCUMENT = "-DOCSTART-"  # where a document begins in the files of CoNLL-2003: no word


def read_bio(file: Path) -> Iterator[Sentence]:
    """The sentences of a file with a word in the first column and its tag in the last.

    Where a line has tabs, they are between its columns, and a word may hold spaces; otherwise spaces are.

    Args:
        file: UTF-8, plain or packed; blank lines between sentences.

    Raises:
        InputError: a line with one column, or without word or tag.
    """
    for block in blocks(file):
        rows = [(line, *_word_and_tag(file, line, text)) for line, text in block]
        rows = [row for row in rows if row[1] != _DOCUMENT]
        if rows:
            lines, words, tags = zip(*rows, strict=True)
            yield at_lines(file, list(words), list(tags), lines)


def _word_and_tag(file: Path, line: int, text: str) -> tuple[str, str]:
    """Word and tag."""
    columns = [column.strip(" ") for column in text.split("\t")] if "\t" in text else re.split(" +", text.strip(" "))
    if len(columns) < 2 or not (columns[0] and columns[-1]):
        what = "A line has a word and its tag, with a tab or spaces between them; here one is missing."
        raise malformed(file, line, what, "correct it; between sentences stands a blank line")
    return columns[0], columns[-1]


BROKEN_TREES = "trees with a cycle, without a root or with several (used all the same, and scored word by word)"
COLUMNS, ID_CHARACTERS = 10, 20
_FIELDS = ("id", "form", "lemma", "upos", "xpos", "feats", "head", "deprel")  # those behind them are not parsed
_PARSERS = {**{field: lambda columns, at: columns[at] for field in _FIELDS}, "id": DEFAULT_FIELD_PARSERS["id"]}


def read_conllu(
    file: Path, notes: Counter[str], *, trees: bool = False, unscored: Collection[str] = ()
) -> Iterator[Sentence]:
    """The sentences of a treebank, those without words too; ranges of tokens (1-2) and empty nodes (1.1) are no words.

    Args:
        file: UTF-8, plain or packed.
        notes: counts sentences whose words are not those of their text, and trees without a root; of trees that are
            read, all that are broken.
        trees: whether heads are read, and relations as labels, in place of universal part-of-speech tags.
        unscored: of trees, parts of speech whose words do not count in scores.

    Raises:
        InputError: a line without ten columns, an id that is none, or words that are not numbered 1, 2, 3, ...; of
            trees, a head that is no number or outside of its sentence, or a word without a relation.
    """
    for block in blocks(file):
        tokens = [(line, _token(file, line, text)) for line, text in block if not text.startswith("#")]
        words = [(line, token) for line, token in tokens if isinstance(token["id"], int)]
        for expected, (line, token) in enumerate(words, 1):
            if token["id"] != expected:
                what = f"The word {token['id']} stands where word {expected} of a sentence should."
                fix = "number the words of a sentence 1, 2, 3, ..., with a blank line between sentences"
                raise malformed(file, line, what, fix)
        forms, lines = [token["form"] for _, token in words], [line for line, _ in words]
        if is_other_text((text for _, text in block), (token for _, token in tokens)):
            notes[OTHER_TEXT] += 1
        if trees:
            heads = [_head(file, line, token, len(words)) for line, token in words]
            notes[BROKEN_TREES] += bool(words) and not is_tree(heads)
            relations = [_relation(file, line, token) for line, token in words]
            scored = [token["upos"] not in unscored for _, token in words] if unscored else ()
            yield replace(at_lines(file, forms, relations, lines), heads=heads, scored=scored)
        else:
            notes["trees without a root (used all the same)"] += bool(words) and all(t["head"] != "0" for _, t in words)
            yield at_lines(file, forms, [token["upos"] for _, token in words], lines)


def _head(file: Path, line: int, token: Token, words: int) -> int:
    """The number of a word's head; 0 for the root."""
    text, there = token["head"], "a number from 0 (the root) to the number of the sentence's words"
    if not (text.isascii() and text.isdigit() and len(text) < ID_CHARACTERS):
        what = f"The head of word {token['id']} is {text[:ID_CHARACTERS]!r}, and a tree is needed: {there}."
        raise malformed(file, line, what, "correct it, or give a treebank that has trees")
    if int(text) > words:
        what = f"The head of word {token['id']} is word {text}, and the sentence has {words}."
        raise malformed(file, line, what, f"correct it to {there}")
    return int(text)


def _relation(file: Path, line: int, token: Token) -> str:
    """A word's universal relation to its head, without its subtype: nsubj of nsubj:pass."""
    name: str = token["deprel"].partition(":")[0]
    if not name or name == UNSPECIFIED:
        what = f"Word {token['id']} has no relation to its head."
        raise malformed(file, line, what, "write it in the eighth column, or give a treebank that has relations")
    return name


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


csv.field_size_limit(2 * TEXT_CHARACTERS + 2)  # with every character a doubled quote: beyond, quotes stay in the text


def read_tsv(file: Path, texts: Sequence[str], label: str) -> Iterator[Sentence]:
    """The texts, or pairs of texts, of a table.

    Args:
        file: UTF-8, plain or packed; its first line names the columns.
        texts: the column with the text, or those with the texts of a pair.
        label: the column with the class.

    Raises:
        InputError: a column that is not there, or a line with another number of columns than the first.
    """
    lines = numbered_lines(file)
    for first, line in lines:
        header = _columns(line)
        at = [_place(file, first, header, name) for name in (*texts, label)]
        break
    for number, line in lines:
        columns = _columns(line)
        if len(columns) != len(header) and len(parts := line.split("\t")) == len(header):
            columns = parts  # marks that open one text and end another are part of both
        if len(columns) != len(header):
            what = f"This line has {len(columns)} columns, the first one {len(header)}."
            raise malformed(file, number, what, "give each line as many; a text has neither tabs nor line ends in it")
        *words, named = (columns[place] for place in at)
        filled = all(word.strip() for word in words)
        yield at_lines(file, words * filled, [named] * filled, [number] * len(words))


def _columns(line: str) -> list[str]:
    """The columns of a line, freed of the quotes that programs of tables put around a text with quotes in it."""
    try:
        (columns,) = csv.reader([line], delimiter="\t", strict=True)
    except csv.Error:  # a quotation mark that opens a text and is part of it
        return line.split("\t")
    return columns


def _place(file: Path, line: int, header: list[str], name: str) -> int:
    if name not in header:
        near = get_close_matches(name, header, n=1)
        fix = f"did you mean {near[0]!r}?" if near else f"its columns are: {', '.join(header)}"
        raise malformed(file, line, f"{file.name} has no column {name!r}.", fix)
    return header.index(name)


Unit = Literal["word", "sentence", "pair"]


def read_jsonl(file: Path, texts: Sequence[str], label: str) -> Iterator[Sentence]:
    """The pairs of texts of a file with a JSON object a line.

    Args:
        file: UTF-8, plain or packed; blank lines are skipped.
        texts: the fields with the two texts.
        label: the field with their class, text or a number.

    Raises:
        InputError: a line that is no such object.
    """
    for number, line in numbered_lines(file):
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):  # also brackets a thousand deep
            raise malformed(file, number, "This line is no JSON.", "write an object a line") from None
        for name in (*texts, label):
            if not isinstance(found, dict) or name not in found:
                near = f"its fields are: {', '.join(map(str, found))}" if isinstance(found, dict) else "write one"
                raise malformed(file, number, f"There is no object with the field {name!r}.", near)
        pair, named = [_mended(found[name]) for name in texts], _mended(found[label])
        row = pair, str(named) if type(named) is int else named
        yield from labelled_rows([row], "pair", (), _always(f"{file}:{number}"))


def _mended(value: Any) -> Any:
    """A text without half surrogate pairs; whatever else it is, as it is."""
    return without_halves(value) if isinstance(value, str) else value


def read_parquet(file: Path, texts: Sequence[str], label: str, unit: Unit) -> Iterator[Sentence]:
    """The rows of a Parquet file; numbers stand for the names in the metadata that `datasets` writes.

    Args:
        file: the file.
        texts: the column with words or a text, or those with the texts of a pair.
        label: the column with tags or a class.
        unit: what is labelled.

    Raises:
        InputError: a column that is not there or holds something else, or a number without a name.
    """
    with opened_table(file) as table:
        schema = table.schema_arrow
        for name in (*texts, label):
            check_column(schema, name, file)
        batches = table.iter_batches(ROWS, columns=[*texts, label])
        rows = (row for batch in batches for row in batch.to_pylist())
        pairs = ((texts_of(row, texts, unit), row[label]) for row in rows)
        try:
            yield from labelled_rows(pairs, unit, class_names(schema, label), lambda row: f"{file}, row {row:,}")
        except UnicodeDecodeError:
            what = f"{file.name} holds text that is not UTF-8."
            raise InputError(what, where=file, fix="write it as UTF-8 again") from None


def texts_of(row: Mapping[str, Any], columns: Sequence[str], unit: Unit) -> Any:
    """What a row holds: words or a text, or a list of the two texts of a pair."""
    return [row[name] for name in columns] if unit == "pair" else row[columns[0]]


def labelled_rows(
    rows: Iterable[tuple[Any, Any]], unit: Unit, names: Sequence[str], place: Callable[[int], str]
) -> Iterator[Sentence]:
    """Rows as sentences; null and blank ones have no words.

    Args:
        rows: of each, words and tags, or a text (a list of two) and its class; a tag or class is text or a number.
        unit: what is labelled.
        names: what the numbers stand for.
        place: number of a row, from 1 on -> where it stands, for a message.

    Raises:
        InputError: a row that is not so.
    """
    for number, (text, label) in enumerate(rows, 1):
        words, labels = _lists(text, label, unit)
        if not _are_texts(words) or not isinstance(labels, list):
            what = f"{_EXPECTED[unit]} are expected"
            fix = f"name the right columns with `text`{', `second`' if unit == 'pair' else ''} and `label`"
            raise InputError(f"{what}, not {_short(text)} and {_short(label)}.", where=place(number), fix=fix)
        if unit == "word" and len(words) != len(labels):
            what = f"This sentence has {len(words)} words and {len(labels)} tags."
            raise InputError(what, where=place(number), fix="give each word one tag")
        names_of_labels = [_name(each, names, place(number)) for each in labels]
        yield Sentence(words, names_of_labels, _always(place(number)))


_EXPECTED = {
    "word": "Lists of words and tags",
    "sentence": "A text and its class",
    "pair": "Two texts and their class",
}


def class_names(schema: pa.Schema, column: str) -> tuple[str, ...]:
    """The names that a column's numbers stand for, by the metadata that `datasets` writes; or nothing."""
    try:
        feature = json.loads(schema.metadata[b"huggingface"])["info"]["features"][column]
        return tuple(map(str, feature.get("feature", feature)["names"]))
    except (AttributeError, KeyError, TypeError, ValueError):  # none, or of another form
        return ()


def _always(where: str) -> Callable[[int], str]:
    return lambda _: where


def _lists(text: Any, label: Any, unit: Unit) -> tuple[Any, Any]:
    if unit == "pair":
        blank = any(each is None or (isinstance(each, str) and not each.strip()) for each in text)
        return ([], []) if blank else (text, [label])
    if text is None or (unit == "sentence" and isinstance(text, str) and not text.strip()):
        return [], []
    return (text, label) if unit == "word" else ([text], [label])


def _are_texts(words: Any) -> bool:
    return isinstance(words, list) and all(isinstance(word, str) for word in words)


def _name(label: Any, names: Sequence[str], where: str) -> str:
    if isinstance(label, str):
        return label
    if isinstance(label, int) and 0 <= label < len(names):
        return names[label]
    if isinstance(label, int) and not names:
        what, fix = f"The label is the number {label}, and nothing says what it stands for.", "give labels as text"
        raise InputError(what, where=where, fix=f"{fix}, or as ClassLabel of the package datasets")
    raise InputError(f"{_short(label)} is no label.", where=where, fix=f"there is: {', '.join(names) or 'text'}")


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:40]}..."
