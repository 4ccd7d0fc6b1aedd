"""Which labels of which teachers a recipe stores, and what the jobs that make them are called."""

from collections.abc import Iterator
from dataclasses import dataclass

from equiglot.labels import StoredLabels
from equiglot.recipe import ModelPlan, Recipe

_BEST = {"best": "words", "best-by-token": "tokens"}


@dataclass(frozen=True)
class Store:
    """What a teacher says about a language's training text.

    Attributes:
        teacher: the model.
        language: code.
        owner: the model whose tokenizer cuts the text, "" for the run's.
        labels: how many words are stored, and how.
        alone: whether the language has no other teacher.
    """

    teacher: str
    language: str
    owner: str
    labels: StoredLabels
    alone: bool = True

    @property
    def subject(self) -> str:
        """teacher.language.k8, and what else is not as usual."""
        labels = self.labels
        parts = {
            f"m{labels.samples}": labels.samples > 0,
            f"d{labels.draws}": labels.draws > 1,
            f"t{labels.temperature:g}": labels.temperature != 1,
            labels.precision: labels.precision != "fp16",
        }
        return ".".join([self.teacher, self.language, f"k{labels.k}", *(name for name, said in parts.items() if said)])

    @property
    def losses(self) -> str | None:
        """teacher.language.words or .tokens, where the best teacher of each sentence is asked for."""
        how = None if self.alone else _BEST.get(self.labels.copies)
        return how and f"{self.teacher}.{self.language}.{how}"


def stores_of(recipe: Recipe, plan: ModelPlan) -> list[Store]:
    """The stores that a model learns from, or whose text it reads; language by language, teacher by teacher."""
    if not isinstance(plan.labels, StoredLabels):
        return []
    plans = recipe.plans()
    return [
        Store(name, language, plans[name].owner, plan.labels, len(names) == 1)
        for language, names in plan.teachers().items()
        for name in names
    ]


def texts_of(recipe: Recipe, store: Store) -> tuple[str, ...]:
    """Whose tokenizers must have cut the text of a store before it is labelled: its teacher's, "" for the run's.

    Where any model mixes the labels with other teachers', also theirs: they must read the same tokens, and that is
    looked at before anything is labelled. Models may share a store, so that all of them count.
    """
    owners = {store.owner: None}
    for plan in recipe.expanded():
        if isinstance(plan.labels, StoredLabels) and plan.labels.copies == "mixed":
            stores = [each for each in stores_of(recipe, plan) if each.language == store.language]
            if store.subject in {each.subject for each in stores}:
                owners |= dict.fromkeys(each.owner for each in stores)
    return tuple(owners)


def all_stores(recipe: Recipe) -> Iterator[Store]:
    """Those of all models; some may be the same."""
    for plan in recipe.expanded():
        yield from stores_of(recipe, plan)


def stores_labels(recipe: Recipe) -> bool:
    """Whether any model of a recipe learns from stored labels."""
    return any(not store.labels.unused for store in all_stores(recipe))
