"""Byte-pair encoding over words in pieces: which adjacent pieces are joined, the most frequent pair first."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from heapq import heapify, heappop, heappush
from itertools import pairwise

Pair = tuple[int, int]


def join_pairs(
    words: Sequence[Sequence[int]],
    counts: Sequence[int],
    joined: Callable[[int, int], int | None],
    least: int,
) -> Iterator[tuple[int, int, int]]:
    """Joins the most frequent pair of adjacent pieces, again and again (Sennrich et al. 2016, algorithm 1).

    Of pairs that are equally frequent, the one with the lowest ids is joined first. Only words that have the pair are
    looked at again.

    Args:
        words: the pieces of each different word, as numbers.
        counts: how often each word is found.
        joined: the number of what two pieces become; None for a pair that may not be joined, and is left alone.
        least: how often a pair must be found.

    Yields:
        Left piece, right piece, and what they became; what has not been asked for is not joined.
    """
    cut = [list(word) for word in words]
    pairs: Counter[Pair] = Counter()
    places: defaultdict[Pair, set[int]] = defaultdict(set)
    for place, word in enumerate(cut):
        for pair in pairwise(word):
            pairs[pair] += counts[place]
            places[pair].add(place)
    queue = [(-count, pair) for pair, count in pairs.items() if count >= least]
    heapify(queue)
    while queue:
        negative, pair = heappop(queue)
        if pairs[pair] < -negative:  # other pairs took some of it meanwhile
            if pairs[pair] >= least:
                heappush(queue, (-pairs[pair], pair))
            continue
        number = joined(*pair)
        if number is None:
            continue
        made = set[Pair]()
        for place in places.pop(pair):
            before, after = cut[place], _join(cut[place], pair, number)
            for old in pairwise(before):
                pairs[old] -= counts[place]
            for new in pairwise(after):
                pairs[new] += counts[place]
                if number in new:
                    places[new].add(place)
                    made.add(new)
            cut[place] = after
        for new in made:
            if pairs[new] >= least:
                heappush(queue, (-pairs[new], new))
        yield *pair, number


def _join(word: Sequence[int], pair: Pair, number: int) -> list[int]:
    joined: list[int] = []
    place = 0
    while place < len(word):
        if word[place] == pair[0] and word[place + 1 : place + 2] == [pair[1]]:
            joined.append(number)
            place += 2
        else:
            joined.append(word[place])
            place += 1
    return joined
