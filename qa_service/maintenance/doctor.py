"""The audit of a data directory: what `qa doctor` looks at, and in which order it puts it right."""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from index.audit import Finding, State, audit_catalog, tables_with
from index.catalog import Catalog, Database, mismatches
from index.catalog.database import HEAD
from index.embed import open_embedder
from index.errors import CatalogError
from index.follower_audit import Audit, audit_followers, make_again
from index.lease import Lease
from index.owner import Owner, OwnerLock, find_owner, in_use
from index.seal import require_access
from index.slots import gather
from index.staged import left_over, staging_paths, tidy
from qa_service.database import chroma_server, database_url, lease_of, sqlite_path
from qa_service.settings import Settings

_PIECE = 1024 * 1024


def examine(settings: Settings, *, repair: bool = False, canary: str = "") -> Iterator[Finding]:
    """What is found in the data directory, as it is found.

    While a service runs only what a second process may read is looked at. With `repair` the followers that differ
    from the catalog are made again from it, and what a crash has left is finished or removed; nothing is
    embedded. `canary` is a text that should be nowhere. Raises `DataDirectoryInUse` where there is something to
    repair in a directory that another process has, `CatalogError` where there is no catalog, and `FollowerError`
    where files of the followers may not be read and written.
    """
    file = sqlite_path(settings)
    if file is not None and not file.is_file():
        raise CatalogError(f"there is no catalog at {file}: set QA_DATA_DIR to the data directory")
    owner = find_owner(settings.data_dir)
    if owner is not None:
        if repair:
            raise in_use(settings.data_dir, owner)
        yield from _examine(settings, file, owner=owner, repair=False, canary=canary)
        return
    lock = OwnerLock(settings.data_dir, command="qa doctor")
    try:
        yield from _examine(settings, file, owner=None, repair=repair, canary=canary)
    finally:
        lock.release()


def _examine(
    settings: Settings, file: Path | None, *, owner: Owner | None, repair: bool, canary: str
) -> Iterator[Finding]:
    if file is not None:
        schema = _schema(file, repair=repair)
        yield schema
        if schema.state == "broken":
            return
    try:
        database = Database(database_url(settings))
    except CatalogError as error:
        yield Finding("database", "broken", str(error))
        return
    places: list[str] = []
    audit = Audit(())
    try:
        is_sound = True
        for finding in audit_catalog(database, repair=repair):
            is_sound &= finding.state != "broken" or finding.check == "left over"
            yield finding
        yield from _models(settings, Catalog(database))
        yield from _staged(settings, Catalog(database), repair=repair)
        if not is_sound:
            yield Finding("followers", "unchecked", "they are compared with the catalog, which comes first")
        elif owner is None:
            require_access(settings.data_dir / "followers")
            gather(settings.data_dir / "followers")
            audit = audit_followers(
                settings.data_dir / "followers",
                Catalog(database),
                server=chroma_server(settings),
                text=canary,
            )
            lease = lease_of(settings, database)
            yield from _followers(settings, Catalog(database), audit, lease=lease, repair=repair)
        else:
            where = f"{owner.command!r} (process {owner.pid}) has them: stop it, and call `qa doctor` again"
            yield Finding("followers", "unchecked", where)
        if canary:
            places = tables_with(database, _forms(canary))
    except CatalogError as error:
        yield Finding("database", "broken", str(error))
        return
    finally:
        database.close()
    if canary:  # with the database closed, so that its log of writes has gone where nobody else has it open
        yield _canary(settings, file, canary, places, () if repair else audit.knowing)


def _schema(file: Path, *, repair: bool) -> Finding:
    """Whether the catalog has this release's schema; looked at before it is opened, which would bring it there."""
    try:
        with closing(sqlite3.connect(f"{file.as_uri()}?mode=rw", uri=True, timeout=60)) as connection:
            (revision,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except (sqlite3.Error, TypeError) as error:
        return Finding("schema", "broken", f"{file} can't be read ({error}): restore a backup")
    if revision == HEAD:
        return Finding("schema", "ok", f"revision {revision}")
    if revision > HEAD:
        return Finding(
            "schema",
            "broken",
            f"revision {revision}, {HEAD} is the last one known here: install a newer release",
        )
    if repair:
        return Finding("schema", "repaired", f"revision {revision}, brought to {HEAD}")
    return Finding(
        "schema", "broken", f"revision {revision}, not {HEAD}: `qa serve` or --repair brings it there"
    )


def _models(settings: Settings, catalog: Catalog) -> Iterator[Finding]:
    """A finding for each collection that can't be searched with the embedding model of the settings."""
    embedder = open_embedder(settings.embedding_model, cache_dir=settings.data_dir / "models")
    for mismatch in mismatches(catalog.collections(), embedder.name):
        yield Finding("embedding model", "broken", str(mismatch))
    embedder.close()


def _staged(settings: Settings, catalog: Catalog, *, repair: bool) -> Iterator[Finding]:
    """A finding for each file that `qa reindex` has left when it was cut off."""
    for path in left_over(settings.data_dir, catalog):
        state: State = "repaired" if repair else "broken"
        remedy = "removed" if repair else "the next start, or --repair, removes it"
        yield Finding("reindex", state, f"{path.name} is of a collection that has moved or gone: {remedy}")
    for collection in catalog.collections():
        if staging_paths(settings.data_dir, collection):
            detail = f"of {collection.name!r} was cut off: call `qa reindex` again, and it goes on"
            yield Finding("reindex", "unchecked", detail)
    if repair:
        tidy(settings.data_dir, catalog)


def _followers(
    settings: Settings, catalog: Catalog, audit: Audit, *, lease: Lease | None, repair: bool
) -> Iterator[Finding]:
    pending = sum(len(catalog.pending(collection)) for collection in catalog.collections())
    broken = {each.kind for each in audit.examined if each.fault is not None}
    if "tantivy" not in broken and audit.knowing:
        broken.add("tantivy")  # fingerprints of what has been deleted stand in a part that was not merged yet
    if not repair:
        if pending:
            left = f"{pending:,} versions that a crash left: the next start, or --repair, finishes them"
            yield Finding("pending", "broken", left)
        yield from (each.finding() for each in audit.examined)
        return
    if not broken and not pending:
        yield from (each.finding() for each in audit.examined)
        return
    path = settings.data_dir / "followers"
    make_again(path, catalog, broken, server=chroma_server(settings), lease=lease)
    if pending:
        yield Finding("pending", "repaired", f"{pending:,} versions that a crash left: finished")
    after = audit_followers(path, catalog, server=chroma_server(settings))
    for each in after.examined:
        yield each.finding(repaired=each.kind in broken)


# A text that should be nowhere


def _canary(
    settings: Settings, file: Path | None, text: str, tables: Sequence[str], knowing: Sequence[str]
) -> Finding:
    places = [f"the catalog's {each}" for each in tables]
    places += [f"the file {each}" for each in _files_with(_files(settings.data_dir, file), _forms(text))]
    if places:
        return Finding("canary", "broken", f"it is in {'; '.join(places)}")
    if knowing:
        names = ", ".join(map(repr, knowing))
        left = f"tantivy has keyed fingerprints of all its words for {names}, which --repair makes again"
        return Finding("canary", "ok", f"it is in no table and no file; {left}")
    return Finding("canary", "ok", "it is in no table and no file")


def _forms(text: str) -> list[bytes]:
    """The bytes by which a text is stored: its own, and those of JSON."""
    return sorted({text.encode(), json.dumps(text)[1:-1].encode()})


def _files(data_dir: Path, file: Path | None) -> list[Path]:
    """All files of a data directory but the converted model, and those of its database."""
    found = {
        path
        for path in data_dir.rglob("*")
        if path.is_file() and "models" not in path.relative_to(data_dir).parts
    }
    if file is not None:
        found |= {path for path in file.parent.glob(f"{file.name}*") if path.is_file()}
    return sorted(found)


def _files_with(files: Sequence[Path], needles: Sequence[bytes]) -> Iterator[Path]:
    for path in files:
        if _holds(path, needles):
            yield path


def _holds(path: Path, needles: Sequence[bytes]) -> bool:
    overlap = max(map(len, needles)) - 1
    with path.open("rb") as content:
        before = b""
        while piece := content.read(_PIECE):
            window = before + piece
            if any(needle in window for needle in needles):
                return True
            before = window[-overlap:] if overlap else b""
    return False
