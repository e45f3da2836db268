"""Staying in step with the other processes over the same catalog."""

import logging
import threading
from collections.abc import Callable
from time import monotonic, sleep

from index.backlog import lags
from index.errors import QAError
from qa_service.services import Services

_SECONDS = 0.5
_CLOSE_SECONDS = 10
_LAST_SECONDS = 3.0
_LAST_PAUSE_SECONDS = 0.05

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
        """Stop, when no follower lacks what has been acknowledged; what can't be done soon is left to the next start.

        Another process may lead, and see to it, or end and leave it to this one.
        """
        self._stop.set()
        self._thread.join(_CLOSE_SECONDS)
        if self._thread.is_alive():
            log.warning("left for the next start: a follower has not answered for %d s", _CLOSE_SECONDS)
            return
        end = monotonic() + _LAST_SECONDS
        try:
            while not self._services.keep_up() and self._lags() and monotonic() < end:
                sleep(_LAST_PAUSE_SECONDS)
        except QAError as error:
            log.warning("left for the next start: %s", error)

    def _lags(self) -> bool:
        return any(lags(self._services.catalog, self._services.followers).values())

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
