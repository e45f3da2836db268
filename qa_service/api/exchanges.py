"""What the application tells of each request: its route, whose key it came with, and the code of its error."""

import json
from typing import Any

from flask import Flask, Response, request

from qa_service.api.context import Context
from qa_service.api.guard import key
from qa_service.replies import PROBLEM_TYPE
from qa_service.telemetry.exchange import Exchanges, exchange_of


def register(app: Flask, context: Context) -> None:
    """Keep account of every request."""
    services = context.services
    app.wsgi_app = Exchanges(app.wsgi_app, services.metrics, services.tracing)  # type: ignore[method-assign]
    app.after_request(_note)


def _note(response: Response) -> Response:
    exchange, held = exchange_of(request.environ), key()
    if exchange is None:  # it came by another road than the application's own
        return response
    exchange.route = request.url_rule.rule if request.url_rule else None
    exchange.key_id = held.id if held else None
    if response.status_code >= 400:
        exchange.code = _code(response)
    return response


def _code(response: Response) -> str | None:
    """The code in a problem document, or in the shape of another interface."""
    if response.is_streamed or response.mimetype not in (PROBLEM_TYPE, "application/json"):
        return None
    try:
        body: Any = json.loads(response.get_data())
        code = body.get("code") or body["error"]["code"]
    except (ValueError, LookupError, TypeError, AttributeError):
        return None
    return code if isinstance(code, str) else None
