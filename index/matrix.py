"""The vectors of a collection's chunks as arrays: scoring many chunks is one product, and reads nothing else.

What stands here is for ranking. Whether a chunk is served, and what it says, is for the catalog to tell.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from index.keys import Keys, ids_of, keys_of
from index.vectors import Int8Vectors, Vector, Vectors, cosines, dot

Places: TypeAlias = NDArray[np.intp]
"""Shape (n,): where chunks stand in a `Matrix`."""

_BLOCK = 8192  # rows that are scored at once: 12 MB of the local model's
_DENSE = (
    4  # where one row in so many is wanted, a product over all of them is faster than gathering these first
)


@dataclass(frozen=True, slots=True, eq=False)
class Matrix:
    """The chunks that a collection held after change number `applied`, live or pending, at places from 0 on.

    Places are in the order of `keys`. `rows` says which row of `vectors`, float32 (rows, dimension), is a chunk's, and
    `first` and `counts` which rows of `sentences`, int8 (rows, dimension), are its sentences'; `languages` holds
    positions in `LANGUAGES`. Nothing of it changes but for the vectors of chunks that are removed, which turn to
    zeros. Safe to read from many threads.
    """

    applied: int
    keys: Keys
    rows: Places
    first: Places
    counts: Places
    languages: NDArray[np.uint32]
    vectors: Vectors
    sentences: Int8Vectors

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def everywhere(self) -> Places:
        """The places of all chunks."""
        return np.arange(len(self), dtype=np.intp)

    def ids(self, places: Places) -> list[str]:
        """The ids of the chunks at these places."""
        return ids_of(self.keys[places])

    def places(self, keys: Keys) -> Places:
        """Where the chunks with these keys stand, in their order; -1 for each that is not here."""
        return where_in(self.keys, keys)

    def of_versions(self, version_ids: Iterable[int]) -> Places:
        """Where the chunks of some versions stand, ascending."""
        wanted = np.unique(np.fromiter(version_ids, np.int64))
        start = np.searchsorted(self.keys, keys_of(wanted, 0))
        end = np.searchsorted(self.keys, keys_of(wanted + 1, 0))
        return _ranges(start, end - start)

    def cosines(self, places: Places, query: Vector) -> Vector:
        """The cosine similarity of each chunk to the unit vector `query`, shape (n,); -1 for what is no vector."""
        found = np.empty(len(places), np.float32)
        for at in range(0, len(places), _BLOCK):
            rows = self.rows[places[at : at + _BLOCK]]
            low, high = rows.min(), rows.max() + 1
            if high - low <= _DENSE * len(rows):
                found[at : at + _BLOCK] = dot(self.vectors[low:high], query)[rows - low]
            else:
                found[at : at + _BLOCK] = dot(self.vectors[rows], query)
        found[
            ~np.isfinite(found)
        ] = -1.0  # a damaged catalog's: one of them would make a score of every other
        return found

    def nearest(self, places: Places, query: Vector, n: int) -> Places:
        """Those `n` of the places whose chunks are nearest to the query, in no particular order."""
        if len(places) <= n:
            return places
        best: Places = places[np.argpartition(self.cosines(places, query), -n)[-n:]]
        return best

    def sentence_cosines(self, places: Places, query: Vector) -> tuple[Vector, Places]:
        """The cosine similarities of the chunks' sentences to the query, and where each chunk's begin and end.

        Those of the chunk at `places[i]` are `scores[bounds[i]:bounds[i + 1]]`.
        """
        scores = cosines(self.sentence_vectors(places), query)
        return scores, np.concatenate(([0], np.cumsum(self.counts[places])))

    def chunk_vectors(self, places: Places) -> Vectors:
        """The vectors of chunks, shape (n, dimension)."""
        return self.vectors[self.rows[places]]

    def sentence_vectors(self, places: Places) -> Int8Vectors:
        """The vectors of all sentences of chunks, shape (sentences, dimension)."""
        return self.sentences[_ranges(self.first[places], self.counts[places])]


def where_in(ascending: NDArray[np.integer[Any]], wanted: NDArray[np.integer[Any]]) -> Places:
    """Where each of `wanted` stands in ascending numbers, shape (n,); -1 where it does not."""
    if not len(ascending):
        return np.full(len(wanted), -1, np.intp)
    found = np.minimum(np.searchsorted(ascending, wanted), len(ascending) - 1)
    return np.where(ascending[found] == wanted, found, -1)


def _ranges(starts: Places, counts: Places) -> Places:
    """`counts[i]` numbers from `starts[i]` on, for each i, one after the other."""
    ends = np.cumsum(counts)
    total = int(ends[-1]) if len(ends) else 0
    numbers: Places = np.arange(total, dtype=np.intp) + np.repeat(starts - (ends - counts), counts)
    return numbers
