from .card import for_which_processor, value_of
from .cost import BATCHES, CostRecord, CostSettings, cost_rows, measure_cost, read_sentences
from .exporting import ExportSettings, export_onnx, few_lines
from .graph import check_libraries
from .record import FP32, INT8, PYTORCH, ExportRecord, language_of, read_record
from .scoring import ScoredData, name_scored_data

__all__ = [
    "BATCHES",
    "FP32",
    "INT8",
    "PYTORCH",
    "CostRecord",
    "CostSettings",
    "ExportRecord",
    "ExportSettings",
    "ScoredData",
    "check_libraries",
    "cost_rows",
    "export_onnx",
    "few_lines",
    "for_which_processor",
    "language_of",
    "measure_cost",
    "name_scored_data",
    "read_record",
    "read_sentences",
    "value_of",
]
