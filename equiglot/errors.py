"""What a command stops with: bad input, which a user can mend, or a signal. Everything else is a bug.

Everything that a user can mend (a file, a field, a setting, a full disk) is an `InputError`: the command line
prints it without a traceback and exits with code 2. Any other exception is a bug of ours: traceback, exit code 1.
"""

import errno
import os
import re
import signal
from pathlib import Path

LONGEST_PART = 10_000
"""Characters of a part of a message; of a longer one the beginning is shown."""
# What moves the cursor, commands the terminal, ends lines or turns the direction of writing; and halves of characters,
# which stand for the bytes of paths that are not UTF-8.
_ACTIVE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def harmless(text: str) -> str:
    """Text as a terminal may show it: characters that command it are written out, as \\x1b; lines and tabs stay."""
    return _ACTIVE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


class InputError(Exception):
    """Bad input, with its place and its remedy.

    Args:
        what: what was wrong, one sentence.
        where: the file, `file:line` or recipe field concerned.
        fix: what the user can change to go on.
    """

    def __init__(self, what: str, *, where: str | Path | None = None, fix: str | None = None) -> None:
        self.what, self.where, self.fix = what, None if where is None else str(where), fix
        super().__init__(what)

    def __str__(self) -> str:
        lines = [_part(self.what)]
        if self.where:
            lines.append(f"  where: {_part(self.where)}")
        if self.fix:
            lines.append(f"  do:    {_part(self.fix)}")
        return "\n".join(lines)

    def __reduce__(self) -> tuple[object, ...]:
        # Keyword-only arguments would be lost on the way back from a worker process.
        return (_rebuild, (self.what, self.where, self.fix))


def _part(text: str) -> str:
    return harmless(text if len(text) <= LONGEST_PART else f"{text[:LONGEST_PART]} ...")


def _rebuild(what: str, where: str | None, fix: str | None) -> InputError:
    return InputError(what, where=where, fix=fix)


class Interrupted(Exception):
    """A signal asked to stop; the same command continues.

    Args:
        number: the signal's.
    """

    def __init__(self, number: int) -> None:
        self.signal = number
        super().__init__(signal.Signals(number).name)


def refusal(error: Exception, where: str | Path | None = None) -> InputError | None:
    """What the operating system refused (a full disk, a missing right), as bad input; None for every other error.

    Libraries written in Rust report a full disk in exceptions of their own; their text is the only sign of it. `where`
    is named if the error names no file.
    """
    full = any(os.strerror(number) in str(error) for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG))
    fix = "make room on the disk; the same command then continues" if full else None
    if isinstance(error, OSError):
        named = isinstance(error.filename, str | bytes)
        return InputError(error.strerror or str(error), where=os.fsdecode(error.filename) if named else where, fix=fix)
    return InputError(str(error), where=where, fix=fix) if full else None
