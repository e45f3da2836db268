"""Backups: the whole catalog in one file that carries its own hash, and back.

A backup is a tar archive of `manifest.json`, `catalog.sqlite3` and, last, `sha256`: the hash of every byte that
stands before that member. What follows those bytes can only be one thing, so a byte that is flipped, cut off or
added anywhere shows. The followers are not in it: they are made from the catalog, without embedding.
"""

import hashlib
import io
import os
import shutil
import sqlite3
import tarfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import IO, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from index.catalog import Database, sqlite_url
from index.catalog.database import HEAD
from index.clock import now_ms
from index.durable import sync_folder
from index.errors import CatalogError, DiskFull, NewerSchema
from index.owner import OwnerLock, find_owner, in_use
from qa_service.database import sqlite_path
from qa_service.errors import BackupError
from qa_service.settings import Settings

_BLOCK = tarfile.BLOCKSIZE
_END = 2 * _BLOCK  # two blocks of zeros
_TAIL = 2 * _BLOCK + _END
_PIECE = 1024 * 1024
_MANIFEST, _DATABASE, _HASH = "manifest.json", "catalog.sqlite3", "sha256"
_LARGEST_MANIFEST = 64 * 1024
_BESIDE = ("-wal", "-shm")
_COUNTED = ("collections", "documents", "chunks", "conversations", "keys")


class Manifest(BaseModel):
    """What a backup holds; `created_at` is a Unix time in milliseconds, `counts` is the rows of each table."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    format: Literal[1] = 1
    version: str
    schema_revision: str
    created_at: int
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    bytes: int = Field(ge=0)
    counts: dict[str, int]


@dataclass(frozen=True, slots=True)
class Restored:
    """What was put in place; `aside` is the folder in which the catalog lies that was there before."""

    manifest: Manifest
    aside: Path | None


def back_up(settings: Settings, file: Path) -> Manifest:
    """Write a backup of the catalog to a new file; a service that uses it meanwhile is not disturbed.

    The file appears when it is whole and on the disk, open to its owner only; while it is written, twice the
    catalog's size is needed beside it. Raises `BackupError` where there is no catalog in SQLite, the file
    exists, or the catalog is damaged, and `DiskFull`.
    """
    source = _catalog_file(settings, "pg_dump")
    if not source.is_file():
        raise BackupError(f"there is no catalog at {source}: set QA_DATA_DIR to the data directory")
    file = file.absolute()
    if file.exists():
        raise BackupError(f"{file} exists already: name a file that does not")
    new, copy = file.with_name(f"{file.name}.new"), file.with_name(f"{file.name}.new.sqlite3")
    with _removed_on_failure(new), _removed(copy):
        _copy_database(source, copy)
        manifest = _describe(copy)
        with _created(new) as output:
            _write(output, manifest, copy)
        _verify(new)
        new.rename(file)
    sync_folder(file.parent)
    return manifest


def restore(settings: Settings, file: Path, *, force: bool = False) -> Restored:
    """Put the catalog of a backup into a data directory that has none, or, with `force`, in place of its own.

    All of the backup is verified before anything is changed, and the catalog that was there is moved aside,
    not removed. Raises `BackupError` where the file is no whole backup, or there is a catalog already,
    `NewerSchema` where a newer release has written it, and `DataDirectoryInUse` where a process has the
    directory.
    """
    target = _catalog_file(settings, "pg_restore")
    if owner := find_owner(settings.data_dir):
        raise in_use(settings.data_dir, owner)
    manifest = _verify(file)
    lock = OwnerLock(settings.data_dir, command=f"qa restore {file}")
    try:
        if target.exists() and not force:
            raise BackupError(
                f"{target} exists already: set QA_DATA_DIR to an empty folder, or say --force to have it moved aside"
            )
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = target.with_name(f"{target.name}.restored")
        with _removed(new):
            _extract(file, manifest, new)
            # The followers may be ahead of the restored catalog, or of another history with the same numbers.
            (settings.data_dir / "indexing.json").unlink(missing_ok=True)
            if (settings.data_dir / "followers").exists():
                shutil.rmtree(settings.data_dir / "followers")
            aside = _move_aside(target) if target.exists() else None
            new.replace(target)
        sync_folder(target.parent)
    finally:
        lock.release()
    return Restored(manifest, aside)


def _catalog_file(settings: Settings, instead: str) -> Path:
    path = sqlite_path(settings)
    if path is None:
        raise BackupError(
            f"QA_DATABASE_URL names a database server, and only SQLite is backed up and restored here: use {instead}"
        )
    return path


# Writing


def _copy_database(source: Path, copy: Path) -> None:
    """One snapshot of the database, while others read and write it."""
    _new_file(copy).close()
    try:
        with closing(sqlite3.connect(f"{source.as_uri()}?mode=rw", uri=True, timeout=60)) as connection:
            connection.execute("VACUUM INTO ?", (str(copy),))
    except sqlite3.Error as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_FULL:
            raise DiskFull(
                f"the disk of {copy.parent} is full: no backup was made; free some of it"
            ) from error
        raise BackupError(
            f"the catalog {source} can't be read ({error}), and no backup was made: see `qa doctor`"
        ) from error


def _describe(copy: Path) -> Manifest:
    """The manifest of a copy; `BackupError` where it is damaged."""
    with closing(sqlite3.connect(copy)) as connection:
        _check(connection, BackupError("the catalog is damaged, and no backup was made: see `qa doctor`"))
        held = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if "alembic_version" not in held:
            raise BackupError("the catalog is empty, and no backup was made")
        (revision,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        counts = {
            name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0]  # noqa: S608 - names of our own
            for name in _COUNTED
            if name in held
        }
    with copy.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    return Manifest(
        version=version("qa-service"),
        schema_revision=revision,
        created_at=now_ms(),
        sha256=digest,
        bytes=copy.stat().st_size,
        counts=counts,
    )


def _write(output: IO[bytes], manifest: Manifest, database: Path) -> None:
    hashing = _Hashing(output)
    described = manifest.model_dump_json(indent=1).encode()
    hashing.write(_header(_MANIFEST, len(described), manifest.created_at) + _padded(described))
    hashing.write(_header(_DATABASE, manifest.bytes, manifest.created_at))
    with database.open("rb") as content:
        shutil.copyfileobj(content, hashing, _PIECE)
    hashing.write(b"\0" * (-manifest.bytes % _BLOCK))
    output.write(_tail(hashing.hexdigest()))


class _Hashing:
    """A file to write to whose bytes are hashed on the way."""

    def __init__(self, output: IO[bytes]) -> None:
        self._output = output
        self._sha256 = hashlib.sha256()

    def write(self, data: bytes) -> int:
        self._sha256.update(data)
        return self._output.write(data)

    def hexdigest(self) -> str:
        return self._sha256.hexdigest()


def _header(name: str, size: int, milliseconds: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = size, 0o600, milliseconds // 1000
    return info.tobuf(tarfile.GNU_FORMAT)


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % _BLOCK)


def _tail(digest: str) -> bytes:
    """The last member and the end of the archive, as they must be after bytes of that hash."""
    line = f"{digest}\n".encode()
    return _header(_HASH, len(line), 0) + _padded(line) + b"\0" * _END


# Reading


def _verify(file: Path) -> Manifest:
    """The manifest of a backup; `BackupError` unless every byte of the file is as it was written."""
    with file.open("rb") as content:
        size = file.stat().st_size
        if size < _TAIL + 2 * _BLOCK or size % _BLOCK:
            raise _damaged(file, f"{size} bytes are not what a backup has")
        digest, left = hashlib.sha256(), size - _TAIL
        while left:
            piece = content.read(min(_PIECE, left))
            if not piece:
                raise _damaged(file, "it ends too early")
            digest.update(piece)
            left -= len(piece)
        if content.read() != _tail(digest.hexdigest()):
            raise _damaged(file, "its hash is not that of its content")
        content.seek(0)
        return _manifest(file, content)


def _manifest(file: Path, content: IO[bytes]) -> Manifest:
    try:
        with tarfile.open(fileobj=content, mode="r:") as archive:
            member = archive.next()
            found = archive.extractfile(member) if member and member.name == _MANIFEST else None
            if found is None:
                raise _damaged(file, f"it begins with no {_MANIFEST}")
            return Manifest.model_validate_json(found.read(_LARGEST_MANIFEST))
    except (tarfile.TarError, ValidationError) as error:
        raise BackupError(
            f"{file} is no backup that this release can read ({type(error).__name__}): nothing was changed"
        ) from error


def _extract(file: Path, manifest: Manifest, new: Path) -> None:
    """Write the database of a backup to a new file, and see that it opens; nothing of it is trusted."""
    digest = hashlib.sha256()
    with tarfile.open(file, mode="r:") as archive, _created(new) as output:
        member = next((each for each in archive if each.name == _DATABASE), None)
        content = archive.extractfile(member) if member else None
        if content is None:
            raise _damaged(file, f"it has no {_DATABASE}")
        while piece := content.read(_PIECE):
            digest.update(piece)
            output.write(piece)
    if (digest.hexdigest(), new.stat().st_size) != (manifest.sha256, manifest.bytes):
        raise _damaged(file, "the database is not the one in the manifest")
    with closing(sqlite3.connect(new)) as connection:
        _check(connection, _damaged(file, "SQLite finds the database damaged"))
    if manifest.schema_revision > HEAD:
        raise NewerSchema(
            f"{file} has schema {manifest.schema_revision!r}, this release knows up to {HEAD!r}: install release "
            f"{manifest.version} or a newer one; nothing was changed"
        )
    Database(sqlite_url(new)).close()
    if any(new.with_name(new.name + ending).exists() for ending in _BESIDE):
        raise CatalogError(f"the database {new} could not be closed: try again")


def _damaged(file: Path, why: str) -> BackupError:
    return BackupError(f"{file} is no whole backup ({why}): nothing was changed; take another")


# Files


def _check(connection: sqlite3.Connection, damage: BackupError) -> None:
    try:
        found = connection.execute("PRAGMA integrity_check(1)").fetchone()
    except sqlite3.DatabaseError as error:
        raise damage from error
    if found != ("ok",):
        raise damage


def _move_aside(target: Path) -> Path:
    """Keep a catalog, with what belongs to it, in a folder of its own beside it, for another to replace it."""
    with suppress(sqlite3.Error), closing(sqlite3.connect(target)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # a damaged one is kept as it is
    aside = target.with_name(f"{target.name}.before-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}")
    aside.mkdir(mode=0o700)
    for ending in _BESIDE:
        held = target.with_name(target.name + ending)
        if held.exists():
            held.rename(aside / held.name)
    try:
        os.link(target, aside / target.name)  # so that there is a catalog at every moment
    except OSError:  # a file system without links
        target.rename(aside / target.name)
    sync_folder(aside)
    return aside


@contextmanager
def _created(path: Path) -> Iterator[IO[bytes]]:
    """A new file to write to, on the disk when the block has ended."""
    with _new_file(path) as output:
        yield output
        output.flush()
        os.fsync(output.fileno())


def _new_file(path: Path) -> io.BufferedWriter:
    path.unlink(missing_ok=True)  # left by a run that was killed
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    return open(os.open(path, flags, 0o600), "wb")  # noqa: PTH123 - a descriptor, with the mode it was made with


@contextmanager
def _removed(path: Path) -> Iterator[None]:
    """While the block runs there may be a file, with what SQLite keeps beside it; afterwards there is none."""
    try:
        yield
    finally:
        for ending in ("", *_BESIDE, "-journal"):
            path.with_name(path.name + ending).unlink(missing_ok=True)


@contextmanager
def _removed_on_failure(path: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:
        path.unlink(missing_ok=True)
        raise
