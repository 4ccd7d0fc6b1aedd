"""The one exception for bad input: what was wrong, where, and what to do about it.

Everything that a user can mend (a file, a field, a setting, a full disk) is an `InputError`: the command line
prints it without a traceback and exits with code 2. Any other exception is a bug of ours: traceback, exit code 1.
"""

from pathlib import Path


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
        lines = [self.what]
        if self.where:
            lines.append(f"  where: {self.where}")
        if self.fix:
            lines.append(f"  do:    {self.fix}")
        return "\n".join(lines)

    def __reduce__(self) -> tuple[object, ...]:
        # Keyword-only arguments would be lost on the way back from a worker process.
        return (_rebuild, (self.what, self.where, self.fix))


def _rebuild(what: str, where: str | None, fix: str | None) -> InputError:
    return InputError(what, where=where, fix=fix)
