"""Chunks as numbers, for arrays and for followers: one for each, which orders as its version and ordinal do."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from index.catalog import chunk_id
from index.errors import FollowerError

Keys: TypeAlias = NDArray[np.int64]
"""Shape (n,): the numbers of chunks."""

_ORDINAL_BITS = 32


@dataclass(frozen=True, slots=True, eq=False)
class Hits:
    """Chunks that a follower has found, best first, and the score of each, shape (n,)."""

    keys: Keys
    scores: NDArray[np.float64]

    def by_id(self) -> dict[str, float]:
        """The scores by the chunks' ids, best first."""
        return dict(zip(ids_of(self.keys), self.scores.tolist(), strict=True))


NO_HITS = Hits(np.zeros(0, np.int64), np.zeros(0))


def keys_of(versions: NDArray[np.int64], ordinals: NDArray[np.int64] | int) -> Keys:
    """The keys of chunks, of whose versions and ordinals none is negative or reaches 2**31.

    That of ordinal 0 is the lowest of its version.
    """
    return versions << _ORDINAL_BITS | ordinals


def keys_of_ids(ids: Collection[str]) -> Keys:
    """The keys of chunk ids, in one go: a search has some hundred of them. `FollowerError` where one is none."""
    joined = ".".join(ids)
    try:
        numbers = np.array([*map(int, joined.split("."))] if joined else [], np.int32).reshape(len(ids), 2)
    except (ValueError, OverflowError) as error:
        raise FollowerError(
            f"a follower gives what is no chunk id ({error}): `qa doctor` tells which one, --repair heals it"
        ) from error
    return keys_of(numbers[:, 0].astype(np.int64), numbers[:, 1].astype(np.int64))


def ids_of(keys: Keys) -> list[str]:
    """The ids of chunks."""
    pairs = zip(versions_of(keys).tolist(), ordinals_of(keys).tolist(), strict=True)
    return [chunk_id(version_id, ordinal) for version_id, ordinal in pairs]


def versions_of(keys: Keys) -> NDArray[np.int64]:
    """The ids of the chunks' versions, shape (n,)."""
    return keys >> _ORDINAL_BITS


def ordinals_of(keys: Keys) -> NDArray[np.int64]:
    """Which chunk of its version each is, shape (n,)."""
    return keys & (1 << _ORDINAL_BITS) - 1
