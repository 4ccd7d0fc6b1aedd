import pytest
from pydantic import TypeAdapter, ValidationError

from equiglot.labels import HardLabels, Labels, SoftLabels, StoredLabels
from equiglot.objectives import Annealed, Objective

_READ: TypeAdapter[Labels] = TypeAdapter(Labels)


def test_labels_as_a_recipe_writes_them() -> None:
    assert _READ.validate_python("hard") == HardLabels()
    assert _READ.validate_python({"kind": "soft", "teachers": "mono-{language}"}) == SoftLabels(
        teachers="mono-{language}"
    )
    assert HardLabels().objective == Objective()


def test_teachers_by_pattern_and_by_name() -> None:
    assert SoftLabels(teachers="mono-{language}").teachers_of("eu") == ("mono-eu",)
    assert SoftLabels(teachers="one-for-all").teachers_of("eu") == ("one-for-all",)
    named = SoftLabels(teachers={"eu": "basque"}, without_teacher="gold")
    assert (named.teachers_of("eu"), named.teachers_of("en")) == (("basque",), ())
    several = StoredLabels(teachers={"en": ("english", "bilingual"), "eu": "basque"})
    assert several.teachers_of("en") == ("english", "bilingual") and several.teachers_of("eu") == ("basque",)


def test_the_papers_student_is_the_default() -> None:
    objective = SoftLabels(teachers="mono-{language}").objective
    assert (objective.weight.at(0), objective.weight.at(1), objective.temperature) == (1, 1, 1)
    mixed = _READ.validate_python({"kind": "soft", "teachers": "t", "weight": 0.3, "temperature": 2, "scale": False})
    assert mixed.objective == Objective(weight=Annealed(start=0.3, end=0.3), temperature=2, scale=False)


@pytest.mark.parametrize(
    "wrong",
    ["soft", {"kind": "soft"}, {"kind": "soft", "teachers": "t", "temperature": 0}, {"kind": "hard", "weight": 1}, 3],
)
def test_labels_that_make_no_sense_are_refused(wrong: object) -> None:
    with pytest.raises(ValidationError):
        _READ.validate_python(wrong)


def test_buckets_of_several_teachers_are_refused() -> None:
    taught = {"kind": "stored", "teachers": {"en": ["one", "two"]}, "reading": "bucketed"}
    assert _READ.validate_python(taught)
    with pytest.raises(ValidationError, match="cannot be read bucketed"):
        _READ.validate_python({**taught, "copies": "mixed"})
