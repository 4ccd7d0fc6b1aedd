"""What the jobs around trainings will take: preparing text, labelling it, encoding and probing labelled data."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from transformers import PreTrainedModel

from equiglot.labels import freeze
from equiglot.labels.packing import RowFormat
from equiglot.models import device
from equiglot.pipeline.execution.states import State
from equiglot.pipeline.graph import Job
from equiglot.pipeline.planning.speed import measure_labelling, model_like, size_of
from equiglot.pipeline.steps.stores import Store, all_stores
from equiglot.probing import ConvergedProbe
from equiglot.recipe import ModelPlan, ProbedTask, Recipe
from equiglot.run import RunDirectory
from equiglot.tasks import SPLITS, open_task
from equiglot.vocabulary import TokenizedText

# On one core; see docs/scale.md. Tokenizers read less of Chinese and more of English.
_PREPARED, _TOKENISED = 4_000_000, 800_000  # characters a second
_FLOPS = 1e10  # additions and multiplications a second, in the training of probes
_EVALUATIONS = 40  # of a converged probe's loss for each penalty: "some 20 to 60"
_UPDATE_SECONDS = 1e-3  # of a probe that is trained for a fixed number of epochs
_COPIES = 8  # bytes on the disk for a character of text: cleaned, as tokens, and on the way there
# Where labelled data is not read yet: what a recipe leaves open, and how long sentences and texts are.
_SENTENCES, _WORDS, _LABELS = 1_000, 20, 17
_TOKENS_A_WORD, _TOKENS_A_TEXT = 1.5, 100

STEPS = {"text": ("corpus", "tokens"), "labels": ("labels", "losses"), "probes": ("features", "probes")}
"""Name of a step -> the kinds of its jobs."""


@dataclass(frozen=True)
class Cost:
    """What a job will take.

    Attributes:
        amount: characters of text, tokens that a teacher reads, or labelled items.
        seconds: on this machine, alone.
        disk: bytes of what it makes.
    """

    amount: int = 0
    seconds: float = 0.0
    disk: int = 0


@dataclass(frozen=True)
class _Reader:
    """A model that labels or encodes: its speed in tokens a second, the size of its states, and of its vocabulary."""

    speed: float
    layers: int
    hidden: int
    vocabulary: int


class Workload:
    """Costs of jobs, with the speed of each size of model measured once.

    Args:
        run: the run, as far as it is made.
        recipe: its recipe.
        states: job -> whether it is done.
        text: language and owner of a tokenizer -> the text, or one of its size.
        vocabulary_size: owner of a tokenizer -> its entries.
        characters: language -> of its text, about.
        threads: of a job.
    """

    def __init__(
        self,
        run: RunDirectory,
        recipe: Recipe,
        states: dict[str, State],
        text: Callable[[str, str], TokenizedText],
        vocabulary_size: Callable[[str], int],
        characters: Callable[[str], int],
        threads: int,
    ) -> None:
        self._run, self._recipe, self._states, self._threads = run, recipe, states, threads
        self._text, self._vocabulary_size, self._characters = text, vocabulary_size, characters
        self._plans = recipe.plans()
        stores = list(all_stores(recipe))
        self._stores = {f"labels/{store.subject}": store for store in stores}
        self._stores |= {f"losses/{store.losses}": store for store in stores}
        self._readers: dict[str, _Reader] = {}

    def cost(self, job: Job) -> Cost:
        """The cost of a job that is left; nothing of kinds that take little, or are counted elsewhere."""
        match job.kind:
            case "corpus":
                characters = self._characters(job.subject)
                return Cost(characters, characters / _PREPARED, _COPIES * characters)
            case "tokens":
                return Cost(seconds=self._characters(job.subject.partition(".")[0]) / _TOKENISED)
            case "labels":
                return self._labelling(self._stores[job.name])
            case "losses":
                tokens = self._tokens(self._stores[job.name])
                return Cost(tokens, tokens / self._reader(self._stores[job.name].teacher).speed)
            case "features":
                return self._features(*self._parts(job))
            case "probes":
                return Cost(seconds=self._probes(*self._parts(job)))
            case _:
                return Cost()

    def _tokens(self, store: Store) -> int:
        """That a teacher reads of its text once, special tokens included."""
        text = self._text(store.language, store.owner)
        return int(text.offsets[-1]) + 2 * len(text)

    def _labelling(self, store: Store) -> Cost:
        reader, labels = self._reader(store.teacher), store.labels
        tokens = self._tokens(store) * labels.draws
        k = min(labels.k, reader.vocabulary)
        width = RowFormat(reader.vocabulary, k, labels.samples, labels.precision).width
        sequences = len(self._text(store.language, store.owner)) * labels.draws
        return Cost(tokens, tokens / reader.speed, round(tokens * self._recipe.masking.rate * width) + sequences)

    def _parts(self, job: Job) -> tuple[ProbedTask, ModelPlan]:
        task, _, model = job.subject.partition(".")
        return self._recipe.probed[task], self._plans[model]

    def _features(self, task: ProbedTask, plan: ModelPlan) -> Cost:
        reader = self._reader(plan.name)
        sizes = [self._size(task, language, split) for language in plan.languages for split in SPLITS]
        items, sentences = sum(size[1] for size in sizes), sum(size[0] for size in sizes)
        tokens = items * (_TOKENS_A_WORD if task.unit == "word" else _TOKENS_A_TEXT) + 2 * sentences
        layers = reader.layers + 1 if task.layers in ("all", "mix") else 1
        return Cost(items, tokens / reader.speed, 2 * items * layers * reader.hidden)

    def _probes(self, task: ProbedTask, plan: ModelPlan) -> float:
        reader, probe = self._reader(plan.name), task.probe
        sizes = [self._size(task, language, "train") for language in plan.languages]
        if not isinstance(probe, ConvergedProbe):
            updates = sum(sentences for sentences, _ in sizes) * probe.epochs * probe.seeds / probe.batch
            return updates * _UPDATE_SECONDS
        width = reader.hidden * (reader.layers + 1 if task.layers == "all" else 1)
        evaluations = _EVALUATIONS * len(probe.penalties)
        return 4 * sum(items for _, items in sizes) * width * _LABELS * evaluations / _FLOPS

    def _size(self, task: ProbedTask, language: str, split: str) -> tuple[int, int]:
        """Sentences and items (words or texts) of a split: counted, or as many as the recipe lets it have."""
        if self._states.get(f"task/{task.task}") == "done":
            found = {each.code: each for each in open_task(self._run.task(task.task)).summary.languages}
            known = found.get(language)
            return (known.sentences.get(split, 0), known.items.get(split, 0)) if known else (0, 0)
        sentences = getattr(task.sentences, split) or _SENTENCES
        return sentences, sentences * (_WORDS if task.unit == "word" else 1)

    def _reader(self, name: str) -> _Reader:
        """A model of the size that this one has or will have."""
        plan = self._plans[name]
        about = (plan, self._plans, self._vocabulary_size)
        return self._measured(size_of(*about), lambda: model_like(*about))

    def _measured(self, key: str, make: Callable[[], PreTrainedModel]) -> _Reader:
        if key not in self._readers:
            model, threads = freeze(make(), device()), torch.get_num_threads()
            torch.set_num_threads(self._threads)
            speed = measure_labelling(model)
            torch.set_num_threads(threads)
            config = model.config
            self._readers[key] = _Reader(speed, config.num_hidden_layers, config.hidden_size, config.vocab_size)
        return self._readers[key]
