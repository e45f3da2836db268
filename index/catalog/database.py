"""The database under the catalog: opening, migrating, and short read and write transactions."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from index.errors import CatalogError, CatalogUnreachable, DiskFull, NewerSchema
from index.lease import FileLease, Lease, PostgresLease

HEAD = "0010"
_MIGRATIONS = Path(__file__).parent / "migrations"
_BUSY_SECONDS = 60
_WAL_BYTES = 64 * 1024 * 1024
_SCRUB_SECONDS = 2
_FULL_CODES = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE)
_FULL_STATE = "53100"  # PostgreSQL's disk_full
_BUSY_CODES = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_BUSY_RECOVERY)
_BUSY_STATE = "55P03"  # and its lock_not_available
_WRITER = 0x71615F77  # the number that PostgreSQL knows our one writer by
_LEADER = 0x71616C64  # and the one of the process that leads
_PATIENCE = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "tcp_user_timeout": 20_000,
}


def sqlite_url(path: Path) -> str:
    """The database URL of a SQLite file."""
    return sa.URL.create("sqlite", database=str(path)).render_as_string(hide_password=False)


class Database:
    """A migrated SQLite or PostgreSQL database.

    `read` gives one consistent snapshot; `write` commits when its block ends and rolls back when it raises,
    and there is one writer at a time: change numbers are committed in their order. On SQLite a commit has
    reached the disk when `write` returns (WAL, synchronous=FULL), and deleted content is overwritten.

    A lock is waited for for a minute, or as long as PostgreSQL's `lock_timeout` says where it is set for the user or in
    the URL. Raises `CatalogUnreachable` then, `NewerSchema` where a newer release has written the database, `DiskFull`
    where there is no room to write, and `CatalogError` where it can't be opened, read or written.
    """

    def __init__(self, url: str) -> None:
        self._engine = _engine(url)
        # Passwords can stand in the query, too.
        self._shown = self._engine.url.set(query={}).render_as_string(hide_password=True)
        sqlite = self._engine.dialect.name == "sqlite"
        self._reader = (
            self._engine if sqlite else self._engine.execution_options(isolation_level="REPEATABLE READ")
        )
        self._writer = self._engine.execution_options(writes=True)
        self._is_sqlite = sqlite
        self._unscrubbed = threading.Event()
        try:
            self._migrate()
            if sqlite:
                self._write_ahead()
        except CatalogError:
            self._engine.dispose()
            raise

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def lease(self) -> Lease:
        """The right to do what one process over this database may do at a time."""
        if self._is_sqlite:
            file = Path(self._engine.url.database or "catalog")
            return FileLease(file.with_name(f"{file.name}-lease"))
        return PostgresLease(self._engine, _LEADER)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A read transaction: one snapshot of the database."""
        with self._named_errors(), self._reader.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A write transaction, durable when the block has ended; one at a time, others wait."""
        with self._named_errors(), self._writer.connect() as connection, connection.begin():
            yield connection
        if self._unscrubbed.is_set():
            self._scrub(seconds=0)

    def scrub(self) -> bool:
        """Empty SQLite's log of writes, which still holds what was deleted; whether that is done.

        Whoever reads for longer than two seconds keeps it, as a backup does: then each write tries again, and the
        last one to close the database. A server has a log of its own, which is its operator's.
        """
        return not self._is_sqlite or self._scrub(seconds=_SCRUB_SECONDS)

    def _scrub(self, *, seconds: float) -> bool:
        self._unscrubbed.clear()  # first: a write that comes meanwhile may set it
        is_done = False
        try:
            # As where the disk is full: what was written is safe in the log, and was not undone by this.
            with suppress(sqlite3.Error, sa.exc.SQLAlchemyError):
                is_done = self._checkpoint(seconds)
        finally:
            if not is_done:
                self._unscrubbed.set()
        return is_done

    def _checkpoint(self, seconds: float) -> bool:
        """Move SQLite's log of writes into its file, and empty it; whether nobody kept it for so long."""
        with closing(self._engine.raw_connection()) as connection:
            try:
                cursor = connection.cursor()
                cursor.execute(f"PRAGMA busy_timeout={int(seconds * 1000)}")
                (busy, _, _) = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                cursor.execute(f"PRAGMA busy_timeout={_BUSY_SECONDS * 1000}")
            except BaseException:  # the next to have it would wait too short
                connection.invalidate()
                raise
        return not busy

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except (sa.exc.IntegrityError, sa.exc.ProgrammingError, sa.exc.DataError):
            raise  # a mistake of ours, not of the database
        except sa.exc.DatabaseError as error:
            if _is_full(error.orig):
                raise DiskFull(
                    f"the disk of the catalog {self._shown} is full, and nothing was written: free some of it and "
                    "try again; what was stored before is kept, and can be read"
                ) from error
            if _is_busy(error.orig):
                raise CatalogUnreachable(
                    f"a lock in the catalog {self._shown} was not to be had in time ({error.orig}), and nothing was "
                    "written: try again, and where that does not help, see which process holds it, and end that"
                ) from error
            if not self._is_sqlite and isinstance(error, sa.exc.OperationalError | sa.exc.InterfaceError):
                raise CatalogUnreachable(
                    f"the database {self._shown} does not answer: {error.orig}; start it, or see that it takes "
                    "connections from here"
                ) from error
            raise CatalogError(
                f"the catalog {self._shown} could not be used: {error.orig}; check its disk and its owner, "
                "restore it from a backup, or index into a new data directory"
            ) from error

    def _migrate(self) -> None:
        with self.read() as connection:
            found = _revision(connection)
        if found == HEAD:
            return
        # Alembic is only needed, and only imported, where there is something to migrate.
        from alembic import command
        from alembic.config import Config
        from alembic.script import ScriptDirectory

        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
        known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
        if found is not None and found not in known:
            raise NewerSchema(
                f"the catalog has schema {found!r}, this release knows up to {HEAD!r}: "
                "install the release that wrote it; nothing was changed"
            )
        with self.write() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    def _write_ahead(self) -> None:
        """Set the journal mode, which stays with the file: only now is it known that the file is ours."""
        connection = self._engine.raw_connection()
        try:
            connection.cursor().execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            raise CatalogError(
                f"the catalog {self._shown} could not be opened: {error}; check its folder"
            ) from error
        finally:
            connection.close()


def _is_full(error: BaseException | None) -> bool:
    """Whether it is for want of room that a driver failed."""
    code = getattr(error, "sqlite_errorcode", None)
    return code in _FULL_CODES or getattr(error, "sqlstate", None) == _FULL_STATE


def _is_busy(error: BaseException | None) -> bool:
    """Whether it is for want of a lock, after a wait, that a driver failed."""
    code = getattr(error, "sqlite_errorcode", None)
    return code in _BUSY_CODES or getattr(error, "sqlstate", None) == _BUSY_STATE


def _revision(connection: Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()


def _engine(url: str) -> Engine:
    try:
        parsed = sa.make_url(url)
        if parsed.get_backend_name() == "sqlite":
            return _sqlite(parsed)
        patience = _PATIENCE if parsed.get_driver_name() == "psycopg" else {}
        engine = sa.create_engine(
            parsed, pool_pre_ping=True, pool_size=16, max_overflow=256, connect_args=patience
        )
    except (sa.exc.ArgumentError, ImportError) as error:  # a URL of no known form, or without its driver
        raise CatalogError(
            f"QA_DATABASE_URL can't be used: {error}; leave it unset for SQLite, or install psycopg and "
            "write postgresql+psycopg://user:password@host/database"
        ) from error

    def configure(connection: Any, _record: object) -> None:
        if hasattr(connection, "adapters"):
            connection.adapters.register_dumper(str, _without_nul())
        # Not an option of the connection: poolers refuse those, and the URL's own would be lost.
        connection.cursor().execute(
            f"SELECT set_config('lock_timeout', '{_BUSY_SECONDS}s', false) "
            "WHERE current_setting('lock_timeout') = '0'"
        )
        connection.commit()

    def begin(connection: Connection) -> None:
        if _writes(connection):
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITER})")

    sa.event.listen(engine, "connect", configure)
    sa.event.listen(engine, "begin", begin)
    return engine


@cache
def _without_nul() -> type[Any]:
    """How psycopg is to send texts: PostgreSQL takes no NUL, which becomes U+FFFD, stored or searched for."""
    from psycopg.types.string import StrDumper

    class WithoutNul(StrDumper):
        def dump(self, obj: str) -> Any:
            return super().dump(obj.replace("\0", "\ufffd"))

    return WithoutNul


def _sqlite(url: sa.URL) -> Engine:
    engine = sa.create_engine(url, pool_size=16, max_overflow=256)

    def configure(connection: Any, _record: object) -> None:
        # The driver must not open transactions by itself: `begin` below does.
        connection.isolation_level = None
        for pragma in (
            f"busy_timeout={_BUSY_SECONDS * 1000}",
            "synchronous=FULL",
            "foreign_keys=ON",
            "secure_delete=ON",
            f"journal_size_limit={_WAL_BYTES}",
        ):
            connection.execute(f"PRAGMA {pragma}")

    def begin(connection: Connection) -> None:
        # IMMEDIATE takes the write lock at once: a transaction that reads first can't fail half-way as busy.
        connection.exec_driver_sql("BEGIN IMMEDIATE" if _writes(connection) else "BEGIN")

    sa.event.listen(engine, "connect", configure)
    sa.event.listen(engine, "begin", begin)
    return engine


def _writes(connection: Connection) -> bool:
    writes: bool = connection.get_execution_options().get("writes", False)
    return writes
