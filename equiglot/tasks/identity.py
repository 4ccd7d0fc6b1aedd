"""What stands for a task's data in a fingerprint."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from equiglot.corpus import TextSource
from equiglot.corpus.paths import checked_sum
from equiglot.tasks.hub import hub_rows
from equiglot.tasks.reading import files_of, hub_splits
from equiglot.tasks.settings import SPLITS, HubRows, Place, Task, source_of

AnyTask = TypeVar("AnyTask", bound=Task)


def task_identity(task: Task, languages: Sequence[str], documents: Mapping[str, TextSource]) -> dict[str, Any]:
    """What stands for a task's data in a fingerprint, JSON-able: contents, not names, and not the task's settings.

    Args:
        task: the task, its paths absolute.
        languages: the languages of the run.
        documents: language -> text, for the task that makes its labels of it.

    Raises:
        InputError: a file that cannot be read, or the Hub, where the commit of a dataset is not known.
    """
    return {language: _identity(task, language, documents) for language in languages}


def task_at(task: AnyTask, identity: Mapping[str, Any]) -> AnyTask:
    """The same task with datasets of the Hub at the commits of its identity, whatever is the newest state by now."""
    sources = {language: source_of(task, language) for language in identity}
    pinned = {
        language: source.model_copy(update={"revision": identity[language]["commit"]})
        for language, source in sources.items()
        if isinstance(source, HubRows) and "commit" in identity[language]
    }
    if not pinned:
        return task
    others = {language: source for language, source in sources.items() if source is not None}
    copied: AnyTask = task.model_copy(update={"data": {**others, **pinned}})  # type: ignore[assignment]
    return copied


def _identity(task: Task, language: str, documents: Mapping[str, TextSource]) -> Any:
    if isinstance(task, Place):
        return documents[language].identity(language)
    source = source_of(task, language)
    if source is None:
        return None
    if isinstance(source, HubRows):
        splits = {split: getattr(source, split) for split in hub_splits(source)}
        return {**hub_rows(source, task.task, language, next(iter(splits))).identity(language), "splits": splits}
    found = files_of(source, language)
    checksums = {split: [checked_sum(file) for file in files] for split, files in found.items()}
    return {**source.model_dump(mode="json", exclude={*SPLITS}), "checksums": checksums}
