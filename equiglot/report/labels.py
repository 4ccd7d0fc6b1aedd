"""Placing labels beside points and lines so that they can be read."""

from collections.abc import Sequence
from dataclasses import dataclass
from unicodedata import category, east_asian_width

# The smallest figure that a page is read on, in pixels: what does not collide there collides nowhere.
_WIDTH, _HEIGHT = 300.0, 400.0
_EM, _LINE, _AWAY = 14.0, 17.0, 11.0
_PASSES = 5
SIDES = {
    "top right": (1, 1), "top left": (-1, 1), "bottom right": (1, -1), "bottom left": (-1, -1),
    "top center": (0, 1), "bottom center": (0, -1), "middle right": (1, 0), "middle left": (-1, 0),
}  # fmt: skip

_Box = tuple[float, float, float, float]


def text_width(text: str, *, bold: bool = False) -> float:
    """About how wide `text` is, in ems: whole ones for East Asian signs, none for those that combine with others."""
    wide = [
        1.0 if east_asian_width(sign) in "WF" else 0.57 for sign in text if category(sign) not in ("Mn", "Me", "Cf")
    ]
    return sum(wide) * (1.13 if bold else 1.0)


@dataclass(frozen=True)
class Point:
    """A labelled point, in data coordinates."""

    x: float
    y: float
    label: str


def text_positions(
    points: Sequence[Point], x_range: Sequence[float], y_range: Sequence[float], strip: float = 0.0
) -> list[str]:
    """The side of each point that its label stands on, a key of `SIDES`.

    They are chosen one after the other so that labels overlap as little as can be, and again, each beside what was
    chosen for the others, as long as that is better. `strip` is the share of the figure's height, from below, that
    belongs to others.
    """
    foreign: _Box = (0.0, 0.0, _WIDTH, strip * _HEIGHT)
    places = [(share_of(point.x, x_range) * _WIDTH, share_of(point.y, y_range) * _HEIGHT) for point in points]
    dots: list[_Box] = [(x - _AWAY, y - _AWAY, x + _AWAY, y + _AWAY) for x, y in places]
    chosen, taken = dict[int, str](), dict[int, _Box]()
    for index in list(range(len(points))) * _PASSES:
        others = [
            box for other in range(len(points)) if other != index for box in (dots[other], taken.get(other)) if box
        ]
        boxes = {side: _box(places[index], points[index].label, side) for side in SIDES}
        cost = {
            side: _outside(box) + sum(_overlap(box, other) for other in (*others, foreign))
            for side, box in boxes.items()
        }
        best = min(SIDES, key=lambda side: cost[side])
        if index not in chosen or cost[best] < cost[chosen[index]]:
            chosen[index], taken[index] = best, boxes[best]
    return [chosen[index] for index in range(len(points))]


def share_of(value: float, bounds: Sequence[float]) -> float:
    """Where a value lies between two limits, as a share of the way from the first."""
    return (value - bounds[0]) / ((bounds[1] - bounds[0]) or 1.0)


def _box(place: tuple[float, float], label: str, side: str) -> _Box:
    across, up = SIDES[side]
    width = _EM * text_width(label)
    left = place[0] + (_AWAY if across > 0 else -_AWAY - width if across < 0 else -width / 2)
    bottom = place[1] + (_AWAY if up > 0 else -_AWAY - _LINE if up < 0 else -_LINE / 2)
    return left, bottom, left + width, bottom + _LINE


def _overlap(a: _Box, b: _Box) -> float:
    """The area, in square pixels, that two boxes share."""
    return max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))


def _outside(box: _Box) -> float:
    """The area of a box, in square pixels, that lies beyond the figure; twice, because it cannot be read there."""
    area = (box[2] - box[0]) * (box[3] - box[1])
    return 2 * (area - _overlap(box, (0.0, 0.0, _WIDTH, _HEIGHT)))


def spread(heights: Sequence[float], gap: float) -> list[float]:
    """`heights` moved apart, as little as can be, until any two differ by `gap`; their order stays."""
    order = sorted(range(len(heights)), key=lambda index: heights[index])
    moved = list(heights)
    clusters: list[list[int]] = []
    for index in order:
        clusters.append([index])
        while len(clusters) > 1 and _touch(heights, clusters[-2], clusters[-1], gap):
            last = clusters.pop()
            clusters[-1] += last
    for cluster in clusters:
        for place, index in enumerate(cluster):
            moved[index] = _middle(heights, cluster) + (place - (len(cluster) - 1) / 2) * gap
    return moved


def _middle(heights: Sequence[float], cluster: Sequence[int]) -> float:
    return sum(heights[index] for index in cluster) / len(cluster)


def _touch(heights: Sequence[float], below: Sequence[int], above: Sequence[int], gap: float) -> bool:
    need = (len(below) + len(above)) / 2 * gap
    return _middle(heights, above) - _middle(heights, below) < need
