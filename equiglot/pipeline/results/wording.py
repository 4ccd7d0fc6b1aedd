"""Settings and models in words, as the page and the model cards say them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from safetensors import safe_open

from equiglot import vocabulary
from equiglot.corpus.balancing import Annealed, Smoothing
from equiglot.finetuning import FineTuning
from equiglot.labels import HardLabels, SoftLabels, StoredLabels
from equiglot.models import EncoderSettings, read_config
from equiglot.objectives.terms import WORDS
from equiglot.probing import FixedProbe, Probing
from equiglot.recipe import PLACEHOLDER, ModelPlan, Start
from equiglot.report import listed
from equiglot.run import RunDirectory
from equiglot.vocabulary import UnionVocabulary, Vocabulary

ALGORITHMS = {"wordpiece": "WordPiece", "unigram": "Unigram", "bpe": "BPE", "byte-bpe": "byte-level BPE"}
"""Kinds of tokenizers, as people call them."""
_ACCENTS = {
    "letters": "accents of Latin, Greek and Cyrillic letters are stripped",
    "all-but-korean": "all nonspacing marks are stripped",
    "keep": "accents are kept",
}


_ARCHITECTURES = {"bert": "BERT", "electra": "ELECTRA", "modernbert": "ModernBERT"}


def labels_in_words(plan: ModelPlan) -> str:
    """What a model learns from."""
    if plan.existing is not None:
        return "not trained here"
    if plan.trim is not None:
        return f"not trained: {plan.trim.model}, trimmed to its languages"
    if plan.extend is not None:
        made = f"transplanted from {plan.extend.donor}" if plan.extend.donor is not None else plan.extend.start
        rows = f"their rows are {'means' if made == 'mean' else made}"
        return f"not trained: {plan.extend.model} with up to {plan.extend.entries:,} more entries; {rows}"
    if plan.fresh is not None:
        return f"not trained: random weights, all else as in {plan.fresh.model}"
    if isinstance(plan.labels, HardLabels):
        return "the masked words"
    weight, teachers = plan.labels.weight, plan.labels.teachers
    if isinstance(plan.labels, StoredLabels) and plan.labels.unused:
        return "the masked words, in the segmentation of its teachers"
    if isinstance(teachers, str):
        whose = f"each language's teacher, {teachers}" if PLACEHOLDER in teachers else teachers
    else:
        whose = "its teachers"
    if weight.start == weight.end == 1:
        share = ""
    elif weight.start == weight.end:
        share = f" (weight {weight.start:g}) and the masked words (weight {1 - weight.start:g})"
    else:
        share = f" (weight {weight.start:g} to {weight.end:g}) and the masked words"
    heat = "" if plan.labels.temperature == 1 else f" at temperature {plan.labels.temperature:g}"
    if not isinstance(plan.labels, StoredLabels):
        beside = [WORDS[term] for term in plan.labels.beside] if isinstance(plan.labels, SoftLabels) else []
        return f"distributions of {whose}{heat}{share}{''.join(f', and their {what}' for what in beside)}"
    top = f"the {plan.labels.k} most probable words of {whose}{heat}, stored{share}"
    return "; ".join([top, *_stored_in_words(plan, plan.labels)])


def _stored_in_words(plan: ModelPlan, labels: StoredLabels) -> Iterator[str]:
    """What is done with stored labels, where it is not the usual."""
    several = {
        "all": "all copies of languages with several teachers",
        "best": "of several teachers the best copy of each sentence",
        "best-by-token": "of several teachers the copy with the smallest loss a token",
        "mixed": "several teachers mixed by their confidence",
    }
    if labels.samples:
        yield f"{labels.samples} words sampled from the rest"
    if labels.draws > 1:
        yield f"{labels.draws} masks of each sentence"
    if any(len(names) > 1 for names in plan.teachers().values()):
        yield several[labels.copies]
    if labels.segmentation == "own":
        yield "sentences in its own segmentation, with labels where its teachers cut alike"


def balance_in_words(plan: ModelPlan) -> str:
    """How its text is balanced."""
    balance = plan.balance
    words = {
        "all": "all of the text",
        "truncate": "every language cut to the smallest",
        "cap": "at most {characters:,} characters of each language",
        "unimax": "equal budgets, at most {passes:g} passes",
    }
    if isinstance(balance, Smoothing):
        return f"languages drawn {_by_size(balance.alpha)}"
    if isinstance(balance, Annealed):
        bound = "" if balance.passes is None else f", none more than {balance.passes:g} times"
        return f"languages drawn {_by_size(balance.start)}, at the end {_by_size(balance.end)}{bound}"
    return words[balance.kind].format(**balance.model_dump())


def _by_size(alpha: float) -> str:
    """In proportion to size ** alpha."""
    return {0.0: "in equal shares", 1.0: "by their size"}.get(alpha, f"by their size to the power of {alpha:g}")


def encoder_in_words(settings: EncoderSettings) -> str:
    """An encoder's size."""
    size = f"{settings.layers} layers, {settings.heads} heads, width {settings.hidden_size}"
    if settings.embedding_size is not None:
        size += f", embeddings of width {settings.embedding_size}"
    return f"{_ARCHITECTURES[settings.architecture]}, {size}, at most {settings.max_length} tokens"


def start_in_words(start: Start, fit: Mapping[str, Any] | None = None) -> str:
    """What weights a model starts from; `fit` is what training.json has of layers that were to fit into a size."""
    named = {
        "all": "",
        "alternate": "every second layer of ",
        "distilbert": "every second layer, the ends included, of ",
    }
    named |= {end: f"the {end} layers of " for end in ("first", "last")}
    if start.fit is not None:
        which = "as many layers as fit of " if fit is None else f"{_numbered(fit['layers'])} of {fit['of']} of "
    elif isinstance(start.layers, str):
        which = named[start.layers]
    else:
        which = f"{_numbered(start.layers)} of "
    ways = {"svd": "in the directions in which its embeddings vary most", "cut": "cut to its first numbers"}
    narrower = "" if start.width is None else f", {ways[start.by]}"
    counted, most = (" in int8", "at most ") if start.precision == "int8" else ("", "")
    fitted = "" if start.fit is None else f", to fit into {start.fit:,} bytes{counted}"
    fitted += "" if fit is None else f" ({most}{fit['needed']:,} with {fit['entries']:,} entries)"
    return f"started from {which}{start.model or Path(start.folder or '').name}{narrower}{fitted}"


def _numbered(layers: Sequence[int]) -> str:
    return f"layer{'s' if len(layers) > 1 else ''} {listed(list(map(str, layers)))}"


def foreign_encoder_in_words(config: Mapping[str, Any]) -> str:
    """The size of a model that was taken, from its config.json."""
    fields = {
        "layers": config.get("num_hidden_layers") or config.get("n_layers"),
        "heads": config.get("num_attention_heads") or config.get("n_heads"),
        "width": config.get("hidden_size") or config.get("dim"),
    }
    parts = [f"width {value}" if name == "width" else f"{value} {name}" for name, value in fields.items() if value]
    return ", ".join([str(config.get("model_type", "")), *parts])


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


def fine_tuning_in_words(settings: FineTuning) -> str:
    """How models are fine-tuned, a phrase."""
    epochs, kept = "epoch" if settings.epochs == 1 else "epochs", "the best of its validations kept"
    stops = f", stopped after {settings.patience:,} of them without a new best" if settings.patience else ""
    candidates = settings.candidates()
    batches = _one_of(dict.fromkeys(f"{each.only_batch:,}" for each in candidates))
    rates = _one_of(dict.fromkeys(f"{each.only_rate:g}" for each in candidates))
    several = " (whichever is best on dev data with the first seed)" if len(candidates) > 1 else ""
    return (
        f"{settings.epochs:g} {epochs} of AdamW in batches of {batches} at a learning rate of "
        f"{rates}{several}, rising for at most {settings.warmup:,} updates and falling to 0, and a weight "
        f"decay of {settings.weight_decay:g}; {kept}{stops}"
    )


def _one_of(names: Iterable[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} or {last}" if others else last


def vocabulary_in_words(settings: Vocabulary, size: int, origins: Sequence[str]) -> str:
    """A vocabulary of `size` entries: learnt from the text of languages, or the union of models' (their names)."""
    if isinstance(settings, UnionVocabulary):
        rules = "" if settings.rules is None else f"; text is normalised as for {settings.rules}"
        return f"{size:,} entries, the union of the vocabularies of {listed(origins)}{rules}"
    case = "text is lower-cased" if settings.lowercase else "upper and lower case are kept"
    origin = f"learnt from text in {listed(origins)}"
    return f"{size:,} entries, {ALGORITHMS[settings.algorithm]}, {origin}; {case}, {_ACCENTS[settings.accents]}"


def describe_model(run: RunDirectory, plan: ModelPlan) -> dict[str, Any]:
    """Fields of the page's model: its own vocabulary, the width of its embeddings, and what a taken model is."""
    folder = run.model(plan.name)
    config = read_config(folder)
    width, embedding = config.get("hidden_size") or config.get("dim"), config.get("embedding_size")
    found: dict[str, Any] = {"embedding": embedding if embedding != width else None}
    if plan.owner:
        tokenizer = vocabulary.load_tokenizer(folder)
        found["vocabulary"] = f"{ALGORITHMS[vocabulary.pieces_of(tokenizer).kind]}, {len(tokenizer):,} entries"
    if not plan.is_trained:
        found["parameters"] = _count_parameters(folder)
    if plan.encoder is None:
        found["encoder"] = foreign_encoder_in_words(config)
    return found


def _count_parameters(folder: Path) -> int:
    """Numbers in a folder's weights, which hold shared ones once; only the names and shapes are read."""
    total = 0
    for file in sorted(folder.glob("*.safetensors")):
        with safe_open(file, framework="numpy") as tensors:
            total += sum(math.prod(tensors.get_slice(name).get_shape()) for name in tensors.keys())  # noqa: SIM118 - it is no dict
    return total
