"""The clock of one call to a model: how long its network may keep it waiting, and what became of it."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from math import inf

from qa_service.errors import (
    ModelConnectTimeout,
    ModelDeadlineExceeded,
    ModelFirstTokenTimeout,
    ModelIdleTimeout,
    ModelTimeout,
)
from qa_service.llm.deadline import Deadline

_DRAIN_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long a call may wait: for a connection, for its first token, and from one token to the next.

    Tokens count, not bytes: a server that only keeps the connection busy is as late as one that is silent.
    """

    connect_seconds: float = 5.0
    first_token_seconds: float = 60.0
    idle_seconds: float = 20.0


class Watch:
    """Keeps the time of one call, and notes what the network did, which litellm hides under its own errors.

    `status` and `headers` are those of the response, once there is one. `failure` is the error that ended the
    call in the network, whatever it was turned into further up.
    """

    def __init__(self, model: str, timeouts: Timeouts, deadline: Deadline) -> None:
        self.model = model
        self.status: int | None = None
        self.headers: Mapping[str, str] = {}
        self.failure: Exception | None = None
        self._timeouts = timeouts
        self._deadline = deadline
        self._connect_end = inf
        self._late: type[ModelTimeout] = ModelFirstTokenTimeout
        self._end = time.monotonic() + timeouts.first_token_seconds
        self._hang_up: Callable[[], None] | None = None
        self._dropped = False

    def connecting(self) -> None:
        """A connection is about to be made: its time begins."""
        self._connect_end = time.monotonic() + self._timeouts.connect_seconds

    def token(self) -> None:
        """A token came and was used: from now on, the time to the next one runs."""
        self._late = ModelIdleTimeout
        self._end = time.monotonic() + self._timeouts.idle_seconds

    def seconds_left(self, *, connecting: bool) -> float:
        """How long the network may wait now; not above 0 when the time is over."""
        end, _ = self._limit(connecting)
        return end - time.monotonic()

    def check(self) -> None:
        """Raise `Cancelled` where nobody waits for the call any more."""
        self._deadline.check()

    def timed_out(self, *, connecting: bool) -> ModelTimeout:
        """The error for a wait that came to its end."""
        _, late = self._limit(connecting)
        return late(f"{self.model} {_SAYS[late]}")

    def responded(self, status: int, headers: Mapping[str, str], hang_up: Callable[[], None]) -> None:
        """The response began; `hang_up` closes it, whether read to its end or not."""
        self.status = status
        self.headers = headers
        self._hang_up = hang_up

    def drop(self) -> None:
        """End the call: what the provider would still send is of no interest."""
        self._dropped = True
        if self._hang_up is not None:
            self._hang_up()

    @contextmanager
    def draining(self) -> Iterator[bool]:
        """A short time to read the rest of a body, so that its connection can be used again; False for no."""
        end = self._end
        self._end = min(end, time.monotonic() + _DRAIN_SECONDS)
        try:
            yield not self._dropped and self.failure is None
        finally:
            self._end = end

    def _limit(self, connecting: bool) -> tuple[float, type[ModelTimeout]]:
        end, late = (self._connect_end, ModelConnectTimeout) if connecting else (self._end, self._late)
        if self._deadline.end < end:
            return self._deadline.end, ModelDeadlineExceeded
        return end, late


_SAYS: Mapping[type[ModelTimeout], str] = {
    ModelConnectTimeout: "accepted no connection in time: check its address and the way to it",
    ModelFirstTokenTimeout: "sent no token in time: ask again, allow more time, or use a faster model",
    ModelIdleTimeout: "stopped in the middle of its reply: ask again, allow more time, or use a faster model",
    ModelDeadlineExceeded: "did not finish in time: ask again, allow more time, or use a faster model",
}

_current: ContextVar[Watch | None] = ContextVar("watch", default=None)


def current() -> Watch | None:
    """The watch of the call that this thread is in."""
    return _current.get()


@contextmanager
def watching(watch: Watch) -> Iterator[None]:
    """All network done inside is on `watch`."""
    token = _current.set(watch)
    try:
        yield
    finally:
        _current.reset(token)
