"""How sure is a figure: intervals, paired tests, and the smallest difference that could have been seen.

Everything random takes a seed and gives the same for the same seed.
"""

import math
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Statistic = Callable[[Floats], Floats]
"""From weights of shape (resamples, examples) to one figure a resample; NaN where it is undefined."""

_NORMAL = NormalDist()
# Weights held at a time: 16 MB.
_BLOCK = 2_000_000


@dataclass(frozen=True, slots=True)
class Interval:
    """A confidence interval, both ends in."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """What resampling says of a statistic: its BCa interval and its standard error."""

    interval: Interval
    standard_error: float


def bootstrap(
    statistic: Statistic,
    units: Sequence[Hashable],
    *,
    level: float = 0.95,
    resamples: int = 2_000,
    seed: int = 0,
) -> Bootstrap | None:
    """Resample units with replacement; examples of one unit (a cluster) are drawn together.

    `units` names the unit of each example. The interval is BCa (Efron: Better Bootstrap Confidence Intervals,
    JASA 82, 1987): figures here are bounded and often near an end, where the percentile interval is off by
    its bias and skew. Where every resample gives one value it is that point; for shares `wilson` says more.
    Resamples where the statistic is undefined are left out; None where it is undefined for the examples
    themselves.
    """
    groups, count = _groups(units)
    if not count:
        return None
    estimate = float(statistic(np.ones((1, len(groups))))[0])
    if math.isnan(estimate):
        return None
    rng = np.random.default_rng(seed)
    draws = (
        statistic(rng.multinomial(count, np.full(count, 1 / count), size=size).astype(np.float64)[:, groups])
        for size in _blocks(resamples, len(groups))
    )
    drawn = _defined(np.concatenate(list(draws)))
    if not drawn.size:
        return None
    low, high = np.quantile(drawn, _bca_levels(estimate, drawn, _jackknife(statistic, groups, count), level))
    return Bootstrap(Interval(float(low), float(high)), float(drawn.std()))


def wilson(successes: int, trials: int, *, level: float = 0.95) -> Interval | None:
    """The score interval of a share (Wilson, JASA 22, 1927); None without trials."""
    if not trials:
        return None
    z = _NORMAL.inv_cdf((1 + level) / 2)
    share, spread = successes / trials, z * z / trials
    middle = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * math.sqrt(share * (1 - share) / trials + spread / (4 * trials))
    return Interval(max(0.0, middle - half), min(1.0, middle + half))


def rule_of_three(trials: int) -> float:
    """The rate that 0 events leave possible at 95 %: `3 / n` (Hanley, Lippman-Hand: JAMA 249, 1983)."""
    return min(1.0, 3 / trials) if trials else 1.0


def mcnemar(losses: int, wins: int) -> float:
    """The exact two-sided p of McNemar's test, over the pairs that differ (Psychometrika 12, 1947)."""
    changed = losses + wins
    tail = term = 1
    for count in range(min(losses, wins)):
        term = term * (changed - count) // (count + 1)
        tail += term
    # Whole numbers divide exactly however many there are, where 2.0 ** changed would overflow.
    return min(1.0, float(2 * tail / 2**changed))


def randomisation(
    statistic: Statistic, units: Sequence[Hashable], *, rounds: int = 10_000, seed: int = 0
) -> float:
    """The two-sided p of a paired randomisation test of `statistic(new) - statistic(base)`.

    `statistic` takes weights for the examples of the base run followed by those of the new one, in the same
    order; `units` names the unit of each example, and the two runs of a unit are swapped together. Fisher's
    test by sampling, with one added to both counts so that p is never 0 (Phipson, Smyth: SAGMB 9, 2010).
    Undefined rounds count against a difference.
    """
    groups, count = _groups(units)
    rng = np.random.default_rng(seed)

    def difference(swapped: Floats) -> Floats:
        kept = 1 - swapped
        return statistic(np.hstack([swapped, kept])) - statistic(np.hstack([kept, swapped]))

    observed = abs(float(difference(np.zeros((1, len(groups))))[0]))
    if math.isnan(observed):
        return 1.0
    extreme = 0
    for size in _blocks(rounds, 2 * len(groups)):
        swapped = rng.integers(0, 2, size=(size, count)).astype(np.float64)[:, groups]
        # Rounding must not part a round that repeats the observed difference from it.
        extreme += int(np.sum(~(np.abs(difference(swapped)) < observed - 1e-12)))
    return (extreme + 1) / (rounds + 1)


def holm(ps: Sequence[float]) -> list[float]:
    """The p values adjusted for their number, in their order (Holm: Scand. J. of Statistics 6, 1979)."""
    adjusted = [0.0] * len(ps)
    highest = 0.0
    for rank, at in enumerate(sorted(range(len(ps)), key=lambda each: ps[each])):
        highest = max(highest, min(1.0, (len(ps) - rank) * ps[at]))
        adjusted[at] = highest
    return adjusted


def detectable_effect(standard_error: float, *, alpha: float = 0.05, power: float = 0.80) -> float:
    """The smallest true effect that a two-sided test at `alpha` sees with `power`: 2.80 standard errors.

    For a mean of paired differences the standard error is `sd / sqrt(n)`.
    """
    return (_NORMAL.inv_cdf(1 - alpha / 2) + _NORMAL.inv_cdf(power)) * standard_error


def fewest_changes(alpha: float = 0.05) -> int:
    """How many examples must change, all one way, for McNemar's p to be under `alpha`: 6 at 0.05."""
    return next(count for count in range(1, 1_100) if mcnemar(0, count) < alpha)


def _bca_levels(estimate: float, drawn: Floats, jackknife: Floats, level: float) -> list[float]:
    tails = [(1 - level) / 2, (1 + level) / 2]
    below = (np.sum(drawn < estimate) + np.sum(drawn == estimate) / 2) / drawn.size
    if not 0 < below < 1:
        return tails
    bias = _NORMAL.inv_cdf(float(below))
    spread = jackknife.mean() - jackknife if jackknife.size else np.zeros(1)
    below_line = 6 * float(spread @ spread) ** 1.5
    skew = float(np.sum(spread**3)) / below_line if below_line else 0.0
    shifted = [bias + _NORMAL.inv_cdf(tail) for tail in tails]
    if any(skew * each >= 1 for each in shifted):
        return tails
    return [_NORMAL.cdf(bias + each / (1 - skew * each)) for each in shifted]


def _jackknife(statistic: Statistic, groups: NDArray[np.intp], count: int) -> Floats:
    """The statistic without each unit in turn."""
    made, start = [], 0
    for size in _blocks(count, len(groups)):
        left_out = np.arange(start, start + size)[:, None]
        made.append(statistic((groups[None, :] != left_out).astype(np.float64)))
        start += size
    return _defined(np.concatenate(made))


def _groups(units: Sequence[Hashable]) -> tuple[NDArray[np.intp], int]:
    """The number of each example's unit, and how many units there are."""
    numbers: dict[Hashable, int] = {}
    groups = [numbers.setdefault(unit, len(numbers)) for unit in units]
    return np.array(groups, dtype=np.intp), len(numbers)


def _blocks(rounds: int, width: int) -> Iterator[int]:
    size = max(1, _BLOCK // max(1, width))
    for start in range(0, rounds, size):
        yield min(size, rounds - start)


def _defined(values: Floats) -> Floats:
    return values[~np.isnan(values)]
