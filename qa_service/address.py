"""Where the service listens: hosts, ports and the socket."""

import ipaddress
import socket
import struct

from qa_service.errors import SettingsError

SILENCE_SECONDS = 60
"""How long a connection may be silent in the middle of a request, or refuse to take its response."""


def is_loopback(host: str) -> bool:
    """Whether a host, by name or by number, is this machine and can't be reached from another."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def listen(host: str, port: int) -> socket.socket:
    """A socket that is bound to an address, port 0 standing for any free one.

    Raises `SettingsError` where the host is not this machine's or the port is taken.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
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
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise SettingsError(
            f"can't listen on {url(host, port)}: {reason}; choose another --port or --host"
        ) from None
    return listener


def url(host: str, port: int) -> str:
    """The address as a URL."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def own_url(listener: socket.socket) -> str:
    """The URL by which programs on this machine reach a listener: loopback, where it has all addresses."""
    host, port = listener.getsockname()[:2]
    return url({"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), port)  # noqa: S104 - nothing is bound here
