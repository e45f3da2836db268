import gc
import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from qa_service.services import Services
from tests.waiting import until

Wait = Callable[[str], dict[str, Any]]

DAMAGED = b"%PDF-1.7\n\x00\x01\x02\xff"
LEAVE = "# Leave\n\nEmployees have 25 days of leave a year."


def upload(client: FlaskClient, *files: tuple[str, bytes], **fields: Any) -> TestResponse:
    sent = [(io.BytesIO(data), name) for name, data in files]
    return client.post("/v1/documents", data={"file": sent, **fields})


def problem(reply: TestResponse) -> tuple[int, str, str]:
    assert reply.content_type == "application/problem+json"
    body = json.loads(reply.get_data())
    assert body["status"] == reply.status_code
    return body["status"], body["code"], body["detail"]


def add(client: FlaskClient, finished: Wait, **body: Any) -> Any:
    """The document of a JSON upload, when it is indexed."""
    reply = client.post("/v1/documents", json=body)
    assert reply.status_code == 202
    (document,) = finished(reply.get_json()["job_id"])["documents"]
    return document


# Adding


def test_a_text_is_acknowledged_at_once_and_then_indexed(client: FlaskClient, finished: Wait) -> None:
    reply = client.post("/v1/documents", json={"title": "Leave", "text": LEAVE, "source": "hr/leave"})
    assert reply.status_code == 202
    accepted = reply.get_json()
    (document,) = accepted["documents"]
    assert accepted == {
        "job_id": accepted["job_id"],
        "documents": [{"id": document["id"], "title": "Leave", "status": "queued"}],
    }
    job = finished(accepted["job_id"])
    assert job == {
        "id": accepted["job_id"],
        "collection": "default",
        "kind": "index",
        "status": "done",
        "created_at": job["created_at"],
        "documents": [
            {
                "id": document["id"],
                "name": "Leave.md",
                "source": "hr/leave",
                "status": "indexed",
                "chunks": 1,
            },
        ],
    }


def test_a_document_has_the_documented_shape(client: FlaskClient, finished: Wait) -> None:
    body = {"title": "Leave", "text": LEAVE, "source": "hr/leave", "metadata": {"team": "hr"}}
    found = client.get(f"/v1/documents/{add(client, finished, **body)['id']}").get_json()
    assert found == {
        "id": found["id"],
        "title": "Leave",
        "source": "hr/leave",
        "status": "indexed",
        "metadata": {"team": "hr"},
        "format": "markdown",
        "sha256": found["sha256"],
        "characters": len(LEAVE),
        "chunks": 1,
        "created_at": found["created_at"],
        "updated_at": found["updated_at"],
    }


def test_the_same_text_without_a_source_is_one_document(client: FlaskClient, finished: Wait) -> None:
    first = add(client, finished, title="Leave", text=LEAVE)
    second = add(client, finished, title="Leave", text=LEAVE)
    assert (first["id"], first["status"]) == (second["id"], "indexed")
    assert second["status"] == "unchanged"


def test_a_text_from_the_same_source_replaces_the_one_before(client: FlaskClient, finished: Wait) -> None:
    first = add(client, finished, title="Leave", text=LEAVE, source="leave")
    second = add(client, finished, title="Leave", text=LEAVE.replace("25", "28"), source="leave")
    assert (second["id"], second["status"]) == (first["id"], "replaced")
    text = client.get(f"/v1/documents/{first['id']}/text").get_json()["text"]
    assert "28 days" in text


def test_a_document_is_answered_from_as_soon_as_its_job_is_done(client: FlaskClient, finished: Wait) -> None:
    add(client, finished, title="Leave", text=LEAVE)
    answer = client.post("/v1/answers", json={"question": "How many days of leave?"}).get_json()
    assert answer["citations"][0]["quote"] == "Employees have 25 days of leave a year."


def test_files_are_uploaded_together(client: FlaskClient, finished: Wait) -> None:
    files = {
        "one.md": b"# One\n\nFirst text.",
        "два.txt": "Второй текст.".encode(),
        "3.html": b"<p>Third.</p>",
    }
    reply = upload(client, *files.items())
    assert reply.status_code == 202
    assert [each["title"] for each in reply.get_json()["documents"]] == list(files)
    job = finished(reply.get_json()["job_id"])
    assert [each["status"] for each in job["documents"]] == ["indexed"] * 3
    assert [each["source"] for each in job["documents"]] == list(files)


def test_files_may_name_their_sources_metadata_and_collection(client: FlaskClient, finished: Wait) -> None:
    reply = upload(
        client,
        ("a.txt", b"First text."),
        ("b.txt", b"Second text."),
        source=["one", "two"],
        metadata=json.dumps({"team": "hr"}),
        collection="other",
    )
    job = finished(reply.get_json()["job_id"])
    assert job["collection"] == "other"
    documents = client.get("/v1/documents?collection=other").get_json()["documents"]
    assert sorted((each["source"], each["metadata"]["team"]) for each in documents) == [
        ("one", "hr"),
        ("two", "hr"),
    ]


def test_a_bad_file_does_not_keep_the_others_from_being_indexed(client: FlaskClient, finished: Wait) -> None:
    reply = upload(client, ("good.txt", b"Good text."), ("empty.txt", b""), ("bad.pdf", DAMAGED))
    good, empty, bad = finished(reply.get_json()["job_id"])["documents"]
    assert good["status"] == "indexed"
    assert (empty["status"], empty["error"]["code"]) == ("failed", "empty_document")
    assert (bad["status"], bad["error"]["code"]) == ("failed", "unsupported_format")
    assert "bad.pdf" in bad["error"]["message"]


def test_a_document_that_failed_is_listed_with_its_error(client: FlaskClient, finished: Wait) -> None:
    reply = upload(client, ("bad.pdf", DAMAGED))
    (bad,) = finished(reply.get_json()["job_id"])["documents"]
    found = client.get(f"/v1/documents/{bad['id']}").get_json()
    assert (found["status"], found["error"]["code"]) == ("failed", "unsupported_format")
    assert client.get(f"/v1/documents/{bad['id']}/text").status_code == 404


def test_as_many_files_as_a_form_may_have_are_taken(client: FlaskClient) -> None:
    reply = upload(client, *[(f"{at}.txt", b"x") for at in range(1000)])
    assert reply.status_code == 202
    assert len(reply.get_json()["documents"]) == 1000


# Werkzeug leaves the files of a form that it gives up to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_more_parts_than_a_form_may_have_are_too_large(reader: FlaskClient) -> None:
    reply = upload(reader, *[(f"{at}.txt", b"x") for at in range(1001)])
    assert problem(reply)[:2] == (413, "request_too_large")
    gc.collect()


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd", "..", "a.txt/../b", "\u202etxt.exe", "💥.txt", "no ending", "x" * 1000],
)
def test_an_odd_file_name_is_a_label_and_nothing_more(
    client: FlaskClient, finished: Wait, services: Services, name: str
) -> None:
    before = {path.name for path in services.settings.data_dir.iterdir()}
    (document,) = finished(upload(client, (name, b"Some text.")).get_json()["job_id"])["documents"]
    assert (document["status"], document["source"]) == ("indexed", name)
    until(lambda: {path.name for path in services.settings.data_dir.iterdir()} == before)
    assert not (services.settings.data_dir.parent / "etc").exists()


@pytest.mark.parametrize("name", ["a\x00b.txt", "a\x1b[31m.txt", "a\x85b.txt", "x" * 10_000])
def test_a_file_name_that_is_no_label_is_refused_by_its_number(reader: FlaskClient, name: str) -> None:
    reply = upload(reader, ("good.txt", b"Some text."), (name, b"Some text."))
    status, code, detail = problem(reply)
    assert (status, code) == (400, "invalid_request")
    assert detail.startswith("names.1: ")
    assert name not in detail


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"source": ["one", "two"]}, "file: the form has 1 files and 2 sources"),
        ({"source": ["a\nb"]}, "sources.0: it has control characters"),
        ({"metadata": "{"}, "metadata: this is no JSON"),
        ({"metadata": "[]"}, "metadata: send an object"),
        ({"metadata": '{"a": 1}'}, "metadata.a: send a string"),
        ({"metadata": "[" * 100_000}, "metadata: the JSON has more than 50000 values"),
        ({"collection": "../x"}, "collection: send 1 to 63 ASCII letters"),
        ({"colour": "red"}, "colour: the form has no such field"),
    ],
)
def test_an_odd_form_is_refused(reader: FlaskClient, fields: dict[str, Any], message: str) -> None:
    status, code, detail = problem(upload(reader, ("a.txt", b"Some text."), **fields))
    assert (status, code) == (400, "invalid_request")
    assert detail.startswith(message)


def test_a_form_without_a_file_is_refused(reader: FlaskClient) -> None:
    reply = reader.post("/v1/documents", data={"collection": "default"}, content_type="multipart/form-data")
    assert problem(reply)[2].startswith("file: the form has 0 files")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"title": "", "text": "a"}, "title: it is empty"),
        ({"title": "a" * 501, "text": "a"}, "title: it has more than 500 characters"),
        ({"title": "a\x1b[2J", "text": "a"}, "title: it has control characters"),
        ({"title": "a"}, "body: send a text with its title, or a url"),
        ({"text": "a"}, "body: send the title of the text"),
        ({"title": "a", "text": 1}, "text: send a string"),
        ({"title": "a", "text": "a", "source": " "}, "source: it is empty"),
        ({"title": "a", "text": "a", "source": "a" * 1001}, "source: it has more than 1000"),
        (
            {"title": "a", "text": "a", "metadata": {"a": "b" * 1001}},
            "metadata.a: it has more than",
        ),
        ({"title": "a", "text": "a", "metadata": {"a" * 101: "b"}}, "metadata.aaa"),
        ({"title": "a", "text": "a", "metadata": {"a\nb": "b"}}, "metadata.a\nb: it has control characters"),
        (
            {"title": "a", "text": "a", "metadata": {f"{i}": "b" for i in range(101)}},
            "metadata: send 100 or fewer",
        ),
        ({"title": "a", "text": "a", "collection": "a b"}, "collection: send 1 to 63 ASCII letters"),
    ],
)
def test_an_odd_text_is_refused(reader: FlaskClient, body: dict[str, Any], message: str) -> None:
    status, code, detail = problem(reader.post("/v1/documents", json=body))
    assert (status, code) == (400, "invalid_request")
    assert detail.startswith(message)


def test_metadata_values_can_be_filtered_by(client: FlaskClient, finished: Wait) -> None:
    for team in ("hr", "отдел кадров", "a'b", "%", '"'):
        metadata = {'tëam."\\ x': team}
        add(client, finished, title=team, text="Some text.", source=team, metadata=metadata)
        found = client.post("/v1/search", json={"query": "text", "filter": metadata}).get_json()
        assert [passage["title"] for passage in found["passages"]] == [team]


# Listing


def test_documents_are_listed_page_by_page(client: FlaskClient, finished: Wait) -> None:
    for at in range(5):
        add(client, finished, title=f"{at}", text=f"Text number {at}.")
    seen: list[str] = []
    after: str | None = ""
    while after is not None:
        page = client.get("/v1/documents", query_string={"limit": 2, "after": after}).get_json()
        assert len(page["documents"]) <= 2
        seen += [each["id"] for each in page["documents"]]
        after = page["next"]
    assert len(seen) == 5
    assert seen == sorted(set(seen))


def test_a_document_is_found_by_its_source(reader: FlaskClient) -> None:
    query = {"source": "handbook/отпуск.md"}
    (found,) = reader.get("/v1/documents", query_string=query).get_json()["documents"]
    assert found["title"] == "Отпуск"
    assert reader.get("/v1/documents?source=nosuch").get_json() == {"documents": [], "next": None}


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("limit=0", "limit: send 1 or more"),
        ("limit=1001", "limit: send 1000 or less"),
        ("limit=ten", "limit: send a whole number"),
        ("limit=1_0", "limit: send a whole number"),
        ("limit=", "limit: send a whole number"),
        ("limit=1&limit=2", "limit: send it once"),
        ("collection=../../x", "collection: send 1 to 63 ASCII letters"),
        ("colection=default", "colection: there is no such field"),
    ],
)
def test_an_odd_query_is_refused(reader: FlaskClient, query: str, message: str) -> None:
    status, code, detail = problem(reader.get(f"/v1/documents?{query}"))
    assert (status, code) == (400, "invalid_request")
    assert detail.startswith(message)


def test_a_collection_that_does_not_exist_is_not_found(reader: FlaskClient) -> None:
    assert problem(reader.get("/v1/documents?collection=nosuch"))[:2] == (404, "not_found")


# Texts


@pytest.fixture(scope="module")
def leave_id(reader: FlaskClient) -> str:
    (found,) = reader.get("/v1/documents?source=handbook/leave.md").get_json()["documents"]
    return str(found["id"])


def test_a_text_comes_whole_or_as_a_stretch_of_code_points(reader: FlaskClient, leave_id: str) -> None:
    whole = reader.get(f"/v1/documents/{leave_id}/text").get_json()
    text = whole["text"]
    assert whole["characters"] == len(text) == whole["end"]
    for start, end in [(0, 0), (0, len(text)), (5, 9), (len(text), len(text))]:
        part = reader.get(f"/v1/documents/{leave_id}/text?start={start}&end={end}").get_json()
        assert part == {**whole, "start": start, "end": end, "text": text[start:end]}
    assert reader.get(f"/v1/documents/{leave_id}/text?start=5").get_json()["text"] == text[5:]
    assert reader.get(f"/v1/documents/{leave_id}/text?end=5").get_json()["text"] == text[:5]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("start=-1", "start: send a whole number"),
        ("start=5&end=4", "start, end: the text has 114 characters"),
        ("end=115", "start, end: the text has 114 characters"),
        ("start=115", "start, end: the text has 114 characters"),
        ("end=" + "9" * 30, "start, end: the text has 114 characters"),
        ("end=" + "9" * 5000, "end: Unable to parse"),
        ("start=1e3", "start: send a whole number"),
        ("start=%D9%A3", "start: send a whole number"),
        ("from=1", "from: there is no such field"),
    ],
)
def test_a_stretch_outside_the_text_is_refused(
    reader: FlaskClient, leave_id: str, query: str, message: str
) -> None:
    status, code, detail = problem(reader.get(f"/v1/documents/{leave_id}/text?{query}"))
    assert (status, code) == (400, "invalid_request")
    assert detail.startswith(message)


# Removing


def test_a_removed_document_is_gone_everywhere(client: FlaskClient, finished: Wait) -> None:
    document_id = add(client, finished, title="Leave", text=LEAVE)["id"]
    reply = client.delete(f"/v1/documents/{document_id}")
    assert (reply.status_code, reply.get_data()) == (204, b"")
    assert client.get(f"/v1/documents/{document_id}").status_code == 404
    assert client.get(f"/v1/documents/{document_id}/text").status_code == 404
    assert client.get("/v1/documents").get_json()["documents"] == []
    assert client.post("/v1/search", json={"query": "leave"}).get_json()["passages"] == []


@pytest.mark.parametrize("document_id", ["nosuch", "..", "%00", "%F0%9F%92%A5", "a" * 1000, "'--"])
@pytest.mark.parametrize(("method", "tail"), [("GET", ""), ("GET", "/text"), ("DELETE", "")])
def test_an_unknown_document_is_not_found(
    reader: FlaskClient, method: str, tail: str, document_id: str
) -> None:
    reply = reader.open(f"/v1/documents/{document_id}{tail}", method=method)
    assert problem(reply)[:2] == (404, "not_found")


def test_an_unknown_job_is_not_found(reader: FlaskClient) -> None:
    assert problem(reader.get("/v1/jobs/nosuch")) == (404, "not_found", "there is no job 'nosuch'")


def test_an_empty_service_abstains_once_a_collection_exists(client: FlaskClient, finished: Wait) -> None:
    document_id = add(client, finished, title="Leave", text=LEAVE)["id"]
    client.delete(f"/v1/documents/{document_id}")
    answer = client.post("/v1/answers", json={"question": "How many days of leave?"}).get_json()
    assert (answer["status"], answer["reason"]) == ("abstained", "empty_index")


# Renaming


def test_a_document_gets_another_title_and_source_and_its_citations_stay_valid(
    client: FlaskClient, finished: Wait, services: Services
) -> None:
    document = add(client, finished, title="Leave", text=LEAVE, source="hr/leave")
    before = client.post("/v1/search", json={"query": "leave"}).get_json()["passages"]
    change = {"title": "Days off", "source": "hr/days-off"}
    reply = client.patch(f"/v1/documents/{document['id']}", json=change)
    assert reply.status_code == 200
    assert (reply.get_json()["title"], reply.get_json()["source"]) == ("Days off", "hr/days-off")
    (after,) = client.post("/v1/search", json={"query": "days off"}).get_json()["passages"]
    assert (after["title"], after["source"]) == ("Days off", "hr/days-off")
    assert (after["chunk_id"], after["text"]) == (before[0]["chunk_id"], before[0]["text"])
    again = add(client, finished, title="Days off", text=LEAVE, source="hr/days-off")
    assert (again["id"], again["status"]) == (document["id"], "unchanged")


def test_a_source_that_another_document_has_is_not_given_away(client: FlaskClient, finished: Wait) -> None:
    first = add(client, finished, title="Leave", text=LEAVE, source="a")
    second = add(client, finished, title="Pets", text="Dogs may come.", source="b")
    reply = client.patch(f"/v1/documents/{first['id']}", json={"source": "b"})
    assert problem(reply)[:2] == (409, "source_taken")
    assert second["id"] in problem(reply)[2]
    assert client.patch(f"/v1/documents/{second['id']}", json={"source": "b"}).status_code == 200


@pytest.mark.parametrize("body", [{}, {"title": ""}, {"source": "a\nb"}, {"text": "x"}, {"title": "x" * 501}])
def test_a_change_that_is_none_is_refused(client: FlaskClient, finished: Wait, body: dict[str, str]) -> None:
    document = add(client, finished, title="Leave", text=LEAVE, source="a")
    reply = client.patch(f"/v1/documents/{document['id']}", json=body)
    assert problem(reply)[:2] == (400, "invalid_request")
    assert client.get(f"/v1/documents/{document['id']}").get_json()["title"] == "Leave"
