"""What a model is trained on: its text, cut by its own tokenizer or by its teachers', and their labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from equiglot import revising, vocabulary
from equiglot.errors import InputError
from equiglot.files import read_json
from equiglot.hashing import hash_name, hash_u64
from equiglot.labels import StoredLabels, open_store
from equiglot.masking import Source, SpecialTokens, special_tokens_of
from equiglot.pipeline.records import known_record
from equiglot.pipeline.steps.stores import Store, stores_of
from equiglot.pipeline.steps.vocabulary import tokenizer_folder
from equiglot.recipe import ModelPlan, Recipe
from equiglot.run import RunDirectory, tokens_of
from equiglot.vocabulary import TokenizedText, VocabularyMap, map_of_kept, open_sentences, open_tokens, read_map

if TYPE_CHECKING:
    from equiglot.labels import StoredTeacher

_Integers = npt.NDArray[np.int64]
LOSSES = "losses.npy"
"""In the folder of a teacher's losses: float32 [sentences]."""
AGREEMENT = "sentences.npy"
"""In the folder of an agreement: bool [sentences of the training text]."""


@dataclass(frozen=True)
class Material:
    """What a model is trained on.

    Attributes:
        sources: its text.
        taught: name of a source -> the stores of its teachers.
    """

    sources: list[Source] = field(default_factory=list)
    taught: dict[str, list[StoredTeacher]] = field(default_factory=dict)


def randomness(recipe: Recipe, plan: ModelPlan) -> int:
    """What initialisation, order, masks and dropout of a training are drawn from.

    The model's name is part of it: a student that saw its teacher's own masked inputs, in its order and from its
    initial weights, would be taught by the teacher's memory of them.
    """
    return int(hash_u64(plan.seed(recipe), hash_name(plan.name))[0]) >> 1


def label_masks_seed(recipe: Recipe) -> int:
    """What the masks of stored labels are drawn from: the same for all teachers, and no model's own."""
    return int(hash_u64(recipe.seed, hash_name("labels"))[0]) >> 1


def label_facts(run: RunDirectory, recipe: Recipe, store: Store) -> dict[str, Any]:
    """What stored labels are made from: the files of the teacher and of its text, and the masks."""
    model = known_record(run, f"model/{store.teacher}")
    text = known_record(run, f"tokens/{tokens_of(store.language, store.owner)}")
    return {
        "teacher": {file: mark for file, mark in model.outputs.items() if _is_model(file)},
        "text": {file: mark for file, mark in text.outputs.items() if file.startswith("train/")},
        "masking": recipe.masking.model_dump(mode="json"),
        "seed": label_masks_seed(recipe),
    }


def _is_model(file: str) -> bool:
    """Whether what a model says depends on a file of its folder."""
    return file in ("config.json", "tokenizer.json") or (file.startswith("model") and file.endswith(".safetensors"))


def material_of(run: RunDirectory, recipe: Recipe, plan: ModelPlan) -> Material:
    """The text of a training, language by language, and the stores that it learns from.

    Raises:
        InputError: teachers are to be mixed whose tokenizers differ.
    """
    material, seen = Material(), _Seen(run, recipe, plan)
    for language in plan.languages:
        stores = [store for store in stores_of(recipe, plan) if store.language == language]
        if not stores:
            material.sources.append(seen.own(language))
        for source, taught in seen.copies(language, stores) if stores else ():
            material.sources.append(source)
            if taught and not taught[0].labels.unused:
                material.taught[source.name] = [seen.stored(store) for store in taught]
    return material


def check_mixtures(run: RunDirectory, recipe: Recipe, store: Store) -> None:
    """Refuses to label text for a mixture of teachers that do not read the same tokens.

    Raises:
        InputError: their tokenizers differ.
    """
    for plan in recipe.plans().values():
        stores = [each for each in stores_of(recipe, plan) if each.language == store.language]
        if store.subject in (each.subject for each in stores) and store.labels.copies == "mixed":
            _Seen(run, recipe, plan).check_same(stores)


class _Seen:
    """How one model sees the text of a run."""

    def __init__(self, run: RunDirectory, recipe: Recipe, plan: ModelPlan) -> None:
        self._run, self._recipe, self._plan = run, recipe, plan

    def own(self, language: str, sequences: _Integers | None = None, labels: str = "") -> Source:
        """Text as the model's own tokenizer cuts it, on masks of its own."""
        return Source(
            language,
            self._text(language, self._plan.owner),
            self._special_tokens(self._plan.owner),
            self._recipe.masking,
            randomness(self._recipe, self._plan),
            sequences=sequences,
            labels=labels,
        )

    def stored(self, store: Store) -> StoredTeacher:
        """A store, and what its ids are in the student's vocabulary."""
        from equiglot.labels import StoredTeacher

        stored = open_store(self._run.labels(store.subject))
        stored.check(label_facts(self._run, self._recipe, store))
        return StoredTeacher(stored, self._mapping(store.owner))

    def copies(self, language: str, stores: Sequence[Store]) -> Iterator[tuple[Source, list[Store]]]:
        """The text of a language as its teachers cut it, each with the stores that are about it."""
        labels = stores[0].labels
        if labels.copies == "mixed" and len(stores) > 1:
            self.check_same(stores)
            teachers = [list(stores)]
        else:
            teachers = [[store] for store in stores]
        assigned = self._assign(teachers)
        for number, group in enumerate(teachers):
            chosen = None if assigned is None else self._sequences(group[0].owner, language, assigned == number)
            share = 1.0 if assigned is not None else 1 / len(teachers)
            yield self._copy(group[0], chosen, share), group
        if assigned is not None and (assigned < 0).any():
            chosen = self._sequences(self._plan.owner, language, assigned < 0)
            if len(chosen):
                yield self.own(language, chosen, "own"), []

    def _copy(self, store: Store, sequences: _Integers | None, share: float) -> Source:
        sentences = self._sentences(store.owner, store.language)
        return Source(
            store.language,
            self._text(store.language, store.owner),
            self._special_tokens(store.owner),
            self._recipe.masking,
            label_masks_seed(self._recipe),
            draws=store.labels.draws,
            mapping=self._mapping(store.owner),
            continues=np.diff(sentences, prepend=-1) == 0,
            sequences=sequences,
            share=share,
            labels=store.teacher,
        )

    def _assign(self, teachers: Sequence[Sequence[Store]]) -> _Integers | None:
        """Which copy each sentence is read from, int64 [sentences], -1 for the model's own segmentation.

        None where every copy is read.
        """
        labels, first = teachers[0][0].labels, [group[0] for group in teachers]
        if labels.segmentation == "teacher" and (labels.copies not in ("best", "best-by-token") or len(first) == 1):
            return None
        costs = self._costs(first, labels)
        if labels.segmentation == "own":
            for row, store in zip(costs, first, strict=True):
                row[~self._agrees(store, len(row))] = np.inf
        assigned: _Integers = np.where(np.isfinite(costs).any(axis=0), costs.argmin(axis=0), -1)
        return assigned

    def _costs(self, stores: Sequence[Store], labels: StoredLabels) -> npt.NDArray[np.float32]:
        """What speaks against each copy of each sentence, float32 [copies, sentences]; without losses, taking turns."""
        if labels.copies in ("best", "best-by-token") and len(stores) > 1:
            losses = [np.load(self._run.losses(store.losses or "") / LOSSES, allow_pickle=False) for store in stores]
            costs = np.stack(losses)
            costs[np.isnan(costs)] = np.inf  # nothing of the sentence is known to the teacher
            return costs
        count = 1 + max(int(self._sentences(each.owner, each.language).max(initial=0)) for each in stores)
        turns = (np.arange(count) + np.arange(len(stores))[:, None]) % len(stores)
        return turns.astype(np.float32)

    def _agrees(self, store: Store, sentences: int) -> npt.NDArray[np.bool_]:
        if store.owner == self._plan.owner:
            return np.ones(sentences, dtype=np.bool_)
        name = tokens_of(store.language, store.owner)
        known = np.load(self._run.agreement(name) / AGREEMENT, allow_pickle=False)[:sentences]
        return np.pad(known, (0, sentences - len(known)))  # the last sentences may have no tokens

    def check_same(self, stores: Sequence[Store]) -> None:
        """Refuses to mix the distributions of teachers that do not read the same tokens."""
        first, *others = stores
        text, pieces = self._text(first.language, first.owner), self._pieces(first.owner)
        for other in others:
            same = np.array_equal(text.ids, self._text(other.language, other.owner).ids)
            if not same or self._pieces(other.owner) != pieces:
                raise InputError(
                    f"{first.teacher} and {other.teacher} cut the text of {first.language} differently: their "
                    "distributions are about other words, and cannot be mixed",
                    where=f"models.{self._plan.name}.labels.copies",
                    fix="take `copies: best` or `all`, or teachers with the same tokenizer",
                )

    def _pieces(self, owner: str) -> dict[str, int]:
        return vocabulary.load_tokenizer(tokenizer_folder(self._run, self._recipe, owner)).get_vocab()

    def _text(self, language: str, owner: str) -> TokenizedText:
        return open_tokens(self._run.tokens(language, owner) / "train")

    def _sentences(self, owner: str, language: str) -> _Integers:
        return open_sentences(self._run.tokens(language, owner) / "train")

    def _sequences(self, owner: str, language: str, wanted: npt.NDArray[np.bool_]) -> _Integers:
        """The sequences that are of wanted sentences."""
        sentences = self._sentences(owner, language)
        known = sentences < len(wanted)
        return np.flatnonzero(known & wanted[np.minimum(sentences, len(wanted) - 1)])

    def _special_tokens(self, owner: str) -> SpecialTokens:
        return special_tokens_of(vocabulary.load_tokenizer(tokenizer_folder(self._run, self._recipe, owner)))

    def _mapping(self, owner: str) -> VocabularyMap | None:
        if owner == self._plan.owner:
            return None
        if not (trimmed := self._recipe.trimmed_from(self._plan.owner, owner)):
            return read_map(vocabulary.map_path(self._run.vocabulary, owner))
        kept = [read_json(self._run.model(name) / revising.ID_MAP) for name in trimmed]
        tokenizer = vocabulary.load_tokenizer(tokenizer_folder(self._run, self._recipe, self._plan.owner))
        old_ids, sizes = [np.array(each["old_ids"]) for each in kept], [each["old_size"] for each in kept]
        return map_of_kept(old_ids, sizes, vocabulary.unknown_id(tokenizer))
