"""What stands inside of models, compared: against plain loops, and what must not count."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from equiglot.objectives import layer_loss, mapped_layers, relation_loss, relations

_GENERATOR = torch.Generator().manual_seed(0)
_ATTENTION = torch.tensor([[True] * 5, [True, True, True, False, False]])
_TOKENS = _ATTENTION.flatten().nonzero().flatten()


def _vectors(width: int) -> list[torch.Tensor]:
    return [torch.randn(2, 5, width, generator=_GENERATOR) for _ in range(3)]


def test_relations_are_those_of_the_paper() -> None:
    vectors, heads = _vectors(8), 2
    found = relations(vectors, _ATTENTION, _TOKENS, heads).exp()
    assert found.shape == (3, 8, heads, 5)
    for kind, each in enumerate(vectors):
        for place, token in enumerate(_TOKENS.tolist()):
            row, at = divmod(token, 5)
            real = int(_ATTENTION[row].sum())
            for head in range(heads):
                part = each[row, :real, 4 * head : 4 * head + 4]
                products = [math.exp(float(part[at] @ other) / 2) for other in part]
                wanted = torch.tensor([one / sum(products) for one in products] + [0.0] * (5 - real))
                torch.testing.assert_close(found[kind, place, head], wanted, rtol=1e-4, atol=1e-6)


def test_relations_of_other_widths_compare_and_padding_does_not_count() -> None:
    narrow, wide = _vectors(4), _vectors(12)
    theirs = relations(wide, _ATTENTION, _TOKENS, 2)
    own = relations(narrow, _ATTENTION, _TOKENS, 2)
    loss = relation_loss(own, theirs)
    assert loss.shape == (8,) and (loss > 0).all() and loss.isfinite().all()
    assert relation_loss(theirs, theirs).abs().max() == 0
    expected = torch.nn.functional.kl_div(own, theirs, reduction="none", log_target=True).sum(-1).mean(-1).sum(0)
    torch.testing.assert_close(loss, expected)
    for each in narrow:
        each[1, 3:] = 100
    torch.testing.assert_close(relations(narrow, _ATTENTION, _TOKENS, 2), own)
    assert relations(narrow[:1], None, torch.arange(10), 1).shape == (1, 10, 1, 5)


def test_layers_of_any_scale_count_alike() -> None:
    layers = [torch.randn(6, 8, generator=_GENERATOR) for _ in range(3)]
    theirs = [torch.randn(6, 8, generator=_GENERATOR) for _ in range(3)]
    loss = layer_loss(layers, theirs)
    by_hand = sum(((a - b) ** 2).sum(1) / (b**2).sum(1) for a, b in zip(layers, theirs, strict=True)) / 3
    torch.testing.assert_close(loss, by_hand)
    scaled = layer_loss([1000 * each for each in layers], [1000 * each for each in theirs])
    torch.testing.assert_close(scaled, loss)
    assert layer_loss(theirs, theirs).max() == 0
    assert layer_loss([torch.zeros(1, 2)], [torch.zeros(1, 2)]).isfinite().all()


@given(count=st.integers(1, 24), deeper=st.integers(0, 24))
def test_layers_are_mapped_from_the_embeddings_to_the_last(count: int, deeper: int) -> None:
    chosen = mapped_layers(count, count + deeper)
    assert (chosen[0], chosen[-1], len(chosen)) == (0, count + deeper, count + 1)
    assert len(set(chosen)) == len(chosen) and list(chosen) == sorted(chosen)


@pytest.mark.parametrize(("count", "teacher", "chosen"), [(4, 12, (0, 3, 6, 9, 12)), (6, 12, (0, 2, 4, 6, 8, 10, 12))])
def test_layers_are_mapped_as_in_tinybert(count: int, teacher: int, chosen: tuple[int, ...]) -> None:
    assert mapped_layers(count, teacher) == chosen
