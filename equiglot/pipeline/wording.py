"""Settings in words, as the page and the model cards say them."""

from collections.abc import Sequence
from pathlib import Path

from equiglot.labels import SoftLabels
from equiglot.models import EncoderSettings
from equiglot.probing import FixedProbe, Probing
from equiglot.recipe import PLACEHOLDER, ModelPlan
from equiglot.report import listed
from equiglot.vocabulary import VocabularySettings

_ALGORITHMS = {"wordpiece": "WordPiece", "unigram": "Unigram", "bpe": "BPE", "byte-bpe": "byte-level BPE"}
_ACCENTS = {
    "letters": "accents of Latin, Greek and Cyrillic letters are stripped",
    "all-but-korean": "all nonspacing marks are stripped",
    "keep": "accents are kept",
}


def labels_in_words(plan: ModelPlan) -> str:
    """What a model learns from."""
    if not isinstance(plan.labels, SoftLabels):
        return "the masked words"
    weight, teachers = plan.labels.weight, plan.labels.teachers
    if isinstance(teachers, str):
        whose = f"each language's teacher, {teachers}" if PLACEHOLDER in teachers else teachers
    else:
        whose = "its teachers"
    if weight.start == weight.end == 1:
        share = ""
    elif weight.start == weight.end:
        share = f" (weight {weight.start:g}), the masked words (weight {1 - weight.start:g})"
    else:
        share = f" (weight {weight.start:g} to {weight.end:g}), the masked words"
    heat = "" if plan.labels.temperature == 1 else f" at temperature {plan.labels.temperature:g}"
    return f"distributions of {whose}{heat}{share}"


def balance_in_words(plan: ModelPlan) -> str:
    """How its text is balanced."""
    words = {
        "all": "all of the text",
        "truncate": "every language cut to the smallest",
        "cap": "at most {characters:,} characters of each language",
        "smoothing": "languages drawn by size ** {alpha:g}",
        "annealed": "languages drawn by size ** {start:g}, by size ** {end:g} at the end",
        "unimax": "equal budgets, at most {passes:g} passes",
    }
    return words[plan.balance.kind].format(**plan.balance.model_dump())


def encoder_in_words(settings: EncoderSettings) -> str:
    """An encoder's size."""
    size = f"{settings.layers} layers, {settings.heads} heads, width {settings.hidden_size}"
    start = "" if settings.folder is None else f", started from {Path(settings.folder).name}"
    return f"{settings.architecture.upper()}, {size}, at most {settings.max_length} tokens{start}"


def probe_in_words(settings: Probing) -> str:
    """How the probes of a task are trained, and on what."""
    layers = {"last": "the last layer", "all": "all layers, side by side", "mix": "a learnt mean of all layers"}
    number = "the embeddings" if settings.layers == 0 else f"layer {settings.layers}"
    read = layers[settings.layers] if isinstance(settings.layers, str) else number
    probe = settings.probe
    if isinstance(probe, FixedProbe):
        updates = f"{probe.epochs:,} epochs of Adam in batches of {probe.batch:,} sentences"
        return f"trained on {read} for {updates}, with a learning rate of {probe.learning_rate:g} that falls to 0"
    return f"a multinomial logistic regression on {read}, trained to convergence, its penalty chosen on dev data"


def vocabulary_in_words(settings: VocabularySettings, size: int, languages: Sequence[str]) -> str:
    """A vocabulary of `size` entries that was learnt from the text of `languages` (their names)."""
    case = "text is lower-cased" if settings.lowercase else "upper and lower case are kept"
    origin = f"learnt from text in {listed(languages)}"
    return f"{size:,} entries, {_ALGORITHMS[settings.algorithm]}, {origin}; {case}, {_ACCENTS[settings.accents]}"
