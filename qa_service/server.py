"""`qa serve`: gunicorn with one worker, which holds the data directory, and a thread for each request."""

import json
import logging
import os
import signal
import socket
import sys
import threading
from contextlib import suppress
from time import monotonic
from types import FrameType
from typing import TYPE_CHECKING, Any

import click
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.workers.gthread import TConn, ThreadWorker

from index.errors import InvalidRequest
from index.owner import OwnerLock
from qa_service import logs
from qa_service.address import is_loopback, listen, own_url
from qa_service.errors import SettingsError
from qa_service.garbage import settle
from qa_service.replies import HEADERS, problem_headers, problem_json
from qa_service.settings import Settings
from qa_service.startup import Startup

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

    from qa_service.api import Access
    from qa_service.services import Services

_DRAIN_SECONDS = 25
"""How long running requests may go on after SIGTERM; streams that go on longer end with an error."""

_HEAD_SECONDS = 10
"""How long a client may take to send the head of a request, however it spreads it out."""

_CLOSE_SECONDS = 35
"""How long the worker has in all to end and to close what it holds, before it is killed."""

log = logging.getLogger(__name__)

_OPEN = "ready: open to everybody on this machine; `qa keys create NAME` makes a key and closes it"
_CLOSED = "ready: requests need a key"


def serve(settings: Settings, *, host: str, port: int) -> None:
    """Serve until the process is told to stop; port 0 stands for any free one.

    Raises `DataDirectoryInUse` where another process holds the data directory, and `SettingsError` where the
    address is taken, or can be reached from elsewhere and no key has been made.
    """
    lock = OwnerLock(settings.data_dir, command="qa serve")
    master = os.getpid()
    try:
        is_local = is_loopback(host)
        if not is_local:
            _require_key(settings, host)
        listener = listen(host, port)
        url = own_url(listener)
        owner = lock.announce(url=url, command="qa serve")
        click.echo(f"serving {url} from {settings.data_dir}")
        _Application(settings, listener.detach(), is_local=is_local, token=owner.token).run()
    finally:
        if os.getpid() == master:  # the worker leaves by this door too, and the lock is not its own
            lock.release()


def _require_key(settings: Settings, host: str) -> None:
    from qa_service.keys import opened_keys

    with opened_keys(settings) as keys:
        if not keys.exist():
            raise SettingsError(
                f"{host} can be reached from other machines, and there is no key to ask for: "
                "make one with `qa keys create NAME`, or serve on 127.0.0.1"
            )


class _Application(BaseApplication):
    """gunicorn, configured here and not by files or arguments."""

    def __init__(self, settings: Settings, listener: int, *, is_local: bool, token: str | None) -> None:
        self._settings = settings
        self._listener = listener
        self._is_local = is_local
        self._token = token
        self.startup: Startup | None = None
        super().__init__()

    def load_config(self) -> None:
        """One worker with threads, and nothing that reaches out, writes files or trusts a proxy's headers."""
        options: dict[str, Any] = {
            "bind": f"fd://{self._listener}",
            "workers": 1,  # the followers are in this one's memory
            "worker_class": _Worker,
            "threads": self._settings.threads,
            "graceful_timeout": _CLOSE_SECONDS,
            "timeout": 0,  # an answer may take long, and a thread that waits is no fault
            "keepalive": 5,
            "limit_request_line": 8190,
            "forwarded_allow_ips": "",
            "control_socket_disable": True,
            "loglevel": "warning",
            "worker_exit": _leave,
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """The WSGI application, made in the worker."""
        logs.configure()
        self.startup = Startup(self._open)
        return self.startup

    def _open(self) -> "_Opened":
        from qa_service.api import Access

        return _Opened(self._settings, Access(is_local=self._is_local, token=self._token))

    def run(self) -> None:
        """Serve."""
        _Master(self).run()


class _Master(Arbiter):
    """The process that holds the data directory, without what would make a second worker on it."""

    def handle_hup(self) -> None:
        """End as on SIGTERM: the terminal has gone."""
        self.handle_term()

    def handle_ttin(self) -> None:
        """Do nothing: there is one worker."""

    def handle_ttou(self) -> None:
        """Do nothing: there is one worker."""

    def handle_usr2(self) -> None:
        """Do nothing: there is one service on a data directory."""


class _Worker(ThreadWorker):
    """A worker that closes everything before it ends, and is not held up by threads that wait for a model."""

    app: _Application
    leaving = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._heads: dict[TConn, float] = {}

    def init_process(self) -> None:
        """Serve, in a process of its own."""
        self.cfg.set("graceful_timeout", _DRAIN_SECONDS)  # in this process: the master waits longer
        super().init_process()

    def init_signals(self) -> None:
        """Leave SIGHUP to the master, which says what is to be done."""
        super().init_signals()
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    def set_accept_enabled(self, enabled: bool | None) -> None:
        """When it is to end, close the door, so that who comes now is refused and does not wait in vain."""
        super().set_accept_enabled(enabled)
        if not self.alive:
            for listener in self.sockets:
                listener.close()

    def handle(self, conn: TConn) -> Any:
        """Read a request and answer it, in a thread; the clock for its head runs."""
        self._heads[conn] = monotonic() + _HEAD_SECONDS
        try:
            return super().handle(conn)
        finally:
            self._heads.pop(conn, None)

    def handle_request(self, req: Any, conn: TConn) -> Any:
        """Answer a request whose head has been read."""
        self._heads.pop(conn, None)
        return super().handle_request(req, conn)

    def notify(self) -> None:
        """Tell the master that this lives, and hang up on whoever is too slow: called every second."""
        super().notify()
        for conn, until in list(self._heads.items()):
            if monotonic() > until:
                with suppress(OSError):  # it has gone by itself
                    conn.sock.shutdown(socket.SHUT_RDWR)

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: BaseException) -> None:
        """Answer what is no proper HTTP. Nothing of it is repeated, since it may be a part of what people sent."""
        log.warning("a connection sent no proper HTTP request: %s", type(exc).__name__)
        error = InvalidRequest(
            "this is no HTTP request that can be read: see that it is complete and well-formed"
        )
        body = json.dumps(problem_json(error)).encode()
        headers = {
            **HEADERS,
            **problem_headers(error),
            "Content-Length": str(len(body)),
            "Connection": "close",
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        with suppress(OSError):
            client.sendall(f"HTTP/1.1 400 Bad Request\r\n{head}\r\n".encode() + body)

    def handle_quit(self, sig: int, frame: FrameType | None) -> None:
        """End now, on SIGINT and SIGQUIT: Ctrl-C sends one after the other."""
        if not self.leaving:
            self.leaving = True
            sys.exit(0)


def _leave(master: Arbiter, worker: _Worker) -> None:
    if os.getpid() == master.pid:  # gunicorn also calls this in the master, for a worker that was killed
        return
    worker.leaving = True
    if worker.app.startup:
        worker.app.startup.close()
    if worker.booted:
        logging.shutdown()
        sys.stdout.flush()
        os._exit(0)  # threads that still wait for a model end with the process


def _warm(services: "Services") -> None:
    """Load what calls the model, after which nothing large is loaded any more."""
    services.warm_model()
    settle()


class _Opened:
    """The application, with what it stands on."""

    def __init__(self, settings: Settings, access: "Access") -> None:
        from qa_service.api import Context, Streams, create_app
        from qa_service.services import Services
        from qa_service.worker import Worker

        self._services = Services(settings)
        try:
            self._services.warm_embedder()
        except BaseException:
            self._services.close()
            raise
        self._worker = Worker(self._services)
        self._streams = Streams(places=settings.threads, heartbeat_seconds=settings.heartbeat_seconds)
        self.wsgi: WSGIApplication = create_app(Context(self._services, self._worker, self._streams, access))
        threading.Thread(target=_warm, args=(self._services,), name="warm", daemon=True).start()
        is_open = access.is_local and not self._services.keys.exist()
        with suppress(OSError):  # nobody has to listen
            click.echo(_OPEN if is_open else _CLOSED)

    def close(self) -> None:
        """End the streams, leave what is not indexed for the next start, and close the services."""
        self._streams.end()
        self._worker.close()
        self._services.close()
