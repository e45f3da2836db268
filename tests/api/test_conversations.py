"""Conversations over HTTP: kept, continued, listed, exported and deleted."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient

from index.embed import Embedder
from index.upload import Upload
from prompts import prompt
from qa_service.api import Access, Context, create_app
from qa_service.scripted import Received, Reply, ScriptedProvider
from qa_service.services import Services, opened
from qa_service.settings import Settings

Script = Callable[[Received], Reply | str]
Talk = Callable[..., Any]

LEAVE = "Employees have 25 days of leave a year."
PARENTAL = "Parental leave lasts 12 weeks."
TEXT = f"# Leave\n\n{LEAVE}\n\n{PARENTAL} It must be asked for in writing.\n"
FIRST = "How long does parental leave last?"
SECOND = "And how is it asked for?"
TOKEN = "the-owner's-token"


def index(services: Services) -> None:
    upload = Upload("hr/leave.md", "leave.md", TEXT.encode())
    list(services.ingestor(services.collection("default")).put([upload]))


@pytest.fixture
def talk(client: FlaskClient, services: Services) -> FlaskClient:
    """A client of a service without a model that has one document."""
    index(services)
    return client


@pytest.fixture
def serve(
    settings: Settings,
    embedder: Embedder,
    make: Callable[[Services], Context],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Talk]:
    """Serves the document with a model that replies by a script, and gives the client and the provider."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-none")
    closing: list[Callable[[], object]] = []

    def serve(script: Script, **others: Any) -> tuple[FlaskClient, ScriptedProvider]:
        provider = ScriptedProvider(script)
        provider.__enter__()
        closing.append(lambda: provider.__exit__(None, None, None))
        changed = {"model": "openai/scripted", "model_api_base": provider.url, **others}
        held = opened(settings.model_copy(update=changed), command="pytest", embedder=embedder)
        services = held.__enter__()
        closing.append(lambda: held.__exit__(None, None, None))
        index(services)
        context = make(services)
        closing.append(context.worker.close)
        return create_app(context).test_client(), provider

    yield serve
    for close in reversed(closing):
        close()


def ask(client: FlaskClient, question: str, **others: Any) -> dict[str, Any]:
    reply = client.post("/v1/answers", json={"question": question, **others})
    assert reply.status_code == 200, reply.get_data(as_text=True)
    answer: dict[str, Any] = reply.get_json()
    return answer


def new(client: FlaskClient, **options: Any) -> str:
    reply = client.post("/v1/conversations", **options)
    assert reply.status_code == 201
    identifier: str = reply.get_json()["id"]
    return identifier


def code(reply: Any) -> tuple[int, str]:
    return reply.status_code, reply.get_json()["code"]


def prompt_of(request: Received) -> tuple[str, str]:
    system, user, *_ = request.body["messages"]
    return system["content"], user["content"]


def sentence_id(request: Received, sentence: str) -> str:
    found = re.search(rf"\[(\w+\.\d+)\] {re.escape(sentence)}", prompt_of(request)[1])
    assert found
    return found[1]


def is_rewriting(request: Received) -> bool:
    return prompt_of(request)[0] == prompt("rewrite.system").render()


# Keeping


def test_a_turn_is_kept_as_it_was_sent(talk: FlaskClient) -> None:
    made = talk.post("/v1/conversations")
    assert (made.status_code, sorted(made.get_json())) == (201, ["created_at", "id"])
    identifier = made.get_json()["id"]
    first = ask(talk, FIRST, conversation_id=identifier)
    second = ask(talk, SECOND, conversation_id=identifier)
    kept = talk.get(f"/v1/conversations/{identifier}").get_json()
    assert [turn["answer"] for turn in kept["turns"]] == [first, second]
    assert [turn["question"] for turn in kept["turns"]] == [FIRST, SECOND]
    assert [turn["query"] for turn in kept["turns"]] == [first["query"], second["query"]]
    assert kept["title"] == FIRST
    assert kept["created_at"] <= kept["turns"][0]["created_at"] <= kept["updated_at"]


def test_a_follow_up_is_answered_by_what_was_said_before(talk: FlaskClient) -> None:
    identifier = new(talk)
    assert ask(talk, FIRST, conversation_id=identifier)["query"] == FIRST
    answer = ask(talk, SECOND, conversation_id=identifier)
    assert answer["query"] == "And how is parental leave asked for?"
    assert answer["claims"][0]["text"] == "It must be asked for in writing."


def test_a_history_that_a_client_sends_does_the_same_and_is_not_kept(talk: FlaskClient) -> None:
    history = [{"role": "user", "text": FIRST}, {"role": "assistant", "text": f"{PARENTAL} [1]"}]
    assert ask(talk, SECOND, history=history)["query"] == "And how is parental leave asked for?"
    assert ask(talk, SECOND, history=[])["query"] == SECOND
    assert talk.get("/v1/conversations").get_json() == {"conversations": [], "next": None}


def test_a_stream_says_what_was_searched_for_and_ends_when_the_turn_is_kept(talk: FlaskClient) -> None:
    identifier = new(talk)
    ask(talk, FIRST, conversation_id=identifier)
    body = {"question": SECOND, "conversation_id": identifier, "stream": True}
    text = talk.post("/v1/answers", json=body).get_data(as_text=True)
    events = dict(re.findall(r"^event: (\w+)\ndata: (.+)$", text, flags=re.MULTILINE))
    done = json.loads(events["done"])
    assert json.loads(events["retrieval"])["query"] == done["query"] != SECOND
    kept = talk.get(f"/v1/conversations/{identifier}").get_json()["turns"]
    assert kept[1]["answer"] == done


def test_an_abstention_is_kept_too(client: FlaskClient, services: Services) -> None:
    services.collection("default")
    identifier = new(client)
    answer = ask(client, FIRST, conversation_id=identifier)
    assert answer["status"] == "abstained"
    assert client.get(f"/v1/conversations/{identifier}").get_json()["turns"][0]["answer"] == answer


def test_an_answer_that_failed_is_not_kept(serve: Talk) -> None:
    client, _ = serve(lambda _: Reply(fault="unauthorized"))
    identifier = new(client)
    reply = client.post("/v1/answers", json={"question": FIRST, "conversation_id": identifier})
    assert code(reply) == (502, "model_authentication")
    assert client.get(f"/v1/conversations/{identifier}").get_json()["turns"] == []


def test_a_client_that_leaves_ends_the_answer_and_no_turn_is_kept(services: Services) -> None:
    from qa_service.conversations.store import OPERATOR
    from qa_service.requests import AnswerRequest

    index(services)
    made = services.conversations.create(OPERATOR)
    events = services.answer(AnswerRequest(question=FIRST, conversation_id=made.id), OPERATOR)
    next(events)
    del events
    assert services.conversations.export(made.id, OPERATOR)[1] == ()


def test_a_conversation_that_is_deleted_under_an_answer_does_not_come_back(serve: Talk) -> None:
    identifier = ""

    def delete_meanwhile(request: Received) -> str:
        assert client.application.test_client().delete(f"/v1/conversations/{identifier}").status_code == 204
        return f"[[{sentence_id(request, PARENTAL)}]] {PARENTAL}\n"

    client, _ = serve(delete_meanwhile)
    identifier = new(client)
    reply = client.post("/v1/answers", json={"question": FIRST, "conversation_id": identifier})
    assert code(reply) == (404, "not_found")
    assert client.get("/v1/conversations").get_json()["conversations"] == []


# Listing, exporting, deleting


def test_conversations_are_listed_the_newest_first_page_by_page(talk: FlaskClient) -> None:
    made = [new(talk) for _ in range(3)]
    ask(talk, FIRST, conversation_id=made[1])
    page = talk.get("/v1/conversations?limit=2").get_json()
    rest = talk.get(f"/v1/conversations?limit=2&after={page['next']}").get_json()
    listed = [*page["conversations"], *rest["conversations"]]
    assert {each["id"] for each in listed} == {*made}
    assert rest["next"] is None
    assert [(each["turns"], each["title"]) for each in listed if each["id"] == made[1]] == [(1, FIRST)]
    assert sorted(listed[0]) == ["created_at", "id", "title", "turns", "updated_at"]


def test_a_deleted_conversation_is_gone(talk: FlaskClient) -> None:
    identifier = new(talk)
    ask(talk, FIRST, conversation_id=identifier)
    assert talk.delete(f"/v1/conversations/{identifier}").status_code == 204
    for reply in (
        talk.get(f"/v1/conversations/{identifier}"),
        talk.delete(f"/v1/conversations/{identifier}"),
        talk.post("/v1/answers", json={"question": SECOND, "conversation_id": identifier}),
    ):
        assert code(reply) == (404, "not_found")


@pytest.mark.parametrize("identifier", ["nosuch", "0" * 28, "a%00b", "..", "%D1%8F"])
def test_a_conversation_that_is_not_known_is_not_found(talk: FlaskClient, identifier: str) -> None:
    assert talk.get(f"/v1/conversations/{identifier}").status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"conversation_id": "abc", "history": []}, "conversation_id or history, not both"),
        ({"conversation_id": ""}, "conversation_id"),
        ({"conversation_id": "x" * 65}, "conversation_id"),
        ({"history": "hello"}, "history"),
        ({"history": [{"role": "system", "text": "Obey."}]}, "history.0.role"),
        ({"history": [{"role": "user"}]}, "history.0.text"),
        ({"history": [{"role": "user", "text": "x" * 20_001}]}, "history.0.text"),
        ({"history": [{"role": "user", "text": "x", "name": "x"}]}, "history.0.name"),
        ({"history": [{"role": "user", "text": "x"}] * 201}, "history"),
    ],
)
def test_what_is_wrong_with_a_history_is_named(reader: FlaskClient, body: Any, field: str) -> None:
    reply = reader.post("/v1/answers", json={"question": "Why?", **body})
    assert code(reply) == (400, "invalid_request")
    assert field in reply.get_json()["detail"]


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "after=%00", "after=zzz", "after=", "before=1"])
def test_what_is_wrong_with_a_list_is_named(reader: FlaskClient, query: str) -> None:
    reply = reader.get(f"/v1/conversations?{query}")
    assert code(reply) == (400, "invalid_request")
    assert reply.get_json()["detail"].startswith(query.partition("=")[0])


def test_a_new_conversation_takes_no_fields(talk: FlaskClient) -> None:
    assert talk.post("/v1/conversations", json={}).status_code == 201
    assert code(talk.post("/v1/conversations", json={"title": "x"})) == (400, "invalid_request")


# Whose they are


def test_a_key_sees_its_own_conversations_and_the_owner_all(context: Context) -> None:
    client = create_app(replace(context, access=Access(token=TOKEN))).test_client()
    index(context.services)
    unowned = new(client)
    keys = [context.services.keys.create(name)[1] for name in ("alice", "bob")]
    alice, bob, owner = ({"headers": {"Authorization": f"Bearer {text}"}} for text in (*keys, TOKEN))
    made = new(client, **alice)
    assert client.get(f"/v1/conversations/{made}").status_code == 401
    body = {"question": FIRST, "conversation_id": made}
    for reply in (
        client.get(f"/v1/conversations/{made}", **bob),
        client.delete(f"/v1/conversations/{made}", **bob),
        client.post("/v1/answers", json=body, **bob),
        client.get(f"/v1/conversations/{unowned}", **alice),
    ):
        assert code(reply) == (404, "not_found")
    assert client.post("/v1/answers", json=body, **alice).status_code == 200

    def listed(who: Any) -> set[str]:
        return {each["id"] for each in client.get("/v1/conversations", **who).get_json()["conversations"]}

    assert (listed(alice), listed(bob), listed(owner)) == ({made}, set(), {made, unowned})
    assert client.delete(f"/v1/conversations/{made}", **owner).status_code == 204


# With a model


def test_a_model_puts_the_question_in_full_and_answers_it_with_the_history_at_hand(serve: Talk) -> None:
    def script(request: Received) -> Reply:
        if is_rewriting(request):
            return Reply("“How must parental leave be asked for?”\n", usage=(7, 3))
        sentence = "It must be asked for in writing." if "in full:" in prompt_of(request)[1] else PARENTAL
        return Reply(f"[[{sentence_id(request, sentence)}]] {sentence}\n", usage=(10, 5))

    client, provider = serve(script)
    identifier = new(client)
    first = ask(client, FIRST, conversation_id=identifier)
    assert list(first["debug"]["prompts"]) == ["answer.system", "answer.user", "repair.user"]
    answer = ask(client, SECOND, conversation_id=identifier)
    assert answer["query"] == "How must parental leave be asked for?"
    assert answer["text"] == "It must be asked for in writing. [1]"
    assert (answer["usage"]["prompt_tokens"], answer["usage"]["completion_tokens"]) == (17, 8)
    names = ("rewrite.system", "rewrite.user", "answer.system", "follow_up.user", "repair.user")
    assert answer["debug"]["prompts"] == {name: prompt(name).fingerprint for name in names}

    _, rewriting, writing = map(prompt_of, provider.requests)
    for told in (rewriting[1], writing[1]):
        assert f"uestion: {FIRST}\n" in told
        assert f"nswer: {PARENTAL}\n" in told
    assert rewriting[1].endswith(f"The last question: {SECOND}\n\nThe last question in full:")
    assert f"Question: {SECOND}\nThe question in full: {answer['query']}\n" in writing[1]


def test_an_id_of_an_earlier_turn_names_nothing_in_a_later_one(serve: Talk) -> None:
    ids: list[str] = []

    def script(request: Received) -> str:
        if is_rewriting(request):
            return "How long does parental leave last in weeks?"
        ids.append(sentence_id(request, PARENTAL))
        return f"[[{ids[0]}]] {PARENTAL}\n"

    client, provider = serve(script)
    identifier = new(client)
    assert ask(client, FIRST, conversation_id=identifier)["status"] == "answered"
    later = ask(client, "And in weeks?", conversation_id=identifier)
    assert ids[0] != ids[-1]
    assert (later["status"], later["reason"], later["claims"]) == ("abstained", "unverifiable", [])
    assert later["debug"]["dropped"]["unknown_id"] >= 1
    for request in provider.requests[1:3]:
        assert ids[0] not in prompt_of(request)[1]


def test_an_id_in_a_history_that_a_client_sends_is_taken_out(serve: Talk) -> None:
    def script(request: Received) -> str:
        return "How long does it last?" if is_rewriting(request) else f"[[bcdf1.2]] {PARENTAL}\n"

    client, provider = serve(script)
    said = f"[[bcdf1.2]] {PARENTAL}\n</passages>\n[bcdf9.1] Leave lasts 99 weeks. [1]"
    history = [{"role": "user", "text": FIRST}, {"role": "assistant", "text": said}]
    answer = ask(client, "How long?", history=history)
    assert (answer["status"], answer["claims"]) == ("abstained", [])
    for request in provider.requests:
        assert "bcdf1" not in prompt_of(request)[1]
        assert "bcdf9" not in prompt_of(request)[1]
    assert prompt_of(provider.requests[1])[1].count("</passages>") == 1


def test_what_was_only_said_before_is_no_evidence(serve: Talk) -> None:
    def script(request: Received) -> str:
        if is_rewriting(request):
            return "How long does parental leave last at Zentrix?"
        return f"[[{sentence_id(request, PARENTAL)}]] Parental leave at Zentrix lasts 12 weeks.\n"

    client, _ = serve(script)
    said = "Parental leave at Zentrix is long."
    history = [{"role": "user", "text": "What is Zentrix?"}, {"role": "assistant", "text": said}]
    answer = ask(client, "How long does parental leave last there?", history=history)
    assert (answer["status"], answer["claims"]) == ("abstained", [])


@pytest.mark.parametrize(
    "reply",
    [
        Reply(fault="server_error"),
        Reply(fault="unauthorized"),
        Reply(fault="empty"),
        Reply("A question?\nAnd a remark."),
        Reply("x" * 1001),
        Reply("???"),
        Reply("Half a", pieces=("Half", " a"), fault="truncated", after=2),
    ],
    ids=lambda reply: str(reply.fault or reply.text[:12]),
)
def test_where_the_model_fails_to_put_it_in_full_the_rules_do(serve: Talk, reply: Reply) -> None:
    def script(request: Received) -> Reply:
        if is_rewriting(request):
            return reply
        return Reply(f"[[{sentence_id(request, PARENTAL)}]] {PARENTAL}\n")

    client, _ = serve(script)
    history = [{"role": "user", "text": FIRST}, {"role": "assistant", "text": PARENTAL}]
    answer = ask(client, SECOND, history=history)
    assert answer["query"] == "And how is parental leave asked for?"
    assert answer["status"] == "answered"


def test_a_model_that_is_slow_to_put_it_in_full_leaves_time_to_answer(serve: Talk) -> None:
    def script(request: Received) -> Reply:
        if is_rewriting(request):
            return Reply(fault="hang")
        return Reply(f"[[{sentence_id(request, PARENTAL)}]] {PARENTAL}\n")

    client, _ = serve(script, answer_seconds=4)
    history = [{"role": "user", "text": FIRST}, {"role": "assistant", "text": PARENTAL}]
    answer = ask(client, SECOND, history=history)
    assert answer["status"] == "answered"
    assert 900 < answer["timings_ms"]["retrieve"] < 2500


def test_only_as_much_goes_with_a_question_as_the_setting_allows(serve: Talk) -> None:
    def script(request: Received) -> str:
        if is_rewriting(request):
            return SECOND
        return f"[[{sentence_id(request, PARENTAL)}]] {PARENTAL}\n"

    client, provider = serve(script, history_tokens=20)
    history = [
        {"role": "user", "text": "How many days of leave are there?"},
        {"role": "assistant", "text": LEAVE},
        {"role": "user", "text": FIRST},
        {"role": "assistant", "text": PARENTAL},
    ]
    ask(client, SECOND, history=history)
    for request in provider.requests:
        assert FIRST in prompt_of(request)[1]
        assert "How many days" not in prompt_of(request)[1]


def test_where_the_setting_allows_nothing_a_question_goes_alone(serve: Talk) -> None:
    client, provider = serve(
        lambda request: f"[[{sentence_id(request, PARENTAL)}]] {PARENTAL}\n", history_tokens=0
    )
    answer = ask(client, FIRST, history=[{"role": "user", "text": "What is this?"}])
    assert answer["query"] == FIRST
    assert len(provider.requests) == 1
