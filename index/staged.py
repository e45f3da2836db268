"""Vectors of the embedding model that a collection moves to, in a file of their own until all are there.

The file's name says which collection and which model they are for. A chunk's place in the catalog leads to its vectors
by a key, a hash of the texts that they are made of: what is staged for a catalog that was restored since does not
pass for that of another text. It holds no text.
"""

import hashlib
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from index.catalog import Catalog, Collection, NewVectors
from index.errors import CatalogError, DiskFull

_NAME = "reindex-{uid}-{model}.sqlite3"
_BATCH = 500
_UNREADABLE = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)
_SCHEMA = """
PRAGMA secure_delete = ON;
PRAGMA synchronous = FULL;
CREATE TABLE IF NOT EXISTS places (
    version_id INTEGER, ordinal INTEGER, key BLOB NOT NULL, PRIMARY KEY (version_id, ordinal)
);
CREATE INDEX IF NOT EXISTS places_key ON places (key);
CREATE TABLE IF NOT EXISTS vectors (
    key BLOB PRIMARY KEY, vector BLOB, sentence_vectors BLOB, content_hash BLOB, checksum INTEGER
);
"""
_STAGED = """
SELECT version_id, ordinal, vector, sentence_vectors, content_hash
FROM places JOIN vectors USING (key) ORDER BY version_id, ordinal
"""


@dataclass(frozen=True, slots=True)
class Place:
    """A chunk of the catalog, and the key of its vectors."""

    version_id: int
    ordinal: int
    key: bytes


@dataclass(frozen=True, slots=True)
class Row:
    """The vectors under a key, as they are to be stored, and the hash that chunks of equal content have."""

    key: bytes
    vector: bytes
    sentence_vectors: bytes
    content_hash: bytes

    @property
    def checksum(self) -> int:
        """CRC-32 of all that it holds."""
        return zlib.crc32(b"".join((self.key, self.vector, self.sentence_vectors, self.content_hash)))


class Staged:
    """The staging file at `path`, made where there is none, or none that SQLite can read; for one thread.

    What was added is on the disk. Raises `DiskFull`, and `CatalogError` where the file can't be used.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with _named_errors(path):
            try:
                self._connection = _opened(path)
            except sqlite3.DatabaseError as error:
                if getattr(error, "sqlite_errorcode", None) not in _UNREADABLE:
                    raise
                _unlink(path)
                self._connection = _opened(path)

    def count(self) -> int:
        """How many places have their vectors."""
        with _named_errors(self._path):
            (count,) = self._connection.execute(
                "SELECT count(*) FROM places JOIN vectors USING (key)"
            ).fetchone()
        return int(count)

    def require_all(self) -> None:
        """Raise `CatalogError` where a place lacks its vectors."""
        with _named_errors(self._path):
            (places,) = self._connection.execute("SELECT count(*) FROM places").fetchone()
        if lost := places - self.count():
            raise CatalogError(f"{self._path} has lost {lost:,} vectors: call `qa reindex` again")

    def place(self, places: Sequence[Place]) -> set[bytes]:
        """Record where chunks are; gives those of their keys whose vectors are there, whole."""
        found: set[bytes] = set()
        with _named_errors(self._path), self._connection:
            self._connection.executemany(
                "INSERT OR REPLACE INTO places VALUES (?, ?, ?)",
                [(each.version_id, each.ordinal, each.key) for each in places],
            )
            keys = [*{each.key for each in places}]
            for at in range(0, len(keys), _BATCH):
                batch = keys[at : at + _BATCH]
                query = f"SELECT * FROM vectors WHERE key IN ({', '.join('?' * len(batch))})"  # noqa: S608
                for *values, checksum in self._connection.execute(query, batch):
                    row = Row(*values)
                    if row.checksum == checksum:
                        found.add(row.key)
        return found

    def add(self, rows: Iterable[Row]) -> None:
        """Keep vectors under their keys."""
        with _named_errors(self._path), self._connection:
            self._connection.executemany(
                "INSERT OR REPLACE INTO vectors VALUES (?, ?, ?, ?, ?)",
                [(row.key, row.vector, row.sentence_vectors, row.content_hash, row.checksum) for row in rows],
            )

    def keep(self, version_ids: Iterable[int]) -> None:
        """Forget the chunks of all other versions, and the vectors that none of those left has."""
        with _named_errors(self._path), self._connection:
            staged = {
                int(row[0]) for row in self._connection.execute("SELECT DISTINCT version_id FROM places")
            }
            self._connection.executemany(
                "DELETE FROM places WHERE version_id = ?",
                [(gone,) for gone in staged.difference(version_ids)],
            )
            self._connection.execute("DELETE FROM vectors WHERE key NOT IN (SELECT key FROM places)")

    def vectors(self) -> Iterator[NewVectors]:
        """The vectors of all places that have theirs."""
        with _named_errors(self._path):
            for row in self._connection.execute(_STAGED):
                yield NewVectors(*row)

    def close(self) -> None:
        """Close the file, to go on with it another time."""
        self._connection.close()

    def remove(self) -> None:
        """Close the file and remove it."""
        self.close()
        _unlink(self._path)


def staging_path(folder: Path, collection: Collection, embedding_model: str) -> Path:
    """The file for a collection's vectors of a model."""
    model = hashlib.sha256(embedding_model.encode()).hexdigest()[:12]
    return folder / _NAME.format(uid=collection.uid, model=model)


def staging_paths(folder: Path, collection: Collection | None = None) -> list[Path]:
    """The files for a collection, or for all that there are or were."""
    uid = collection.uid if collection else "*"
    return sorted(folder.glob(_NAME.format(uid=uid, model="*")))


def tidy(folder: Path, catalog: Catalog) -> list[Collection]:
    """Remove from the files in `folder` what the catalog has no more, and the files of collections that have gone.

    Gives the collections that are still moving.
    """
    if not staging_paths(folder):
        return []
    for path in left_over(folder, catalog):
        _unlink(path)
    moving = [each for each in catalog.collections() if staging_paths(folder, each)]
    for collection in moving:
        for path in staging_paths(folder, collection):
            staged = Staged(path)
            staged.keep(catalog.held_versions(collection))
            staged.close()
    return moving


def left_over(folder: Path, catalog: Catalog) -> list[Path]:
    """The files of collections that have gone, or have moved: a crash leaves them for `tidy`."""
    used = {path for collection in catalog.collections() for path in staging_paths(folder, collection)}
    return [path for path in staging_paths(folder) if path not in used]


def discard(folder: Path, collection: Collection) -> None:
    """Remove a collection's files."""
    for path in staging_paths(folder, collection):
        _unlink(path)


def _opened(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=60)
    try:
        connection.executescript(_SCHEMA)
    except BaseException:
        connection.close()
        raise
    return connection


def _unlink(path: Path) -> None:
    for each in (path, path.with_name(f"{path.name}-journal")):
        with suppress(FileNotFoundError):
            each.unlink()


@contextmanager
def _named_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
            raise DiskFull(
                f"the disk of {path} is full: free some of it and call `qa reindex` again, which goes on from here"
            ) from error
        raise CatalogError(
            f"{path} could not be used: {error}; remove it and call `qa reindex` again"
        ) from error
