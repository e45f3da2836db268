"""Whether the passages found hold an answer, as a calibrated probability: decided before anybody writes.

A logistic model of few signs: how near the nearest sentence of the first passage is to the question, the share of
the question's terms that this passage holds, and, across languages, where terms say nothing, by how much the first
candidate outranks the tail of the ranking. A question of which no term stands anywhere in the collection is in another
language, or means nothing; what means nothing is as near to one thing as to another, so that there it also counts by
how much the first candidate is nearer than that tail. Its numbers belong to one embedding model and were fitted by
`qa-eval abstention fit`, which says what they were fitted on and how well they do elsewhere.

No such score sees a near miss: passages on the very subject that leave out what is asked look like an answer. That is
for the model's `[[NONE]]` and for the gate.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from math import exp, inf
from pathlib import Path
from statistics import fmean
from typing import Literal

from index.document import Passage
from index.language import comparable, language
from index.retrieve import RANKING, Retrieved
from index.terms import content_terms

Group = Literal["same_language", "across_languages", "across_languages_few", "unknown_terms"]
"""Which signs there are: in another language no shared terms, and among few candidates no tail to stand out from.

Where no term of the question stands anywhere in the collection, it may be in another language, or mean nothing.
"""

Point = Literal["model", "extractive"]
"""Who writes: a model, which can decline too, or the extractive writer, which can't. The second is stricter."""

SIGNS: Mapping[Group, tuple[str, ...]] = {
    "same_language": ("similarity", "coverage"),
    "across_languages": ("similarity", "margin"),
    "across_languages_few": ("similarity",),
    "unknown_terms": ("similarity", "margin", "contrast"),
}
"""The signs that each group's model weighs, by the names of `Signs`."""

COEFFICIENTS = Path(__file__).with_name("relevance.json")
"""The fitted coefficients and thresholds, by the embedding model's name."""

_HEAD = RANKING // 2
_FEWEST_IN_TAIL = 5
_PASSAGES = 10
_ANY_TERM = 0.0001


@dataclass(frozen=True, slots=True)
class Relevance:
    """The probability that the passages hold an answer, and what it must reach for one to be tried, both in [0, 1].

    `method` is `terms` for an embedding model that was not calibrated: the score is then no probability, but the
    largest share of the question's terms that a passage holds, and any term at all is enough.
    """

    score: float
    threshold: float
    method: Literal["calibrated", "terms"] = "calibrated"

    @property
    def is_enough(self) -> bool:
        """Whether an answer is worth a try."""
        return self.score >= self.threshold


_NO_WORDS = Relevance(0.0, _ANY_TERM, "terms")
"""Of marks alone, which ask nothing."""

Assess = Callable[[str, Retrieved], Relevance]
"""From a question and what was found for it, at least one passage, to how likely it is answered there."""


@dataclass(frozen=True, slots=True)
class Signs:
    """What the score is made of.

    `similarity`: the cosine of the question and the nearest sentence of the first passage, as the vectors have it.
    `coverage`: the share of the question's terms, weighted by rarity, in the first passage and above it, in [0, 1].
    `margin`: the first candidate's score less the mean of the ranking's second half; 0 without a tail.
    `contrast`: the same of the similarity.
    """

    group: Group
    similarity: float
    coverage: float
    margin: float
    contrast: float

    def of(self, names: tuple[str, ...]) -> list[float]:
        """The values of the named signs."""
        return [float(getattr(self, name)) for name in names]


@dataclass(frozen=True, slots=True)
class Logistic:
    """`1 / (1 + exp(-(bias + weights · signs)))`."""

    bias: float
    weights: tuple[float, ...]

    def probability(self, values: list[float]) -> float:
        """The probability for the values of the signs, in [0, 1]."""
        total = self.bias + sum(w * v for w, v in zip(self.weights, values, strict=True))
        return 1 / (1 + exp(-total)) if total > -700 else 0.0


@dataclass(frozen=True, slots=True)
class Calibration:
    """The models of one embedding model by group, and the thresholds of each by who writes."""

    models: Mapping[Group, Logistic]
    thresholds: Mapping[Group, Mapping[Point, float]]

    def relevance(self, signs: Signs, point: Point) -> Relevance:
        """The relevance that the signs show."""
        score = self.models[signs.group].probability(signs.of(SIGNS[signs.group]))
        return Relevance(round(score, 4), self.thresholds[signs.group][point])


def assessor(embedding_model: str, *, point: Point) -> Assess:
    """What assesses questions over vectors of that model, for a writer of that kind.

    The cosines of a model that is not calibrated may lie anywhere, so that only terms tell for it: an answer is tried
    unless the passages are in the question's language and hold none of its terms.
    """
    calibration = calibrations().get(embedding_model)
    if calibration is None:
        return _by_terms
    return lambda question, retrieved: (
        calibration.relevance(signs(question, retrieved), point) if _has_words(question) else _NO_WORDS
    )


@cache
def calibrations() -> Mapping[str, Calibration]:
    """The calibrations that come with the product, by the embedding model's name."""
    stored = json.loads(COEFFICIENTS.read_text(encoding="utf-8"))
    return {name: _calibration(groups) for name, groups in stored.items()}


def _calibration(groups: Mapping[Group, Mapping[str, float]]) -> Calibration:
    return Calibration(
        {
            group: Logistic(stored["bias"], tuple(stored[name] for name in SIGNS[group]))
            for group, stored in groups.items()
        },
        {
            group: {"model": stored["threshold_model"], "extractive": stored["threshold_extractive"]}
            for group, stored in groups.items()
        },
    )


def signs(question: str, retrieved: Retrieved) -> Signs:
    """The signs that an answer is among what was found; of the first candidate and of those that it is ahead of."""
    first, tail = retrieved.passages[0], retrieved.ranking[_HEAD:]
    has_tail = len(tail) >= _FEWEST_IN_TAIL
    group: Group = "same_language"
    if has_tail and not any(weight < inf for weight in retrieved.term_weights.values()):
        group = "unknown_terms"
    elif not comparable(language(question), language(first.text)):
        group = "across_languages" if has_tail else "across_languages_few"
    return Signs(
        group=group,
        similarity=retrieved.ranking[0].similarity,
        coverage=coverage(retrieved.term_weights, first),
        margin=retrieved.ranking[0].score - fmean(each.score for each in tail) if has_tail else 0.0,
        contrast=retrieved.ranking[0].similarity - fmean(each.similarity for each in tail)
        if has_tail
        else 0.0,
    )


def coverage(term_weights: Mapping[str, float], passage: Passage) -> float:
    """The share of the question's terms that a passage and what stands above it hold, by weight, in [0, 1]."""
    rarest = max((weight for weight in term_weights.values() if weight < inf), default=1.0)
    held = {*content_terms(" ".join((passage.title, *passage.headings, passage.text)))}
    total = sum(min(weight, rarest) for weight in term_weights.values())
    return (
        sum(min(term_weights[term], rarest) for term in held & term_weights.keys()) / total if total else 0.0
    )


def _has_words(question: str) -> bool:
    return any(map(str.isalnum, question))


def _by_terms(question: str, retrieved: Retrieved) -> Relevance:
    if not _has_words(question):
        return _NO_WORDS
    asked_in = language(question)
    passages = retrieved.passages[:_PASSAGES]
    comparable_all = all(comparable(asked_in, language(passage.text)) for passage in passages)
    if not comparable_all or not retrieved.term_weights:
        return Relevance(1.0, 0.0, "terms")
    share = max(coverage(retrieved.term_weights, passage) for passage in passages)
    return Relevance(round(share, 4), _ANY_TERM, "terms")
