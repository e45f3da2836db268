"""What is wrong with the followers of a data directory: looked at in a copy, so that looking changes nothing."""

import json
import shutil
import struct
import tempfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from math import isinf
from pathlib import Path
from typing import Literal

from index.audit import Finding
from index.catalog import Catalog, Collection, StoredChunk, chunk_id
from index.dense import DenseFollower, DenseStore
from index.errors import FollowerError
from index.follow import Follower
from index.followers import Followers
from index.lexical import LexicalFollower
from index.terms import content_terms

Kind = Literal["chroma", "tantivy"]

_SAMPLED = 200
_SAME = 1e-3
_MISSED_SHARE = 0.05  # the search by vector is approximate, and the one by terms knows no order of words
_FOUND = 50
_SUMMED = (".idx", ".pos", ".term", ".store", ".fast", ".fieldnorm", ".del")
_MAGIC = 1337
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


def audit_followers(path: Path, catalog: Catalog, *, chroma_url: str | None, text: str = "") -> Audit:
    """Compare every follower under `path` with the catalog, and search for some of its chunks.

    A copy is made beside it for that, as large as it is. Raises `CatalogError` where the catalog fails, and
    `FollowerError` where a Chroma server can't be reached.
    """
    examined: list[Examined] = []
    knowing: list[str] = []
    with _copied(path) as copy:
        chroma = copy / "chroma"
        had_chroma = chroma.exists()
        store = DenseStore(chroma, url=chroma_url, trusted=False)
        damaged = had_chroma and not chroma.exists()
        try:
            for collection in catalog.collections():
                dense = _examined(catalog, collection, "chroma", partial(store.follower, collection))
                if damaged and chroma_url is None:
                    fault = "its files are damaged: it can't be opened, or its vectors do not find themselves"
                    dense = Examined(collection.name, "chroma", 0, fault)
                folder = copy / "tantivy" / collection.uid
                torn = _torn(folder)
                lexical = _examined(catalog, collection, "tantivy", partial(LexicalFollower, folder))
                if torn:
                    lexical = Examined(collection.name, "tantivy", 0, f"{torn} is not as tantivy wrote it")
                examined += (dense, lexical)
                if text and _knows(folder, text):
                    knowing.append(collection.name)
        finally:
            store.close()
    return Audit(tuple(examined), tuple(knowing))


def make_again(path: Path, catalog: Catalog, kinds: set[Kind], *, chroma_url: str | None) -> None:
    """Make the followers of these kinds again from the catalog, and finish what a crash has left pending.

    Nothing is embedded: the vectors are in the catalog. Raises whatever `Followers` raises.
    """
    for kind in kinds:
        if (path / kind).exists():
            shutil.rmtree(path / kind)
    followers = Followers(path, catalog, chroma_url=chroma_url)
    try:
        if "chroma" in kinds and chroma_url is not None:
            for collection in catalog.collections():
                followers.of(collection).dense.clear()
                followers.catch_up(collection)
    finally:
        followers.close()


def _examined(
    catalog: Catalog,
    collection: Collection,
    kind: Kind,
    follower: Callable[[], DenseFollower | LexicalFollower],
) -> Examined:
    held = catalog.held_versions(collection)
    count = sum(held.values())
    try:
        opened = follower()
        fault = _difference(catalog, collection, opened, held) or _missed(
            opened, _sample(catalog, collection)
        )
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
        chunk_id(version, at)
        for version, n in sorted(catalog.live_versions(collection).items())
        for at in range(n)
    ]
    return catalog.chunks(collection, ids[:: max(1, len(ids) // _SAMPLED)])


def _missed(follower: DenseFollower | LexicalFollower, sample: Sequence[StoredChunk]) -> str | None:
    """Which share of the chunks does not find itself, None where that is as it should be."""
    if isinstance(follower, DenseFollower):
        missed = sum(
            max(follower.search(each.vector, 1).values(), default=0.0) < 1 - _SAME for each in sample
        )
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
    found = follower.search(chunk.text, _FOUND)
    if chunk.id in found:
        return True
    return len(found) == _FOUND and min(found.values()) > max(found.values()) / 2


def _torn(folder: Path) -> str | None:
    """A file of tantivy's that does not fit its own CRC-32, which is not compared when it is opened.

    Such a file ends with a JSON object that holds the sum of what stands before, its length, and a number that is
    always the same (tantivy 0.27).
    """
    for path in sorted(folder.rglob("*")):
        if path.suffix not in _SUMMED:
            continue
        content = path.read_bytes()
        try:
            length, magic = struct.unpack("<II", content[-8:])
            summed = json.loads(content[-8 - length : -8])["crc"]
        except (struct.error, ValueError, KeyError, TypeError):
            return path.name
        if magic != _MAGIC or summed != zlib.crc32(content[: -8 - length]):
            return path.name
    return None


def _knows(folder: Path, text: str) -> bool:
    """Whether all terms of a text are in an index, or still in a part of it whose chunks have gone."""
    weights = LexicalFollower(folder).term_weights(text)
    return bool(weights) and not any(map(isinf, weights.values()))


@contextmanager
def _copied(path: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix=_COPY, dir=path.parent) as folder:
        copy = Path(folder) / "followers"
        if path.exists():
            shutil.copytree(path, copy)
        else:
            copy.mkdir()
        yield copy
