"""Models that failed a moment ago, and are left alone for a while where others can be asked instead."""

import threading
import time
from collections.abc import Sequence

from qa_service.errors import ModelError, ModelFirstTokenTimeout

_LONGEST_SECONDS = 3600.0
"""However long a provider asks to be left alone."""


class Cooldown:
    """Remembers which models failed in a way that will pass; for many threads."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._until: dict[str, float] = {}
        self._lock = threading.Lock()

    def failed(self, name: str, error: ModelError) -> None:
        """Leave the model alone for the time that its provider asked for, else for `seconds`.

        A model that sent no token in time counts: the next to ask it would wait as long for nothing. A fault of
        the request or of the settings does not.
        """
        if not (error.retryable or isinstance(error, ModelFirstTokenTimeout)):
            return
        asked = error.retry_after_seconds
        seconds = self._seconds if asked is None else min(asked, _LONGEST_SECONDS)
        with self._lock:
            self._until[name] = time.monotonic() + seconds

    def worked(self, name: str) -> None:
        """Ask the model again: it has replied."""
        with self._lock:
            self._until.pop(name, None)

    def among(self, names: Sequence[str]) -> Sequence[str]:
        """Those of the models that may be asked, in their order; all of them where none may."""
        now = time.monotonic()
        with self._lock:
            ready = [name for name in names if self._until.get(name, 0.0) <= now]
        return ready or names
