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


def check_name(name: str | Path) -> None:
    """Refuses the name of a file or folder that is not UTF-8: neither recipes nor records nor pages could hold it.

    Raises:
        InputError: with the name, its bytes written out.
    """
    try:
        str(name).encode()
    except UnicodeEncodeError:
        what, fix = (
            "this name is not UTF-8",
            "rename the file or folder (convmv does it for many), or set a UTF-8 locale",
        )
        raise InputError(what, where=name, fix=fix) from None


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


# What the operating system refuses, and what the user can do about it.
_FULL = "make room on the disk; the same command then continues"
_RIGHTS = "give yourself the right to write there, or choose another place"
_AWAY = "the disk fails, or the network behind it: see the system's log; the same command then continues"
_REMEDIES = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EFBIG: _FULL,
    errno.EACCES: _RIGHTS,
    errno.EPERM: _RIGHTS,
    errno.EROFS: "the disk can only be read, as after a fault of it: see the system's log, or choose another place; "
    "once it can be written again, the same command continues",
    errno.EIO: _AWAY,
    errno.ESTALE: _AWAY,
    errno.ENOTCONN: _AWAY,
    errno.ESHUTDOWN: _AWAY,
    errno.ENOMEM: "use fewer --workers, smaller batches or a smaller model; the same command then continues",
    errno.EAGAIN: "use fewer --workers and --threads, or raise the limit (ulimit -u); the same command then continues",
    errno.EMFILE: "raise the limit of open files (ulimit -n); the same command then continues",
    errno.ENFILE: "close other programs; the same command then continues",
}
# Libraries say it in exceptions of their own, of whose kind the text is the only sign: those written in Rust with the
# system's number, PyTorch and Python in these words, others in the system's.
_RUST = re.compile(r"\(os error (\d+)\)")
_WORDS = {
    "allocate memory": errno.ENOMEM,
    "out of memory": errno.ENOMEM,
    "start new thread": errno.EAGAIN,
    "launch worker thread": errno.EAGAIN,
    "ThreadPoolBuildError": errno.EAGAIN,
}
_PREFIXES = {errno.ENOMEM: "there is not enough memory", errno.EAGAIN: "no more threads or processes can be started"}


def refusal(error: BaseException, where: str | Path | None = None) -> InputError | None:
    """What the operating system refused (a full disk, a missing right, memory, threads), as bad input; None for every
    other error. `where` is named if the error names no file.
    """
    refused = known_refusal(error, where)
    return InputError(_first_line(error), where=where) if refused is None and isinstance(error, OSError) else refused


def known_refusal(error: BaseException, where: str | Path | None = None) -> InputError | None:
    """The same where the system's number is known; libraries raise an `OSError` without one, of a damaged file say.

    A library in Rust that gives up (a panic, which is no `Exception`) counts as refused, too: what it was given was
    more than it can do.
    """
    if type(error).__name__ == "PanicException":
        fix = "if the tokenizer is another's, its rules may be too much for the library: get another"
        return InputError(f"a library gave up: {_first_line(error)}", where=where, fix=fix)
    number, text = _refused_number(error), _first_line(error)
    if number is None:
        return None
    if isinstance(error, OSError):
        text = error.strerror or text
        where = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else where
    prefix = _PREFIXES.get(number)
    return InputError(f"{prefix}: {text}" if prefix else text, where=where, fix=_REMEDIES.get(number))


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _refused_number(error: BaseException) -> int | None:
    """The system's number (`errno`) of what it refused, in whatever words a library says it; None if it did not."""
    if isinstance(error, OSError) and error.errno:
        return error.errno
    if isinstance(error, MemoryError):
        return errno.ENOMEM
    if not isinstance(error, Exception):
        return None
    if found := _RUST.search(_first_line(error)):
        return int(found[1])
    known = {**{os.strerror(number): number for number in _REMEDIES}, **_WORDS}
    return next((number for words, number in known.items() if words in _first_line(error)), None)
