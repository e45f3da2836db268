"""Whose request it is where proxies stand in front: what they say counts, what anybody else says does not.

A WSGI layer: behind it the address, scheme and host of the request are the client's own.
"""

import ipaddress
import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

UNKNOWN = "unknown"
"""The client's address where a trusted proxy gives none that can be read: it is nobody's, and not this machine's."""

_HOPS = 20

log = logging.getLogger(__name__)


def address_of(text: str) -> IPAddress | None:
    """An address as proxies write it, with or without a port; None where it is none.

    An IPv4 address that comes as IPv6 (`::ffff:10.0.0.1`) is the IPv4 address.
    """
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found


def client_of(peer: str, forwarded_for: str, trusted: Iterable[Network]) -> str:
    """The address that a request comes from: the last one that no trusted proxy has.

    `peer` is who is connected, `forwarded_for` what `X-Forwarded-For` says, to which each proxy adds whom it
    has seen. What stands left of the first stranger is that stranger's own word. `UNKNOWN` where a trusted proxy
    has seen somebody, and what it says of them is no address.
    """
    trusted = tuple(trusted)
    client = address_of(peer)
    if client is None:
        return peer
    if not forwarded_for.strip():  # it asks by itself
        return str(client)
    for hop in reversed(forwarded_for.split(",")[-_HOPS:]):
        if not _is_in(client, trusted):
            break
        before = address_of(hop)
        if before is None:
            return UNKNOWN
        client = before
    return str(client)


def _is_in(address: IPAddress, networks: Iterable[Network]) -> bool:
    return any(address in network for network in networks)


class Proxies:
    """A WSGI application behind trusted proxies."""

    def __init__(self, application: "WSGIApplication", trusted: tuple[Network, ...]) -> None:
        self._application = application
        self._trusted = trusted
        self._has_warned = False

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer a request."""
        peer = environ.get("REMOTE_ADDR", "")
        address = address_of(peer)
        if address is not None and _is_in(address, self._trusted):
            self._believe(environ, peer)
        elif "HTTP_X_FORWARDED_FOR" in environ and not self._has_warned:
            self._has_warned = True
            log.warning(
                "requests come with X-Forwarded-For from %s, which QA_TRUSTED_PROXIES does not name: "
                "all that come from there count as one client",
                peer,
            )
        return self._application(environ, start_response)

    def _believe(self, environ: "WSGIEnvironment", peer: str) -> None:
        environ["REMOTE_ADDR"] = client_of(peer, environ.get("HTTP_X_FORWARDED_FOR", ""), self._trusted)
        scheme = _last(environ.get("HTTP_X_FORWARDED_PROTO", "")).lower()
        if scheme in ("http", "https"):
            environ["wsgi.url_scheme"] = scheme
        if host := _last(environ.get("HTTP_X_FORWARDED_HOST", "")):
            environ["HTTP_HOST"] = host


def _last(listed: str) -> str:
    return listed.rpartition(",")[2].strip()
