"""What the folder of a finished model says about it."""

import math
from pathlib import Path
from typing import Any

from safetensors import safe_open

from equiglot.models import read_config
from equiglot.pipeline.results.wording import ALGORITHMS, foreign_encoder_in_words
from equiglot.recipe import ModelPlan
from equiglot.run import RunDirectory
from equiglot.vocabulary import load_tokenizer, pieces_of


def describe_model(run: RunDirectory, plan: ModelPlan) -> dict[str, Any]:
    """Fields of the page's model: its own vocabulary, the width of its embeddings, and what a taken model is."""
    folder = run.model(plan.name)
    config = read_config(folder)
    width, embedding = config.get("hidden_size") or config.get("dim"), config.get("embedding_size")
    found: dict[str, Any] = {"embedding": embedding if embedding != width else None}
    if plan.owner:
        tokenizer = load_tokenizer(folder)
        found["vocabulary"] = f"{ALGORITHMS[pieces_of(tokenizer).kind]}, {len(tokenizer):,} entries"
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
