"""What a connection tells of whoever is at its other end."""

import socket


def has_left(client: socket.socket) -> bool:
    """Whether it has hung up, or will at least send nothing more; nothing is taken from what it has sent."""
    try:
        # The socket's own: a connection of the server gives what was gathered before, which tells nothing.
        return socket.socket.recv(client, 1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False  # there is nothing to read: it waits
    except OSError:
        return True
