"""Who may call: everybody on this machine while no key exists, afterwards whoever shows a key."""

import hmac
from urllib.parse import urlsplit

from flask import Flask, Response, request

from qa_service.api.state import state
from qa_service.errors import Forbidden, Unauthorized

PUBLIC = frozenset({"health.livez", "health.readyz", "pages.index", "pages.static", "pages.document"})
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def register(app: Flask) -> None:
    """Check every request before it is handled, and harden every response."""
    app.before_request(_authorise)
    app.after_request(_harden)


def _authorise() -> None:
    held = state()
    shown = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
    if held.token and shown and hmac.compare_digest(shown.encode(), held.token.encode()):
        return
    _refuse_other_sites()
    if request.endpoint in PUBLIC:
        return
    keys = held.services.keys
    if shown:
        if keys.verify(shown) is None:
            raise Unauthorized("this key is not known here: make one with `qa keys create NAME`")
        return
    if not held.is_local or keys.exist():
        raise Unauthorized("send a key, as `Authorization: Bearer sk_...`; `qa keys create NAME` makes one")


def _refuse_other_sites() -> None:
    """An open service on loopback is within reach of any page in a browser on this machine: only ours may call."""
    if not state().is_local:
        return
    host = urlsplit(f"//{request.host}").hostname
    if host not in _LOOPBACK:
        raise Forbidden(f"this service answers on loopback only, not as {host!r}")
    origin = request.headers.get("Origin")
    if origin and urlsplit(origin).netloc != request.host:
        raise Forbidden(f"pages of {origin} may not call this service")


def _harden(response: Response) -> Response:
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers.setdefault(
        "Content-Security-Policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    )
    return response
