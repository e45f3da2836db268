"""What is kept of answers when a document that they were made from is deleted."""

import json
from typing import Any

import pytest

from index.embed import Embedder
from index.upload import Upload
from qa_service.answering.answer import Finished
from qa_service.conversations.redaction import documents_of, without
from qa_service.conversations.store import OPERATOR
from qa_service.requests import AnswerRequest
from qa_service.services import Services, opened
from qa_service.settings import Settings


def answer(cited: str, *passages: str) -> dict[str, Any]:
    return {
        "status": "answered",
        "text": "It is so. [1]",
        "claims": [{"text": "It is so.", "citations": [1]}],
        "citations": [{"number": 1, "document_id": cited, "quote": "It is so."}],
        "missing": ["It does not say why."],
        "passages": [{"document_id": each, "text": f"Text of {each}."} for each in passages],
    }


def test_all_documents_that_an_answer_shows_are_named() -> None:
    assert documents_of(answer("a", "a", "b")) == {"a", "b"}
    assert documents_of({"status": "abstained"}) == set()


def test_where_a_document_was_only_looked_at_its_passages_go_and_the_claims_stay() -> None:
    left = without(answer("a", "a", "b"), {"b"})
    assert documents_of(left) == {"a"}
    assert (left["status"], left["text"], left["missing"]) == ("answered", "It is so. [1]", [])


def test_where_a_document_was_cited_no_claim_stays() -> None:
    left = without(answer("a", "a", "b"), {"a"})
    assert documents_of(left) == {"b"}
    assert (left["status"], left["reason"]) == ("abstained", "document_deleted")
    assert (left["text"], left["claims"], left["citations"]) == ("", [], [])


@pytest.fixture
def services(settings: Settings, embedder: Embedder) -> Any:
    with opened(settings, command="pytest", embedder=embedder) as services:
        yield services


def index(services: Services, source: str, text: str) -> str:
    (result,) = services.ingestor(services.collection("default")).put(
        [Upload(source, f"{source}.txt", text.encode())]
    )
    assert result.document_id
    return result.document_id


def ask(services: Services, conversation_id: str, question: str) -> Any:
    return services.answer(AnswerRequest(question=question, conversation_id=conversation_id), OPERATOR)


def test_an_answer_of_a_document_that_is_deleted_meanwhile_is_not_kept(services: Services) -> None:
    document = index(services, "leave", "Employees have 25 days of leave a year.")
    conversation = services.conversations.create(OPERATOR).id
    events = ask(services, conversation, "How many days of leave do employees have?")
    next(events)  # the passages have been found
    services.delete_document(services.collection("default"), document)
    list(events)
    (turn,) = services.conversations.export(conversation, OPERATOR)[1]
    assert documents_of(turn.answer) == set()
    assert "25 days" not in json.dumps(turn.answer)


def test_an_answer_that_was_rated_goes_with_the_document_that_it_cites(services: Services) -> None:
    document = index(services, "leave", "Employees have 25 days of leave a year.")
    index(services, "pets", "Dogs may come to the office on Fridays.")
    conversation = services.conversations.create(OPERATOR).id
    ids = []
    for question in ("How many days of leave do employees have?", "When may dogs come to the office?"):
        (finished,) = (each for each in ask(services, conversation, question) if isinstance(each, Finished))
        _rate(services, finished.answer.id)
        ids.append(finished.answer.id)
    services.delete_document(services.collection("default"), document)
    assert [each.answer_id for each in services.feedback.list()] == ids[1:]


def _rate(services: Services, answer_id: str) -> None:
    services.feedback.rate(answer_id, OPERATOR, rating="up", corrected="25 days")
