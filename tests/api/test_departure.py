"""Clients that hang up while a model is busy for them."""

import json
import socket
import threading
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest

from index.embed import Embedder
from index.upload import Upload
from qa_service.api import Context, create_app
from qa_service.scripted import Reply, ScriptedProvider
from qa_service.services import Services, opened
from qa_service.settings import Settings
from tests.serving import on_socket
from tests.waiting import until

BUSY = ("answer", "client-watch", "model-connect")


def at_work() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name in BUSY]


QUESTION = "How many days of leave are there?"
BODIES: dict[str, dict[str, object]] = {
    "/v1/answers": {"question": QUESTION},
    "/v1/chat/completions": {"messages": [{"role": "user", "content": QUESTION}]},
}


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize("stream", [True, False])
def test_when_a_client_hangs_up_the_model_is_hung_up_on_and_nothing_is_left_running(
    stream: bool,
    path: str,
    settings: Settings,
    embedder: Embedder,
    make: Callable[[Services], Context],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "any")
    with ScriptedProvider([Reply("one two", fault="hang", after=1)]) as provider:
        changes = {"model": "openai/scripted", "model_api_base": provider.url}
        with opened(settings.model_copy(update=changes), command="pytest", embedder=embedder) as services:
            upload = Upload("hr/leave", "leave.txt", b"Employees have 25 days of leave a year.")
            list(services.ingestor(services.collection("default")).put([upload]))
            services.warm_model()
            context = make(services)
            body = json.dumps({**BODIES[path], "stream": stream}).encode()
            with on_socket(create_app(context)) as url:
                with socket.create_connection(("127.0.0.1", urlsplit(url).port or 0)) as client:
                    client.sendall(
                        b"POST %b HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                        b"Content-Length: %d\r\n\r\n%b" % (path.encode(), len(body), body)
                    )
                    until(lambda: bool(provider.requests))
                    assert "client-watch" in at_work()
                    assert provider.dropped == 0
                until(lambda: provider.dropped == 1, seconds=1)
                until(lambda: not at_work(), seconds=2)
                assert len(context.streams) == 0
            context.worker.close()
