"""Who may do what: every route with every sort of key, and pages of other origins."""

import io
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient
from werkzeug.routing import Rule as Route
from werkzeug.test import TestResponse

from index.embed import Embedder
from index.upload import Upload
from qa_service.access.keys import SCOPES, Key, Rights, Scope
from qa_service.api import Access, Context, create_app
from qa_service.api.guard import PUBLIC, RULES
from qa_service.conversations.store import Caller
from qa_service.services import Services, opened
from qa_service.settings import Settings

PAGE = "https://www.example.com"
SECOND_PAGE = "https://help.example.com"
OTHER_PAGE = "https://other.example"
MINE, THEIRS = "handbook", "payroll"
TOKEN = "the-owner's-token"
CANARY = "Zanzibar"
TEXTS = {
    MINE: "The station has two boats. The small boat carries four people.",
    THEIRS: f"The password of the safe is {CANARY}. The director earns 90,000 euros a year.",
}


@dataclass(frozen=True)
class World:
    """A service with two collections, a document, a job and a conversation in each, and keys of all sorts."""

    services: Services
    client: FlaskClient
    keys: dict[str, str]
    held: dict[str, Key]
    ids: dict[str, dict[str, str]]

    def bearer(self, name: str, *, origin: str | None = PAGE) -> dict[str, str]:
        """The headers of a request with a key, or with a token by its own text."""
        headers = {"Authorization": f"Bearer {self.keys.get(name, name)}"}
        return headers | ({"Origin": origin} if origin else {})

    def call(
        self, name: str, method: str, path: str, *, origin: str | None = PAGE, **options: Any
    ) -> TestResponse:
        return self.client.open(path, method=method, headers=self.bearer(name, origin=origin), **options)


def rights_of_all() -> dict[str, Rights]:
    past = time.time_ns() // 1_000_000 - 1
    only: dict[str, Rights] = {f"only-{scope}": Rights(scopes=(scope,)) for scope in SCOPES}
    return {
        "everything": Rights(),
        "and-metrics": Rights(scopes=(*SCOPES, "metrics")),
        **only,
        "restricted": Rights(collections=(MINE,)),
        "foreign": Rights(collections=(THEIRS,)),
        "expired": Rights(expires_at=past),
        "revoked": Rights(),
        "page": Rights.publishable((MINE,), (PAGE,)),
        "two-pages": Rights.publishable((MINE,), (PAGE, SECOND_PAGE)),
        "nowhere": Rights.publishable((MINE,), ()),
        "foreign-page": Rights.publishable((THEIRS,), (PAGE,)),
        "expired-page": Rights.publishable((MINE,), (PAGE,), past),
        "revoked-page": Rights.publishable((MINE,), (PAGE,)),
    }


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, embedder: Embedder, make: Any) -> Iterator[World]:
    settings = Settings(data_dir=tmp_path_factory.mktemp("access"))
    with opened(settings, command="pytest", embedder=embedder) as services:
        context: Context = make(services)
        made = {name: services.keys.create(name, rights) for name, rights in rights_of_all().items()}
        keys = {name: text for name, (_, text) in made.items()}
        held = {name: key for name, (key, _) in made.items()}
        ids: dict[str, dict[str, str]] = {}
        for name, owner in ((MINE, "restricted"), (THEIRS, "foreign")):
            upload = Upload(f"{name}.md", f"{name}.md", TEXTS[name].encode())
            collection = services.collection(name)
            list(services.ingestor(collection).put([upload]))
            ids[name] = {
                "document_id": services.catalog.documents(collection)[0].id,
                "job_id": services.jobs.accept(collection, []).job_id,
                "conversation_id": services.conversations.create(Caller(held[owner].id)).id,
                "collection_name": name,
                "name": "nosuch",
            }
        services.keys.revoke("revoked")
        services.keys.revoke("revoked-page")
        client = create_app(replace(context, access=Access(is_local=False, token=TOKEN))).test_client()
        yield World(services, client, keys, held, ids)
        context.worker.close()


BODIES: dict[str, Any] = {
    "answers.answer": {"question": "How many people does the small boat carry?"},
    "answers.search": {"query": "boats"},
    "citations.verify": {"citations": [{"document_id": "0", "span": {"start": 0, "end": 1}, "quote": "a"}]},
    "collections.create": {"name": "\u0000"},  # refused when it is read, after the key was looked at
    "documents.add": {"title": "A", "text": "Some text.", "source": "a"},
    "documents.rename": {"title": "Boats"},
    "feedback.add": {"answer_id": "0" * 24, "rating": "up"},
    "openai.chat": {"messages": [{"role": "user", "content": "How many people does the small boat carry?"}]},
    "keys.create": {"name": "\u0000"},  # refused when it is read, after the key was looked at
}


COLLECTION_FIELDS = {
    "answers.answer": "collection",
    "answers.search": "collection",
    "documents.add": "collection",
    "openai.chat": "model",
}


def routes(client: FlaskClient) -> list[tuple[Route, str]]:
    """Every route that is not public, once for each of its own methods."""
    return [
        (rule, method)
        for rule in client.application.url_map.iter_rules()
        for method in sorted(rule.methods or ())
        if rule.endpoint not in PUBLIC and method not in ("HEAD", "OPTIONS")
    ]


def request_of(rule: Route, ids: dict[str, str], collection: str | None = None) -> tuple[str, dict[str, Any]]:
    """The path and the body of a request to a route, with ids of some collection."""
    path = rule.rule
    for name in rule.arguments:
        path = path.replace(f"<{name}>", ids[name])
    body = BODIES.get(rule.endpoint)
    if body is None:
        is_list = collection and rule.endpoint == "documents.listed"
        return (f"{path}?collection={collection}" if is_list else path), {}
    field = COLLECTION_FIELDS.get(rule.endpoint)
    return path, {"json": body | ({field: collection} if collection and field else {})}


def test_every_route_says_who_may_call_it(world: World) -> None:
    endpoints = {rule.endpoint for rule in world.client.application.url_map.iter_rules()}
    assert endpoints == PUBLIC | RULES.keys()
    assert not PUBLIC & RULES.keys()
    assert set(BODIES) <= endpoints


def test_a_route_of_which_nothing_is_said_is_closed_to_every_key(world: World) -> None:
    app = create_app(world.client.application.extensions["qa"])
    app.add_url_rule("/v1/new", "new", lambda: "open")
    for name in ("everything", "page", *(f"only-{scope}" for scope in SCOPES)):
        reply = app.test_client().get("/v1/new", headers=world.bearer(name))
        assert (reply.status_code, reply.get_json()["code"]) == (403, "forbidden")


def test_nobody_is_let_in_without_a_key_nor_with_one_that_is_unknown_revoked_or_expired(world: World) -> None:
    session, _ = world.services.keys.session(world.held["page"], origin=PAGE, seconds=-1)
    link = world.services.keys.links(world.held["expired-page"])(world.ids[MINE]["document_id"])
    unknown = f"sk_{'0' * 16}_{'x' * 43}"
    shown = [
        "revoked",
        "revoked-page",
        "expired",
        "expired-page",
        session,
        link,
        unknown,
        "st_",
        "dl__",
        "pk_x_y",
    ]
    cases = 0
    for ids in world.ids.values():
        for rule, method in routes(world.client):
            path, options = request_of(rule, ids)
            assert world.client.open(path, method=method, **options).status_code == 401
            for name in shown:
                reply = world.call(name, method, path, **options)
                assert reply.status_code == 401, (name, method, path)
                data = reply.get_json()
                assert data.get("error", data)["code"] == "unauthorized"
                assert CANARY not in reply.get_data(as_text=True)
                cases += 1
    assert cases >= 300


@pytest.mark.parametrize("scope", SCOPES)
def test_a_key_may_do_what_its_scope_says_and_nothing_else(world: World, scope: Scope) -> None:
    for rule, method in routes(world.client):
        path, options = request_of(rule, world.ids[MINE], MINE)
        if method == "DELETE" and scope in ("write", "admin"):
            path, options = request_of(rule, dict.fromkeys(world.ids[MINE], "0"))
        status = world.call(f"only-{scope}", method, path, **options).status_code
        may = scope in RULES[rule.endpoint].scopes and not rule.endpoint.startswith(("keys.", "sessions."))
        assert (status != 403) == may, (method, path, status)


def test_a_publishable_key_may_only_ask(world: World) -> None:
    allowed = set()
    for rule, method in routes(world.client):
        ids = world.ids[MINE] if method != "DELETE" else dict.fromkeys(world.ids[MINE], "0")
        path, options = request_of(rule, ids, MINE)
        if world.call("page", method, path, **options).status_code != 403:
            allowed.add(rule.endpoint)
    assert allowed == {
        "answers.answer",
        "citations.verify",
        "conversations.create",
        "conversations.export",
        "conversations.delete",
        "documents.one",
        "documents.text",
        "feedback.add",
        "openai.chat",
        "sessions.create",
    }


@pytest.mark.parametrize(
    "origin", [None, OTHER_PAGE, "null", "*", f"{PAGE}/", f"{PAGE}:443", "http://www.example.com"]
)
def test_a_publishable_key_works_for_nobody_but_pages_of_its_origins(
    world: World, origin: str | None
) -> None:
    token = world.client.post("/v1/sessions", headers=world.bearer("page")).get_json()["token"]
    for name in ("page", "nowhere", token):
        for rule, method in routes(world.client):
            path, options = request_of(rule, world.ids[MINE])
            reply = world.call(name, method, path, origin=origin, **options)
            assert reply.status_code == 403, (name, method, path, reply.get_data())
            assert "Access-Control-Allow-Origin" not in reply.headers


def test_with_an_empty_list_of_origins_there_is_no_page_that_a_key_works_on(world: World) -> None:
    assert world.call("nowhere", "POST", "/v1/sessions").status_code == 403


def test_what_belongs_to_others_looks_exactly_as_what_is_not_there(world: World) -> None:
    """Every route with an id or a collection, for four sorts of caller."""
    cases = 0
    for name in ("restricted", "page", "foreign", "foreign-page"):
        mine, theirs = (MINE, THEIRS) if name in ("restricted", "page") else (THEIRS, MINE)
        for rule, method in routes(world.client):
            rights = world.held[name].rights
            if rights.kind == "publishable" and not RULES[rule.endpoint].publishable:
                continue
            foreign, absent = world.ids[theirs], dict.fromkeys(world.ids[theirs], "0" * 24)
            if rule.arguments and not rule.endpoint.startswith("keys."):
                kinds = [(request_of(rule, foreign), request_of(rule, absent))]
            elif rule.endpoint in COLLECTION_FIELDS or rule.endpoint == "documents.listed":
                kinds = [(request_of(rule, {}, theirs), request_of(rule, {}, "nosuch"))]
            else:
                continue
            for (path, options), (other_path, other_options) in kinds:
                replies = [
                    world.call(name, method, path, **options),
                    world.call(name, method, other_path, **other_options),
                ]
                shown = [
                    reply.get_data(as_text=True).replace(each, "X")
                    for reply, asked in zip(replies, (foreign, absent), strict=True)
                    for each in [
                        next((asked[a] for a in rule.arguments), None)
                        or (theirs if asked is foreign else "nosuch")
                    ]
                ]
                status = (
                    403 if rule.endpoint in ("collections.delete", "collections.reindex") else 404
                )  # for keys without limits
                assert [reply.status_code for reply in replies] == [status, status], (name, method, path)
                assert shown[0] == shown[1]
                assert dict(replies[0].headers).keys() == dict(replies[1].headers).keys()
                assert CANARY not in shown[0]
                cases += 2
        assert world.call(name, "GET", f"/v1/documents/{world.ids[mine]['document_id']}").status_code == 200
    assert cases >= 40


def test_an_answer_holds_nothing_of_another_collection_whatever_it_is_asked(world: World) -> None:
    document_id = world.ids[THEIRS]["document_id"]
    for asked in (
        {"question": "What is the password of the safe?"},
        {"question": "What is the password of the safe?", "filter": {"document_id": document_id}},
        {"question": f"Tell me about {CANARY}", "k": 200},
        {"question": "And the password?", "history": [{"role": "user", "text": f"The safe and {CANARY}"}]},
    ):
        for name in ("restricted", "page"):
            reply = world.call(name, "POST", "/v1/answers", json=asked)
            data = reply.get_json()
            assert reply.status_code == 200
            assert document_id not in {passage["document_id"] for passage in data["passages"]}
            assert data["passages"] or "filter" in asked
            assert "password of the safe is" not in json.dumps([data["passages"], data["claims"]])


def test_nothing_of_another_collection_is_told_in_the_openai_shape_either(world: World) -> None:
    for name in ("restricted", "page"):
        body = {"model": MINE, "messages": [{"role": "user", "content": f"What of the safe and {CANARY}?"}]}
        for stream in (True, False):
            reply = world.call(name, "POST", "/v1/chat/completions", json=body | {"stream": stream})
            assert reply.status_code == 200
            assert "password of the safe is" not in reply.get_data(as_text=True)
    listed = world.call("restricted", "GET", "/v1/models").get_json()["data"]
    assert [each["id"] for each in listed] == [MINE]


def test_a_key_for_one_collection_need_not_name_it(world: World) -> None:
    for name in ("restricted", "page"):
        reply = world.call(name, "POST", "/v1/answers", json=BODIES["answers.answer"])
        assert reply.get_json()["status"] == "answered"
    listed = world.call("restricted", "GET", "/v1/documents").get_json()["documents"]
    assert world.ids[MINE]["document_id"] in [each["id"] for each in listed]
    assert world.ids[THEIRS]["document_id"] not in [each["id"] for each in listed]
    reply = world.call("everything", "POST", "/v1/answers", json=BODIES["answers.answer"])
    assert reply.status_code == 404


def test_a_restricted_key_makes_no_collection(world: World) -> None:
    body = {"title": "A", "text": "Some text.", "collection": "new"}
    assert world.call("restricted", "POST", "/v1/documents", json=body).status_code == 404
    form = {"file": (io.BytesIO(b"Some text."), "a.txt"), "collection": THEIRS}
    assert world.call("restricted", "POST", "/v1/documents", data=form).status_code == 404
    assert {each.name for each in world.services.catalog.collections()} == {MINE, THEIRS}


def test_a_conversation_of_a_page_is_reached_by_its_id_and_listed_for_nobody_there(world: World) -> None:
    made = world.call("page", "POST", "/v1/conversations").get_json()["id"]
    body = BODIES["answers.answer"] | {"conversation_id": made}
    assert world.call("page", "POST", "/v1/answers", json=body).status_code == 200
    exported = world.call("page", "GET", f"/v1/conversations/{made}").get_json()
    assert "&link=dl_" in exported["turns"][0]["answer"]["citations"][0]["url"]
    assert world.call("page", "GET", "/v1/conversations").status_code == 403
    for name in ("everything", "restricted", "foreign-page"):
        assert world.call(name, "GET", f"/v1/conversations/{made}").status_code == 404
    assert world.call("page", "DELETE", f"/v1/conversations/{made}").status_code == 204


def test_a_revoked_or_rotated_key_is_refused_from_the_next_request_on_with_all_that_was_made_of_it(
    world: World,
) -> None:
    keys = world.services.keys
    key, text = keys.create("short-lived", Rights.publishable((MINE,), (PAGE,)))
    document = f"/v1/documents/{world.ids[MINE]['document_id']}"

    def statuses(*shown: str) -> list[int]:
        return [world.call(each, "GET", document).status_code for each in shown]

    token = world.call(text, "POST", "/v1/sessions").get_json()["token"]
    link = keys.links(key)(world.ids[MINE]["document_id"])
    assert statuses(text, token, link) == [200, 200, 200]
    _, rotated = keys.rotate("short-lived")
    assert statuses(text, token, link, rotated) == [401, 401, 401, 200]
    token, _ = keys.session(key, origin=PAGE, seconds=60)
    keys.revoke("short-lived")
    assert statuses(rotated, token) == [401, 401]


# Sessions


def test_a_session_has_the_rights_of_its_key_for_a_quarter_of_an_hour(world: World) -> None:
    before = time.time_ns() // 1_000_000
    reply = world.call("page", "POST", "/v1/sessions")
    made = reply.get_json()
    assert reply.status_code == 201
    assert 899_000 <= made["expires_at"] - before <= 960_000
    assert world.call(made["token"], "POST", "/v1/answers", json=BODIES["answers.answer"]).status_code == 200
    assert world.call(made["token"], "POST", "/v1/search", json=BODIES["answers.search"]).status_code == 403


@pytest.mark.parametrize("name", ["everything", "only-ask", "session", TOKEN])
def test_nothing_but_a_publishable_key_makes_a_session(world: World, name: str) -> None:
    session, _ = world.services.keys.session(world.held["page"], origin=PAGE, seconds=60)
    shown = session if name == "session" else name
    assert world.call(shown, "POST", "/v1/sessions").status_code == 403


def test_a_session_works_on_pages_of_the_origin_that_it_was_made_for_and_no_other_of_its_key(
    world: World,
) -> None:
    asked = {"json": BODIES["answers.answer"]}
    tokens = {
        origin: world.call("two-pages", "POST", "/v1/sessions", origin=origin).get_json()["token"]
        for origin in (PAGE, SECOND_PAGE)
    }
    for origin, token in tokens.items():
        for page in (PAGE, SECOND_PAGE):
            reply = world.call(token, "POST", "/v1/answers", origin=page, **asked)
            assert reply.status_code == (200 if page == origin else 403)
            assert reply.headers.get("Access-Control-Allow-Origin") == (page if page == origin else None)
            assert world.call("two-pages", "POST", "/v1/answers", origin=page, **asked).status_code == 200
        assert world.call(token, "POST", "/v1/answers", origin=None, **asked).status_code == 403
        assert len(token) <= 80


def test_a_session_without_an_origin_is_refused_as_one_that_has_had_its_time(world: World) -> None:
    token, _ = world.services.keys.session(world.held["page"], origin="", seconds=60)
    late, _ = world.services.keys.session(world.held["page"], origin=PAGE, seconds=-1)
    asked = {"json": BODIES["answers.answer"]}
    replies = [world.call(each, "POST", "/v1/answers", **asked) for each in (token, late)]
    assert [reply.status_code for reply in replies] == [401, 401]
    assert replies[0].get_json()["detail"] == replies[1].get_json()["detail"]
    assert replies[0].headers["Access-Control-Allow-Origin"] == PAGE


def test_a_session_for_an_origin_that_its_key_does_not_list_is_none(world: World) -> None:
    token, _ = world.services.keys.session(world.held["page"], origin=OTHER_PAGE, seconds=60)
    for page in (PAGE, OTHER_PAGE):
        assert world.call(token, "POST", "/v1/answers", origin=page).status_code == 401


def test_no_part_of_a_token_can_be_changed(world: World) -> None:
    keys, document = world.services.keys, f"/v1/documents/{world.ids[MINE]['document_id']}"
    for token in (
        keys.session(world.held["page"], origin=PAGE, seconds=60)[0],
        keys.links(world.held["page"])(world.ids[MINE]["document_id"]),
    ):
        assert world.call(token, "GET", document).status_code == 200
        prefix, identifier, until, signature = token.split("_", 3)
        later, other = f"{int(until, 16) + 1:x}", world.held["foreign-page"].id
        swapped = {"st": "dl", "dl": "st"}[prefix]
        for changed in (
            (swapped, identifier, until, signature),
            (prefix, other, until, signature),
            (prefix, identifier, later, signature),
            (prefix, identifier, until, signature[:-1]),
            (prefix, identifier, until, ""),
            (prefix, identifier, "", signature),
            ("pk", identifier, until, signature),
        ):
            assert world.call("_".join(changed), "GET", document).status_code == 401


# Links


def test_a_page_reader_can_follow_every_citation_without_a_key_in_the_page_of_the_document(
    world: World,
) -> None:
    answer = world.call("page", "POST", "/v1/answers", json=BODIES["answers.answer"]).get_json()
    places = [*answer["citations"], *answer["passages"]]
    assert places
    for place in places:
        address, _, link = place["url"].partition("&link=")
        assert (
            address
            == f"/documents/{place['document_id']}?start={place['span']['start']}&end={place['span']['end']}"
        )
        path = f"/v1/documents/{place['document_id']}"
        read = world.call(link, "GET", f"{path}/text", origin=None).get_json()["text"]
        assert world.call(link, "GET", path, origin=None).status_code == 200
        quote = place.get("quote", place.get("text"))
        assert read[place["span"]["start"] : place["span"]["end"]] == quote


def test_in_a_stream_the_addresses_have_their_link_too(world: World) -> None:
    body = BODIES["answers.answer"] | {"stream": True}
    frames = world.call("page", "POST", "/v1/answers", json=body).get_data(as_text=True)
    assert frames.count('"url": ') == frames.count("&link=dl_") > 2
    secret = world.call("restricted", "POST", "/v1/answers", json=body, origin=None).get_data(as_text=True)
    assert "link=" not in secret


def test_a_link_reads_one_document_and_does_nothing_else(world: World) -> None:
    mine = world.ids[MINE]["document_id"]
    link = world.services.keys.links(world.held["page"])(mine)
    foreign = world.services.keys.links(world.held["page"])(world.ids[THEIRS]["document_id"])
    assert world.call(foreign, "GET", f"/v1/documents/{world.ids[THEIRS]['document_id']}").status_code == 404
    for rule, method in routes(world.client):
        for ids in (world.ids[MINE], world.ids[THEIRS]):
            path, options = request_of(rule, ids)
            status = world.call(link, method, path, origin=None, **options).status_code
            reads = method == "GET" and path.removesuffix("/text") == f"/v1/documents/{mine}"
            assert status == 200 if reads else status in (401, 403), (method, path)


# Pages of other origins


def preflight(world: World, path: str, method: str, origin: str) -> TestResponse:
    asked = {"Origin": origin, "Access-Control-Request-Method": method}
    return world.client.options(path, headers=asked | {"Access-Control-Request-Headers": "authorization"})


def test_a_preflight_is_answered_for_origins_that_a_key_lists_and_what_publishable_keys_may(
    world: World,
) -> None:
    for rule, method in routes(world.client):
        path, _ = request_of(rule, world.ids[MINE])
        reply = preflight(world, path, method, PAGE)
        assert reply.vary.as_set() >= {"origin"}
        if RULES[rule.endpoint].publishable:
            assert reply.status_code == 204
            assert reply.headers["Access-Control-Allow-Origin"] == PAGE
            assert reply.headers["Access-Control-Allow-Methods"] == method
            assert reply.headers["Access-Control-Allow-Headers"] == "Authorization, Content-Type"
            assert "Access-Control-Allow-Credentials" not in reply.headers
        else:
            assert reply.status_code == 401
            assert "Access-Control-Allow-Origin" not in reply.headers


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "*",
        OTHER_PAGE,
        f"{PAGE}.evil.example",
        "https://example.com",
        "http://www.example.com",
        PAGE.upper(),
    ],
)
def test_nothing_is_said_to_pages_of_other_origins(world: World, origin: str) -> None:
    for path, method in (("/v1/answers", "POST"), ("/v1/feedback", "POST"), ("/v1/sessions", "POST")):
        reply = preflight(world, path, method, origin)
        assert reply.status_code == 401
        assert not [name for name in dict(reply.headers) if name.startswith("Access-Control")]
    reply = world.call("page", "POST", "/v1/answers", origin=origin, json=BODIES["answers.answer"])
    assert reply.status_code == 403
    assert not [name for name in dict(reply.headers) if name.startswith("Access-Control")]


@pytest.mark.parametrize(
    ("path", "options", "status"),
    [
        ("/v1/answers", {"json": BODIES["answers.answer"]}, 200),
        ("/v1/answers", {"json": BODIES["answers.answer"] | {"stream": True}}, 200),
        ("/v1/answers", {"json": {}}, 400),
        ("/v1/answers", {"data": b"x"}, 415),
        ("/v1/answers", {"json": {"question": "a", "collection": THEIRS}}, 404),
        ("/v1/nosuch", {}, 404),
        ("/v1/search", {"json": BODIES["answers.search"]}, 403),
        ("/v1/sessions", {}, 201),
    ],
)
def test_a_page_may_read_every_reply_to_its_key_errors_included(
    world: World, path: str, options: dict[str, Any], status: int
) -> None:
    reply = world.call("page", "POST", path, **options)
    assert reply.status_code == status
    assert reply.headers["Access-Control-Allow-Origin"] == PAGE
    assert reply.headers["Access-Control-Expose-Headers"] == "Retry-After"
    assert "origin" in reply.vary.as_set()
    assert "Access-Control-Allow-Credentials" not in reply.headers


def test_a_page_may_read_that_its_token_has_had_its_time(world: World) -> None:
    token, _ = world.services.keys.session(world.held["page"], origin=PAGE, seconds=-1)
    reply = world.call(token, "POST", "/v1/answers", json=BODIES["answers.answer"])
    assert reply.status_code == 401
    assert reply.headers["Access-Control-Allow-Origin"] == PAGE


def test_no_page_of_another_origin_may_read_what_a_secret_key_brings(world: World) -> None:
    for name in ("everything", TOKEN, "revoked"):
        reply = world.call(name, "POST", "/v1/answers", json=BODIES["answers.answer"])
        assert "Access-Control-Allow-Origin" not in reply.headers
        assert "origin" in reply.vary.as_set()


def test_the_widget_itself_can_be_loaded_from_anywhere(world: World) -> None:
    reply = world.client.get("/widget.js", headers={"Origin": OTHER_PAGE})
    assert reply.headers["Access-Control-Allow-Origin"] == "*"
    assert reply.headers["Cross-Origin-Resource-Policy"] == "cross-origin"


# Keys over HTTP


def test_keys_are_made_listed_rotated_and_revoked_over_http(world: World) -> None:
    body = {
        "name": "site",
        "kind": "publishable",
        "collections": [MINE],
        "origins": ["https://A.example:443/"],
        "days": 1,
    }
    made = world.call("everything", "POST", "/v1/keys", json=body)
    shown = made.get_json()
    assert (made.status_code, shown["scopes"], shown["origins"]) == (201, ["ask"], ["https://a.example"])
    assert world.call(shown["key"], "POST", "/v1/sessions", origin="https://a.example").status_code == 201
    listed = world.call("everything", "GET", "/v1/keys").get_json()["keys"]
    assert {**listed[-1], "key": shown["key"]} == shown
    assert "key" not in listed[-1]
    rotated = world.call("everything", "POST", "/v1/keys/site/rotate").get_json()
    assert rotated["id"] == shown["id"]
    assert world.call(shown["key"], "POST", "/v1/sessions", origin="https://a.example").status_code == 401
    assert world.call(rotated["key"], "POST", "/v1/sessions", origin="https://a.example").status_code == 201
    assert world.call("everything", "DELETE", "/v1/keys/site").status_code == 204
    assert world.call(rotated["key"], "POST", "/v1/sessions", origin="https://a.example").status_code == 401


@pytest.mark.parametrize("name", ["nosuch", "%00", "%0A", "a%C2%85b", "é" * 200])
def test_a_key_that_is_not_there_is_neither_rotated_nor_revoked(world: World, name: str) -> None:
    assert world.call("everything", "POST", f"/v1/keys/{name}/rotate").status_code == 404
    assert world.call("everything", "DELETE", f"/v1/keys/{name}").status_code == 404


@pytest.mark.parametrize("name", ["a/b", "../a", "a/rotate", "%2f", "?#"])
def test_a_key_can_be_rotated_and_revoked_whatever_it_is_called(world: World, name: str) -> None:
    assert world.call("everything", "POST", "/v1/keys", json={"name": name}).status_code == 201
    path = f"/v1/keys/{quote(name, safe='')}"
    assert world.call("everything", "POST", f"{path}/rotate").status_code == 200
    assert world.call("everything", "DELETE", path).status_code == 204
    assert name not in {each.name for each in world.services.keys.list()}


def test_a_key_with_more_than_the_usual_scopes_manages_keys(world: World) -> None:
    assert world.call("and-metrics", "GET", "/v1/keys").status_code == 200


def test_a_key_that_has_limits_makes_none_that_has_fewer(world: World) -> None:
    for name in ("only-admin", "restricted", "page"):
        assert world.call(name, "POST", "/v1/keys", json={"name": "more"}).status_code == 403
    assert "more" not in [each.name for each in world.services.keys.list()]


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "publishable"},
        {"kind": "publishable", "collections": [MINE], "scopes": ["ask", "write"]},
        {"kind": "publishable", "collections": [MINE], "origins": ["*"]},
        {"kind": "publishable", "collections": [MINE], "origins": ["null"]},
        {"origins": [PAGE]},
        {"collections": []},
        {"collections": ["../x"]},
        {"scopes": ["everything"]},
        {"days": 0},
    ],
)
def test_a_key_that_makes_no_sense_is_refused(world: World, wrong: dict[str, Any]) -> None:
    reply = world.call("everything", "POST", "/v1/keys", json={"name": "wrong"} | wrong)
    assert (reply.status_code, reply.get_json()["code"]) == (400, "invalid_request")
