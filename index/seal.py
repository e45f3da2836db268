"""A folder's seal: what its files were when it was closed, so that the next opening knows what to trust.

A process that is killed, a disk that fills up, a file that is lost, cut off or put back from a backup: all
leave the folder without a seal, or with one that does not fit.
"""

import json
import os
from pathlib import Path

from index.durable import sync_folder
from index.errors import FollowerError

_NAME = "closed.json"


def seal(folder: Path) -> None:
    """Record the files under `folder`; nothing may write there from now on until `unseal`."""
    (folder / _NAME).write_text(json.dumps(_files(folder)))


def unseal(folder: Path) -> bool:
    """Whether the files under `folder` are as they were sealed, or there are none; the seal is broken.

    Raises `FollowerError` where this process may not use one of them, or the seal can't be read or removed.
    """
    require_access(folder)
    files = _files(folder)
    try:
        try:
            intact: bool = json.loads((folder / _NAME).read_text()) == files
        except (FileNotFoundError, NotADirectoryError):
            return not files
        except ValueError:
            intact = False
        (folder / _NAME).unlink()
        sync_folder(folder)  # or a power failure would bring the seal back
    except OSError as error:
        raise FollowerError(
            f"{folder / _NAME} can't be read or removed ({error.strerror}): check its disk, or remove {folder}, "
            "which is made again from the catalog"
        ) from error
    return intact


def require_access(folder: Path) -> None:
    """Raise `FollowerError` where this process may not read and write `folder` or something under it."""
    for path in (folder, *sorted(folder.rglob("*"))):
        wanted = os.R_OK | os.W_OK | (os.X_OK if os.path.isdir(path) else 0)  # noqa: PTH112 - Path.is_dir raises
        if os.path.lexists(path) and not os.access(path, wanted, effective_ids=True):
            raise FollowerError(
                f"{path} may not be read and written by this process: give {folder} and all that is in it to the "
                "user that the service runs as (chown -R)"
            )


def _files(folder: Path) -> dict[str, list[int]]:
    """Size in bytes and time of the last change in nanoseconds of every file, by its path in the folder."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path != folder / _NAME:
            state = path.stat()
            found[path.relative_to(folder).as_posix()] = [state.st_size, state.st_mtime_ns]
    return found
