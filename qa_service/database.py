"""The catalog's database as the settings name it."""

from index.catalog import Database, sqlite_url
from qa_service.settings import Settings


def open_database(settings: Settings) -> Database:
    """The catalog's database, which several processes may open at a time; raises whatever `Database` raises."""
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Database(settings.database_url or sqlite_url(settings.data_dir / "catalog.sqlite3"))
