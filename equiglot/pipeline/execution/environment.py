"""What a run ran on."""

import os
import platform
from functools import cache
from importlib.metadata import version
from pathlib import Path

import torch

_PACKAGES = ("equiglot", "torch", "transformers", "tokenizers", "numpy", "pyarrow")


@cache
def versions() -> dict[str, str]:
    """Package -> version, Python among them."""
    return {"python": platform.python_version(), **{package: version(package) for package in _PACKAGES}}


@cache
def hardware() -> dict[str, str]:
    """Property of the machine -> value."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    found = {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": str(cores),
        "instructions": torch.backends.cpu.get_cpu_capability(),
    }
    if torch.cuda.is_available():
        found["gpu"] = torch.cuda.get_device_name()
    return found


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or "unknown"
