"""The process that answers: gunicorn's worker with threads, on which no client waits for a slower one.

One thread, the loop, gathers requests and takes a thread for each that has come whole. As many are worked on as
there are places, as many more wait, and who comes then is told so at once. A thread that waits for its client, to
send the rest of a long body or to take the response, gives its place to others meanwhile.
"""

import errno
import json
import logging
import resource
import select
import selectors
import signal
import socket
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from http import HTTPStatus
from time import monotonic
from types import FrameType
from typing import Any

from gunicorn.http.errors import NoMoreData, ParseException
from gunicorn.workers.gthread import PollableMethodQueue, TConn, ThreadWorker

from index.errors import InvalidRequest, QAError
from qa_service.errors import Overloaded, ShuttingDown
from qa_service.replies import HEADERS, problem_headers, problem_json
from qa_service.serving.admission import Admission
from qa_service.serving.connection import Connection, is_gathered
from qa_service.sockets import has_left
from qa_service.telemetry.exchange import REQUEST_ID, refused

DRAIN_SECONDS = 25
"""How long running requests may go on after SIGTERM; streams that go on longer end with an error."""

_REQUEST_SECONDS = 10
"""How long a client may take to send a request's head, and its body where that is short."""

_LEAVING_SECONDS = 2
"""How long that is when the service is to end, and how long a client may take to see that it is hung up on."""

_WATCHING = frozenset({b"/livez", b"/readyz", b"/metrics"})
"""The addresses that are answered also where there is no place, a few at a time."""

_WATCHERS = 4
_CONNECTIONS = 4096
_ACCEPTED_AT_ONCE = 64
_LINGERING = 500
_DRAINED_BYTES = 2**20

log = logging.getLogger(__name__)


def connection_limit() -> int:
    """How many connections the worker holds, after the process has been allowed to open what it may at most."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        wanted = 2 * _CONNECTIONS if hard == resource.RLIM_INFINITY else min(2 * _CONNECTIONS, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
        soft = max(soft, wanted)
    return max(64, min(_CONNECTIONS, soft // 2))


class Client(TConn):
    """A connection with what has come of its next request."""

    sock: Connection
    parser: Any

    def __init__(self, worker: "RequestWorker", accepted: socket.socket, address: Any, server: Any) -> None:
        super().__init__(worker.cfg, Connection(accepted), address, server)
        self.sock.aside = partial(worker.aside, self)
        self.gathered = bytearray()
        self.has_place = False
        self.has_waited = False
        self.is_watching = False
        self.drained = 0
        self._worker = worker

    @property
    def path(self) -> bytes:
        """The path that is asked for, as far as it looks like one."""
        parts = bytes(self.gathered[:200]).split(b" ", 2)
        return parts[1].partition(b"?")[0] if len(parts) == 3 else b""

    def hand_over(self) -> None:
        """Give what was gathered to the parser."""
        self.data_ready = True
        self.sock.setblocking(True)
        self.init()
        self.parser.unreader.unread(bytes(self.gathered))
        self.gathered = bytearray()

    def close(self, graceful: bool = False) -> None:
        """Hang up; gracefully: so that what was sent last arrives although not all was read."""
        if not graceful or not self._worker.linger(self):
            super().close()


class _Messages(PollableMethodQueue):
    """What threads tell the loop. Its pipe stays open: a thread that is late would write into another file."""

    def close(self) -> None:
        """Leave that to the end of the process."""


class RequestWorker(ThreadWorker):
    """A worker that is held up neither by clients nor by threads that wait for a model.

    Every connection is a `Client`; where gunicorn's signature says less, it is `Any` here.
    """

    leaving = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.method_queue = _Messages()
        self._admission = Admission[Client](places=self.cfg.threads, queue=self.cfg.threads)
        self._watchers = 0
        self._refused = 0
        self._gathering: dict[Client, float] = {}
        self._lingering: dict[Client, float] = {}

    def init_process(self) -> None:
        """Serve, in a process of its own."""
        self.cfg.set("graceful_timeout", DRAIN_SECONDS)  # in this process: the master waits longer
        super().init_process()

    def init_signals(self) -> None:
        """Leave SIGHUP to the master, which says what is to be done."""
        super().init_signals()
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    def get_thread_pool(self) -> ThreadPoolExecutor:
        """A thread for each connection that takes one: the places say how many work, the rest wait for clients."""
        return ThreadPoolExecutor(max_workers=self.worker_connections, thread_name_prefix="request")

    def set_accept_enabled(self, enabled: bool | None) -> None:
        """When it is to end, close the door behind those who stand in it: who comes now is refused."""
        super().set_accept_enabled(enabled)
        if self.alive:
            return
        for listener in self.sockets:
            while listener.fileno() >= 0 and select.select([listener], [], [], 0)[0]:
                self.accept(listener)
            listener.close()
        end = monotonic() + _LEAVING_SECONDS
        self._gathering = {conn: min(until, end) for conn, until in self._gathering.items()}

    # In the loop

    def accept(self, listener: socket.socket) -> None:
        """Take the connections that have come, and what they have sent."""
        for _ in range(_ACCEPTED_AT_ONCE):
            try:
                accepted, address = listener.accept()
            except (BlockingIOError, ConnectionAbortedError, InterruptedError):
                return
            except OSError as error:
                if error.errno not in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                    raise
                log.error("no connection can be taken: %s", error.strerror)
                time.sleep(0.05)
                return
            self.nr_conns += 1
            self._gather(Client(self, accepted, address, listener.getsockname()))

    def on_client_socket_readable(self, conn: Any, client: socket.socket) -> None:
        """Take the next request of a connection that was kept."""
        self.poller.unregister(client)
        self.keepalived_conns.remove(conn)
        self._gather(conn)

    def enqueue_req(self, conn: Any) -> None:
        """Take the request that came right behind the last one."""
        conn.gathered += conn.parser.unreader.take_buffered()
        self._gather(conn)

    def notify(self) -> None:
        """Tell the master that this lives, and hang up on whoever is too slow: called every second."""
        super().notify()
        if self._refused:
            log.warning("overloaded: %d requests were turned away", self._refused)
            self._refused = 0
        now = monotonic()
        for conn in [conn for conn, until in self._gathering.items() if now > until]:
            self._hang_up(conn)
        for conn in [conn for conn, until in self._lingering.items() if now > until]:
            self._let_go(conn)

    def linger(self, conn: Client) -> bool:
        """Let a client see the end of what was sent to it before its connection is closed, if there is room."""
        if len(self._lingering) >= _LINGERING:
            return False
        try:
            conn.sock.shutdown(socket.SHUT_WR)
            conn.sock.setblocking(False)
        except OSError:  # it has gone by itself
            return False
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._drain, conn))
        self._lingering[conn] = monotonic() + _LEAVING_SECONDS
        return True

    def _gather(self, conn: Client, _client: object = None) -> None:
        """Read what has come of a request, and pass it on when that is enough."""
        if not self._read(conn):
            if conn not in self._gathering:
                self._gathering[conn] = monotonic() + _REQUEST_SECONDS
                conn.sock.setblocking(False)
                self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._gather, conn))
            return
        if self._gathering.pop(conn, None):
            self.poller.unregister(conn.sock)
        if not conn.gathered:
            self._hang_up(conn)
        elif is_gathered(conn.gathered):
            self._arrived(conn)
        else:  # the rest will not come: no place is wasted on it
            self._turn_away(conn, _UNREADABLE)

    def _read(self, conn: Client) -> bool:
        """Whether enough was read, or no more will come."""
        try:
            data = conn.sock.recv(2**16, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return bool(conn.gathered) and is_gathered(conn.gathered)
        except OSError:
            conn.gathered.clear()
            return True
        conn.gathered += data
        return not data or is_gathered(conn.gathered)

    def _arrived(self, conn: Client) -> None:
        """Have a request answered, now or later, or turn it away."""
        if conn.path in _WATCHING and self._watchers < _WATCHERS:
            self._watchers += 1
            conn.is_watching = True
            self._begin(conn)
            return
        match self._admission.enter(conn):
            case "in":
                conn.has_place, conn.has_waited = True, False
                self._begin(conn)
            case "waiting":
                conn.has_waited = True
            case "full":
                self._refused += 1
                self._turn_away(conn, _FULL)

    def _turn_away(self, conn: Client, error: QAError) -> None:
        with suppress(OSError):
            conn.sock.send(_reply(error, refused(self.wsgi, error)), socket.MSG_DONTWAIT)
        self.nr_conns -= 1
        conn.close(graceful=True)

    def finish_request(self, conn: Any, fs: Any) -> None:
        """Keep the connection of an answered request, or close it."""
        if conn.is_watching:
            conn.is_watching = False
            self._watchers -= 1
        super().finish_request(conn, fs)

    def _hang_up(self, conn: Client) -> None:
        if self._gathering.pop(conn, None):
            self.poller.unregister(conn.sock)
        self.nr_conns -= 1
        conn.close()

    def _drain(self, conn: Client, _client: object) -> None:
        try:
            data = conn.sock.recv(2**16, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        conn.drained += len(data)
        if not data or conn.drained > _DRAINED_BYTES:
            self._let_go(conn)

    def _let_go(self, conn: Client) -> None:
        del self._lingering[conn]
        self.poller.unregister(conn.sock)
        conn.close()

    # In the threads

    def handle(self, conn: Any) -> Any:
        """Answer a request that has come."""
        try:
            if conn.has_waited and has_left(conn.sock):
                return False
            conn.hand_over()
            return super().handle(conn)
        finally:
            self._give_back(conn)

    def handle_request(self, req: Any, conn: Any) -> Any:
        """Answer a request whose head has been read; what it left unread of the body is read without a place."""
        req.body.reader = _BodyReader(req.body.reader)
        try:
            return super().handle_request(req, conn)
        finally:
            self._give_back(conn)

    @contextmanager
    def aside(self, conn: Client) -> Iterator[None]:
        """Let others go first while a client is waited for."""
        had_place = conn.has_place
        self._give_back(conn)
        try:
            yield
        finally:
            if had_place:
                self._admission.come_back()
                conn.has_place = True

    def _give_back(self, conn: Client) -> None:
        if not conn.has_place:
            return
        conn.has_place = False
        following = self._admission.leave()
        if following is not None:
            following.has_place = True
            self._begin(following)

    def _begin(self, conn: Client) -> None:
        try:
            super().enqueue_req(conn)
        except RuntimeError:  # it is the end: no thread is begun any more
            with suppress(OSError):
                conn.sock.sendall(_reply(_ENDING, refused(self.wsgi, _ENDING)))
            self._give_back(conn)

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: BaseException) -> None:
        """Answer what is no proper HTTP. Nothing of it is repeated, since it may be a part of what people sent."""
        log.warning("a connection sent no proper HTTP request: %s", type(exc).__name__)
        with suppress(OSError):
            client.sendall(_reply(_UNREADABLE, refused(self.wsgi, _UNREADABLE)))

    def handle_quit(self, sig: int, frame: FrameType | None) -> None:
        """End now, on SIGINT and SIGQUIT: Ctrl-C sends one after the other."""
        if not self.leaving:
            self.leaving = True
            sys.exit(0)


class _BodyReader:
    """What reads a body, for which chunks that are none are like a client that has left: an end before the end."""

    def __init__(self, reader: Any) -> None:
        self._reader = reader

    def read(self, size: int) -> bytes:
        """Up to so many bytes."""
        try:
            data: bytes = self._reader.read(size)
        except ParseException as error:
            raise NoMoreData from error
        return data


def _reply(error: QAError, request_id: str) -> bytes:
    body = json.dumps(problem_json(error)).encode() + b"\n"
    headers = {
        **HEADERS,
        **problem_headers(error),
        REQUEST_ID: request_id,
        "Content-Length": str(len(body)),
        "Connection": "close",
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {error.status} {HTTPStatus(error.status).phrase}\r\n{head}\r\n".encode() + body


_UNREADABLE = InvalidRequest(
    "this is no HTTP request that can be read: see that it is complete and well-formed"
)
_ENDING = ShuttingDown("the service is shutting down: try again when it is back")
_FULL = Overloaded("as many requests are worked on as this service can: try again in a moment")
