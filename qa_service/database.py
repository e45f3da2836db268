"""The catalog's database, and the server of its vectors, as the settings name them."""

from pathlib import Path

import sqlalchemy as sa

from index.catalog import Database, sqlite_url
from index.chroma_session import ChromaAddress
from index.errors import CatalogMissing
from index.lease import Lease
from qa_service.settings import Settings, header_fields


def database_url(settings: Settings) -> str:
    """The URL of the catalog's database."""
    return settings.database_url or sqlite_url(settings.data_dir / "catalog.sqlite3")


def open_database(settings: Settings) -> Database:
    """The catalog's database, which several processes may open at a time; raises whatever `Database` raises.

    Raises `CatalogMissing` where there is none, and what searches one is there: an empty one would pass for it.
    """
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    file, followers = sqlite_path(settings), settings.data_dir / "followers"
    if file is not None and _is_nothing(file) and any(followers.glob("*/*")):
        raise CatalogMissing(
            f"there is no catalog at {file}, and {followers} was made from one: put the file back, restore a backup "
            f"(`qa restore FILE`), or remove {followers} to begin with an empty catalog"
        )
    return Database(database_url(settings))


def chroma_server(settings: Settings) -> ChromaAddress | None:
    """The Chroma server that holds the vectors, None where Chroma is in the data directory."""
    if settings.chroma_url is None:
        return None
    return ChromaAddress(
        settings.chroma_url, header_fields(settings.chroma_headers) if settings.chroma_headers else {}
    )


def lease_of(settings: Settings, database: Database) -> Lease | None:
    """What tells which of several processes leads; None where this one is alone with all that it uses.

    A catalog in PostgreSQL and a Chroma server may be used by other processes, too.
    """
    is_alone = settings.chroma_url is None and sqlite_path(settings) is not None
    return None if is_alone else database.lease()


def _is_nothing(file: Path) -> bool:
    """Whether a file is missing, or is empty and has no log of writes beside it."""
    if file.is_file() and file.stat().st_size:
        return False
    log = file.with_name(f"{file.name}-wal")
    return not file.exists() or (file.is_file() and not (log.is_file() and log.stat().st_size))


def sqlite_path(settings: Settings) -> Path | None:
    """The file of the catalog's database, None where it is in no file but a server's."""
    try:
        url = sa.make_url(database_url(settings))
    except sa.exc.ArgumentError:  # opening it says what is wrong with it
        return None
    return Path(url.database).absolute() if url.get_backend_name() == "sqlite" and url.database else None
