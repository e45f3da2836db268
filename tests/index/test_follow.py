"""All followers repeat the catalog's changes, from any number, with the same end."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from index.catalog import Catalog, Collection, NewVersion
from index.dense import DenseStore
from index.follow import Follower, catch_up, mend
from index.lexical import LexicalFollower
from index.matrix_files import MatrixFollower
from tests.index.conftest import expected

MakeVersion = Callable[..., NewVersion]
Open = Callable[[str], Follower]


@pytest.fixture(params=["dense", "lexical", "matrix"])
def follower(request: pytest.FixtureRequest, tmp_path: Path, collection: Collection) -> Iterator[Open]:
    """Opens the follower of `collection` that is kept under the given name."""
    stores: list[DenseStore] = []

    def opened(name: str) -> Follower:
        if request.param == "lexical":
            return LexicalFollower(tmp_path / name)
        if request.param == "matrix":
            return MatrixFollower(tmp_path / name, collection, trusted=True)
        stores.append(DenseStore(tmp_path / name, trusted=True))
        return stores[-1].follower(collection)

    yield opened
    for store in stores:
        store.close()


def put(catalog: Catalog, collection: Collection, *new: NewVersion) -> None:
    pending = catalog.add_pending(collection, new)
    catalog.publish([each.version_id for each in pending if each])


def change_at_random(
    catalog: Catalog, collection: Collection, version: MakeVersion, rng: random.Random
) -> None:
    """Put, replace, leave pending or delete one of five documents."""
    known = catalog.documents(collection)
    if known and rng.random() < 0.3:
        catalog.delete(rng.choice(known).id)
        return
    new = version(f"s{rng.randrange(5)}", [f"line {rng.randrange(1000)}"] * rng.randint(1, 6))
    if rng.random() < 0.2:
        catalog.add_pending(collection, [new])
    else:
        put(catalog, collection, new)


@pytest.mark.parametrize("seed", range(3))
def test_catching_up_from_any_number_ends_like_starting_from_nothing(
    catalog: Catalog, collection: Collection, version: MakeVersion, follower: Open, seed: int
) -> None:
    rng = random.Random(seed)  # noqa: S311 - not for secrets
    stepwise = follower("stepwise")
    for _ in range(25):
        change_at_random(catalog, collection, version, rng)
        if rng.random() < 0.3:
            catch_up(catalog, collection, stepwise)
            assert stepwise.ids() == expected(catalog, collection)
    catch_up(catalog, collection, stepwise)
    fresh = follower("fresh")
    catch_up(catalog, collection, fresh)
    assert stepwise.ids() == fresh.ids() == expected(catalog, collection)
    assert stepwise.count() == fresh.count() == len(fresh.ids())
    assert stepwise.applied() == fresh.applied() == catalog.last_change(collection)


def test_a_version_that_was_given_another_title_is_taken_once(
    catalog: Catalog, collection: Collection, version: MakeVersion, follower: Open
) -> None:
    put(catalog, collection, version("a", ["penguin", "seal"]))
    (document,) = catalog.documents(collection)
    catalog.rename(document.id, title="Birds")
    fresh = follower("fresh")
    assert catch_up(catalog, collection, fresh) == fresh.count() == 2


def test_applying_a_change_twice_changes_nothing(
    catalog: Catalog, collection: Collection, version: MakeVersion, follower: Open
) -> None:
    put(catalog, collection, version("a", ["one", "two"]))
    (live,) = catalog.live_versions(collection)
    held = catalog.version_chunks(collection, live)
    opened = follower("f")
    for _ in range(2):
        opened.apply(add=held, remove=[], through=1)
        assert (opened.count(), opened.ids(), opened.applied()) == (2, {f"{live}.0", f"{live}.1"}, 1)
    for _ in range(2):
        opened.apply(add=[], remove=[f"{live}.0", "99.9"], through=2)
        assert (opened.count(), opened.ids(), opened.applied()) == (1, {f"{live}.1"}, 2)


def test_what_was_applied_is_there_after_opening_again(
    catalog: Catalog, collection: Collection, version: MakeVersion, follower: Open
) -> None:
    put(catalog, collection, version("a", ["one", "two"]))
    catch_up(catalog, collection, follower("f"))
    again = follower("f")
    assert again.applied() == catalog.last_change(collection)
    assert catch_up(catalog, collection, again) == 0
    assert again.count() == 2


def test_a_follower_that_is_ahead_of_the_catalog_is_made_again(
    catalog: Catalog, collection: Collection, version: MakeVersion, follower: Open
) -> None:
    put(catalog, collection, version("a", ["one", "two"]))
    (live,) = catalog.live_versions(collection)
    opened = follower("f")
    opened.apply(add=catalog.version_chunks(collection, live), remove=[f"{live}.0"], through=1000)
    assert catch_up(catalog, collection, opened) == 2
    assert opened.ids() == expected(catalog, collection)
    assert opened.applied() == catalog.last_change(collection)


def test_changes_of_other_collections_are_passed_over(
    catalog: Catalog, collection: Collection, version: MakeVersion, follower: Open
) -> None:
    other = catalog.ensure_collection("other", embedding_model="eight", dimension=8)
    put(catalog, collection, version("a", ["one"]))
    put(catalog, other, version("a", ["two", "three"]))
    opened = follower("f")
    assert catch_up(catalog, collection, opened) == 1
    assert opened.ids() == expected(catalog, collection)


@pytest.mark.parametrize("thorough", [True, False])
def test_a_follower_that_lacks_a_chunk_is_mended(
    catalog: Catalog, collection: Collection, version: MakeVersion, follower: Open, thorough: bool
) -> None:
    put(catalog, collection, version("a", ["one", "two"]), version("b", ["three"]))
    opened = follower("f")
    assert not mend(catalog, collection, opened, thorough=thorough)
    opened.apply(add=[], remove=[next(iter(opened.ids()))], through=opened.applied())
    assert mend(catalog, collection, opened, thorough=thorough)
    assert opened.ids() == expected(catalog, collection)
    assert not mend(catalog, collection, opened, thorough=thorough)


def test_more_chunks_than_a_batch_are_all_applied(
    catalog: Catalog, collection: Collection, version: MakeVersion, follower: Open
) -> None:
    put(catalog, collection, *(version(f"s{at}", [f"word{at}"] * 450) for at in range(5)))
    opened = follower("f")
    assert catch_up(catalog, collection, opened) == 2250
    assert opened.ids() == expected(catalog, collection)
    for document in catalog.documents(collection):
        catalog.delete(document.id)
    catch_up(catalog, collection, opened)
    assert (opened.count(), opened.ids()) == (0, set())


def test_followers_from_different_numbers_catch_up_together(
    catalog: Catalog, collection: Collection, version: MakeVersion, follower: Open
) -> None:
    behind, ahead, lost = follower("behind"), follower("ahead"), follower("lost")
    put(catalog, collection, version("a", ["one", "two"]))
    catch_up(catalog, collection, ahead, behind)
    put(catalog, collection, version("a", ["three"]), version("b", ["four"]))
    catch_up(catalog, collection, ahead)
    lost.apply(add=[], remove=[], through=1000)
    catalog.delete(catalog.documents(collection)[0].id)
    assert catch_up(catalog, collection, ahead, behind, lost) > 0
    for each in (ahead, behind, lost):
        assert each.ids() == expected(catalog, collection)
        assert each.applied() == catalog.last_change(collection)
