"""Documents handed over by their address; the site is a real one on loopback."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Address
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from index.embed import Embedder
from index.owner import OwnerLock
from qa_service.access.keys import Rights
from qa_service.api import create_app
from qa_service.fetching import Fetcher
from qa_service.services import Services, opened
from qa_service.settings import Settings

HOME = IPv4Address("127.0.0.1")
HTML = b"<html><head><title>The boats</title></head><body><h1>Boats</h1><p>Two boats sail.</p></body></html>"


class Site:
    """A site of pages by their paths; what is not among them is not found."""

    def __init__(self) -> None:
        self.pages = {"/boats": HTML}
        self.asked: list[str] = []
        site = self

        class Page(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.asked.append(self.path)
                found = site.pages.get(self.path.partition("?")[0])
                self.send_response(404 if found is None else 200)
                self.end_headers()
                self.wfile.write(found or b"")

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                pass

        self._server = ThreadingHTTPServer((str(HOME), 0), Page)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.05,)).start()

    def at(self, path: str) -> str:
        return f"http://site.example:{self.port}{path}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    yield site
    site.close()


@pytest.fixture
def services(settings: Settings, embedder: Embedder, site: Site) -> Iterator[Services]:
    """The services of a new data directory that take site.example on loopback for a public host."""
    lock = OwnerLock(settings.data_dir, command="pytest")
    fetcher = Fetcher(
        [f"site.example:{site.port}"],
        max_bytes=2**20,
        resolve=lambda _host: [HOME],
        allow_address=lambda address: address == HOME,
    )
    services = Services(settings, embedder=embedder, fetcher=fetcher)
    yield services
    services.close()
    lock.release()


def add(client: FlaskClient, url: str, *, headers: dict[str, str] | None = None, **body: Any) -> TestResponse:
    return client.post("/v1/documents", json={"url": url, **body}, headers=headers)


def told(reply: TestResponse) -> tuple[int, str]:
    assert reply.content_type == "application/problem+json"
    return reply.status_code, reply.get_json()["code"]


# As it is set up, with settings alone


@pytest.fixture
def make_client(settings: Settings, embedder: Embedder, make: Any) -> Iterator[Any]:
    """Makes the client of a service that lists hosts."""
    closing = []

    def client(*hosts: str) -> FlaskClient:
        services = opened(
            settings.model_copy(update={"url_hosts": hosts}), command="pytest", embedder=embedder
        )
        context = make(services.__enter__())
        closing.append((context, services))
        return create_app(context).test_client()

    yield client
    for context, services in closing:
        context.worker.close()
        services.__exit__(None, None, None)


def test_no_address_is_fetched_where_no_host_is_listed(make_client: Any, site: Site) -> None:
    client = make_client()
    reply = add(client, f"http://localhost:{site.port}/boats")
    assert told(reply) == (403, "urls_disabled")
    assert "QA_URL_HOSTS" in reply.get_json()["detail"]
    assert client.get("/v1/collections").get_json() == {"collections": []}


def test_a_listed_host_on_this_machine_is_refused_and_not_connected_to(make_client: Any, site: Site) -> None:
    client = make_client(f"localhost:{site.port}", f"127.0.0.1:{site.port}", "[::1]", "10.0.0.1", "0.0.0.0")  # noqa: S104
    for url in (
        f"http://localhost:{site.port}/boats",
        f"http://LOCALHOST.:{site.port}/boats",
        f"http://127.0.0.1:{site.port}/boats",
        f"http://2130706433:{site.port}/boats",
        "http://[::1]/",
        "http://10.0.0.1/",
        "http://0.0.0.0/",
        "https://example.org/",
        "file:///etc/passwd",
    ):
        assert told(add(client, url)) == (403, "url_refused"), url
    assert site.asked == []
    assert client.get("/v1/collections").get_json() == {"collections": []}


@pytest.mark.parametrize(
    "body",
    [
        {"url": "https://example.org/", "text": "a", "title": "a"},
        {"url": ""},
        {"url": 1},
        {"url": "https://example.org/\x00"},
        {"url": "https://example.org/" + "a" * 2000},
        {"url": None},
        {"url": "https://example.org/", "headers": {"Authorization": "x"}},
        {"url": ["https://example.org/"]},
    ],
)
def test_what_is_no_address_or_more_than_that_is_an_invalid_request(make_client: Any, body: Any) -> None:
    assert told(make_client("example.org").post("/v1/documents", json=body)) == (400, "invalid_request")


# With a host that is public


def test_a_page_becomes_a_document_whose_source_is_its_address(
    client: FlaskClient, finished: Any, site: Site
) -> None:
    reply = add(client, site.at("/boats?lang=en#small"), metadata={"team": "sea"})
    assert reply.status_code == 202
    accepted = reply.get_json()
    assert accepted["documents"][0]["title"] == "boats"
    (item,) = finished(accepted["job_id"])["documents"]
    found = client.get(f"/v1/documents/{item['id']}").get_json()
    assert (found["title"], found["source"], found["format"], found["metadata"]) == (
        "The boats",
        site.at("/boats?lang=en"),
        "html",
        {"team": "sea"},
    )
    assert site.asked == ["/boats?lang=en"]


def test_an_address_that_is_handed_over_again_replaces_its_document(
    client: FlaskClient, finished: Any, site: Site
) -> None:
    first = finished(add(client, site.at("/boats")).get_json()["job_id"])["documents"][0]
    site.pages["/boats"] = HTML.replace(b"Two", b"Three")
    second = finished(add(client, site.at("/boats")).get_json()["job_id"])["documents"][0]
    assert (second["status"], second["id"]) == ("replaced", first["id"])
    assert "Three boats" in client.get(f"/v1/documents/{first['id']}/text").get_json()["text"]


def test_a_title_and_a_source_that_are_sent_are_kept(client: FlaskClient, finished: Any, site: Site) -> None:
    accepted = add(client, site.at("/boats"), title="Fleet", source="fleet").get_json()
    (item,) = finished(accepted["job_id"])["documents"]
    found = client.get(f"/v1/documents/{item['id']}").get_json()
    assert (found["title"], found["source"]) == ("Fleet", "fleet")


def test_what_could_not_be_fetched_leaves_nothing_behind(client: FlaskClient, site: Site) -> None:
    reply = add(client, site.at("/nothing?token=secret"), collection="new")
    assert told(reply) == (502, "url_unreachable")
    assert reply.get_json()["detail"] == "site.example answered with status 404: only 200 has a document"
    assert client.get("/v1/collections").get_json() == {"collections": []}
    assert client.get("/v1/jobs").get_json()["jobs"] == []


def test_a_page_that_is_too_large_is_refused_at_once(client: FlaskClient, site: Site) -> None:
    site.pages["/boats"] = bytes(2**20 + 1)
    assert told(add(client, site.at("/boats"))) == (413, "document_too_large")


def test_a_request_that_comes_again_with_its_key_is_answered_without_another_fetch(
    client: FlaskClient, site: Site
) -> None:
    once = {"Idempotency-Key": "boats-1"}
    first = add(client, site.at("/boats"), headers=once)
    site.pages.clear()
    second = add(client, site.at("/boats"), headers=once)
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.get_json() == second.get_json()
    assert site.asked == ["/boats"]
    other = add(client, site.at("/sails"), headers=once)
    assert told(other) == (422, "idempotency_key_reused")
    assert site.asked == ["/boats"]


def test_nothing_is_fetched_for_a_key_that_may_not_write_there(
    client: FlaskClient, services: Services, site: Site
) -> None:
    services.collection("ours")
    for rights, status in (
        (Rights(scopes=("ask",)), 403),
        (Rights(collections=("ours", "theirs")), 404),
    ):
        text = services.keys.create(f"key{status}", rights)[1]
        reply = add(
            client, site.at("/boats"), headers={"Authorization": f"Bearer {text}"}, collection="default"
        )
        assert reply.status_code == status
    assert add(client, site.at("/boats")).status_code == 401
    assert site.asked == []
