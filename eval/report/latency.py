"""How long answers take: the distribution of each stage on one scale."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from eval.report.labels import milliseconds
from eval.report.svg import Logarithmic, element, percent

_BINS = 60
_HEIGHT = 44


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage's times in milliseconds, one an example."""

    name: str
    times: tuple[float, ...]

    @property
    def p50(self) -> float:
        """The median by nearest rank."""
        return _percentile(self.times, 0.50)

    @property
    def p95(self) -> float:
        """The 95th percentile by nearest rank."""
        return _percentile(self.times, 0.95)


def latency(stage: Stage, scale: Logarithmic) -> Markup:
    """A stage's histogram with its median (a line) and its 95th percentile (a broken one)."""
    counts = binned(stage.times, scale)
    tallest = max(counts, default=0) or 1
    bars = [
        element(
            "rect",
            x=percent(at / _BINS),
            width=percent(0.86 / _BINS),
            y=_HEIGHT - _HEIGHT * count / tallest,
            height=_HEIGHT * count / tallest,
            class_="bin",
        )
        for at, count in enumerate(counts)
        if count
    ]
    marks = [
        element("line", x1=x, x2=x, y1=0, y2=_HEIGHT, class_=name)
        for name, value in (("p50", stage.p50), ("p95", stage.p95))
        for x in [percent(scale.place(value))]
    ]
    words = f"{stage.name}: median {milliseconds(stage.p50)}, 95th percentile {milliseconds(stage.p95)}"
    return element(
        "svg",
        element("title", words),
        element("desc", f"A histogram of {len(stage.times)} times on a logarithmic scale."),
        element("line", x1="0%", x2="100%", y1=_HEIGHT, y2=_HEIGHT, class_="rail"),
        *bars,
        *marks,
        class_="latency",
        width="100%",
        height=_HEIGHT + 2,
        role="img",
    )


def axis(scale: Logarithmic) -> Markup:
    """The scale's ticks, to stand under the histograms."""
    ticks = scale.ticks
    # Beyond two powers of ten there is no room for more than one number a power.
    shown = [tick for tick in ticks if len(ticks) <= 8 or math.log10(tick).is_integer()]
    marks = [
        mark
        for tick in shown
        for x in [percent(scale.place(tick))]
        for mark in (
            element("line", x1=x, x2=x, y1=0, y2=5, class_="rail"),
            element("text", _tick(tick), x=x, y=20, text_anchor=_anchor(scale.place(tick))),
        )
    ]
    return element("svg", *marks, class_="ticks", width="100%", height=24, aria_hidden="true")


def binned(times: Sequence[float], scale: Logarithmic) -> list[int]:
    """How many times lie in each of the bins, which are equally wide on the scale."""
    counts = [0] * _BINS
    for time in times:
        counts[min(_BINS - 1, int(scale.place(time) * _BINS))] += 1
    return counts


def _percentile(times: Sequence[float], q: float) -> float:
    return sorted(times)[max(0, math.ceil(q * len(times) - 1e-9) - 1)]


def _tick(value: float) -> str:
    return f"{value / 1000:g} s" if value >= 1000 else f"{value:g} ms"


def _anchor(place: float) -> str:
    return "start" if place < 0.02 else "end" if place > 0.98 else "middle"
