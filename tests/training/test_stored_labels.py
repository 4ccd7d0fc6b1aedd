"""Stored labels of all words teach what teachers teach that are asked while the student trains."""

from pathlib import Path
from typing import Any, Literal

import pytest
import torch
from transformers import PreTrainedModel

from equiglot.labels import OnlineTeachers, StoredTeacher, StoredTeachers, StoreSettings, freeze, label_text, open_store
from equiglot.masking import BatchSettings, BatchStream, MaskSettings, Source
from equiglot.models import Outputs, target_logits, to_tensors
from equiglot.objectives import Annealed, Objective
from equiglot.training import CheckpointFolder, LabelSource, MaskedLM, Stopped, Trainer, TrainingSettings
from tests.tiny import SPECIAL, VOCABULARY, make_model, make_text

_CPU = torch.device("cpu")
_SOURCES = [
    Source(code, make_text(40, seed=seed), SPECIAL, MaskSettings(), 0, draws=2)
    for seed, code in enumerate(("en", "eu"))
]
_STREAM = BatchStream(_SOURCES, [{"en": 3.0, "eu": 2.0}], size=BatchSettings(sentences=4), special=SPECIAL, seed=0)
_MIXED = Annealed(start=1, end=0)


def _teachers() -> dict[str, PreTrainedModel]:
    teachers = {source.language: freeze(make_model(seed), _CPU) for seed, source in enumerate(_SOURCES, 1)}
    for teacher in teachers.values():
        for parameter in teacher.parameters():
            # Freshly made models are nearly indifferent; these have opinions.
            parameter.data *= 3
    return teachers


def _stored(folder: Path, objective: Objective, precision: Literal["fp16", "fp32"], **settings: Any) -> StoredTeachers:
    kept = {"k": VOCABULARY, "draws": 2, "temperature": objective.temperature, "precision": precision, **settings}
    teachers = {}
    for number, (source, model) in enumerate(zip(_SOURCES, _teachers().values(), strict=True)):
        path = folder / precision / source.language
        label_text(model, source, SPECIAL, StoreSettings(**kept), {}, path)
        teachers[number] = [StoredTeacher(open_store(path))]
    return StoredTeachers(teachers, _STREAM, objective, VOCABULARY, _CPU)


def _gradients(labels: LabelSource, objective: Objective, index: int) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Of the batch's loss, by each target's logits and by the student's weights."""
    student, tensors = make_model(9), to_tensors(_STREAM[index], _CPU)
    logits = target_logits(student, tensors)
    logits.retain_grad()
    objective.losses(Outputs(logits, None), tensors, labels.targets(_STREAM[index]), 0.4).total.backward()
    assert logits.grad is not None
    return logits.grad, {name: each.grad for name, each in student.named_parameters() if each.grad is not None}


@pytest.mark.parametrize("reading", ["bucketed", "renormalised"])
@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_gradients_of_all_words_are_those_of_teachers_asked_now(
    tmp_path: Path, reading: Literal["bucketed", "renormalised"], temperature: float
) -> None:
    objective = Objective(weight=_MIXED, temperature=temperature, reading=reading)
    online = OnlineTeachers(_teachers(), _STREAM, _CPU)
    exact, rounded = (_stored(tmp_path, objective, precision) for precision in ("fp32", "fp16"))
    for index in (0, 5, _STREAM.pool_batches + 1):
        expected, weights = _gradients(online, objective, index)
        logits, found = _gradients(exact, objective, index)
        torch.testing.assert_close(logits, expected, rtol=1e-4, atol=1e-6)
        assert found.keys() == weights.keys()
        for name, gradient in weights.items():
            torch.testing.assert_close(found[name], gradient, rtol=1e-3, atol=1e-5)
        # At half precision, see test_top_k.py: at most 2 T H / 2**11 for each target, H the teacher's entropy.
        halves, _ = _gradients(rounded, objective, index)
        targets = exact.targets(_STREAM[index])
        assert targets is not None
        entropy = -(targets.log_probabilities.exp() * targets.log_probabilities).sum(dim=1)
        moved = (halves - expected).abs().sum(dim=1)
        assert (moved <= temperature * (1.1 * entropy / 2**10 + 1e-5)).all() and moved.any()


def test_a_training_on_few_words_that_is_interrupted_ends_as_if_it_were_not(tmp_path: Path) -> None:
    objective = Objective(weight=_MIXED)
    labels = _stored(tmp_path, objective, "fp16", k=8)
    settings = TrainingSettings(updates=12, learning_rate=3e-3, precision="fp32", validations=3)

    def train(folder: str, at: int) -> dict[str, torch.Tensor]:
        model, seen = make_model(9), []
        trainer = Trainer(
            model,
            MaskedLM(
                _STREAM,
                special=SPECIAL,
                validation={"en": make_text(10, seed=7)},
                objective=objective,
                labels=labels,
            ),
            settings,
            updates=12,
            seed=5,
            checkpoints=CheckpointFolder(tmp_path / folder),
            watch=seen.append,
            stop=lambda: seen[-1].update == at,
        )
        if at:
            with pytest.raises(Stopped):
                trainer.train()
            return train(folder, 0)
        record = trainer.train()
        terms = {name for point in record.losses for name in point.losses}
        assert record.updates_made == 12 and {"soft/en", "soft/eu", "hard/en", "hard/eu"} == terms
        return model.state_dict()

    whole, continued = train("whole", 0), train("interrupted", 5)
    assert all(torch.equal(value, continued[name]) for name, value in whole.items())
