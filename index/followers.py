"""The followers of every collection in a data directory: opening, checking, catching up, starting over."""

import threading
from dataclasses import dataclass, field
from pathlib import Path

from index.catalog import Catalog, Collection
from index.dense import DenseFollower, DenseStore
from index.follow import catch_up, mend
from index.lexical import LexicalFollower
from index.seal import seal, unseal


@dataclass(frozen=True, slots=True)
class Pair:
    """The two followers of one collection; `lock` is held by who writes to them, never by who searches."""

    dense: DenseFollower
    lexical: LexicalFollower
    lock: threading.Lock = field(default_factory=threading.Lock)


class Followers:
    """Chroma and tantivy under `path`, in step with the catalog.

    After an unclean stop, or where files are not as they were left, every follower is tried and compared
    with the catalog, and made again where it differs. Nothing is embedded for that: the vectors are in the
    catalog. Raises `FollowerError` where a follower can't be used.
    """

    def __init__(self, path: Path, catalog: Catalog, *, chroma_url: str | None = None) -> None:
        self._path = path
        self._catalog = catalog
        self._pairs: dict[int, Pair] = {}
        self._opening = threading.Lock()
        path.mkdir(parents=True, exist_ok=True)
        trusted = unseal(path)
        self._dense = DenseStore(path / "chroma", url=chroma_url, trusted=trusted)
        for collection in catalog.collections():
            pair = self.of(collection)
            for follower in (pair.dense, pair.lexical):
                mend(catalog, collection, follower, thorough=not trusted)
            catalog.publish(catalog.pending(collection))
            self.catch_up(collection)

    def of(self, collection: Collection) -> Pair:
        """The followers of a collection. No lock of a catch-up is taken: a search need not wait for it."""
        pair = self._pairs.get(collection.id)
        if pair is not None:
            return pair
        with self._opening:
            if collection.id not in self._pairs:
                lexical = LexicalFollower(self._path / "tantivy" / collection.uid)
                self._pairs[collection.id] = Pair(self._dense.follower(collection), lexical)
            return self._pairs[collection.id]

    def catch_up(self, collection: Collection) -> None:
        """Apply the catalog's changes that a collection's followers have not seen."""
        pair = self.of(collection)
        with pair.lock:
            for follower in (pair.dense, pair.lexical):
                catch_up(self._catalog, collection, follower)

    def close(self) -> None:
        """Close the followers cleanly, so that the next opening need not check them."""
        self._dense.close()
        seal(self._path)
