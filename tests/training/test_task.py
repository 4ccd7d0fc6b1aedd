"""A task that has nothing to do with words: how long is a sentence? The trainer learns it as it learns any other."""

from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from equiglot.masking import Batch, BatchStream
from equiglot.objectives import Losses, Term
from equiglot.training import CheckpointFolder, Progress, Stopped, Trainer, TrainingRecord, TrainingSettings, Validation
from tests.tiny import PADDING, VOCABULARY, make_stream, make_text

_TEXTS = {"en": make_text(150), "eu": make_text(60, seed=1)}
_SETTINGS = TrainingSettings(updates=120, learning_rate=3e-2, precision="fp32", validations=6, clip=None)


class _LengthModel(nn.Module):
    """The sum of a number for each token."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers = nn.Embedding(VOCABULARY, 1, padding_idx=PADDING)
        nn.init.zeros_(self.numbers.weight)
        self.dropout = nn.Dropout(0.1)

    def forward(self, inputs: Tensor) -> Tensor:
        lengths: Tensor = self.dropout(self.numbers(inputs)).sum((1, 2))
        return lengths


@dataclass(frozen=True)
class _Rows:
    """A batch whose loss is summed over its rows."""

    batch: Batch

    @property
    def languages(self):  # type: ignore[no-untyped-def]
        return self.batch.languages

    @property
    def lengths(self):  # type: ignore[no-untyped-def]
        return self.batch.lengths

    @property
    def count(self) -> int:
        return len(self.batch.lengths)

    @property
    def identity(self) -> str:
        return self.batch.identity


class _SentenceLength:
    """Predicts the number of tokens of a sentence."""

    metric, lower_is_better = "error", True

    def __init__(self, stream: BatchStream, held_out: BatchStream) -> None:
        self.languages = stream.languages
        self._stream, self._held_out = stream, held_out

    def batch(self, index: int) -> _Rows:
        return _Rows(self._stream[index])

    def losses(self, model: _LengthModel, batch: _Rows, progress: float) -> Losses:
        values = (model(torch.from_numpy(batch.batch.inputs)) - torch.from_numpy(batch.lengths)).square()
        languages = torch.from_numpy(batch.languages)
        return Losses(values.sum(), {"square": Term(values.detach(), torch.ones_like(values) > 0, languages)})

    def validate(self, model: _LengthModel) -> Validation:
        errors: dict[str, list[float]] = {language: [] for language in self.languages}
        for index in range(10):
            batch = _Rows(self._held_out[index])
            term = self.losses(model, batch, 1.0).terms["square"]
            for language, value in zip(batch.languages, term.values.tolist(), strict=True):
                errors[self.languages[language]].append(value)
        means = {language: sum(values) / len(values) for language, values in errors.items()}
        return Validation(scores=means, losses=means)


def _train(folder: Path, stop_at: int | None = None) -> tuple[_LengthModel, TrainingRecord]:
    model, seen = _LengthModel(), list[Progress]()
    trainer = Trainer(
        model,
        _SentenceLength(make_stream(_TEXTS), make_stream(_TEXTS, seed=9)),
        _SETTINGS,
        updates=_SETTINGS.updates or 0,
        seed=5,
        checkpoints=CheckpointFolder(folder),
        watch=seen.append,
        stop=lambda: seen[-1].update == stop_at,
    )
    return model, trainer.train()


def test_it_is_learnt_and_the_lowest_error_is_the_best(tmp_path: Path) -> None:
    model, record = _train(tmp_path)
    first, *_, last = record.validations
    assert record.metric == "error" and set(last.scores) == {"en", "eu"}
    assert last.score < first.score / 5
    assert record.best_update == min(record.validations, key=lambda point: point.score).update
    assert {name for point in record.losses for name in point.losses} == {"square/en", "square/eu"}
    ordinary = model.numbers.weight[5:20].mean().item()  # those that occur often
    assert ordinary == pytest.approx(1, abs=0.3)


def test_it_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    whole, record = _train(tmp_path / "whole")
    with pytest.raises(Stopped):
        _train(tmp_path / "parts", stop_at=47)
    parts, again = _train(tmp_path / "parts")
    assert torch.equal(whole.numbers.weight, parts.numbers.weight)
    assert record.model_copy(update={"seconds": 0}) == again.model_copy(update={"seconds": 0})
