"""Fusing the scores of several rankings into one."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Scores = Mapping[str, float]
Column = NDArray[np.float64]
"""Shape (n,): a score for each of the same n things."""


def normalise(scores: Scores) -> dict[str, float]:
    """Scores moved to [0, 1] by their minimum and maximum; all 1 where they are equal."""
    moved = _normalised(np.array([*scores.values()], np.float64))
    return dict(zip(scores, moved.tolist(), strict=True))


def fuse(*weighted: tuple[Scores, float]) -> dict[str, float]:
    """The weighted mean of normalised scores, in [0, 1], for each key of any ranking; a missing one counts 0.

    A convex combination keeps what ranks throw away, how much better the best is than the next
    (Bruch, Gai and Ingber, "An Analysis of Fusion Functions for Hybrid Retrieval", 2022).
    """
    fused: dict[str, float] = {}
    total = sum(weight for _, weight in weighted) or 1
    for scores, weight in weighted:
        for key, score in normalise(scores).items():
            fused[key] = fused.get(key, 0.0) + score * weight / total
    return fused


def blend(*weighted: tuple[Column, float]) -> Column:
    """`fuse` for rankings of the same things, as columns."""
    total = sum(weight for _, weight in weighted) or 1
    fused: Column = np.sum([_normalised(scores) * (weight / total) for scores, weight in weighted], axis=0)
    return fused


def _normalised(scores: Column) -> Column:
    low, high = scores.min(initial=np.inf), scores.max(initial=-np.inf)
    if high <= low:
        return np.ones(len(scores))
    moved: Column = (scores - low) / (high - low)
    return moved
