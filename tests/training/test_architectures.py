"""Students of every architecture learn, and a training that was stopped goes on as if it had not been."""

from pathlib import Path

import pytest
import torch
from transformers import PreTrainedModel

from equiglot.models import EncoderSettings
from equiglot.training import CheckpointFolder, MaskedLM, Stopped, Trainer, TrainingRecord, TrainingSettings
from tests.tiny import SPECIAL, make_model, make_stream, make_text

STUDENTS = {
    "electra": {"architecture": "electra", "embedding_size": 8},
    "modernbert": {"architecture": "modernbert"},
}
UPDATES = 40
pytestmark = pytest.mark.usefixtures("one_thread")


def _train(
    student: str, precision: str, folder: Path, stop_at: int | None = None
) -> tuple[PreTrainedModel, TrainingRecord]:
    """Trains to the end, or until some update asks it to stop."""
    sizes = {"layers": 2, "heads": 2, "hidden_size": 16, "max_length": 32, "dropout": 0.1}
    model = make_model(encoder=EncoderSettings.model_validate({**STUDENTS[student], **sizes}))
    settings = {"updates": UPDATES, "learning_rate": 1e-2, "warmup": 0.1, "precision": precision, "validations": 2}
    calls = iter(range(10_000))
    trainer = Trainer(
        model,
        MaskedLM(
            make_stream({"en": make_text(150)}, sentences=8),
            special=SPECIAL,
            validation={"en": make_text(20, seed=2)},
        ),
        TrainingSettings.model_validate(settings),
        updates=UPDATES,
        seed=5,
        checkpoints=CheckpointFolder(folder),
        checkpoint_seconds=1e9,
        stop=lambda: stop_at is not None and next(calls) >= stop_at,
    )
    return model, trainer.train()


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("student", STUDENTS)
def test_a_student_learns_and_goes_on_where_it_was_stopped(student: str, precision: str, tmp_path: Path) -> None:
    model, record = _train(student, precision, tmp_path / "whole")
    first, *_, last = (mean for point in record.losses for mean in point.losses.values())
    assert last < first - 0.1
    with pytest.raises(Stopped):
        _train(student, precision, tmp_path / "parts", stop_at=21)
    again, _ = _train(student, precision, tmp_path / "parts")
    other = again.state_dict()
    assert all(torch.equal(each, other[name]) for name, each in model.state_dict().items())
