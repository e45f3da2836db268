"""`qa serve`: gunicorn, whose master holds the data directory; each of its workers has a thread for each request."""

import logging
import os
import sys
import threading
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.glogging import Logger

from index.owner import OwnerLock
from qa_service.address import bare, is_loopback, listen, own_url, require_known, spoken
from qa_service.errors import SettingsError
from qa_service.serving.garbage import settle
from qa_service.serving.gunicorn_worker import RequestWorker, connection_limit
from qa_service.serving.startup import Startup
from qa_service.serving.turn import Turn
from qa_service.settings import Settings
from qa_service.telemetry import logs
from qa_service.telemetry.exchange import Exchanges
from qa_service.telemetry.tracing import UNTRACED, Tracing, open_tracing

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

    from index.lease import Lease
    from qa_service.api import Access
    from qa_service.services import Services
    from qa_service.serving.crew import Crew
    from qa_service.telemetry.metrics import Metrics

_CLOSE_SECONDS = 35
"""How long the worker has in all to end and to close what it holds, before it is killed."""

log = logging.getLogger(__name__)

_OPEN = "ready: open to everybody on this machine; `qa keys create NAME` makes a key and closes it"
_CLOSED = "ready: requests need a key"


def serve(settings: Settings, *, host: str, port: int, workers: int = 1) -> None:
    """Serve until the process is told to stop; port 0 stands for any free one.

    One worker has Chroma inside; several share a server of it, and the port.

    Raises `DataDirectoryInUse` where another process holds the data directory, and `SettingsError` where the
    address is unknown or taken, or can be reached from elsewhere and no key has been made.
    """
    lock = OwnerLock(settings.data_dir, command="qa serve")
    master = os.getpid()
    crew = None
    greeting = Turn()
    try:
        host = bare(host)
        is_local = is_loopback(host)
        if not is_local:
            require_known(host)
            _require_key(settings, host)
        listener = listen(host, port)
        url = own_url(listener)
        owner = lock.announce(url=url, command="qa serve")
        logs.configure(settings)
        click.echo(f"serving {spoken(listener)} from {settings.data_dir}")
        if workers > 1:
            from qa_service.serving.crew import Crew

            crew = Crew(settings, workers)
        _Application(
            settings,
            listener.detach(),
            is_local=is_local,
            token=owner.token,
            crew=crew,
            greeting=greeting,
        ).run()
    finally:
        if os.getpid() == master:  # workers leave by this door too, and the lock is not their own
            if crew:
                crew.close()
            greeting.close()
            lock.release()


def _require_key(settings: Settings, host: str) -> None:
    from qa_service.access.keys import opened_keys

    with opened_keys(settings) as keys:
        if not keys.exist():
            raise SettingsError(
                f"{host} can be reached from other machines, and there is no key to ask for: "
                "make one with `qa keys create NAME`, or serve on 127.0.0.1"
            )


class _Application(BaseApplication):
    """gunicorn, configured here and not by files or arguments."""

    def __init__(
        self,
        settings: Settings,
        listener: int,
        *,
        is_local: bool,
        token: str | None,
        crew: "Crew | None",
        greeting: Turn,
    ) -> None:
        self._settings = crew.settings if crew else settings
        self._followers: Path | None = None
        self._slot: Lease | None = None  # which this worker holds until it ends
        self._listener = listener
        self._is_local = is_local
        self._token = token
        self.crew = crew
        self._greeting = greeting
        self.startup: Startup | None = None
        self.tracing = UNTRACED
        super().__init__()

    def load_config(self) -> None:
        """Workers with threads, and nothing that reaches out, writes files or trusts a proxy's headers."""
        options: dict[str, Any] = {
            "bind": f"fd://{self._listener}",
            "workers": self.crew.workers if self.crew else 1,
            "worker_class": RequestWorker,
            "threads": self._settings.threads,
            "worker_connections": connection_limit(),
            "graceful_timeout": _CLOSE_SECONDS,
            "timeout": 0,  # an answer may take long, and a thread that waits is no fault
            "keepalive": 5,
            "sendfile": False,  # it would wait for the client with a place
            "limit_request_line": 8190,
            "forwarded_allow_ips": "",
            "control_socket_disable": True,
            "logger_class": _Logger,
            "worker_exit": _leave,
            "child_exit": _forget,
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """The WSGI application, made in the worker."""
        from qa_service.telemetry.metrics import (
            Metrics,  # in the worker, where it is known how processes share them
        )

        metrics, self.tracing = Metrics(), open_tracing()
        if self.crew:
            self._followers, self._slot = self.crew.take_slot()
        self.startup = Startup(lambda: self._open(metrics))
        return Exchanges(self.startup, metrics, self.tracing)

    def _open(self, metrics: "Metrics") -> "_Opened":
        from qa_service.api import Access

        access = Access(is_local=self._is_local, token=self._token)
        return _Opened(
            self._settings,
            access,
            metrics,
            self.tracing,
            followers=self._followers,
            greeting=self._greeting,
        )

    def run(self) -> None:
        """Serve."""
        _Master(self, self.crew).run()


class _Logger(Logger):
    """gunicorn's own lines, through the log of the process."""

    def setup(self, cfg: Any) -> None:
        """Pass everything on."""
        self.cfg = cfg
        self.error_log.propagate = True

    def access(self, *_: object) -> None:
        """Write nothing: the application has a line for each request."""


class _Master(Arbiter):
    """The process that holds the data directory, without what would change the number of workers on it."""

    def __init__(self, app: _Application, crew: "Crew | None") -> None:
        super().__init__(app)
        self._crew = crew

    def murder_workers(self) -> None:
        """Look after what the workers share, as after themselves: called every second."""
        super().murder_workers()
        if self._crew:
            self._crew.ensure()

    def handle_hup(self) -> None:
        """End as on SIGTERM: the terminal has gone."""
        self.handle_term()

    def handle_ttin(self) -> None:
        """Do nothing: there are as many workers as were asked for."""

    def handle_ttou(self) -> None:
        """Do nothing: there are as many workers as were asked for."""

    def handle_usr2(self) -> None:
        """Do nothing: there is one service on a data directory."""


def _forget(master: "_Master", worker: RequestWorker) -> None:
    if isinstance(master.app, _Application) and master.app.crew:
        master.app.crew.forget(int(worker.pid))


def _leave(master: Arbiter, worker: RequestWorker) -> None:
    if os.getpid() == master.pid:  # gunicorn also calls this in the master, for a worker that was killed
        return
    worker.leaving = True
    if isinstance(worker.app, _Application) and worker.app.startup:
        worker.app.startup.close()
        worker.app.tracing.close()
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

    def __init__(
        self,
        settings: Settings,
        access: "Access",
        metrics: "Metrics",
        tracing: Tracing,
        *,
        followers: Path | None,
        greeting: Turn,
    ) -> None:
        from qa_service.api import Context, Streams, create_app
        from qa_service.services import Services
        from qa_service.serving.following import Following
        from qa_service.uploads.worker import Worker

        with ExitStack() as opened:
            services = Services(settings, metrics=metrics, tracing=tracing, followers_path=followers)
            opened.callback(services.close)
            services.warm_embedder()
            after_worker = opened.enter_context(ExitStack())  # for what takes over its last changes
            worker = Worker(services)
            opened.callback(worker.close)
            if services.followers.are_shared:
                following = Following(services, on_lead=worker.wake)
                after_worker.callback(following.close)
            streams = Streams(
                places=settings.threads, heartbeat_seconds=settings.heartbeat_seconds, count=metrics.streaming
            )
            opened.callback(streams.end)
            self.wsgi: WSGIApplication = create_app(Context(services, worker, streams, access))
            is_open = access.is_local and not services.keys.exist()
            self._opened = opened.pop_all()
        threading.Thread(target=_warm, args=(services,), name="warm", daemon=True).start()
        if greeting.take():
            with suppress(OSError):  # nobody has to listen
                click.echo(_OPEN if is_open else _CLOSED)

    def close(self) -> None:
        """End the streams, leave what is not indexed for the next start, and close the services."""
        self._opened.close()
