import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from index.chroma_server import ChromaServer
from tests.index.conftest import answers
from tests.waiting import until


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "chroma"


@pytest.fixture
def server(path: Path) -> Iterator[ChromaServer]:
    server = ChromaServer(path)
    server.ensure()
    until(lambda: answers(server.url))
    yield server
    server.close()


@pytest.fixture
def processes(path: Path, scaling: ModuleType) -> Callable[[], list[int]]:
    """The process ids of the servers over the store."""
    return lambda: [pid for pid, command in scaling.children(os.getpid()).items() if str(path) in command]


def test_one_that_runs_is_left_alone(server: ChromaServer, processes: Callable[[], list[int]]) -> None:
    before = processes()

    assert not server.ensure()
    assert len(before) == 1
    assert processes() == before


def test_one_that_was_killed_is_started_again_at_the_same_address(
    server: ChromaServer, processes: Callable[[], list[int]]
) -> None:
    url, (pid,) = server.url, processes()
    os.kill(pid, signal.SIGKILL)

    until(server.ensure)
    until(lambda: answers(url))

    assert server.url == url
    assert pid not in processes()
    assert len(processes()) == 1


def test_it_does_not_answer_when_it_is_closed(server: ChromaServer) -> None:
    server.close()

    assert not answers(server.url)
