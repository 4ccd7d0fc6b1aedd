"""A tiny training by several processes: each runs this module, and obeys the same list of acts."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from safetensors.torch import load_file, save_file

from equiglot.errors import InputError
from equiglot.masking import BatchStream
from equiglot.models import EncoderSettings
from equiglot.objectives import Annealed, Objective, SoftTargets
from equiglot.training import CheckpointFolder, MaskedLM, Stopped, Trainer, TrainingRecord, TrainingSettings, loop
from equiglot.training.ranks import Ranks, joined
from tests.tiny import SPECIAL, make_model, make_stream, make_text

# Wide enough for several blocks of the weights' vector: every rank has some.
_ENCODER = EncoderSettings(layers=2, heads=2, hidden_size=96, max_length=32, dropout=0.1)
SETTINGS = TrainingSettings.model_validate(
    {
        "updates": 12,
        "accumulation": 4,
        "learning_rate": 2e-2,
        "warmup": 0.1,
        "validations": 6,
        "early_stopping": {"patience": 1},
    }
)
_TEXTS = {"en": make_text(150), "eu": make_text(60, seed=1)}
_VALIDATION = {"en": make_text(60, seed=2), "eu": make_text(12, seed=3)}


@dataclass(frozen=True)
class Act:
    """What some ranks do together.

    Attributes:
        name: of its folder, where checkpoints and what is made are.
        size: ranks; the others pause.
        stop: stopped after this update, if it is given.
        bad: the batch whose loss is no number, if it is given.
        killed: the rank that dies in its second update, if it is given.
        by_loss: whether validations are of the training's own loss.
        precision: of matrix products.
    """

    name: str
    size: int
    stop: int | None = None
    bad: int | None = None
    killed: int | None = None
    by_loss: bool = False
    precision: str = "fp32"


class _Labels:
    """Soft labels that point anywhere; of one batch they are no numbers."""

    def __init__(self, bad: int | None) -> None:
        self._bad = bad

    def targets(self, batch: Any) -> SoftTargets | None:
        if not len(batch.targets):
            return None
        generator = torch.Generator().manual_seed(batch.index)
        positions = torch.arange(0, len(batch.targets), 2)
        logits = torch.randn(len(positions), 60, generator=generator)
        return SoftTargets(logits * (torch.nan if batch.index == self._bad else 1), positions)

    read = targets


def train(act: Act, folder: Path, ranks: Ranks | None = None) -> None:
    """One act; the first rank writes what came of it."""
    ranks = ranks or Ranks()
    torch.manual_seed(os.getpid())  # every process has another state
    model = make_model(encoder=_ENCODER)
    stream: BatchStream = make_stream(_TEXTS, parts=4)
    task = MaskedLM(
        stream,
        special=SPECIAL,
        validation=_VALIDATION,
        objective=Objective(weight=Annealed(start=1, end=0.2), temperature=2),
        labels=_Labels(act.bad),
        best_by="loss" if act.by_loss else "mrr",
        ranks=ranks,
    )
    update = 0

    def watch(progress: Any) -> None:
        nonlocal update
        update = progress.update
        if act.killed == ranks.rank and update == 2:
            os.kill(os.getpid(), signal.SIGKILL)

    checkpoints = CheckpointFolder(folder / act.name)
    stop = (lambda: update == act.stop) if ranks.first else (lambda: True)  # nobody else is asked
    settings = SETTINGS.model_copy(update={"precision": act.precision})
    trainer = Trainer(
        model, task, settings, updates=12, seed=5, checkpoints=checkpoints, watch=watch, stop=stop, ranks=ranks
    )
    made, error = None, ""
    try:
        with patch.object(loop, "_LOSS_POINTS", 4):  # points of several updates: half a point is saved
            made = trainer.train()
    except Stopped:
        error = "stopped"
    except InputError as refused:
        error = str(refused)
    sums = {f"sequences.{name}": torch.from_numpy(rows) for name, rows in trainer.by_sequence().items()}
    weights = {f"weights.{name}": value.clone() for name, value in model.state_dict().items()}
    into = folder / f"{act.name}.{ranks.rank}"
    into.mkdir(parents=True)
    save_file({**weights, **sums}, into / "made.safetensors")
    record = None if made is None else made.model_copy(update={"seconds": 0.0}).model_dump(mode="json")
    (into / "record.json").write_text(json.dumps({"record": record, "error": error}))


@dataclass(frozen=True)
class Made:
    """What a rank has of an act."""

    tensors: dict[str, torch.Tensor]
    record: TrainingRecord | None
    error: str

    def check_same(self, other: "Made") -> None:
        """Bit for bit the same."""
        assert self.record == other.record and self.error == other.error
        assert self.tensors.keys() == other.tensors.keys()
        assert all(torch.equal(value, other.tensors[name]) for name, value in self.tensors.items())


def made(folder: Path, name: str, rank: int = 0) -> Made:
    """Reads what a rank wrote."""
    into = folder / f"{name}.{rank}"
    found = json.loads((into / "record.json").read_text())
    record = None if found["record"] is None else TrainingRecord.model_validate(found["record"])
    return Made(load_file(into / "made.safetensors"), record, found["error"])


def start(acts: list[Act], folder: Path, size: int) -> list[subprocess.Popen[str]]:
    """Starts the processes."""
    told = json.dumps([str(folder), [asdict(act) for act in acts]])
    command = [sys.executable, "-m", "tests.ranked", told]
    return [
        subprocess.Popen([*command, str(rank)], stderr=subprocess.PIPE, text=True, start_new_session=True)
        for rank in range(size)
    ]


def main() -> None:
    """The main function of one of the processes."""
    torch.set_num_threads(1)
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    folder, acts = json.loads(sys.argv[1])
    rank = int(sys.argv[2])
    for act in (Act(**fields) for fields in acts):
        if rank < act.size:
            with joined(Path(folder) / f"{act.name}.meeting", rank, act.size) as ranks:
                train(act, Path(folder), ranks)


if __name__ == "__main__":
    main()
