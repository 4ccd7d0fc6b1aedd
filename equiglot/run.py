"""A run on disk: every path of it in one table."""

from dataclasses import dataclass
from pathlib import Path

CARD = "README.md"
"""The file of a model folder that people read; it changes with the scores, the model does not."""


@dataclass(frozen=True)
class RunDirectory:
    """The layout of a run folder: this table is the only place that knows it."""

    root: Path

    @property
    def recipe(self) -> Path:
        """The recipe of the run, complete, as YAML."""
        return self.root / "recipe.yaml"

    @property
    def attempts(self) -> Path:
        """What workers on other machines are told to do, and what they say: a folder each."""
        return self.root / ".attempts"

    @property
    def detached(self) -> Path:
        """Which job of a cluster the command itself is, if it is one."""
        return self.root / ".detached.json"

    @property
    def output(self) -> Path:
        """What the command has printed that is a job of a cluster."""
        return self.root / "output.txt"

    @property
    def log(self) -> Path:
        """What happened, one JSON object a line."""
        return self.root / "log.jsonl"

    def job(self, name: str) -> Path:
        """The record of a finished job: its fingerprint, inputs, outputs' checksums, time."""
        return self.root / "jobs" / f"{name}.json"

    @property
    def progress(self) -> Path:
        """How far the jobs are that are at work now."""
        return self.root / ".progress.json"

    def corpus(self, language: str) -> Path:
        """Cleaned text, split: train.arrow, valid.arrow, test.arrow, corpus.json."""
        return self.root / "corpus" / language

    @property
    def costs(self) -> Path:
        """What models cost: cost.json, and the same as scores."""
        return self.root / "cost"

    @property
    def leaks(self) -> Path:
        """Held-out sentences of one language in the training text of another: leaks.json; where they are dropped, a
        folder a language with its training text."""
        return self.root / "leaks"

    @property
    def vocabulary(self) -> Path:
        """The shared tokenizer, a Hugging Face folder."""
        return self.root / "vocabulary"

    def own_vocabulary(self, model: str) -> Path:
        """The tokenizer that was learnt for one model, a Hugging Face folder."""
        return self.root / "vocabularies" / model

    def tokens(self, language: str, owner: str = "") -> Path:
        """The corpus of a language as token ids, of the run's vocabulary or of a model's own: one folder a split,
        tokens.json."""
        return self.root / "tokens" / tokens_of(language, owner)

    def agreement(self, name: str) -> Path:
        """How the run's tokenizer cuts what another cuts, `name` is language.model: agreement.json, sentences.npy."""
        return self.root / "agreement" / name

    def labels(self, name: str) -> Path:
        """Stored labels, `name` is teacher.language and how they were made: manifest.json, a folder a shard."""
        return self.root / "labels" / name

    def labels_part(self, name: str) -> Path:
        """A part of stored labels, as they are, made beside the other parts."""
        return self.root / "labels-parts" / name

    def losses(self, name: str) -> Path:
        """A teacher's loss on each sentence, `name` is teacher.language.how: losses.npy."""
        return self.root / "losses" / name

    def likelihood(self, model: str) -> Path:
        """Bits of each test sentence under a model: one .safetensors."""
        return self.root / "likelihood" / model

    def model(self, name: str) -> Path:
        """A trained model with its tokenizer, a Hugging Face folder; training.json beside the weights."""
        return self.root / "models" / name

    def card(self, name: str) -> Path:
        """What a model is, for its readers; no part of what was trained."""
        return self.model(name) / CARD

    def checkpoints(self, name: str) -> Path:
        """Where an unfinished training continues from."""
        return self.root / "checkpoints" / name

    def events(self, name: str) -> Path:
        """TensorBoard's event files of a training."""
        return self.root / "tensorboard" / name

    def scores_of(self, name: str) -> Path:
        """Scores of one model: scores.jsonl, and ranks.safetensors for paired statistics."""
        return self.root / "scores" / name

    def task(self, name: str) -> Path:
        """Labelled data of a task: one .arrow a language and split, task.json."""
        return self.root / "tasks" / name

    def features(self, name: str) -> Path:
        """Hidden states of a task's words or sentences, `name` is task.model: one .npy a language and split."""
        return self.root / "features" / name

    def probes(self, name: str) -> Path:
        """What probes on these features predict, `name` is task.model: predictions, estimates, scores.jsonl."""
        return self.root / "probes" / name

    def segmentation(self, model: str) -> Path:
        """How a model's tokenizer cuts labelled sentences: segmentation.json."""
        return self.root / "segmentation" / model

    def fine_tuned(self, name: str) -> Path:
        """What a fine-tuned model predicts, `name` is task.language.model: predictions, estimates, scores.jsonl,
        training.json; and model, where it is kept."""
        return self.root / "finetuned" / name

    def exported(self, name: str) -> Path:
        """A fine-tuned model with weights in int8, `name` is task.language.model: model_int8.onnx, export.json."""
        return self.root / "exported" / name

    def ngrams(self, name: str) -> Path:
        """What a classifier on character n-grams predicts, `name` is a task: predictions, estimates."""
        return self.root / "ngrams" / name

    def neighbours(self, name: str) -> Path:
        """Trees in which every word hangs on its neighbour, `name` is a task: predictions, estimates."""
        return self.root / "neighbours" / name

    @property
    def scores(self) -> Path:
        """All scores of the run, one row a number."""
        return self.root / "scores.jsonl"

    @property
    def report(self) -> Path:
        """The page."""
        return self.root / "report" / "index.html"

    @property
    def tables(self) -> Path:
        """The page's tables: one .csv, .md and .tex each."""
        return self.root / "report" / "tables"

    @property
    def figures(self) -> Path:
        """The page's figures for papers: one .svg each."""
        return self.root / "report" / "figures"


def tokens_of(language: str, owner: str) -> str:
    """What a language's text is called that a model's own tokenizer cut; the language alone for the run's."""
    return f"{language}.{owner}" if owner else language
