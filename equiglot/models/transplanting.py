"""Rows of new vocabulary entries out of another model's, which knows them, though its numbers mean something else.

Goddard and Fernandes Neto 2025, Training-Free Tokenizer Transplantation via Orthogonal Matching Pursuit
(arXiv 2506.06607): what an entry is in the donor's space, as a sum of a few entries that both models have, it is taken
to be in the other one's.
"""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Integers = npt.NDArray[np.int64]
_BLOCK = 256  # rows that are worked on together
_EXACT = 1e-12  # of a row's squared length: less than this is left of it


def transplanted_rows(donor: Tensor, own: Tensor, anchors: Integers, wanted: Integers, count: int) -> Tensor:
    """What rows of a donor are in a model's own space; float64 [wanted, own width].

    Args:
        donor: float [entries, width], the donor's embeddings.
        own: float [entries, width], the model's; the widths may differ.
        anchors: int64 [anchors, 2], entries that both have: the donor's id, and the model's.
        wanted: int64 [wanted], the donor's ids of what the model lacks.
        count: how many anchors stand for an entry, at most.
    """
    ours = own.double()[torch.from_numpy(anchors[:, 1])]
    theirs = donor.double()
    atoms = theirs[torch.from_numpy(anchors[:, 0])]
    rows = [torch.zeros(0, own.shape[1], dtype=torch.float64)]
    for block in theirs[torch.from_numpy(wanted)].split(_BLOCK):
        chosen, shares = sparse_codes(block, atoms, min(count, len(atoms)))
        rows.append(torch.einsum("rc,rcw->rw", shares, ours[chosen]))
    return torch.cat(rows)


def sparse_codes(targets: Tensor, atoms: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Each target as a sum of `count` atoms, by orthogonal matching pursuit (Pati et al., 1993).

    Again and again the atom is taken that is most like what is left of the target, by their cosine, and the shares of
    all that were taken are fitted anew by least squares. Where nothing is left, the other shares are 0.

    Args:
        targets: float64 [targets, width].
        atoms: float64 [atoms, width].
        count: at most as many as there are atoms.

    Returns:
        int64 and float64 [targets, count]: which atoms, and how much of each.
    """
    lengths = atoms.norm(dim=1).clamp(min=torch.finfo(atoms.dtype).tiny)
    units = atoms / lengths[:, None]
    enough = _EXACT * targets.square().sum(1)
    chosen = torch.zeros(len(targets), 0, dtype=torch.int64)
    used = torch.zeros(len(targets), 0, dtype=torch.bool)
    shares, left = torch.zeros(len(targets), 0, dtype=atoms.dtype), targets
    for _ in range(count):
        likeness = (left @ units.T).abs().scatter(1, chosen, -1.0)
        used = torch.cat([used, (left.square().sum(1) > enough)[:, None]], dim=1)
        chosen = torch.cat([chosen, likeness.argmax(1, keepdim=True)], dim=1)
        taken = units[chosen] * used[:, :, None]
        products = taken @ taken.mT + torch.diag_embed((~used).to(atoms.dtype))
        shares = torch.linalg.solve(products, torch.einsum("tcw,tw->tc", taken, targets))
        left = targets - torch.einsum("tc,tcw->tw", shares, taken)
    return chosen, shares / lengths[chosen]
