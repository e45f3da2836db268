"""Jobs over HTTP: their progress, their list, giving them up, and uploads that are sent twice."""

import io
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from flask.testing import FlaskClient

from index.catalog.tables import idempotency, job_items
from qa_service.api import Context, create_app
from qa_service.services import Services
from tests.serving import on_socket
from tests.waiting import until

Wait = Callable[[str], dict[str, Any]]

LEAVE = "Employees have 25 days of leave a year."
LONG = "\n\n".join(
    f"Paragraph number {at} says that the answer to question {at} of {at % 7} is {at * 31}."
    for at in range(1200)
)


def add(client: FlaskClient, *texts: str, collection: str = "default", **headers: str) -> Any:
    files = [(io.BytesIO(text.encode()), f"{at}.md") for at, text in enumerate(texts)]
    return client.post("/v1/documents", data={"file": files, "collection": collection}, headers=headers)


def job_of(client: FlaskClient, job_id: str) -> Any:
    return client.get(f"/v1/jobs/{job_id}").get_json()


def once(client: FlaskClient, key: str, text: str = LEAVE, **fields: Any) -> Any:
    body = {"title": "Leave", "text": text, **fields}
    return client.post("/v1/documents", json=body, headers={"Idempotency-Key": key})


# Progress


def test_a_long_document_tells_how_far_it_is(client: FlaskClient) -> None:
    job_id = add(client, LONG, LEAVE).get_json()["job_id"]

    def under_way() -> Any:
        first = job_of(client, job_id)["documents"][0]
        assert first["status"] == "queued"
        return first if first["stage"] == "embedding" else None

    first = until(under_way)
    assert 0 < first["embedded"] < first["chunks"]
    assert job_of(client, job_id)["documents"][1] == {
        "id": job_of(client, job_id)["documents"][1]["id"],
        "name": "1.md",
        "source": "1.md",
        "status": "queued",
        "stage": "queued",
    }
    further = until(
        lambda: (d := job_of(client, job_id)["documents"][0])["embedded"] > first["embedded"] and d
    )
    assert further["chunks"] == first["chunks"]
    client.delete(f"/v1/jobs/{job_id}")


def test_a_document_that_has_ended_tells_how_many_chunks_it_became(
    client: FlaskClient, finished: Wait
) -> None:
    (document,) = finished(add(client, LEAVE).get_json()["job_id"])["documents"]
    assert (document["status"], document["chunks"], "stage" in document) == ("indexed", 1, False)


# The list


def test_jobs_are_listed_newest_first_and_page_by_page(client: FlaskClient, finished: Wait) -> None:
    made = [add(client, f"Text {at}.", "").get_json()["job_id"] for at in range(5)]
    for job_id in made:
        finished(job_id)
    listed: list[Any] = []
    after: str | None = ""
    while after is not None:
        page = client.get(f"/v1/jobs?limit=2{after and f'&after={after}'}").get_json()
        assert len(page["jobs"]) <= 2
        listed += page["jobs"]
        after = page["next"]
    assert [each["id"] for each in listed] == made[::-1]
    assert listed[0]["status"] == "done"
    assert listed[-1]["counts"] == {"failed": 1, "indexed": 1}
    assert set(listed[0]) == {"id", "collection", "kind", "status", "created_at", "counts"}


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "after=x", "after=1-zz", "order=old"])
def test_a_list_that_is_asked_for_wrongly_is_refused(client: FlaskClient, query: str) -> None:
    assert client.get(f"/v1/jobs?{query}").status_code == 400


# Giving up


def test_a_job_that_is_cancelled_stops_and_leaves_nothing_of_what_is_new(
    client: FlaskClient, context: Context, services: Services, finished: Wait
) -> None:
    job_id = add(client, LONG, LEAVE).get_json()["job_id"]
    until(lambda: job_of(client, job_id)["documents"][0]["stage"] == "embedding")
    reply = client.delete(f"/v1/jobs/{job_id}")
    assert (reply.status_code, reply.get_json()["status"]) == (200, "cancelled")
    assert [each["status"] for each in reply.get_json()["documents"]] == ["cancelled", "cancelled"]
    assert client.get("/v1/documents").get_json()["documents"] == []
    began = time.monotonic()
    other = finished(add(client, "Something else.").get_json()["job_id"])  # the worker is free again
    assert [each["status"] for each in other["documents"]] == ["indexed"]
    assert time.monotonic() - began < 10
    with services.jobs._database.read() as connection:
        assert not [row for row in connection.execute(job_items.select()) if row.payload]
    assert job_of(client, job_id)["status"] == "cancelled"


def test_what_is_being_parsed_is_given_up_within_seconds(
    client: FlaskClient, services: Services, finished: Wait, endless_pdf: bytes
) -> None:
    sent = {"file": (io.BytesIO(endless_pdf), "endless.pdf")}
    job_id = client.post("/v1/documents", data=sent).get_json()["job_id"]
    until(lambda: job_of(client, job_id)["documents"][0]["stage"] == "parsing")
    began = time.monotonic()
    client.delete(f"/v1/jobs/{job_id}")
    finished(add(client, LEAVE).get_json()["job_id"])
    assert time.monotonic() - began < 10
    assert job_of(client, job_id)["documents"][0]["status"] == "cancelled"


def test_what_was_served_before_a_cancelled_upload_still_is(client: FlaskClient, finished: Wait) -> None:
    (before,) = finished(add(client, LEAVE).get_json()["job_id"])["documents"]
    job_id = add(client, LONG).get_json()["job_id"]
    client.delete(f"/v1/jobs/{job_id}")
    (after,) = client.get("/v1/documents").get_json()["documents"]
    assert (after["id"], after["status"], after["characters"]) == (before["id"], "indexed", len(LEAVE))
    assert client.post("/v1/search", json={"query": "leave"}).get_json()["passages"][0]["text"] == LEAVE


def test_what_has_ended_stays_as_it_is(client: FlaskClient, finished: Wait) -> None:
    done = finished(add(client, LEAVE, "").get_json()["job_id"])
    assert client.delete(f"/v1/jobs/{done['id']}").get_json() == done
    listed = client.get("/v1/documents").get_json()["documents"]
    assert sorted(each["status"] for each in listed) == ["failed", "indexed"]


def test_a_job_that_is_not_there_can_not_be_cancelled(client: FlaskClient) -> None:
    assert client.delete("/v1/jobs/nosuch").status_code == 404


# Uploads that are sent twice


def test_a_repeated_upload_is_one_job_and_gets_the_same_reply(client: FlaskClient, finished: Wait) -> None:
    first = once(client, "a")
    finished(first.get_json()["job_id"])
    again = once(client, "a")
    assert (again.status_code, again.get_json()) == (202, first.get_json())
    assert len(client.get("/v1/jobs").get_json()["jobs"]) == 1
    client.delete(f"/v1/documents/{first.get_json()['documents'][0]['id']}")
    assert once(client, "a").get_json() == first.get_json()
    assert client.get("/v1/documents").get_json()["documents"] == []


def test_files_are_recognised_whatever_the_form_looks_like(client: FlaskClient) -> None:
    replies = [add(client, "One.", "Two.", **{"Idempotency-Key": "f"}) for _ in range(2)]
    assert replies[0].get_json() == replies[1].get_json()
    other = add(client, "Two.", "One.", **{"Idempotency-Key": "f"})
    assert (other.status_code, other.get_json()["code"]) == (422, "idempotency_key_reused")


@pytest.mark.parametrize(
    "changed", [{"text": "Other."}, {"title": "B"}, {"source": "s"}, {"metadata": {"a": "b"}}]
)
def test_the_same_key_with_another_request_is_refused(client: FlaskClient, changed: dict[str, Any]) -> None:
    once(client, "a")
    reply = once(client, "a", **changed)
    assert (reply.status_code, reply.get_json()["code"]) == (422, "idempotency_key_reused")
    assert len(client.get("/v1/jobs").get_json()["jobs"]) == 1


def test_keys_of_other_collections_and_of_other_callers_are_other_keys(
    client: FlaskClient, services: Services
) -> None:
    replies = [once(client, "a"), once(client, "a", collection="hr")]
    for name in ("one", "two"):
        _, text = services.keys.create(name)
        headers = {"Idempotency-Key": "a", "Authorization": f"Bearer {text}"}
        replies.append(client.post("/v1/documents", json={"title": "Leave", "text": LEAVE}, headers=headers))
    assert len({reply.get_json()["job_id"] for reply in replies}) == 4


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 256, "é", "a\tb"])
def test_what_is_no_key_is_refused(client: FlaskClient, key: str) -> None:
    reply = once(client, key)
    assert (reply.status_code, reply.get_json()["code"]) == (400, "invalid_request")
    assert "Idempotency-Key" in reply.get_json()["detail"]


def test_a_key_of_the_longest_length_is_taken(client: FlaskClient) -> None:
    assert once(client, "~" * 255).status_code == 202


def test_a_key_is_forgotten_after_a_day_and_its_row_goes(client: FlaskClient, services: Services) -> None:
    first = once(client, "a")
    once(client, "b")
    database = services.jobs._database
    with database.write() as connection:
        connection.execute(
            idempotency.update()
            .where(idempotency.c.key == "a")
            .values(created_at=idempotency.c.created_at - 24 * 3_600_000)
        )
    other = once(client, "c")
    with database.read() as connection:
        assert {row.key for row in connection.execute(idempotency.select())} == {"b", "c"}
    again = once(client, "a", text="Another text.")
    assert again.status_code == 202
    assert again.get_json()["job_id"] not in (first.get_json()["job_id"], other.get_json()["job_id"])


@pytest.fixture
def url(context: Context) -> Iterator[str]:
    """A service on a real socket, a thread for each request."""
    with on_socket(create_app(context)) as url:
        yield url


def test_twenty_repeats_at_once_are_one_job_and_one_document(url: str) -> None:
    start = threading.Barrier(20)

    def send(_: int) -> httpx.Response:
        with httpx.Client(base_url=url, trust_env=False, timeout=30) as http:
            start.wait()
            return http.post(
                "/v1/documents",
                files=[("file", ("a.md", b"Dogs may come.")), ("file", ("b.md", b"Cats may not."))],
                headers={"Idempotency-Key": "once"},
            )

    with ThreadPoolExecutor(20) as threads:
        replies = list(threads.map(send, range(20)))
    assert {reply.status_code for reply in replies} == {202}
    assert len({reply.text for reply in replies}) == 1
    with httpx.Client(base_url=url, trust_env=False, timeout=30) as http:
        assert len(http.get("/v1/jobs").json()["jobs"]) == 1
        assert len(http.get("/v1/documents").json()["documents"]) == 2
