"""Placing labels beside points and lines so that they can be read."""

from collections.abc import Sequence
from dataclasses import dataclass

# The smallest figure that a page is read on, in pixels: what does not collide there collides nowhere.
_WIDTH, _HEIGHT = 300.0, 400.0
_LETTER, _LINE, _AWAY = 7.6, 17.0, 11.0
_SIDES = {
    "top right": (1, 1), "top left": (-1, 1), "bottom right": (1, -1), "bottom left": (-1, -1),
    "top center": (0, 1), "bottom center": (0, -1), "middle right": (1, 0), "middle left": (-1, 0),
}  # fmt: skip

_Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Point:
    """A labelled point, in data coordinates."""

    x: float
    y: float
    label: str


def text_positions(
    points: Sequence[Point], x_range: Sequence[float], y_range: Sequence[float], strip: float = 0.0
) -> list[str]:
    """A Plotly `textposition` for each point, chosen one after the other so that labels overlap as little as can be.

    `strip` is the share of the figure's height, from below, that belongs to others.
    """
    foreign: _Box = (0.0, 0.0, _WIDTH, strip * _HEIGHT)
    places = [(_scale(point.x, x_range) * _WIDTH, _scale(point.y, y_range) * _HEIGHT) for point in points]
    taken: list[_Box] = [(x - _AWAY, y - _AWAY, x + _AWAY, y + _AWAY) for x, y in places]
    chosen = []
    for index, (point, place) in enumerate(zip(points, places, strict=True)):
        others = [*taken[:index], *taken[index + 1 :], foreign]
        boxes = {side: _box(place, point.label, side) for side in _SIDES}
        best = min(_SIDES, key=lambda side: _outside(boxes[side]) + sum(_overlap(boxes[side], box) for box in others))
        chosen.append(best)
        taken.append(boxes[best])
    return chosen


def _scale(value: float, bounds: Sequence[float]) -> float:
    return (value - bounds[0]) / ((bounds[1] - bounds[0]) or 1.0)


def _box(place: tuple[float, float], label: str, side: str) -> _Box:
    across, up = _SIDES[side]
    width = len(label) * _LETTER
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
