"""Stages in threads of their own: what they give each other, how much at once, and how they end."""

import threading
import time
from collections.abc import Callable

import pytest

from index.pipeline import Batches, Budget, Stage, Stopped


def in_thread(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_a_budget_makes_wait_who_would_exceed_it() -> None:
    budget = Budget(10)
    budget.take(7)
    taken = threading.Event()

    def take() -> None:
        budget.take(4)
        taken.set()

    thread = in_thread(take)
    assert not taken.wait(0.05)
    budget.give(7)
    thread.join()
    assert taken.is_set()


def test_what_exceeds_a_budget_by_itself_goes_alone() -> None:
    budget = Budget(10)
    budget.take(50)
    budget.give(50)
    budget.take(50)


def test_who_waits_for_a_budget_is_told_that_it_has_stopped() -> None:
    budget = Budget(1)
    budget.take(1)
    heard: list[str] = []

    def wait() -> None:
        try:
            budget.take(1)
        except Stopped:
            heard.append("stopped")

    thread = in_thread(wait)
    budget.stop()
    thread.join()
    assert heard == ["stopped"]


def test_a_batch_is_whole_at_its_weight() -> None:
    batches: Batches[str] = Batches(weight=10, seconds=60)
    for item, weight in (("a", 4), ("b", 7), ("c", 20), ("d", 1)):
        batches.put(item, weight)
    batches.end()
    assert list(batches) == [["a", "b"], ["c"], ["d"]]


def test_a_batch_waits_no_longer_than_it_may() -> None:
    batches: Batches[str] = Batches(weight=10, seconds=0.05)
    batches.put("a", 1)
    begin = time.monotonic()
    assert next(iter(batches)) == ["a"]
    assert time.monotonic() - begin >= 0.05


def test_batches_without_items_end() -> None:
    batches: Batches[str] = Batches(weight=10, seconds=60)
    batches.end()
    assert list(batches) == []


def test_what_waits_when_batches_are_stopped_is_dropped() -> None:
    batches: Batches[str] = Batches(weight=10, seconds=60)
    batches.put("a", 1)
    batches.stop()
    with pytest.raises(Stopped):
        next(iter(batches))


def test_a_stage_tells_how_it_ended() -> None:
    heard: list[BaseException | None] = []
    fault = ValueError("a fault")

    def fail() -> None:
        raise fault

    for work in (lambda: None, fail):
        Stage(work, name="work", ended=heard.append).join()
    assert heard == [None, fault]


def test_a_stage_that_was_stopped_tells_nothing() -> None:
    heard: list[BaseException | None] = []

    def stop() -> None:
        raise Stopped

    Stage(stop, name="work", ended=heard.append).join()
    assert heard == []
