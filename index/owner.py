"""Who owns a data directory: one process at a time, by a lock that the system releases when it dies."""

import fcntl
import json
import os
import secrets
import stat
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from index.errors import CatalogError, DataDirectoryInUse

LOCK_NAME = "owner.lock"
_BYTES = 16384
_ATTEMPTS = 10
_PAUSE_SECONDS = 0.02
_MAX_BYTES = 458
"""Of a data directory's path: SQLite opens nothing by a path of more than 504, and names of its files have up to 46."""
_FLAGS = os.O_CLOEXEC | os.O_NOFOLLOW


@dataclass(frozen=True, slots=True)
class Owner:
    """The process that holds a data directory, and how to reach it where it serves.

    `token` opens the owner's HTTP interface to whoever can read the lock file (its mode is 0600).
    """

    pid: int
    command: str
    url: str | None = None
    token: str | None = None


class OwnerLock:
    """Exclusive ownership of a data directory, from construction until `release` or the end of the process.

    A child made by `fork` shares the lock. A directory that is made here is open to its user only.
    Raises `DataDirectoryInUse`, naming the owner, where it is taken, and `CatalogError` where it can't be
    written, or its path is too long for SQLite.
    """

    def __init__(self, data_dir: Path, *, command: str) -> None:
        _require_short(data_dir)
        try:
            data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = os.open(data_dir / LOCK_NAME, os.O_RDWR | os.O_CREAT | _FLAGS, 0o600)
            try:
                _require_own(self._file, data_dir)
                os.fchmod(self._file, 0o600)
                self._acquire(data_dir)
                self._write(Owner(os.getpid(), command))
            except BaseException:
                os.close(self._file)
                raise
        except OSError as error:
            raise CatalogError(
                f"the data directory {data_dir} can't be written: {error.strerror}; "
                "set QA_DATA_DIR to another"
            ) from error

    def announce(self, *, url: str, command: str) -> Owner:
        """Record where the owner serves, with a fresh token, so that other commands go through it."""
        owner = Owner(os.getpid(), command, url, secrets.token_urlsafe(32))
        self._write(owner)
        return owner

    def release(self) -> None:
        """Give the directory up."""
        os.ftruncate(self._file, 0)
        os.close(self._file)

    def _acquire(self, data_dir: Path) -> None:
        for _ in range(_ATTEMPTS):
            try:
                return fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(_PAUSE_SECONDS)  # somebody may only be looking who the owner is
        raise in_use(data_dir, find_owner(data_dir) or Owner(0, "another process"))

    def _write(self, owner: Owner) -> None:
        # One write of one length, so that no reader finds a half of it.
        os.pwrite(self._file, json.dumps(asdict(owner)).encode().ljust(_BYTES), 0)


def find_owner(data_dir: Path) -> Owner | None:
    """The living owner of a data directory, or None where nobody holds it.

    Raises `CatalogError` where the directory can't be read.
    """
    try:
        file = os.open(data_dir / LOCK_NAME, os.O_RDONLY | _FLAGS)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CatalogError(
            f"the data directory {data_dir} can't be read: {error.strerror}; set QA_DATA_DIR to another"
        ) from error
    try:
        _require_own(file, data_dir)
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read(file)
    finally:
        os.close(file)
    return None


def _require_short(data_dir: Path) -> None:
    size = len(os.fsencode(os.path.realpath(data_dir)))
    if size > _MAX_BYTES:
        raise CatalogError(
            f"the path of the data directory has {size} bytes, and SQLite can't open files there if it has more than "
            f"{_MAX_BYTES}: set QA_DATA_DIR to a shorter one ({data_dir})"
        )


def _require_own(file: int, data_dir: Path) -> None:
    """Raise `CatalogError` where someone else could have laid the lock file, to be emptied or to send us elsewhere."""
    found = os.fstat(file)
    if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1 or found.st_uid != os.geteuid():
        raise CatalogError(
            f"{data_dir / LOCK_NAME} is not a file of this user's own: "
            "remove it, run as the user who owns the data directory, or set QA_DATA_DIR to another"
        )


def _read(file: int) -> Owner:
    try:
        return Owner(**json.loads(os.pread(file, _BYTES, 0)))
    except (ValueError, TypeError):  # the owner is about to write who it is
        return Owner(0, "another process")


def in_use(data_dir: Path, owner: Owner) -> DataDirectoryInUse:
    """The error that says who has a data directory."""
    where = f" at {owner.url}" if owner.url else ""
    return DataDirectoryInUse(
        f"the data directory {data_dir} is in use by {owner.command!r} (process {owner.pid}){where}: "
        "stop it first, or set QA_DATA_DIR to another directory"
    )
