import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx
import pytest

from qa_service.address import listen

Serve = Callable[..., AbstractContextManager[Any]]

CHROMA = str(Path(sys.executable).with_name("chroma"))


@pytest.fixture
def chroma(tmp_path: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A Chroma server on loopback, by its address and its process."""
    with listen("127.0.0.1", 0) as free:
        port = free.getsockname()[1]
    command = [CHROMA, "run", "--path", str(tmp_path / "chroma"), "--host", "127.0.0.1", "--port", str(port)]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdout=quiet, stderr=quiet, cwd=tmp_path) as process:
        url = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 30
        while True:
            try:
                httpx.get(f"{url}/api/v2/heartbeat", trust_env=False).raise_for_status()
                break
            except httpx.HTTPError:
                assert time.monotonic() < deadline, "the Chroma server did not start"
                time.sleep(0.05)
        yield url, process
        process.kill()


def slowest(service: Any, seconds: float) -> tuple[float, httpx.Response]:
    """The longest time that a reply took while `/readyz` was asked for so long, and the last reply."""
    longest, end = 0.0, time.monotonic() + seconds
    with httpx.Client(base_url=service.url, trust_env=False, timeout=30) as client:
        client.get("/livez")
        while time.monotonic() < end:
            began = time.monotonic()
            reply = client.get("/readyz")
            longest = max(longest, time.monotonic() - began)
            time.sleep(0.05)
    return longest, reply


@pytest.mark.parametrize(
    ("number", "seconds", "code"),
    [(signal.SIGKILL, 2, "search_unreachable"), (signal.SIGSTOP, 7, "too_slow")],
)
def test_a_chroma_server_that_is_gone_or_hangs_is_told_within_a_fifth_of_a_second(
    serve: Serve,
    indexed: Path,
    chroma: tuple[str, subprocess.Popen[bytes]],
    number: signal.Signals,
    seconds: float,
    code: str,
) -> None:
    url, process = chroma
    with serve(QA_CHROMA_URL=url) as service:
        assert service.get("/readyz").json()["checks"]["dense"] == "ok"
        process.send_signal(number)
        longest, reply = slowest(service, seconds)
        assert reply.status_code == 503
        assert (reply.json()["reason"], reply.json()["checks"]["dense"]) == (code, code)
        assert reply.json()["checks"]["catalog"] == "ok"
        assert longest < 0.2
