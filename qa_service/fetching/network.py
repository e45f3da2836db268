"""Connections for one fetch: to exactly the IP addresses that were checked, and none beyond its time."""

import socket
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from ipaddress import ip_address
from ssl import SSLContext
from typing import Any

import httpcore

from qa_service.errors import UrlRefused, UrlTimeout, UrlUnreachable
from qa_service.fetching.addresses import IPAddress
from qa_service.fetching.hosts import is_address

Resolve = Callable[[str], Sequence[IPAddress]]

_CONNECT_SECONDS = 5.0
_MAX_ADDRESSES = 4


def resolve(host: str) -> list[IPAddress]:
    """The IP addresses of a host, by the system's resolver; `OSError` where it has none."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return [ip_address(str(each[4][0])) for each in found]


class Clock:
    """The time that a fetch has, shared by all its redirects."""

    __slots__ = ("_end", "seconds")

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """The seconds that are left, above 0; `UrlTimeout` when there are none."""
        if (left := self._end - time.monotonic()) > 0:
            return left
        raise UrlTimeout(f"the document did not come within {self.seconds:g} s")


class PinnedNetwork(httpcore.NetworkBackend):
    """Resolves a name, checks every IP address that comes back, and connects to one of those.

    Nothing resolves the name a second time: what a hostile name server would say then is not asked for.
    TLS still verifies the name, which this does not see.
    """

    def __init__(self, *, resolve: Resolve, allow_address: Callable[[IPAddress], bool], clock: Clock) -> None:
        self._resolve = resolve
        self._allow_address = allow_address
        self._clock = clock
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """A connection to one of the host's IP addresses; `UrlRefused` unless all of them may be connected to."""
        addresses = [ip_address(host)] if is_address(host) else self._resolved(host)
        if not all(map(self._allow_address, addresses)):
            raise UrlRefused(f"{host} is not, or not only, on the public internet")
        failed: type[UrlUnreachable] = UrlUnreachable
        for address in addresses[:_MAX_ADDRESSES]:
            try:
                stream = self._sockets.connect_tcp(
                    str(address),
                    port,
                    min(_CONNECT_SECONDS, self._clock.left()),
                    local_address,
                    socket_options,
                )
            except httpcore.ConnectTimeout:
                failed = UrlTimeout
            except httpcore.ConnectError:
                failed = UrlUnreachable
            else:
                return _Stream(stream, host, self._clock)
        raise failed(f"{host} accepted no connection")

    def _resolved(self, host: str) -> list[IPAddress]:
        """The IP addresses of a name, each once; looking them up can't be bounded, only left alone."""
        result: Future[Sequence[IPAddress]] = Future()

        def run() -> None:
            try:
                result.set_result(self._resolve(host))
            except (OSError, UnicodeError) as error:
                result.set_exception(error)

        threading.Thread(target=run, name="fetch-resolve", daemon=True).start()
        try:
            found = result.result(min(_CONNECT_SECONDS, self._clock.left()))
        except TimeoutError:
            raise UrlTimeout(f"the name {host} was not resolved in time") from None
        except (OSError, UnicodeError):
            found = []
        if not found:
            raise UrlUnreachable(f"the name {host} could not be resolved")
        return list(dict.fromkeys(found))


class _Stream(httpcore.NetworkStream):
    """A connection each of whose waits ends when the fetch's time does."""

    def __init__(self, stream: httpcore.NetworkStream, host: str, clock: Clock) -> None:
        self._stream = stream
        self._host = host
        self._clock = clock

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._clock.left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._clock.left())

    def start_tls(
        self, ssl_context: SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        try:
            stream = self._stream.start_tls(ssl_context, server_hostname, self._clock.left())
        except httpcore.ConnectError:
            raise UrlUnreachable(
                f"{self._host}: its certificate is not valid for that name, or its TLS is not acceptable"
            ) from None
        return _Stream(stream, self._host, self._clock)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)

    def close(self) -> None:
        self._stream.close()
