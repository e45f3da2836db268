"""A data directory whose collections move to the embedding model of the settings."""

import logging
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import chromadb
import pytest

from index.catalog import Database
from index.errors import DataDirectoryInUse, EmbeddingMismatch, NotFound
from index.owner import OwnerLock
from index.staged import staging_paths
from index.upload import Upload
from qa_service.maintenance.doctor import examine
from qa_service.maintenance.reindexing import reindexing
from qa_service.requests import SearchRequest
from qa_service.services import opened
from qa_service.settings import Settings
from tests.descriptors import connections_to

Fill = Callable[..., None]


class CutOffError(Exception):
    """What a test cuts the work off with."""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data")


@pytest.fixture
def chroma(tmp_path: Path, scaling: ModuleType) -> Iterator[Any]:
    with scaling.chroma_server(tmp_path / "chroma") as server:
        yield server


@pytest.fixture
def fill(tiny: ModuleType) -> Fill:
    """Puts forty documents into each of some collections, embedded by a model called `old`."""

    def put(settings: Settings, *names: str) -> None:
        with opened(settings, command="pytest", embedder=tiny.TinyEmbedder("old")) as services:
            for name in names or ("default",):
                uploads = [
                    Upload(f"{at}.txt", f"{at}.txt", f"Kiln number{at} of {name}.".encode())
                    for at in range(40)
                ]
                done = services.ingestor(services.collection(name)).put(uploads)
                assert {each.outcome for each in done} == {"indexed"}

    return put


def found(settings: Settings, embedder: Any, query: str, collection: str = "default") -> str:
    with opened(settings, command="pytest", embedder=embedder) as services:
        wanted = SearchRequest.model_validate({"query": query, "collection": collection})
        return services.search(wanted)[0].text


def move(settings: Settings, embedder: Any, *names: str, cut_at: int | None = None) -> dict[str, int]:
    """How many passages were embedded for each collection that has moved; cut off at so many of the last."""

    def heard(_name: str, done: int, _total: int) -> None:
        if cut_at is not None and done >= cut_at:
            raise CutOffError

    lock = OwnerLock(settings.data_dir, command="pytest")
    try:
        with reindexing(settings, embedder=embedder) as work:
            moved = work.move(work.collections(names), on_embedded=heard)
            counts = {each.collection.name: each.embedded for each in moved}
            work.follow()
            return counts
    finally:
        lock.release()


def test_all_collections_of_another_model_move_and_no_other(
    settings: Settings, fill: Fill, tiny: ModuleType
) -> None:
    fill(settings, "default", "more", "last")
    new = tiny.TinyEmbedder("new", 32)
    assert move(settings, new, "more") == {"more": 40}
    with pytest.raises(EmbeddingMismatch, match="qa reindex"):
        found(settings, new, "number7")
    assert move(settings, new) == {"default": 40, "last": 40}
    assert move(settings, new) == {}
    for name in ("default", "more", "last"):
        assert found(settings, new, "kiln number7", name) == f"Kiln number7 of {name}."
    with pytest.raises(NotFound):
        move(settings, new, "others")


def test_a_service_that_starts_between_two_calls_says_so_and_what_is_deleted_leaves_the_staging_file(
    settings: Settings, fill: Fill, tiny: ModuleType, caplog: pytest.LogCaptureFixture
) -> None:
    fill(settings)
    with pytest.raises(CutOffError):
        move(settings, tiny.TinyEmbedder("new"), cut_at=32)
    (staged,) = staging_paths(settings.data_dir)
    vector = tiny.TinyEmbedder("new").embed(["3\nKiln number3 of default."])[0].tobytes()
    assert vector in staged.read_bytes()
    with (
        caplog.at_level(logging.WARNING),
        opened(settings, command="pytest", embedder=tiny.TinyEmbedder("old")) as services,
    ):
        collection = services.collection("default")
        (document,) = services.catalog.documents(collection, source="3.txt")
        services.delete_document(collection, document.id)
    assert "`qa reindex` of 'default' was cut off" in caplog.text
    assert vector not in staged.read_bytes()
    assert move(settings, tiny.TinyEmbedder("new")) == {"default": 8}


def test_a_move_that_is_given_up_is_forgotten_when_the_old_model_is_set_again(
    settings: Settings, fill: Fill, tiny: ModuleType
) -> None:
    fill(settings)
    with pytest.raises(CutOffError):
        move(settings, tiny.TinyEmbedder("new"), cut_at=32)
    assert move(settings, tiny.TinyEmbedder("old")) == {}
    assert staging_paths(settings.data_dir) == []


def test_doctor_names_what_was_cut_off_and_removes_what_belongs_to_no_collection(
    settings: Settings, fill: Fill, tiny: ModuleType
) -> None:
    def staged(*, repair: bool = False) -> list[str]:
        return [each.state for each in examine(settings, repair=repair) if each.check == "reindex"]

    fill(settings)
    with pytest.raises(CutOffError):
        move(settings, tiny.TinyEmbedder("new"), cut_at=32)
    (path,) = staging_paths(settings.data_dir)
    shutil.copy(path, path.with_name("reindex-0123456789abcdef-0123456789ab.sqlite3"))
    assert staged() == ["broken", "unchecked"]
    assert staged(repair=True) == ["repaired", "unchecked"]
    assert staging_paths(settings.data_dir) == [path]


def test_over_postgresql_and_a_chroma_server_it_is_for_one_process_and_leaves_nothing_of_the_old_model(
    settings: Settings, fill: Fill, tiny: ModuleType, postgres_url: str, chroma: Any
) -> None:
    shared = settings.model_copy(update={"database_url": postgres_url, "chroma_url": chroma.url})
    fill(shared)
    database = Database(postgres_url)
    lease = database.lease()
    assert lease.held()
    new = tiny.TinyEmbedder("new", 32)
    with pytest.raises(
        DataDirectoryInUse,
        match=r"another process serves from this database.*POST /v1/collections/NAME/reindex",
    ):
        move(shared, new)
    lease.release()
    database.close()
    assert new.calls == 0

    assert move(shared, new) == {"default": 40}
    assert connections_to(chroma.port) == 0
    new.calls = 0
    assert found(shared, new, "kiln number7") == "Kiln number7 of default."
    assert new.calls == 0
    client = chromadb.HttpClient(host=chroma.url)
    (held,) = client.list_collections()
    assert held.count() == 40
