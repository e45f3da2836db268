"""Fusing the scores of several rankings into one."""

from collections.abc import Mapping

Scores = Mapping[str, float]


def normalise(scores: Scores) -> dict[str, float]:
    """Scores moved to [0, 1] by their minimum and maximum; all 1 where they are equal."""
    if not scores:
        return {}
    low, high = min(scores.values()), max(scores.values())
    if high == low:
        return dict.fromkeys(scores, 1.0)
    return {key: (score - low) / (high - low) for key, score in scores.items()}


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
