"""`qa serve`: gunicorn with one worker, which holds the data directory, and a thread for each request."""

import ipaddress
import logging
from typing import Any

import click
from gunicorn.app.base import BaseApplication

from index.owner import OwnerLock
from qa_service.api import State, create_app
from qa_service.errors import SettingsError
from qa_service.keys import Keys
from qa_service.services import Services, open_database
from qa_service.settings import Settings

_DRAIN_SECONDS = 30


def serve(settings: Settings, *, host: str, port: int) -> None:
    """Serve until the process is told to stop.

    Raises `DataDirectoryInUse` where another process holds the data directory, and `SettingsError` where the
    address can be reached from elsewhere and no key has been made.
    """
    lock = OwnerLock(settings.data_dir, command="qa serve")
    is_local = _is_loopback(host)
    has_keys = _has_keys(settings)
    if not is_local and not has_keys:
        lock.release()
        raise SettingsError(
            f"{host} can be reached from other machines, and there is no key to ask for: "
            "make one with `qa keys create NAME`, or serve on 127.0.0.1"
        )
    shown = f"[{host}]" if ":" in host else host
    url = f"http://{shown}:{port}"
    owner = lock.announce(url=url, command="qa serve")
    click.echo(f"serving {url} from {settings.data_dir}")
    if not has_keys:
        click.echo("open to everybody on this machine; `qa keys create NAME` makes a key and closes it")
    _Application(settings, address=f"{shown}:{port}", token=owner.token, is_local=is_local).run()


class _Application(BaseApplication):
    """gunicorn, configured here and not by files or arguments."""

    def __init__(self, settings: Settings, *, address: str, token: str | None, is_local: bool) -> None:
        self._settings = settings
        self._address = address
        self._token = token
        self._is_local = is_local
        self._state: State | None = None
        super().__init__()

    def load_config(self) -> None:
        """One worker with threads, and nothing that reaches out or writes files."""
        options: dict[str, Any] = {
            "bind": self._address,
            "workers": 1,  # the followers are in this one's memory
            "worker_class": "gthread",
            "threads": self._settings.threads,
            "graceful_timeout": _DRAIN_SECONDS,
            "timeout": 0,  # an answer may take long, and a thread that waits is no fault
            "keepalive": 5,
            "control_socket_disable": True,
            "loglevel": "warning",
            "worker_exit": lambda _server, _worker: self._close(),
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """The WSGI application, made in the worker."""
        logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
        self._state = State(lambda: Services(self._settings), token=self._token, is_local=self._is_local)
        return create_app(self._state, self._settings)

    def _close(self) -> None:
        if self._state:
            self._state.close()


def _has_keys(settings: Settings) -> bool:
    database = open_database(settings)
    try:
        return Keys(database).exist()
    finally:
        database.close()


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
