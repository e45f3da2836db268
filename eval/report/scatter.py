"""Retrieval against answers: one point an example, so that it is seen on which side an answer was lost."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from markupsafe import Markup

from eval.report.quoting import shown
from eval.report.svg import Linear, element

_SIZE = 440
_LEFT, _RIGHT, _TOP, _BOTTOM = 92, 48, 48, 92
_ROOM = 44.0
_LARGEST = 4.5
_APART = 1.3
"""Between neighbours in the sunflower, in radii of a mark, by the square root of their place."""
_GOLDEN = math.pi * (3 - math.sqrt(5))


@dataclass(frozen=True, slots=True)
class Point:
    """An example with two values in [0, 1], the status of its answer, and the anchor that it opens."""

    name: str
    anchor: str
    x: float
    y: float
    status: str


@dataclass(frozen=True, slots=True)
class Placed:
    """A point with the centre and the radius of its mark, in pixels."""

    point: Point
    x: float
    y: float
    radius: float


def placed(points: Sequence[Point]) -> list[Placed]:
    """Points side by side: those with the same values stand in a sunflower's order around their place.

    The most crowded place sets the size of all marks, so that none covers its neighbours' places.
    """
    across, down = Linear(0, 1), Linear(0, 1)
    ordered = sorted(points, key=lambda point: (_rounded(point), point.status, point.name))
    groups = [list(group) for _, group in groupby(ordered, _rounded)]
    crowd = max((len(group) for group in groups), default=1)
    radius = min(_LARGEST, _ROOM / (1 + _APART * math.sqrt(crowd)))
    return [
        Placed(
            point,
            _LEFT
            + across.place(point.x) * (_SIZE - _LEFT - _RIGHT)
            + _away(at, radius) * math.cos(at * _GOLDEN),
            _SIZE
            - _BOTTOM
            - down.place(point.y) * (_SIZE - _TOP - _BOTTOM)
            + _away(at, radius) * math.sin(at * _GOLDEN),
            radius,
        )
        for group in groups
        for at, point in enumerate(group)
    ]


def scatter(points: Sequence[Point], *, x: str, y: str, title: str, description: str) -> Markup:
    """The drawing; `x` and `y` name its axes. Each point is a link to its example."""
    return element(
        "svg",
        element("title", title),
        element("desc", description),
        *_axes(x, y),
        *(_mark(each) for each in placed(points)),
        class_="scatter",
        viewBox=f"0 0 {_SIZE} {_SIZE}",
        role="img",
    )


def _axes(x: str, y: str) -> list[Markup]:
    low, high = _LEFT, _SIZE - _RIGHT
    bottom, top = _SIZE - _BOTTOM, _TOP
    drawn = []
    for value, words in ((0.0, "0"), (0.5, "0.5"), (1.0, "1")):
        across, up = low + value * (high - low), bottom - value * (bottom - top)
        drawn += [
            element("line", x1=across, x2=across, y1=top - 44, y2=bottom + 44, class_="grid"),
            element("line", x1=low - 44, x2=high + 44, y1=up, y2=up, class_="grid"),
            element("text", words, x=across, y=_SIZE - 30, text_anchor="middle"),
            element("text", words, x=low - 54, y=up + 4, text_anchor="end"),
        ]
    turned = f"translate(14 {(top + bottom) / 2}) rotate(-90)"
    return [
        *drawn,
        element("text", f"{x} →", x=(low + high) / 2, y=_SIZE - 8, text_anchor="middle", class_="axis"),
        element("text", f"{y} →", transform=turned, text_anchor="middle", class_="axis"),
    ]


def _mark(placed: Placed) -> Markup:
    point, r = placed.point, placed.radius
    words = element("title", f"{shown(point.name)}: {point.x:.2f}, {point.y:.2f}, {point.status}")
    match point.status:
        case "abstained":
            corners = [(-r, -r), (r, -r), (r, r), (-r, r)]
        case "conflict":
            corners = [(0, -1.2 * r), (1.2 * r, 0.9 * r), (-1.2 * r, 0.9 * r)]
        case "failed":
            corners = [(0, 1.2 * r), (1.2 * r, -0.9 * r), (-1.2 * r, -0.9 * r)]
        case "partial":
            corners = [(0, -1.3 * r), (1.3 * r, 0), (0, 1.3 * r), (-1.3 * r, 0)]
        case _:
            corners = []
    if corners:
        path = " ".join(f"{placed.x + dx:.1f},{placed.y + dy:.1f}" for dx, dy in corners)
        shape = element("polygon", words, points=path)
    else:
        shape = element("circle", words, cx=f"{placed.x:.1f}", cy=f"{placed.y:.1f}", r=r * 0.95)
    # Not among the stops of the tab key: the table beside the drawing has the same links.
    return element("a", shape, href=f"#{point.anchor}", tabindex="-1", class_=f"point {point.status}")


def _rounded(point: Point) -> tuple[float, float]:
    return round(point.x, 2), round(point.y, 2)


def _away(at: int, radius: float) -> float:
    return _APART * radius * math.sqrt(at)
