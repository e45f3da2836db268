import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from werkzeug.test import Client, TestResponse

from index.errors import CatalogError, EmbeddingError
from qa_service.replies import HEADERS
from qa_service.serving.startup import Startup
from qa_service.telemetry.logs import formatter


class Opened:
    """An application that says hello."""

    def __init__(self) -> None:
        self.is_closed = False

    def wsgi(self, _environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"hello"]

    def close(self) -> None:
        self.is_closed = True


Start = Callable[[Callable[[], Any]], tuple[Startup, Client]]


@pytest.fixture
def start() -> Iterator[Start]:
    started = []

    def start(opening: Callable[[], Any]) -> tuple[Startup, Client]:
        started.append(Startup(opening))
        return started[-1], Client(started[-1])

    yield start
    for each in started:
        each.close()


def reply(client: Client, path: str) -> tuple[int, Any]:
    found = client.get(path)
    return found.status_code, json.loads(found.get_data())


def hardened(found: TestResponse) -> bool:
    return all(found.headers.get(name) == value for name, value in HEADERS.items())


def test_until_it_has_opened_only_the_process_answers(start: Start) -> None:
    go = threading.Event()
    _, client = start(lambda: go.wait() and Opened())
    assert reply(client, "/livez") == (200, {"status": "alive"})
    assert reply(client, "/readyz") == (503, {"status": "not ready", "reason": "starting_up", "checks": {}})
    assert hardened(client.get("/livez"))
    assert client.head("/livez").get_data() == b""
    go.set()


def test_a_request_waits_for_it_to_open(start: Start) -> None:
    go = threading.Event()
    _, client = start(lambda: go.wait() and Opened())
    threading.Timer(0.1, go.set).start()
    assert client.get("/v1/documents").get_data() == b"hello"


def test_once_it_has_opened_the_application_answers_everything(start: Start) -> None:
    _, client = start(Opened)
    for path in ("/x", "/livez", "/readyz", "/"):
        assert client.get(path).get_data() == b"hello"


def test_where_it_can_not_be_opened_the_reason_is_a_code_and_requests_do_not_wait(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    def opening() -> Opened:
        raise CatalogError("/secret/folder can't be written")

    _, client = start(opening)
    began = time.monotonic()
    found = client.get("/v1/documents")
    assert time.monotonic() - began < 1
    assert found.status_code == 503
    assert found.content_type == "application/problem+json"
    assert found.headers["Retry-After"] == "1"
    assert json.loads(found.get_data()) == {
        "type": "about:blank",
        "title": "starting up",
        "status": 503,
        "code": "starting_up",
        "detail": "the service is not ready (catalog_unusable): try again in a moment",
    }
    assert hardened(found)
    assert reply(client, "/readyz") == (
        503,
        {"status": "not ready", "reason": "catalog_unusable", "checks": {}},
    )
    assert reply(client, "/livez") == (200, {"status": "alive"})
    assert [record.message for record in caplog.records] == ["not ready: /secret/folder can't be written"]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (EmbeddingError("the model at /models can't be read"), "the model at /models can't be read"),
        (PermissionError(13, "Permission denied", "/data/x"), "/data/x: Permission denied; give it"),
    ],
)
def test_what_this_process_may_not_read_is_named_in_the_log_without_a_traceback(
    start: Start, caplog: pytest.LogCaptureFixture, error: Exception, told: str
) -> None:
    def opening() -> Opened:
        raise error

    _, client = start(opening)
    assert client.get("/v1/documents").status_code == 503
    line = formatter(as_json=True, texts=False).format(caplog.records[0])
    assert json.loads(line)["event"].startswith(f"not ready: {told}")
    assert "exception" not in json.loads(line)


def test_opening_is_tried_again(start: Start) -> None:
    attempts = []

    def opening() -> Opened:
        attempts.append(time.monotonic())
        if len(attempts) == 1:
            raise RuntimeError("anything")
        return Opened()

    _, client = start(opening)
    deadline = time.monotonic() + 5
    while client.get("/x").status_code == 503 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert client.get("/x").get_data() == b"hello"
    assert attempts[1] - attempts[0] >= 1


def test_closing_closes_the_application_and_refuses_what_comes_then(start: Start) -> None:
    opened = Opened()
    service, client = start(lambda: opened)
    client.get("/x")
    service.close()
    assert opened.is_closed
    status, body = reply(client, "/v1/documents")
    assert (status, body["code"]) == (503, "shutting_down")
    assert reply(client, "/readyz") == (503, {"status": "not ready", "reason": "shutting_down", "checks": {}})
    assert reply(client, "/livez") == (200, {"status": "alive"})


def test_closing_while_it_opens_closes_what_was_opened(start: Start) -> None:
    go, opened = threading.Event(), Opened()
    service, _ = start(lambda: go.wait() and opened)
    threading.Timer(0.1, go.set).start()
    service.close()
    assert opened.is_closed
