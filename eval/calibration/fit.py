"""Fitting the probability that passages hold an answer, and how well it does on suites that it was not fitted on.

Logistic regression with a ridge penalty on the standardised signs, solved by Newton's method (Hastie, Tibshirani and
Friedman, "The Elements of Statistical Learning", 2009, 4.4). Suites differ in size by a factor of forty: each cell of
corpus and label weighs as the root of its size, and both labels weigh the same.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from eval.calibration.rows import Row
from eval.stats import Floats
from qa_service.answering.relevance import SIGNS, Group, Logistic, Point

_RIDGE = 1.0
_STEPS = 50
_ENOUGH = 1e-9

RECALL: Mapping[Point, float] = {"model": 0.98, "extractive": 0.93}
"""The share of answerable questions that each threshold keeps in every corpus that is large enough to tell."""

_RECALL_OF_UNKNOWN_TERMS = 0.96
"""The least share where no term is known: nearly all such questions are in a language that the documents are not in."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """A group's model with its thresholds by who writes."""

    model: Logistic
    thresholds: Mapping[Point, float]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a threshold does on some rows; a share is None where there is nothing to count.

    `answered`: of the answerable questions, those that are tried. `declined_far`: of the questions on other subjects,
    those that are declined; `declined_near`: the same of the questions on the subject without an answer. `auc` is of
    answerable questions against those on other subjects.
    """

    answerable: int
    far: int
    near: int
    auc: float | None
    answered: float | None
    declined_far: float | None
    declined_near: float | None

    @property
    def balanced_accuracy(self) -> float | None:
        """The mean of `answered` and `declined_far`."""
        if self.answered is None or self.declined_far is None:
            return None
        return (self.answered + self.declined_far) / 2


def fit(rows: Sequence[Row], group: Group) -> Fitted:
    """The model of a group's rows, with thresholds that keep `RECALL` in each corpus that is large enough to tell."""
    model = _model(rows, group)
    scores = _scores(model, rows, group)
    least = _RECALL_OF_UNKNOWN_TERMS if group == "unknown_terms" else 0.0
    thresholds = {point: _threshold(rows, scores, max(recall, least)) for point, recall in RECALL.items()}
    # A corpus that is too small to tell for a high recall may bind a lower one more.
    thresholds["model"] = min(thresholds.values())
    return Fitted(model, thresholds)


def held_out(rows: Sequence[Row], group: Group, point: Point) -> dict[str, Outcome]:
    """For each corpus the outcome of a model and a threshold that were fitted on the others; those that can be."""
    outcomes = {}
    for corpus in dict.fromkeys(row.corpus for row in rows):
        others = [row for row in rows if row.corpus != corpus]
        own = [row for row in rows if row.corpus == corpus]
        if len({row.answered for row in others}) == 2:
            fitted = fit(others, group)
            outcomes[corpus] = outcome(own, _scores(fitted.model, own, group), fitted.thresholds[point])
    return outcomes


def outcomes(rows: Sequence[Row], fitted: Fitted, group: Group, point: Point) -> dict[str, Outcome]:
    """The outcome of a fitted model for each corpus."""
    by_corpus = {
        name: [row for row in rows if row.corpus == name] for name in dict.fromkeys(r.corpus for r in rows)
    }
    return {
        name: outcome(own, _scores(fitted.model, own, group), fitted.thresholds[point])
        for name, own in by_corpus.items()
    }


def outcome(rows: Sequence[Row], scores: Floats, threshold: float) -> Outcome:
    """What a threshold makes of scored rows."""
    answered = np.array([row.answered for row in rows], dtype=bool)
    near = np.array([row.is_near for row in rows], dtype=bool)
    tried = scores >= threshold
    far = ~answered & ~near
    return Outcome(
        answerable=int(answered.sum()),
        far=int(far.sum()),
        near=int(near.sum()),
        auc=auc(scores[answered], scores[far]),
        answered=_mean(tried[answered]),
        declined_far=_mean(~tried[far]),
        declined_near=_mean(~tried[near]),
    )


def auc(above: Floats, below: Floats) -> float | None:
    """The probability that one of `above` exceeds one of `below`, ties as half.

    Hanley and McNeil, "The Meaning and Use of the Area under a ROC Curve" (Radiology 143, 1982).
    """
    if not (above.size and below.size):
        return None
    ordered = np.sort(below)
    wins = np.searchsorted(ordered, above, "left") + np.searchsorted(ordered, above, "right")
    return float(wins.mean() / (2 * below.size))


def _model(rows: Sequence[Row], group: Group) -> Logistic:
    values = np.array([row.signs.of(SIGNS[group]) for row in rows])
    labels = np.array([row.answered for row in rows], dtype=np.float64)
    mean, spread = values.mean(axis=0), np.maximum(values.std(axis=0), 1e-9)
    found = _newton((values - mean) / spread, labels, _weights(rows))
    weights = found[1:] / spread
    return Logistic(float(found[0] - weights @ mean), tuple(map(float, weights)))


def _weights(rows: Sequence[Row]) -> Floats:
    cells = Counter((row.corpus, row.answered) for row in rows)
    weights = np.array([cells[row.corpus, row.answered] ** -0.5 for row in rows])
    labels = np.array([row.answered for row in rows])
    for label in (False, True):
        weights[labels == label] /= weights[labels == label].sum()
    balanced: Floats = weights * len(rows) / 2
    return balanced


def _newton(values: Floats, labels: Floats, weights: Floats) -> Floats:
    """The bias and the weights that maximise the penalised likelihood; the bias is not penalised."""
    design = np.column_stack([np.ones(len(values)), values])
    penalty = np.diag([0.0, *[_RIDGE] * values.shape[1]])
    found = np.zeros(design.shape[1])
    for _ in range(_STEPS):
        chance = 1 / (1 + np.exp(-(design @ found)))
        slope = design.T @ (weights * (chance - labels)) + penalty @ found
        curve = (design * (weights * chance * (1 - chance))[:, None]).T @ design + penalty
        step = np.linalg.solve(curve, slope)
        found -= step
        if float(np.abs(step).max()) < _ENOUGH:
            break
    return found


def _threshold(rows: Sequence[Row], scores: Floats, recall: float) -> float:
    """The highest score that keeps the recall in each corpus where losing one answerable question keeps it too."""
    kept = []
    for corpus in dict.fromkeys(row.corpus for row in rows):
        own = np.sort(scores[[at for at, row in enumerate(rows) if row.answered and row.corpus == corpus]])
        if lost := int((1 - recall) * own.size + _ENOUGH):
            kept.append(float(own[lost]))
    return int(min(kept) * 1000) / 1000 if kept else 0.0


def _scores(model: Logistic, rows: Sequence[Row], group: Group) -> Floats:
    return np.array([model.probability(row.signs.of(SIGNS[group])) for row in rows])


def _mean(flags: Floats) -> float | None:
    return float(flags.mean()) if flags.size else None
