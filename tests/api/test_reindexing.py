"""A collection moves to another embedding model while the service runs: a job, followed and cancelled over HTTP."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from types import ModuleType
from typing import Any

import pytest
from flask.testing import FlaskClient

from index.errors import EmbeddingError
from index.staged import staging_paths
from index.upload import Upload
from index.vectors import Vectors
from qa_service.access.keys import Rights
from qa_service.api import Context, create_app
from qa_service.services import Services, opened
from qa_service.settings import Settings
from tests.waiting import until

Make = Callable[[Services], Context]

WORDS = [f"word{at}" for at in range(100)]


class Gate:
    """An embedding model that embeds `allowed` batches, and then waits to be let go on, or fails."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.name, self.dimension = inner.name, inner.dimension
        self.allowed = 10**9
        self.fails = False
        self.open = threading.Event()

    def embed(self, texts: Sequence[str]) -> Vectors:
        if self.allowed <= 0:
            if self.fails:
                raise EmbeddingError("the embedding model is away: start it")
            assert self.open.wait(20)
        self.allowed -= 1
        vectors: Vectors = self._inner.embed(texts)
        return vectors

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


@pytest.fixture
def new_model(tiny: ModuleType) -> Gate:
    return Gate(tiny.TinyEmbedder("tiny/new"))


@pytest.fixture
def moving(settings: Settings, tiny: ModuleType, new_model: Gate) -> Iterator[Services]:
    """Services whose only collection has the vectors of another model."""
    with opened(settings, command="pytest", embedder=tiny.TinyEmbedder("tiny/old")) as services:
        uploads = [Upload(f"{word}.txt", f"{word}.txt", f"This is {word}.".encode()) for word in WORDS]
        done = list(services.ingestor(services.collection("default")).put(uploads))
        assert {each.outcome for each in done} == {"indexed"}
    with opened(settings, command="pytest", embedder=new_model) as services:
        yield services


@pytest.fixture
def client(moving: Services, make: Make) -> Iterator[FlaskClient]:
    context: Context = make(moving)
    yield create_app(context).test_client()
    context.worker.close()


def job_of(client: FlaskClient, job_id: str) -> dict[str, Any]:
    return dict(client.get(f"/v1/jobs/{job_id}").get_json())


def ended(client: FlaskClient, job_id: str) -> dict[str, Any]:
    until(lambda: job_of(client, job_id)["status"] != "running")
    return job_of(client, job_id)


def found(client: FlaskClient, word: str) -> Any:
    return client.post("/v1/search", json={"query": f"This is {word}.", "k": 1}).get_json()


def start(client: FlaskClient) -> str:
    reply = client.post("/v1/collections/default/reindex")
    assert reply.status_code == 202
    job_id: str = reply.get_json()["job_id"]
    return job_id


def test_it_is_refused_before_and_found_whole_when_the_job_is_done(
    client: FlaskClient, moving: Services
) -> None:
    assert found(client, "word7")["code"] == "embedding_mismatch"
    job = ended(client, start(client))
    assert (job["kind"], job["status"], job["documents"]) == ("reindex", "done", [])
    assert job["reindexing"] == {"status": "replaced", "chunks": len(WORDS)}
    assert {found(client, word)["passages"][0]["text"] for word in WORDS[::20]} == {
        f"This is {word}." for word in WORDS[::20]
    }
    assert client.get("/v1/collections/default").get_json()["embedding_model"] == "tiny/new"
    assert staging_paths(moving.settings.data_dir) == []
    again = ended(client, start(client))
    assert (again["status"], again["reindexing"]["status"]) == ("done", "unchanged")
    assert [each["kind"] for each in client.get("/v1/jobs").get_json()["jobs"]][:2] == ["reindex", "reindex"]


def test_no_search_sees_a_part_of_it(client: FlaskClient, moving: Services) -> None:
    wrong: list[Any] = []
    over = threading.Event()

    def search() -> None:
        reader = client.application.test_client()
        while not over.is_set():
            reply = found(reader, "word3")
            if reply.get("code") == "embedding_mismatch":
                continue
            if [each["text"] for each in reply.get("passages", [])] != ["This is word3."]:
                wrong.append(reply)

    searching = [threading.Thread(target=search) for _ in range(3)]
    for each in searching:
        each.start()
    assert ended(client, start(client))["status"] == "done"
    time.sleep(0.3)
    over.set()
    for each in searching:
        each.join()
    assert wrong == []


def test_what_was_embedded_is_kept_when_it_is_cancelled(
    client: FlaskClient, moving: Services, new_model: Gate
) -> None:
    new_model.allowed = 2
    job_id = start(client)
    until(lambda: job_of(client, job_id)["reindexing"].get("embedded"))
    assert start(client) == job_id  # it waits for that already
    assert client.delete(f"/v1/jobs/{job_id}").get_json()["status"] == "cancelled"
    new_model.open.set()
    assert found(client, "word7")["code"] == "embedding_mismatch"
    job = ended(client, start(client))
    assert (job["status"], job["reindexing"]["chunks"]) == ("done", len(WORDS))


def test_what_is_deleted_meanwhile_stays_deleted(
    client: FlaskClient, moving: Services, new_model: Gate
) -> None:
    new_model.allowed = 2
    job_id = start(client)
    documents = client.get("/v1/documents?limit=1000").get_json()["documents"]
    (gone,) = (each["id"] for each in documents if each["title"] == "word5")
    assert client.delete(f"/v1/documents/{gone}").status_code == 204
    new_model.open.set()
    job = ended(client, job_id)
    assert (job["status"], job["reindexing"]["chunks"]) == ("done", len(WORDS) - 1)
    assert "word5." not in found(client, "word5")["passages"][0]["text"]


def test_while_the_model_is_away_the_job_says_so_and_it_goes_on_by_itself(
    client: FlaskClient, moving: Services, new_model: Gate
) -> None:
    new_model.allowed, new_model.fails = 2, True
    job_id = start(client)
    until(lambda: "delay" in job_of(client, job_id))
    job = job_of(client, job_id)
    assert (job["status"], job["delay"]["code"]) == ("running", "embedding_failed")
    new_model.allowed = 10**9
    assert ended(client, job_id)["status"] == "done"


def test_it_takes_a_key_for_all_collections_and_a_collection(client: FlaskClient, moving: Services) -> None:
    assert client.post("/v1/collections/nothing/reindex").get_json()["code"] == "not_found"
    secrets = {
        name: moving.keys.create(name, rights)[1]
        for name, rights in (
            ("writer", Rights(scopes=("write",))),
            ("one", Rights(scopes=("admin",), collections=("default",))),
            ("all", Rights(scopes=("admin",))),
        )
    }
    codes = {
        name: client.post(
            "/v1/collections/default/reindex", headers={"Authorization": f"Bearer {secret}"}
        ).status_code
        for name, secret in secrets.items()
    }
    assert codes == {"writer": 403, "one": 403, "all": 202}


def test_a_job_that_was_cut_off_goes_on_at_the_next_start(
    settings: Settings, moving: Services, new_model: Gate, make: Make
) -> None:
    new_model.allowed = 2
    context: Context = make(moving)
    job_id = start(create_app(context).test_client())
    until(lambda: new_model.allowed <= 0)
    closing = threading.Thread(target=context.worker.close)
    closing.start()
    time.sleep(0.2)
    new_model.open.set()
    closing.join()
    job = moving.jobs.get(job_id)
    assert (job.status, moving.catalog.collection("default").embedding_model) == ("running", "tiny/old")
    new_model.allowed = 10**9
    context = make(moving)
    client = create_app(context).test_client()
    assert ended(client, job_id)["status"] == "done"
    assert found(client, "word9")["passages"][0]["text"] == "This is word9."
    context.worker.close()
