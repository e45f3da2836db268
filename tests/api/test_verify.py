import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from index.catalog import Catalog, Database, DocumentText, NewVersion
from index.document import Chunk, Parsed, Span
from index.upload import Upload
from index.vectors import quantise
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


class Reading(Catalog):
    """A catalog that notes what texts it has given as a whole."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.read: list[str] = []

    def text(self, document_id: str) -> DocumentText:
        self.read.append(document_id)
        return super().text(document_id)


@pytest.fixture
def catalog(database: Database) -> Reading:
    return Reading(database)


def hold(catalog: Catalog, *texts: str) -> list[str]:
    """Serve texts as documents of one chunk each; gives their ids."""
    collection = catalog.ensure_collection("default", embedding_model="two", dimension=2)
    vectors = np.array([[1, 0]], np.float32)
    chunk = Chunk(0, Span(0, 1), (Span(0, 1),))
    new = [
        NewVersion(
            *(None, f"s{at}", "", "A", {}, "0" * 64, Parsed(text, "text"), (chunk,)),
            vectors=vectors,
            sentence_vectors=(quantise(vectors),),
        )
        for at, text in enumerate(texts)
    ]
    pending = [each for each in catalog.add_pending(collection, new) if each]
    catalog.publish([each.version_id for each in pending])
    return [each.document_id for each in pending]


def verdicts_of(catalog: Catalog, saved: Iterable[Saved], **others: int) -> list[Verdict]:
    return verdicts([*saved], catalog, reaches=lambda _: True, **others)


@contextmanager
def counted() -> Iterator[list[str]]:
    """The statements that are sent to databases."""

    def note(_connection: object, _cursor: object, statement: str, *_others: object) -> None:
        found.append(statement)

    found: list[str] = []
    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)


def test_a_thousand_documents_cost_few_statements_and_no_whole_text(catalog: Reading) -> None:
    texts = [f"é{n} is here." for n in range(1000)]
    saved = [
        Saved(document_id, Span(1, len(text)), text[1:])
        for document_id, text in zip(hold(catalog, *texts), texts, strict=True)
    ]
    with counted() as statements:
        found = verdicts_of(catalog, saved)
    assert {each.status for each in found} == {"valid"}
    assert sum(each.startswith("SELECT") for each in statements) == 4
    assert catalog.read == []


@pytest.mark.parametrize("n", [1, 2, 3, 50])
def test_a_document_is_read_once_at_the_most_however_often_it_is_cited(catalog: Reading, n: int) -> None:
    x, y = hold(catalog, "abc", "abd")
    spans = [Span(at % 3, at % 3 + 1) for at in range(n)]
    valid = [Saved(each, span, span.of("abc")) for span in spans for each in (x, y)]
    moved = [Saved(x, span, "ab") for span in spans]
    found = verdicts_of(catalog, [*valid, *moved])
    sha256 = {each.id: each.text_sha256 for each in catalog.documents(catalog.collection("default"))}
    for saved, verdict in zip(valid, found[: 2 * n], strict=True):
        is_there = saved.document_id == x or saved.quote != "c"
        assert verdict == Verdict("valid" if is_there else "changed", None, sha256[saved.document_id])
    assert found[2 * n :] == [Verdict("changed", Span(0, 2), sha256[x])] * n
    assert catalog.read.count(x) == 1
    assert catalog.read.count(y) <= 1


def test_quotes_are_looked_for_in_so_much_text_and_no_more(catalog: Reading) -> None:
    (x,) = hold(catalog, "abc")
    found = verdicts_of(catalog, [Saved(x, Span(0, 1), "c")] * 3, characters=6)
    assert [each.moved_to for each in found] == [Span(2, 3), Span(2, 3), None]
    assert {each.status for each in found} == {"changed"}


def test_texts_are_read_as_long_as_there_is_something_left_to_look_in(catalog: Reading) -> None:
    ids = hold(catalog, "abc", "abcdefgh", "abc", "abc")
    found = verdicts_of(catalog, [Saved(each, Span(0, 1), "c") for each in ids], characters=8)
    assert [each.moved_to for each in found] == [Span(2, 3), None, Span(2, 3), None]
    assert catalog.read == [ids[0], ids[2]]


@pytest.mark.parametrize("documents", [1, 3])
def test_the_costliest_request_is_answered_in_seconds(catalog: Reading, documents: int) -> None:
    """Texts of ten million characters, and quotes that make looking for them slow."""
    ids = hold(catalog, *["a" * 10_000_000] * documents)

    def hostile() -> Iterator[Saved]:
        for n in range(1000):
            at = 9_900_000 + n
            yield Saved(ids[n % documents], Span(at, at + 1), "a" * (5000 + n) + "b" + "a" * 5000)

    began = time.monotonic()
    found = verdicts_of(catalog, hostile())
    assert {each.status for each in found} == {"changed"}
    assert time.monotonic() - began < 10
