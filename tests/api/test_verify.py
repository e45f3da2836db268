import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient

from index.catalog import DocumentText
from index.document import Span
from index.upload import Upload
from qa_service.access.keys import Rights
from qa_service.api import Access, Context, create_app
from qa_service.saved import Saved, Verdict, verdicts
from qa_service.services import Services

JSON = dict[str, Any]

QUESTION = "How many people does the small boat carry?"
TEXT = "The station has two boats. The small boat carries four people. 🚤 Nobody rows alone."


def put(services: Services, text: str, *, source: str = "boats", collection: str = "default") -> str:
    upload = Upload(source, f"{source}.txt", text.encode())
    (result,) = services.ingestor(services.collection(collection)).put([upload])
    assert result.document_id
    return result.document_id


def verify(client: FlaskClient, *citations: JSON) -> list[JSON]:
    reply = client.post("/v1/citations/verify", json={"citations": citations})
    assert reply.status_code == 200, reply.get_data()
    found: list[JSON] = reply.get_json()["citations"]
    return found


def citation(document_id: str, quote: str, *, text: str = TEXT) -> JSON:
    start = text.index(quote)
    return {"document_id": document_id, "span": {"start": start, "end": start + len(quote)}, "quote": quote}


@pytest.fixture
def saved(client: FlaskClient, services: Services) -> JSON:
    """A citation as it came with an answer."""
    put(services, TEXT)
    answer = client.post("/v1/answers", json={"question": QUESTION}).get_json()
    found: JSON = answer["citations"][0]
    assert found["quote"] == "The small boat carries four people."
    return found


def test_a_citation_is_sent_as_it_was_saved_and_is_valid(client: FlaskClient, saved: JSON) -> None:
    text = client.get(f"/v1/documents/{saved['document_id']}/text").get_json()
    assert verify(client, saved) == [{"status": "valid", "sha256": text["sha256"]}]


def test_offsets_are_code_points(client: FlaskClient, services: Services) -> None:
    (found,) = verify(client, citation(put(services, TEXT), "Nobody rows alone."))
    assert found["status"] == "valid"


def test_a_quote_that_stands_elsewhere_has_moved_there(
    client: FlaskClient, services: Services, saved: JSON
) -> None:
    changed = f"Read this first. {TEXT}"
    put(services, changed)
    (found,) = verify(client, saved)
    start = changed.index(saved["quote"])
    assert found["status"] == "changed"
    assert found["moved_to"] == {"start": start, "end": start + len(saved["quote"])}
    assert verify(client, saved | {"span": found["moved_to"]})[0]["status"] == "valid"


@pytest.mark.parametrize(
    "changed",
    ["The small boat carries six people.", f"Twice. {TEXT} {TEXT}", "the small boat carries four people."],
)
def test_a_quote_that_stands_nowhere_or_twice_has_not_moved(
    client: FlaskClient, services: Services, saved: JSON, changed: str
) -> None:
    put(services, changed)
    (found,) = verify(client, saved)
    assert found == {"status": "changed", "sha256": found["sha256"]}


def test_a_deleted_document_is_gone(client: FlaskClient, saved: JSON) -> None:
    client.delete(f"/v1/documents/{saved['document_id']}")
    assert verify(client, saved) == [{"status": "gone"}]


def test_a_span_that_ends_behind_the_text_or_before_it_begins_is_not_valid(
    client: FlaskClient, services: Services
) -> None:
    whole = citation(put(services, TEXT), "Nobody rows alone.")
    start, end = whole["span"]["start"], whole["span"]["end"]
    for span in (
        {"start": start, "end": end + 5},
        {"start": end, "end": start},
        {"start": 2**31 - 1, "end": 0},
    ):
        (found,) = verify(client, whole | {"span": span})
        assert (found["status"], found["moved_to"]) == ("changed", whole["span"])


def test_a_document_of_another_key_looks_gone(context: Context) -> None:
    services = context.services
    mine, theirs = (put(services, TEXT, collection=name) for name in ("mine", "theirs"))
    _, secret = services.keys.create("mine", Rights(collections=("mine",)))
    _, page = services.keys.create("page", Rights.publishable(("mine",), ("https://a.example",)))
    client = create_app(replace(context, access=Access(is_local=False))).test_client()
    quote = "Nobody rows alone."
    sent = [citation(each, quote) for each in (mine, theirs, "0" * 24)]
    for text in (secret, page):
        headers = {"Authorization": f"Bearer {text}", "Origin": "https://a.example"}
        reply = client.post("/v1/citations/verify", json={"citations": sent}, headers=headers)
        found = reply.get_json()["citations"]
        assert [each["status"] for each in found] == ["valid", "gone", "gone"]
        assert found[1] == found[2]


def test_a_thousand_are_verified_at_once_and_no_more(client: FlaskClient, services: Services) -> None:
    one = citation(put(services, TEXT), "Nobody rows alone.")
    began = time.monotonic()
    found = verify(client, *[one] * 500, *[one | {"document_id": f"{n:024x}"} for n in range(500)])
    assert [each["status"] for each in found] == ["valid"] * 500 + ["gone"] * 500
    assert time.monotonic() - began < 10
    for sent in ([], [one] * 1001):
        assert client.post("/v1/citations/verify", json={"citations": sent}).status_code == 400


@pytest.mark.parametrize(
    "change",
    [
        {"quote": ""},
        {"quote": "x" * 20_001},
        {"quote": None},
        {"document_id": ""},
        {"document_id": "a\x00"},
        {"span": {"start": -1, "end": 2}},
        {"span": {"start": 0, "end": 2**31}},
        {"span": [0, 2]},
        {"span": {"start": "0", "end": 2}},
    ],
)
def test_what_is_no_citation_is_refused(reader: FlaskClient, change: JSON) -> None:
    sent = {"document_id": "a", "span": {"start": 0, "end": 2}, "quote": "ab"} | change
    assert reader.post("/v1/citations/verify", json={"citations": [sent]}).status_code == 400


# The rule itself


def text_of(text: str) -> Callable[[str], DocumentText]:
    def read(document_id: str) -> DocumentText:
        reads.append(document_id)
        return DocumentText(document_id, 1, "A", "a", "text", text, "0" * 64, (), ())

    reads: list[str] = []
    read.reads = reads  # type: ignore[attr-defined]
    return read


def test_each_document_is_read_once() -> None:
    read = text_of("abc")
    saved = [Saved(document_id, Span(0, 1), "a") for document_id in ("x", "y", "x", "x")]
    assert {each.status for each in verdicts(saved, read)} == {"valid"}
    assert read.reads == ["x", "y"]  # type: ignore[attr-defined]


def test_quotes_are_looked_for_in_so_much_text_and_no_more() -> None:
    saved = [Saved("x", Span(0, 1), "c")] * 3
    found = verdicts(saved, text_of("abc"), characters=6)
    assert found == [Verdict("changed", Span(2, 3), "0" * 64)] * 2 + [Verdict("changed", None, "0" * 64)]


def test_the_costliest_request_is_answered_in_seconds() -> None:
    """A text of ten million characters, and quotes that make looking for them slow."""

    def hostile() -> Iterator[Saved]:
        for n in range(1000):
            yield Saved("x", Span(n, n + 1), "a" * (5000 + n) + "b" + "a" * 5000)

    began = time.monotonic()
    found = verdicts([*hostile()], text_of("a" * 10_000_000))
    assert {each.status for each in found} == {"changed"}
    assert time.monotonic() - began < 10
