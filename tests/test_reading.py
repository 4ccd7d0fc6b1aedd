"""YAML and JSON of strangers: what would take all memory or end in a traceback is one message."""

from pathlib import Path

import pytest

from equiglot.errors import InputError
from equiglot.reading import (
    DEEPEST,
    LARGEST_JSON,
    LARGEST_TEXT,
    MOST_VALUES,
    read_json_object,
    read_yaml,
    read_yaml_text,
)

HOSTILE = {
    "aliases of aliases": (
        "a0: &a0 [x]\n" + "\n".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)),
        f"more than {MOST_VALUES:,} values",
        6,
    ),
    "merged merges": (
        "a0: &a0 {x: 1}\n" + "\n".join(f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 10)}]}}" for n in range(1, 12)),
        f"more than {MOST_VALUES:,} values",
        6,
    ),
    "brackets": ("a: " + 900 * "[" + 900 * "]", f"more than {DEEPEST} mappings and lists", 1),
    "braces never closed": ("a: " + 100_000 * "{", "mappings and lists", 1),
    "indentation": ("\n".join(f"{n * ' '}a:" for n in range(900)), f"more than {DEEPEST} mappings and lists", 50),
    "many values": ("a: [" + (MOST_VALUES + 1) * "1," + "]", f"more than {MOST_VALUES:,} values", 1),
    "a long number": ("a: " + 5_000 * "1", "a number of more than 100 characters", 1),
    "a number of sixties": ("a: 1" + 50_000 * ":1", "a number of more than 100 characters", 1),
    "a fraction of sixties": ("a: 1" + 400 * ":1" + ".5", "a number of more than 100 characters", 1),
    "a circle": ("a: &a [*a]", "inside of itself", 1),
    "a circle further down": ("a: &a {b: [{c: *a}]}", "inside of itself", 1),
    "a name twice": ("a: 1\na: 2", "'a' stands here twice", 2),
    "a name that is false": ("en: 1\nno: 2", "the name no for something else", 2),
    "code": ("a: !!python/object/apply:os.system [x]", "not YAML", 1),
}
WRONG_TAGS = (
    "!!bool x",
    "!!int ''",
    "!!float ''",
    "!!timestamp x",
    "!!binary é",
    "!!int {a: 1}",
    "2024-13-45",
    "!!int x",
)


@pytest.mark.parametrize("name", HOSTILE)
def test_yaml_that_is_refused(name: str) -> None:
    text, what, line = HOSTILE[name]
    with pytest.raises(InputError) as caught:
        read_yaml(text, "x.yaml")
    assert what in caught.value.what and caught.value.fix
    assert caught.value.where == f"x.yaml:{line}"


@pytest.mark.parametrize("value", WRONG_TAGS)
def test_values_that_are_not_what_their_tag_says(value: str) -> None:
    with pytest.raises(InputError, match="not YAML") as caught:
        read_yaml(f"a: {value}", "x.yaml")
    assert str(caught.value.where).startswith("x.yaml")


@pytest.mark.parametrize(("value", "taken"), [("010", 8), ("1:30", 90), ("-0_7", -7), ("1:30.5", 90.5)])
def test_numbers_that_are_others_in_yaml_are_refused(value: str, taken: int) -> None:
    with pytest.raises(InputError, match=f"does not take {value} for what it looks like, but for {taken}") as caught:
        read_yaml(f"a: 1\nb: {value}", "x.yaml")
    assert caught.value.where == "x.yaml:2"
    assert read_yaml(f"b: '{value}'", "x.yaml")[0] == {"b": value}


def test_a_text_and_a_file_have_a_largest_size(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="too long"):
        read_yaml(LARGEST_TEXT * " " + "a", "x.yaml")
    file = tmp_path / "x.yaml"
    with file.open("wb") as opened:
        opened.truncate(10**12)  # a hole, on no disk
    with pytest.raises(InputError, match="too large for YAML"):
        read_yaml_text(file)
    with pytest.raises(InputError, match=f"no more than {LARGEST_JSON:,}"):
        read_json_object(file)


def test_what_people_write_is_read() -> None:
    text = "a: &a {x: 1, y: [2, 2.5, 0x10, 0]}\nb: {<<: *a, y: 3}\nc: *a\n"
    value, node = read_yaml(text, "x.yaml")
    a = {"x": 1, "y": [2, 2.5, 16, 0]}
    assert value == {"a": a, "b": {"x": 1, "y": 3}, "c": a} and node is not None
    assert read_yaml("# nothing", "x.yaml") == (None, None)
    assert read_yaml("[" * (DEEPEST - 1) + "]" * (DEEPEST - 1), "x.yaml")[0]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("[" * 100_000, "not JSON"),
        ("{", "not JSON"),
        ("[]", "not a JSON object"),
        ('{"a": 1' + "0" * 5000 + "}", "not JSON"),
    ],
)
def test_json_that_is_refused(tmp_path: Path, text: str, what: str) -> None:
    file = tmp_path / "x.json"
    file.write_text(text)
    with pytest.raises(InputError, match=what) as caught:
        read_json_object(file)
    assert caught.value.where == str(file) and caught.value.fix
