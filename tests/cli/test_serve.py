import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from index.owner import OwnerLock, find_owner
from qa_service.access.keys import opened_keys
from qa_service.address import listen
from qa_service.scripted import Reply, ScriptedProvider
from qa_service.settings import Settings
from tests.waiting import until

Serve = Callable[..., AbstractContextManager[Any]]
Run = Callable[..., subprocess.CompletedProcess[str]]

EVERYWHERE = "0.0.0.0"  # noqa: S104 - in a test, for a moment
QUESTION = {"question": "How many days of leave do employees have?"}
QUOTE = "Employees have 25 days of leave a year."


def children(pid: int) -> list[int]:
    listed = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False
    )
    return [int(each) for each in listed.stdout.split()]


def is_ready(service: Any) -> bool:
    try:
        return bool(service.get("/readyz").status_code == 200)
    except httpx.TransportError:
        return False


def assert_closed(service: Any) -> None:
    """Everything was closed cleanly, and the directory is free."""
    assert (service.data_dir / "followers" / "closed.json").exists()
    assert find_owner(service.data_dir) is None
    assert (service.data_dir / "owner.lock").read_bytes() == b""
    assert "Traceback" not in service.log.read_text()


# Starting


def test_it_is_alive_within_a_second_and_ready_within_six(serve: Serve, indexed: Path) -> None:
    measured = []
    for _ in range(3):  # the machine may be busy: the best of three counts
        with serve(ready=False) as service:
            measured.append((service.seconds_until("/livez"), service.seconds_until("/readyz")))
        if measured[-1][0] < 1 and measured[-1][1] < 6:
            break
    assert min(alive for alive, _ in measured) < 1, measured
    assert min(ready for _, ready in measured) < 6, measured


def test_what_it_writes_is_for_its_owner_alone_also_where_the_folder_was_there(
    serve: Serve, data_dir: Path
) -> None:
    data_dir.chmod(0o755)
    with serve() as service:
        service.post("/v1/documents", json={"title": "Leave", "text": QUOTE})
        written = [path for path in data_dir.rglob("*") if "models" not in path.parts]
        assert written
        assert not [path for path in written if path.stat().st_mode & 0o077]


def test_a_taken_port_is_an_error_and_gives_the_directory_free(data_dir: Path, qa: Run) -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        refused = qa("serve", "--port", str(port))
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == (
        f"qa: can't listen on http://127.0.0.1:{port}: Address already in use; choose another --port or --host\n"
    )
    assert find_owner(data_dir) is None


def test_an_address_that_others_reach_needs_a_key(serve: Serve, qa: Run, indexed: Path) -> None:
    refused = qa("serve", "--host", EVERYWHERE, "--port", "0")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith("qa: 0.0.0.0 can be reached from other machines, and there is no key")
    assert "does not resolve" in qa("serve", "--host", "nosuch.invalid", "--port", "0").stderr
    assert find_owner(indexed) is None
    with opened_keys(Settings(data_dir=indexed)) as keys:
        _, key = keys.create("test")
    with serve("--host", EVERYWHERE) as service:
        assert service.get("/v1/documents").status_code == 401
        assert service.get("/v1/documents", headers={"Authorization": f"Bearer {key}"}).status_code == 200
        assert QUOTE in qa("search", "leave").stdout  # by the token in the lock file
        assert "ready: requests need a key" in service.log.read_text()


def test_where_another_command_owns_the_directory_every_command_is_refused_at_once(
    data_dir: Path, qa: Run, folder: Path
) -> None:
    lock = OwnerLock(data_dir, command="qa index elsewhere")
    for command in (["serve", "--port", "0"], ["index", str(folder)], ["ask", "a"]):
        began = time.monotonic()
        refused = qa(*command)
        assert time.monotonic() - began < 8  # a busy machine needs some
        assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (1, "", 1)
        assert f"in use by 'qa index elsewhere' (process {os.getpid()}): stop it first" in refused.stderr
    lock.release()


# While it runs


@pytest.fixture(scope="module")
def running(
    tmp_path_factory: pytest.TempPathFactory, library: Path, start: Callable[..., Any]
) -> Iterator[Any]:
    """A service that the tests of this section share."""
    data_dir = tmp_path_factory.mktemp("running") / "data"
    shutil.copytree(library, data_dir, symlinks=True)
    with start(data_dir) as service:
        yield service


@pytest.fixture
def run(running: Any, command: Callable[..., Any]) -> Run:
    """Runs a `qa` command on the data directory of the shared service."""

    def invoke(*arguments: str) -> subprocess.CompletedProcess[str]:
        found: subprocess.CompletedProcess[str] = command(running.data_dir, *arguments)
        return found

    return invoke


def test_a_second_service_is_refused_by_the_name_of_the_first(running: Any, run: Run) -> None:
    began = time.monotonic()
    second = run("serve", "--port", "0")
    assert time.monotonic() - began < 8  # a busy machine needs some
    assert (second.returncode, second.stdout, second.stderr.count("\n")) == (1, "", 1)
    assert f"in use by 'qa serve' (process {running.process.pid}) at {running.url}" in second.stderr


def test_an_index_command_goes_through_the_service(running: Any, run: Run, folder: Path) -> None:
    (folder / "bad.pdf").write_bytes(b"\x00\x01\x02")
    indexed = run("index", str(folder), "--collection", "other")
    assert (indexed.returncode, indexed.stdout) == (1, "2 indexed, 1 failed\n")
    assert "handbook/bad.pdf: " in indexed.stderr
    assert len(running.get("/v1/documents?collection=other").json()["documents"]) == 3


def test_questions_and_searches_go_through_the_service(running: Any, run: Run) -> None:
    assert run("ask", QUESTION["question"]).stdout.startswith(f"{QUOTE} [1]\n")
    assert run("search", "dogs", "-k", "1").stdout.startswith("1. pets")
    refused = run("ask", "a", "--collection", "nosuch")
    assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (1, "", 1)
    assert refused.stderr.startswith("qa: there is no collection 'nosuch'")


def test_a_command_says_which_of_its_settings_the_service_does_not_use(running: Any, command: Any) -> None:
    settings = {"QA_MODEL": "gpt-4.1-mini", "QA_PASSAGES": "5"}
    asked = command(running.data_dir, "ask", QUESTION["question"], settings=settings)
    assert asked.stdout.startswith(f"{QUOTE} [1]\n")
    assert asked.stderr == (
        "the service that runs here has settings of its own: QA_MODEL, QA_PASSAGES not used\n"
    )


def test_it_is_open_until_a_key_is_made(running: Any, run: Run) -> None:
    assert "ready: open to everybody on this machine" in running.log.read_text()
    assert running.get("/v1/documents").status_code == 200
    made = run("keys", "create", "test")
    key = made.stdout.strip()
    assert made.stderr.startswith("this is the first key: from now on every request needs a key")
    assert running.get("/v1/documents").status_code == 401
    assert running.get("/v1/documents", headers={"Authorization": f"Bearer {key}"}).status_code == 200
    revoked = run("keys", "revoke", "test")
    assert revoked.stderr == "no key is left: on loopback the service is open again\n"
    assert running.get("/v1/documents").status_code == 200


def test_nothing_that_is_asked_or_stored_is_logged(running: Any) -> None:
    assert running.post("/v1/answers", json={"question": "Is swordfish served?"}).status_code == 200
    assert running.get("/v1/documents?source=swordfish").status_code == 200
    assert running.get("/nosuch/swordfish").status_code == 404
    log = running.log.read_text()
    assert "swordfish" not in log
    assert QUOTE not in log


def connected(service: Any) -> socket.socket:
    return socket.create_connection(("127.0.0.1", int(service.url.rpartition(":")[2])), timeout=20)


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x00\xa5 swordfish\r\n\r\n",
        b"GET / HTTP/9.9 swordfish\r\n\r\n",
        b'{"query": "swordfish"}\r\n\r\n',
        b"GET / HTTP/1.1\r\nAuthorization swordfish: 1\r\n\r\n",
    ],
)
def test_what_is_no_http_is_refused_and_repeated_neither_to_the_client_nor_in_the_log(
    running: Any, sent: bytes
) -> None:
    with connected(running) as client:
        client.sendall(sent)
        client.shutdown(socket.SHUT_WR)
        reply = b"".join(iter(lambda: client.recv(4096), b""))
    head, _, body = reply.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"Content-Type: application/problem+json" in head
    assert b"X-Content-Type-Options: nosniff" in head
    assert json.loads(body)["code"] == "invalid_request"
    assert body.endswith(b"}\n")
    assert b"swordfish" not in reply
    assert "swordfish" not in running.log.read_text()


def test_a_client_that_sends_its_request_drop_by_drop_is_hung_up_on(running: Any) -> None:
    began = time.monotonic()
    with connected(running) as client:
        client.sendall(b"GET /livez HTTP/1.1\r\nX-Slow: ")
        with pytest.raises((BrokenPipeError, ConnectionResetError)):  # noqa: PT012
            while time.monotonic() - began < 30:
                client.sendall(b"a")
                time.sleep(0.2)
        assert time.monotonic() - began < 15


# Ending


def test_a_worker_that_is_killed_is_replaced(serve: Serve, indexed: Path) -> None:
    with serve() as service:
        (worker,) = children(service.process.pid)
        os.kill(worker, signal.SIGKILL)
        until(lambda: children(service.process.pid) not in ([], [worker]) and is_ready(service), seconds=60)
        assert service.post("/v1/answers", json=QUESTION).json()["citations"][0]["quote"] == QUOTE
        assert service.stop() == 0
        assert_closed(service)


def test_what_was_acknowledged_before_a_kill_is_indexed_after_the_next_start(serve: Serve) -> None:
    files = [("file", (f"{at}.txt", f"This is document number {at}.")) for at in range(20)]
    with serve() as service:
        reply = service.post("/v1/documents", files=files)
        os.killpg(service.process.pid, signal.SIGKILL)
        service.process.wait()
    assert reply.status_code == 202
    with serve() as service:
        job = f"/v1/jobs/{reply.json()['job_id']}"
        until(lambda: service.get(job).json()["status"] == "done")
        assert {each["status"] for each in service.get(job).json()["documents"]} == {"indexed"}
        assert len(service.get("/v1/documents").json()["documents"]) == 20


def test_no_signal_makes_a_second_worker_and_the_end_of_the_terminal_ends_it(
    serve: Serve, indexed: Path
) -> None:
    with serve() as service:
        workers = children(service.process.pid)
        for number in (signal.SIGTTIN, signal.SIGTTOU, signal.SIGUSR2):
            service.process.send_signal(number)
        time.sleep(0.5)
        assert children(service.process.pid) == workers
        os.killpg(service.process.pid, signal.SIGHUP)
        assert service.process.wait(30) == 0
        assert_closed(service)


def test_it_ends_cleanly_also_while_it_starts(serve: Serve, data_dir: Path) -> None:
    with serve(ready=False) as service:
        service.seconds_until("/livez")
        assert service.stop() == 0
        assert_closed(service)


@pytest.fixture
def slow_model() -> Iterator[tuple[ScriptedProvider, threading.Event]]:
    """A model that holds its reply back until it is told to go on."""
    go = threading.Event()

    def answer(_request: Any) -> Reply:
        go.wait(60)
        return Reply("[[NONE]] It is not said.\n")

    with ScriptedProvider(answer) as provider:
        yield provider, go
        go.set()


def environment(provider: ScriptedProvider) -> dict[str, str]:
    return {
        "QA_MODEL": "openai/slow",
        "QA_MODEL_API_BASE": provider.url,
        "OPENAI_API_KEY": "none",
        "QA_HEARTBEAT_SECONDS": "0.1",
    }


def test_a_client_that_hangs_up_ends_the_call_to_the_model_within_a_second(
    serve: Serve, indexed: Path
) -> None:
    cases = [(stream, after) for stream in (True, False) for after in (0, 1)]
    provider = ScriptedProvider([Reply("one two", fault="hang", after=after) for _, after in cases])
    quiet = {**environment(provider), "QA_HEARTBEAT_SECONDS": "60"}
    with provider, serve(**quiet) as service:
        for stream, _ in cases:
            body = json.dumps({**QUESTION, "stream": stream}).encode()
            with socket.create_connection(
                (urlsplit(service.url).hostname, urlsplit(service.url).port)
            ) as client:
                client.sendall(
                    b"POST /v1/answers HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                    b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
                )
                until(lambda: len(provider.requests) > provider.dropped)
            began = time.monotonic()
            until(lambda: provider.dropped == len(provider.requests))
            assert time.monotonic() - began < 1
        assert service.get("/livez").status_code == 200


def test_sigterm_lets_a_stream_under_way_come_to_its_end(
    serve: Serve, indexed: Path, slow_model: tuple[ScriptedProvider, threading.Event]
) -> None:
    provider, go = slow_model
    with serve(**environment(provider)) as service:
        request = {**QUESTION, "stream": True}
        with httpx.stream("POST", f"{service.url}/v1/answers", json=request, timeout=60) as reply:
            lines = reply.iter_lines()
            assert next(lines) == "event: retrieval"
            until(lambda: provider.requests)
            service.process.send_signal(signal.SIGTERM)
            until(lambda: not is_ready(service))
            go.set()
            assert "event: done" in lines
        assert service.process.wait(30) == 0
        assert_closed(service)


def test_ctrl_c_ends_a_stream_under_way_with_an_error(
    serve: Serve, indexed: Path, slow_model: tuple[ScriptedProvider, threading.Event]
) -> None:
    provider, _ = slow_model
    with serve(**environment(provider)) as service:
        request = {**QUESTION, "stream": True}
        with httpx.stream("POST", f"{service.url}/v1/answers", json=request, timeout=60) as reply:
            lines = reply.iter_lines()
            assert next(lines) == "event: retrieval"
            until(lambda: provider.requests)
            began = time.monotonic()
            os.killpg(service.process.pid, signal.SIGINT)
            assert "event: error" in lines
            assert '"code": "shutting_down"' in next(lines)
        assert service.process.wait(30) == 0
        assert time.monotonic() - began < 5
        assert_closed(service)
        (line,) = (line for line in service.log.read_text().splitlines() if '"event": "answer"' in line)
        assert json.loads(line)["code"] == "shutting_down"
