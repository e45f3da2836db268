"""Whether the client of a request is still there, as far as the server shows its connection."""

import socket
import ssl
import threading

from flask import request

from qa_service.sockets import has_left

_GLANCE_SECONDS = 0.25


def watch(gone: threading.Event) -> None:
    """Set `gone` as soon as the client of the current request hangs up; look until it is set, by whomever.

    Writing to a client tells that it has left only at the second try, and nothing is written while a model thinks.
    """
    client = request.environ.get("gunicorn.socket") or request.environ.get("werkzeug.socket")
    if isinstance(client, socket.socket) and not isinstance(client, ssl.SSLSocket):
        threading.Thread(target=_watch, args=(client, gone), name="client-watch", daemon=True).start()


def _watch(client: socket.socket, gone: threading.Event) -> None:
    while not gone.wait(_GLANCE_SECONDS):
        if has_left(client):
            gone.set()
