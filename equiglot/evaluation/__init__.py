"""Evaluation: how well a model does, as rows of numbers with intervals.

Whatever is measured, and of whichever model, ends as a `Score`: one row, one number. Scores are written as JSON lines
and are all that the report needs to know of a model's quality.
"""

from equiglot.evaluation.filling import Filler, fill
from equiglot.evaluation.mlm import (
    MaskedPositions,
    TestMasks,
    frequency_predictor,
    model_predictor,
    read_positions,
    score_positions,
    write_positions,
)
from equiglot.evaluation.rows import Bootstrap, ByLanguage, comparison_rows, difference_rows, known, language_rows
from equiglot.evaluation.score import ALL, Metric, Score, group_language, read_scores, write_scores
from equiglot.evaluation.statistics import Estimate, bootstrap_mean, distance, mean_over
from equiglot.evaluation.stock import Asking, Coverage, StockScores, read_texts, score_stock, write_stock_scores

__all__ = [
    "ALL",
    "Asking",
    "Bootstrap",
    "ByLanguage",
    "Coverage",
    "Estimate",
    "Filler",
    "MaskedPositions",
    "Metric",
    "Score",
    "StockScores",
    "TestMasks",
    "bootstrap_mean",
    "comparison_rows",
    "difference_rows",
    "distance",
    "fill",
    "frequency_predictor",
    "group_language",
    "known",
    "language_rows",
    "mean_over",
    "model_predictor",
    "read_positions",
    "read_scores",
    "read_texts",
    "score_positions",
    "score_stock",
    "write_positions",
    "write_scores",
    "write_stock_scores",
]
