import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from qa_service.errors import RequestTooSlow
from qa_service.serving.connection import GATHERED_BYTES, Connection, Patience, is_gathered
from qa_service.sockets import has_left

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def post(length: object, body: bytes, header: bytes = b"") -> bytes:
    return b"POST / HTTP/1.1\r\n%bcontent-LENGTH: %b \r\n\r\n%b" % (header, str(length).encode(), body)


@pytest.mark.parametrize(
    "data",
    [
        GET,
        post(3, b"abc"),
        post(3, b"abcGET"),
        post(10**6, b"", b"Expect: 100-continue\r\n"),
        post("3x", b""),
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"\x16\x03\x01",
        b"GET /" + b"a" * GATHERED_BYTES,
        post(10**6 - 1, b"a" * GATHERED_BYTES),
    ],
)
def test_a_request_is_passed_on_when_its_head_and_its_short_body_are_there(data: bytes) -> None:
    assert is_gathered(data)


@pytest.mark.parametrize("data", [b"G", GET[:-1], post(3, b"ab"), post(99999, b"a" * 10)])
def test_a_request_is_gathered_until_then(data: bytes) -> None:
    assert not is_gathered(data)


def test_patience_comes_to_an_end_with_those_who_move_drop_by_drop_and_not_with_those_who_move_on() -> None:
    slow, steady = Patience(10), Patience(10)
    for _ in range(20):
        slow.waited(1)
        slow.moved(100)
        steady.waited(1)
        steady.moved(8192)
    assert slow.seconds < 0
    assert steady.seconds == 10


@contextmanager
def connected(seconds: float = 0.3) -> Iterator[tuple[Connection, socket.socket, list[str]]]:
    ours, theirs = socket.socketpair()
    connection, steps = Connection(ours, body_seconds=seconds, response_seconds=seconds), []

    @contextmanager
    def aside() -> Iterator[None]:
        steps.append("aside")
        yield
        steps.append("back")

    connection.aside = aside
    with connection, theirs:
        yield connection, theirs, steps


def test_what_is_there_is_read_without_stepping_aside() -> None:
    with connected() as (connection, client, steps):
        client.sendall(b"body")
        assert connection.recv(100) == b"body"
        assert steps == []


def test_who_waits_for_the_rest_of_a_body_steps_aside() -> None:
    with connected(20) as (connection, client, steps):
        later = threading.Timer(0.2, client.sendall, [b"body"])
        later.start()
        assert connection.recv(100) == b"body"
        assert steps == ["aside", "back"]
        later.join()


def test_a_body_that_does_not_come_is_an_error_once_and_then_an_end() -> None:
    with connected() as (connection, _, _steps):
        began = time.monotonic()
        with pytest.raises(RequestTooSlow, match="too slowly"):
            connection.recv(100)
        assert 0.3 <= time.monotonic() - began < 10
        assert connection.recv(100) == b""


def test_a_response_that_nobody_takes_is_given_up_and_waited_for_aside() -> None:
    with connected() as (connection, _, steps):
        with pytest.raises(ConnectionResetError, match="takes no response"):
            connection.sendall(b"a" * 10**7)
        assert steps == ["aside", "back"]


def test_a_response_arrives_whole_at_a_client_that_pauses() -> None:
    with connected(20) as (connection, client, steps):
        received = bytearray()

        def read() -> None:
            time.sleep(0.2)
            while len(received) < 10**7:
                received.extend(client.recv(2**16))

        reader = threading.Thread(target=read)
        reader.start()
        connection.sendall(bytes(range(256)) * (10**7 // 256 + 1))
        connection.close()
        reader.join()
        assert steps[:2] == ["aside", "back"]
        assert received[:512] == bytes(range(256)) * 2


def test_it_sees_that_its_client_has_left() -> None:
    with connected() as (connection, client, _):
        assert not has_left(connection)
        client.close()
        assert has_left(connection)
