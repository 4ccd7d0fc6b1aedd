"""Rows that are transplanted, against scikit-learn, and in spaces where the answer is known."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import OrthogonalMatchingPursuit

from equiglot.models.transplanting import sparse_codes, transplanted_rows


def made_up(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 9))
def test_it_is_orthogonal_matching_pursuit(seed: int, count: int) -> None:
    atoms, targets = made_up(40, 12, seed=seed) * 7, made_up(5, 12, seed=seed + 1)
    chosen, shares = sparse_codes(targets, atoms, count)
    lengths = atoms.norm(dim=1)
    for target, which, how_much in zip(targets, chosen, shares, strict=True):
        theirs = OrthogonalMatchingPursuit(n_nonzero_coefs=count, fit_intercept=False)
        theirs.fit((atoms / lengths[:, None]).T.numpy(), target.numpy())
        ours = np.zeros(len(atoms))
        ours[which] = how_much * lengths[which]
        np.testing.assert_allclose(ours, theirs.coef_, atol=1e-9)


def test_what_is_exact_needs_no_more_atoms() -> None:
    atoms = made_up(30, 8)
    targets = torch.stack([3 * atoms[4], atoms[7] - 2 * atoms[9], torch.zeros(8, dtype=torch.float64)])
    chosen, shares = sparse_codes(targets, atoms, 20)
    assert int(chosen[0, 0]) == 4 and torch.allclose(shares[0, :1], torch.tensor([3.0], dtype=torch.float64))
    assert (shares[0, 1:] == 0).all() and (shares[2] == 0).all() and shares.isfinite().all()
    made = torch.einsum("tc,tcw->tw", shares, atoms[chosen])
    assert torch.allclose(made, targets, atol=1e-5)
    assert all(len({*row.tolist()}) == 20 for row in chosen)


def test_a_space_that_is_turned_and_widened_gives_the_rows_that_are_there() -> None:
    """Where one model's numbers are a linear function of the other's, nothing is lost."""
    theirs = made_up(300, 6)
    ours = theirs @ made_up(6, 10, seed=1)
    anchors, wanted = np.stack([np.arange(280)[::-1], np.arange(280)[::-1]], axis=1), np.arange(280, 300)
    rows = transplanted_rows(theirs.float(), ours, anchors, wanted, 64)
    assert torch.allclose(rows, ours[280:], atol=1e-4) and rows.shape == (20, 10)
    assert transplanted_rows(theirs, ours, anchors, wanted[:0], 64).shape == (0, 10)
    assert transplanted_rows(theirs, ours, anchors[:2], wanted, 64).isfinite().all()  # fewer anchors than are asked for
