from .card import for_which_processor, value_of
from .exporting import FP32, INT8, PYTORCH, ExportSettings, export_onnx
from .record import ExportRecord
from .scoring import ScoredData, mean_score, name_scored_data

__all__ = [
    "FP32",
    "INT8",
    "PYTORCH",
    "ExportRecord",
    "ExportSettings",
    "ScoredData",
    "export_onnx",
    "for_which_processor",
    "mean_score",
    "name_scored_data",
    "value_of",
]
