"""`qa index --watch`: folders and a collection kept in step, until somebody ends it."""

import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn, TypeAlias

import click

from index.changes import Stirred, changes
from index.errors import QAError
from index.files import Seen
from index.sync import Synced, sync
from index.walk import Selection
from qa_service.clients.client import Client
from qa_service.clients.local import Local
from qa_service.commands.common import complain
from qa_service.commands.progress import Progress
from qa_service.errors import ServiceError
from qa_service.printable import printable

Service: TypeAlias = Local | Client

_PAUSE_SECONDS = 1.0
_MAX_PAUSE_SECONDS = 60.0
_MOST_LINES = 20
_CHANGED = ("indexed", "replaced", "moved", "removed", "excluded")


class Watching:
    """Keeps `paths` and a collection in step, pass by pass, and tells on the terminal what each has changed."""

    def __init__(
        self, paths: Sequence[Path], collection: str, *, selection: Selection, apart: Sequence[Path]
    ) -> None:
        self._paths = paths
        self._collection = collection
        self._selection = selection
        self._apart = apart
        self._seen = {path: Seen() for path in paths}
        self._told: set[str] = set()
        self._away: set[Path] = set()
        self._has_passed = False

    def run(
        self, connect: Callable[[], AbstractContextManager[Service]], *, serves: Callable[[], bool]
    ) -> NoReturn:
        """Go on until interrupted; SIGTERM ends it well.

        What is wrong at the first pass is raised. Later, as when the disk is full or the service is started anew, it
        is said and tried again after a pause that doubles from one second to a minute. What went through a service
        waits for one, which `serves` says: it does not take the data directory from it.
        """
        pause = _PAUSE_SECONDS
        through_service = False
        with _ended_by_sigterm():
            while True:
                try:
                    if through_service and not serves():
                        raise ServiceError("the service that this went through is not there: waiting for it")
                    with connect() as service:
                        through_service = isinstance(service, Client)
                        for stirred in changes(self._paths, apart=self._apart):
                            self._pass(service, stirred)
                            pause = _PAUSE_SECONDS
                except QAError as error:
                    if not self._has_passed:
                        raise
                    self._say_once(str(error))
                time.sleep(pause)
                pause = min(2 * pause, _MAX_PAUSE_SECONDS)

    def _pass(self, service: Service, stirred: Stirred) -> None:
        self._wait_for(stirred)
        done: list[Synced] = []
        with Progress(len(stirred.there), sys.stderr) as progress:
            shelf = service.shelf(self._collection, on_embedded=progress.embedded)
            for path in stirred.there:
                try:
                    for synced in sync(
                        shelf,
                        path,
                        selection=self._selection,
                        seen=self._seen[path],
                        on_planned=progress.planned,
                    ):
                        progress.ended(synced)
                        done.append(synced)
                except FileNotFoundError:  # it has gone meanwhile, which the next look will find
                    continue
        self._tell(progress, [each for each in done if each.outcome in _CHANGED])

    def _tell(self, progress: Progress, changed: Sequence[Synced]) -> None:
        if not self._has_passed or len(changed) > _MOST_LINES:
            click.echo(progress.summary())
        else:
            for each in changed:
                click.echo(f"{each.outcome} {printable(each.source)}")
        failures = set(progress.failures)
        for failure in progress.failures:
            if failure not in self._told:
                click.echo(failure, err=True)
        self._told = failures
        if not self._has_passed:
            click.echo("watching; Ctrl-C ends it", err=True)
        self._has_passed = True
        sys.stdout.flush()

    def _wait_for(self, stirred: Stirred) -> None:
        for path in stirred.away:
            if path not in self._away:
                complain(f"{path} is not there: waiting for it, and its documents stay")
        for path in self._away.difference(stirred.away):
            complain(f"{path} is there again")
        self._away = set(stirred.away)

    def _say_once(self, message: str) -> None:
        if message not in self._told:
            complain(f"{message} (trying again)")
        self._told.add(message)


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """While the block runs, SIGTERM interrupts it as Ctrl-C does, and is then a good end: exit code 0."""
    asked = False

    def end(_number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        asked = True
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    except KeyboardInterrupt:
        if not asked:
            raise
        sys.exit(0)
    finally:
        signal.signal(signal.SIGTERM, before)
