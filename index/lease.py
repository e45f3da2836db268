"""The right to do what only one of several processes over one catalog may do: who holds it, and who takes over."""

import fcntl
import os
from pathlib import Path
from threading import Lock
from typing import Protocol

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

_FLAGS = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW


class Lease(Protocol):
    """A right that one process has at a time. The system takes it back when that process ends, however it ends."""

    def held(self) -> bool:
        """Whether this process has it now: it is taken where nobody else has it. Does not wait."""
        ...

    def release(self) -> None:
        """Give it back, for another process to take."""
        ...


class FileLease:
    """A lease among the processes of one machine: the lock of a file. Not shared with a child that is forked later."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()
        self._file: int | None = None

    def held(self) -> bool:
        """Whether this process has it now."""
        with self._lock:
            if self._file is not None:
                return True
            file = os.open(self._path, _FLAGS, 0o600)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(file)
                return False
            self._file = file
            return True

    def release(self) -> None:
        """Give it back."""
        with self._lock:
            if self._file is not None:
                os.close(self._file)
                self._file = None


class PostgresLease:
    """A lease among all processes over one PostgreSQL: an advisory lock of a session that is kept open for it.

    It goes with the session, which is looked at each time: who was cut off from the database has it no more.
    """

    def __init__(self, engine: Engine, number: int) -> None:
        self._engine = engine
        self._number = number
        self._lock = Lock()
        self._session: Connection | None = None

    def held(self) -> bool:
        """Whether this process has it now; not where the database can't be reached."""
        with self._lock:
            if self._session is not None:
                try:
                    self._session.execute(sa.text("SELECT 1"))
                    self._session.commit()
                except sa.exc.DBAPIError:
                    # Taken again at once it would pass for one that was never lost.
                    self._drop()
                    return False
                return True
            return self._take()

    def release(self) -> None:
        """Give it back."""
        with self._lock:
            self._drop()

    def _take(self) -> bool:
        try:
            session = self._engine.connect()
        except sa.exc.DBAPIError:
            return False
        try:
            taken = session.execute(sa.text("SELECT pg_try_advisory_lock(:number)"), {"number": self._number})
            is_ours = bool(taken.scalar())
            session.commit()
        except sa.exc.DBAPIError:
            session.invalidate()
            session.close()
            return False
        if is_ours:
            self._session = session
        else:
            session.close()
        return is_ours

    def _drop(self) -> None:
        if self._session is not None:
            # The connection must end, not go back to its pool: the lock is the session's.
            self._session.invalidate()
            self._session.close()
            self._session = None
