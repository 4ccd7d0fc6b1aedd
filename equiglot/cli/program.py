"""The program itself: its commands, where it prints, and how it ends."""

import io
import os
import select
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer
from typer.core import TyperGroup

from equiglot.errors import InputError, Interrupted, check_name, refusal
from equiglot.terminal import Terminal


class _Commands(TyperGroup):
    """Commands to which it is a signal, not a bug, that whoever read the output has gone: `| head -1`."""

    def invoke(self, ctx: Any) -> Any:
        """Does what is asked for, and writes out what is printed."""
        with _reader():
            result = super().invoke(ctx)
            sys.stdout.flush()
            return result


@contextmanager
def _reader() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError as error:
        raise Interrupted(signal.SIGPIPE) if _reader_is_gone() else refusal(error) or error from None


def _reader_is_gone() -> bool:
    """Whether nobody can read the output any more; what is still to be written then goes nowhere."""
    gone = select.poll()
    gone.register(sys.stdout.fileno(), select.POLLOUT)
    if not any(event & select.POLLERR for _, event in gone.poll(0)):
        return False
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return True


app = typer.Typer(
    cls=_Commands,
    help="One multilingual encoder in which no language pays for another.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
output, errors = Terminal(), Terminal(stderr=True)


def be_quiet() -> None:
    """Transformers says nothing beside what the program says."""
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()


def listed(text: str) -> list[str]:
    """The parts of a list with commas."""
    return [part for each in text.split(",") if (part := each.strip())]


def main() -> None:
    """The program: exit code 0 done, 2 bad input (one message), 1 a bug (a traceback), 128 + n after signal n.

    Where whoever read the output has gone, that is as after SIGPIPE, and without a word.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):  # what a pipe of another encoding cannot take is written as \\xfc
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        for argument in sys.argv:
            check_name(argument)
        app()
    except Interrupted as error:
        if error.signal != signal.SIGPIPE:
            errors.print("Stopped; the same command continues.")
        sys.exit(128 + error.signal)
    except InputError as error:
        _fail(error)
    except BaseException as error:
        refused = refusal(error)
        if refused is None:
            raise
        _fail(refused)


def _fail(error: InputError) -> None:
    print(f"Error: {error}", file=sys.stderr)
    sys.exit(2)
