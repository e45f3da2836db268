"""Which drawings a report has, each with the values that it is drawn from, to be read as a table."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from eval.report.examples import ExampleView
from eval.report.labels import label
from eval.report.latency import Stage, axis, latency
from eval.report.scatter import Point, scatter
from eval.report.svg import Logarithmic

_SCATTERS = (
    ("evidence_recall", "nugget_recall_vital"),
    ("mrr", "citation_recall@quote"),
)
_STAGES = ("retrieve_ms", "write_ms", "first_claim_ms", "total_ms")


@dataclass(frozen=True, slots=True)
class Cloud:
    """A scatter plot; `x` and `y` are the names of its axes."""

    title: str
    x: str
    y: str
    points: Sequence[Point]
    drawing: Markup


@dataclass(frozen=True, slots=True)
class Times:
    """The stages of answering, each with its histogram, and the scale that they share."""

    rows: Sequence[tuple[Stage, Markup]]
    axis: Markup


def clouds(examples: Sequence[ExampleView]) -> list[Cloud]:
    """Retrieval against answers, where there are examples that have both."""
    return [
        Cloud(title, label(x), label(y), points, _scatter(title, x, y, points))
        for x, y in _SCATTERS
        for title in [f"{label(x)} against {label(y).lower()}"]
        if (points := _points(examples, x, y))
    ]


def times(examples: Sequence[ExampleView]) -> Times | None:
    """How long the stages took; None where no time was told."""
    stages = [
        Stage(label(name), tuple(found))
        for name in _STAGES
        if (found := [value for each in examples if (value := _value(each, name)) is not None])
    ]
    if not stages:
        return None
    scale = Logarithmic.around([time for stage in stages for time in stage.times])
    return Times([(stage, latency(stage, scale)) for stage in stages], axis(scale))


def _points(examples: Sequence[ExampleView], x: str, y: str) -> list[Point]:
    return [
        Point(each.row.record.example.id, each.anchor, across, up, each.status)
        for each in examples
        if (across := _value(each, x)) is not None and (up := _value(each, y)) is not None
    ]


def _scatter(title: str, x: str, y: str, points: Sequence[Point]) -> Markup:
    words = f"One point for each of {len(points)} examples; the table below has the same values."
    return scatter(points, x=label(x), y=label(y), title=title, description=words)


def _value(example: ExampleView, metric: str) -> float | None:
    found = example.row.scores.get(metric)
    return found.value if found else None
