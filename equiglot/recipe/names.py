"""Names in a recipe that must be known, and what may be meant by one that is not."""

from difflib import get_close_matches

from equiglot.errors import InputError


def check_known(codes: tuple[str, ...], known: tuple[str, ...], where: str) -> None:
    """Refuses codes that are not among those `known`, a code twice, and none at all."""
    if not codes:
        raise InputError("no language is named", where=where, fix=f"the recipe has: {', '.join(known)}")
    for number, code in enumerate(codes):
        if code not in known:
            fix = nearest(code, known) or f"the recipe has: {', '.join(known)}"
            raise InputError(f"the recipe has no language {code!r} to use here", where=where, fix=fix)
        if code in codes[:number]:
            raise InputError(f"the language {code!r} is named twice", where=where, fix="name it once")


def nearest(name: str, known: tuple[str, ...]) -> str | None:
    """A suggestion of the known name that is most like `name`, if any is."""
    matches = get_close_matches(name, known, n=1, cutoff=0.6)
    return f"did you mean {matches[0]!r}?" if matches else None
