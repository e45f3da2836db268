"""Too many requests, by key and by address, whose the address is, and requests that are too large to be read."""

import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from index.embed import Embedder
from qa_service.access.keys import Rights
from qa_service.api import Context, create_app
from qa_service.api.limits import counts_alone
from qa_service.json_shape import MAX_VALUES
from qa_service.services import Services, opened
from qa_service.settings import Settings
from tests.waiting import until

Make = Callable[[Services], Context]
Build = Callable[..., Any]

PAGE = "https://www.example.com"
READER, OTHER = "198.51.100.1", "203.0.113.2"
PROXY = {"trusted_proxies": ["127.0.0.0/8"]}


class Caller:
    """A client of an application whose requests come from an address, through a proxy or not."""

    def __init__(self, app: Flask, key: str = "", address: str = "", *, peer: str = "127.0.0.1") -> None:
        self.client: FlaskClient = app.test_client()
        self.headers = {"Authorization": f"Bearer {key}", "Origin": PAGE} if key else {}
        if address:
            self.headers["X-Forwarded-For"] = address
        self.peer = peer

    def get(self, path: str, **headers: str) -> TestResponse:
        reply = self.client.get(
            path, headers=self.headers | headers, environ_overrides={"REMOTE_ADDR": self.peer}
        )
        with reply:
            reply.get_data()
        return reply

    def statuses(self, path: str, times: int) -> list[int]:
        return [self.get(path).status_code for _ in range(times)]


@pytest.fixture
def build(settings: Settings, embedder: Embedder, make: Make) -> Iterator[Build]:
    """Builds an application with settings, and the services that it stands on."""
    with opened(settings, command="pytest", embedder=embedder) as services:
        contexts = []

        def built(**changes: Any) -> Flask:
            services.settings = Settings(**settings.model_dump() | PROXY | changes)
            contexts.append(make(services))
            return create_app(contexts[-1])

        built.services = services  # type: ignore[attr-defined]
        yield built
        for context in contexts:
            context.worker.close()


def keys_of(build: Any) -> tuple[str, str]:
    keys = build.services.keys
    _, secret = keys.create("secret")
    _, public = keys.create("public", Rights.publishable(("default",), (PAGE,)))
    return secret, public


LISTED = "/v1/models"
CONVERSATION = "/v1/conversations/0"
"""What secret keys may call, and what both sorts may."""


def test_who_guesses_keys_is_turned_away_before_another_is_looked_up(build: Build) -> None:
    secret, _ = keys_of(build)
    app = build(rate_failures=3)
    guesser = Caller(app, "sk_0_0", READER)
    assert guesser.statuses(LISTED, 5) == [401, 401, 401, 429, 429]
    assert Caller(app, secret, READER).get(LISTED).status_code == 429
    assert Caller(app, secret, OTHER).get(LISTED).status_code == 200
    assert Caller(app, "sk_0_0", OTHER).get(LISTED).status_code == 401
    assert guesser.statuses("/livez", 5) == [200] * 5


def test_a_refusal_says_by_its_code_and_header_when_to_come_again(build: Build) -> None:
    secret, _ = keys_of(build)
    caller = Caller(build(rate_key=2), secret, READER)
    caller.statuses(CONVERSATION, 2)
    refused = caller.get(CONVERSATION)
    assert (refused.status_code, refused.content_type) == (429, "application/problem+json")
    assert refused.get_json()["code"] == "rate_limited"
    assert "limit of 2 a minute" in refused.get_json()["detail"]
    assert 1 <= int(refused.headers["Retry-After"]) <= 60


def test_in_the_openai_shape_a_refusal_has_that_shape(build: Build) -> None:
    secret, _ = keys_of(build)
    caller = Caller(build(rate_key=1), secret, READER)
    caller.get("/v1/models")
    refused = caller.get("/v1/models")
    assert (refused.status_code, refused.content_type) == (429, "application/json")
    assert refused.get_json()["error"]["code"] == "rate_limited"
    assert int(refused.headers["Retry-After"]) >= 1


def test_readers_of_a_page_have_a_limit_each_and_one_together(build: Build) -> None:
    _, public = keys_of(build)
    app = build(rate_address=2, rate_publishable=4)
    assert Caller(app, public, READER).statuses(CONVERSATION, 3) == [404, 404, 429]
    assert Caller(app, public, OTHER).statuses(CONVERSATION, 3) == [404, 404, 429]
    assert Caller(app, public, "192.0.2.5").get(CONVERSATION).status_code == 429


@pytest.mark.parametrize("store", ["memory", "redis", "no redis"])
def test_what_is_refused_to_one_address_takes_nothing_from_the_other_readers_of_a_page(
    build: Build, store: str, request: pytest.FixtureRequest
) -> None:
    _, public = keys_of(build)
    with ExitStack() as running:
        where = {}
        if store != "memory":
            port: int = request.getfixturevalue("redis_port")
            where = {"redis_url": f"redis://127.0.0.1:{port}/0"}
        if store == "redis":
            running.enter_context(redis_server(port))
        app = build(rate_address=5, rate_publishable=12, **where)
        assert Caller(app, public, READER).statuses(CONVERSATION, 30) == [404] * 5 + [429] * 25
        assert Caller(app, public, OTHER).statuses(CONVERSATION, 6) == [404] * 5 + [429]
        assert Caller(app, public, "192.0.2.5").statuses(CONVERSATION, 3) == [404, 404, 429]
        assert counts_alone(app) == (store == "no redis")


def test_a_page_can_read_that_its_reader_is_turned_away(build: Build) -> None:
    _, public = keys_of(build)
    caller = Caller(build(rate_address=1), public, READER)
    caller.get(CONVERSATION)
    refused = caller.get(CONVERSATION)
    assert refused.status_code == 429
    assert refused.headers["Access-Control-Allow-Origin"] == PAGE
    assert "Retry-After" in refused.headers["Access-Control-Expose-Headers"]


def test_an_ipv6_client_has_one_limit_for_the_network_that_is_its_own(build: Build) -> None:
    _, public = keys_of(build)
    app = build(rate_address=1)
    same = [Caller(app, public, f"2001:db8:0:1::{at}").get(CONVERSATION).status_code for at in range(2)]
    assert same == [404, 429]
    assert Caller(app, public, "2001:db8:0:2::1").get(CONVERSATION).status_code == 404


def test_secret_keys_have_no_limit_by_address_and_by_default_none_at_all(build: Build) -> None:
    secret, _ = keys_of(build)
    caller = Caller(build(rate_address=1, rate_publishable=1), secret, READER)
    assert set(caller.statuses(CONVERSATION, 50)) == {404}


def test_an_open_service_and_programs_on_the_machine_have_no_limit_by_address(build: Build) -> None:
    app = build(rate_address=1, rate_failures=1, rate_publishable=0)
    assert set(Caller(app).statuses(LISTED, 10)) == {200}
    _, public = keys_of(build)
    assert set(Caller(app, public).statuses(CONVERSATION, 10)) == {404}
    assert set(Caller(app, "sk_0_0").statuses(LISTED, 10)) == {401}


def test_a_limit_of_0_is_none(build: Build) -> None:
    _, public = keys_of(build)
    app = build(rate_address=0, rate_failures=0, rate_publishable=0)
    assert set(Caller(app, public, READER).statuses(CONVERSATION, 100)) == {404}
    assert set(Caller(app, "sk_0_0", READER).statuses(LISTED, 100)) == {401}


# Proxies


def test_only_a_trusted_proxy_is_believed_whose_request_it_passes_on(build: Build) -> None:
    keys_of(build)
    app = build(rate_failures=1)
    spoofed = [
        Caller(app, "sk_0_0", f"198.51.100.{at}", peer=OTHER).get(LISTED).status_code for at in range(3)
    ]
    assert spoofed == [401, 429, 429]
    behind = [Caller(app, "sk_0_0", f"9.9.9.{at}, {READER}").get(LISTED).status_code for at in range(3)]
    assert behind == [401, 429, 429]


@pytest.mark.parametrize(("peer", "base"), [("127.0.0.1", "https://qa.example"), (OTHER, "http://localhost")])
def test_the_scheme_and_host_of_our_own_addresses_are_what_a_trusted_proxy_says(
    build: Build, peer: str, base: str
) -> None:
    said = {"X-Forwarded-Proto": "gopher, https", "X-Forwarded-Host": "evil.example, qa.example"}
    tag = Caller(build(), peer=peer).get("/widget.json", **said).get_json()["tag"]
    assert f'src="{base}/widget.js"' in tag


@pytest.mark.parametrize("trusted", [["127.0.0.1"], []])
def test_an_open_service_answers_nobody_behind_a_proxy_trusted_or_not(
    build: Build, trusted: list[str]
) -> None:
    app = build(trusted_proxies=trusted)
    for name in ("X-Forwarded-For", "X-Forwarded-Host", "Forwarded", "X-Real-IP"):
        value = "localhost" if name == "X-Forwarded-Host" else "127.0.0.1"
        assert Caller(app).get(LISTED, **{name: value}).status_code == 403


def test_a_proxy_that_is_not_trusted_is_pointed_out_once(
    build: Build, caplog: pytest.LogCaptureFixture
) -> None:
    Caller(build(), address=READER, peer=OTHER).statuses("/livez", 3)
    assert caplog.text.count(f"X-Forwarded-For from {OTHER}, which QA_TRUSTED_PROXIES does not name") == 1


# Redis


@contextmanager
def redis_server(port: int) -> Iterator[subprocess.Popen[bytes]]:
    program = shutil.which("redis-server")
    assert program
    process = subprocess.Popen(
        [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
        stdout=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.05)
        yield process
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture
def redis_port() -> int:
    if shutil.which("redis-server") is None:
        pytest.skip(
            "no redis-server was found (apt-get install redis-server): limits in Redis were not tested"
        )
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def test_processes_that_share_a_redis_count_together(build: Build, redis_port: int) -> None:
    secret, _ = keys_of(build)
    with redis_server(redis_port):
        apps = [build(rate_key=3, redis_url=f"redis://127.0.0.1:{redis_port}/0") for _ in range(2)]
        statuses = [Caller(app, secret, READER).get(LISTED).status_code for app in (*apps, *apps)]
        assert statuses == [200, 200, 200, 429]
        assert not any(map(counts_alone, apps))


def test_without_its_redis_a_process_counts_for_itself_at_once_until_it_is_back(
    build: Build, redis_port: int, caplog: pytest.LogCaptureFixture
) -> None:
    secret, _ = keys_of(build)
    app = build(rate_key=3, redis_url=f"redis://127.0.0.1:{redis_port}/0")
    caller = Caller(app, secret, READER)
    began = time.monotonic()
    assert caller.statuses(LISTED, 4) == [200, 200, 200, 429]
    assert time.monotonic() - began < 3
    assert counts_alone(app)
    assert caller.get("/readyz").get_json()["checks"]["redis"] == "unreachable"
    assert '"logger": "flask-limiter"' in caplog.text or "falling back to in-memory storage" in caplog.text
    with redis_server(redis_port):
        deadline = time.monotonic() + 30
        while counts_alone(app):
            assert time.monotonic() < deadline
            caller.get(LISTED)
            time.sleep(0.2)
        other = build(rate_key=3, redis_url=f"redis://127.0.0.1:{redis_port}/0")
        caller.statuses(LISTED, 3)
        assert Caller(other, secret, READER).get(LISTED).status_code == 429


def redis_state(caller: Caller) -> str:
    began = time.monotonic()
    reply = caller.get("/readyz")
    assert time.monotonic() - began < 0.2
    assert reply.status_code == 200
    return str(reply.get_json()["checks"]["redis"])


@pytest.mark.parametrize("fault", [signal.SIGKILL, signal.SIGSTOP])
def test_a_redis_that_is_lost_is_told_and_logged_before_anybody_is_counted_and_so_is_its_return(
    build: Build, redis_port: int, caplog: pytest.LogCaptureFixture, fault: signal.Signals
) -> None:
    def told(text: str) -> int:
        return sum(
            record.name == "qa_service.api.limits" and text in record.message for record in caplog.records
        )

    secret, _ = keys_of(build)
    app = build(redis_url=f"redis://127.0.0.1:{redis_port}/0")
    caller = Caller(app, secret, READER)
    with redis_server(redis_port) as server:
        until(lambda: redis_state(caller) == "ok")
        server.send_signal(fault)
        until(lambda: redis_state(caller) == "unreachable")
        assert (told("Redis does not answer: each process counts"), told("Redis is back")) == (1, 0)
        caller.get(LISTED)
        assert redis_state(caller) == "unreachable"
        server.kill()
    with redis_server(redis_port):
        until(lambda: redis_state(caller) == "ok", seconds=40)
    assert (told("Redis does not answer: each process counts"), told("Redis is back")) == (1, 1)
    assert not counts_alone(app)


def test_a_redis_that_is_lost_is_logged_at_the_first_request_that_it_does_not_count(
    build: Build, redis_port: int, caplog: pytest.LogCaptureFixture
) -> None:
    secret, _ = keys_of(build)
    caller = Caller(build(redis_url=f"redis://127.0.0.1:{redis_port}/0"), secret, READER)
    caller.statuses(LISTED, 3)
    assert caplog.text.count("Redis does not answer: each process counts requests for itself") == 1


def test_a_redis_that_hangs_holds_no_request_up_for_long(build: Build) -> None:
    secret, _ = keys_of(build)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        app = build(rate_key=2, redis_url=f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
        caller = Caller(app, secret, READER)
        began = time.monotonic()
        assert caller.statuses(LISTED, 3) == [200, 200, 429]
        assert time.monotonic() - began < 3


# Bodies


def post(client: FlaskClient, data: bytes, path: str = "/v1/search") -> tuple[int, dict[str, Any]]:
    with client.post(path, data=data, content_type="application/json") as reply:
        return reply.status_code, reply.get_json()


@pytest.mark.parametrize("path", ["/v1/search", "/v1/answers", "/v1/documents", "/v1/chat/completions"])
def test_json_that_is_deep_is_refused(reader: FlaskClient, path: str) -> None:
    for depth in (33, 100_000):
        status, problem = post(reader, b'{"query": ' + b"[" * depth + b"]" * depth + b"}", path)
        assert status == 400
        assert "32 levels deep" in problem.get("detail", str(problem)) or depth > MAX_VALUES


def test_json_of_many_values_is_refused_in_a_moment(reader: FlaskClient) -> None:
    bomb = b'{"title": "a", "text": [' + b"[]," * (2**24 // 3) + b"1]}"
    began = time.process_time()
    status, problem = post(reader, bomb, "/v1/documents")
    assert (status, problem["code"]) == (400, "invalid_request")
    assert "more than 50000 values" in problem["detail"]
    assert time.process_time() - began < 1


def test_only_uploads_may_be_longer_than_four_mebibytes(client: FlaskClient) -> None:
    long = b'{"title": "a", "text": "word"}' + b" " * 2**22
    assert post(client, long)[0] == 413
    assert post(client, long, "/v1/documents")[0] == 202


def test_a_setting_that_is_no_network_or_no_redis_is_an_error(tmp_path: Path) -> None:
    for wrong in ({"trusted_proxies": ["example.com"]}, {"redis_url": "http://localhost"}, {"rate_key": -1}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            Settings(data_dir=tmp_path, **wrong)
