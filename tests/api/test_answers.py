import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from index.errors import InvalidRequest
from qa_service.clients.local import Local
from qa_service.services import Services

QUESTION = "How many days of leave do employees have?"
VARYING = ("id", "timings_ms")


def ask(client: FlaskClient, question: str = QUESTION, **fields: Any) -> Any:
    reply = client.post("/v1/answers", json={"question": question, **fields})
    assert reply.status_code == 200, reply.get_data(as_text=True)
    return reply.get_json()


def frames(text: str) -> list[tuple[str, Any]]:
    """Events as the standard frames them, and nothing but such."""
    found = []
    *blocks, rest = text.split("\n\n")
    assert rest == ""
    for block in blocks:
        event, data = block.split("\n")
        assert event.startswith("event: ")
        assert data.startswith("data: ")
        found.append((event.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return found


def stream(client: FlaskClient, question: str = QUESTION, **fields: Any) -> list[tuple[str, Any]]:
    reply = client.post("/v1/answers", json={"question": question, "stream": True, **fields})
    assert reply.status_code == 200
    return frames(reply.get_data(as_text=True))


def shape(value: Any) -> Any:
    """The names and types of a JSON value; of a list, those of its first element."""
    if isinstance(value, dict):
        return {key: shape(each) for key, each in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return type(value).__name__


CITATION = {
    "number": "int",
    "document_id": "str",
    "title": "str",
    "source": "str",
    "chunk_id": "str",
    "span": {"start": "int", "end": "int"},
    "quote": "str",
    "url": "str",
}
PASSAGE = {
    "rank": "int",
    "score": "float",
    "chunk_id": "str",
    "document_id": "str",
    "title": "str",
    "source": "str",
    "span": {"start": "int", "end": "int"},
    "text": "str",
    "headings": [],
    "url": "str",
}
SUPPORT = {"verdict": "str", "method": "str", "score": "float"}
ANSWER = {
    "id": "str",
    "query": "str",
    "status": "str",
    "text": "str",
    "claims": [{"text": "str", "citations": ["int"], "support": SUPPORT}],
    "citations": [CITATION],
    "missing": [],
    "passages": [PASSAGE],
    "model": "str",
    "usage": {"prompt_tokens": "int", "completion_tokens": "int", "cost_usd": "float"},
    "timings_ms": {"retrieve": "float", "first_claim": "float", "total": "float"},
    "debug": {
        "dropped": {},
        "prompts": {},
        "relevance": {"score": "float", "threshold": "float", "method": "str"},
    },
}


def test_an_answer_has_the_documented_shape(reader: FlaskClient) -> None:
    assert shape(ask(reader)) == ANSWER


def test_an_answer_is_made_of_cited_sentences(reader: FlaskClient) -> None:
    answer = ask(reader)
    assert answer["status"] == "answered"
    assert answer["text"] == "Employees have 25 days of leave a year. [1]"
    assert answer["claims"][0]["citations"] == [1]
    assert answer["citations"][0]["source"] == "handbook/leave.md"


def test_a_stream_has_the_documented_events(reader: FlaskClient) -> None:
    events = stream(reader)
    assert [(name, shape(data)) for name, data in events] == [
        ("retrieval", {"query": "str", "passages": [PASSAGE]}),
        ("claim", {"text": "str", "citations": [CITATION], "support": SUPPORT}),
        ("done", ANSWER),
    ]


def test_a_stream_says_what_it_is(reader: FlaskClient) -> None:
    reply = reader.post("/v1/answers", json={"question": QUESTION, "stream": True})
    assert reply.content_type == "text/event-stream; charset=utf-8"
    assert reply.headers["Cache-Control"] == "no-store"
    assert reply.headers["X-Accel-Buffering"] == "no"
    assert "Content-Length" not in reply.headers


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("text/event-stream", "text/event-stream; charset=utf-8"),
        ("text/event-stream, application/json;q=0.5", "text/event-stream; charset=utf-8"),
        ("application/json", "application/json"),
        ("application/json, text/event-stream", "application/json"),
        ("*/*", "application/json"),
        ("text/event-stream;q=0", "application/json"),
        ("text/event-stream;q=0, application/json;q=0", "application/json"),
        ("text/event-stream;q=0.1", "text/event-stream; charset=utf-8"),
        ("nonsense", "application/json"),
    ],
)
def test_the_accept_header_chooses_the_form(reader: FlaskClient, accept: str, expected: str) -> None:
    reply = reader.post("/v1/answers", json={"question": QUESTION}, headers={"Accept": accept})
    assert reply.content_type == expected


@pytest.mark.parametrize(
    "question", [QUESTION, "Сколько дней отпуска?", "What is the airspeed of a swallow?"]
)
def test_json_stream_and_command_line_get_the_same_answer(
    reader: FlaskClient, library: Services, question: str
) -> None:
    streamed = stream(reader, question)[-1][1]
    local = list(Local(library).answer({"question": question}))[-1][1]
    for answer in (asked := ask(reader, question), streamed, local):
        for name in VARYING:
            del answer[name]
    assert asked == streamed == local


def test_the_claims_of_a_stream_are_those_of_its_answer(reader: FlaskClient) -> None:
    *events, (_, answer) = stream(reader, "May dogs or cats come to the office?")
    claims = [data for name, data in events if name == "claim"]
    assert [claim["text"] for claim in claims] == [claim["text"] for claim in answer["claims"]]
    cited = [citation for claim in claims for citation in claim["citations"]]
    assert cited == answer["citations"]


@pytest.mark.parametrize(
    "question",
    [QUESTION, "Сколько дней отпуска?", "May dogs come to the office?", "How long is parental leave?"],
)
def test_every_citation_points_at_its_quote(reader: FlaskClient, question: str) -> None:
    citations = ask(reader, question)["citations"]
    assert citations
    for citation in citations:
        path = f"/v1/documents/{citation['document_id']}/text"
        cut = reader.get(path, query_string=citation["span"]).get_json()
        assert cut["text"] == citation["quote"]
        assert cut["source"] == citation["source"]


def test_the_url_of_a_citation_is_a_page_of_the_service(reader: FlaskClient) -> None:
    with reader.get(ask(reader)["citations"][0]["url"]) as reply:
        assert (reply.status_code, reply.mimetype) == (200, "text/html")


def test_k_limits_the_passages(reader: FlaskClient) -> None:
    assert len(ask(reader, k=1)["passages"]) == 1


def test_a_filter_keeps_other_documents_out(reader: FlaskClient) -> None:
    passages = ask(reader, filter={"source": "handbook/pets.txt"})["passages"]
    assert [passage["source"] for passage in passages] == ["handbook/pets.txt"]


def test_a_filter_that_lets_nothing_through_gives_a_typed_abstention(reader: FlaskClient) -> None:
    answer = ask(reader, filter={"department": ["none"]})
    assert (answer["status"], answer["reason"]) == ("abstained", "no_relevant_passage")
    assert answer["claims"] == answer["citations"] == answer["passages"] == []
    assert answer["text"] == ""


def test_an_unknown_collection_is_not_found(reader: FlaskClient) -> None:
    reply = reader.post("/v1/answers", json={"question": QUESTION, "collection": "nosuch"})
    assert (reply.status_code, reply.get_json()["code"]) == (404, "not_found")


def test_what_fails_before_the_first_event_is_an_ordinary_problem(reader: FlaskClient) -> None:
    reply = reader.post("/v1/answers", json={"question": QUESTION, "collection": "nosuch", "stream": True})
    assert (reply.status_code, reply.content_type) == (404, "application/problem+json")


def test_a_question_may_be_as_long_as_the_settings_say_and_no_longer(reader: FlaskClient) -> None:
    assert reader.post("/v1/answers", json={"question": "é" * 4000}).status_code == 200
    reply = reader.post("/v1/answers", json={"question": "é" * 4001})
    assert (reply.status_code, reply.get_json()["detail"]) == (
        400,
        "question: it has 4001 characters, and 4000 are taken: shorten it",
    )


def test_the_command_line_has_the_same_limits(library: Services) -> None:
    with pytest.raises(InvalidRequest, match=r"^question: it has 4001 characters"):
        Local(library).answer({"question": "é" * 4001})
    with pytest.raises(InvalidRequest, match=r"^question: it is empty"):
        Local(library).answer({"question": " "})
    with pytest.raises(InvalidRequest, match=r"^query: it is empty"):
        Local(library).search({"query": ""})


@pytest.mark.parametrize(
    "question",
    [
        "\x00",
        "a\x00b",
        "' OR 1=1 --",
        '"unbalanced',
        "AND OR NOT",
        "title:(",
        "🦆" * 100,
        "\u202eabc",
        "%s{0}",
    ],
)
def test_an_odd_question_gets_an_answer_all_the_same(reader: FlaskClient, question: str) -> None:
    assert ask(reader, question)["status"] in ("answered", "abstained")
    assert reader.post("/v1/search", json={"query": question}).status_code == 200


def test_a_search_gives_ranked_passages(reader: FlaskClient) -> None:
    passages = reader.post("/v1/search", json={"query": "dogs on Fridays", "k": 2}).get_json()["passages"]
    assert shape(passages[0]) == PASSAGE
    assert [passage["rank"] for passage in passages] == [1, 2]
    assert passages[0]["source"] == "handbook/pets.txt"
    assert passages[0]["score"] >= passages[1]["score"]


def test_a_search_takes_a_filter(reader: FlaskClient) -> None:
    body = {"query": "leave", "filter": {"title": ["Leave", "nosuch"]}}
    passages = reader.post("/v1/search", json=body).get_json()["passages"]
    assert [passage["title"] for passage in passages] == ["Leave"]


def test_a_passage_points_at_its_text(reader: FlaskClient) -> None:
    passages = reader.post("/v1/search", json={"query": "leave"}).get_json()["passages"]
    assert passages
    for passage in passages:
        path = f"/v1/documents/{passage['document_id']}/text"
        assert reader.get(path, query_string=passage["span"]).get_json()["text"] == passage["text"]
