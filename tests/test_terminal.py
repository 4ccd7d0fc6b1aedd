"""What is printed does nothing to a terminal, whoever named what is in it."""

import io
import sys
from pathlib import Path

import pytest
from rich.progress import Progress, TextColumn
from rich.table import Table
from rich.text import Text

from equiglot.cli import main
from equiglot.errors import LONGEST_PART, InputError, harmless
from equiglot.terminal import Terminal

EVIL = "\x1b]0;owned\x07\x1b[2J\r\x9b31m\u202egnp.\x08[red]x[/nothing]"
NAME, AS_SHOWN = "\x1b[2J\x9b31m\u202e[red]x[/nothing]", r"\x1b[2J\x9b31m\u202e[red]x[/nothing]"
SHOWN = r"\x1b]0;owned\x07\x1b[2J\r\x9b31m\u202egnp.\x08[red]x[/nothing]"


def printed(*parts: object, **options: object) -> str:
    file = io.StringIO()
    console = Terminal(file=file, width=200, **options)
    for part in parts:
        console.print(part)
    return file.getvalue()


def test_text_that_is_read_stays_as_it_is() -> None:
    text = "हिन्दी\tمی\u200cخواهم 👩\u200d👧 a\u00a0b\n\u200eعربي"
    assert harmless(text) == text


def test_what_commands_a_terminal_is_written_out() -> None:
    assert harmless(EVIL) == SHOWN
    assert harmless("caf\udce9.txt\u2028") == r"caf\udce9.txt\u2028"  # a path in Latin-1


def test_a_message_is_harmless_and_ends() -> None:
    error = InputError(f"{EVIL} is wrong", where=Path(f"runs/{EVIL}"), fix=f"rename {EVIL}")
    assert str(error).count(SHOWN) == 3 and str(error).count("\n") == 2
    assert len(str(InputError("x" * 10**6, where="y" * 10**6, fix="z"))) < 3 * LONGEST_PART
    assert error.what == f"{EVIL} is wrong"  # the recipe's field or the path stays what it is


def test_the_terminal_prints_names_as_text() -> None:
    table = Table(NAME, box=None)
    table.add_row(NAME)
    shown = printed(NAME, Text(NAME), table)
    assert shown.count(AS_SHOWN) == 4 and "\x1b" not in shown


def test_colours_of_our_own_stay() -> None:
    assert printed(Text("bold", style="bold"), force_terminal=True) == "\x1b[1mbold\x1b[0m\n"


def test_bars_are_harmless_too() -> None:
    file = io.StringIO()
    console = Terminal(file=file, width=200, force_terminal=True, color_system=None)
    with Progress(TextColumn("{task.description}", markup=False), console=console) as bars:
        bars.add_task("\x1b[2J\x9b31m")
    assert r"\x1b[" in file.getvalue() and "\x1b[2J" not in file.getvalue() and "\x9b" not in file.getvalue()


def test_a_path_with_control_characters_on_the_command_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["equiglot", "status", EVIL])
    with pytest.raises(SystemExit) as end:
        main()
    errors = capsys.readouterr().err
    assert end.value.code == 2 and SHOWN in errors and "\x1b" not in errors
