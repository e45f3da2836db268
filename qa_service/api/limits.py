"""How many requests a key and an address may send in a minute.

Counted in this process, or in Redis for all that share it. Where Redis fails, each process counts for itself
until it is back: a limit that is too generous for a while is better than a service that is down.
"""

import ipaddress
import logging
import math
import threading
import time
from collections.abc import Callable
from typing import cast

from flask import Flask, Response, current_app, request
from flask_limiter import ApplicationLimit, Limiter, RateLimitExceeded

from qa_service.api.guard import PUBLIC, grant, is_owner
from qa_service.errors import RateLimited
from qa_service.readiness import Probe
from qa_service.settings import Settings

_MINUTE = 60
_REDIS_SECONDS = 0.25
"""How long Redis may take, to be connected to and to reply."""

_GLANCE_SECONDS = 0.05
_REDIS = "qa.redis"

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
    redis = _redis(current_app)
    return {"redis": redis.state()} if redis else {}


class _Redis:
    """The Redis that processes count in together: whether it answers, and a line in the log when that changes.

    `answers` asks it; `alone` says whether this process counts for itself, as the limiters do after an error until
    they find it answering again.
    """

    def __init__(self, answers: Callable[[], bool], alone: Callable[[], bool]) -> None:
        self._answers = answers
        self._alone = alone
        self._probe = Probe(self._look)
        self._lock = threading.Lock()
        self._is_lost = False
        self.is_silent = False
        """Whether it did not answer when it was last asked."""

    def state(self) -> str:
        """`ok`, `unreachable`, or `too_slow`, as known in a moment; it is asked, at most once a second."""
        self._probe.begin()
        found = self._probe.state(until=time.monotonic() + _GLANCE_SECONDS)
        return "unreachable" if self._is_lost else found

    def note(self, response: Response) -> Response:
        """See, after a request, what the limiters have made of it; nobody waits for that."""
        if self._alone() and not self._is_lost:
            self._note(is_silent=True)
        elif self._alone() != self._is_lost:
            self._probe.begin()
        return response

    def _look(self) -> None:
        self._note(is_silent=not self._answers())

    def _note(self, *, is_silent: bool) -> None:
        with self._lock:
            self.is_silent = is_silent
            is_lost = is_silent or self._alone()
            if is_lost == self._is_lost:
                return
            self._is_lost = is_lost
        if is_lost:
            log.warning("Redis does not answer: each process counts requests for itself until it is back")
        else:
            log.warning("Redis is back: processes count requests together again")


def _redis(app: Flask) -> _Redis | None:
    found: _Redis | None = app.extensions.get(_REDIS)
    return found


def _register(app: Flask, settings: Settings, limits: list[ApplicationLimit]) -> None:
    limiter = Limiter(
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
    if settings.redis_url:
        if _redis(app) is None:
            app.extensions[_REDIS] = _Redis(limiter.storage.check, lambda: counts_alone(app))
            app.after_request(app.extensions[_REDIS].note)
        limiter.request_filter(lambda: _is_spared(app))


def _is_spared(app: Flask) -> bool:
    """Whether a request has no limit and must not wait either until the limiters have tried Redis again."""
    redis = _redis(app)
    return redis is not None and redis.is_silent and request.endpoint in PUBLIC


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
