"""Chunks that were read a moment ago, kept in memory until the collection changes.

SQLite gives up the interpreter's lock for each row, and where many answers are under way it comes back late: a
search that reads 150 rows then waits 150 times. What has been deleted is forgotten at the collection's next search.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice

from index.catalog import Catalog, Collection, StoredChunk

_CHUNKS = 4096  # of each collection: some 30 MB of the local model's


@dataclass(slots=True)
class _Kept:
    change: int
    chunks: dict[str, StoredChunk] = field(default_factory=dict)


class RecentChunks:
    """Live chunks by id. A chunk never changes, and whatever ends one is a change of its collection."""

    def __init__(self, catalog: Catalog, *, limit: int = _CHUNKS) -> None:
        self._catalog = catalog
        self._limit = limit
        self._kept: dict[int, _Kept] = {}
        self._lock = threading.Lock()

    def chunks(self, collection: Collection, ids: Sequence[str], *, change: int) -> list[StoredChunk]:
        """The chunks among `ids` that were live at the collection's last `change`, or are now, in that order."""
        with self._lock:
            kept = self._kept.get(collection.id)
            if kept is None or kept.change != change:
                kept = self._kept[collection.id] = _Kept(change)
            found = {each: kept.chunks[each] for each in ids if each in kept.chunks}
        missing = [each for each in ids if each not in found]
        if missing:
            read = {chunk.id: chunk for chunk in self._catalog.chunks(collection, missing)}
            found |= read
            with self._lock:
                # Where the collection has changed meanwhile, this is no longer the one that is looked into.
                kept.chunks.update(read)
                for oldest in [*islice(kept.chunks, max(0, len(kept.chunks) - self._limit))]:
                    del kept.chunks[oldest]
        return [found[each] for each in ids if each in found]
