"""What a run that merges models knows of their vocabularies, of how they cut its text, and of their stored labels."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from equiglot.errors import InputError
from equiglot.files import read_json
from equiglot.labels import LabelStore, StoreSummary, inspect_store, open_store
from equiglot.pipeline.execution.folder import read_run
from equiglot.pipeline.execution.states import check_outputs, recorded_graph, state_of
from equiglot.pipeline.steps.stores import Store, all_stores
from equiglot.pipeline.steps.tokens import counting_loss
from equiglot.pipeline.steps.vocabulary import tokenizer_folder
from equiglot.recipe import Recipe
from equiglot.report import CutText, Merged, StoredText
from equiglot.run import RunDirectory, tokens_of
from equiglot.vocabulary import TokenStatistics, UnionRecord, load_tokenizer, map_path, open_tokens, read_map

_LOOKED_AT = 20_000  # positions of a store, for the probability of what the student has no id for


class MergedRun:
    """The merging of a run, as far as it is done.

    Args:
        run: the run folder.
        recipe: its recipe.
        done: whether a job is.
    """

    def __init__(self, run: RunDirectory, recipe: Recipe, done: Callable[[str], bool]) -> None:
        self._run, self._recipe, self._done = run, recipe, done
        # Several models can have a store: it is there if one of them uses it.
        used_last = sorted(all_stores(recipe), key=lambda store: not store.labels.unused)
        self._stores = {store.subject: store for store in used_last}.values()

    def merged(self) -> Merged | None:
        """All of it; None in a run that merges nothing."""
        if not self._stores and not self._recipe.united:
            return None
        cuts = {(store.teacher, store.language): store for store in self._stores}.values()
        labels = tuple(self._stored(store) for store in self._stores if self._has_labels(store))
        cut = tuple(found for store in cuts for found in self._cut(store))
        if not self._recipe.united or not self._done("vocabulary/shared"):
            return Merged(cuts=cut, labels=labels)
        record = UnionRecord.model_validate(read_json(self._run.vocabulary / "vocabulary.json"))
        return Merged(union=record, cuts=cut, labels=labels)

    def _has_labels(self, store: Store) -> bool:
        return not store.labels.unused and self._done(f"labels/{store.subject}")

    def _cut(self, store: Store) -> Iterator[CutText]:
        name = tokens_of(store.language, store.owner)
        if not store.owner or not self._done(f"agreement/{name}"):
            return
        found = read_json(self._run.agreement(name) / "agreement.json")
        mass = self._unmapped_mass(store) if self._has_labels(store) else None
        yield CutText(
            teacher=store.teacher,
            language=store.language,
            sentences=found["sentences"],
            words=found["words"],
            unmapped=found["unmapped"],
            mass=mass,
        )

    def _unmapped_mass(self, store: Store) -> float:
        """The mean probability of stored words that the student has no id for, at positions all over the store."""
        opened = open_store(self._run.labels(store.subject))
        places = np.linspace(0, opened.positions - 1, min(_LOOKED_AT, opened.positions)).astype(np.int64)
        rows = opened.read(places)
        inside = read_map(map_path(self._run.vocabulary, store.owner)).inside
        lost = np.exp(rows.log_probabilities) * (inside[rows.ids] < 0)
        return float(lost.sum(axis=1).mean())

    def _stored(self, store: Store) -> StoredText:
        folder = self._run.labels(store.subject)
        opened = open_store(folder)
        about, count = opened.statistics, max(1, opened.positions)
        return StoredText(
            teacher=store.teacher,
            language=store.language,
            k=opened.manifest.format.k,
            samples=store.labels.samples,
            draws=store.labels.draws,
            positions=opened.positions,
            size=_size(opened),
            kept=about.kept / count,
            entropy=about.entropy / count,
            agreement=about.agreed / count,
            seconds=about.seconds,
            unknown=self._unknown(store),
            loss=about.loss / count,
            counting=counting_loss(open_tokens(self._run.tokens(store.language, store.owner) / "train")),
        )

    def _unknown(self, store: Store) -> float:
        saved = read_json(self._run.tokens(store.language, store.owner) / "tokens.json")
        return TokenStatistics.model_validate(saved["train"]).unknown_rate


def _size(store: LabelStore) -> int:
    """Of all files of a store, in bytes."""
    return sum(file.stat().st_size for file in store.path.rglob("*") if file.is_file())


def stored_texts(root: Path, recipe: Recipe) -> tuple[StoredText, ...]:
    """What the finished stores of a run hold."""
    run = RunDirectory(root)
    jobs = recorded_graph(run, recipe).jobs
    merged = MergedRun(run, recipe, lambda name: name in jobs and state_of(run, jobs[name]) == "done").merged()
    return merged.labels if merged else ()


def inspect_labels(path: Path, examples: int) -> StoreSummary:
    """What a store holds, with some of its positions in words where it lies in its run.

    Raises:
        InputError: there is no store, it is not finished, or it, its text or its teacher are not as they were made.
    """
    root = path.resolve().parent.parent
    try:
        recipe, run = read_run(root), RunDirectory(root)
    except InputError:  # a store that was copied elsewhere: its words are not known
        return inspect_store(path, None, None, examples=examples)
    store = next((each for each in all_stores(recipe) if each.subject == path.resolve().name), None)
    if store is None:
        return inspect_store(path, None, None, examples=examples)
    jobs = recorded_graph(run, recipe).jobs
    labels = jobs.get(f"labels/{store.subject}")
    if labels is not None:
        check_outputs(run, (labels, *(jobs[name] for name in labels.needs)))
    tokenizer = load_tokenizer(tokenizer_folder(run, recipe, store.owner))
    return inspect_store(
        path, tokenizer, open_tokens(run.tokens(store.language, store.owner) / "train"), examples=examples
    )
