"""The service while it comes up and goes down: the process answers for itself until the application stands.

What the application needs takes seconds to import and to open, so this module imports nothing of it.
"""

import json
import logging
import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Protocol

from index.errors import QAError
from qa_service.errors import ShuttingDown, StartingUp
from qa_service.replies import HEADERS, problem_headers, problem_json, readiness_json
from qa_service.telemetry.exchange import exchange_of

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

PATIENCE_SECONDS = 10.0
"""How long a request waits for the first attempt to open the application before it is told to come again."""

_FIRST_PAUSE_SECONDS = 1.0
_MAX_PAUSE_SECONDS = 30.0

log = logging.getLogger(__name__)


class Opened(Protocol):
    """An application that stands."""

    @property
    def wsgi(self) -> "WSGIApplication":
        """What answers requests from now on."""
        ...

    def close(self) -> None:
        """Close everything that it holds cleanly."""
        ...


class Startup:
    """The WSGI application of the process: opens the real one in the background, then passes on to it.

    Until then `/livez` says that the process is alive, `/readyz` says by an error's code why it is not ready,
    and any other request waits a little, to be told to come again. Where opening fails it is tried again,
    after a pause that doubles from one second to thirty: what is missing may come back.
    """

    def __init__(self, opening: Callable[[], Opened]) -> None:
        self._opening = opening
        self._reason = StartingUp.code
        self._opened: Opened | None = None
        self._tried = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="startup", daemon=True)
        self._thread.start()

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer a request."""
        path = environ["PATH_INFO"]
        if path not in _OWN:
            self._tried.wait(PATIENCE_SECONDS)
        if self._opened and not self._closing.is_set():
            return self._opened.wsgi(environ, start_response)
        if exchange := exchange_of(environ):
            exchange.route = path if path in _OWN else None
            exchange.code = self._reason
        status, headers, body = self._reply(path)
        data = json.dumps(body, ensure_ascii=False).encode() + b"\n"
        start_response(status, [*HEADERS.items(), *headers.items(), ("Content-Length", str(len(data)))])
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [data]

    def close(self) -> None:
        """Take no more requests, and close the application."""
        self._reason = ShuttingDown.code
        self._closing.set()
        self._thread.join()
        if self._opened:
            self._opened.close()

    def _reply(self, path: str) -> tuple[str, dict[str, str], dict[str, object]]:
        match path:
            case "/livez":
                return "200 OK", _JSON, {"status": "alive"}
            case "/readyz":
                return _UNAVAILABLE, _JSON, readiness_json(self._reason, {})
            case _:
                error = self._error()
                return _UNAVAILABLE, problem_headers(error), problem_json(error)

    def _error(self) -> StartingUp | ShuttingDown:
        if self._closing.is_set():
            return ShuttingDown("the service is shutting down: try again when it is back")
        return StartingUp(f"the service is not ready ({self._reason}): try again in a moment")

    def _run(self) -> None:
        pause = _FIRST_PAUSE_SECONDS
        while not self._closing.is_set():
            try:
                self._opened = self._opening()
            except QAError as error:
                self._reason = error.code
                # As text, whatever the error: at the start nobody has sent anything that it could quote.
                log.error("not ready: %s", str(error))
            except PermissionError as error:
                self._reason = QAError.code
                log.error("not ready: %s", _denied(error), exc_info=None if error.filename else error)
            except Exception:
                self._reason = QAError.code
                log.exception("not ready")
            self._tried.set()
            if self._opened:
                return
            self._closing.wait(pause)
            pause = min(2 * pause, _MAX_PAUSE_SECONDS)


def _denied(error: PermissionError) -> str:
    what = f"{error.filename}: {error.strerror}" if error.filename else f"{error.strerror}"
    return f"{what}; give it, and all that is in its folder, to the user that the service runs as"


_OWN = ("/livez", "/readyz")
_UNAVAILABLE = "503 Service Unavailable"
_JSON = {"Content-Type": "application/json"}
