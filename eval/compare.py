"""Two runs of the same examples: is the new one better, worse, or can't that be said?"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from eval.metrics.aggregate import Row, figure, is_binary, rows, statistic, unit
from eval.metrics.metric import Metric, Scores
from eval.stats import (
    Floats,
    Interval,
    bootstrap,
    detectable_effect,
    fewest_changes,
    holm,
    mcnemar,
    randomisation,
)

Verdict = Literal["regressed", "improved", "no_evidence"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What two runs say about a metric.

    `base`, `new` and `delta` (new - base) are over the `pairs` of examples; `unpaired` examples are in one
    run only, or have a value in one only. `p_holm` is adjusted for the metrics that were compared together.
    `wins` and `losses` are examples that got better and worse. `smallest_visible` is the smallest change of
    the figure that this many examples show with 80 % power, None where there is nothing to compare.
    """

    metric: str
    verdict: Verdict
    base: float | None
    new: float | None
    delta: float | None
    interval: Interval | None
    p: float
    p_holm: float
    pairs: int
    unpaired: int
    wins: int
    ties: int
    losses: int
    smallest_visible: float | None


def compare(
    base: Scores,
    new: Scores,
    metric: Metric,
    *,
    clusters: Mapping[str, str] | None = None,
    alpha: float = 0.05,
    seed: int = 0,
) -> Comparison:
    """Compare two runs by one metric.

    Yes-or-no metrics by the exact McNemar test, all others by paired randomisation. `clusters` names the
    cluster of an example; one that it does not name, or names with an empty string, stands by itself. With
    clusters of several examples the test is by randomisation.
    """
    olds, news = rows(metric, base), rows(metric, new)
    ids = [each for each in olds if each in news and _is_paired(metric, olds[each], news[each])]
    before, after = [olds[each] for each in ids], [news[each] for each in ids]
    alone = (olds.keys() | news.keys()).difference(ids)
    units = [unit(each, clusters or {}) for each in ids]
    differences = [_difference(metric, one, other) for one, other in zip(before, after, strict=True)]
    wins, losses = sum(each > 0 for each in differences), sum(each < 0 for each in differences)
    old, value = figure(metric.rule, before), figure(metric.rule, after)
    delta = None if old is None or value is None else value - old
    binary = is_binary(metric, [*before, *after]) and len(set(units)) == len(units)
    p = 1.0
    if delta:
        p = mcnemar(losses, wins) if binary else _randomised(metric, before, after, units, seed)
    interval, visible = _spread(metric, before, after, units, binary=binary, alpha=alpha, seed=seed)
    return Comparison(
        metric=metric.name,
        verdict=_verdict(metric, delta, p, alpha),
        base=old,
        new=value,
        delta=delta,
        interval=interval,
        p=p,
        p_holm=p,
        pairs=len(ids),
        unpaired=sum(_has_value(olds.get(each)) or _has_value(news.get(each)) for each in alone),
        wins=wins,
        ties=len(ids) - wins - losses,
        losses=losses,
        smallest_visible=visible,
    )


def compare_all(
    base: Scores,
    new: Scores,
    metrics: Sequence[Metric],
    *,
    clusters: Mapping[str, str] | None = None,
    alpha: float = 0.05,
    seed: int = 0,
) -> list[Comparison]:
    """Compare two runs by several metrics, with verdicts by the p values adjusted after Holm."""
    alone = [compare(base, new, metric, clusters=clusters, alpha=alpha, seed=seed) for metric in metrics]
    adjusted = holm([each.p for each in alone])
    return [
        replace(each, p_holm=p, verdict=_verdict(metric, each.delta, p, alpha))
        for each, metric, p in zip(alone, metrics, adjusted, strict=True)
    ]


def _verdict(metric: Metric, delta: float | None, p: float, alpha: float) -> Verdict:
    if not delta or p >= alpha:
        return "no_evidence"
    return "improved" if (delta > 0) == (metric.better == "higher") else "regressed"


def _is_paired(metric: Metric, base: Row, new: Row) -> bool:
    """Whether both runs have what the figure needs: a value, or for sums and parts, the example."""
    if metric.rule in ("ratio", "mean_of_parts", "f1_of_parts"):
        return True
    return base[0].value is not None and new[0].value is not None


def _has_value(row: Row | None) -> bool:
    return row is not None and any(each.value is not None for each in row)


def _difference(metric: Metric, base: Row, new: Row) -> float:
    """By how much an example got better, over the parts that have a value in both runs."""
    sign = 1 if metric.better == "higher" else -1
    return sign * sum(
        after.value - before.value
        for before, after in zip(base, new, strict=True)
        if before.value is not None and after.value is not None
    )


def _randomised(
    metric: Metric, base: Sequence[Row], new: Sequence[Row], units: Sequence[tuple[str, str]], seed: int
) -> float:
    return randomisation(statistic(metric.rule, [*base, *new]), units, seed=seed)


def _spread(
    metric: Metric,
    base: Sequence[Row],
    new: Sequence[Row],
    units: Sequence[tuple[str, str]],
    *,
    binary: bool,
    alpha: float,
    seed: int,
) -> tuple[Interval | None, float | None]:
    """The interval of the difference, and the smallest one that would have been seen.

    Where the runs don't differ at all, resampling finds no spread; the effect is then taken as if they were
    not paired, which is at least as large.
    """
    if not base:
        return None, None
    before, after = statistic(metric.rule, base), statistic(metric.rule, new)

    def difference(weights: Floats) -> Floats:
        return after(weights) - before(weights)

    found = bootstrap(difference, units, seed=seed)
    if found is None:
        return None, None
    error = found.standard_error
    if not error and (alone := bootstrap(before, units, seed=seed)):
        error = math.sqrt(2) * alone.standard_error
    visible = detectable_effect(error, alpha=alpha)
    if binary:
        visible = max(visible, fewest_changes(alpha) / len(base))
    return found.interval, visible
