"""Encoders: building, loading, running, exporting."""

from equiglot.models.attention import attend_in_fp32
from equiglot.models.building import EncoderSettings, build_model, count_parameters, export_model, load_model
from equiglot.models.forward import SHAPE_STEP, TensorBatch, head_parts, hidden_states, target_logits, to_tensors

__all__ = [
    "SHAPE_STEP",
    "EncoderSettings",
    "TensorBatch",
    "attend_in_fp32",
    "build_model",
    "count_parameters",
    "export_model",
    "head_parts",
    "hidden_states",
    "load_model",
    "target_logits",
    "to_tensors",
]
