"""How many requests a key and an address may send in a minute.

Counted in this process, or in Redis for all that share it. Where Redis fails, each process counts for itself
until it is back: a limit that is too generous for a while is better than a service that is down.
"""

import ipaddress
import logging
import math
import time
from typing import cast

from flask import Flask, Response, current_app, request
from flask_limiter import ApplicationLimit, Limiter, RateLimitExceeded

from qa_service.api.context import services
from qa_service.api.guard import PUBLIC, grant, is_owner
from qa_service.errors import RateLimited
from qa_service.settings import Settings

_MINUTE = 60
_REDIS_SECONDS = 0.25
"""How long Redis may take, to be connected to and to reply."""

log = logging.getLogger(__name__)


def before_keys(app: Flask, settings: Settings) -> None:
    """Turn away addresses that have shown too many keys that are none, before another is looked up."""
    guesses = ApplicationLimit(
        f"{settings.rate_failures} per minute" if settings.rate_failures else "",
        key_function=_address,
        scope="failures",
        exempt_when=lambda: request.endpoint in PUBLIC or _is_here() or is_owner(),
        deduct_when=lambda response: response.status_code == 401,
    )
    _register(app, settings, [guesses])
    app.register_error_handler(RateLimitExceeded, _refuse)


def behind_keys(app: Flask, settings: Settings) -> None:
    """Turn away keys that have sent too many requests, and the addresses of those who share one."""
    limits = [
        ApplicationLimit(
            f"{amount} per minute" if amount else "",
            key_function=key_function,
            scope=scope,
            exempt_when=exempt_when,
        )
        for amount, scope, key_function, exempt_when in (
            # First, and the first refusal ends it: what is refused to an address is not counted for the key, or one
            # reader could use up what all readers of a page share.
            (settings.rate_address, "address", _address, lambda: _kind() != "publishable" or _is_here()),
            (settings.rate_publishable, "key", _key, lambda: _kind() != "publishable"),
            (settings.rate_key, "key", _key, lambda: _kind() != "secret"),
        )
    ]
    _register(app, settings, limits)


def counts_alone(app: Flask) -> bool:
    """Whether Redis can't be reached, so that this process counts for itself."""
    return any(each.limiter.storage is not each.storage for each in app.extensions["limiter"])


def checks() -> dict[str, str]:
    """The state of Redis for those who ask whether requests can be served, which they can without it."""
    if not services().settings.redis_url:
        return {}
    return {"redis": "unreachable" if counts_alone(current_app) else "ok"}


def _register(app: Flask, settings: Settings, limits: list[ApplicationLimit]) -> None:
    Limiter(
        _address,
        app=app,
        application_limits=list(limits),
        strategy="fixed-window",
        fail_on_first_breach=True,
        request_identifier=lambda: "any",
        storage_uri=settings.redis_url or "memory://",
        storage_options=cast("dict[str, str | int]", _redis_options() if settings.redis_url else {}),
        in_memory_fallback_enabled=settings.redis_url is not None,
        swallow_errors=True,
        key_prefix="qa",
    )


def _redis_options() -> dict[str, object]:
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    return {
        "socket_connect_timeout": _REDIS_SECONDS,
        "socket_timeout": _REDIS_SECONDS,
        "retry": Retry(NoBackoff(), 0),
    }


def _kind() -> str | None:
    shown = grant()
    return shown.key.rights.kind if shown else None


def _key() -> str:
    shown = grant()
    return shown.key.id if shown else "none"


def _address() -> str:
    """The client's address; of IPv6 the network of 64 bits, which one client has for itself."""
    text = request.remote_addr or "unknown"
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return text
    if found.version == 4:
        return str(found)
    return str(ipaddress.ip_network((found, 64), strict=False))


def _is_here() -> bool:
    """Whether the client is on this machine, or behind a proxy on it that is not trusted to say who it is."""
    try:
        return ipaddress.ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False


def _refuse(error: RateLimitExceeded) -> Response:
    """The problem, or what the blueprint makes of it."""
    refused = RateLimited(
        f"more requests came than the limit of {error.limit.limit.amount} a minute: wait, then try again",
        retry_after_seconds=_seconds(),
    )
    return current_app.make_response(current_app.handle_user_exception(refused))


def _seconds() -> int:
    """Until the limit that was reached lets the next request through."""
    for limiter in current_app.extensions["limiter"]:
        reached = limiter.current_limit
        if reached and reached.breached:
            try:
                return max(1, math.ceil(float(reached.window.reset_time) - time.time()))
            except Exception as failure:  # noqa: BLE001 - whatever Redis or its driver raises
                log.warning("the rate limits' store failed: %s", type(failure).__name__)
    return _MINUTE
