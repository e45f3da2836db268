"""What the application stands on: services that open in the background, so that the process answers at once."""

import threading
from collections.abc import Callable

from flask import current_app

from index.errors import QAError
from qa_service.errors import ShuttingDown, StartingUp
from qa_service.services import Services, Worker

_PATIENCE_SECONDS = 10.0


class State:
    """Services in the making, then open, then closed. `token` is what the owner's own commands show."""

    def __init__(
        self, build: Callable[[], Services], *, token: str | None = None, is_local: bool = True
    ) -> None:
        self.token = token
        self.is_local = is_local
        self._build = build
        self._opened = threading.Event()
        self._services: Services | None = None
        self._worker: Worker | None = None
        self._error: QAError | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._open, name="open-services", daemon=True)
        self._thread.start()

    @property
    def services(self) -> Services:
        """The open services; waits a little for them. Raises `StartingUp`, or why they could not be opened."""
        self._opened.wait(_PATIENCE_SECONDS)
        if self._closed:
            raise ShuttingDown("the service is shutting down: try again when it is back")
        if self._error:
            raise self._error
        if self._services is None:
            raise StartingUp("the service is starting: try again in a moment")
        return self._services

    @property
    def worker(self) -> Worker:
        """The worker that indexes acknowledged uploads."""
        _ = self.services
        assert self._worker  # noqa: S101 - it is made with the services
        return self._worker

    def not_ready(self) -> str | None:
        """Why requests can't be served now, or None where they can; never waits."""
        if self._closed:
            return "shutting down"
        if self._error:
            return str(self._error)
        return None if self._services else "starting"

    def close(self) -> None:
        """Finish the upload at hand and close the services; what waits is taken up at the next start."""
        self._closed = True
        self._thread.join()
        if self._worker:
            self._worker.close()
        if self._services:
            self._services.close()

    def _open(self) -> None:
        try:
            services = self._build()
        except QAError as error:
            self._error = error
        else:
            self._worker = Worker(services)
            self._services = services
        finally:
            self._opened.set()


def state() -> State:
    """The state of the application that handles the current request."""
    found: State = current_app.extensions["qa"]
    return found


def services() -> Services:
    """The services of the application that handles the current request."""
    return state().services
