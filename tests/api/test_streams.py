import json
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from flask import Flask, Response

from qa_service.answering.answer import Event, PassagesFound
from qa_service.api import Context, Streams, create_app
from qa_service.errors import ModelTruncated, Overloaded
from qa_service.services import Services
from qa_service.telemetry.observing import observed
from tests.waiting import until

FOUND = PassagesFound("", ())
FRAME = 'event: retrieval\ndata: {"query": "", "passages": []}\n\n'


def streams(*, places: int = 2, heartbeat_seconds: float = 60) -> Streams:
    return Streams(places=places, heartbeat_seconds=heartbeat_seconds)


def body(response: Response) -> Iterator[str]:
    found: Iterator[str] = iter(response.response)  # type: ignore[arg-type]
    return found


def error(frame: str) -> Any:
    assert frame.startswith("event: error\ndata: ")
    assert frame.endswith("\n\n")
    return json.loads(frame.removeprefix("event: error\ndata: "))


def test_events_are_sent_one_by_one_as_they_come() -> None:
    go = threading.Event()

    def events() -> Iterator[Event]:
        yield FOUND
        go.wait()
        yield FOUND

    frames = body(streams().respond(events()))
    assert next(frames) == FRAME
    go.set()
    assert list(frames) == [FRAME]


def test_a_comment_is_sent_while_nothing_happens() -> None:
    go = threading.Event()

    def events() -> Iterator[Event]:
        yield FOUND
        go.wait()
        yield FOUND

    frames = body(streams(heartbeat_seconds=0.01).respond(events()))
    assert [next(frames) for _ in range(3)] == [FRAME, ": waiting\n\n", ": waiting\n\n"]
    go.set()
    rest = [frame for frame in frames if frame != ": waiting\n\n"]
    assert rest == [FRAME]


def test_a_failure_in_the_middle_is_an_error_event_and_the_end() -> None:
    def events() -> Iterator[Event]:
        yield FOUND
        raise ModelTruncated("m broke off")

    *first, last = body(streams().respond(events()))
    assert first == [FRAME]
    assert error(last) == {
        "type": "about:blank",
        "title": "model truncated",
        "status": 502,
        "code": "model_truncated",
        "detail": "m broke off",
    }


def test_a_bug_in_the_middle_is_an_error_event_that_says_nothing_of_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def events() -> Iterator[Event]:
        yield FOUND
        raise RuntimeError("swordfish")

    *_, last = body(streams().respond(events()))
    assert error(last)["code"] == "internal"
    assert "swordfish" not in last
    assert [record.message for record in caplog.records] == ["an answer failed"]


def test_a_failure_before_the_first_event_is_raised_and_keeps_no_place() -> None:
    def fail() -> Event:
        raise ModelTruncated("m broke off")

    def events() -> Iterator[Event]:
        yield fail()

    one = streams(places=1)
    for _ in range(3):
        with pytest.raises(ModelTruncated):
            one.respond(events())


def test_there_are_as_many_streams_at_once_as_places() -> None:
    go = threading.Event()

    def events() -> Iterator[Event]:
        yield FOUND
        go.wait()

    two = streams(places=2)
    open_ = [body(two.respond(events())) for _ in range(2)]
    with pytest.raises(Overloaded):
        two.respond(events())
    go.set()
    assert [list(frames) for frames in open_] == [[FRAME], [FRAME]]

    def has_room() -> bool:
        with suppress(Overloaded):
            two.respond(events()).close()
            return True
        return False

    until(has_room)


def test_an_answer_whose_client_has_left_is_dropped_at_its_next_event_and_closed() -> None:
    go, closed = threading.Event(), threading.Event()
    made = []

    def events() -> Iterator[Event]:
        try:
            yield FOUND
            go.wait()
            for at in range(100):
                made.append(at)
                yield FOUND
        finally:
            closed.set()

    one = streams(places=1)
    response = one.respond(events())
    assert next(body(response)) == FRAME
    response.close()
    go.set()
    assert closed.wait(5)
    assert len(made) == 1
    until(lambda: one.respond(iter([FOUND])))


def test_ending_tells_every_client_that_the_service_shuts_down() -> None:
    go = threading.Event()

    def events() -> Iterator[Event]:
        yield FOUND
        go.wait()
        yield FOUND

    two = streams()
    open_ = [body(two.respond(events())) for _ in range(2)]
    for frames in open_:
        next(frames)
    until(lambda: len(two) == 2)
    two.end()
    for frames in open_:
        (last,) = frames
        assert error(last)["code"] == "shutting_down"
    go.set()


@pytest.mark.parametrize(("shutdown", "code"), [(True, "shutting_down"), (False, "cancelled")])
def test_an_answer_that_is_given_up_is_counted_and_logged_once_by_who_gave_it_up(
    library: Services, caplog: pytest.LogCaptureFixture, shutdown: bool, code: str
) -> None:
    gone, go = threading.Event(), threading.Event()

    def events() -> Iterator[Event]:
        yield FOUND
        go.wait()
        yield FOUND

    before = failures(library, code)
    one = streams()
    with caplog.at_level("INFO"):
        one.respond(observed(events(), library, question="a"), gone=gone)
        until(lambda: len(one) == 1)
        if shutdown:
            threading.Timer(0.1, go.set).start()
            one.end()
        else:
            gone.set()
            go.set()
        until(lambda: len(one) == 0)
    assert [vars(each)["code"] for each in caplog.records if each.message == "answer"] == [code]
    assert failures(library, code) == before + 1


def failures(observer: Services, code: str) -> float:
    text, _ = observer.metrics.exposition(iter(()), accept="")
    found = re.search(rf'^qa_answer_failures_total{{code="{code}"}} (.+)$', text.decode(), flags=re.MULTILINE)
    return float(found[1]) if found else 0.0


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


def test_a_client_that_hangs_up_frees_its_place(context: Context) -> None:
    go = threading.Event()

    class Slow:
        """The real answer, held back after its first event."""

        def answer(self, question: Any, **_: Any) -> Iterator[Event]:
            yield FOUND
            go.wait()
            yield FOUND

    one = Streams(places=1, heartbeat_seconds=0.02)
    context.services.answerer = Slow()  # type: ignore[assignment]
    app: Flask = create_app(Context(context.services, context.worker, one, context.access))
    with make_server("127.0.0.1", 0, app, handler_class=_Quiet) as server:
        thread = threading.Thread(target=server.handle_request, daemon=True)
        thread.start()
        with socket.create_connection(("127.0.0.1", server.server_port)) as client:
            sent = b'{"question": "a", "stream": true}'
            client.sendall(
                b"POST /v1/answers HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                b"Content-Length: %d\r\n\r\n%b" % (len(sent), sent)
            )
            assert b"200 OK" in client.recv(65536)
        thread.join(5)
        assert not thread.is_alive(), "the server's thread still writes to nobody"
    go.set()
    until(lambda: len(one) == 0)
