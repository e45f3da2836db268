"""What is wrong with the followers of a data directory: looked at in a copy, so that looking changes nothing."""

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from math import isinf
from pathlib import Path
from typing import Literal

from index.audit import Finding
from index.catalog import Catalog, Collection, StoredChunk, chunk_id
from index.chroma_session import ChromaAddress
from index.dense import DenseFollower, DenseStore
from index.durable import remove
from index.errors import FollowerError
from index.follow import Follower
from index.followers import Followers
from index.lease import Lease
from index.lexical import LexicalFollower, torn
from index.matrix_files import MatrixFollower
from index.terms import content_terms

Kind = Literal["chroma", "tantivy", "matrix"]

_SAMPLED = 200
_SAME = 1e-3
_MISSED_SHARE = 0.05  # the search by vector is approximate, and the one by terms knows no order of words
_FOUND = 50
_COPY = "doctor-"


@dataclass(frozen=True, slots=True)
class Examined:
    """How one follower of a collection was found; `fault` is None where it is as the catalog says."""

    collection: str
    kind: Kind
    chunks: int
    fault: str | None

    def finding(self, *, repaired: bool = False) -> Finding:
        """The finding that this is; `repaired` says that there was a fault, and there is none any more."""
        check = f"{self.kind} {self.collection}"
        if self.fault is not None:
            return Finding(check, "broken", f"{self.fault}: `qa doctor --repair` makes it again")
        if repaired:
            return Finding(check, "repaired", f"{self.chunks:,} chunks, made again from the catalog")
        return Finding(check, "ok", f"{self.chunks:,} chunks, and they find themselves")


@dataclass(frozen=True, slots=True)
class Audit:
    """The followers as they were found; `knowing` are the collections whose terms hold a text asked for."""

    examined: tuple[Examined, ...]
    knowing: tuple[str, ...] = ()


def audit_followers(path: Path, catalog: Catalog, *, server: ChromaAddress | None, text: str = "") -> Audit:
    """Compare every follower under `path` with the catalog, and search for some of its chunks.

    A copy is made beside it for that, as large as it is. Raises `CatalogError` where the catalog fails, and
    `FollowerError` where a Chroma server can't be reached.
    """
    examined: list[Examined] = []
    knowing: list[str] = []
    with _copied(path) as copy:
        chroma = copy / "chroma"
        had_chroma = chroma.exists()
        store = DenseStore(chroma, server=server, trusted=False)
        damaged = had_chroma and not chroma.exists()
        try:
            for collection in catalog.collections():
                dense = _examined(catalog, collection, "chroma", partial(store.follower, collection))
                if damaged and server is None:
                    fault = "its files are damaged: it can't be opened, or its vectors do not find themselves"
                    dense = Examined(collection.name, "chroma", 0, fault)
                folder = copy / "tantivy" / collection.uid
                name = torn(folder)
                lexical = _examined(catalog, collection, "tantivy", partial(LexicalFollower, folder))
                if name:
                    lexical = Examined(collection.name, "tantivy", 0, f"{name} is not as tantivy wrote it")
                open_matrix = partial(
                    MatrixFollower, copy / "matrix" / collection.uid, collection, trusted=False
                )
                examined += (dense, lexical, _examined(catalog, collection, "matrix", open_matrix))
                if text and _knows(folder, text):
                    knowing.append(collection.name)
        finally:
            store.close()
    return Audit(tuple(examined), tuple(knowing))


def make_again(
    path: Path, catalog: Catalog, kinds: set[Kind], *, server: ChromaAddress | None, lease: Lease | None
) -> None:
    """Make the followers of these kinds again from the catalog, and finish what a crash has left pending.

    Nothing is embedded: the vectors are in the catalog. What is on a Chroma server is left to the process that
    leads, where this one does not. Raises whatever `Followers` raises.
    """
    for kind in kinds:
        remove(path / kind)
    try:
        if "chroma" in kinds and server is not None and lease is not None and lease.held():
            with closing(DenseStore(path / "chroma", server=server, trusted=True)) as store:
                for collection in catalog.collections():
                    store.remove(collection)
        Followers(path, catalog, server=server, lease=lease).close()
    finally:
        if lease is not None:
            lease.release()


def _examined(
    catalog: Catalog,
    collection: Collection,
    kind: Kind,
    follower: Callable[[], DenseFollower | LexicalFollower | MatrixFollower],
) -> Examined:
    held = catalog.held_versions(collection)
    count = sum(held.values())
    try:
        opened = follower()
        if isinstance(opened, MatrixFollower):
            fault = (
                opened.fault
                or _difference(catalog, collection, opened, held)
                or _other_vectors(catalog, collection, opened, held)
            )
        else:
            sample = _sample(catalog, collection)
            fault = _difference(catalog, collection, opened, held) or _missed(opened, sample)
    except FollowerError as error:
        fault = str(error)
    return Examined(collection.name, kind, count, fault)


def _difference(
    catalog: Catalog, collection: Collection, follower: Follower, held: dict[int, int]
) -> str | None:
    """What tells a follower from the catalog, None for nothing."""
    last, applied = catalog.last_change(collection), follower.applied()
    if applied != last:
        return f"it has applied change {applied:,}, and the catalog's last one is {last:,}"
    expected = {chunk_id(version, at) for version, count in held.items() for at in range(count)}
    found = follower.ids()
    if found != expected:
        return f"it lacks {len(expected - found):,} chunks, and has {len(found - expected):,} that are gone"
    if follower.count() != len(expected):
        return f"it counts {follower.count():,} chunks, not {len(expected):,}"
    return None


def _sample(catalog: Catalog, collection: Collection) -> list[StoredChunk]:
    """Live chunks, spread evenly."""
    ids = [
        (version, at) for version, n in sorted(catalog.live_versions(collection).items()) for at in range(n)
    ]
    wanted = set(ids[:: max(1, len(ids) // _SAMPLED)])
    return [
        chunk
        for version in sorted({version for version, _ in wanted})
        for chunk in catalog.version_chunks(collection, version)
        if (version, chunk.ordinal) in wanted
    ]


def _other_vectors(
    catalog: Catalog, collection: Collection, follower: MatrixFollower, held: dict[int, int]
) -> str | None:
    """How many chunks have not the vectors that the catalog has, None where all do."""
    other = sum(
        not follower.holds(chunk) for version in held for chunk in catalog.version_chunks(collection, version)
    )
    return f"{other:,} chunks have other vectors than in the catalog" if other else None


def _missed(follower: DenseFollower | LexicalFollower, sample: Sequence[StoredChunk]) -> str | None:
    """Which share of the chunks does not find itself, None where that is as it should be."""
    if isinstance(follower, DenseFollower):
        missed = sum(follower.search(each.vector, 1).scores.max(initial=0.0) < 1 - _SAME for each in sample)
    else:
        missed = sum(not _finds_terms(follower, each) for each in sample)
    return (
        f"{missed:,} chunks of {len(sample):,} do not find themselves"
        if missed > _MISSED_SHARE * len(sample)
        else None
    )


def _finds_terms(follower: LexicalFollower, chunk: StoredChunk) -> bool:
    """Whether a chunk is found by its text, or a crowd of others is that has nearly the same one."""
    if not content_terms(chunk.text):
        return True
    found = follower.search(chunk.text, _FOUND).by_id()
    if chunk.id in found:
        return True
    return len(found) == _FOUND and min(found.values()) > max(found.values()) / 2


def _knows(folder: Path, text: str) -> bool:
    """Whether all terms of a text are in an index, or still in a part of it whose chunks have gone."""
    weights = LexicalFollower(folder).term_weights(text)
    return bool(weights) and not any(map(isinf, weights.values()))


@contextmanager
def _copied(path: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix=_COPY, dir=path.parent) as folder:
        copy = Path(folder) / "followers"
        if path.is_dir():
            shutil.copytree(path, copy)
        else:
            copy.mkdir()
        yield copy
