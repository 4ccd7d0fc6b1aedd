"""A model as an ONNX graph: traced by transformers' own exporter, stripped of what belongs to this machine, and with
int8 weights.

The weights of a graph stand in its file, or beside it (`NAME.onnx.data`) where protobuf's two gigabytes are too few.
"""

from __future__ import annotations

import importlib.util
import io
import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from inspect import signature
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from transformers.utils import logging as transformers_logging

from equiglot.errors import InputError, known_refusal

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

INPUTS = ("input_ids", "attention_mask", "token_type_ids")
"""What a graph reads, int64 [batch, length] each; the last one only of models that tell segments apart."""
OPSET = 20
"""The version of ONNX's operators; ONNX Runtime 1.18 (2024) and later run what is written so."""
_LIBRARIES = ("onnx", "onnxruntime", "onnxscript")
_MOST_BYTES = 2_000_000_000  # of a file that protobuf reads
_NAMES = ("batch", "length")


def check_libraries(*names: str) -> None:
    """Refuses to go on where some libraries are not installed, by default all that an export needs.

    Raises:
        InputError: with the extra that brings them.
    """
    if missing := [name for name in names or _LIBRARIES if importlib.util.find_spec(name) is None]:
        verb = "is" if len(missing) == 1 else "are"
        raise InputError(f"{' and '.join(missing)} {verb} not installed", fix="pip install 'equiglot[export]'")


def input_names(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast | None = None) -> tuple[str, ...]:
    """Those of `INPUTS` that a model reads: segments only where it has embeddings of several, and its tokenizer names
    them, without which it was never told."""
    known = signature(model.forward).parameters
    told = tokenizer is None or INPUTS[-1] in tokenizer.model_input_names
    segments = told and int(getattr(model.config, "type_vocab_size", 0) or 0) > 1 and INPUTS[-1] in known
    return INPUTS if segments else INPUTS[:-1]


def trace(model: PreTrainedModel, names: Sequence[str] | None = None) -> Any:
    """The graph of a model, an `onnx_ir.Model`: batch and length are free, its only output is the model's first
    (logits; last hidden states of a bare encoder).

    Args:
        model: fp32 on the CPU, in evaluation mode. Its attention is set to PyTorch's own.
        names: what it reads; all that it can read if None.

    Raises:
        InputError: the exporter cannot trace this architecture.
    """
    from transformers.exporters.configs import OnnxConfig
    from transformers.exporters.exporter_onnx import OnnxExporter

    names = names or input_names(model)
    values = torch.ones(2, 7, dtype=torch.int64)  # what they are does not matter, their form does
    free = {name: dict.fromkeys((0, 1), torch.export.Dim.DYNAMIC) for name in names}
    config = OnnxConfig(dynamic=True, dynamic_shapes=free, opset_version=OPSET)
    wants = [(each, each.requires_grad) for each in model.parameters()]
    try:
        with _silence():
            model.requires_grad_(False)
            program = OnnxExporter().export(model, {name: values.clone() for name in names}, config=config).program
    except Exception as error:  # an exporter that a model defeats raises anything
        first = next(iter(str(error).strip().splitlines()), type(error).__name__)
        what = f"the exporter cannot trace this architecture ({model.config.model_type}): {first}"
        fix = "use a model of another architecture: BERT, DistilBERT, ELECTRA, RoBERTa, XLM-R, ModernBERT, DeBERTa-v2"
        raise known_refusal(error) or InputError(what, fix=fix) from error
    finally:
        for parameter, wanted in wants:
            parameter.requires_grad = wanted
    _strip(program)
    return program


def save_graph(program: Any, path: Path) -> None:
    """Writes a graph with its weights: into `path`, or what is beyond two gigabytes to `path`.data, beside it."""
    import onnx_ir

    size = sum(value.const_value.nbytes for value in program.graph.initializers.values())
    onnx_ir.save(program, str(path), external_data=f"{path.name}.data" if size > _MOST_BYTES else None)


def quantize(program: Any, *, reduce_range: bool) -> Any:
    """The graph with int8 weights: of products per output channel, of embeddings for the whole table; activations are
    quantised as they come (ONNX Runtime's dynamic quantisation). A table that is also multiplied with (a tied masked-LM
    head) gets a second, transposed copy.

    Args:
        program: an `onnx_ir.Model`; changed.
        reduce_range: seven bits for weights, for x86 processors without VNNI, whose sums of int8 products overflow.

    Raises:
        InputError: ONNX Runtime cannot quantise it.
    """
    import onnx
    import onnx_ir
    from onnxruntime.quantization import QuantType, quantize_dynamic

    _transpose_weights(program)
    with TemporaryDirectory() as place, _silence():
        before, after = Path(place) / "fp32.onnx", Path(place) / "int8.onnx"
        onnx_ir.save(program, str(before), external_data="fp32.onnx.data")
        try:
            quantize_dynamic(
                before,
                after,
                per_channel=True,
                reduce_range=reduce_range,
                weight_type=QuantType.QInt8,
                use_external_data_format=True,
                extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
            )
        except Exception as error:  # of no common kind
            what = f"ONNX Runtime cannot quantise the graph: {error}"
            raise known_refusal(error) or InputError(what, fix="leave out --quantize") from error
        made = onnx_ir.load(str(after))
        onnx_ir.external_data.load_to_model(made)
    _strip(made)
    return made


def _strip(program: Any) -> None:
    """Keeps the first output alone and what it needs; names the free axes; drops what tells of the tracing (paths of
    source files among it) and inner shapes, which every reader infers anew."""
    from onnx_ir.passes import common

    graph = program.graph
    del graph.outputs[1:]
    common.RemoveUnusedNodesPass()(program)
    program.metadata_props.clear()
    program.doc_string = graph.doc_string = None
    graph.metadata_props.clear()
    ends = {*graph.inputs, *graph.outputs}
    for node in graph:
        node.metadata_props.clear()
        node.doc_string = None
        for value in node.outputs:
            value.metadata_props.clear()
            value.shape = value.shape if value in ends else None
    for value in (*graph.inputs, *graph.initializers.values()):
        value.metadata_props.clear()
        value.doc_string = None
    for value in ends:
        _name_axes(value)


def _name_axes(value: Any) -> None:
    import onnx_ir

    shape = value.shape
    value.shape = onnx_ir.Shape([each if isinstance(each, int) else _NAMES[place] for place, each in enumerate(shape)])


def _transpose_weights(program: Any) -> None:
    """Weights that are transposed before they are multiplied with are turned here: only then are they quantised."""
    import onnx_ir

    graph = program.graph
    for node in [node for node in graph if node.op_type == "Transpose"]:
        weights = node.inputs[0]
        if weights.name not in graph.initializers or list(node.attributes["perm"].as_ints()) != [1, 0]:
            continue
        turned = np.ascontiguousarray(weights.const_value.numpy().T)
        value = onnx_ir.Value(name=f"{weights.name}.transposed", const_value=onnx_ir.tensor(turned))
        value.dtype, value.shape = weights.dtype, onnx_ir.Shape(turned.shape)
        graph.register_initializer(value)
        node.outputs[0].replace_all_uses_with(value)
        graph.remove(node, safe=True)


@contextmanager
def _silence() -> Iterator[None]:
    """Keeps to itself what the libraries print and log of their progress."""
    verbosity, disabled = transformers_logging.get_verbosity(), logging.root.manager.disable
    transformers_logging.set_verbosity_error()
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)
        transformers_logging.set_verbosity(verbosity)
