"""A folder and a collection kept alike: new, changed and removed files."""

import os
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Literal, Protocol

from index.errors import InvalidRequest, NotFound
from index.load import DEFAULT_LIMITS, SUFFIXES, Limits
from index.upload import Result, Upload


class Known(Protocol):
    """A document that the collection holds, as far as synchronising needs it."""

    @property
    def id(self) -> str:
        """The document's id."""

    @property
    def source(self) -> str:
        """What identifies it in the collection."""

    @property
    def origin(self) -> str:
        """The folder that it is synchronised from; empty for none."""


class Shelf(Protocol):
    """A collection to synchronise: in this process, or behind a running service."""

    def known(self) -> Sequence[Known]:
        """All documents of the collection."""
        ...

    def put(self, uploads: Iterable[Upload]) -> Iterator[Result]:
        """Index documents; a result for each."""
        ...

    def delete(self, document_id: str) -> None:
        """Remove a document; `NotFound` where it has gone."""
        ...


@dataclass(frozen=True, slots=True)
class Synced:
    """What became of one file; `error` says why where it failed. Links and files of other endings are skipped."""

    source: str
    outcome: Literal["indexed", "replaced", "unchanged", "failed", "removed", "skipped"]
    error: str | None = None


@dataclass(frozen=True, slots=True)
class _Place:
    """What a file's document is called, and the folder that it is synchronised from."""

    source: str
    origin: str


def files_under(root: Path) -> list[Path]:
    """The files to index: `root` itself, or those below it with a known ending, sorted, without hidden ones.

    Links are not followed: a link can lead out of the folder, or round in it.
    """
    return _walk(root)[0]


def sync(shelf: Shelf, root: Path, *, limits: Limits = DEFAULT_LIMITS) -> Iterator[Synced]:
    """Make the collection hold the files under `root`, and none that it once held from there and have gone.

    A document's source is the folder's name and the path below it. A file that the collection holds already,
    by way of a folder above or below, keeps its source. A folder of the same name that lies elsewhere and
    still exists is another folder: its documents are not touched, and ours get a numbered name; one that is
    no longer where it was has moved here. What can't be listed or read, or is larger than `limits` allow, is a
    failure, and its documents stay.

    Raises `FileNotFoundError` where `root` does not exist, `InvalidRequest` where it is no file or folder.
    """
    root = root.resolve(strict=True)
    if not (root.is_file() or root.is_dir()):
        raise InvalidRequest(f"{root} is neither a file nor a folder")
    known = shelf.known()
    held = _held(root, known)
    prefix = _prefix(root, known)
    paths, skipped, unlisted = _walk(root)
    files = {path: _place(path, root, prefix, held) for path in paths}
    failed: list[Synced] = []
    for _, group in groupby(files, key=lambda path: files[path].origin):
        for result in shelf.put(_uploads(group, files, failed, max_bytes=limits.max_bytes)):
            yield Synced(result.source, result.outcome, str(result.error) if result.error else None)
    yield from failed
    yield from (Synced(str(path), "skipped") for path in skipped)
    yield from (_failed(str(path), f"could not be listed: {error}") for path, error in unlisted.items())
    for path, document in held.items():
        if path in files or any(folder in path.parents for folder in unlisted):
            continue
        if document.origin == str(root) or _is_gone(path):
            try:
                shelf.delete(document.id)
            except NotFound:
                continue
            yield Synced(document.source, "removed")


def _walk(root: Path) -> tuple[list[Path], list[Path], dict[Path, str]]:
    """The files to index, those to leave alone, and the folders that can't be listed, with the reason."""
    if root.is_file():
        return [root], [], {}
    found: list[Path] = []
    skipped: list[Path] = []
    unlisted: dict[Path, str] = {}

    def note(error: OSError) -> None:
        unlisted[Path(error.filename)] = error.strerror or "unknown error"

    for folder, names, files in os.walk(root, onerror=note):
        names[:] = sorted(name for name in names if not name.startswith("."))
        for name in sorted(files):
            path = Path(folder, name)
            if name.startswith("."):
                continue
            is_ours = path.suffix.lower() in SUFFIXES and path.is_file() and not path.is_symlink()
            (found if is_ours else skipped).append(path)
    return found, skipped, unlisted


def _held(root: Path, known: Iterable[Known]) -> dict[Path, Known]:
    """The documents that come from files under `root`, as they are now called, by the file's path."""
    ours = [document for document in known if document.origin]
    new_here = all(document.origin != str(root) for document in ours)
    held: dict[Path, Known] = {}
    for document in ours:
        folder, _, below = document.source.partition("/")
        origin = Path(document.origin)
        moved = new_here and folder == root.name and _is_gone(origin)
        path = (root if moved else origin) / below
        if path == root or root in path.parents:
            held[path] = document
    return held


def _place(path: Path, root: Path, prefix: str, held: Mapping[Path, Known]) -> _Place:
    document = held.get(path)
    if document is None:
        return _Place(prefix if path == root else f"{prefix}/{path.relative_to(root).as_posix()}", str(root))
    return _Place(document.source, str(root) if _is_gone(Path(document.origin)) else document.origin)


def _prefix(root: Path, known: Iterable[Known]) -> str:
    """What the sources of `root` begin with: its name, numbered where another folder has it."""
    origins = {document.origin: document.source.partition("/")[0] for document in known if document.origin}
    if str(root) in origins:
        return origins[str(root)]
    taken = {prefix for origin, prefix in origins.items() if not _is_gone(Path(origin))}
    wanted = root.name or "root"
    name, number = wanted, 2
    while name in taken:
        name, number = f"{wanted}-{number}", number + 1
    return name


def _uploads(
    paths: Iterable[Path], files: Mapping[Path, _Place], failed: list[Synced], *, max_bytes: int
) -> Iterator[Upload]:
    for path in paths:
        place = files[path]
        if any(unicodedata.category(letter) == "Cc" for letter in place.source):
            failed.append(_failed(place.source, "its name has control characters: rename it"))
            continue
        try:
            size = path.stat().st_size
            if size > max_bytes:
                raise InvalidRequest(f"it has {size:,} bytes, over the limit of {max_bytes:,}: split it")
            upload = Upload(place.source, path.name, path.read_bytes(), origin=place.origin)
        except OSError as error:
            failed.append(_failed(place.source, f"{path} could not be read: {error.strerror}"))
        except InvalidRequest as error:
            failed.append(_failed(place.source, str(error)))
        else:
            yield upload


def _failed(source: str, error: str) -> Synced:
    """A failure with what can be printed of the file's name."""
    printable, reason = (each.encode(errors="backslashreplace").decode() for each in (source, error))
    return Synced(printable, "failed", reason)


def _is_gone(path: Path) -> bool:
    """Whether nothing is there; a path that can't be looked at is not gone."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False
