"""When something below a folder has changed, as the file system tells it. The one module that imports watchfiles."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from watchfiles import Change, watch
from watchfiles._rust_notify import WatchfilesRustInternalError

from index.walk import IGNORE_NAME

_QUIET_MS = 300
"""How long nothing may happen before it is looked: an editor's way of saving has several steps."""

_MOST_MS = 5000
"""How long that is waited for at most."""

_LOOK_MS = 500
_ANYWAY_SECONDS = 300.0
"""How often it is looked where nothing was told: network file systems tell little."""


_BLIND_SECONDS = 2.0
"""How often it is looked while what happens can't be told, as where a name is no UTF-8."""


@dataclass(frozen=True, slots=True)
class Stirred:
    """It is time to look at `there`; `away` are the paths at which nothing is for now."""

    there: tuple[Path, ...]
    away: tuple[Path, ...]


_Identity = tuple[int, int] | None


def changes(paths: Sequence[Path], *, apart: Sequence[Path] = ()) -> Iterator[Stirred]:
    """Say at once, and each time that something has changed and come to rest, that it is to be looked.

    A path at which nothing is, or an empty folder that is another one than before, as an unmounted disk leaves
    it, is away: it is waited for. What changes while somebody looks is said afterwards; changes of hidden files and of
    what lies in the folders `apart` are not. Never ends by itself.
    """
    known: dict[Path, _Identity] = {}
    aside = tuple(f"{path.resolve()}/" for path in apart)
    while True:
        found = {path: _identity(path, known.get(path)) for path in paths}
        there = tuple(path for path in paths if found[path])
        known |= {path: found[path] for path in there}
        stirred = Stirred(there, tuple(path for path in paths if not found[path]))
        if not there:
            yield stirred
            while found == {path: _identity(path, known.get(path)) for path in paths}:
                time.sleep(_LOOK_MS / 1000)
            continue
        roots = [path.resolve() for path in there]

        def matters(_change: Change, name: str, roots: Sequence[Path] = roots) -> bool:
            return not name.startswith(aside) and any(_is_seen(Path(name), root) for root in roots)

        looked = float("-inf")
        try:
            for changed in watch(
                *roots,
                watch_filter=matters,
                step=_QUIET_MS,
                debounce=_MOST_MS,
                rust_timeout=_LOOK_MS,
                yield_on_timeout=True,
                ignore_permission_denied=True,
            ):
                if found != {path: _identity(path, known.get(path)) for path in paths}:
                    break
                if changed or time.monotonic() - looked > _ANYWAY_SECONDS:
                    yield stirred
                    looked = time.monotonic()
        except FileNotFoundError:  # it went between two looks
            time.sleep(_LOOK_MS / 1000)
        except WatchfilesRustInternalError:
            time.sleep(_BLIND_SECONDS)
            yield stirred


def _identity(path: Path, before: _Identity) -> _Identity:
    """What tells a file or folder from another of that name; None where nothing is, or what stands for nothing."""
    try:
        found = path.stat()
        identity = found.st_dev, found.st_ino
        if before and before != identity and path.is_dir() and not any(path.iterdir()):
            return None
    except OSError:
        return None
    return identity


def _is_seen(path: Path, root: Path) -> bool:
    """Whether a path lies at or below a root, and is not hidden there."""
    if not path.is_relative_to(root):
        return False
    parts = path.relative_to(root).parts
    hidden = [each for each in parts if each.startswith(".")]
    return not hidden or (hidden == [IGNORE_NAME] and parts[-1] == IGNORE_NAME)
