"""The API's document: every route in it, every reply as it says, and its page."""

import io
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from werkzeug.test import TestResponse

from index.embed import Embedder
from index.upload import Upload
from qa_service.access.keys import Rights
from qa_service.api import Access, Context, create_app
from qa_service.api.guard import PUBLIC, RULES
from qa_service.api.openapi_document import codes, shown
from qa_service.api.operations import OPERATIONS, OUTSIDE
from qa_service.conversations.store import Caller
from qa_service.errors import ModelTimeout
from qa_service.openai.wire import error_json
from qa_service.replies import HEADERS, problem_json
from qa_service.services import Services, opened
from qa_service.settings import Settings

JSON = dict[str, Any]

PAGE = "https://www.example.com"
QUESTION = "How many people does the small boat carry?"
TEXT = "# Boats\n\nThe station has two boats. The small boat carries four people.\n"


@dataclass(frozen=True)
class World:
    """A service with a document, a job, a conversation with a turn, an answer that was rated, and keys."""

    services: Services
    client: FlaskClient
    document: JSON
    keys: dict[str, str]
    document_id: str
    job_id: str
    conversation_id: str
    citation: JSON

    def send(self, method: str, path: str, *, key: str | None = "secret", **options: Any) -> TestResponse:
        headers = options.pop("headers", {})
        if key:
            headers |= {"Authorization": f"Bearer {self.keys[key]}", "Origin": PAGE}
        return self.client.open(path, method=method, headers=headers, **options)

    def made(self, name: str) -> str:
        """A collection that is to be looked at or deleted."""
        self.services.create_collection(name)
        return name


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, embedder: Embedder, make: Any) -> Iterator[World]:
    settings = Settings(data_dir=tmp_path_factory.mktemp("document"))
    with opened(settings, command="pytest", embedder=embedder) as services:
        context: Context = make(services)
        client = create_app(replace(context, access=Access(is_local=False))).test_client()
        owner, secret = services.keys.create("secret")
        keys = {
            "secret": secret,
            "page": services.keys.create("page", Rights.publishable(("default",), (PAGE,)))[1],
            "nothing": services.keys.create("nothing", Rights(scopes=("search",), collections=("none",)))[1],
        }
        collection = services.collection("default")
        (result,) = services.ingestor(collection).put([Upload("boats.md", "boats.md", TEXT.encode())])
        assert result.document_id
        conversation = services.conversations.create(Caller(owner.id)).id
        world = World(
            services,
            client,
            client.get("/openapi.json").get_json(),
            keys,
            result.document_id,
            services.jobs.accept(
                collection, [Upload("b.md", "b.md", b"The large boat carries twelve.")]
            ).job_id,
            conversation,
            {},
        )
        asked = {"question": QUESTION, "conversation_id": conversation}
        answer = world.send("POST", "/v1/answers", json=asked).get_json()
        said = {"answer_id": answer["id"], "rating": "up"}
        assert world.send("POST", "/v1/feedback", json=said).status_code == 204
        yield replace(world, citation=answer["citations"][0])
        context.worker.close()


def faults(schema: JSON, value: Any, document: JSON) -> list[str]:
    """What is wrong with a value by a schema of the document."""
    found = Draft202012Validator({**schema, "components": document["components"]}).iter_errors(value)
    return [f"{each.json_path}: {each.message}" for each in found]


def events_of(text: str) -> list[tuple[str, str]]:
    """The events of a stream by name and data; those without a name are called `message`."""
    found = []
    for frame in text.split("\n\n"):
        lines = dict(line.split(": ", 1) for line in frame.splitlines() if not line.startswith(":"))
        if lines:
            found.append((lines.get("event", "message"), lines["data"]))
    return found


def fits(name: str, data: str, events: list[JSON], document: JSON) -> bool:
    """Whether an event is one of those that are documented."""
    for event in (each["properties"] for each in events):
        if event.get("event", {"const": "message"})["const"] != name:
            continue
        if "contentSchema" not in event["data"]:
            return bool(event["data"]["const"] == data)
        if data.startswith("{") and not faults(event["data"]["contentSchema"], json.loads(data), document):
            return True
    return False


def check(world: World, path: str, method: str, reply: TestResponse) -> None:
    """Compare a reply with the document: its status, its type, its headers, and its body or its events."""
    responses = world.document["paths"][path][method.lower()]["responses"]
    assert str(reply.status_code) in responses, reply.get_data()
    wanted = responses[str(reply.status_code)]
    if "content" not in wanted:
        assert (reply.get_data(), reply.headers.get("Content-Type")) == (b"", None)
        return
    assert reply.mimetype in wanted["content"], (reply.mimetype, reply.get_data())
    content = wanted["content"][reply.mimetype]
    for name in ("Retry-After", "WWW-Authenticate", "X-Request-ID"):
        assert name not in reply.headers or name in wanted["headers"]
    if reply.mimetype == "text/event-stream":
        for name, data in events_of(reply.get_data(as_text=True)):
            assert fits(name, data, content["schema"]["anyOf"], world.document), (name, data)
    elif reply.is_json:
        assert not faults(content["schema"], json.loads(reply.get_data()), world.document)
    reply.close()


Exchange = Callable[[World], list[TestResponse]]


def sends(method: str, path: str | Callable[[World], str], **options: Any) -> Exchange:
    """An exchange of one request."""

    def exchange(world: World) -> list[TestResponse]:
        return [world.send(method, path(world) if callable(path) else path, **options)]

    return exchange


def texts(world: World) -> list[TestResponse]:
    form = {"file": (io.BytesIO(b"Seals sleep on the rocks."), "seals.txt"), "metadata": '{"team": "sea"}'}
    body = {"title": "Terns", "text": "Terns nest in May."}
    return [
        world.send("POST", "/v1/documents", json=body, headers={"Idempotency-Key": "terns"}),
        world.send("POST", "/v1/documents", data=form),
    ]


def streams(path: str, body: JSON) -> Exchange:
    return lambda world: [
        world.send("POST", path, json=body),
        world.send("POST", path, json=body | {"stream": True}),
    ]


def verdicts(world: World) -> list[TestResponse]:
    citation = world.citation
    span = {"start": 0, "end": len(citation["quote"])}
    sent = [citation, citation | {"span": span}, citation | {"document_id": "nosuch"}]
    return [world.send("POST", "/v1/citations/verify", json={"citations": sent})]


CHAT = {"model": "default", "messages": [{"role": "user", "content": QUESTION}]}

EXCHANGES: dict[str, Exchange] = {
    "answers.answer": streams("/v1/answers", {"question": QUESTION}),
    "answers.search": sends("POST", "/v1/search", json={"query": "boats"}),
    "citations.verify": verdicts,
    "collections.create": sends("POST", "/v1/collections", json={"name": "new"}),
    "collections.listed": sends("GET", "/v1/collections"),
    "collections.one": sends("GET", "/v1/collections/default"),
    "collections.reindex": sends("POST", "/v1/collections/default/reindex"),
    "collections.delete": sends("DELETE", lambda world: f"/v1/collections/{world.made('gone')}"),
    "conversations.create": sends("POST", "/v1/conversations"),
    "conversations.listed": sends("GET", "/v1/conversations"),
    "conversations.export": sends("GET", lambda world: f"/v1/conversations/{world.conversation_id}"),
    "conversations.delete": lambda world: [
        world.send("DELETE", f"/v1/conversations/{world.send('POST', '/v1/conversations').get_json()['id']}")
    ],
    "documents.add": texts,
    "documents.listed": sends("GET", "/v1/documents?limit=1"),
    "documents.one": sends("GET", lambda world: f"/v1/documents/{world.document_id}"),
    "documents.text": sends("GET", lambda world: f"/v1/documents/{world.document_id}/text?start=2&end=9"),
    "documents.rename": sends(
        "PATCH", lambda world: f"/v1/documents/{world.document_id}", json={"title": "Boats of the station"}
    ),
    "documents.delete": lambda world: [
        world.send("DELETE", f"/v1/documents/{texts(world)[0].get_json()['documents'][0]['id']}")
    ],
    "feedback.add": lambda world: [
        world.send(
            "POST",
            "/v1/feedback",
            json={
                "answer_id": world.send("POST", "/v1/answers", json={"question": QUESTION}).get_json()["id"],
                "rating": "down",
            },
        )
    ],
    "feedback.listed": sends("GET", "/v1/feedback"),
    "health.livez": sends("GET", "/livez", key=None),
    "health.readyz": sends("GET", "/readyz", key=None),
    "jobs.listed": sends("GET", "/v1/jobs"),
    "jobs.one": sends("GET", lambda world: f"/v1/jobs/{world.job_id}"),
    "jobs.cancel": lambda world: [world.send("DELETE", f"/v1/jobs/{texts(world)[1].get_json()['job_id']}")],
    "keys.create": sends("POST", "/v1/keys", json={"name": "another", "days": 1}),
    "keys.listed": sends("GET", "/v1/keys"),
    "keys.rotate": sends("POST", "/v1/keys/nothing/rotate"),
    "keys.revoke": lambda world: [
        world.send("DELETE", f"/v1/keys/{world.services.keys.create('short')[0].name}")
    ],
    "metrics.show": lambda world: [
        world.send("GET", "/metrics"),
        world.send("GET", "/metrics", headers={"Accept": "application/openmetrics-text"}),
    ],
    "openai.chat": streams("/v1/chat/completions", CHAT | {"stream_options": {"include_usage": True}}),
    "openai.models": sends("GET", "/v1/models"),
    "pages.index": sends("GET", "/", key=None),
    "pages.document": sends("GET", "/documents/x", key=None),
    "pages.static": lambda world: [
        world.send("GET", f"/static/{path.name}", key=None)
        for path in (Path(__file__).parents[2] / "qa_service" / "static").iterdir()
    ],
    "reference.openapi": sends("GET", "/openapi.json", key=None),
    "reference.page": sends("GET", "/docs", key=None),
    "sessions.create": sends("POST", "/v1/sessions", key="page"),
    "widget.script": sends("GET", "/widget.js", key=None),
    "widget.description": sends("GET", "/widget.json", key=None),
}
"""For each endpoint, requests that are answered well."""


def place(world: World, endpoint: str) -> tuple[str, str]:
    """The path and the method of an endpoint in the document."""
    for path, operations in world.document["paths"].items():
        for method, operation in operations.items():
            if operation["operationId"] == endpoint.replace(".", "_"):
                return path, method
    raise AssertionError(f"{endpoint} is not in the document")


# The routes


def test_every_route_is_documented_authorised_and_tested_and_nothing_else_is(world: World) -> None:
    rules = list(world.client.application.url_map.iter_rules())
    endpoints = {rule.endpoint for rule in rules}
    assert endpoints == OPERATIONS.keys() | OUTSIDE
    assert endpoints == PUBLIC | RULES.keys()
    assert EXCHANGES.keys() == OPERATIONS.keys()
    assert {
        (shown(rule.rule), method.lower())
        for rule in rules
        for method in rule.methods or ()
        if method not in ("HEAD", "OPTIONS") and rule.endpoint not in OUTSIDE
    } == {(path, method) for path, operations in world.document["paths"].items() for method in operations}


def test_who_may_call_an_operation_is_what_the_guard_checks(world: World) -> None:
    for endpoint in OPERATIONS:
        path, method = place(world, endpoint)
        security = world.document["paths"][path][method]["security"]
        scopes = {scope for each in security for scope in each.get("secret_key", [])}
        assert (security == []) == (endpoint in PUBLIC)
        if rule := RULES.get(endpoint):
            assert scopes == rule.scopes
            assert ({"publishable_key": []} in security) == rule.publishable
            assert ({"document_link": []} in security) == rule.link


def test_the_document_is_openapi_of_version_3_1(world: World) -> None:
    assert world.document["openapi"] == "3.1.0"
    schemathesis.openapi.from_dict(world.document).validate()
    for name, schema in world.document["components"]["schemas"].items():
        Draft202012Validator.check_schema(schema)
        assert schema.get("description"), name


# The replies


@pytest.mark.parametrize("endpoint", EXCHANGES)
def test_a_good_reply_is_as_documented(world: World, endpoint: str) -> None:
    path, method = place(world, endpoint)
    for reply in EXCHANGES[endpoint](world):
        assert reply.status_code < 300, reply.get_data()
        check(world, path, method, reply)


@pytest.mark.parametrize("endpoint", EXCHANGES)
def test_a_refusal_is_as_documented(world: World, endpoint: str) -> None:
    path, method = place(world, endpoint)
    concrete = re.sub(r"{\w+}", "nosuch", path)
    for options in (
        {"key": None},
        {"key": "nothing"},
        {"key": "page"},
        {"key": "secret", "json": {"nosuch": 1}},
        {"key": "secret", "data": b"{"},
        {"key": "secret", "query_string": "limit=x&start=y"},
    ):
        reply = world.send(method.upper(), concrete, **options)
        if reply.status_code >= 400:
            check(world, path, method, reply)
        reply.close()


def test_a_stream_that_fails_ends_with_a_documented_event(world: World) -> None:
    failed = problem_json(ModelTimeout("the model was too slow"))
    for path, data, name in (
        ("/v1/answers", failed, "error"),
        ("/v1/chat/completions", error_json(failed), "message"),
    ):
        content = world.document["paths"][path]["post"]["responses"]["200"]["content"]["text/event-stream"]
        assert fits(name, json.dumps(data), content["schema"]["anyOf"], world.document)
        assert not fits(name, json.dumps({**data, "x": 1}), content["schema"]["anyOf"], world.document)


def test_what_is_not_in_a_schema_is_a_fault_of_the_reply(world: World) -> None:
    found = world.send("GET", f"/v1/documents/{world.document_id}").get_json()
    schema = {"$ref": "#/components/schemas/Document"}
    assert not faults(schema, found, world.document)
    assert faults(schema, found | {"vector": []}, world.document)
    assert faults(schema, {name: found[name] for name in found if name != "title"}, world.document)


# The requests


def test_the_examples_fit_their_schemas_and_are_understood(world: World) -> None:
    shown = 0
    for path, operations in world.document["paths"].items():
        for method, operation in operations.items():
            content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            if "example" in content:
                assert not faults(content["schema"], content["example"], world.document)
                concrete = re.sub(r"{\w+}", "nosuch", path)
                reply = world.send(method.upper(), concrete, json=content["example"])
                assert reply.status_code < 400 or reply.status_code in (404, 409)
                shown += 1
    assert shown >= 8


def test_a_filter_takes_a_value_or_a_list_of_values_as_the_document_says(world: World) -> None:
    schema = {"$ref": "#/components/schemas/SearchRequest"}
    for value in ("hr", ["hr", "it"]):
        body = {"query": "boats", "filter": {"team": value}}
        assert not faults(schema, body, world.document)
        assert world.send("POST", "/v1/search", json=body).status_code == 200


# The errors


def test_every_code_is_in_the_document_with_the_status_that_the_written_documentation_gives(
    world: World,
) -> None:
    written = (Path(__file__).parents[2] / "docs" / "http.md").read_text()
    table = dict(re.findall(r"^\| `(\w+)` \| (\d{3}) \|", written, flags=re.MULTILINE))
    told = world.document["components"]["schemas"]["Code"]
    assert {code: str(each["status"]) for code, each in told["x-codes"].items()} == table
    assert set(told["enum"]) == codes().keys() == table.keys()


# The page


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_the_page_shows_every_operation_and_every_place_that_it_links_to_is_there(world: World) -> None:
    reply = world.send("GET", "/docs", key=None)
    assert reply.headers["Content-Security-Policy"] == HEADERS["Content-Security-Policy"]
    page = _Page()
    page.feed(reply.get_data(as_text=True))
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    links = [attrs["href"] or "" for tag, attrs in page.tags if tag == "a"]
    assert len(ids) == len(set(ids))
    assert {link[1:] for link in links if link.startswith("#")} <= set(ids)
    assert {endpoint.replace(".", "_") for endpoint in OPERATIONS} <= set(ids)
    assert not [tag for tag, attrs in page.tags if tag in ("script", "style") or "style" in attrs]
    assert [link for link in links if not link.startswith("#")] == ["/openapi.json"]


def test_nothing_that_a_client_sends_is_markup_on_the_page(world: World) -> None:
    reply = world.client.get("/docs", headers={"Host": 'x"><script>alert(1)</script>'})
    assert "<script" not in reply.get_data(as_text=True)
