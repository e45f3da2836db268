"""Work that overlaps: stages in threads of their own, and a bound on all that is under way between them."""

import threading
import time
from collections.abc import Callable, Iterator
from contextvars import copy_context
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

T = TypeVar("T")


class Stopped(Exception):
    """A stage is not to go on."""


class Budget:
    """How much may be under way at once; what is more than that by itself goes alone."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._used = 0
        self._stopped = False
        self._changed = threading.Condition()

    def take(self, weight: int) -> None:
        """Wait until there is room for `weight`, and take it; raises `Stopped`."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._stopped or self._used + weight <= self._limit or not self._used
            )
            if self._stopped:
                raise Stopped
            self._used += weight

    def give(self, weight: int) -> None:
        """Give back what was taken."""
        with self._changed:
            self._used -= weight
            self._changed.notify_all()

    def stop(self) -> None:
        """Nobody is to wait for room any more."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()


class Batches(Generic[T]):
    """Items from one thread, taken together by another: at `weight`, after `seconds`, or at the end."""

    def __init__(self, *, weight: int, seconds: float) -> None:
        self._weight = weight
        self._seconds = seconds
        self._items: SimpleQueue[tuple[T, int] | None] = SimpleQueue()
        self._stopped = False

    def put(self, item: T, weight: int) -> None:
        """Add an item; never waits."""
        self._items.put((item, weight))

    def end(self) -> None:
        """No more items come."""
        self._items.put(None)

    def stop(self) -> None:
        """Nothing more is taken: what waits is dropped."""
        self._stopped = True
        self._items.put(None)

    def __iter__(self) -> Iterator[list[T]]:
        """The batches; raises `Stopped`."""
        is_last = False
        while not is_last:
            batch, is_last = self._batch()
            if self._stopped:
                raise Stopped
            if batch:
                yield batch

    def _batch(self) -> tuple[list[T], bool]:
        """What there is to take, and whether nothing comes after it."""
        batch: list[T] = []
        weight, until = 0, float("inf")
        while weight < self._weight:
            try:
                entry = self._items.get(timeout=max(0.0, until - time.monotonic()) if batch else None)
            except Empty:
                break
            if entry is None:
                return batch, True
            batch.append(entry[0])
            weight += entry[1]
            until = min(until, time.monotonic() + self._seconds)
        return batch, False


class Stage:
    """Work in a thread of its own, in the context of who starts it.

    `ended` is called there at its end: with None, with what it raised, or not at all where it was stopped.
    The thread is a daemon: it keeps no process from ending.
    """

    def __init__(
        self, work: Callable[[], None], *, name: str, ended: Callable[[BaseException | None], None]
    ) -> None:
        self._work = work
        self._ended = ended
        self._thread = threading.Thread(target=copy_context().run, args=(self._run,), name=name, daemon=True)
        self._thread.start()

    def join(self) -> None:
        """Wait for its end; not where it is its own thread that asks, in which what was abandoned may be collected."""
        if self._thread is not threading.current_thread():
            self._thread.join()

    def _run(self) -> None:
        try:
            self._work()
        except Stopped:
            return
        except BaseException as error:  # noqa: BLE001 - it is raised again by who hears of it
            self._ended(error)
        else:
            self._ended(None)
