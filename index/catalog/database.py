"""The database under the catalog: opening, migrating, and short read and write transactions."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from index.errors import CatalogError, NewerSchema

HEAD = "0001"
_MIGRATIONS = Path(__file__).parent / "migrations"


def sqlite_url(path: Path) -> str:
    """The database URL of a SQLite file."""
    return sa.URL.create("sqlite", database=str(path)).render_as_string(hide_password=False)


class Database:
    """A migrated SQLite or PostgreSQL database.

    `read` gives one consistent snapshot; `write` commits when its block ends and rolls back when it raises.
    On SQLite a commit has reached the disk when `write` returns (WAL, synchronous=FULL), and deleted content
    is overwritten.

    Raises `NewerSchema` where a newer release has written the database, `CatalogError` where it can't be
    opened.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._engine = _engine(url)
        try:
            self._migrate()
        except sa.exc.DatabaseError as error:
            self._engine.dispose()
            shown = self._engine.url.render_as_string(hide_password=True)
            raise CatalogError(
                f"the catalog {shown} could not be opened: {error.orig}; "
                "restore it from a backup, or index into a new data directory"
            ) from error

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A read transaction: one snapshot of the database."""
        with self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A write transaction, durable when the block has ended; on SQLite one at a time, others wait."""
        with self._engine.connect().execution_options(writes=True) as connection, connection.begin():
            yield connection

    def _migrate(self) -> None:
        with self._engine.connect() as connection:
            found = _revision(connection)
        if found == HEAD:
            return
        # Alembic is only needed, and only imported, where there is something to migrate.
        from alembic import command
        from alembic.config import Config
        from alembic.script import ScriptDirectory

        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS))
        known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
        if found is not None and found not in known:
            raise NewerSchema(
                f"the catalog has schema {found!r}, this release knows up to {HEAD!r}: "
                "install the release that wrote it; nothing was changed"
            )
        with self._engine.connect().execution_options(writes=True) as connection, connection.begin():
            config.attributes["connection"] = connection
            command.upgrade(config, "head")


def _revision(connection: Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()


def _engine(url: str) -> Engine:
    if not sa.make_url(url).drivername.startswith("sqlite"):
        return sa.create_engine(url, pool_pre_ping=True)
    engine = sa.create_engine(url, connect_args={"timeout": 60}, pool_size=16, max_overflow=256)

    def configure(connection: Any, _record: object) -> None:
        # The driver must not open transactions by itself: `begin` below does.
        connection.isolation_level = None
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "secure_delete=ON",
            "busy_timeout=60000",
            "mmap_size=268435456",
        ):
            connection.execute(f"PRAGMA {pragma}")

    def begin(connection: Connection) -> None:
        # IMMEDIATE takes the write lock at once: a transaction that reads first can't fail half-way as busy.
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    sa.event.listen(engine, "connect", configure)
    sa.event.listen(engine, "begin", begin)
    return engine
