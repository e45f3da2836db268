"""What is deleted over HTTP leaves no trace in a running service: no answer, no table, no file, no log has it."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

CANARY = "zqkestrel"
QUESTION = f"Where does the {CANARY} nest?"


def upload(service: Any, title: str, text: str, **more: Any) -> str:
    reply = service.post("/v1/documents", json={"title": title, "text": text, **more})
    assert reply.status_code == 202, reply.text
    deadline = time.monotonic() + 30
    while service.get(f"/v1/jobs/{reply.json()['job_id']}").json()["status"] == "running":
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return str(reply.json()["documents"][0]["id"])


def delete(service: Any, path: str) -> None:
    import httpx

    assert httpx.delete(service.url + path, timeout=30, trust_env=False).status_code == 204


def files_with(places: list[Path], word: str) -> Iterator[str]:
    """The files in which a word stands, in any case."""
    for place in places:
        for path in [place, *place.rglob("*")] if place.is_dir() else [place]:
            if path.is_file() and "models" not in path.parts and word.encode() in path.read_bytes().lower():
                yield path.name


@pytest.fixture
def answered(serve: Callable[..., Any], indexed: Path) -> Iterator[tuple[Any, str, str]]:
    """A service that has been asked for a document's secret in a conversation, and been told of the answer's worth.

    Gives it with the ids of the document and the conversation.
    """
    with serve() as service:
        facts = " ".join(f"Bird number {at} is ringed in hangar {at}." for at in range(200))
        document = upload(
            service,
            f"On the {CANARY}",
            f"# {CANARY.title()}s\n\nThe {CANARY} nests in the {CANARY}ium behind the lighthouse.\n\n{facts}",
            metadata={"bird": CANARY},
        )
        conversation = service.post("/v1/conversations").json()["id"]
        asked = {"question": "Where does the bird of the lighthouse nest?", "conversation_id": conversation}
        answer = service.post("/v1/answers", json=asked).json()
        assert CANARY in answer["text"], answer
        rated = {"answer_id": answer["id"], "rating": "up", "corrected": f"In the {CANARY}ium."}
        assert service.post("/v1/feedback", json=rated).status_code < 300
        assert (
            "25 days"
            in service.post(
                "/v1/answers",
                json={
                    "question": "How many days of leave do employees have?",
                    "conversation_id": conversation,
                },
            ).json()["text"]
        )
        yield service, document, conversation


def test_a_deleted_document_leaves_no_trace_in_a_service_that_runs(
    answered: tuple[Any, str, str], indexed: Path, qa: Callable[..., Any]
) -> None:
    service, document, conversation = answered
    places = [indexed, service.log]
    assert set(files_with(places, CANARY)) >= {"catalog.sqlite3-wal"}
    assert qa("doctor", "--canary", CANARY).returncode == 1
    delete(service, f"/v1/documents/{document}")
    assert list(files_with(places, CANARY)) == []
    told = qa("doctor", "--canary", CANARY)
    assert (told.returncode, "it is in no table and no file" in told.stdout) == (0, True), told.stdout
    for path, body in (
        ("/v1/answers", {"question": "Where does the bird of the lighthouse nest?"}),
        ("/v1/search", {"query": f"{CANARY} nests behind the lighthouse", "k": 50}),
    ):
        assert CANARY not in service.post(path, json=body).text
    kept = service.get(f"/v1/conversations/{conversation}").json()
    assert CANARY not in json.dumps(kept)
    first, second = kept["turns"]
    assert first["question"] == "Where does the bird of the lighthouse nest?"
    assert (first["answer"]["status"], first["answer"]["reason"]) == ("abstained", "document_deleted")
    assert "25 days" in second["answer"]["text"]
    service.stop()
    assert list(files_with(places, CANARY)) == []
    told = qa("doctor", "--canary", CANARY)
    assert (told.returncode, "it is in no table and no file" in told.stdout) == (0, True), told.stdout


@pytest.mark.soak
def test_what_was_asked_stays_in_its_conversation_until_that_is_deleted_too(
    answered: tuple[Any, str, str], indexed: Path
) -> None:
    service, document, conversation = answered
    service.post("/v1/answers", json={"question": QUESTION, "conversation_id": conversation})
    delete(service, f"/v1/documents/{document}")
    assert QUESTION in service.get(f"/v1/conversations/{conversation}").text
    delete(service, f"/v1/conversations/{conversation}")
    assert list(files_with([indexed, service.log], CANARY)) == []
