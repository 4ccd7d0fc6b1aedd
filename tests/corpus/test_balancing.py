"""Every policy keeps its promise: sums, bounds and the cases in which it is another policy."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from equiglot.corpus.balancing import All, Annealed, BalancingPolicy, Cap, Portion, Smoothing, Truncate, UniMax

_SIZES = st.dictionaries(st.text("abcdef", min_size=2, max_size=3), st.integers(1, 10**9), min_size=1, max_size=8)
_EPOCHS = st.floats(0.01, 100)
_READ: TypeAdapter[BalancingPolicy] = TypeAdapter(BalancingPolicy)


def _budgets(portions: Mapping[str, Portion]) -> dict[str, float]:
    """Language -> characters read in the whole training."""
    return {language: portion.characters * portion.passes for language, portion in portions.items()}


@given(sizes=_SIZES, epochs=_EPOCHS)
def test_all_reads_everything_as_often_as_there_are_epochs(sizes: dict[str, int], epochs: float) -> None:
    assert All().portions(sizes, epochs) == {
        language: Portion(characters=size, passes=epochs) for language, size in sizes.items()
    }


@given(sizes=_SIZES, epochs=_EPOCHS)
def test_truncate_cuts_every_language_to_the_characters_of_the_smallest(sizes: dict[str, int], epochs: float) -> None:
    smallest = Portion(characters=min(sizes.values()), passes=epochs)
    assert Truncate().portions(sizes, epochs) == dict.fromkeys(sizes, smallest)


@given(sizes=_SIZES, epochs=_EPOCHS, characters=st.integers(1, 10**9))
def test_cap_cuts_only_what_is_larger(sizes: dict[str, int], epochs: float, characters: int) -> None:
    for language, portion in Cap(characters=characters).portions(sizes, epochs).items():
        assert portion == Portion(characters=min(sizes[language], characters), passes=epochs)


@given(sizes=_SIZES, epochs=_EPOCHS, alpha=st.floats(0, 1))
def test_smoothing_follows_powers_of_size_and_keeps_the_length(
    sizes: dict[str, int], epochs: float, alpha: float
) -> None:
    portions = Smoothing(alpha=alpha).portions(sizes, epochs)
    budgets = _budgets(portions)
    assert sum(budgets.values()) == pytest.approx(epochs * sum(sizes.values()))
    powers = {language: size**alpha for language, size in sizes.items()}
    share = epochs * sum(sizes.values()) / sum(powers.values())
    assert budgets == pytest.approx({language: share * power for language, power in powers.items()})
    assert all(portions[language].characters == size for language, size in sizes.items())


@given(sizes=_SIZES, epochs=_EPOCHS)
def test_smoothing_ends_at_all_and_at_equal_shares(sizes: dict[str, int], epochs: float) -> None:
    as_all = _budgets(Smoothing(alpha=1).portions(sizes, epochs))
    assert as_all == pytest.approx(_budgets(All().portions(sizes, epochs)))
    equal = epochs * sum(sizes.values()) / len(sizes)
    assert _budgets(Smoothing(alpha=0).portions(sizes, epochs)) == pytest.approx(dict.fromkeys(sizes, equal))


def test_smoothing_by_hand() -> None:
    portions = Smoothing(alpha=0.5).portions({"en": 9, "eu": 1}, 4)
    assert _budgets(portions) == pytest.approx({"en": 30, "eu": 10})  # 3 : 1 of 40
    assert portions["eu"].passes == pytest.approx(10)


@given(sizes=_SIZES, epochs=_EPOCHS, passes=st.floats(0.01, 200))
def test_unimax_is_equal_up_to_the_cap_and_spends_what_it_can(
    sizes: dict[str, int], epochs: float, passes: float
) -> None:
    portions = UniMax(passes=passes).portions(sizes, epochs)
    budgets = _budgets(portions)
    assert list(portions) == list(sizes)
    assert all(portion.passes <= passes * (1 + 1e-9) for portion in portions.values())
    total = sum(sizes.values())
    assert sum(budgets.values()) == pytest.approx(min(epochs, passes) * total)
    uncapped = [budgets[name] for name, portion in portions.items() if portion.passes < passes * (1 - 1e-9)]
    assert uncapped == pytest.approx([max(budgets.values())] * len(uncapped))


def test_unimax_by_hand() -> None:
    # 300 characters to spend: 100 each, but `eu` gives 4 x 10 at most; its 60 go to the others.
    portions = UniMax(passes=4).portions({"en": 200, "eu": 10, "tr": 90}, 1)
    assert _budgets(portions) == pytest.approx({"en": 130, "eu": 40, "tr": 130})


@given(sizes=_SIZES, epochs=_EPOCHS)
def test_order_of_the_languages_does_not_matter(sizes: dict[str, int], epochs: float) -> None:
    backwards = dict(reversed(sizes.items()))
    for policy in (All(), Truncate(), Cap(characters=100), Smoothing(alpha=0.3), UniMax(passes=2)):
        forwards = _budgets(policy.portions(sizes, epochs))
        assert _budgets(policy.portions(backwards, epochs)) == pytest.approx(forwards)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("all", All()),
        ("truncate", Truncate()),
        ({"kind": "cap", "characters": 5}, Cap(characters=5)),
        ({"kind": "smoothing", "alpha": 0.7}, Smoothing(alpha=0.7)),
        ({"kind": "unimax", "passes": 4}, UniMax(passes=4)),
        ({"kind": "annealed", "start": 1, "end": 0, "passes": 4}, Annealed(start=1, end=0, passes=4)),
    ],
)
def test_policies_as_a_recipe_writes_them(written: object, read: object) -> None:
    assert _READ.validate_python(written) == read


@pytest.mark.parametrize(
    "written",
    ["none", "cap", {"kind": "cap", "characters": 0}, {"kind": "smoothing", "alpha": 1.1}, {"kind": "all", "alpha": 1}],
)
def test_policies_that_make_no_sense_are_refused(written: object) -> None:
    with pytest.raises(ValidationError):
        _READ.validate_python(written)


@given(sizes=_SIZES, epochs=_EPOCHS, start=st.floats(0, 1), end=st.floats(0, 1))
def test_annealing_goes_from_one_smoothing_to_the_other(
    sizes: dict[str, int], epochs: float, start: float, end: float
) -> None:
    policy = Annealed(start=start, end=end)
    parts = policy.passes_by_epoch(sizes, epochs)
    for alpha, part in ((start, parts[0]), (end, parts[-1])):
        expected = Smoothing(alpha=alpha).portions(sizes, epochs / len(parts))
        assert part == pytest.approx({language: portion.passes for language, portion in expected.items()})
    assert sum(_budgets(policy.portions(sizes, epochs)).values()) == pytest.approx(epochs * sum(sizes.values()))


@given(sizes=_SIZES, epochs=_EPOCHS, alpha=st.floats(0, 1))
def test_annealing_to_where_it_began_is_smoothing(sizes: dict[str, int], epochs: float, alpha: float) -> None:
    annealed = Annealed(start=alpha, end=alpha).portions(sizes, epochs)
    assert _budgets(annealed) == pytest.approx(_budgets(Smoothing(alpha=alpha).portions(sizes, epochs)))


@given(sizes=_SIZES, epochs=_EPOCHS, start=st.floats(0, 1), end=st.floats(0, 1), passes=st.floats(0.01, 200))
def test_annealing_within_a_bound(
    sizes: dict[str, int], epochs: float, start: float, end: float, passes: float
) -> None:
    """It is as long as before, part by part; what is not at the bound keeps its proportions."""
    free = Annealed(start=start, end=end).passes_by_epoch(sizes, epochs)
    bounded = Annealed(start=start, end=end, passes=passes).passes_by_epoch(sizes, epochs)
    most = max(passes, epochs) / len(free)
    for before, after in zip(free, bounded, strict=True):
        assert list(after) == list(sizes) and all(each <= most * (1 + 1e-9) for each in after.values())
        read = sum(after[language] * sizes[language] for language in sizes)
        assert read == pytest.approx(epochs / len(free) * sum(sizes.values()))
        gains = [after[language] / before[language] for language in sizes if after[language] < most * (1 - 1e-9)]
        assert gains == pytest.approx([max(gains, default=1.0)] * len(gains)) and min(gains, default=1.0) >= 1 - 1e-9


def test_a_bound_keeps_tiny_languages_from_being_read_over_and_over() -> None:
    sizes = {"en": 1_000_000, "ru": 500_000, "lv": 5_000}
    free = Annealed(start=1, end=0).portions(sizes, 4)
    bounded = Annealed(start=1, end=0, passes=45).portions(sizes, 4)
    assert free["lv"].passes > 100 and 20 < bounded["lv"].passes <= 45
    assert _budgets(bounded)["ru"] > _budgets(free)["ru"], "it has what is left"
