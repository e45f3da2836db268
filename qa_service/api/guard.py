"""Who may call, and what: everybody on this machine while no key exists, afterwards whoever shows a key."""

import hmac
from collections.abc import Mapping, Set
from dataclasses import dataclass
from urllib.parse import urlsplit

from flask import Flask, Response, g, request

from qa_service.access.keys import Grant, Key, Scope
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
        "reference.openapi",
        "reference.page",
        "widget.script",
        "widget.description",
    }
)
"""The endpoints that hold no secrets."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What a key must be to call an endpoint: for one of some scopes, and secret unless it says otherwise.

    `publishable`: keys that stand in pages may call it too, `link`: so may a link to the document.
    """

    scopes: frozenset[Scope]
    publishable: bool = False
    link: bool = False


def _for(*scopes: Scope, publishable: bool = False, link: bool = False) -> Rule:
    return Rule(frozenset(scopes), publishable, link)


RULES: Mapping[str, Rule] = {
    "answers.answer": _for("ask", publishable=True),
    "answers.search": _for("search"),
    "citations.verify": _for("ask", "search", "write", publishable=True),
    "collections.create": _for("admin"),
    "collections.listed": _for("search", "write", "admin"),
    "collections.one": _for("search", "write", "admin"),
    "collections.delete": _for("admin"),
    "collections.reindex": _for("admin"),
    "conversations.create": _for("ask", publishable=True),
    # A page's key is that of all its readers: they reach what they know the id of, and list nothing.
    "conversations.listed": _for("ask"),
    "conversations.export": _for("ask", publishable=True),
    "conversations.delete": _for("ask", publishable=True),
    "documents.add": _for("write"),
    "documents.listed": _for("search", "write"),
    "documents.one": _for("ask", "search", "write", publishable=True, link=True),
    "documents.text": _for("ask", "search", "write", publishable=True, link=True),
    "documents.delete": _for("write"),
    "documents.rename": _for("write"),
    "jobs.listed": _for("write"),
    "jobs.one": _for("write"),
    "jobs.cancel": _for("write"),
    "feedback.add": _for("ask", publishable=True),
    "feedback.listed": _for("admin"),
    "agents.call": _for("ask", "search"),
    "keys.create": _for("admin"),
    "keys.listed": _for("admin"),
    "keys.rotate": _for("admin"),
    "keys.revoke": _for("admin"),
    "metrics.show": _for("metrics", "admin"),
    "openai.chat": _for("ask", publishable=True),
    "openai.models": _for("ask"),
    "sessions.create": _for("ask", publishable=True),
}
"""Which keys may call the other endpoints; one that stands nowhere is closed to all keys."""

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


def grant() -> Grant | None:
    """What the caller has shown; None for the owner, and where the service is open."""
    found: Grant | None = g.get("grant")
    return found


def key() -> Key | None:
    """The key by which the caller may call; None for the owner, and where the service is open."""
    shown = grant()
    return shown.key if shown else None


def _authorise() -> None:
    g.caller, g.grant = Caller(), None
    if request.endpoint in PUBLIC:
        return
    shown = request.authorization
    if shown is None and "Authorization" not in request.headers:
        _admit_without_key()
    elif not (shown and shown.type == "bearer" and shown.token):
        raise Unauthorized("send the key as `Authorization: Bearer sk_...`")
    elif is_owner():
        g.caller = OPERATOR
    else:
        _admit(shown.token)


def may(scope: Scope) -> bool:
    """Whether the caller has a scope, for endpoints that do more than one thing."""
    held = key()
    return held is None or scope in held.rights.scopes


def require(scope: Scope) -> None:
    """Raise `Forbidden` unless the caller has a scope."""
    _require_scope({scope})


def require_all_collections(what: str) -> None:
    """Raise `Forbidden` where the caller's key is for some collections: it is told nothing of the others."""
    held = key()
    if held and held.rights.collections is not None:
        raise Forbidden(f"{what} with a key that is for all collections")


def _require_scope(scopes: Set[Scope]) -> None:
    if not any(map(may, scopes)):
        raise Forbidden(
            f"this key is not for that: it takes one with the scope {' or '.join(sorted(scopes))}"
        )


def _admit(text: str) -> None:
    """Admit the holder of a key or a token, as far as it goes."""
    about = str((request.view_args or {}).get("document_id", ""))
    granted = context().services.keys.verify(text, document_id=about)
    if granted is None:
        raise Unauthorized("this key is not known here: make one with `qa keys create NAME`")
    rights = granted.key.rights
    g.grant, g.caller = granted, Caller(granted.key.id, is_publishable=rights.kind == "publishable")
    if granted.is_expired:
        raise Unauthorized("this key, or the token made from it, has had its time: send another")
    if rights.kind == "publishable" and granted.form != "link":
        _require_origin(granted)
    if request.endpoint is None:  # there is nothing, which whoever shows a key may be told
        return
    rule = RULES.get(request.endpoint)
    if rule is None:
        raise Forbidden("nothing says which keys may call this address, so none may")
    if rights.kind == "publishable" and not (rule.link if granted.form == "link" else rule.publishable):
        raise Forbidden("a publishable key may only ask: use a secret key for this")
    _require_scope(rule.scopes)


def _require_origin(of: Grant) -> None:
    if request.headers.get("Origin") in of.origins:
        return
    if of.form == "session":
        raise Forbidden("this token is not for pages of that origin: make one with the page's own `Origin`")
    raise Forbidden(
        "this publishable key is not for pages of that origin: `qa keys create --origin` lists them"
    )


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
