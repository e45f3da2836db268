"""Waiting for what another thread, process or service does."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(condition: Callable[[], T], seconds: float = 30) -> T:
    """What a condition gives as soon as it holds; a failure where it does not in that time."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, f"it did not come to pass in {seconds:g} s"
        time.sleep(0.01)
    return found
