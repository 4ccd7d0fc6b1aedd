"""How characters are written, and what becomes of those that are not seen."""

import sys
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from equiglot.corpus.characters import BLANK, LONGEST_RUN, UNSEEN, compose, tidy, unseen

lines = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)
GONE = {chr(code) for first, last in UNSEEN for code in range(first, last + 1)}
SPACE = {chr(code) for first, last in BLANK for code in range(first, last + 1)}
# What scripts spell with, and number marks of Arabic, Syriac and Kaithi, which are visible.
SPELT = "\u200c\u200d\u180e\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd"


def normal(text: str) -> str:
    return tidy(compose(text))


def test_the_list_is_of_every_character_that_is_not_seen() -> None:
    listed = GONE | SPACE | set(SPELT)
    assert not GONE & SPACE and not (GONE | SPACE) & set(SPELT)
    for character in map(chr, range(sys.maxunicode + 1)):
        if unicodedata.category(character) in ("Cc", "Cf"):
            assert character in listed, f"{ord(character):X}"
        elif unicodedata.category(character) != "Cn":
            assert character not in listed - {"\ufffd"}, f"{ord(character):X}"


@given(lines)
@example("e\u200e\u0301")  # dropping what stands between lets the two compose
@example("a\u200b \u200b b")
@example("\u2000\u3000x\u00ad\u0085")
def test_tidying_is_idempotent_and_leaves_nothing_untidy(line: str) -> None:
    tidied = normal(line)
    assert normal(tidied) == tidied
    assert unicodedata.is_normalized("NFC", tidied)
    assert tidied == tidied.strip() and "  " not in tidied
    assert not (GONE | SPACE) & set(tidied)
    assert all(c == " " or not c.isspace() for c in tidied)


@given(lines)
def test_only_white_space_and_what_is_not_seen_change(line: str) -> None:
    kept = [c for c in line if not c.isspace() and c not in GONE | SPACE]
    found = unicodedata.normalize("NFD", normal(line).replace(" ", ""))
    # Marks may be reordered where a space between them went.
    assert sorted(found) == sorted(unicodedata.normalize("NFD", "".join(kept)))


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("می\u200cآیند و می\u200dروند", "می\u200cآیند و می\u200dروند"),
        ("क्\u200dष \u200eabc\u202c", "क्\u200dष abc"),
        ("ខ្ញុំ\u200bទៅ\u200bសាលា", "ខ្ញុំ ទៅ សាលា"),  # the zero-width space parts words
        ("\u2067مرحبا\u2069 بكم\u061c", "مرحبا بكم"),
        ("one\x00two\x7f", "one two"),
        ("Sil\xadben\ufeff a\ufffdb", "Silben ab"),
    ],
)
def test_what_is_not_seen(raw: str, clean: str) -> None:
    assert normal(raw) == clean


@given(lines)
def test_what_is_not_seen_is_counted(line: str) -> None:
    assert unseen(line) == sum(character in GONE for character in line)


@pytest.mark.parametrize(
    "marks", ["\u0f72\u0f71", "\u0323\u0301", "\u0f73", "\u0f73\u0f71", "\u200e\u0301\u200e\u0323", "\u0344"]
)
def test_marks_in_endless_rows_are_cut_short(marks: str) -> None:
    """Python would take minutes to put them in order."""
    found = normal("e" + marks * 100_000 + "n")
    assert found.endswith("n") and len(found) <= 2 * LONGEST_RUN + 2
    assert unicodedata.is_normalized("NFC", found) and normal(found) == found


def test_a_row_of_marks_as_long_as_any_is_only_put_in_order() -> None:
    text = "\u0f40" + "\u0f72\u0f71" * (LONGEST_RUN // 2)
    assert compose(text) == unicodedata.normalize("NFC", text) != text


@given(lines)
def test_any_other_text_is_composed_as_python_does_it(line: str) -> None:
    assert compose(line) == unicodedata.normalize("NFC", line)
    assert compose(line, "NFKC") == unicodedata.normalize("NFKC", line)
