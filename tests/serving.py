"""An application on a real socket, for what Flask's own test client can't show."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask
from werkzeug.serving import WSGIRequestHandler, make_server


class _Quiet(WSGIRequestHandler):
    def log(self, *_: object) -> None:
        pass


@contextmanager
def on_socket(app: Flask, **options: Any) -> Iterator[str]:
    """Serves an application on loopback, a thread for each request; its address."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet, **options)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
