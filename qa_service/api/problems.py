"""Every error as `application/problem+json` (RFC 9457) with a stable `code`."""

import json
import logging
from typing import Any, TypeVar

from flask import Flask, Response, request
from pydantic import BaseModel, ValidationError
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from index.errors import InvalidRequest, QAError

log = logging.getLogger(__name__)

Body = TypeVar("Body", bound=BaseModel)

_CODES = {
    400: "invalid_request",
    404: "not_found",
    405: "method_not_allowed",
    413: "request_too_large",
    415: "unsupported_media_type",
}


def register(app: Flask) -> None:
    """Answer every error of the application as a problem."""
    app.register_error_handler(QAError, from_error)
    app.register_error_handler(HTTPException, _from_http)
    app.register_error_handler(500, _from_bug)


def problem_json(error: QAError) -> dict[str, Any]:
    """An error as a problem document."""
    return {
        "type": "about:blank",
        "title": error.code.replace("_", " "),
        "status": error.status,
        "code": error.code,
        "detail": str(error),
    }


def from_error(error: QAError) -> Response:
    """The response for one of our errors."""
    if error.status >= 500:
        log.warning("%s: %s", error.code, error)
    seconds = getattr(error, "retry_after_seconds", None)
    headers = {"Retry-After": str(max(1, round(seconds)))} if seconds else {}
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return _response(problem_json(error), error.status, headers)


def parse(model: type[Body]) -> Body:
    """The request's JSON body as `model`; `InvalidRequest`, naming the field, where it is off."""
    if not request.is_json:
        raise InvalidRequest("send a JSON body, with Content-Type: application/json")
    try:
        return model.model_validate_json(request.get_data(), strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        raise InvalidRequest(f"{field or 'body'}: {first['msg']}") from None


def _from_http(error: HTTPException) -> Response:
    status = error.code or 500
    detail = error.description or error.name
    if isinstance(error, RequestEntityTooLarge):
        detail = "the request is larger than this service takes: send less at a time"
    body = {
        "type": "about:blank",
        "title": error.name.lower(),
        "status": status,
        "code": _CODES.get(status, "http_error"),
        "detail": detail,
    }
    return _response(body, status, {})


def _from_bug(error: HTTPException) -> Response:
    log.error("a request failed", exc_info=getattr(error, "original_exception", error))
    body = {
        "type": "about:blank",
        "title": "internal error",
        "status": 500,
        "code": "internal",
        "detail": "something went wrong here; the log says what",
    }
    return _response(body, 500, {})


def _response(body: dict[str, Any], status: int, headers: dict[str, str]) -> Response:
    return Response(
        json.dumps(body, ensure_ascii=False), status, headers, content_type="application/problem+json"
    )
