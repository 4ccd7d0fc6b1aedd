from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from equiglot.errors import InputError
from equiglot.evaluation.score import ZERO_SHOT, Score, group_language, read_scores, write_scores

_FIELDS = {"model": "student", "task": "mlm", "language": "eu", "metric": "mrr", "value": 40.5, "n": 100, "seed": 0}
_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


def _score(**changes: object) -> Score:
    return Score.model_validate({**_FIELDS, **changes})


@given(model=_TEXT, language=_TEXT, value=st.floats(allow_nan=False, allow_infinity=False))
def test_scores_come_back_as_they_were(
    tmp_path_factory: pytest.TempPathFactory, model: str, language: str, value: float
) -> None:
    path = tmp_path_factory.getbasetemp() / "scores.jsonl"
    scores = [
        _score(model=model, language=language, value=value),
        _score(task="ner", metric="entity_f1", source=language, deviation=0.5, repeats=5),
        _score(task="pos", metric="p", source=ZERO_SHOT, reference=model, value=0.016, n=7),
        _score(metric="d", reference=model, low=-1.0, high=2.0),
    ]
    write_scores(path, scores)
    assert read_scores(path) == scores


def test_a_group_is_told_from_a_language() -> None:
    assert _score(language=group_language("low")).group == "low"
    assert _score().group is None


@pytest.mark.parametrize(
    "changes",
    [
        {"low": 1.0},
        {"high": 1.0},
        {"low": 2.0, "high": 1.0},
        {"value": float("nan")},
        {"value": float("inf")},
        {"metric": "d"},
        {"metric": "difference"},
        {"metric": "p"},
        {"deviation": float("nan")},
        {"repeats": 0},
        {"metric": "perplexity"},
        {"n": -1},
        {"surprise": 1},
    ],
)
def test_what_is_not_a_score_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        _score(**changes)


def test_a_broken_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "scores.jsonl"
    write_scores(path, [_score()])
    path.write_text(path.read_text() + '\n{"model": "student"}\n')
    with pytest.raises(InputError, match="not a score: task") as caught:
        read_scores(path)
    assert caught.value.where == f"{path}:3"


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"])
def test_a_missing_or_binary_file_is_bad_input(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "scores.jsonl"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match="cannot be read"):
        read_scores(path)


def test_a_failed_write_keeps_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "scores.jsonl"
    write_scores(path, [_score()])
    before = path.read_bytes()
    with pytest.raises(AttributeError):
        write_scores(path, [_score(value=1.0), None])  # type: ignore[list-item]
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["scores.jsonl"]
