import os
import signal
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep

import pytest

from index.chroma_server import ChromaServer

SECONDS = 30


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ChromaServer]:
    server = ChromaServer(tmp_path / "chroma")
    server.ensure()
    server.wait(seconds=SECONDS)
    yield server
    server.close()


def _until_ended(server: ChromaServer) -> None:
    until = monotonic() + SECONDS
    while server.answers():
        assert monotonic() < until
        sleep(0.02)


def test_one_that_runs_is_left_alone(server: ChromaServer) -> None:
    pid = server.pid

    assert not server.ensure()
    assert server.pid == pid


def test_one_that_was_killed_is_started_again_at_the_same_address(server: ChromaServer) -> None:
    url, pid = server.url, server.pid
    assert pid
    os.kill(pid, signal.SIGKILL)
    _until_ended(server)

    while not server.ensure():
        sleep(0.02)
    server.wait(seconds=SECONDS)

    assert server.url == url
    assert server.pid != pid


def test_it_does_not_answer_when_it_is_closed(server: ChromaServer) -> None:
    server.close()

    assert not server.answers()
