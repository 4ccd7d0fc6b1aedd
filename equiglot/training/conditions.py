"""What the bits of a training depend on besides its settings."""

import json
from collections.abc import Mapping

import torch
import transformers

from equiglot.errors import InputError
from equiglot.training.checkpoint import CheckpointFolder
from equiglot.training.ranks import Ranks

Conditions = Mapping[str, str]


def current_conditions(device: torch.device, precision: torch.dtype) -> dict[str, str]:
    """Those of this process, where a training has this device and this type of matrix products.

    The processor's threads are none on a CUDA card: all floating-point numbers are added up there, from the embeddings
    to the norm of the gradients and AdamW. The processor chooses, masks and pads batches and unpacks labels, by numpy,
    which has one thread; and what a model was before its first update, a checkpoint knows.
    """
    threads = {} if device.type == "cuda" else {"threads": str(torch.get_num_threads())}
    return {
        **threads,
        "precision": str(precision).removeprefix("torch."),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    }


def changed_conditions(saved: Conditions, now: Conditions, checkpoints: CheckpointFolder) -> str:
    """In words, which of those are others that a checkpoint was made under; "" if none.

    Raises:
        InputError: some are, and nobody has said that it may be continued all the same.
    """
    changed = "; ".join(
        f"{name} was {saved[name]}, is {value}" for name, value in now.items() if saved.get(name, value) != value
    )
    if changed and not checkpoints.accepts_other_conditions:
        raise InputError(
            f"the training was begun under other conditions: {changed}",
            where=checkpoints.path,
            fix="continue it under those, or with `equiglot run --other-conditions`: its bits are then not those of an "
            "undisturbed training; or delete that folder to begin it again",
        )
    return changed


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
