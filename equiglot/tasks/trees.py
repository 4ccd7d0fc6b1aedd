"""Dependency trees: what is one, and the best one of scored arcs.

Words are numbered 1, 2, ..., and the root is 0, as in CoNLL-U.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Scores = NDArray[np.float64]


def is_tree(heads: Sequence[int] | Integers) -> bool:
    """Whether heads, each from 0 to the number of words, make a tree in which one word hangs on the root."""
    nodes = np.array([0, *heads], np.int64)
    return int((nodes[1:] == 0).sum()) == 1 and len(_cycle(nodes)) == 0


def maximum_tree(scores: Scores) -> Integers:
    """The tree with the highest sum of scores, of all in which one word hangs on the root.

    Each word's best head is taken where that makes such a tree; otherwise Chu-Liu and Edmonds' algorithm contracts
    cycles one by one (Edmonds, 1967: Optimum branchings), in time [words ** 3] at most. An arc from the root costs more
    there than any choice of the other arcs can gain, so that there is one.

    Args:
        scores: float [words, words + 1], finite, such as log-probabilities: of the word's arc from the root, and from
            each word; that from itself is not read.

    Returns:
        int64 [words], heads.
    """
    count = len(scores)
    square = np.full((count + 1, count + 1), -np.inf)
    square[1:] = scores
    np.fill_diagonal(square, -np.inf)
    heads = _best_heads(square)
    if not is_tree(heads[1:]):
        lowest = np.where(np.isfinite(square), square, np.inf).min(axis=1)[1:]
        square[1:, 0] -= 1 + (square.max(axis=1)[1:] - lowest).sum()
        heads = _maximum_branching(square)
    return heads[1:]


def _best_heads(scores: Scores) -> Integers:
    """The head of each node, int64 [nodes], with the highest score; of the root, itself."""
    heads: Integers = scores.argmax(axis=1)
    heads[0] = 0
    return heads


def _cycle(heads: Integers) -> Integers:
    """The nodes of one cycle besides that of the root (node 0) with itself, ascending; empty where there is none."""
    seen = np.zeros(len(heads), np.int64)  # in which walk
    seen[0] = -1
    for walk in range(1, len(heads)):
        node = walk
        while not seen[node]:
            seen[node] = walk
            node = heads[node]
        if seen[node] == walk:
            found = [node]
            while heads[found[-1]] != node:
                found.append(heads[found[-1]])
            return np.sort(np.array(found, np.int64))
    return np.empty(0, np.int64)


class _Contraction(NamedTuple):
    """A cycle that became one node, the last.

    Attributes:
        heads: int64 [nodes], the best heads before.
        cycle, others: int64, the nodes in it, and those that are not.
        entered: int64 [others], the node of the cycle at which an arc from each of the others enters best.
        left: int64 [others], the node of the cycle from which an arc to each of the others leaves best.
    """

    heads: Integers
    cycle: Integers
    others: Integers
    entered: Integers
    left: Integers

    def undone(self, smaller: Integers) -> Integers:
        """Heads int64 [nodes] from those of the graph with one node for the cycle, [others + 1]."""
        heads, inside = self.heads.copy(), smaller[:-1] == len(self.others)
        heads[self.others] = np.where(inside, self.left, np.append(self.others, 0)[smaller[:-1]])
        head = smaller[-1]
        heads[self.entered[head]] = self.others[head]
        return heads


def _contract(scores: Scores, heads: Integers, cycle: Integers) -> tuple[_Contraction, Scores]:
    """The graph with one node for the cycle: scores float64 [others + 1, others + 1]."""
    others = np.setdiff1d(np.arange(len(heads)), cycle)
    into = scores[np.ix_(cycle, others)] - scores[cycle, heads[cycle]][:, None]
    out = scores[np.ix_(others, cycle)]
    smaller = np.full((len(others) + 1, len(others) + 1), -np.inf)
    smaller[:-1, :-1] = scores[np.ix_(others, others)]
    smaller[-1, :-1], smaller[:-1, -1] = into.max(axis=0), out.max(axis=1)
    return _Contraction(heads, cycle, others, cycle[into.argmax(axis=0)], cycle[out.argmax(axis=1)]), smaller


def _maximum_branching(scores: Scores) -> Integers:
    """The heads, int64 [nodes], of the best tree from node 0.

    Args:
        scores: float64 [nodes, nodes], a row for each node, a column for each head; minus infinity where no arc is.
    """
    done: list[_Contraction] = []
    while len(cycle := _cycle(heads := _best_heads(scores))):
        contraction, scores = _contract(scores, heads, cycle)
        done.append(contraction)
    for contraction in reversed(done):
        heads = contraction.undone(heads)
    return heads
