import io
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from index.embed import Embedder
from qa_service.api import Access, Context, create_app
from qa_service.api.guard import PUBLIC
from qa_service.services import Services, opened
from qa_service.settings import Settings

Make = Callable[[Services], Context]

TOKEN = "the-owner's-token"
PATHS = ["/v1/documents", "/v1/documents/x", "/v1/documents/x/text", "/v1/jobs/x", "/nosuch"]


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory, embedder: Embedder, make: Make) -> Iterator[Context]:
    """An empty service."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("guarded"))
    with opened(settings, command="pytest", embedder=embedder) as services:
        context = make(services)
        yield context
        context.worker.close()


@pytest.fixture(scope="module")
def key(context: Context) -> str:
    """A key to the service."""
    return context.services.keys.create("test")[1]


@pytest.fixture(scope="module")
def closed(context: Context, key: str) -> FlaskClient:
    """A client of the service on loopback, when the key has been made."""
    return create_app(context).test_client()


@pytest.fixture(scope="module")
def remote(context: Context, key: str) -> FlaskClient:
    """A client of the same service, bound to an address that can be reached from elsewhere."""
    return create_app(replace(context, access=Access(is_local=False, token=TOKEN))).test_client()


def status(client: FlaskClient, path: str = "/v1/documents/x", **headers: str) -> int:
    with client.get(
        path, headers={name.replace("_", "-"): value for name, value in headers.items()}
    ) as reply:
        return reply.status_code


def test_without_a_key_made_everybody_on_this_machine_may_call(reader: FlaskClient) -> None:
    assert [status(reader, path) for path in PATHS] == [200, 404, 404, 404, 404]


def test_with_a_key_made_nobody_may_call_without_it(closed: FlaskClient, key: str) -> None:
    assert [status(closed, path) for path in PATHS] == [401] * len(PATHS)
    assert [status(closed, path, Authorization=f"Bearer {key}") for path in PATHS] == [404] * len(PATHS)


def test_every_endpoint_that_is_not_public_wants_the_key(closed: FlaskClient, key: str) -> None:
    rules = list(closed.application.url_map.iter_rules())
    assert {rule.endpoint for rule in rules} > PUBLIC
    for rule in rules:
        values = dict.fromkeys(rule.arguments, "x")
        path = rule.rule
        for name in values:
            path = path.replace(f"<{name}>", "x").replace(f"<path:{name}>", "x")
        for method in rule.methods or ():
            with closed.open(path, method=method) as reply:
                assert (reply.status_code == 401) == (rule.endpoint not in PUBLIC), (method, path)


def test_a_refusal_says_how_to_authenticate(closed: FlaskClient, key: str) -> None:
    reply = closed.get("/v1/documents")
    assert reply.headers["WWW-Authenticate"] == "Bearer"
    assert reply.get_json()["code"] == "unauthorized"
    assert "qa keys create" in reply.get_json()["detail"]


def test_a_revoked_key_is_refused_at_once(closed: FlaskClient, context: Context) -> None:
    _, text = context.services.keys.create("another")
    assert status(closed, Authorization=f"Bearer {text}") == 404
    context.services.keys.revoke("another")
    assert status(closed, Authorization=f"Bearer {text}") == 401


def test_the_scheme_may_be_written_in_any_case(closed: FlaskClient, key: str) -> None:
    for scheme in ("Bearer", "bearer", "BEARER"):
        assert status(closed, Authorization=f"{scheme} {key}") == 404


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Bearer",
        "Bearer ",
        "{key}",
        "Basic {key}",
        "Token {key}",
        "Bearer {key}x",
        "Bearer x{key}",
        "Bearer sk_",
        "Bearer sk__",
        "Bearer {short}",
        "Bearer {key} {key}",
        "Bearer é",
        "Bearer {upper}",
        "Bearer sk_%00_x",
    ],
)
def test_anything_but_the_whole_key_is_refused(closed: FlaskClient, key: str, value: str) -> None:
    shown = value.format(key=key, short=key[:-1], upper=key.upper())
    assert status(closed, Authorization=shown) == 401


def test_a_wrong_key_is_refused_also_where_none_is_needed(reader: FlaskClient) -> None:
    assert status(reader, Authorization="Bearer sk_wrong") == 401


def test_the_owner_shows_the_token_of_its_lock_file(remote: FlaskClient, key: str) -> None:
    assert status(remote, Authorization=f"Bearer {TOKEN}") == 404
    assert status(remote, Authorization=f"Bearer {TOKEN}x") == 401


def test_only_the_owner_is_told_from_which_folder_a_document_comes(remote: FlaskClient, key: str) -> None:
    owner, other = ({"Authorization": f"Bearer {text}"} for text in (TOKEN, key))
    form = {"file": (io.BytesIO(b"Some text."), "a.txt"), "origin": "/home/me/folder"}
    remote.post("/v1/documents", data=form, headers=owner)
    for path in ("/v1/documents", None):
        documents = remote.get("/v1/documents", headers=owner).get_json()["documents"]
        path = path or f"/v1/documents/{documents[0]['id']}"
        assert "/home/me/folder" in remote.get(path, headers=owner).get_data(as_text=True)
        assert "/home/me/folder" not in remote.get(path, headers=other).get_data(as_text=True)


def test_without_a_token_an_empty_one_opens_nothing(closed: FlaskClient, key: str) -> None:
    assert status(closed, Authorization="Bearer ") == 401


def test_an_address_that_others_reach_is_closed_even_while_no_key_is_made(reader: FlaskClient) -> None:
    context: Context = reader.application.extensions["qa"]
    remote = create_app(replace(context, access=Access(is_local=False))).test_client()
    assert [status(remote, path) for path in PATHS] == [401] * len(PATHS)


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/", "/static/style.css", "/documents/x"])
def test_health_and_pages_are_for_everybody(remote: FlaskClient, path: str) -> None:
    assert status(remote, path, Host="example.org", Origin="https://example.org") == 200


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost:8080",
        "LOCALHOST:8080",
        "127.0.0.1",
        "127.0.0.1:8080",
        "127.8.8.8",
        "[::1]",
        "[::1]:8080",
    ],
)
def test_an_open_service_answers_to_its_own_names(reader: FlaskClient, host: str) -> None:
    assert status(reader, Host=host) == 404


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8080",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "0.0.0.0",  # noqa: S104
        "192.168.0.5",
        "",
        "[",
        "[::1",
        "localhost@evil.example",
        "localhost/",
        "a b",
        "localhost.",
        "[::2]",
        "2130706433",
        "é",
    ],
)
def test_an_open_service_does_not_answer_to_another_name(reader: FlaskClient, host: str) -> None:
    assert status(reader, Host=host) in (400, 403)


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://localhost:9999",
        "http://localhost.evil.example",
        "null",
        "",
        "file://",
        "http://[",
        "http://127.0.0.1:8080",
        "localhost:8080",
        "http://user@localhost:8080",
    ],
)
def test_an_open_service_does_not_answer_other_sites(reader: FlaskClient, origin: str) -> None:
    headers = {"Host": "localhost:8080", "Origin": origin}
    reply = reader.post("/v1/answers", json={"question": "a"}, headers=headers)
    assert (reply.status_code, reply.get_json()["code"]) == (403, "forbidden")
    assert reader.options("/v1/answers", headers=headers).status_code == 403


def test_an_open_service_answers_its_own_page(reader: FlaskClient) -> None:
    assert status(reader, Host="localhost:8080", Origin="http://localhost:8080") == 404
    assert status(reader, Host="localhost:80", Origin="http://localhost") == 404


@pytest.mark.parametrize(
    ("site", "expected"), [("none", 404), ("same-origin", 404), ("same-site", 403), ("cross-site", 403)]
)
def test_an_open_service_believes_the_browser(reader: FlaskClient, site: str, expected: int) -> None:
    assert status(reader, Sec_Fetch_Site=site) == expected


@pytest.mark.parametrize("name", ["Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP"])
def test_an_open_service_answers_nobody_behind_a_proxy(reader: FlaskClient, name: str) -> None:
    reply = reader.get("/v1/documents", headers={name: "203.0.113.7"})
    assert (reply.status_code, reply.get_json()["code"]) == (403, "forbidden")


def test_with_a_key_the_service_may_stand_behind_a_proxy_under_any_name(
    closed: FlaskClient, key: str
) -> None:
    headers = {"Host": "docs.example", "Origin": "https://docs.example", "X-Forwarded-For": "203.0.113.7"}
    assert (
        closed.get("/v1/documents/x", headers={**headers, "Authorization": f"Bearer {key}"}).status_code
        == 404
    )
