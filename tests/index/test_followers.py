"""The followers of a data directory: healed from the catalog alone, whatever has become of their files."""

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from index.catalog import Catalog, Collection, Database, NewVersion, sqlite_url
from index.errors import CatalogError
from index.followers import Followers
from tests.descriptors import files_under
from tests.index.conftest import expected, put
from tests.waiting import until

MakeVersion = Callable[..., NewVersion]


def assert_in_step(catalog: Catalog, collection: Collection, followers: Followers) -> None:
    group = followers.of(collection)
    for follower in group.all:
        assert follower.ids() == expected(catalog, collection)
        assert follower.applied() == catalog.last_change(collection)
    for document in catalog.documents(collection):
        version = catalog.text(document.id).version_id
        for chunk in catalog.version_chunks(collection, version):
            assert chunk.id in group.dense.search(chunk.vector, 3).by_id()
            assert chunk.id in group.lexical.search(chunk.text, 3).by_id()
            assert group.matrix.holds(chunk)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "followers"


@pytest.fixture
def filled(
    path: Path, catalog: Catalog, collection: Collection, version: MakeVersion
) -> Iterator[Callable[[], Followers]]:
    """Followers that were closed with two documents in them; opens them again."""
    followers = Followers(path, catalog)
    put(catalog, collection, followers, version("a", ["penguin", "seal"]), version("b", ["walrus"]))
    followers.close()
    opened: list[Followers] = []

    def reopen() -> Followers:
        opened.append(Followers(path, catalog))
        return opened[-1]

    yield reopen
    for each in opened:
        each.close()


def test_followers_are_in_step_after_every_put_and_delete(
    path: Path, catalog: Catalog, collection: Collection, version: MakeVersion
) -> None:
    followers = Followers(path, catalog)
    put(catalog, collection, followers, version("a", ["penguin", "seal"]), version("b", ["walrus"]))
    assert_in_step(catalog, collection, followers)
    put(catalog, collection, followers, version("a", ["puffin"]))
    assert_in_step(catalog, collection, followers)
    catalog.delete(catalog.documents(collection)[0].id)
    followers.catch_up(collection)
    assert_in_step(catalog, collection, followers)
    followers.close()


def test_followers_that_can_not_be_opened_leave_no_file_of_chroma_open(
    path: Path, database: Database, catalog: Catalog
) -> None:
    with database.write() as connection:
        connection.exec_driver_sql("ALTER TABLE collections RENAME TO lost")

    with pytest.raises(CatalogError, match="no such table"):
        Followers(path, catalog)

    assert (path / "chroma" / "chroma.sqlite3").exists()
    until(lambda: not files_under(path / "chroma"), seconds=5)


def test_what_a_crash_left_pending_is_published_when_it_is_opened(
    filled: Callable[[], Followers], catalog: Catalog, collection: Collection, version: MakeVersion
) -> None:
    catalog.add_pending(collection, [version("a", ["narwhal"]), version("c", ["orca"])])
    followers = filled()
    assert catalog.pending(collection) == []
    assert {document.source for document in catalog.documents(collection)} == {"a", "b", "c"}
    assert_in_step(catalog, collection, followers)
    (document,) = catalog.documents(collection, source="a")
    assert catalog.text(document.id).text == "narwhal"


def lose_vectors_and_terms(path: Path) -> None:
    for header in list(path.rglob("header.bin")):
        shutil.rmtree(header.parent)
    for terms in list(path.rglob("*.term")):
        os.truncate(terms, 10)


def lose_half_a_database_and_tantivy(path: Path) -> None:
    os.truncate(path / "chroma" / "chroma.sqlite3", 20_000)
    shutil.rmtree(path / "tantivy")


def lose_half_the_matrix(path: Path) -> None:
    for vectors in path.glob("matrix/*/vectors-*"):
        os.truncate(vectors, 40)


def lose_chroma(path: Path) -> None:
    shutil.rmtree(path / "chroma")


@pytest.mark.parametrize(
    "lose",
    [
        shutil.rmtree,
        lose_chroma,
        lose_half_the_matrix,
        lose_vectors_and_terms,
        lose_half_a_database_and_tantivy,
    ],
)
def test_lost_files_are_made_again_from_the_catalog_alone(
    path: Path,
    filled: Callable[[], Followers],
    catalog: Catalog,
    collection: Collection,
    lose: Callable[[Path], object],
) -> None:
    lose(path)
    assert_in_step(catalog, collection, filled())


def test_followers_of_an_older_backup_catch_up(
    tmp_path: Path,
    path: Path,
    filled: Callable[[], Followers],
    catalog: Catalog,
    collection: Collection,
    version: MakeVersion,
) -> None:
    shutil.copytree(path, tmp_path / "backup")
    followers = filled()
    put(catalog, collection, followers, version("a", ["puffin"]), version("c", ["orca"]))
    followers.close()
    shutil.rmtree(path)
    shutil.copytree(tmp_path / "backup", path)
    assert_in_step(catalog, collection, filled())


def test_followers_that_are_ahead_of_a_restored_catalog_are_made_again(
    tmp_path: Path, path: Path, version: MakeVersion
) -> None:
    file = tmp_path / "restored.sqlite3"
    database = Database(sqlite_url(file))
    catalog = Catalog(database)
    collection = catalog.ensure_collection("default", embedding_model="eight", dimension=8)
    followers = Followers(path, catalog)
    put(catalog, collection, followers, version("a", ["penguin"]))
    database.close()
    shutil.copy(file, tmp_path / "backup.sqlite3")
    put(catalog, collection, followers, version("a", ["puffin"]), version("b", ["orca"]))
    followers.close()
    database.close()
    shutil.copy(tmp_path / "backup.sqlite3", file)
    restored = Database(sqlite_url(file))
    again = Followers(path, Catalog(restored))
    assert_in_step(Catalog(restored), collection, again)
    again.close()
    restored.close()


def test_followers_of_another_catalog_are_not_taken_for_ours(
    tmp_path: Path, path: Path, catalog: Catalog, collection: Collection, version: MakeVersion
) -> None:
    followers = Followers(path, catalog)
    put(catalog, collection, followers, version("a", ["penguin", "seal"]))
    followers.close()
    database = Database(sqlite_url(tmp_path / "other.sqlite3"))
    other = Catalog(database)
    same_name = other.ensure_collection("default", embedding_model="eight", dimension=8)
    other.add_pending(same_name, [version("a", ["orca", "walrus"])])
    followers = Followers(path, other)
    assert_in_step(other, same_name, followers)
    followers.close()
    database.close()


def test_a_process_that_is_killed_leaves_followers_that_are_checked_and_in_step(
    tmp_path: Path, path: Path, catalog: Catalog, collection: Collection, version: MakeVersion
) -> None:
    catalog.add_pending(collection, [version("a", ["penguin", "seal"]), version("b", ["walrus"])])
    code = """
import os, pathlib, sys
from index.catalog import Catalog, Database
from index.followers import Followers
from tests.index.conftest import expected, put
from tests.waiting import until
Followers(pathlib.Path(sys.argv[2]), Catalog(Database(sys.argv[1])))
os.kill(os.getpid(), 9)
"""
    url = sqlite_url(tmp_path / "catalog.sqlite3")
    killed = subprocess.run([sys.executable, "-c", code, url, path], check=False)
    assert killed.returncode == -9
    assert not (path / "closed.json").exists()
    followers = Followers(path, catalog)
    assert_in_step(catalog, collection, followers)
    followers.close()
    assert (path / "closed.json").exists()


def test_a_search_does_not_wait_for_a_catch_up(
    path: Path, catalog: Catalog, collection: Collection, version: MakeVersion
) -> None:
    followers = Followers(path, catalog)
    put(catalog, collection, followers, version("a", ["penguin"]))
    (live,) = catalog.live_versions(collection)
    vector = catalog.version_chunks(collection, live)[0].vector
    catalog.add_pending(collection, [version(f"s{at}", ["seal"] * 500) for at in range(12)])
    writer = threading.Thread(target=followers.catch_up, args=[collection])
    started = time.monotonic()
    writer.start()
    longest = 0.0
    while writer.is_alive():
        before = time.monotonic()
        group = followers.of(collection)
        assert f"{live}.0" in group.dense.search(vector, 1000).by_id() or group.dense.count() > 1000
        assert f"{live}.0" in group.lexical.search("penguin", 5).by_id()
        longest = max(longest, time.monotonic() - before)
    assert longest < (time.monotonic() - started) / 2
    followers.close()


def test_collections_can_be_filled_by_threads_at_once(
    path: Path, catalog: Catalog, version: MakeVersion
) -> None:
    followers = Followers(path, catalog)
    made = [catalog.ensure_collection(name, embedding_model="eight", dimension=8) for name in "abc"]

    def fill(collection: Collection) -> None:
        for at in range(3):
            put(catalog, collection, followers, version(f"s{at % 2}", [f"{collection.name}{at}", "seal"]))

    threads = [threading.Thread(target=fill, args=[each]) for each in (*made, *made)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for collection in made:
        assert_in_step(catalog, collection, followers)
    followers.close()
