"""What pages of other origins may read (CORS): those that the key in use lists, without credentials.

A preflight carries no key. It is answered where some publishable key lists its origin, and only for endpoints
that publishable keys may call: it says that a request may be tried, and the request itself is then judged by
its own key. Nothing is said to any other origin, nor to `null`, which no key can list.
"""

from flask import Flask, Response, current_app, request
from werkzeug.exceptions import HTTPException

from qa_service.api.context import context
from qa_service.api.empty import no_content
from qa_service.api.guard import PUBLIC, RULES, Rule, grant

_PREFLIGHT_SECONDS = 600


def register(app: Flask) -> None:
    """Answer preflights before anything else looks at them, and mark what may be read."""
    app.before_request(_preflight)
    app.after_request(_allow)


def _preflight() -> Response | None:
    origin = request.headers.get("Origin")
    wanted = request.headers.get("Access-Control-Request-Method")
    if request.method != "OPTIONS" or not origin or not wanted:
        return None
    rule = _rule(wanted)
    if rule is None or not rule.publishable or not context().services.keys.list_origin(origin):
        return None
    response = no_content()
    response.headers["Access-Control-Allow-Origin"] = origin
    response.headers["Access-Control-Allow-Methods"] = wanted
    response.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type"
    response.headers["Access-Control-Max-Age"] = str(_PREFLIGHT_SECONDS)
    return response


def _rule(method: str) -> Rule | None:
    """Who may call the address with a method; None where there is no such endpoint."""
    adapter = current_app.create_url_adapter(request)
    try:
        endpoint, _ = adapter.match(method=method) if adapter else ("", {})
    except HTTPException:
        return None
    return RULES.get(endpoint)


def _allow(response: Response) -> Response:
    if request.endpoint in PUBLIC:
        return response
    response.vary.add("Origin")
    shown, origin = grant(), request.headers.get("Origin")
    if shown and origin and origin in shown.origins:
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Expose-Headers"] = "Retry-After"
    return response
