"""A run's figure for a metric: what its rule makes of the measurements, as they are or resampled."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from eval.metrics.measurement import UNDEFINED, Measurement
from eval.metrics.metric import Metric, Rule, Scores
from eval.stats import Floats, Interval, Statistic, bootstrap, wilson

_AMOUNTS = ("time", "cost")

Row = tuple[Measurement, ...]
"""The measurements of one example that a metric's figure is made of, in the order of `Metric.sources`."""


@dataclass(frozen=True, slots=True)
class Summary:
    """A figure with what it rests on: the examples, how many of them leave it undefined, and the sums.

    `value` is by the metric's rule, None where it is defined nowhere; `micro` is the sum of numerators by the
    sum of denominators, None for other rules than `mean` and `ratio`.
    """

    value: float | None
    examples: int
    undefined: int
    numerator: float
    denominator: float
    micro: float | None


def rows(metric: Metric, scores: Scores) -> dict[str, Row]:
    """The metric's measurements by example."""
    return {
        example: tuple(measured.get(name, UNDEFINED) for name in metric.sources)
        for example, measured in scores.items()
    }


def summarise(metric: Metric, scores: Scores) -> Summary:
    """The figure of a run."""
    found = list(rows(metric, scores).values())
    single = [row[0] for row in found] if len(metric.sources) == 1 else []
    numerator = math.fsum(each.numerator for each in single)
    denominator = math.fsum(each.denominator for each in single)
    return Summary(
        value=figure(metric.rule, found),
        examples=len(found),
        undefined=sum(all(each == UNDEFINED for each in row) for row in found),
        numerator=numerator,
        denominator=denominator,
        micro=numerator / denominator if denominator and metric.rule in ("mean", "ratio") else None,
    )


def interval(
    metric: Metric, scores: Scores, *, clusters: Mapping[str, str] | None = None, seed: int = 0
) -> Interval | None:
    """The 95 % interval of a run's figure: Wilson's for yes-or-no metrics, else BCa's by the examples' clusters."""
    found = rows(metric, scores)
    units = [unit(example, clusters or {}) for example in found]
    if is_binary(metric, found.values()) and len(set(units)) == len(units):
        values = [row[0].value for row in found.values() if row[0].value is not None]
        return wilson(values.count(1.0), len(values))
    if not found:
        return None
    resampled = bootstrap(statistic(metric.rule, list(found.values())), units, seed=seed)
    return resampled.interval if resampled else None


def is_binary(metric: Metric, rows: Iterable[Row]) -> bool:
    """Whether the figure is a mean of noughts and ones; an amount that happens to be nought everywhere is none."""
    return (
        metric.rule == "mean"
        and metric.family not in _AMOUNTS
        and all(row[0].value in (0, 1, None) for row in rows)
    )


def unit(example: str, clusters: Mapping[str, str]) -> tuple[str, str]:
    """What is drawn or swapped together with the example: its cluster, or itself where it has none."""
    cluster = clusters.get(example)
    return ("cluster", cluster) if cluster else ("example", example)


def figure(rule: Rule, rows: Sequence[Row]) -> float | None:
    """What the rule makes of rows; None where that is undefined."""
    if not rows:
        return None
    value = float(statistic(rule, rows)(np.ones((1, len(rows))))[0])
    return None if math.isnan(value) else value


def statistic(rule: Rule, rows: Sequence[Row]) -> Statistic:
    """The rule as a function of how often each row is counted."""
    parts = [[row[at] for row in rows] for at in range(len(rows[0]))]
    match rule:
        case "mean":
            return _mean(parts[0])
        case "ratio":
            return _quotient(
                np.array([each.numerator for each in parts[0]]),
                np.array([each.denominator for each in parts[0]]),
            )
        case "p50":
            return _percentile(parts[0], 0.50)
        case "p95":
            return _percentile(parts[0], 0.95)
        case "mean_of_parts":
            means = [_mean(part) for part in parts]
            return lambda weights: np.mean([mean(weights) for mean in means], axis=0)
        case "f1_of_parts":
            one, other = (_mean(part) for part in parts)
            return lambda weights: _harmonic(one(weights), other(weights))


def _mean(part: Sequence[Measurement]) -> Statistic:
    defined = np.array([each.value is not None for each in part], dtype=np.float64)
    return _quotient(np.array([each.value or 0.0 for each in part]), defined)


def _quotient(numerators: Floats, denominators: Floats) -> Statistic:
    def weighted(weights: Floats) -> Floats:
        below = weights @ denominators
        return np.divide(weights @ numerators, below, out=np.full_like(below, np.nan), where=below > 0)

    return weighted


def _percentile(part: Sequence[Measurement], q: float) -> Statistic:
    """By nearest rank: the smallest value that at least `q` of the values don't exceed."""
    defined = np.array([each.value is not None for each in part])
    values = np.array([each.value or 0.0 for each in part])[defined]
    order = np.argsort(values, kind="stable")

    def weighted(weights: Floats) -> Floats:
        counts = np.cumsum(weights[:, defined][:, order], axis=1)
        if not values.size:
            return np.full(len(weights), np.nan)
        # A hair less, so that 0.95 * 20 is the 19th value and not the 20th.
        wanted = np.ceil(q * counts[:, -1:] - 1e-9)
        found = values[order][np.argmax(counts >= np.maximum(wanted, 1), axis=1)]
        return np.where(counts[:, -1] > 0, found, np.nan)

    return weighted


def _harmonic(one: Floats, other: Floats) -> Floats:
    total = one + other
    return np.divide(2 * one * other, total, out=np.where(np.isnan(total), np.nan, 0.0), where=total > 0)
