"""Estimates of the rate of indexing and of the time that it takes."""

import pytest

from qa_service.commands.pace import Pace


def test_the_rate_is_that_of_passages_embedded() -> None:
    pace = Pace(now=0)
    pace.plan(2, 2000)
    assert pace.rate(now=5) is None
    pace.embedded("a", 32, 64, now=2)
    pace.embedded("a", 64, 64, now=4)
    assert pace.rate(now=4) == 16
    pace.ended("a", size=1000, chunks=64, now=4)
    assert pace.rate(now=4) == 16


def test_time_left_goes_by_the_bytes_that_are_not_read_and_not_by_files() -> None:
    pace = Pace(now=0)
    pace.plan(3, 1_000_000 + 1000 + 1000)
    for at, name in enumerate("ab"):
        pace.embedded(name, 1, 1, now=at + 1)
        pace.ended(name, size=1000, chunks=1, now=at + 1)
    # Two files of three are done, and 1,000 passages of 1,002 are to come.
    assert pace.rate(now=2) == 1
    assert pace.seconds_left(now=2) == pytest.approx(1000)


def test_of_a_file_at_hand_the_passages_are_known() -> None:
    pace = Pace(now=0)
    pace.plan(1, 5000)
    pace.embedded("a", 20, 100, now=2)
    assert pace.left() == 80
    assert pace.seconds_left(now=2) == 8


def test_nothing_is_estimated_while_nothing_is_known() -> None:
    pace = Pace(now=0)
    pace.plan(2, 5000)
    assert (pace.rate(now=9), pace.left(), pace.seconds_left(now=9)) == (None, None, None)
    pace.embedded("a", 20, 100, now=2)  # how many bytes that was is not known yet
    assert pace.seconds_left(now=2) is None


def test_several_files_at_hand_are_counted_together() -> None:
    pace = Pace(now=0)
    pace.plan(3, 300)
    pace.embedded("a", 10, 10, now=1)
    pace.ended("a", size=100, chunks=10, now=1)
    pace.embedded("b", 4, 10, now=2)
    pace.embedded("c", 2, 10, now=2)
    assert (pace.done, pace.left()) == (16, 14)


def test_the_rate_falls_while_nothing_comes_and_forgets_what_was_long_ago() -> None:
    pace = Pace(now=0)
    pace.plan(1, 100)
    pace.embedded("a", 100, 1000, now=2)
    assert pace.rate(now=2) == 50
    assert pace.rate(now=10) == 10
    for second in range(100, 140):
        pace.embedded("a", 100 + second - 99, 1000, now=second)
    assert pace.rate(now=139) == pytest.approx(1, rel=0.05)


def test_files_without_text_count_for_their_bytes() -> None:
    pace = Pace(now=0)
    pace.plan(3, 300)
    pace.embedded("a", 10, 10, now=1)
    pace.ended("a", size=100, chunks=10, now=1)
    pace.ended("b", size=100, chunks=0, now=2)
    assert pace.left() == pytest.approx(5)
