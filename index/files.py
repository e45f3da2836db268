"""Files as they are read from folders that others write to: no link is followed, and nothing is waited for."""

import hashlib
import io
import os
import stat
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from index.errors import InvalidRequest

_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
# Passing through takes no right to list: `O_PATH`, where there is such a thing.
_PASSED = os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW | getattr(os, "O_PATH", os.O_RDONLY)
_SETTLED_NS = 2_000_000_000


@dataclass(frozen=True, slots=True)
class Look:
    """What tells from outside whether a file's content may have changed."""

    size: int
    changed_ns: int
    modified_ns: int
    inode: int


@dataclass(frozen=True, slots=True)
class Digest:
    """A file's size in bytes and its SHA-256."""

    size: int
    sha256: str


class Seen:
    """What earlier passes over a folder found out: files that look the same are not read again.

    A file that was written less than two seconds before it was read may be written once more within the same
    tick of the file system's clock, so it is not remembered.
    """

    def __init__(self) -> None:
        self._digests: dict[Path, tuple[Look, Digest]] = {}
        self._failures: dict[Path, tuple[str, str]] = {}

    def digest(self, path: Path, *, max_bytes: int) -> Digest:
        """The digest of a file. Raises `OSError`, and `InvalidRequest` where it is larger than it may be."""
        with _opened(path, max_bytes=max_bytes) as file:
            look = _look(file)
            known = self._digests.get(path)
            if known and known[0] == look:
                return known[1]
            found = Digest(look.size, hashlib.file_digest(file, "sha256").hexdigest())
            if _look(file) == look and time.time_ns() - look.changed_ns > _SETTLED_NS:
                self._digests[path] = look, found
            return found

    def failure(self, path: Path, sha256: str) -> str | None:
        """Why these bytes could not be indexed; None where that is not known of them."""
        known, error = self._failures.get(path, ("", ""))
        return error if known == sha256 else None

    def failed(self, path: Path, sha256: str, error: str) -> None:
        """Remember that these bytes can't be indexed."""
        self._failures[path] = sha256, error

    def keep(self, paths: Iterable[Path]) -> None:
        """Forget all other files."""
        kept = set(paths)
        self._digests = {path: value for path, value in self._digests.items() if path in kept}
        self._failures = {path: value for path, value in self._failures.items() if path in kept}


def read(path: Path, *, max_bytes: int) -> bytes:
    """The bytes of a file, by a path without links.

    Raises `OSError`, and `InvalidRequest` where there are more than there may be.
    """
    with _opened(path, max_bytes=max_bytes) as file:
        data = file.read(max_bytes + 1)
        if len(data) > max_bytes:
            raise _too_large(len(data), max_bytes)
        return data


def _opened(path: Path, *, max_bytes: int) -> io.BufferedReader:
    file = os.fdopen(_descriptor(path), "rb")
    found = os.fstat(file.fileno())
    if not stat.S_ISREG(found.st_mode):
        file.close()
        raise InvalidRequest(f"{path} is no file")
    if found.st_size > max_bytes:
        file.close()
        raise _too_large(found.st_size, max_bytes)
    return file


def _descriptor(path: Path) -> int:
    """A file opened folder by folder: one that has become a link since it was listed leads nowhere."""
    path = path.absolute()
    folder = os.open(path.anchor, _PASSED)
    try:
        for name in path.parts[1:-1]:
            below = os.open(name, _PASSED, dir_fd=folder)
            os.close(folder)
            folder = below
        return os.open(path.name, _FLAGS, dir_fd=folder)
    finally:
        os.close(folder)


def _too_large(size: int, max_bytes: int) -> InvalidRequest:
    return InvalidRequest(f"it has {size:,} bytes, over the limit of {max_bytes:,}: split it")


def _look(file: io.BufferedReader) -> Look:
    found = os.fstat(file.fileno())
    return Look(found.st_size, found.st_ctime_ns, found.st_mtime_ns, found.st_ino)
