"""A folder and a collection kept alike: new, changed, moved and removed files."""

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Literal, Protocol

from index.errors import InvalidRequest, LoadError, NotFound
from index.files import Digest, Seen, read
from index.load import DEFAULT_LIMITS, Limits
from index.upload import TITLE_CHARACTERS, Result, Upload
from index.walk import EVERYTHING, Selection, is_ours, walk


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

    @property
    def title(self) -> str:
        """What it is called for people."""

    @property
    def metadata(self) -> Mapping[str, str]:
        """What it is filtered by; files have none."""

    @property
    def raw_sha256(self) -> str | None:
        """The hash of the bytes that are indexed; None where none are."""


class Shelf(Protocol):
    """A collection to synchronise: in this process, or behind a running service."""

    def known(self) -> Sequence[Known]:
        """All documents of the collection."""
        ...

    def put(self, uploads: Iterable[Upload]) -> Iterator[Result]:
        """Index documents; a result for each."""
        ...

    def rename(self, document_id: str, *, source: str, origin: str, title: str | None) -> bool:
        """Give a document another place, and another title where there is one; whether that could be done."""
        ...

    def delete(self, document_id: str) -> None:
        """Remove a document; `NotFound` where it has gone."""
        ...


Outcome = Literal["indexed", "replaced", "unchanged", "failed", "moved", "removed", "excluded", "skipped"]


@dataclass(frozen=True, slots=True)
class Synced:
    """What became of one file of `size` bytes, and the number of chunks of its document.

    `error` says why where it failed. The document of a file that has gone is `removed`, that of one that is there
    and not wanted any more `excluded`. Links and files of other endings are `skipped`.
    """

    source: str
    outcome: Outcome
    error: str | None = None
    size: int = 0
    chunks: int = 0


@dataclass(frozen=True, slots=True)
class Ahead:
    """What a pass over a folder has to read, index and embed: so many files of so many bytes."""

    files: int
    size: int


@dataclass(frozen=True, slots=True)
class _Place:
    """What a file's document is called, and the folder that it is synchronised from."""

    source: str
    origin: str


@dataclass(frozen=True, slots=True)
class _File:
    """A file that has been read, with its place."""

    path: Path
    place: _Place
    digest: Digest


@dataclass(slots=True)
class _Plan:
    """What is to be done with each file, and with the documents whose files are not there any more."""

    unchanged: list[tuple[_File, Known]] = field(default_factory=list)
    moved: list[tuple[_File, Path, Known]] = field(default_factory=list)
    put: list[_File] = field(default_factory=list)
    failed: list[Synced] = field(default_factory=list)
    left: dict[Path, Known] = field(default_factory=dict)


def sync(
    shelf: Shelf,
    root: Path,
    *,
    selection: Selection = EVERYTHING,
    limits: Limits = DEFAULT_LIMITS,
    seen: Seen | None = None,
    on_planned: Callable[[Ahead], None] = lambda _ahead: None,
) -> Iterator[Synced]:
    """Make the collection hold the wanted files under `root`, and none that it once held from there.

    A document's source is the folder's name and the path below it. A file that the collection holds already,
    by way of a folder above or below, keeps its source. A folder of the same name that lies elsewhere and
    still exists is another folder: its documents are not touched, and ours get a numbered name; one that is
    no longer where it was has moved here. A new file with the bytes and the ending of one that has gone is that
    file: its document keeps its id, and nothing of it is parsed or embedded. What can't be listed or read, or is
    larger than `limits` allow, is a failure, and its documents stay.

    All files are compared before the first is indexed; `on_planned` hears then what is ahead. What is `seen`
    in one pass is not read again in the next.

    Raises `FileNotFoundError` where `root` does not exist, also where it goes meanwhile, and `InvalidRequest`
    where it is no file or folder.
    """
    root = root.resolve(strict=True)
    if not (root.is_file() or root.is_dir()):
        raise InvalidRequest(f"{root} is neither a file nor a folder")
    seen = seen or Seen()
    known = shelf.known()
    walked = walk(root, selection)
    seen.keep(walked.files)
    held = _held(root, known)
    prefix = _prefix(root, known)
    places = {path: _place(path, root, prefix, held) for path in walked.files}
    plan = _plan(places, held, seen, max_bytes=limits.max_bytes)
    plan.left = {
        path: document
        for path, document in held.items()
        if path not in places
        and not any(folder in path.parents for folder in walked.unlisted)
        and (document.origin == str(root) or _is_gone(path))
    }
    _find_moved(plan, known)
    excluded = {path for path in plan.left if is_ours(path)}
    on_planned(Ahead(len(plan.put), sum(file.digest.size for file in plan.put)))
    yield from _carry_out(shelf, plan, seen, max_bytes=limits.max_bytes)
    yield from (Synced(str(path), "skipped") for path in walked.skipped)
    yield from (_failed(str(path), error) for path, error in walked.unlisted.items())
    root.stat()  # what has gone with its folder is not known to have gone
    for path, document in plan.left.items():
        if path not in excluded and is_ours(path):
            continue  # it was away for a moment, as when an editor saves
        try:
            shelf.delete(document.id)
        except NotFound:
            continue
        yield Synced(document.source, "excluded" if path in excluded else "removed")


def _plan(
    places: Mapping[Path, _Place],
    held: Mapping[Path, Known],
    seen: Seen,
    *,
    max_bytes: int,
) -> _Plan:
    """What is to be done with each file that is there, its bytes compared with those that are indexed."""
    plan = _Plan()
    for path, place in places.items():
        # Not even opened: that would be one more event for whoever watches, and one that can't be told.
        if any(unicodedata.category(letter) in ("Cc", "Cs") for letter in place.source):
            reason = "its name has control characters, or is no UTF-8: rename it"
            plan.failed.append(_failed(place.source, reason))
            continue
        try:
            digest = seen.digest(path, max_bytes=max_bytes)
        except OSError as error:
            plan.failed.append(_failed(place.source, f"{path} could not be read: {error.strerror}"))
        except InvalidRequest as error:
            plan.failed.append(_failed(place.source, str(error)))
        else:
            file = _File(path, place, digest)
            document = held.get(path)
            if document and document.raw_sha256 == digest.sha256 and not document.metadata:
                plan.unchanged.append((file, document))
            elif known := seen.failure(path, digest.sha256):
                plan.failed.append(Synced(place.source, "failed", known, digest.size))
            else:
                plan.put.append(file)
    return plan


def _find_moved(plan: _Plan, known: Iterable[Known]) -> None:
    """Take out of a plan what is to be indexed and what is left over where one is the other, moved."""
    taken = {document.source for document in known}
    gone: dict[tuple[str | None, str], list[Path]] = {}
    for path, document in plan.left.items():
        if _is_gone(path):
            gone.setdefault((document.raw_sha256, path.suffix.lower()), []).append(path)
    put = []
    for file in plan.put:
        paths = gone.get((file.digest.sha256, file.path.suffix.lower()))
        if paths and file.place.source not in taken:
            path = next((path for path in paths if path.name == file.path.name), paths[0])
            paths.remove(path)
            plan.moved.append((file, path, plan.left.pop(path)))
        else:
            put.append(file)
    plan.put = put


def _carry_out(shelf: Shelf, plan: _Plan, seen: Seen, *, max_bytes: int) -> Iterator[Synced]:
    for file, document in plan.unchanged:
        if document.origin != file.place.origin:
            shelf.rename(document.id, source=document.source, origin=file.place.origin, title=None)
        yield Synced(file.place.source, "unchanged", size=file.digest.size)
    for file, before, document in plan.moved:
        title = _title_after(document, file)
        if shelf.rename(document.id, source=file.place.source, origin=file.place.origin, title=title):
            yield Synced(file.place.source, "moved", size=file.digest.size)
        else:
            plan.put.append(file)
            plan.left[before] = document
    failed = plan.failed
    by_source = {file.place.source: file for file in plan.put}
    for _, group in groupby(plan.put, key=lambda file: file.place.origin):
        for result in shelf.put(_uploads(group, failed, max_bytes=max_bytes)):
            file = by_source[result.source]
            error = str(result.error) if result.error else None
            if isinstance(result.error, LoadError):
                seen.failed(file.path, file.digest.sha256, str(result.error))
            yield Synced(result.source, result.outcome, error, file.digest.size, result.chunks)
    yield from failed


def _title_after(document: Known, file: _File) -> str | None:
    """The title of a document whose file has another name now: another one where it was the file's name."""
    before = Path(document.source).stem[:TITLE_CHARACTERS]
    after = file.path.stem[:TITLE_CHARACTERS]
    return after if document.title == before != after else None


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


def _uploads(files: Iterable[_File], failed: list[Synced], *, max_bytes: int) -> Iterator[Upload]:
    for file in files:
        place = file.place
        try:
            data = read(file.path, max_bytes=max_bytes)
            upload = Upload(place.source, file.path.name, data, origin=place.origin)
        except OSError as error:
            failed.append(_failed(place.source, f"{file.path} could not be read: {error.strerror}"))
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
