"""Fetches a document from a listed host, redirect by redirect, each checked anew from the start."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from ssl import SSLContext

import httpcore
import httpx

from qa_service.errors import Overloaded, UrlsDisabled, UrlTimeout, UrlUnreachable
from qa_service.fetching.addresses import IPAddress, is_public
from qa_service.fetching.content import ENCODING, content
from qa_service.fetching.hosts import host_rule
from qa_service.fetching.network import Clock, PinnedNetwork, Resolve, resolve
from qa_service.fetching.targets import Target, redirected, target_of

MAX_REDIRECTS = 5
"""How many redirects are followed."""

_PLACES = 4
_SECONDS = 20.0
_REDIRECTS = (301, 302, 303, 307, 308)


class Fetcher:
    """Fetches documents from `hosts`, entries of `QA_URL_HOSTS`, four at a time; without any, none.

    A document has at most `max_bytes`, also unpacked, and comes within `seconds`, all waits included. Names are
    looked up by `resolve`, connections made to IP addresses that are `allow_address`, and certificates judged
    by `ssl_context`, or else by the authorities that the system, or `SSL_CERT_FILE`, names.
    """

    def __init__(
        self,
        hosts: Sequence[str],
        *,
        max_bytes: int,
        seconds: float = _SECONDS,
        resolve: Resolve = resolve,
        allow_address: Callable[[IPAddress], bool] = is_public,
        ssl_context: SSLContext | None = None,
    ) -> None:
        self._rules = [host_rule(each) for each in hosts]
        self._max_bytes = max_bytes
        self._seconds = seconds
        self._resolve = resolve
        self._allow_address = allow_address
        self._ssl_context = ssl_context
        self._places = threading.BoundedSemaphore(_PLACES)

    def target(self, url: str) -> Target:
        """What an address leads to; `UrlsDisabled` where no host is listed, and `UrlRefused` where this one is not."""
        if not self._rules:
            raise UrlsDisabled(
                "this service fetches no addresses: list hosts in QA_URL_HOSTS, or send the text"
            )
        return target_of(url, self._rules)

    def fetch(self, target: Target) -> bytes:
        """The document that stands there.

        Raises `UrlRefused` where it, or a redirect, leads where nothing is fetched from, `UrlUnreachable`,
        `UrlTimeout`, `DocumentTooLarge`, and `Overloaded` where four are being fetched.
        """
        if not self._places.acquire(blocking=False):
            raise Overloaded(f"{_PLACES} documents are being fetched, and no more are at once: come again")
        try:
            return self._followed(target, Clock(self._seconds))
        finally:
            self._places.release()

    def _followed(self, target: Target, clock: Clock) -> bytes:
        for _ in range(MAX_REDIRECTS + 1):
            with self._reply(target, clock) as reply:
                location = _header(reply, b"location")
                if reply.status not in _REDIRECTS or not location:
                    return self._document(target, reply)
            target = redirected(target, location, self._rules)
        raise UrlUnreachable(f"{target.host}: there are more than {MAX_REDIRECTS} redirects")

    @contextmanager
    def _reply(self, target: Target, clock: Clock) -> Iterator[httpcore.Response]:
        """The reply to one request; its connection is not used again."""
        network = PinnedNetwork(resolve=self._resolve, allow_address=self._allow_address, clock=clock)
        trusted = self._ssl_context or httpx.create_ssl_context()
        # The parts that were checked go to the connection as they are: no text of an address is parsed again.
        url = httpcore.URL(
            scheme=target.scheme.encode(),
            host=target.host.encode(),
            port=target.port,
            target=target.path.encode(),
        )
        headers: dict[str | bytes, str | bytes] = {
            "Host": target.authority,
            "User-Agent": f"qa-service/{version('qa-service')}",
            "Accept": "*/*",
            "Accept-Encoding": ENCODING,
            "Connection": "close",
        }
        try:
            with (
                httpcore.ConnectionPool(ssl_context=trusted, network_backend=network) as pool,
                pool.stream("GET", url, headers=headers) as reply,
            ):
                yield reply
        except httpcore.TimeoutException:
            raise UrlTimeout(f"{target.host} sent no document within {clock.seconds:g} s") from None
        except httpcore.ProtocolError:
            raise UrlUnreachable(f"{target.host} sent what is no reply of HTTP") from None
        except httpcore.NetworkError:
            raise UrlUnreachable(f"{target.host} hung up") from None

    def _document(self, target: Target, reply: httpcore.Response) -> bytes:
        if reply.status != 200:
            raise UrlUnreachable(
                f"{target.host} answered with status {reply.status}: only 200 has a document"
            )
        encoding = _header(reply, b"content-encoding").lower()
        return content(reply.iter_stream(), encoding=encoding, host=target.host, max_bytes=self._max_bytes)


def _header(reply: httpcore.Response, name: bytes) -> str:
    """All values of a header, as one; empty where there is none."""
    found = [value.decode("utf-8", "replace") for each, value in reply.headers if each.lower() == name]
    return ", ".join(found).strip()
