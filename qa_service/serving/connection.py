"""A client's connection: how long it may keep the service waiting, and what is done meanwhile."""

import errno
import re
import select
import socket
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from time import monotonic
from typing import Any

from qa_service.errors import RequestTooSlow

GATHERED_BYTES = 2**16
"""How much of a request is gathered before anything is made of it."""

BODY_SECONDS = 20
RESPONSE_SECONDS = 60
_BYTES_A_SECOND = 2**13
_GLANCE_SECONDS = 0.02

_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,6})[ \t]*\r\n", re.IGNORECASE)
_EXPECT = re.compile(rb"\r\nexpect:", re.IGNORECASE)


def is_gathered(data: bytes | bytearray) -> bool:
    """Whether there is enough of a request to pass it on: its head, and its body where that is short.

    This only says whether it is time to parse it, which is done anew: what it takes for a length is none yet.
    """
    if len(data) >= GATHERED_BYTES or not data[:1].isalpha():
        return True
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return False
    head = bytes(data[: end + 4])
    length = _LENGTH.search(head)
    if length is None or _EXPECT.search(head):
        return True
    return len(data) >= min(end + 4 + int(length[1]), GATHERED_BYTES)


class Patience:
    """How long a client may still keep the service waiting: `seconds` at most, and less if it does so steadily.

    What it moves earns it more, at 8 KiB a second: drop by drop it comes to its end.
    """

    def __init__(self, seconds: float) -> None:
        self._most = seconds
        self.seconds = seconds

    def waited(self, seconds: float) -> None:
        """Count a wait."""
        self.seconds -= seconds

    def moved(self, count: int) -> None:
        """Count the bytes that it sent or took."""
        self.seconds = min(self._most, self.seconds + count / _BYTES_A_SECOND)


class Connection(socket.socket):
    """An accepted connection that is read and written by a thread which does not wait for its client for long.

    `aside` is entered while it waits: others go first then. `body_seconds` and `response_seconds` are its patience.
    """

    def __init__(
        self,
        accepted: socket.socket,
        *,
        body_seconds: float = BODY_SECONDS,
        response_seconds: float = RESPONSE_SECONDS,
    ) -> None:
        super().__init__(fileno=accepted.detach())
        self.aside: Callable[[], AbstractContextManager[None]] = nullcontext
        self._is_slow = False
        self._reading = Patience(body_seconds)
        self._writing = Patience(response_seconds)

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        """Read; `RequestTooSlow`, once, where the client does not send, and an end afterwards."""
        if flags or self.gettimeout() is not None:  # who reads has its own idea of waiting
            return super().recv(size, flags)
        if self._reading.seconds <= 0:
            return b""
        while True:
            try:
                data = super().recv(size, socket.MSG_DONTWAIT)
            except BlockingIOError:
                if not self._wait(select.POLLIN, self._reading):
                    raise RequestTooSlow(
                        "the request's body comes too slowly: send it again, faster"
                    ) from None
            else:
                self._reading.moved(len(data))
                return data

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        """Write; `ConnectionResetError` where the client does not take it."""
        rest = memoryview(data).cast("B")
        while rest:
            try:
                sent = super().send(rest, flags | socket.MSG_DONTWAIT)
            except BlockingIOError:
                if not self._wait(select.POLLOUT, self._writing):
                    raise ConnectionResetError(errno.ECONNRESET, "the client takes no response") from None
            else:
                self._writing.moved(sent)
                rest = rest[sent:]

    def _wait(self, event: int, patience: Patience) -> bool:
        """Whether the client did something in time."""
        poll = select.poll()
        poll.register(self, event)
        if not self._is_slow and poll.poll(1000 * _GLANCE_SECONDS):
            return True
        self._is_slow = True  # it gets no second look from a place that others could have
        began = monotonic()
        with self.aside():
            is_ready = bool(poll.poll(1000 * max(0.0, patience.seconds)))
        patience.waited(monotonic() - began if is_ready else patience.seconds)
        return is_ready
