"""Evaluation: how well a model does, as rows of numbers with intervals.

Whatever is measured, and of whichever model, ends as a `Score`: one row, one number. Scores are written as JSON lines
and are all that the report needs to know of a model's quality.
"""

from equiglot.evaluation.counting import Gold
from equiglot.evaluation.estimates import (
    ESTIMATES,
    PairEstimates,
    PairKey,
    monolingual,
    pair_estimates,
    position_estimates,
    primary_metric,
    read_estimates,
    score_labels,
    write_estimates,
)
from equiglot.evaluation.extending import EXTENSION, ExtensionRecord, ExtensionText, extend_model
from equiglot.evaluation.external import (
    EvalSettings,
    ExternalScores,
    name_texts,
    read_texts,
    score_external,
    spread,
    write_external_scores,
)
from equiglot.evaluation.filling import Filler, fill
from equiglot.evaluation.metrics import (
    COST,
    LIKELIHOOD,
    MASKED_LM,
    METRICS,
    Difference,
    LabelRule,
    Metric,
    MetricName,
    metrics_of,
    primary_of,
)
from equiglot.evaluation.mlm import (
    MaskedPositions,
    TestMasks,
    frequency_predictor,
    model_predictor,
    score_positions,
)
from equiglot.evaluation.pseudo_likelihood import Coverage, WordBits, coverage_of, measure_words, read_bits, write_bits
from equiglot.evaluation.rows import (
    averages,
    comparison_rows,
    difference_rows,
    known,
    likelihood_rows,
    pair_rows,
    references_of,
)
from equiglot.evaluation.score import (
    ALL,
    IN_LANGUAGE,
    ZERO_SHOT,
    Score,
    group_language,
    read_scores,
    write_scores,
)
from equiglot.evaluation.sentences import sentence_losses
from equiglot.evaluation.statistics import Bootstrap, ByLanguage, Estimate, mean_over, smallest_p
from equiglot.evaluation.transfer import group_members, rdt_rows, transfer_rows
from equiglot.evaluation.trim_proof import ModelProof, TextProof
from equiglot.evaluation.trimming import MOST_HELD_OUT, TrimRecord, TrimText, kept_languages, trim_model, trim_texts

__all__ = [
    "ALL",
    "COST",
    "ESTIMATES",
    "EXTENSION",
    "IN_LANGUAGE",
    "LIKELIHOOD",
    "MASKED_LM",
    "METRICS",
    "MOST_HELD_OUT",
    "ZERO_SHOT",
    "Bootstrap",
    "ByLanguage",
    "Coverage",
    "Difference",
    "Estimate",
    "EvalSettings",
    "ExtensionRecord",
    "ExtensionText",
    "ExternalScores",
    "Filler",
    "Gold",
    "LabelRule",
    "MaskedPositions",
    "Metric",
    "MetricName",
    "ModelProof",
    "PairEstimates",
    "PairKey",
    "Score",
    "TestMasks",
    "TextProof",
    "TrimRecord",
    "TrimText",
    "WordBits",
    "averages",
    "comparison_rows",
    "coverage_of",
    "difference_rows",
    "extend_model",
    "fill",
    "frequency_predictor",
    "group_language",
    "group_members",
    "kept_languages",
    "known",
    "likelihood_rows",
    "mean_over",
    "measure_words",
    "metrics_of",
    "model_predictor",
    "monolingual",
    "name_texts",
    "pair_estimates",
    "pair_rows",
    "position_estimates",
    "primary_metric",
    "primary_of",
    "rdt_rows",
    "read_bits",
    "read_estimates",
    "read_scores",
    "read_texts",
    "references_of",
    "score_external",
    "score_labels",
    "score_positions",
    "sentence_losses",
    "smallest_p",
    "spread",
    "transfer_rows",
    "trim_model",
    "trim_texts",
    "write_bits",
    "write_estimates",
    "write_external_scores",
    "write_scores",
]
