"""What has changed since another run: metrics and examples, those first that changed most."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from eval.compare import Comparison
from eval.metrics.measurement import UNDEFINED
from eval.metrics.metric import Metric
from eval.report.examples import ExampleView, status
from eval.report.labels import HEADLINES, VERDICTS, change, label, unit, written
from eval.report.model import Base, ExampleRow
from eval.report.strip import strip
from eval.report.svg import Linear
from eval.stats import Interval

_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Change:
    """A metric's change in words; `mark` is empty for what is no share, and points right where it is better."""

    name: str
    verdict: str
    words: str
    base: str
    new: str
    delta: str
    interval: str
    p: str
    smallest_visible: str
    comparison: Comparison
    mark: Markup


@dataclass(frozen=True, slots=True)
class Moved:
    """A metric of one example, before and now; `tone` is `better` or `worse`."""

    name: str
    before: str
    now: str
    tone: str


@dataclass(frozen=True, slots=True)
class ChangedExample:
    """An example with what moved, the largest first; `tone` is `better`, `worse`, or `mixed` for both or neither."""

    example: ExampleView
    before: ExampleRow
    status_before: str
    moved: Sequence[Moved]
    size: float
    tone: str


def changed_metrics(base: Base, metrics: Sequence[Metric]) -> list[Change]:
    """The metrics that are not the same in both runs, those first that changed most for what can be seen.

    The size of a change is taken by the smallest one that could have been seen, so that shares, times and
    dollars can stand in one order; where there is none, it comes last.
    """
    known = {metric.name: metric for metric in metrics}
    found = [each for each in base.comparisons if each.metric in known and _differs(each)]
    scale = _scale([each for each in found if unit(known[each.metric]) == "share"])
    return [_change(each, known[each.metric], scale) for each in sorted(found, key=_size, reverse=True)]


def unchanged_metrics(base: Base, metrics: Sequence[Metric]) -> list[str]:
    """The names of the metrics that are the same for every example."""
    known = {metric.name for metric in metrics}
    return [
        label(each.metric)
        for each in base.comparisons
        if each.metric in known and each.pairs and not _differs(each)
    ]


def changed_examples(
    base: Base, examples: Sequence[ExampleView], metrics: Sequence[Metric]
) -> dict[str, ChangedExample]:
    """The examples of both runs in which a metric or the status has moved, by anchor, the largest change first.

    By the shares of the headline, so that one change is not counted under many names; in a run without
    these, by all shares.
    """
    shares = [metric for metric in metrics if unit(metric) == "share" and not metric.parts]
    shares = [metric for metric in shares if metric.name in HEADLINES] or shares
    found = [
        changed
        for example in examples
        if (before := base.examples.get(example.row.record.example.id))
        and (changed := _changed(example, before, shares))
    ]
    return {each.example.anchor: each for each in sorted(found, key=lambda each: each.size, reverse=True)}


def most_changed(changed: Mapping[str, ChangedExample]) -> list[ChangedExample]:
    """The first of them, as many as a reader takes in."""
    return list(changed.values())[:_SHOWN]


def _change(comparison: Comparison, metric: Metric, scale: Linear) -> Change:
    sign = 1 if metric.better == "higher" else -1
    mark, interval = Markup(), ""
    if comparison.interval:
        low, high = sorted((sign * comparison.interval.low, sign * comparison.interval.high))
        interval = f"{change(comparison.interval.low, metric)} … {change(comparison.interval.high, metric)}"
        if unit(metric) == "share":
            mark = strip(
                sign * (comparison.delta or 0), Interval(low, high), scale, origin=0, tone=comparison.verdict
            )
    return Change(
        label(metric.name),
        comparison.verdict,
        VERDICTS[comparison.verdict],
        written(comparison.base, metric),
        written(comparison.new, metric),
        change(comparison.delta, metric),
        interval,
        "< 0.001" if comparison.p_holm < 0.001 else f"{comparison.p_holm:.3f}",
        written(comparison.smallest_visible, metric),
        comparison,
        mark,
    )


def _changed(example: ExampleView, before: ExampleRow, metrics: Sequence[Metric]) -> ChangedExample | None:
    moved, sizes = [], []
    for metric in metrics:
        old = before.scores.get(metric.name, UNDEFINED).value
        new = example.row.scores.get(metric.name, UNDEFINED).value
        if old == new:
            continue
        gain = 0.0 if old is None or new is None else (new - old) * (1 if metric.better == "higher" else -1)
        tone = "better" if gain > 0 else "worse" if gain else ""
        moved.append(Moved(label(metric.name), written(old, metric), written(new, metric), tone))
        sizes.append(abs(gain))
    if not moved and status(before) == example.status:
        return None
    order = sorted(range(len(moved)), key=lambda at: sizes[at], reverse=True)
    tones = {each.tone for each in moved if each.tone}
    return ChangedExample(
        example,
        before,
        status(before),
        [moved[at] for at in order],
        sum(sizes),
        tones.pop() if len(tones) == 1 else "mixed",
    )


def _differs(comparison: Comparison) -> bool:
    return bool(comparison.pairs and (comparison.delta or comparison.wins or comparison.losses))


def _size(comparison: Comparison) -> float:
    if not comparison.smallest_visible:
        return 0.0
    return abs(comparison.delta or 0.0) / comparison.smallest_visible


def _scale(comparisons: Sequence[Comparison]) -> Linear:
    ends = [
        abs(end) for each in comparisons if each.interval for end in (each.interval.low, each.interval.high)
    ]
    reach = max(ends, default=0.0) or 1.0
    return Linear(-reach, reach)
