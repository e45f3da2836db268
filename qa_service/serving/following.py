"""Staying in step with the other processes over the same catalog."""

import logging
import threading
from collections.abc import Callable

from index.errors import QAError
from qa_service.services import Services

_SECONDS = 0.5
_CLOSE_SECONDS = 10

log = logging.getLogger(__name__)


class Following:
    """Takes over what other processes have changed, twice a second, and calls `on_lead` where this one leads.

    So one that has died is replaced within a second or so. What fails is tried again, and logged when it begins.
    """

    def __init__(self, services: Services, *, on_lead: Callable[[], None]) -> None:
        self._services = services
        self._on_lead = on_lead
        self._fault: str | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="following", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop, when the step at hand is done."""
        self._stop.set()
        self._thread.join(_CLOSE_SECONDS)

    def _run(self) -> None:
        while not self._stop.wait(_SECONDS):
            try:
                if self._services.keep_up():
                    self._on_lead()
                self._fault = None
            except QAError as error:
                if error.code != self._fault:
                    log.warning("out of step with other processes: %s", error)
                self._fault = error.code
            except Exception:
                log.exception("out of step with other processes")
