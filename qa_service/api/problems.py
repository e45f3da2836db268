"""Every error as `application/problem+json` (RFC 9457) with a stable `code`, or in another shape made of that."""

import json
import logging
from collections.abc import Callable, Mapping
from typing import Any

from flask import Blueprint, Flask, Response, request
from werkzeug.exceptions import HTTPException

from index.errors import InternalError, QAError
from qa_service.replies import PROBLEM_TYPE, problem, problem_headers, problem_json
from qa_service.telemetry.exchange import exchange_of

Reshape = Callable[[Mapping[str, Any]], dict[str, Any]]

log = logging.getLogger(__name__)

CODES = {
    400: "invalid_request",
    404: "not_found",
    405: "method_not_allowed",
    413: "request_too_large",
    415: "unsupported_media_type",
}
"""What the server itself has to say, by the status of an error of HTTP."""

_DETAILS = {
    400: "the request could not be read: see that it is complete and well-formed",
    404: "there is nothing at this address",
    405: "this address does not take that method",
    413: "the request is larger than this service takes: send less at a time",
}


def register(routes: Flask | Blueprint, *, reshape: Reshape | None = None) -> None:
    """Answer every error of the application as a problem, or every one of a blueprint as `reshape` has it."""

    def from_error(error: QAError) -> Response:
        if error.status >= 500:
            log.warning("%s: %s", error.code, error)
        return respond(problem_json(error), problem_headers(error))

    def from_http(error: HTTPException) -> Response:
        kept = {name: value for name, value in error.get_headers() if name in ("Allow", "Retry-After")}
        return respond(_problem_of(error), {**kept, "Content-Type": PROBLEM_TYPE})

    def from_bug(error: Exception) -> Response:
        log.error("a request failed", exc_info=error)
        return from_error(InternalError("something went wrong here; the log says what"))

    def respond(found: dict[str, Any], headers: dict[str, str]) -> Response:
        if exchange := exchange_of(request.environ):
            exchange.code = found["code"]
        if reshape:
            headers = {**headers, "Content-Type": "application/json"}
        shown = reshape(found) if reshape else found
        return Response(json.dumps(shown, ensure_ascii=False) + "\n", found["status"], headers)

    routes.register_error_handler(QAError, from_error)
    routes.register_error_handler(HTTPException, from_http)
    routes.register_error_handler(Exception, from_bug)


def _problem_of(error: HTTPException) -> dict[str, Any]:
    status = error.code or 500
    own = error.description if error.description != type(error).description else None
    detail = own if status == 413 and own else _DETAILS.get(status, error.description or error.name)
    return problem(status, CODES.get(status, "http_error"), detail)
