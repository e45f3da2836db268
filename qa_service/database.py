"""The catalog's database as the settings name it."""

from pathlib import Path

import sqlalchemy as sa

from index.catalog import Database, sqlite_url
from qa_service.settings import Settings


def database_url(settings: Settings) -> str:
    """The URL of the catalog's database."""
    return settings.database_url or sqlite_url(settings.data_dir / "catalog.sqlite3")


def open_database(settings: Settings) -> Database:
    """The catalog's database, which several processes may open at a time; raises whatever `Database` raises."""
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Database(database_url(settings))


def sqlite_path(settings: Settings) -> Path | None:
    """The file of the catalog's database, None where it is in no file but a server's."""
    try:
        url = sa.make_url(database_url(settings))
    except sa.exc.ArgumentError:  # opening it says what is wrong with it
        return None
    return Path(url.database).absolute() if url.get_backend_name() == "sqlite" and url.database else None
