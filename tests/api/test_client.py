"""The client and the service, over a real connection."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from index.errors import NotFound
from index.sync import sync
from index.upload import Upload
from qa_service.api import Access, Context
from qa_service.clients.client import Client
from qa_service.clients.local import Local
from qa_service.errors import ServiceError
from tests.serving import on_socket

TEXT = b"Dogs may come to the office on Fridays."


@pytest.fixture
def service(app: Flask, context: Context) -> Iterator[Client]:
    app.extensions["qa"] = replace(context, access=Access(token="the-owner's-token"))
    with on_socket(app) as url, Client(url, token="the-owner's-token") as client:
        yield client


Serve = Callable[[int, bytes, str], Client]


@pytest.fixture
def stranger() -> Iterator[Serve]:
    """Starts a server that gives one answer to everything, and gives a client of it."""
    servers = []

    def serve(status: int, body: bytes, kind: str) -> Client:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        return Client(f"http://127.0.0.1:{server.server_port}")

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def put(client: Client, *uploads: tuple[str, bytes]) -> list[tuple[str, str, str | None]]:
    shelf = client.shelf("default", on_embedded=lambda _name, _done, _total: None)
    sent = [Upload(name, name, data, origin="/folder") for name, data in uploads]
    return [
        (result.source, result.outcome, str(result.error) if result.error else None)
        for result in shelf.put(sent)
    ]


def test_what_is_put_through_the_client_is_indexed_and_known(service: Client) -> None:
    shelf = service.shelf("default", on_embedded=lambda _name, _done, _total: None)
    assert shelf.known() == []
    assert put(service, ("a.txt", TEXT)) == [("a.txt", "indexed", None)]
    (known,) = shelf.known()
    assert (known.source, known.origin) == ("a.txt", "/folder")
    shelf.delete(known.id)
    assert shelf.known() == []
    with pytest.raises(NotFound):
        shelf.delete(known.id)


LONG = "\n\n".join(f"Paragraph {at} says that {at} is a number like others." for at in range(1200)).encode()


def test_what_the_service_embeds_is_heard_of_and_who_stops_waiting_gives_the_job_up(
    service: Client, context: Context
) -> None:
    heard: list[tuple[str, int, int]] = []

    def listen(name: str, done: int, total: int) -> None:
        heard.append((name, done, total))
        if len(set(heard)) == 2:
            raise KeyboardInterrupt

    shelf = service.shelf("default", on_embedded=listen)
    with pytest.raises(KeyboardInterrupt):
        list(shelf.put([Upload("long.txt", "long.txt", LONG, origin="/folder")]))
    (name, first, total), (_, second, _) = dict.fromkeys(heard)
    assert name == "long.txt"
    assert 0 < first < second <= total
    (job,) = context.services.jobs.page()
    assert job.status == "cancelled"
    assert shelf.known() == []


def test_a_second_pass_over_a_folder_uploads_nothing(
    service: Client, context: Context, tmp_path: Path
) -> None:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "a.txt").write_bytes(TEXT)
    (folder / "b.txt").write_text("Cats may not come.")
    shelf = service.shelf("default", on_embedded=lambda _name, _done, _total: None)
    assert [each.outcome for each in sync(shelf, folder)] == ["indexed"] * 2
    (folder / "a.txt").rename(folder / "dogs.txt")
    folder = folder.rename(tmp_path / "away").rename(tmp_path / "docs")
    assert sorted(each.outcome for each in sync(shelf, folder)) == ["moved", "unchanged"]
    assert {(each.source, each.title) for each in shelf.known()} == {
        ("docs/b.txt", "b"),
        ("docs/dogs.txt", "dogs"),
    }
    assert len(context.services.jobs.page()) == 1


def test_each_file_of_a_batch_has_its_result(service: Client) -> None:
    results = put(
        service, ("a.txt", TEXT), ("empty.txt", b""), *[(f"{at}.txt", b"%d" % at) for at in range(50)]
    )
    assert len(results) == 52
    assert results[0] == ("a.txt", "indexed", None)
    assert results[1][:2] == ("empty.txt", "failed")
    assert "'empty.txt' holds no text" in str(results[1][2])


def test_a_file_that_the_service_does_not_take_does_not_affect_the_others(
    service: Client, app: Flask
) -> None:
    app.config["MAX_CONTENT_LENGTH"] = 2**20
    results = put(service, ("a.txt", TEXT), ("big.txt", b"x" * 2**20), ("a\nb.txt", TEXT), ("c.txt", TEXT))
    assert [result[:2] for result in results] == [
        ("a.txt", "indexed"),
        ("big.txt", "failed"),
        ("a\nb.txt", "failed"),
        ("c.txt", "indexed"),
    ]
    assert "the form is too large, it may have 1 MiB altogether" in str(results[1][2])
    assert "control characters" in str(results[2][2])


def test_a_file_that_is_deleted_while_it_waits_has_a_result_all_the_same(
    service: Client, context: Context
) -> None:
    context.worker.close()  # so that it waits

    def delete() -> None:
        while not (found := list(service.documents("default"))):
            pass
        service.delete(found[0]["id"])

    thread = threading.Thread(target=lambda: _when_there(service, delete))
    thread.start()
    assert put(service, ("a.txt", TEXT)) == [("a.txt", "failed", "it was deleted while it was being indexed")]
    thread.join()


def _when_there(service: Client, act: Callable[[], None]) -> None:
    while True:
        try:
            return act()
        except ServiceError:
            pass


def test_a_folder_is_synchronised_through_the_client(service: Client, tmp_path: Any) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a.txt").write_bytes(TEXT)
    (folder / "b.txt").write_bytes(b"Cats may not come.")
    shelf = service.shelf("default", on_embedded=lambda _name, _done, _total: None)

    def outcomes() -> list[str]:
        return [each.outcome for each in sync(shelf, folder)]

    assert outcomes() == ["indexed", "indexed"]
    assert outcomes() == ["unchanged", "unchanged"]
    (folder / "a.txt").write_bytes(TEXT + b" And cats.")
    (folder / "b.txt").unlink()
    assert outcomes() == ["replaced", "removed"]


def test_the_client_gives_the_answer_that_the_services_give(service: Client, context: Context) -> None:
    put(service, ("a.txt", TEXT))
    body = {"question": "May dogs come to the office?"}
    through, directly = list(service.answer(body)), list(Local(context.services).answer(body))
    for events in (through, directly):
        for varying in ("id", "timings_ms"):
            del events[-1][1][varying]
    assert through == directly
    assert [name for name, _ in through] == ["retrieval", "claim", "done"]
    query = {"query": "dogs"}
    assert service.search(query) == Local(context.services).search(query)


def test_a_refusal_is_an_error_with_the_words_of_the_service(service: Client) -> None:
    with pytest.raises(ServiceError, match=r"^there is no collection 'nosuch'") as raised:
        list(service.answer({"question": "a", "collection": "nosuch"}))
    assert raised.value.http_status == 404


def test_a_job_id_is_one_segment_of_the_path(service: Client) -> None:
    with pytest.raises(ServiceError, match="there is nothing at this address"):
        service.job("../documents")


def test_where_nobody_listens_the_error_names_the_address() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with (
            Client(url) as client,
            pytest.raises(ServiceError, match=f"the service at {url} can't be reached"),
        ):
            client.search({"query": "a"})


def test_a_proxy_of_the_environment_is_not_used(service: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    with Client(service._url) as client, pytest.raises(ServiceError, match="there is no collection"):
        list(client.documents("default"))


@pytest.mark.parametrize(("body", "kind"), [(b"<html>", "text/html"), (b"", "text/plain")])
def test_an_error_of_something_else_is_told_by_its_status(stranger: Serve, body: bytes, kind: str) -> None:
    with (
        stranger(502, body, kind) as client,
        pytest.raises(ServiceError, match="answered with HTTP status 502"),
    ):
        client.search({"query": "a"})


def test_a_reply_that_is_no_json_is_an_error(stranger: Serve) -> None:
    with (
        stranger(200, b"<html>", "text/html") as client,
        pytest.raises(ServiceError, match="is not this service"),
    ):
        client.search({"query": "a"})


def stream(*events: tuple[str, Any]) -> bytes:
    return "".join(f"event: {name}\ndata: {json.dumps(data)}\n\n" for name, data in events).encode()


def test_a_stream_without_its_end_is_an_error(stranger: Serve) -> None:
    sent = stream(("retrieval", {"passages": []}))
    with stranger(200, sent, "text/event-stream") as client:
        events = client.answer({"question": "a"})
        assert next(events) == ("retrieval", {"passages": []})
        with pytest.raises(ServiceError, match="the answer broke off before it was complete"):
            next(events)


def test_an_error_in_a_stream_is_raised(stranger: Serve) -> None:
    sent = stream(("retrieval", {}), ("error", {"detail": "m broke off", "status": 502}))
    with stranger(200, b": waiting\n\n" + sent, "text/event-stream") as client:
        events = client.answer({"question": "a"})
        assert next(events)[0] == "retrieval"
        with pytest.raises(ServiceError, match="m broke off"):
            next(events)
