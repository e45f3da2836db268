"""How far can a judge be trusted: against people's labels, and what that makes of a rate that it reports."""

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from eval.judges.judge import Label, SupportJudge
from eval.judges.labelled import LabelledPair
from eval.stats import Floats, Interval, Statistic, bootstrap, wilson


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its 95 % interval; the value is None where there was nothing to count."""

    value: float | None
    interval: Interval | None


@dataclass(frozen=True, slots=True)
class Calibration:
    """A judge against labels, with `supported` as yes and `partial` and `not` as no.

    `sensitivity`: of the pairs that people call supported, the share that the judge does. `specificity`: of
    the others, the share that it does not. `balanced_accuracy` is their mean, `kappa` Cohen's (Educational
    and Psychological Measurement 20, 1960). `positives` and `negatives` count the pairs. The first two have
    Wilson's intervals, the others BCa's.
    """

    method: str
    positives: int
    negatives: int
    sensitivity: Estimate
    specificity: Estimate
    balanced_accuracy: Estimate
    kappa: Estimate

    def corrected(self, rate: float, interval: Interval | None) -> Estimate:
        """The true rate behind one that the judge reports, with that one's interval; report both.

        `(rate + specificity - 1) / (sensitivity + specificity - 1)`, within [0, 1]; Rogan and Gladen:
        Estimating Prevalence from the Results of a Screening Test (American Journal of Epidemiology 107,
        1978). The interval takes in that the judge was measured on a sample: the distances that each of the
        three figures at the ends of its own interval makes, as the root of the sum of their squares (Zou and
        Donner: Statistics in Medicine 27, 2008). None where nothing follows: where the judge is no better than
        chance, and where the whole interval is outside [0, 1], since a judge with these errors does not report
        such a rate, so that what it was measured on is not like what it is used on.
        """
        sensitivity, specificity = self.sensitivity, self.specificity
        if sensitivity.value is None or specificity.value is None:
            return Estimate(None, None)
        value = _rogan_gladen(rate, sensitivity.value, specificity.value)
        if value is None:
            return Estimate(None, None)
        ends = [
            [_rogan_gladen(each, sensitivity.value, specificity.value) for each in _ends(rate, interval)],
            [
                _rogan_gladen(rate, each, specificity.value)
                for each in _ends(sensitivity.value, sensitivity.interval)
            ],
            [
                _rogan_gladen(rate, sensitivity.value, each)
                for each in _ends(specificity.value, specificity.interval)
            ],
        ]
        below = above = 0.0
        for pair in ends:
            known = [each for each in pair if each is not None]
            if len(known) < len(pair):  # the judge may be no better than chance: anything is possible
                return Estimate(_bounded(value), Interval(0.0, 1.0))
            below += (value - min(value, *known)) ** 2
            above += (max(value, *known) - value) ** 2
        low, high = value - math.sqrt(below), value + math.sqrt(above)
        if low > 1 or high < 0:
            return Estimate(None, None)
        return Estimate(_bounded(value), Interval(_bounded(low), _bounded(high)))


def calibrate(
    judge: SupportJudge,
    pairs: Sequence[LabelledPair],
    *,
    jobs: int = 1,
    on_done: Callable[[], None] = lambda: None,
    seed: int = 0,
) -> Calibration:
    """Ask the judge about every pair, `jobs` at a time, and compare."""

    def ask(pair: LabelledPair) -> Label:
        label = judge.judge(pair.premise, pair.claim).label
        on_done()
        return label

    pool = ThreadPoolExecutor(max_workers=jobs)
    try:
        labels = list(pool.map(ask, pairs))
    finally:
        pool.shutdown(cancel_futures=True)  # after a failure no more is asked
    return compare_labels(judge.method, [pair.label for pair in pairs], labels, seed=seed)


def compare_labels(
    method: str, people: Sequence[Label], judge: Sequence[Label], *, seed: int = 0
) -> Calibration:
    """The calibration of labels that a judge gave, in the order of people's."""
    wanted = np.array([label == "supported" for label in people], dtype=np.float64)
    given = np.array([label == "supported" for label in judge], dtype=np.float64)
    # One row a pair: true and false positives, false and true negatives.
    cells = np.stack(
        [wanted * given, (1 - wanted) * given, wanted * (1 - given), (1 - wanted) * (1 - given)], axis=1
    )
    tp, fp, fn, tn = (int(count) for count in cells.sum(axis=0))
    return Calibration(
        method=method,
        positives=tp + fn,
        negatives=fp + tn,
        sensitivity=_share(tp, tp + fn),
        specificity=_share(tn, fp + tn),
        balanced_accuracy=_estimate(lambda weights: _balanced(weights @ cells), len(cells), seed),
        kappa=_estimate(lambda weights: _kappa(weights @ cells), len(cells), seed),
    )


def _share(hits: int, trials: int) -> Estimate:
    return Estimate(hits / trials if trials else None, wilson(hits, trials))


def _estimate(statistic: Statistic, pairs: int, seed: int) -> Estimate:
    if not pairs:
        return Estimate(None, None)
    value = float(statistic(np.ones((1, pairs)))[0])
    if math.isnan(value):
        return Estimate(None, None)
    found = bootstrap(statistic, range(pairs), seed=seed)
    return Estimate(value, found.interval if found else None)


def _balanced(cells: Floats) -> Floats:
    tp, fp, fn, tn = cells.T
    return (_divided(tp, tp + fn) + _divided(tn, fp + tn)) / 2


def _kappa(cells: Floats) -> Floats:
    tp, fp, fn, tn = cells.T
    total = tp + fp + fn + tn
    agreed = _divided(tp + tn, total)
    by_chance = _divided((tp + fp) * (tp + fn) + (fn + tn) * (fp + tn), total**2)
    return _divided(agreed - by_chance, 1 - by_chance)


def _divided(above: Floats, below: Floats) -> Floats:
    return np.divide(above, below, out=np.full_like(below, np.nan), where=below > 0)


def _rogan_gladen(rate: float, sensitivity: float, specificity: float) -> float | None:
    gain = sensitivity + specificity - 1
    return (rate + specificity - 1) / gain if gain > 0 else None


def _ends(value: float, interval: Interval | None) -> tuple[float, float]:
    return (interval.low, interval.high) if interval else (value, value)


def _bounded(value: float) -> float:
    return min(1.0, max(0.0, value))
