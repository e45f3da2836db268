"""The time that a whole answer may take."""

import time

from qa_service.errors import ModelDeadlineExceeded


class Deadline:
    """A point in time, `total_seconds` from now, shared by all that is done for one answer."""

    __slots__ = ("end", "total_seconds")

    def __init__(self, total_seconds: float) -> None:
        self.total_seconds = total_seconds
        self.end = time.monotonic() + total_seconds
        """In seconds of `time.monotonic`."""

    def remaining(self) -> float:
        """The seconds that are left, above 0; raises `ModelDeadlineExceeded` when there are none."""
        left = self.end - time.monotonic()
        if left <= 0:
            raise ModelDeadlineExceeded(
                f"no answer within {self.total_seconds:g} s: allow more time, or use a faster model"
            )
        return left
