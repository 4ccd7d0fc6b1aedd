"""From the labels that files have to those that are used, and whether languages agree about them."""

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from functools import cache

from equiglot.errors import InputError
from equiglot.tasks.settings import NamedEntities, PartOfSpeech, Place, Task

UNIVERSAL = (
    *("ADJ", "ADP", "ADV", "AUX", "CCONJ", "DET", "INTJ", "NOUN", "NUM", "PART", "PRON", "PROPN", "PUNCT"),
    *("SCONJ", "SYM", "VERB", "X"),
)
"""The part-of-speech tags of Universal Dependencies."""

OUTSIDE = "O"

Labelling = Callable[[str], str]
"""From a label in a file to the label that is used; ValueError(what is wrong, what to do) where there is none."""


def labelling(task: Task, language: str) -> Labelling:
    """How a language's labels become the task's."""
    renamed = {**task.map.get("all", {}), **task.map.get(language, {})}
    if isinstance(task, NamedEntities):
        return cache(lambda label: _entity(label, renamed, task.types))
    known = UNIVERSAL if isinstance(task, PartOfSpeech) else None
    return cache(lambda label: _renamed(label, renamed, known, f"map: {{{language}: {{{label}: ...}}}}"))


def kind_of(label: str) -> str:
    """The type of a BIO tag: PER for B-PER and I-PER; nothing for O."""
    return label.partition("-")[2]


def stray(labels: Sequence[str]) -> int:
    """How many I- tags follow no tag of their type."""
    pairs = zip([OUTSIDE, *labels[:-1]], labels, strict=True)
    return sum(label[:2] == "I-" and kind_of(before) != kind_of(label) for before, label in pairs)


def in_order(task: Task, labels: Iterable[str]) -> tuple[str, ...]:
    """All labels of a task: sorted, O last; of parts of speech all that there are, whether they occur or not."""
    if isinstance(task, PartOfSpeech):
        return UNIVERSAL
    outside = OUTSIDE if isinstance(task, NamedEntities) else None
    return tuple(sorted({*labels}, key=lambda label: (label == outside, label)))


def check_agreement(task: Task, trained: Mapping[str, Set[str]]) -> None:
    """Refuses languages whose probes would learn different things.

    Args:
        task: the task.
        trained: language -> the labels in all of its training data.

    Raises:
        InputError: with each language's types or classes, and what to do.
    """
    if isinstance(task, PartOfSpeech | Place):
        return
    entities = isinstance(task, NamedEntities)
    kinds = {
        code: {kind_of(each) for each in labels} - {""} if entities else labels for code, labels in trained.items()
    }
    found, common = set().union(*kinds.values()), set(found_in_all(kinds))
    if isinstance(task, NamedEntities):
        _check_types(task, found)
    if found == common:
        return
    groups: dict[tuple[str, ...], list[str]] = {}
    for code, labels in kinds.items():
        groups.setdefault(tuple(sorted(labels)), []).append(code)
    shown = "; ".join(f"{', '.join(codes)}: {', '.join(labels) or 'none'}" for labels, codes in groups.items())
    what = f"Languages are trained on different {'types of entities' if entities else 'classes'} ({shown})."
    fix = "rename some with `map`, such as map: {vi: {NAME: PER}}" if entities else "rename some with `map`"
    if entities and common:
        fix = f"keep what all have with `types: [{', '.join(sorted(common))}]`, or {fix}"
    raise InputError(what, where=f"evaluation.{task.task}", fix=fix)


def found_in_all(kinds: Mapping[str, Set[str]]) -> Set[str]:
    """What all languages have."""
    sets = [set(each) for each in kinds.values()]
    return set.intersection(*sets) if sets else set()


def _check_types(task: NamedEntities, found: Set[str]) -> None:
    unknown = [name for name in task.types or () if name not in found]
    if unknown:
        what = f"No training data has entities of the type {unknown[0]}."
        fix = f"correct `types`, or rename others to it with `map`; there is: {', '.join(sorted(found)) or 'none'}"
        raise InputError(what, where=f"evaluation.{task.task}.types", fix=fix)


def _renamed(label: str, renamed: Mapping[str, str], known: Sequence[str] | None, example: str) -> str:
    name = renamed.get(label, label)
    if not name:
        raise ValueError("A label is missing.", "add it, or leave its line out")
    if known is not None and name not in known:
        what = f"{name!r} is no universal part-of-speech tag."
        raise ValueError(what, f"write one of {', '.join(known)}, or map it: {example}")
    return name


def _entity(tag: str, renamed: Mapping[str, str], types: Sequence[str] | None) -> str:
    name = renamed.get(tag, tag)
    prefix, _, kind = name.partition("-")
    if name == OUTSIDE:
        return OUTSIDE
    if prefix not in ("B", "I") or not kind:
        raise ValueError(f"{name!r} is no BIO tag.", "write O, B-TYPE or I-TYPE, or map it to one")
    kind = renamed.get(kind, kind)
    return OUTSIDE if kind == OUTSIDE or (types is not None and kind not in types) else f"{prefix}-{kind}"
