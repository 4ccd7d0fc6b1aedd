"""What the bits of a training depend on besides its settings."""

import json
from collections.abc import Mapping
from pathlib import Path

import torch
import transformers

from equiglot.errors import InputError
from equiglot.training.ranks import Ranks

Conditions = Mapping[str, str]


def current_conditions(device: torch.device, precision: torch.dtype) -> dict[str, str]:
    """Those of this process, where a training has this device and this type of matrix products."""
    return {
        "threads": str(torch.get_num_threads()),
        "precision": str(precision).removeprefix("torch."),
        "device": device.type,
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    }


def check_unchanged(saved: Conditions, now: Conditions, folder: Path) -> None:
    """Refuses to continue what was begun under others.

    Raises:
        InputError: with what differs.
    """
    changed = [f"{name} was {saved.get(name)}, is {value}" for name, value in now.items() if saved.get(name) != value]
    if changed:
        raise InputError(
            f"the training was begun under other conditions: {'; '.join(changed)}",
            where=folder,
            fix="continue it under those, or delete that folder to begin it again",
        )


def check_alike(ranks: Ranks, now: Conditions, update: int) -> None:
    """Refuses ranks that would not compute the same bits, or do not continue at the same update.

    Raises:
        InputError: with what differs; in all of them.
    """
    told = [json.loads(each) for each in ranks.gather(json.dumps({**now, "update": update}))]
    for rank, other in enumerate(told):
        differing = [f"{name} {value} and {other[name]}" for name, value in told[0].items() if other[name] != value]
        if differing:
            raise InputError(
                f"ranks 0 and {rank} of a training are not alike: {'; '.join(differing)}",
                where="training.devices",
                fix="train on devices of one kind, with the same libraries and threads, and one run folder",
            )
