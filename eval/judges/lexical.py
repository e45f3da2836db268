"""A proxy for a judge of support that needs no model: how many of the claim's words the premise holds.

It can't see who did what to whom, only that the words are there; for what that is worth, see
`eval.judges.calibrate`.
"""

import re
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from eval.judges.judge import Judgement
from eval.metrics.words import content, coverage, is_negated

Embed = Callable[[Sequence[str]], NDArray[np.float32]]
"""Unit vectors, one row a text."""

_SENTENCE_END = re.compile(r"(?<=[.!?。！？])\s+|\n+")


class LexicalProxy:
    """Supported where the premise holds enough of the claim's content words, and all of its numbers.

    The score is the share of the content words, numbers counting twice, and less by `NEGATION` where the
    claim is negated and the premise is not. With `embed` it is the mean of that and of the cosine of the
    claim with its nearest sentence of the premise, scaled from [`FAR`, 1] to [0, 1]: words of another
    language count too. `supported` and `partial` are the least scores for these labels; the default of the first is
    where balanced accuracy on WiCE dev is best, so what is measured there is a little too good.
    """

    NEGATION = 0.2
    FAR = 0.7

    def __init__(self, *, supported: float = 0.6, partial: float = 0.4, embed: Embed | None = None) -> None:
        if not 0 <= partial <= supported <= 1:
            raise ValueError(f"thresholds are 0 <= partial <= supported <= 1, not {partial} and {supported}")
        self._supported = supported
        self._partial = partial
        self._embed = embed

    @property
    def method(self) -> str:
        """`proxy:lexical` or `proxy:lexical+embedding` with the two thresholds."""
        kind = "lexical+embedding" if self._embed else "lexical"
        return f"proxy:{kind}({self._supported:g},{self._partial:g})"

    def judge(self, premise: str, claim: str) -> Judgement:
        """The judgement; free of charge."""
        score, has_numbers = self._score(premise, claim)
        if score >= self._supported and has_numbers:
            return Judgement("supported", score, self.method)
        return Judgement("partial" if score >= self._partial else "not", score, self.method)

    def _score(self, premise: str, claim: str) -> tuple[float, bool]:
        wanted = content(claim)
        numbers = [word for word in wanted if any(letter.isdigit() for letter in word)]
        weights = [2.0 if word in numbers else 1.0 for word in wanted]
        score = coverage(premise, wanted, weights)
        if is_negated(claim) and not is_negated(premise):
            score = max(0.0, score - self.NEGATION)
        if self._embed:
            score = (score + self._nearest(premise, claim, self._embed)) / 2
        return score, coverage(premise, numbers, [1.0] * len(numbers)) == 1 or not numbers

    def _nearest(self, premise: str, claim: str, embed: Embed) -> float:
        sentences = [each for each in _SENTENCE_END.split(premise) if each.strip()]
        if not sentences:
            return 0.0
        vectors = embed([claim, *sentences])
        nearest = float(np.max(vectors[1:] @ vectors[0]))
        return min(1.0, max(0.0, (nearest - self.FAR) / (1 - self.FAR)))
