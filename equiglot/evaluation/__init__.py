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
from equiglot.evaluation.score import (
    ALL,
    IN_LANGUAGE,
    PRIMARY,
    ZERO_SHOT,
    Metric,
    Score,
    group_language,
    read_scores,
    write_scores,
)
from equiglot.evaluation.statistics import Estimate, bootstrap_mean, distance, mean_over, smallest_p
from equiglot.evaluation.stock import Asking, Coverage, StockScores, read_texts, score_stock, write_stock_scores
from equiglot.evaluation.tagging import TASK_METRICS, Gold, primary_metric, score_labels
from equiglot.evaluation.transfer import (
    PairEstimates,
    PairKey,
    monolingual,
    pair_estimates,
    read_estimates,
    write_estimates,
)
from equiglot.evaluation.transfer_rows import GroupMembers, group_members, pair_rows, transfer_rows

__all__ = [
    "ALL",
    "IN_LANGUAGE",
    "PRIMARY",
    "TASK_METRICS",
    "ZERO_SHOT",
    "Asking",
    "Bootstrap",
    "ByLanguage",
    "Coverage",
    "Estimate",
    "Filler",
    "Gold",
    "GroupMembers",
    "MaskedPositions",
    "Metric",
    "PairEstimates",
    "PairKey",
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
    "group_members",
    "known",
    "language_rows",
    "mean_over",
    "model_predictor",
    "monolingual",
    "pair_estimates",
    "pair_rows",
    "primary_metric",
    "read_estimates",
    "read_positions",
    "read_scores",
    "read_texts",
    "score_labels",
    "score_positions",
    "score_stock",
    "smallest_p",
    "transfer_rows",
    "write_estimates",
    "write_positions",
    "write_scores",
    "write_stock_scores",
]
