"""Exported models on ONNX Runtime, and the processor that they run on."""

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from equiglot.errors import InputError, known_refusal

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
GRAPHS = {"fp32": "model.onnx", "int8": "model_int8.onnx"}
"""Precision -> the graph's file in an exported folder."""
_CPUINFO = Path("/proc/cpuinfo")
_VNNI = ("avx512_vnni", "avx_vnni", "amx_int8")
_TOLD = ("avx2", "avx512f", *_VNNI)


@dataclass(frozen=True)
class Processor:
    """A processor.

    Attributes:
        name: as it calls itself.
        machine: x86_64, arm64, ...
        flags: those that matter to int8: vector extensions.
    """

    name: str
    machine: str
    flags: tuple[str, ...]

    @property
    def sums_may_overflow(self) -> bool:
        """Whether sums of two products of int8 are kept in 16 bits: on x86 without VNNI, or where flags are unknown."""
        return self.machine.lower() in ("x86_64", "amd64", "i386", "i686") and not {*_VNNI} & {*self.flags}


def this_processor(cpuinfo: Path = _CPUINFO) -> Processor:
    """The processor that this process runs on; without flags where the system does not tell them."""
    fields = dict(_fields(cpuinfo))
    name = fields.get("model name") or platform.processor() or platform.machine()
    flags = fields.get("flags", fields.get("Features", "")).split()
    return Processor(name, platform.machine(), tuple(each for each in _TOLD if each in flags))


def _fields(cpuinfo: Path) -> list[tuple[str, str]]:
    """Of the last processor that is listed; nothing where there is no list."""
    text = cpuinfo.read_text(encoding="utf-8") if cpuinfo.is_file() else ""
    pairs = (line.partition(":") for line in text.splitlines())
    return [(key.strip(), value.strip()) for key, _, value in pairs]


class Session:
    """A graph, ready to run.

    Args:
        path: its file.
        threads: of ONNX Runtime, for one batch.

    Raises:
        InputError: ONNX Runtime cannot read it, or has not all of its operators.
    """

    def __init__(self, path: Path, *, threads: int) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3  # errors
        try:
            self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # it has exceptions of its own, of no common kind
            what, fix = f"ONNX Runtime cannot load the graph: {error}", "export the model again, or update onnxruntime"
            raise known_refusal(error, path) or InputError(what, where=path.name, fix=fix) from error
        self.inputs: tuple[str, ...] = tuple(each.name for each in self._session.get_inputs())

    def run(self, feed: Mapping[str, Integers]) -> Floats:
        """The output for a batch: int64 [rows, length] each -> float32 [rows, ...]. Inputs that it lacks are 0."""
        first = next(iter(feed.values()))
        whole: dict[str, Any] = {name: feed.get(name, np.zeros_like(first)) for name in self.inputs}
        (output,) = self._session.run(None, whole)
        return np.asarray(output, np.float32)
