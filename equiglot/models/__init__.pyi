from .budget import FittedPart, exported_bytes_with, fit_layers, half_bytes
from .building import (
    build_model,
    count_parameters,
    export_model,
    freeze_parts,
    load_model,
    resolve_encoder,
)
from .config import read_config
from .copy_checkpoint import copy_checkpoint, copy_untrained, model_identity
from .cpu import prepare_for_cpu
from .devices import device, fix_workspace, move_array, move_model, on_device, seed_device, use_deterministic_algorithms
from .forward import (
    SHAPE_STEP,
    Inside,
    Outputs,
    TensorBatch,
    head_parts,
    hidden_states,
    outputs,
    states_inside,
    target_logits,
    to_tensors,
)
from .heads import load_answerer, load_classifier
from .opening import OpenModel, find_model, find_or_fetch, locate_model, name_models, open_model, with_tokenizer
from .publishing import Upload, check_token, look_up, prepare_upload, send
from .settings import EncoderSettings, LayerChoice, Part, check_layers, check_width_of, chosen_layers
from .starting import start_from, take_part
from .trimming import longest_input

__all__ = [
    "SHAPE_STEP",
    "EncoderSettings",
    "FittedPart",
    "Inside",
    "LayerChoice",
    "OpenModel",
    "Outputs",
    "Part",
    "TensorBatch",
    "Upload",
    "build_model",
    "check_layers",
    "check_token",
    "check_width_of",
    "chosen_layers",
    "copy_checkpoint",
    "copy_untrained",
    "count_parameters",
    "device",
    "export_model",
    "exported_bytes_with",
    "find_model",
    "find_or_fetch",
    "fit_layers",
    "fix_workspace",
    "freeze_parts",
    "half_bytes",
    "head_parts",
    "hidden_states",
    "load_answerer",
    "load_classifier",
    "load_model",
    "locate_model",
    "longest_input",
    "look_up",
    "model_identity",
    "move_array",
    "move_model",
    "name_models",
    "on_device",
    "open_model",
    "outputs",
    "prepare_for_cpu",
    "prepare_upload",
    "read_config",
    "resolve_encoder",
    "seed_device",
    "send",
    "start_from",
    "states_inside",
    "take_part",
    "target_logits",
    "to_tensors",
    "use_deterministic_algorithms",
    "with_tokenizer",
]
