"""The followers of every collection in a data directory: opening, catching up, checking, and starting over."""

import threading
from dataclasses import dataclass
from pathlib import Path

from index.catalog import Catalog, Collection
from index.dense import DenseFollower, DenseStore
from index.follow import catch_up
from index.lexical import LexicalFollower


@dataclass(frozen=True, slots=True)
class Pair:
    """The two followers of one collection."""

    dense: DenseFollower
    lexical: LexicalFollower


class Followers:
    """Chroma and tantivy under `path`, in step with the catalog.

    After an unclean stop every follower is compared with the catalog and made again where it differs.
    Nothing is embedded for that: the vectors are in the catalog.
    """

    def __init__(self, path: Path, catalog: Catalog, *, chroma_url: str | None = None) -> None:
        self._path = path
        self._catalog = catalog
        self._dense = DenseStore(path / "chroma", url=chroma_url)
        self._pairs: dict[int, Pair] = {}
        self._lock = threading.RLock()
        for collection in catalog.collections():
            pair = self.of(collection)
            if self._dense.was_unclean:
                self._check(collection, pair)
            catalog.publish(catalog.pending(collection))
            self.catch_up(collection)

    def of(self, collection: Collection) -> Pair:
        """The followers of a collection."""
        with self._lock:
            pair = self._pairs.get(collection.id)
            if pair is None:
                lexical = LexicalFollower(self._path / "tantivy" / str(collection.id))
                pair = self._pairs[collection.id] = Pair(self._dense.follower(collection), lexical)
                self._follow(collection, pair)
            return pair

    def catch_up(self, collection: Collection) -> None:
        """Apply the catalog's changes that a collection's followers have not seen."""
        with self._lock:
            self._follow(collection, self.of(collection))

    def close(self) -> None:
        """Close the followers cleanly."""
        with self._lock:
            self._dense.close()

    def _follow(self, collection: Collection, pair: Pair) -> None:
        catch_up(self._catalog, collection, pair.dense)
        catch_up(self._catalog, collection, pair.lexical)

    def _check(self, collection: Collection, pair: Pair) -> None:
        expected = self._catalog.chunk_ids(collection)
        for follower in (pair.dense, pair.lexical):
            if follower.ids() != expected:
                follower.clear()
                catch_up(self._catalog, collection, follower)
