"""Followers repeat the catalog's changes: catching up and rebuilding are one path from different numbers."""

from collections.abc import Sequence
from typing import Protocol

from index.catalog import Catalog, Collection, StoredChunk, chunk_id
from index.errors import FollowerError, FollowerUnreachable

BATCH_CHUNKS = 1000
_TRIES = 10


class Follower(Protocol):
    """A search structure made from the catalog, which can be thrown away and made again.

    All methods raise `FollowerError` where what is under them fails.
    """

    def applied(self) -> int:
        """The number of the last change that has been applied; 0 for none."""
        ...

    def apply(self, *, add: Sequence[StoredChunk], remove: Sequence[str], through: int) -> None:
        """Take chunks in and out and record change number `through`; repeating it changes nothing."""
        ...

    def clear(self) -> None:
        """Forget everything, as before the first change."""
        ...

    def count(self) -> int:
        """How many chunks it holds."""
        ...

    def ids(self) -> set[str]:
        """The ids of all chunks that it holds."""
        ...


def catch_up(catalog: Catalog, collection: Collection, *followers: Follower) -> int:
    """Apply all changes that the followers have not seen, in order; gives the number of chunks read for it.

    What one has not seen is read once for all. One that has seen more than the catalog has (it belongs to
    another one, or the catalog was restored) is made again from nothing.
    """
    applied = [follower.applied() for follower in followers]
    last = catalog.last_change(collection)  # in this order: another process may add changes meanwhile
    for at, follower in enumerate(followers):
        if applied[at] > last:
            follower.clear()
            applied[at] = 0
    seq = min(applied)
    added = 0
    while changes := catalog.changes_after(collection, seq):
        add: list[StoredChunk] = []
        remove: list[str] = []
        taken: set[int] = set()
        for change in changes:
            if change.kind == "add":
                # A version that has gone since has no chunks any more: nothing is added. One that was given another
                # title came twice.
                if change.version_id not in taken:
                    add.extend(catalog.version_chunks(collection, change.version_id))
                    taken.add(change.version_id)
            else:
                remove.extend(change.chunk_ids)
            seq = change.seq
            if len(add) >= BATCH_CHUNKS:
                break
        for follower in followers:
            if follower.applied() < seq:
                follower.apply(add=add, remove=remove, through=seq)
        added += len(add)
    return added


def mend(catalog: Catalog, collection: Collection, follower: Follower, *, thorough: bool) -> bool:
    """Catch up, and make the follower again where it fails or lacks chunks of the catalog; whether it was so.

    The number of chunks is compared with the catalog's, or, where `thorough`, their ids. One that can't be
    reached is left as it is: `FollowerUnreachable`.
    """
    try:
        whole = _comes_whole(catalog, collection, follower, thorough=thorough)
    except FollowerUnreachable:
        raise
    except FollowerError:
        whole = False
    if not whole:
        follower.clear()
        catch_up(catalog, collection, follower)
    return not whole


def _comes_whole(catalog: Catalog, collection: Collection, follower: Follower, *, thorough: bool) -> bool:
    """Whether the follower holds what it should when it has caught up.

    What other processes change meanwhile is no fault: where that never ends, it is looked at another time.
    """
    for _ in range(_TRIES):
        last = catalog.last_change(collection)
        catch_up(catalog, collection, follower)
        whole = _is_whole(catalog, collection, follower, thorough=thorough)
        if whole or catalog.last_change(collection) == last:
            return whole
    return True


def _is_whole(catalog: Catalog, collection: Collection, follower: Follower, *, thorough: bool) -> bool:
    held = catalog.held_versions(collection)
    if not thorough:
        return follower.count() == sum(held.values())
    return follower.ids() == {chunk_id(version, at) for version, count in held.items() for at in range(count)}
