"""Evaluation: how well a model does, as rows of numbers with intervals.

Whatever is measured, and of whichever model, ends as a `Score`: one row, one number. Scores are written as JSON lines
and are all that the report needs to know of a model's quality.
"""

from equiglot.evaluation.mlm import (
    MaskedPositions,
    TestMasks,
    frequency_predictor,
    model_predictor,
    read_positions,
    score_positions,
    write_positions,
)
from equiglot.evaluation.rows import Bootstrap, ByLanguage, comparison_rows, known, language_rows
from equiglot.evaluation.score import ALL, Metric, Score, group_language, read_scores, write_scores
from equiglot.evaluation.statistics import Estimate, bootstrap_mean, distance, mean_over

__all__ = [
    "ALL",
    "Bootstrap",
    "ByLanguage",
    "Estimate",
    "MaskedPositions",
    "Metric",
    "Score",
    "TestMasks",
    "bootstrap_mean",
    "comparison_rows",
    "distance",
    "frequency_predictor",
    "group_language",
    "known",
    "language_rows",
    "mean_over",
    "model_predictor",
    "read_positions",
    "read_scores",
    "score_positions",
    "write_positions",
    "write_scores",
]
