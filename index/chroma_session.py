"""The connection to a Chroma server: nothing on it is waited for without end, and every failure has one type.

Chroma's own client waits for ever and raises bare exceptions for what a proxy in between says.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx

_CONNECT_SECONDS = 3.0
_SEARCH_SECONDS = 10.0
_WRITE_SECONDS = 60.0
_SHOWN = 200
_HERE = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True)
class ChromaAddress:
    """Where a Chroma server is, and the headers, such as a token, that it or a proxy before it asks for."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def base(self) -> str:
        """What Chroma's paths are below; without TLS its usual port is 8000."""
        parts = urlsplit(self.url)
        port = "" if parts.port or parts.scheme == "https" else ":8000"
        return f"{parts.scheme}://{parts.netloc}{port}{parts.path.rstrip('/')}"

    def __str__(self) -> str:
        """The address without the password that may stand in it."""
        parts = urlsplit(self.url)
        return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


class Session(httpx.Client):
    """Requests to a Chroma server; all of them raise `httpx.HTTPError`.

    A search has ten seconds, anything else a minute. What the server hung up on, as it does when it is started
    anew, is sent once more: all that is asked of Chroma may be repeated.
    """

    def __init__(self, server: ChromaAddress) -> None:
        self._greeting = f"{server.base}/api/v2/auth/identity"
        super().__init__(
            timeout=httpx.Timeout(_WRITE_SECONDS, connect=_CONNECT_SECONDS),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=32, keepalive_expiry=40),
            headers={"Content-Type": "application/json", **server.headers},
            trust_env=urlsplit(server.url).hostname not in _HERE,
        )

    def request(self, method: str, url: Any, **options: Any) -> httpx.Response:
        """The reply to a request: a result, or that there is no such collection."""
        if str(url).endswith("/query"):
            options["timeout"] = httpx.Timeout(_SEARCH_SECONDS, connect=_CONNECT_SECONDS)
        try:
            reply = super().request(method, url, **options)
        except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
            reply = super().request(method, url, **options)
        if not _is_known(reply):
            raise httpx.HTTPStatusError(
                f"it replied {reply.status_code}: {reply.text[:_SHOWN]!r}",
                request=reply.request,
                response=reply,
            )
        return reply

    def greet(self) -> None:
        """Raise `httpx.HTTPError` where no Chroma server answers, or it wants other headers."""
        self.request("GET", self._greeting, timeout=_CONNECT_SECONDS)


def _is_known(reply: httpx.Response) -> bool:
    """Whether a reply is a result, or the one error that is told from others: there is no such collection."""
    try:
        said = reply.json()
    except ValueError:
        return False
    return reply.is_success or (isinstance(said, dict) and said.get("error") == "NotFoundError")
