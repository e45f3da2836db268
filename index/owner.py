"""Who owns a data directory: one process at a time, by a lock that the operating system releases when it dies."""

import fcntl
import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from index.errors import CatalogError, DataDirectoryInUse

LOCK_NAME = "owner.lock"


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

    A child made by `fork` shares the lock. Raises `DataDirectoryInUse`, naming the owner, where it is taken.
    """

    def __init__(self, data_dir: Path, *, command: str) -> None:
        try:
            data_dir.mkdir(parents=True, exist_ok=True)
            self._file = os.open(data_dir / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise CatalogError(
                f"the data directory {data_dir} can't be written: {error.strerror}; set QA_DATA_DIR to another"
            ) from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._file)
            raise DataDirectoryInUse(_in_use(data_dir)) from None
        self._write(Owner(os.getpid(), command))

    def announce(self, *, url: str, command: str) -> Owner:
        """Record where the owner serves, with a fresh token, so that other commands go through it."""
        owner = Owner(os.getpid(), command, url, secrets.token_urlsafe(32))
        self._write(owner)
        return owner

    def release(self) -> None:
        """Give the directory up."""
        os.ftruncate(self._file, 0)
        os.close(self._file)

    def _write(self, owner: Owner) -> None:
        content = json.dumps(asdict(owner)).encode()
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, content, 0)


def find_owner(data_dir: Path) -> Owner | None:
    """The living owner of a data directory, or None where nobody holds it."""
    try:
        file = os.open(data_dir / LOCK_NAME, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read(file)
    finally:
        os.close(file)
    return None


def _read(file: int) -> Owner:
    try:
        return Owner(**json.loads(os.pread(file, 65536, 0)))
    except (ValueError, TypeError):  # the owner is about to write who it is
        return Owner(0, "another process")


def _in_use(data_dir: Path) -> str:
    owner = find_owner(data_dir) or Owner(0, "another process")
    where = f" at {owner.url}" if owner.url else ""
    return (
        f"the data directory {data_dir} is in use by {owner.command!r} (process {owner.pid}){where}: "
        "stop it first, or set QA_DATA_DIR to another directory"
    )
