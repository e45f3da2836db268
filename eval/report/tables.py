"""Figures as rows of tables, each with its mark: of all examples, and by kind and language."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from eval.judges.calibrate import Estimate
from eval.metrics.metric import Metric
from eval.report.labels import FAMILIES, HEADLINES, label, meaning, unit, written
from eval.report.model import Figure, MetricRow
from eval.report.strip import strip


@dataclass(frozen=True, slots=True)
class Line:
    """A row of a table: a figure in words, with its mark (empty for what is no share)."""

    name: str
    value: str
    interval: str
    n: int
    undefined: int
    mark: Markup


@dataclass(frozen=True, slots=True)
class MetricLine:
    """A metric's row; `breaks` tells that it must be exact and is not."""

    metric: Metric
    line: Line
    meaning: str
    judge: str
    corrected: str
    breaks: bool


@dataclass(frozen=True, slots=True)
class Group:
    """The metrics of a family."""

    name: str
    lines: Sequence[MetricLine]


@dataclass(frozen=True, slots=True)
class Panel:
    """A metric by kind and by language; the groups are named."""

    name: str
    meaning: str
    better: str
    all: Line
    groups: Sequence[tuple[str, Sequence[Line]]]
    is_headline: bool


def headlines(rows: Sequence[MetricRow], base: Mapping[str, float | None]) -> list[MetricLine]:
    """The metrics that are shown first, in their order; `base` has another run's figures."""
    by_name = {row.metric.name: row for row in rows}
    return [metric_line(by_name[name], base) for name in HEADLINES if name in by_name]


def groups(rows: Sequence[MetricRow], base: Mapping[str, float | None]) -> list[Group]:
    """All metrics by family."""
    return [
        Group(words, lines)
        for family, words in FAMILIES.items()
        if (lines := [metric_line(row, base) for row in rows if row.metric.family == family])
    ]


def panels(rows: Sequence[MetricRow]) -> list[Panel]:
    """The shares among the metrics that can be told apart by kind or language.

    First those of the headline, without those that are the same everywhere.
    """
    made = [_panel(row) for row in rows if unit(row.metric) == "share" and _tells_apart(row)]
    return sorted(made, key=lambda panel: not panel.is_headline)


def metric_line(row: MetricRow, base: Mapping[str, float | None]) -> MetricLine:
    """A metric's row, with another run's figure in its mark where `base` has it."""
    metric = row.metric
    exact = {"validity": 1.0, "leak_rate": 0.0}.get(metric.name)
    return MetricLine(
        metric,
        _line(label(metric.name), row.all, metric, against=base.get(metric.name)),
        meaning(metric.name),
        row.judge,
        _correction(row.corrected, metric),
        breaks=exact is not None and row.all.value is not None and row.all.value != exact,
    )


def _correction(found: Estimate | None, metric: Metric) -> str:
    if found is None:
        return ""
    if found.value is None:
        return "none follows"
    return " ".join(_figure(found, metric))


def _panel(row: MetricRow) -> Panel:
    return Panel(
        label(row.metric.name),
        meaning(row.metric.name),
        row.metric.better,
        _line("all", row.all, row.metric, origin=row.all.value),
        [
            (
                name,
                [
                    _line(each, figure, row.metric, origin=row.all.value)
                    for each, figure in figures.items()
                    if figure.value is not None
                ],
            )
            for name, figures in (("Kind", row.by_kind), ("Language", row.by_language))
            if figures
        ],
        row.metric.name in HEADLINES and _differs(row),
    )


def _differs(row: MetricRow) -> bool:
    figures = (*row.by_kind.values(), *row.by_language.values())
    return len({figure.value for figure in figures if figure.value is not None}) > 1


def _tells_apart(row: MetricRow) -> bool:
    return len(row.by_kind) > 1 or len(row.by_language) > 1


def _line(
    name: str, figure: Figure, metric: Metric, *, against: float | None = None, origin: float | None = None
) -> Line:
    mark = Markup()
    if unit(metric) == "share":
        mark = strip(figure.value, figure.interval, against=against, origin=origin)
    value, interval = _figure(figure, metric)
    return Line(name, value, interval, figure.n, figure.undefined, mark)


def _figure(figure: Figure | Estimate, metric: Metric) -> tuple[str, str]:
    interval = figure.interval
    if interval is None:
        return written(figure.value, metric), ""
    return written(
        figure.value, metric
    ), f"{written(interval.low, metric)} – {written(interval.high, metric)}"
