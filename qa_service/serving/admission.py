"""How many requests are worked on at once, how many wait for that, and which are turned away."""

import threading
from collections import deque
from typing import Generic, Literal, TypeVar

T = TypeVar("T")


class Admission(Generic[T]):
    """Places for requests: `places` are worked on, `queue` more wait in the order in which they came.

    Whoever comes then is turned away at once, which is worth more to a client than to wait in vain.
    """

    def __init__(self, *, places: int, queue: int) -> None:
        self._places = places
        self._queue = queue
        self._taken = 0
        self._waiting: deque[T] = deque()
        self._lock = threading.Lock()

    def enter(self, who: T) -> Literal["in", "waiting", "full"]:
        """Take a place, or a place in the queue, if there is one."""
        with self._lock:
            if self._taken < self._places:
                self._taken += 1
                return "in"
            if len(self._waiting) < self._queue:
                self._waiting.append(who)
                return "waiting"
            return "full"

    def leave(self) -> T | None:
        """Give a place back; whoever is returned has it now."""
        with self._lock:
            if self._waiting and self._taken <= self._places:
                return self._waiting.popleft()
            self._taken -= 1
            return None

    def come_back(self) -> None:
        """Take a place again that was given back only for a while, also where there is none."""
        with self._lock:
            self._taken += 1
