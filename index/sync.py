"""A folder and a collection kept alike: new, changed and removed files."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from index.ingest import Result, Upload
from index.load import SUFFIXES


class Known(Protocol):
    """A document that the collection holds, as far as synchronising needs it."""

    @property
    def id(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def origin(self) -> str: ...


class Shelf(Protocol):
    """A collection to synchronise: in this process, or behind a running service."""

    def known(self) -> Sequence[Known]:
        """All documents of the collection."""
        ...

    def put(self, uploads: Iterable[Upload]) -> Iterator[Result]:
        """Index documents; a result for each."""
        ...

    def delete(self, document_id: str) -> None:
        """Remove a document."""
        ...


@dataclass(frozen=True, slots=True)
class Synced:
    """What became of one file; `error` says why where it failed."""

    source: str
    outcome: Literal["indexed", "replaced", "unchanged", "failed", "removed"]
    error: str | None = None


def files_under(root: Path) -> list[Path]:
    """The files to index: `root` itself, or those below it with a known ending, sorted, without hidden ones.

    Links are not followed: a link can lead out of the folder, or round in it.
    """
    if root.is_file():
        return [root]
    found = []
    for folder, names, files in os.walk(root):
        names[:] = sorted(name for name in names if not name.startswith("."))
        for name in sorted(files):
            path = Path(folder, name)
            if not name.startswith(".") and path.suffix.lower() in SUFFIXES and not path.is_symlink():
                found.append(path)
    return found


def sync(shelf: Shelf, root: Path) -> Iterator[Synced]:
    """Make the collection hold the files under `root`, and no others that it once held from there.

    A document's source is the folder's name and the path below it. A folder of the same name that lies elsewhere
    and still exists is another folder: its documents are not touched, and ours get a numbered name.
    Raises `FileNotFoundError` where `root` does not exist.
    """
    root = root.resolve(strict=True)
    origin = str(root)
    known = shelf.known()
    prefix = _prefix(root, known)
    files = {_source(prefix, root, path): path for path in files_under(root)}
    failed: list[Synced] = []
    yield from (
        Synced(result.source, result.outcome, str(result.error) if result.error else None)
        for result in shelf.put(_uploads(files, origin, failed))
    )
    yield from failed
    for document in known:
        if document.origin == origin and document.source not in files:
            shelf.delete(document.id)
            yield Synced(document.source, "removed")


def _uploads(files: dict[str, Path], origin: str, failed: list[Synced]) -> Iterator[Upload]:
    for source, path in files.items():
        try:
            data = path.read_bytes()
        except OSError as error:
            failed.append(Synced(source, "failed", f"{path} could not be read: {error.strerror}"))
            continue
        yield Upload(source=source, name=path.name, data=data, origin=origin)


def _prefix(root: Path, known: Iterable[Known]) -> str:
    taken = {
        document.source.partition("/")[0]
        for document in known
        if document.origin not in ("", str(root)) and Path(document.origin).exists()
    }
    name, number = root.name or "root", 2
    while name in taken:
        name, number = f"{root.name}-{number}", number + 1
    return name


def _source(prefix: str, root: Path, path: Path) -> str:
    return prefix if path == root else f"{prefix}/{path.relative_to(root).as_posix()}"
