"""A request and its reply, from the first line to the last byte: its id, its line in the log, its metrics, its span.

All that a request is answered by stands behind `Exchanges`, a WSGI middleware, whoever it is: the application,
the process while it starts, or nobody, where there was no HTTP to be read.
"""

import logging
import re
import secrets
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from structlog.contextvars import bound_contextvars

from index.errors import QAError
from qa_service.telemetry.tracing import Span, Tracing

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from qa_service.telemetry.metrics import Metrics

REQUEST_ID = "X-Request-ID"

_KEY = "qa.exchange"
# Harmless, and nothing that has the shape of one of our keys: it stands in every line.
_ID = re.compile(r"(?!(?:sk|pk|st|dl)[_-])[A-Za-z0-9._-]{1,64}")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_QUIET = frozenset({"/livez", "/readyz", "/metrics"})
"""What machines ask for every few seconds: a line where it did not go well."""

log = logging.getLogger(__name__)


class Exchange:
    """One request and its reply. Whoever answers notes the `route`, as a template, the key's id and an error's code."""

    def __init__(self, metrics: "Metrics", span: Span, *, request_id: str, method: str) -> None:
        self.request_id = request_id
        self.route: str | None = None
        self.key_id: str | None = None
        self.code: str | None = None
        self.status = 500
        self._method = method
        self._metrics = metrics
        self._span = span
        self._began = time.perf_counter()
        self._ended = False

    @contextmanager
    def active(self) -> Iterator[None]:
        """What is logged and traced in the block, and in copies of its context, belongs to this request."""
        with bound_contextvars(request_id=self.request_id), self._span.active():
            yield

    def end(self, *, whole: bool = True) -> None:
        """The reply has ended, or its client has left in the middle; only the first time counts."""
        if self._ended:
            return
        self._ended = True
        seconds = time.perf_counter() - self._began
        self._metrics.replied(self._method, self.route, self.status, seconds)
        self._span.note(
            http__request__method=self._method,
            http__route=self.route,
            http__response__status_code=self.status,
            qa__request_id=self.request_id,
        )
        failed = self.code or "internal" if self.status >= 500 else None
        self._span.end(name=f"{self._method} {self.route or ''}".rstrip(), code=failed)
        fields: dict[str, Any] = {
            "method": self._method,
            "route": self.route,
            "status": self.status,
            "ms": round(seconds * 1000, 1),
            "code": self.code,
            "key_id": self.key_id,
            "aborted": None if whole else True,
        }
        quiet = self.route in _QUIET and self.status < 400
        with bound_contextvars(request_id=self.request_id):
            log.log(
                logging.DEBUG if quiet else logging.INFO,
                "request",
                extra={name: value for name, value in fields.items() if value is not None},
            )


class Exchanges:
    """Answers requests by another application, and keeps account of them."""

    def __init__(self, app: "WSGIApplication", metrics: "Metrics", tracing: Tracing) -> None:
        self._app = app
        self._metrics = metrics
        self._tracing = tracing

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer a request; one that somebody keeps account of already is passed on."""
        if _KEY in environ:
            return self._app(environ, start_response)
        exchange = environ[_KEY] = self._begun(environ)

        def started(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            exchange.status = int(status[:3])
            return start_response(status, [*headers, (REQUEST_ID, exchange.request_id)], *rest)

        try:
            with exchange.active():
                return _Body(self._app(environ, started), exchange)
        except BaseException:
            exchange.status = 500
            exchange.end()
            raise

    def count(self, status: int) -> None:
        """Count a request that was refused unread."""
        self._metrics.replied("other", None, status, 0.0)

    def _begun(self, environ: "WSGIEnvironment") -> Exchange:
        told = {"traceparent": "HTTP_TRACEPARENT", "tracestate": "HTTP_TRACESTATE"}
        headers = {name: environ[key] for name, key in told.items() if key in environ}
        return Exchange(
            self._metrics,
            self._tracing.begin("request", headers=headers),
            request_id=request_id(environ.get("HTTP_X_REQUEST_ID")),
            method=_method(environ["REQUEST_METHOD"]),
        )


def refused(wsgi: object, error: QAError) -> str:
    """Count a request that the server itself refuses, before anything of it is read; gives the id for its reply."""
    made = request_id()
    if isinstance(wsgi, Exchanges):
        wsgi.count(error.status)
    with bound_contextvars(request_id=made):
        log.debug("request", extra={"status": error.status, "code": error.code})
    return made


def exchange_of(environ: "WSGIEnvironment") -> Exchange | None:
    """The exchange that a request belongs to; None where nobody keeps account of it."""
    return environ.get(_KEY)


def request_id(sent: str | None = None) -> str:
    """The id of a request: what its client sent, where that is harmless, or else a new one."""
    return sent if sent and _ID.fullmatch(sent) else secrets.token_hex(8)


def _method(name: str) -> str:
    return name if name in _METHODS else "other"


class _Body:
    """A reply's body, that tells when it has ended."""

    def __init__(self, body: Iterable[bytes], exchange: Exchange) -> None:
        self._body = body
        self._pieces = iter(body)
        self._exchange = exchange

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            return next(self._pieces)
        except StopIteration:
            self._exchange.end()
            raise

    def close(self) -> None:
        try:
            if close := getattr(self._body, "close", None):
                close()
        finally:
            self._exchange.end(whole=False)
