"""Where the service listens: hosts, ports and the socket."""

import ipaddress
import socket
import struct
from typing import Any

from qa_service.errors import SettingsError

SILENCE_SECONDS = 60
"""How long a connection may be silent in the middle of a request, or refuse to take its response."""

_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - nothing is bound here


def is_loopback(host: str) -> bool:
    """Whether a host, by name or by number, is this machine and can't be reached from another."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def bare(host: str) -> str:
    """A host without the brackets that an address of version 6 has in a URL."""
    return host[1:-1] if host.startswith("[") and host.endswith("]") and ":" in host else host


def require_known(host: str) -> None:
    """Raise `SettingsError` where a host is no address, and no name that resolves to one."""
    _resolved(host, 0)


def listen(host: str, port: int) -> socket.socket:
    """A socket that is bound to an address, port 0 standing for any free one.

    Raises `SettingsError` where the host is unknown or not this machine's, or the port is taken.
    """
    family, kind, protocol, _, address = _resolved(host, port)
    try:
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            # Accepted connections inherit these: a client that falls silent must not hold a thread for ever.
            for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
                listener.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", SILENCE_SECONDS, 0))
            listener.bind(address)
            listener.listen()
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise _refused(host, port, error) from None
    return listener


def _resolved(host: str, port: int) -> "tuple[socket.AddressFamily, socket.SocketKind, int, str, Any]":
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except (OSError, UnicodeError) as error:
        raise _refused(host, port, error, "the host's name does not resolve: ") from None


def _refused(host: str, port: int, error: Exception, what: str = "") -> SettingsError:
    reason = getattr(error, "strerror", None) or error
    return SettingsError(
        f"can't listen on {url(host, port)}: {what}{reason}; choose another --port or --host"
    )


def url(host: str, port: int) -> str:
    """The address as a URL."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def own_url(listener: socket.socket) -> str:
    """The URL by which programs on this machine reach a listener: loopback, where it has all addresses."""
    host, port = listener.getsockname()[:2]
    return url(_LOOPBACK.get(host, host), port)


def spoken(listener: socket.socket) -> str:
    """What a listener is reached by, for a person."""
    own, host = own_url(listener), listener.getsockname()[0]
    return f"{own} and all other addresses of this machine ({host})" if host in _LOOPBACK else own
