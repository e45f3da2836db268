"""Who may call: everybody on this machine while no key exists, afterwards whoever shows a key."""

import hmac
from urllib.parse import urlsplit

from flask import Flask, Response, g, request

from qa_service.address import is_loopback
from qa_service.api.context import context
from qa_service.conversations.store import OPERATOR, Caller
from qa_service.errors import Forbidden, Unauthorized
from qa_service.replies import HEADERS

PUBLIC = frozenset(
    {
        "health.livez",
        "health.readyz",
        "pages.index",
        "pages.static",
        "pages.document",
        "widget.script",
        "widget.description",
    }
)
"""The endpoints that hold no secrets."""

_PROXY_HEADERS = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP")


def register(app: Flask) -> None:
    """Check every request before it is handled, and harden every response."""
    app.before_request(_authorise)
    app.after_request(_harden)


def is_owner() -> bool:
    """Whether the request comes from whoever owns the data directory, by the token in its lock file."""
    token, shown = context().access.token, request.authorization
    if not (token and shown and shown.token):
        return False
    return hmac.compare_digest(shown.token.encode(), token.encode())


def caller() -> Caller:
    """Who calls: the owner of the data directory, the holder of a key, or anybody where the service is open."""
    found: Caller = g.caller
    return found


def _authorise() -> None:
    g.caller = Caller()
    if request.endpoint in PUBLIC:
        return
    shown = request.authorization
    if shown is None and "Authorization" not in request.headers:
        _admit_without_key()
    elif not (shown and shown.type == "bearer" and shown.token):
        raise Unauthorized("send the key as `Authorization: Bearer sk_...`")
    elif is_owner():
        g.caller = OPERATOR
    elif key := context().services.keys.verify(shown.token):
        g.caller = Caller(key.id)
    else:
        raise Unauthorized("this key is not known here: make one with `qa keys create NAME`")


def _admit_without_key() -> None:
    held = context()
    if not held.access.is_local or held.services.keys.exist():
        raise Unauthorized("send a key, as `Authorization: Bearer sk_...`; `qa keys create NAME` makes one")
    _refuse_other_sites()


def _refuse_other_sites() -> None:
    """An open service is within reach of every page in a browser here, and of whoever a proxy lets in.

    The host is checked since a page's own name may be made to lead here (DNS rebinding).
    """
    host = _hostname(request.host)
    if host is None or not is_loopback(host):
        raise Forbidden("without a key this service answers only under the name localhost: send a key")
    if any(name in request.headers for name in _PROXY_HEADERS):
        raise Forbidden("without a key this service answers nobody behind a proxy: send a key")
    origin = request.headers.get("Origin")
    if origin is not None and _netloc(origin) != request.host:
        raise Forbidden("without a key this service answers no pages but its own: send a key")
    if request.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
        raise Forbidden("without a key this service answers no pages but its own: send a key")


def _hostname(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None


def _netloc(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc or None
    except ValueError:
        return None


def _harden(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response
