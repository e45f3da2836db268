"""The loopback server that plays a script."""

import json
import select
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

from qa_service.scripted.reply import Received, Reply
from qa_service.scripted.wire import (
    ERRORS,
    PAGE,
    chunk,
    completion,
    dump,
    error_body,
    events,
    packets,
    vector,
)

_DRIP_SECONDS = 0.02

Script = Iterable[Reply | str] | Callable[[Received], Reply | str]


class ScriptedProvider:
    """A loopback server on a random port that answers chat requests by a script.

    `script` is the replies in order, or a function from the request to its reply. `requests` are all that
    were received, `dropped` counts the replies that the client did not wait for.
    """

    def __init__(self, script: Script = (), *, dimensions: int = 8) -> None:
        self.requests: list[Received] = []
        self.dropped = 0
        self.dimensions = dimensions
        self._answer = script if callable(script) else None
        self._replies: deque[Reply | str] = deque(() if callable(script) else script)
        self._surplus = 0
        self._lock = threading.Lock()
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        """The base to give to a client, with `/v1`."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.hang_up()
        self._server.server_close()
        if error is None:
            self.assert_exhausted()

    def assert_exhausted(self) -> None:
        """Raise AssertionError unless each reply was asked for, and no request came after the last."""
        with self._lock:
            left, surplus = len(self._replies), self._surplus
        if left:
            raise AssertionError(f"{left} replies were never asked for; the next is {self._replies[0]!r}")
        if surplus:
            raise AssertionError(f"{surplus} requests came after the end of the script")

    def record(self, request: Received) -> None:
        """Remember a request."""
        with self._lock:
            self.requests.append(request)

    def record_dropped(self) -> None:
        """Count a reply that the client did not wait for."""
        with self._lock:
            self.dropped += 1

    def reply_to(self, request: Received) -> Reply | None:
        """The scripted reply to a chat request; None when the script is over."""
        if self._answer is not None:
            reply = self._answer(request)
        else:
            with self._lock:
                if not self._replies:
                    self._surplus += 1
                    return None
                reply = self._replies.popleft()
        return Reply(reply) if isinstance(reply, str) else reply


class _ClientGoneError(Exception):
    """The client closed its connection, or the provider ends, before the reply was over."""


class _Server(ThreadingHTTPServer):
    request_queue_size = 256
    daemon_threads = False  # so that closing the server waits for its connections to end

    def __init__(self, provider: ScriptedProvider) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.provider = provider
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()

    def began(self, connection: socket.socket) -> None:
        """Remember an open connection."""
        with self._lock:
            self._connections.add(connection)

    def ended(self, connection: socket.socket) -> None:
        """Forget a connection."""
        with self._lock:
            self._connections.discard(connection)

    def hang_up(self) -> None:
        """End all connections, so that the threads that serve them end."""
        with self._lock:
            for connection in self._connections:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing about clients that hang up between two requests."""


class _Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def setup(self) -> None:
        self.server.began(self.request)
        super().setup()

    def finish(self) -> None:
        self.server.ended(self.request)
        super().finish()

    def log_message(self, *args: object) -> None:
        """Stay silent."""

    def do_GET(self) -> None:
        if self.path == "/v1/models":
            self._json(200, {"object": "list", "data": [{"id": "scripted", "object": "model"}]})
        else:
            self._error("model_not_found")

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Received(self.path, self.client_address[1], headers, body, time.monotonic())
        provider = self.server.provider
        provider.record(request)
        try:
            if self.path == "/v1/chat/completions":
                self._chat(request)
            elif self.path == "/v1/embeddings":
                self._embeddings(request)
            else:
                self._error("model_not_found")
        except (_ClientGoneError, ConnectionError):
            provider.record_dropped()
            self.close_connection = True

    def _embeddings(self, request: Received) -> None:
        texts = request.body["input"]
        data = [
            {"object": "embedding", "index": i, "embedding": vector(text, self.server.provider.dimensions)}
            for i, text in enumerate([texts] if isinstance(texts, str) else texts)
        ]
        usage = {"prompt_tokens": len(data), "total_tokens": len(data)}
        self._json(200, {"object": "list", "data": data, "model": request.body["model"], "usage": usage})

    def _chat(self, request: Received) -> None:
        reply = self.server.provider.reply_to(request)
        if reply is None:
            self._error("script_over")
        elif reply.after == 0 and reply.fault is not None and self._strike_first(reply):
            return
        elif request.body.get("stream"):
            self._stream(request, reply)
        else:
            self._whole(request, reply)

    def _strike_first(self, reply: Reply) -> bool:
        """Play a fault that comes before any header; False where the fault is in the body."""
        match reply.fault:
            case "hang":
                self._wait_for_end()
            case "drip_headers":
                self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Drip: ")
                while True:
                    self._pause(_DRIP_SECONDS)
                    self.wfile.write(b"x")
            case "reset":
                self._reset()
            case "wrong_content_type":
                self._send(200, "text/html; charset=utf-8", PAGE)
            case str(fault) if fault in ERRORS:
                self._error(fault, reply.text, reply.retry_after_seconds)
            case _:
                return False
        return True

    def _stream(self, request: Received, reply: Reply) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        write = packets(self.wfile.write, reply.packet_bytes)
        for number, event in enumerate(events(request.body, reply)):
            if reply.delay_seconds:
                self._pause(reply.delay_seconds)
            if reply.pieces_per_second:  # the event before the first piece says who speaks
                due = request.at + number / reply.pieces_per_second
                self._pause(max(0.0, due - time.monotonic()))
            write(chunk(event))
        match reply.fault:
            case "hang":
                self._wait_for_end()
            case "drip":
                while True:
                    self._pause(_DRIP_SECONDS)
                    write(chunk(b": still here\n\n"))
            case "reset":
                self._reset()
            case "closed":
                self.close_connection = True
            case _:
                write(b"0\r\n\r\n")

    def _whole(self, request: Received, reply: Reply) -> None:
        match reply.fault:
            case "malformed_json":
                self._send(200, "application/json", b'{"choices": [{"index": 0, "mess')
            case "closed" | "truncated":
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", "500")
                self.end_headers()
                self.wfile.write(b'{"choices": [')
                self.close_connection = True
            case "drip":
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", "1000000")
                self.end_headers()
                while True:
                    self._pause(_DRIP_SECONDS)
                    self.wfile.write(b" ")
            case fault if fault is not None and self._strike_first(reply):
                return
            case _:
                self._json(200, completion(request.body, reply))

    def _error(self, fault: str, message: str = "", retry_after_seconds: float | None = None) -> None:
        status, _, _ = ERRORS[fault]
        self._json(status, error_body(fault, message), retry_after_seconds)

    def _json(self, status: int, value: object, retry_after_seconds: float | None = None) -> None:
        self._send(status, "application/json", dump(value), retry_after_seconds)

    def _send(
        self, status: int, content_type: str, body: bytes, retry_after_seconds: float | None = None
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        if retry_after_seconds is not None:
            self.send_header("Retry-After", f"{retry_after_seconds:g}")
        self.end_headers()
        self.wfile.write(body)

    def _pause(self, seconds: float) -> None:
        """Wait; `_ClientGoneError` if the client hangs up meanwhile, or the provider ends."""
        gone, _, _ = select.select([self.connection], [], [], seconds)
        if gone:
            raise _ClientGoneError

    def _wait_for_end(self) -> None:
        while True:
            self._pause(60)

    def _reset(self) -> None:
        """Close so that the client gets a reset, not an end of file."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.rfile.close()  # it holds the socket open
        self.connection.close()
        self.close_connection = True
