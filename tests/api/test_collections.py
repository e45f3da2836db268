import io
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from index.embed import Embedder
from index.upload import Upload
from qa_service.access.keys import Rights
from qa_service.api import Access, Context, create_app
from qa_service.services import Services, opened
from qa_service.settings import Settings

Wait = Callable[[str], dict[str, Any]]

CANARY = "Zanzibarquartz"
TEXT = f"# The safe\n\nThe word of the safe is {CANARY}. The safe stands in the hall.\n"
QUESTION = "What is the word of the safe?"


@pytest.fixture
def filled(client: FlaskClient, finished: Wait) -> str:
    """The id of a document in the collection `vault`."""
    body = {"title": "Safe", "text": TEXT, "collection": "vault"}
    (document,) = finished(client.post("/v1/documents", json=body).get_json()["job_id"])["documents"]
    return str(document["id"])


def places_of(folder: Path, text: bytes) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and text in path.read_bytes()]


def test_a_collection_is_made_described_listed_and_deleted(client: FlaskClient, services: Services) -> None:
    before = time.time_ns() // 1_000_000
    made = client.post("/v1/collections", json={"name": "handbook"})
    assert made.status_code == 201
    told = made.get_json()
    assert before <= told.pop("created_at") <= time.time_ns() // 1_000_000
    assert told == {
        "name": "handbook",
        "documents": 0,
        "chunks": 0,
        "embedding_model": services.embedder.name,
    }
    assert client.get("/v1/collections/handbook").get_json() == made.get_json()
    assert client.get("/v1/collections").get_json() == {"collections": [made.get_json()]}
    assert client.delete("/v1/collections/handbook").status_code == 204
    assert client.get("/v1/collections").get_json() == {"collections": []}


def test_a_name_is_taken_once(client: FlaskClient) -> None:
    assert client.post("/v1/collections", json={"name": "a"}).status_code == 201
    reply = client.post("/v1/collections", json={"name": "a"})
    assert (reply.status_code, reply.get_json(force=True)["code"]) == (409, "collection_exists")


@pytest.mark.parametrize("name", ["", "a b", "../x", "ä", "x" * 64, "a\n", "a.b", "-", "_a", "--help"])
def test_a_name_has_letters_digits_and_two_marks(client: FlaskClient, name: str) -> None:
    assert client.post("/v1/collections", json={"name": name}).status_code == 400


def test_no_document_makes_a_collection_whose_name_begins_with_a_mark(client: FlaskClient) -> None:
    body = {"title": "A", "text": "Tea.", "collection": "--help"}
    reply = client.post("/v1/documents", json=body)
    assert (reply.status_code, reply.get_json(force=True)["code"]) == (400, "invalid_request")
    assert client.get("/v1/collections").get_json() == {"collections": []}


def test_documents_and_chunks_are_counted(client: FlaskClient, filled: str) -> None:
    client.post("/v1/documents", json={"title": "B", "text": "More.", "collection": "other"})
    found = {each["name"]: each for each in client.get("/v1/collections").get_json()["collections"]}
    assert list(found) == ["other", "vault"]
    assert (found["vault"]["documents"], found["vault"]["chunks"]) == (1, 1)


def test_a_collection_that_is_empty_is_answered_from_without_a_claim(client: FlaskClient) -> None:
    client.post("/v1/collections", json={"name": "empty"})
    answer = client.post("/v1/answers", json={"question": QUESTION, "collection": "empty"}).get_json()
    assert (answer["status"], answer["reason"]) == ("abstained", "empty_index")


def test_nothing_of_a_deleted_collection_is_found_anywhere(
    client: FlaskClient, services: Services, filled: str
) -> None:
    conversation = client.post("/v1/conversations").get_json()["id"]
    asked = {"question": QUESTION, "collection": "vault", "conversation_id": conversation}
    answer = client.post("/v1/answers", json=asked).get_json()
    assert CANARY in answer["text"]
    client.post("/v1/feedback", json={"answer_id": answer["id"], "rating": "up"})
    client.post("/v1/documents", json={"title": "Q", "text": f"{CANARY} too.", "collection": "vault"})
    uid = services.catalog.collection("vault").uid
    data_dir = services.settings.data_dir
    assert places_of(data_dir, CANARY.encode())
    assert [*data_dir.glob(f"followers/*/{uid}")]

    assert client.delete("/v1/collections/vault").status_code == 204

    assert client.get("/v1/collections/vault").status_code == 404
    assert client.get(f"/v1/documents/{filled}").status_code == 404
    assert client.get("/v1/documents?collection=vault").status_code == 404
    for path, body in (("answers", {"question": QUESTION}), ("search", {"query": QUESTION})):
        assert client.post(f"/v1/{path}", json=body | {"collection": "vault"}).status_code == 404
    (turn,) = client.get(f"/v1/conversations/{conversation}").get_json()["turns"]
    assert CANARY not in str(turn["answer"])
    assert client.get("/v1/feedback").get_json()["feedback"] == []
    assert not places_of(data_dir, CANARY.encode())
    assert not [*data_dir.glob(f"followers/*/{uid}")]


def test_a_collection_of_the_same_name_begins_with_nothing(
    client: FlaskClient, finished: Wait, filled: str
) -> None:
    client.delete("/v1/collections/vault")
    body = {"title": "Tea", "text": "Tea is at four.", "collection": "vault"}
    (document,) = finished(client.post("/v1/documents", json=body).get_json()["job_id"])["documents"]
    listed = client.get("/v1/documents?collection=vault").get_json()["documents"]
    assert [each["id"] for each in listed] == [document["id"]]
    passages = client.post("/v1/search", json={"query": "the safe", "collection": "vault"}).get_json()
    assert [each["document_id"] for each in passages["passages"]] == [document["id"]]


def test_the_other_collections_stay_as_they_are(client: FlaskClient, finished: Wait, filled: str) -> None:
    body = {"title": "Tea", "text": "Tea is at four.", "collection": "other"}
    finished(client.post("/v1/documents", json=body).get_json()["job_id"])
    client.delete("/v1/collections/vault")
    passages = client.post("/v1/search", json={"query": "tea", "collection": "other"}).get_json()["passages"]
    assert [each["text"] for each in passages] == ["Tea is at four."]


@pytest.mark.parametrize("deletions", [8, pytest.param(200, marks=pytest.mark.soak)])
def test_a_deletion_in_the_midst_of_indexing_asking_and_searching_fails_nobody_otherwise_than_as_absent(
    context: Context, deletions: int
) -> None:
    statuses: set[int] = set()
    app = create_app(context)
    ended = threading.Event()

    def busy(send: Callable[[FlaskClient, int], Any]) -> None:
        client, at = app.test_client(), 0
        while not ended.is_set():
            statuses.add(send(client, at).status_code)
            at += 1

    def upload(client: FlaskClient, at: int) -> Any:
        files = [(io.BytesIO(f"Safe {at} holds {n} coins.".encode()), f"{n}.txt") for n in range(3)]
        return client.post("/v1/documents", data={"file": files, "collection": "vault"})

    sends = (
        upload,
        lambda client, _: client.post("/v1/answers", json={"question": QUESTION, "collection": "vault"}),
        lambda client, _: client.post("/v1/search", json={"query": QUESTION, "collection": "vault"}),
        lambda client, _: client.get("/v1/collections"),
        lambda client, _: client.get("/v1/documents?collection=vault"),
    )
    threads = [threading.Thread(target=busy, args=(send,)) for send in sends]
    for thread in threads:
        thread.start()
    client = app.test_client()
    deleted = 0
    for _ in range(deletions):
        time.sleep(0.05)
        deleted += client.delete("/v1/collections/vault").status_code == 204
    ended.set()
    for thread in threads:
        thread.join()
    assert deleted >= deletions // 4
    assert statuses <= {200, 202, 404}
    deadline = time.monotonic() + 30
    while context.services.jobs.queued() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert context.worker.delay is None
    assert context.worker.is_alive()


def test_what_a_crash_left_of_a_deleted_collection_goes_at_the_next_start(
    settings: Settings, embedder: Embedder
) -> None:
    with opened(settings, command="pytest", embedder=embedder) as services:
        collection = services.collection("vault")
        list(services.ingestor(collection).put([Upload("a.md", "a.md", TEXT.encode())]))
        services.catalog.delete_collection(collection)  # and the process dies before the followers forget it
    assert [*settings.data_dir.glob(f"followers/*/{collection.uid}")]
    with opened(settings, command="pytest", embedder=embedder):
        assert not [*settings.data_dir.glob(f"followers/*/{collection.uid}")]
    with sqlite3.connect(settings.data_dir / "followers" / "chroma" / "chroma.sqlite3") as chroma:
        assert chroma.execute("SELECT count(*) FROM collections").fetchone() == (0,)
    chroma.close()


# Keys


def keyed(context: Context) -> Callable[..., Callable[..., Any]]:
    """Gives what sends requests with a key of some rights."""
    app = create_app(Context(context.services, context.worker, context.streams, Access(is_local=False)))

    def of(name: str, **rights: Any) -> Callable[..., Any]:
        _, text = context.services.keys.create(name, Rights(**rights))

        def send(method: str, path: str, **options: Any) -> Any:
            headers = {"Authorization": f"Bearer {text}"}
            return app.test_client().open(path, method=method, headers=headers, **options)

        return send

    return of


def test_a_key_is_told_of_its_own_collections_and_of_no_others(context: Context) -> None:
    of = keyed(context)
    for name in ("mine", "theirs"):
        context.services.create_collection(name)
    send = of("limited", collections=("mine", "absent"))
    assert [each["name"] for each in send("GET", "/v1/collections").get_json()["collections"]] == ["mine"]
    assert send("GET", "/v1/collections/mine").status_code == 200
    foreign, absent = (send("GET", f"/v1/collections/{name}") for name in ("theirs", "absent"))
    assert (foreign.status_code, absent.status_code) == (404, 404)
    assert foreign.get_data(as_text=True).replace("theirs", "absent") == absent.get_data(as_text=True)


def test_only_a_key_for_all_collections_makes_and_deletes_them(context: Context) -> None:
    of = keyed(context)
    context.services.create_collection("mine")
    for send in (of("limited", collections=("mine",)), of("scoped", scopes=("ask", "search", "write"))):
        for name in ("mine", "absent"):
            assert send("DELETE", f"/v1/collections/{name}").status_code == 403
            assert send("POST", "/v1/collections", json={"name": name}).status_code == 403
    admin = of("admin", scopes=("admin",))
    assert admin("POST", "/v1/collections", json={"name": "new"}).status_code == 201
    assert admin("DELETE", "/v1/collections/mine").status_code == 204


def test_a_key_stays_when_its_collection_goes_and_reaches_nothing(context: Context) -> None:
    context.services.create_collection("mine")
    send = keyed(context)("limited", collections=("mine",))
    context.services.delete_collection("mine")
    assert send("GET", "/v1/collections").get_json() == {"collections": []}
    assert send("POST", "/v1/search", json={"query": "a"}).status_code == 404
