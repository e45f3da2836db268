"""A collection moves to another embedding model: nothing is lost, mixed or embedded twice, wherever it is cut off."""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from index.audit import audit_catalog
from index.catalog import Catalog, Collection, Database, sqlite_url
from index.embed import Vectors
from index.errors import CatalogError, EmbeddingError, EmbeddingMismatch, NotFound
from index.followers import Followers
from index.reembed import Reembedded, reembed
from index.retrieve import Retriever
from index.staged import staging_paths, tidy
from index.upload import Upload

SOAK = Path(__file__).parents[1] / "soak"
NAMES = [f"doc{at}" for at in range(100)]
TEXTS = {name: f"Record {name} tells of item{at} and part{3 * at}." for at, name in enumerate(NAMES)}
CHILD = """
import os, sys
from pathlib import Path
from index.catalog import Catalog, Database, sqlite_url
from index.reembed import reembed
from tiny import TinyEmbedder

def end():
    os.kill(os.getpid(), 9)

class Ending(TinyEmbedder):
    batches = 0
    def embed(self, texts):
        self.batches += 1
        if self.batches == int(sys.argv[2]):
            end()
        return super().embed(texts)

class EndingCatalog(Catalog):
    def change_model(self, collection, moved, vectors, **others):
        def cut_off():
            for at, each in enumerate(vectors):
                if at == 50 and sys.argv[3] == "moving":
                    end()
                yield each
        super().change_model(collection, moved, cut_off(), **others)
        if sys.argv[3] == "moved":
            end()

data_dir = Path(sys.argv[1])
catalog = EndingCatalog(Database(sqlite_url(data_dir / "catalog.sqlite3")))
reembed(catalog, catalog.collection("default"), Ending("new", 48), data_dir)
"""


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory, tiny: ModuleType) -> Path:
    """A data directory with a hundred documents of a chunk each, to be copied."""
    data_dir = tmp_path_factory.mktemp("filled") / "data"
    with tiny.opened_index(data_dir, tiny.TinyEmbedder("old")) as index:
        index.put(**TEXTS)
    return data_dir


@pytest.fixture
def data_dir(tmp_path: Path, filled: Path) -> Path:
    shutil.copytree(filled, tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture
def new(tiny: ModuleType) -> Callable[..., Any]:
    """Makes an embedder of another name and dimension, that keeps its texts, and may fail at its n-th batch."""

    class Keeping(tiny.TinyEmbedder):  # type: ignore[misc, name-defined]
        def __init__(self, *, failing: int | None = None, name: str = "new", dimension: int = 48) -> None:
            super().__init__(name, dimension)
            self.failing, self.batches = failing, 0
            self.texts: list[str] = []

        def embed(self, texts: Sequence[str]) -> Vectors:
            self.batches += 1
            if self.batches == self.failing:
                raise EmbeddingError("the model is away: call again")
            self.texts += texts
            vectors: Vectors = super().embed(texts)
            return vectors

    return Keeping


def move(data_dir: Path, embedder: Any, **options: Any) -> Reembedded:
    database = Database(sqlite_url(data_dir / "catalog.sqlite3"))
    try:
        catalog = Catalog(database)
        return reembed(catalog, catalog.collection("default"), embedder, data_dir, **options)
    finally:
        database.close()


def check_moved(data_dir: Path, tiny: ModuleType, texts: dict[str, str] = TEXTS, *, to: Any = None) -> None:
    """The collection has vectors of the new model only, is found by them, and was opened without embedding."""
    embedder = to or tiny.TinyEmbedder("new", 48)
    embedder.calls = 0
    with tiny.opened_index(data_dir, embedder) as index:
        assert embedder.calls == 0
        tiny.check(index, texts)
        assert {each.state for each in audit_catalog(index.database)} == {"ok"}
        for version in index.catalog.held_versions(index.collection):
            for chunk in index.catalog.version_chunks(index.collection, version):
                assert index.followers.of(index.collection).matrix.holds(chunk)
        assert index.followers.of(index.collection).dense.count() == len(texts)
        assert tidy(data_dir, index.catalog) == []
    assert staging_paths(data_dir) == []
    with pytest.raises(EmbeddingMismatch, match="qa reindex"):
        tiny.open_index(data_dir, tiny.TinyEmbedder("old"))


def check_as_before(data_dir: Path, tiny: ModuleType, texts: dict[str, str] = TEXTS) -> None:
    with tiny.opened_index(data_dir, tiny.TinyEmbedder("old")) as index:
        tiny.check(index, texts)
        assert {each.state for each in audit_catalog(index.database)} == {"ok"}


def ended(data_dir: Path, *, at_batch: int = 0, when: str = "") -> None:
    """A process that moves the collection, and is killed."""
    command = [sys.executable, "-c", CHILD, str(data_dir), str(at_batch), when]
    path = os.pathsep.join((str(SOAK), str(SOAK.parents[1])))
    killed = subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, check=False)
    assert killed.returncode == -9


def test_a_collection_that_has_moved_is_searched_with_the_new_model_and_refuses_the_old(
    data_dir: Path, tiny: ModuleType, new: Callable[..., Any]
) -> None:
    embedder = new()
    told: list[tuple[str, int, int]] = []
    moved = move(data_dir, embedder, on_embedded=lambda *each: told.append(each))
    assert (moved.collection.embedding_model, moved.collection.dimension) == ("new", 48)
    assert (moved.embedded, moved.staged) == (100, 0)
    assert told == [("default", done, 100) for done in (0, 32, 64, 96, 100)]
    assert len(embedder.texts) == len(set(embedder.texts)) == 200  # a hundred chunks, and their sentences
    check_moved(data_dir, tiny)


def test_another_model_of_the_same_dimension_is_another_model(
    data_dir: Path, tiny: ModuleType, new: Callable[..., Any]
) -> None:
    move(data_dir, new(dimension=64))
    check_moved(data_dir, tiny, to=new(dimension=64))


@pytest.mark.parametrize("failing", [1, 2, 4])
def test_a_model_that_fails_leaves_the_collection_as_it_was_and_what_was_embedded_is_not_embedded_again(
    data_dir: Path, tiny: ModuleType, new: Callable[..., Any], failing: int
) -> None:
    first, second = new(failing=failing), new()
    with pytest.raises(EmbeddingError):
        move(data_dir, first)
    check_as_before(data_dir, tiny)
    moved = move(data_dir, second)
    assert moved.staged == 32 * (failing - 1)
    assert len(first.texts + second.texts) == len({*first.texts, *second.texts}) == 200
    check_moved(data_dir, tiny)


def test_a_process_that_is_killed_while_it_embeds_loses_the_batch_at_hand(
    data_dir: Path, tiny: ModuleType, new: Callable[..., Any]
) -> None:
    ended(data_dir, at_batch=3)
    embedder = new()
    assert move(data_dir, embedder).staged == 64
    assert len(embedder.texts) == 72
    check_moved(data_dir, tiny)


def test_a_process_that_is_killed_in_the_middle_of_the_move_has_moved_nothing(
    data_dir: Path, tiny: ModuleType, new: Callable[..., Any]
) -> None:
    ended(data_dir, when="moving")
    check_as_before(data_dir, tiny)
    embedder = new()
    move(data_dir, embedder)
    assert embedder.texts == []
    check_moved(data_dir, tiny)


def test_a_process_that_is_killed_behind_the_move_leaves_what_the_next_start_makes_again(
    data_dir: Path, tiny: ModuleType
) -> None:
    ended(data_dir, when="moved")
    assert len(staging_paths(data_dir)) == 1
    check_moved(data_dir, tiny)
    with tiny.opened_index(data_dir, tiny.TinyEmbedder("new", 48)) as index:
        uids = {path.name for path in data_dir.glob("followers/[mt]a*/*")}
        assert uids == {index.collection.uid}


def test_of_a_document_that_is_deleted_meanwhile_nothing_is_left_in_the_staging_file(
    data_dir: Path, tiny: ModuleType, new: Callable[..., Any]
) -> None:
    with pytest.raises(EmbeddingError):
        move(data_dir, new(failing=4))
    (path,) = staging_paths(data_dir)
    with closing(sqlite3.connect(path)) as connection:
        (vector,) = connection.execute(
            "SELECT vector FROM vectors JOIN places USING (key) ORDER BY version_id LIMIT 1"
        ).fetchone()
    assert vector in path.read_bytes()
    with tiny.opened_index(data_dir, tiny.TinyEmbedder("old")) as index:
        gone = min(index.catalog.held_versions(index.collection))
        (source,) = (
            each.source
            for each in index.catalog.documents(index.collection)
            if index.catalog.text(each.id).version_id == gone
        )
        index.delete(source)
        assert tidy(data_dir, index.catalog) == [index.collection]
    assert vector not in path.read_bytes()
    assert move(data_dir, new()).staged == 95
    check_moved(data_dir, tiny, {name: text for name, text in TEXTS.items() if name != source})


def test_the_staging_file_of_a_collection_that_has_gone_is_removed(
    data_dir: Path, tiny: ModuleType, new: Callable[..., Any]
) -> None:
    with pytest.raises(EmbeddingError):
        move(data_dir, new(failing=2))
    with tiny.opened_index(data_dir, tiny.TinyEmbedder("old")) as index:
        index.catalog.delete_collection(index.collection)
        assert tidy(data_dir, index.catalog) == []
    assert staging_paths(data_dir) == []


def flip_a_vector(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE vectors SET vector = zeroblob(192) WHERE rowid = 5")


def overwrite(path: Path) -> None:
    path.write_bytes(b"\xff" * 8192)


@pytest.mark.parametrize(("damage", "embedded"), [(flip_a_vector, 5), (overwrite, 100)])
def test_what_is_damaged_in_the_staging_file_is_embedded_again(
    data_dir: Path, tiny: ModuleType, new: Callable[..., Any], damage: Callable[[Path], None], embedded: int
) -> None:
    with pytest.raises(EmbeddingError):
        move(data_dir, new(failing=4))
    damage(*staging_paths(data_dir))
    assert move(data_dir, new()).embedded == embedded
    check_moved(data_dir, tiny)


def test_a_document_with_another_title_meanwhile_is_embedded_under_that(
    data_dir: Path, tiny: ModuleType, new: Callable[..., Any]
) -> None:
    with pytest.raises(EmbeddingError):
        move(data_dir, new(failing=4))
    with tiny.opened_index(data_dir, tiny.TinyEmbedder("old")) as index:
        (document,) = index.catalog.documents(index.collection, source="doc7")
        index.catalog.rename(document.id, title="Ledger")
        index.followers.catch_up(index.collection)
    embedder = new()
    assert move(data_dir, embedder).embedded == 5
    assert f"Ledger\n{TEXTS['doc7']}" in embedder.texts
    check_moved(data_dir, tiny)


def test_equal_documents_are_embedded_once(tmp_path: Path, tiny: ModuleType, new: Callable[..., Any]) -> None:
    with tiny.opened_index(tmp_path / "data", tiny.TinyEmbedder("old")) as index:
        for folder in ("a", "b", "c"):
            (each,) = index.ingestor.put([Upload(f"{folder}/note.txt", "note.txt", b"The kiln is cold.")])
            assert each.outcome == "indexed"
    embedder = new()
    assert move(tmp_path / "data", embedder).embedded == 3
    assert len(embedder.texts) == 2


def test_a_collection_moves_there_and_back(data_dir: Path, tiny: ModuleType, new: Callable[..., Any]) -> None:
    move(data_dir, new())
    move(data_dir, new(name="old", dimension=64))
    check_as_before(data_dir, tiny)
    with tiny.opened_index(data_dir, tiny.TinyEmbedder("old")) as index:
        index.put(doc1="Another text about an otter.")
        tiny.check(index, {**TEXTS, "doc1": "Another text about an otter."})


def test_a_collection_into_which_documents_come_meanwhile_stays_as_it_is(
    data_dir: Path, tiny: ModuleType, new: Callable[..., Any]
) -> None:
    def write() -> None:
        with tiny.opened_index(data_dir, tiny.TinyEmbedder("old")) as index:
            index.put(late="A late harbour.")

    with pytest.raises(CatalogError, match="call `qa reindex` again"):
        move(data_dir, new(), before_move=write)
    check_as_before(data_dir, tiny, {**TEXTS, "late": "A late harbour."})
    assert move(data_dir, new()).embedded == 1
    check_moved(data_dir, tiny, {**TEXTS, "late": "A late harbour."})


def test_whoever_still_has_the_old_collection_at_hand_can_not_write_into_the_new_one(
    data_dir: Path, tiny: ModuleType, new: Callable[..., Any]
) -> None:
    database = Database(sqlite_url(data_dir / "catalog.sqlite3"))
    catalog = Catalog(database)
    old: Collection = catalog.collection("default")
    reembed(catalog, old, new(), data_dir)
    with pytest.raises(NotFound):
        catalog.add_pending(old, [])
    with pytest.raises(NotFound):
        catalog.require(old)
    database.close()


def test_a_process_that_has_it_open_takes_over_what_has_moved(
    data_dir: Path, tiny: ModuleType, new: Callable[..., Any]
) -> None:
    database = Database(sqlite_url(data_dir / "catalog.sqlite3"))
    catalog, lease = Catalog(database), database.lease()
    followers = Followers(data_dir / "followers", catalog, lease=lease)
    embedder = tiny.TinyEmbedder("new", 48)
    old = catalog.collection("default")
    Retriever(catalog, tiny.TinyEmbedder("old"), followers).search(old, "item7", k=1)
    moved = reembed(catalog, old, new(), data_dir).collection
    assert followers.keep_up() == [old]
    (passage,) = Retriever(catalog, embedder, followers).search(moved, "item7", k=1).passages
    assert passage.text == TEXTS["doc7"]
    followers.close()
    lease.release()
    database.close()
    check_moved(data_dir, tiny)
