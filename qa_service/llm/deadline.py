"""The time that a whole answer may take, and whether anybody still waits for it."""

import threading
import time

from qa_service.errors import Cancelled, ModelDeadlineExceeded


class Deadline:
    """A point in time, `total_seconds` from now, shared by all that is done for one answer.

    Setting `cancelled`, from any thread, ends it before its time.
    """

    __slots__ = ("cancelled", "end", "total_seconds")

    def __init__(self, total_seconds: float, *, cancelled: threading.Event | None = None) -> None:
        self.total_seconds = total_seconds
        self.end = time.monotonic() + total_seconds
        """In seconds of `time.monotonic`."""
        self.cancelled = cancelled or threading.Event()

    def remaining(self) -> float:
        """The seconds that are left, above 0; raises `ModelDeadlineExceeded` or `Cancelled` when there are none."""
        self.check()
        left = self.end - time.monotonic()
        if left <= 0:
            raise ModelDeadlineExceeded(
                f"no answer within {self.total_seconds:g} s: allow more time, or use a faster model"
            )
        return left

    def check(self) -> None:
        """Raise `Cancelled` where nobody waits any more."""
        if self.cancelled.is_set():
            raise Cancelled("nobody waits for this answer any more: it was not finished")

    def wait(self, seconds: float) -> None:
        """Let time pass; `Cancelled` as soon as nobody waits any more."""
        self.cancelled.wait(seconds)
        self.check()

    def share(self, seconds: float) -> "Deadline":
        """An earlier deadline, `seconds` from now, for a part of the work; it is cancelled with this one."""
        return Deadline(min(seconds, self.remaining()), cancelled=self.cancelled)
