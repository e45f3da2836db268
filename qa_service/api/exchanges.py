"""What the application tells of each request: its route, and whose key it came with."""

from flask import Flask, Response, request

from qa_service.api.context import Context
from qa_service.api.guard import key
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
    return response
