"""Fusing scores."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.fuse import Scores, fuse, normalise

SCORES = st.dictionaries(st.sampled_from("abcdef"), st.floats(-1e6, 1e6))


@given(SCORES)
def test_normalised_scores_keep_their_order_and_reach_from_0_to_1(scores: Scores) -> None:
    moved = normalise(scores)
    assert set(moved) == set(scores)
    assert all(0 <= score <= 1 for score in moved.values())
    for one in scores:
        for other in scores:
            if scores[one] > scores[other]:
                assert moved[one] >= moved[other]
    if scores:
        assert max(moved.values()) == 1


@given(SCORES, SCORES, st.floats(0.01, 1), st.floats(0, 1))
def test_fused_scores_lie_in_0_to_1_for_every_key(
    first: Scores, second: Scores, weight: float, other: float
) -> None:
    fused = fuse((first, weight), (second, other))
    assert set(fused) == set(first) | set(second)
    assert all(0 <= score <= 1 + 1e-9 for score in fused.values())


@given(SCORES, SCORES)
def test_a_ranking_that_weighs_nothing_changes_nothing(first: Scores, second: Scores) -> None:
    fused = fuse((first, 1), (second, 0))
    assert {key: fused[key] for key in first} == pytest.approx(normalise(first))


def test_scores_are_fused_as_their_weighted_mean() -> None:
    fused = fuse(({"a": 10, "b": 5, "c": 0}, 3), ({"c": 1, "b": 0}, 1))
    assert fused == pytest.approx({"a": 0.75, "b": 0.375, "c": 0.25})


def test_weights_of_nothing_fuse_to_nothing() -> None:
    assert fuse(({"a": 1.0}, 0), ({"b": 2.0}, 0)) == {"a": 0.0, "b": 0.0}
