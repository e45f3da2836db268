"""The network under litellm: an httpx transport whose every wait ends when the call's watch says so.

The time-outs of httpx bound each read, so that a server that sends a byte now and then is never late. Here
the wait of each read is what is left to the next token, by the `Watch` of the call. All is done in the
calling thread (but for making a connection, as a look-up in DNS can't be bounded), and closing closes the
socket. While it waits, it looks several times a second whether the call was cancelled.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from math import inf
from ssl import SSLContext
from typing import Any, TypeVar
from urllib.request import getproxies, proxy_bypass

import httpcore
import httpx

from qa_service.errors import Cancelled, ModelError, ModelReplyContentType, ModelReplyMalformed
from qa_service.llm.watch import Watch, current

T = TypeVar("T")
NETWORK_ERRORS = (
    httpcore.TimeoutException,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    httpcore.UnsupportedProtocol,
)
_ABSURD_ADDRESS = (ValueError, TypeError, OverflowError)
_MAX_REPLY_BYTES = 64 * 2**20
_GLANCE_SECONDS = 0.2


class WatchedTransport(httpx.BaseTransport):
    """Sends requests directly, or through the environment's proxies (`HTTPS_PROXY`, `NO_PROXY`)."""

    def __init__(self) -> None:
        self._ssl_context = httpx.create_ssl_context()
        self._proxies = getproxies()
        self._pools: dict[str | None, httpcore.ConnectionPool] = {}
        self._lock = threading.Lock()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request; the response's body is read as it is iterated."""
        watch = current()
        with _as_httpx(watch):
            response = self._pool(request.url).handle_request(_to_httpcore(request))
        body = _Body(response, watch)
        reply = httpx.Response(
            response.status, headers=response.headers, stream=body, extensions=response.extensions
        )
        if watch is not None:
            watch.responded(reply.status_code, reply.headers, body.close)
            if reply.status_code == 200 and "html" in reply.headers.get("content-type", ""):
                watch.drop()
                watch.failure = ModelReplyContentType(
                    f"{watch.model} sent a web page instead of a reply: check the address of its API"
                )
                raise watch.failure
        return reply

    def close(self) -> None:
        """Close all connections."""
        for pool in self._pools.values():
            pool.close()

    def _pool(self, url: httpx.URL) -> httpcore.ConnectionPool:
        proxy = None
        if not proxy_bypass(url.host):
            proxy = self._proxies.get(url.scheme) or self._proxies.get("all")
        with self._lock:
            if proxy not in self._pools:
                self._pools[proxy] = _new_pool(proxy, self._ssl_context)
            return self._pools[proxy]


def _new_pool(proxy: str | None, ssl_context: SSLContext) -> httpcore.ConnectionPool:
    options: dict[str, Any] = {
        "ssl_context": ssl_context,
        "max_connections": None,  # the service bounds the answers in progress, and with them the connections
        "max_keepalive_connections": 100,
        "keepalive_expiry": 30.0,
        "network_backend": _Network(),
    }
    if proxy is None:
        return httpcore.ConnectionPool(**options)
    address = httpx.Proxy(proxy)
    url = httpcore.URL(str(address.url))
    if address.url.scheme.startswith("socks"):
        return httpcore.SOCKSProxy(url, proxy_auth=address.raw_auth, **options)
    return httpcore.HTTPProxy(url, proxy_auth=address.raw_auth, **options)


def _to_httpcore(request: httpx.Request) -> httpcore.Request:
    url = request.url
    return httpcore.Request(
        method=request.method,
        url=httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
        headers=request.headers.raw,
        content=request.stream,
        extensions=request.extensions,
    )


@contextmanager
def _as_httpx(watch: Watch | None) -> Iterator[None]:
    """Note a failure on the watch and turn it into what httpx calls it, as its users expect."""
    try:
        yield
    except (ModelError, Cancelled) as error:
        if watch is not None:
            watch.failure = error
        raise
    except NETWORK_ERRORS as error:
        if watch is not None:
            watch.failure = error
        raise getattr(httpx, type(error).__name__)(str(error)) from error


class _Body(httpx.SyncByteStream):
    """The body of a response, bounded in size."""

    def __init__(self, response: httpcore.Response, watch: Watch | None) -> None:
        self._response = response
        self._watch = watch
        self._parts = response.iter_stream()

    def __iter__(self) -> Iterator[bytes]:
        size = 0
        with _as_httpx(self._watch):
            for part in self._parts:
                size += len(part)
                if size > _MAX_REPLY_BYTES:
                    raise ModelReplyMalformed(
                        f"the reply is longer than {_MAX_REPLY_BYTES >> 20} MiB: use another model"
                    )
                yield part

    def close(self) -> None:
        """Close the response; its connection is kept if the body is over, or just about to be."""
        if self._watch is not None:
            self._drain(self._watch)
        self._response.close()

    def _drain(self, watch: Watch) -> None:
        # Clients of server-sent events stop at the last event, one empty chunk before the end of the body.
        with watch.draining() as may, suppress(ModelError, Cancelled, *NETWORK_ERRORS):
            if may:
                for _ in self._parts:
                    pass


class _Network(httpcore.NetworkBackend):
    """Makes connections that are on the watch of whoever uses them."""

    def __init__(self) -> None:
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        def connect(seconds: float | None) -> httpcore.NetworkStream:
            return _in_thread(
                lambda: self._sockets.connect_tcp(host, port, seconds, local_address, socket_options), seconds
            )

        if (watch := current()) is not None:
            watch.connecting()
        return _Stream(_wait(connect, timeout, connecting=True))

    def sleep(self, seconds: float) -> None:
        self._sockets.sleep(seconds)


class _Stream(httpcore.NetworkStream):
    """A connection each of whose waits is bounded by the watch of the call that uses it just then."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        def read(seconds: float | None) -> bytes:
            # A read that has timed out lost nothing: what comes later is there for the next.
            while (watch := current()) and seconds is not None and seconds > _GLANCE_SECONDS:
                try:
                    return self._stream.read(max_bytes, _GLANCE_SECONDS)
                except httpcore.ReadTimeout:
                    watch.check()
                    seconds -= _GLANCE_SECONDS
            return self._stream.read(max_bytes, seconds)

        return _wait(read, timeout)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        _wait(lambda seconds: self._stream.write(buffer, seconds), timeout)

    def start_tls(
        self, ssl_context: SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        def start(seconds: float | None) -> httpcore.NetworkStream:
            return _in_thread(lambda: self._stream.start_tls(ssl_context, server_hostname, seconds), seconds)

        return _Stream(_wait(start, timeout, connecting=True))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)

    def close(self) -> None:
        self._stream.close()


def _wait(wait: Callable[[float | None], T], timeout: float | None, *, connecting: bool = False) -> T:
    """What `wait` gives for the seconds that the current watch allows, else for `timeout`."""
    watch = current()
    if watch is None:
        return wait(timeout)
    watch.check()
    seconds = watch.seconds_left(connecting=connecting)
    if seconds <= 0:
        raise watch.timed_out(connecting=connecting)
    try:
        return wait(seconds)
    except httpcore.TimeoutException:
        raise watch.timed_out(connecting=connecting) from None


def _in_thread(
    connect: Callable[[], httpcore.NetworkStream], seconds: float | None
) -> httpcore.NetworkStream:
    """What `connect` gives within `seconds`; a connection that comes too late is closed."""
    result: Future[httpcore.NetworkStream] = Future()

    def run() -> None:
        try:
            stream = connect()
        except (*NETWORK_ERRORS, *_ABSURD_ADDRESS) as error:
            if result.set_running_or_notify_cancel():
                result.set_exception(error)
            return
        if result.set_running_or_notify_cancel():
            result.set_result(stream)
        else:
            stream.close()

    threading.Thread(target=run, name="model-connect", daemon=True).start()
    try:
        return _awaited(result, seconds)
    except (httpcore.ConnectTimeout, Cancelled):
        if result.cancel():
            raise
        return result.result()  # it came at the last moment


def _awaited(result: "Future[httpcore.NetworkStream]", seconds: float | None) -> httpcore.NetworkStream:
    """What a connection becomes within `seconds`; raises `httpcore.ConnectTimeout` or `Cancelled`."""
    watch, end = current(), inf if seconds is None else time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        with suppress(TimeoutError):
            return result.result(min(left, _GLANCE_SECONDS))
        if watch is not None:
            watch.check()
    raise httpcore.ConnectTimeout(f"no connection within {seconds} s")
