"""The best tree, against all trees of short sentences and against networkx; and what is a tree."""

from itertools import product

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from equiglot.tasks import is_tree, maximum_tree


def _walks_to_the_root(heads: tuple[int, ...]) -> bool:
    """By following every word: sharing nothing with `is_tree`."""
    for start in range(1, len(heads) + 1):
        node, seen = start, set[int]()
        while node:
            if node in seen:
                return False
            seen.add(node)
            node = heads[node - 1]
    return heads.count(0) == 1


TREES = {
    count: [heads for heads in product(range(count + 1), repeat=count) if _walks_to_the_root(heads)]
    for count in range(1, 6)
}


def test_the_number_of_trees_is_cayleys() -> None:
    """n ** (n - 1) rooted trees have n labelled nodes."""
    assert [len(found) for found in TREES.values()] == [count ** (count - 1) for count in TREES]
    for count in range(1, 6):
        assert all(is_tree(heads) == (heads in set(TREES[count])) for heads in product(range(count + 1), repeat=count))


@given(st.data())
def test_no_tree_is_better(data: st.DataObject) -> None:
    """Also where scores are equal, and where one word is every word's best head."""
    count = data.draw(st.integers(1, 5))
    values = st.one_of(st.integers(-3, 0).map(float), st.floats(-50, 0))
    scores = data.draw(arrays(np.float64, (count, count + 1), elements=values))
    found = maximum_tree(scores)
    assert tuple(found) in TREES[count]
    best = max(scores[np.arange(count), list(heads)].sum() for heads in TREES[count])
    assert scores[np.arange(count), found].sum() == pytest.approx(best, abs=1e-9)


def test_six_words() -> None:
    generator = np.random.default_rng(0)
    trees = np.array([heads for heads in product(range(7), repeat=6) if _walks_to_the_root(heads)])
    assert len(trees) == 6**5
    for _ in range(200):
        scores = generator.normal(size=(6, 7)) * 3
        found = maximum_tree(scores)
        best = trees[scores[np.arange(6), trees].sum(axis=1).argmax()]
        assert found.tolist() == best.tolist()


@pytest.mark.parametrize("count", [7, 12])
def test_longer_sentences_against_networkx(count: int) -> None:
    """Of each word that may hang on the root, the best tree below it; the best of these."""
    generator = np.random.default_rng(count)
    for wanted in (0, 4):  # many words want to be the root
        scores = np.log(generator.dirichlet(np.full(count + 1, 0.3), size=count) + 1e-12)
        scores[:, 0] += wanted
        sums = []
        for root in range(count):
            graph = nx.DiGraph()
            graph.add_edge(0, root + 1, weight=scores[root, 0])
            graph.add_weighted_edges_from(
                (head, word + 1, scores[word, head])
                for word in range(count)
                for head in range(1, count + 1)
                if word != root and head != word + 1
            )
            tree = nx.maximum_spanning_arborescence(graph)
            sums.append(tree.size(weight="weight"))
        found = maximum_tree(scores)
        assert is_tree(found) and scores[np.arange(count), found].sum() == pytest.approx(max(sums))


def test_a_long_sentence_of_cycles_is_contracted() -> None:
    """Every word wants the one beside it; the tree needs half of the second choices."""
    count = 300
    scores = np.full((count, count + 1), -20.0)
    scores[np.arange(count), (np.arange(count) ^ 1) + 1] = -1.0
    generator = np.random.default_rng(1)
    scores += generator.uniform(0, 0.1, scores.shape)
    found = maximum_tree(scores)
    assert is_tree(found) and (found == (np.arange(count) ^ 1) + 1).sum() == count // 2
