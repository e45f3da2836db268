"""Can requests be served: each thing that they need, looked at without ever being waited for.

What is looked at may hang, as a server that is gone does. So each look has a thread of its own, at most one at a
time; who asks is told what is known after a moment.
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from index.errors import QAError

OK = "ok"
TOO_SLOW = "too_slow"
WORKER_ENDED = "worker_ended"
UNCHECKED = "unchecked"
"""It costs money or takes too long to be looked at: its errors are those of the requests that need it."""

_WAIT_SECONDS = 0.1
_FRESH_SECONDS = 1.0
_PATIENCE_SECONDS = 5.0


class Worker(Protocol):
    """What indexes uploads."""

    def is_alive(self) -> bool:
        """Whether it still works."""
        ...


class Probe:
    """One thing that is looked at, by a call that returns where it works and raises where it does not.

    A look that has not ended leaves what was found before standing for five seconds, then it is `too_slow`.
    What was found less than a second ago is not looked at again.
    """

    def __init__(self, look: Callable[[], object]) -> None:
        self._look = look
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._running = False
        self._found = TOO_SLOW
        self._found_at = -_PATIENCE_SECONDS

    def begin(self) -> None:
        """Look, unless somebody does, or has just done so."""
        with self._lock:
            if self._running or time.monotonic() < self._found_at + _FRESH_SECONDS:
                return
            self._running = True
            self._ended.clear()
        threading.Thread(target=self._run, name="probe", daemon=True).start()

    def state(self, *, until: float) -> str:
        """`ok` or an error's code, as known at the time `until` of the monotonic clock at the latest."""
        self._ended.wait(max(0.0, until - time.monotonic()))
        with self._lock:
            is_known = not self._running or time.monotonic() < self._found_at + _PATIENCE_SECONDS
            return self._found if is_known else TOO_SLOW

    def _run(self) -> None:
        found = QAError.code
        try:
            self._look()
            found = OK
        except QAError as error:
            found = error.code
        finally:
            with self._lock:
                self._found, self._found_at, self._running = found, time.monotonic(), False
                self._ended.set()


@dataclass(frozen=True, slots=True)
class Report:
    """The state of each thing by its name: `ok`, `unchecked`, or an error's code."""

    checks: Mapping[str, str]

    @property
    def reason(self) -> str | None:
        """The code of the first that is broken; None where requests can be served."""
        return next((state for state in self.checks.values() if state not in (OK, UNCHECKED)), None)


class Readiness:
    """The things that requests need: those that `looks` look at, those in `unchecked`, and the worker."""

    def __init__(
        self, looks: Mapping[str, Callable[[], object]], *, worker: Worker, unchecked: tuple[str, ...] = ()
    ) -> None:
        self._probes = {name: Probe(look) for name, look in looks.items()}
        self._worker = worker
        self._unchecked = unchecked

    def report(self) -> Report:
        """What is known of each, a tenth of a second after this was called at the latest."""
        for probe in self._probes.values():
            probe.begin()
        until = time.monotonic() + _WAIT_SECONDS
        checks = {name: probe.state(until=until) for name, probe in self._probes.items()}
        checks["worker"] = OK if self._worker.is_alive() else WORKER_ENDED
        return Report({**checks, **dict.fromkeys(self._unchecked, UNCHECKED)})
