"""Chunks that are kept in memory: as the catalog has them, until their collection changes."""

from collections.abc import Callable

import pytest

from index.catalog import Catalog, Collection, NewVersion, StoredChunk, chunk_id
from index.recent import RecentChunks

MakeVersion = Callable[..., NewVersion]


@pytest.fixture
def recent(catalog: Catalog) -> RecentChunks:
    return RecentChunks(catalog, limit=3)


def read(recent: RecentChunks, catalog: Catalog, collection: Collection, ids: list[str]) -> list[StoredChunk]:
    return recent.chunks(collection, ids, change=catalog.last_change(collection))


def put(catalog: Catalog, collection: Collection, new: NewVersion) -> int:
    (pending,) = catalog.add_pending(collection, [new])
    assert pending is not None
    catalog.publish([pending.version_id])
    return pending.version_id


def test_chunks_come_in_the_order_of_their_ids_whether_read_or_kept(
    recent: RecentChunks, catalog: Catalog, collection: Collection, version: MakeVersion
) -> None:
    stored = put(catalog, collection, version("a", ["One.", "Two.", "Three."]))
    read(recent, catalog, collection, [chunk_id(stored, 1)])

    found = read(recent, catalog, collection, [chunk_id(stored, at) for at in (2, 1, 0)])

    assert [chunk.text for chunk in found] == ["Three.", "Two.", "One."]


def test_what_was_read_is_not_read_again_while_nothing_changes(
    recent: RecentChunks, catalog: Catalog, collection: Collection, version: MakeVersion
) -> None:
    ids = [chunk_id(put(catalog, collection, version("a", ["One."])), 0)]

    (once,), (again,) = (read(recent, catalog, collection, ids) for _ in range(2))

    assert again is once


def test_what_is_deleted_is_kept_no_longer(
    recent: RecentChunks, catalog: Catalog, collection: Collection, version: MakeVersion
) -> None:
    ids = [chunk_id(put(catalog, collection, version("a", ["One."])), 0)]
    (chunk,) = read(recent, catalog, collection, ids)

    catalog.delete(chunk.document_id)

    assert read(recent, catalog, collection, ids) == []


def test_what_is_replaced_is_kept_no_longer(
    recent: RecentChunks, catalog: Catalog, collection: Collection, version: MakeVersion
) -> None:
    old = chunk_id(put(catalog, collection, version("a", ["One."])), 0)
    read(recent, catalog, collection, [old])

    new = chunk_id(put(catalog, collection, version("a", ["Another."])), 0)

    assert [chunk.text for chunk in read(recent, catalog, collection, [old, new])] == ["Another."]


def test_what_has_become_live_since_the_last_change_is_found(
    recent: RecentChunks, catalog: Catalog, collection: Collection, version: MakeVersion
) -> None:
    (pending,) = catalog.add_pending(collection, [version("a", ["One."])])
    assert pending is not None
    ids = [chunk_id(pending.version_id, 0)]
    assert read(recent, catalog, collection, ids) == []

    catalog.publish([pending.version_id])

    assert [chunk.text for chunk in read(recent, catalog, collection, ids)] == ["One."]


def test_more_chunks_than_are_kept_are_all_found(
    recent: RecentChunks, catalog: Catalog, collection: Collection, version: MakeVersion
) -> None:
    stored = put(catalog, collection, version("a", ["1.", "2.", "3.", "4.", "5."]))
    ids = [chunk_id(stored, at) for at in range(5)]

    for _ in range(2):
        assert [chunk.text for chunk in read(recent, catalog, collection, ids)] == [
            "1.",
            "2.",
            "3.",
            "4.",
            "5.",
        ]
