"""Answers that a model writes, over HTTP; the model is a scripted provider on a real connection."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from index.embed import Embedder
from index.upload import Upload
from qa_service.api import Context, create_app
from qa_service.scripted import Received, Reply, ScriptedProvider
from qa_service.services import Services, opened
from qa_service.settings import Settings

Script = Callable[[Received], Reply]
Serve = Callable[[Script], FlaskClient]

SENTENCE = "Employees have 25 days of leave a year."
QUESTION = {"question": "How many days of leave do employees have?"}
SECRET = "swordfish"


@pytest.fixture
def serve(
    settings: Settings,
    embedder: Embedder,
    make: Callable[[Services], Context],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Serve]:
    """Serves one document with a model that replies by a script."""
    monkeypatch.setenv("OPENAI_API_KEY", f"sk-{SECRET}")
    closing: list[Callable[[], object]] = []

    def serve(script: Script) -> FlaskClient:
        provider = ScriptedProvider(script)
        provider.__enter__()
        closing.append(lambda: provider.__exit__(None, None, None))
        model = settings.model_copy(update={"model": "openai/scripted", "model_api_base": provider.url})
        held = opened(model, command="pytest", embedder=embedder)
        services = held.__enter__()
        closing.append(lambda: held.__exit__(None, None, None))
        context = make(services)
        closing.append(context.worker.close)
        upload = Upload("hr/leave", "leave.txt", SENTENCE.encode())
        list(services.ingestor(services.collection("default")).put([upload]))
        return create_app(context).test_client()

    yield serve
    for close in reversed(closing):
        close()


def sentence_id(request: Received) -> str:
    """The id under which the document's sentence was sent to the model."""
    prompt = request.body["messages"][-1]["content"]
    found = re.search(rf"\[(\w+\.\d+)\] {SENTENCE}", prompt)
    assert found
    return found[1]


def written(request: Received) -> Reply:
    return Reply(f"[[{sentence_id(request)}]] Employees have 25 days of leave each year.\nMy own words.\n")


def down(_request: Received) -> Reply:
    return Reply(SECRET, fault="unauthorized")


def cut(request: Received) -> Reply:
    text = f"[[{sentence_id(request)}]] Employees have 25 days of leave each year.\n"
    return Reply(pieces=(text, "[[", "x"), fault="truncated", after=2)


def test_a_model_writes_an_answer_of_cited_sentences(serve: Serve) -> None:
    answer = serve(written).post("/v1/answers", json=QUESTION).get_json()
    assert answer["status"] == "answered"
    assert answer["text"] == "Employees have 25 days of leave each year. [1]"
    assert answer["citations"][0]["quote"] == SENTENCE
    assert answer["model"] == "openai/scripted"
    assert answer["usage"]["prompt_tokens"] > 0
    assert sum(answer["debug"]["dropped"].values()) == 1
    assert answer["debug"]["prompts"]


def test_a_model_that_fails_at_once_fails_the_request_and_its_words_are_not_repeated(serve: Serve) -> None:
    reply = serve(down).post("/v1/answers", json=QUESTION)
    assert (reply.status_code, reply.content_type) == (502, "application/problem+json")
    assert json.loads(reply.get_data())["code"] == "model_authentication"
    assert SECRET not in reply.get_data(as_text=True)


def test_in_a_stream_it_is_an_error_event_and_there_is_no_end(serve: Serve) -> None:
    text = serve(down).post("/v1/answers", json={**QUESTION, "stream": True}).get_data(as_text=True)
    names = re.findall(r"^event: (\w+)$", text, flags=re.MULTILINE)
    assert names == ["retrieval", "error"]
    error: dict[str, Any] = json.loads(text.rstrip().rpartition("data: ")[2])
    assert (error["status"], error["code"]) == (502, "model_authentication")
    assert SECRET not in text


def test_an_answer_that_is_cut_short_says_so_and_why(serve: Serve) -> None:
    answer = serve(cut).post("/v1/answers", json=QUESTION).get_json()
    assert (answer["status"], answer["reason"]) == ("partial", "incomplete")
    assert answer["failure"] == "model_truncated"
    assert [claim["text"] for claim in answer["claims"]] == ["Employees have 25 days of leave each year."]
