"""Every error as `application/problem+json` (RFC 9457) with a stable `code`."""

import json
import logging

from flask import Flask, Response
from werkzeug.exceptions import HTTPException

from index.errors import InternalError, QAError
from qa_service.replies import PROBLEM_TYPE, problem_headers, problem_json

log = logging.getLogger(__name__)

_CODES = {
    400: "invalid_request",
    404: "not_found",
    405: "method_not_allowed",
    413: "request_too_large",
    415: "unsupported_media_type",
    503: "overloaded",
}
_DETAILS = {
    400: "the request could not be read: see that it is complete and well-formed",
    404: "there is nothing at this address",
    405: "this address does not take that method",
    413: "the request is larger than this service takes: send less at a time",
}


def register(app: Flask) -> None:
    """Answer every error of the application as a problem."""
    app.register_error_handler(QAError, _from_error)
    app.register_error_handler(HTTPException, _from_http)
    app.register_error_handler(Exception, _from_bug)


def _from_error(error: QAError) -> Response:
    if error.status >= 500:
        log.warning("%s: %s", error.code, error)
    return Response(_dump(problem_json(error)), error.status, problem_headers(error))


def _from_http(error: HTTPException) -> Response:
    status = error.code or 500
    body = {
        "type": "about:blank",
        "title": error.name.lower(),
        "status": status,
        "code": _CODES.get(status, "http_error"),
        "detail": _DETAILS.get(status, error.description or error.name),
    }
    kept = [(name, value) for name, value in error.get_headers() if name in ("Allow", "Retry-After")]
    return Response(_dump(body), status, kept, content_type=PROBLEM_TYPE)


def _from_bug(error: Exception) -> Response:
    log.error("a request failed", exc_info=error)
    return _from_error(InternalError("something went wrong here; the log says what"))


def _dump(body: dict[str, object]) -> str:
    return json.dumps(body, ensure_ascii=False)
