"""How far can a judge be trusted: against people's labels, and what that makes of a rate that it reports."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

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

    def corrected(self, rate: float, trials: int) -> Estimate:
        """The true rate behind one that the judge reports of `trials` claims; report it beside the raw one.

        `(rate + specificity - 1) / (sensitivity + specificity - 1)`, within [0, 1]; Rogan and Gladen:
        Estimating Prevalence from the Results of a Screening Test (American Journal of Epidemiology 107,
        1978). The interval is by the delta method and takes in that the judge was measured on a sample. None
        where the judge is no better than chance, since nothing follows from it then.
        """
        sensitivity, specificity = self.sensitivity.value, self.specificity.value
        if sensitivity is None or specificity is None or sensitivity + specificity <= 1 or not trials:
            return Estimate(None, None)
        gain = sensitivity + specificity - 1
        value = (rate + specificity - 1) / gain
        variance = (
            rate * (1 - rate) / trials
            + value**2 * sensitivity * (1 - sensitivity) / self.positives
            + (1 - value) ** 2 * specificity * (1 - specificity) / self.negatives
        ) / gain**2
        half = NormalDist().inv_cdf(0.975) * math.sqrt(variance)
        return Estimate(_bounded(value), Interval(_bounded(value - half), _bounded(value + half)))


def calibrate(judge: SupportJudge, pairs: Sequence[LabelledPair], *, seed: int = 0) -> Calibration:
    """Ask the judge about every pair and compare."""
    return compare_labels(
        judge.method,
        [pair.label for pair in pairs],
        [judge.judge(pair.premise, pair.claim).label for pair in pairs],
        seed=seed,
    )


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


def _bounded(value: float) -> float:
    return min(1.0, max(0.0, value))
