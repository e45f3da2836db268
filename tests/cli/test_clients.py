"""Clients that leave, clients that are slow, more clients than can be served, and the end while they are served.

The long ones are marked `soak`; the fast ones are the same with fewer clients.
"""

import json
import os
import signal
import socket
import statistics
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from qa_service.scripted import Reply, ScriptedProvider
from tests.waiting import until

Serve = Callable[..., AbstractContextManager[Any]]

QUESTION = {"question": "How many days of leave do employees have?"}
NOTHING = "[[NONE]] It is not said.\n"
SEARCH = {"query": "dogs", "k": 1}

soak = pytest.mark.soak


def model(provider: ScriptedProvider, **settings: str) -> dict[str, str]:
    """The settings of a service that asks a scripted model."""
    return {
        "QA_MODEL": "openai/scripted",
        "QA_MODEL_API_BASE": provider.url,
        "OPENAI_API_KEY": "none",
        "QA_LOG_LEVEL": "warning",
        **settings,
    }


def connect(service: Any, **options: int) -> socket.socket:
    client = socket.socket()
    for name, value in options.items():
        client.setsockopt(socket.SOL_SOCKET, getattr(socket, name), value)
    client.settimeout(60)
    client.connect(("127.0.0.1", int(service.url.rpartition(":")[2])))
    return client


def request(path: str, body: Any = None, *headers: str) -> bytes:
    """A request as it is sent."""
    lines = [f"{'GET' if body is None else 'POST'} {path} HTTP/1.1", "Host: localhost", *headers]
    data = b""
    if body is not None:
        data = json.dumps(body).encode()
        lines += ["Content-Type: application/json", f"Content-Length: {len(data)}"]
    return "\r\n".join([*lines, "", ""]).encode() + data


@dataclass(frozen=True)
class Told:
    """What a client was told, and when it had all of it, in seconds."""

    status: int
    seconds: float
    text: str


def ask(service: Any, path: str, body: Any = None) -> Told:
    """Ask on a connection of its own, and read to its end."""
    began = time.monotonic()
    with connect(service) as client:
        client.sendall(request(path, body, "Connection: close"))
        data = b"".join(iter(lambda: client.recv(2**16), b""))
    return Told(int(data.split(b" ", 2)[1]), time.monotonic() - began, data.decode())


def worker_of(service: Any) -> int:
    """The process that answers."""
    listed = Path(f"/proc/{service.process.pid}/task/{service.process.pid}/children").read_text().split()
    return int(listed[0])


def held_by(pid: int) -> dict[str, int]:
    """How many threads and sockets a process has."""
    links = []
    for each in Path(f"/proc/{pid}/fd").iterdir():
        try:
            links.append(str(each.readlink()))
        except FileNotFoundError:
            continue
    return {
        "threads": len(list(Path(f"/proc/{pid}/task").iterdir())),
        "sockets": sum(link.startswith("socket:") for link in links),
    }


def used_by(pid: int, seconds: float) -> float:
    """The share of a core that a process uses."""

    def ticks() -> int:
        return sum(map(int, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]))

    before = ticks()
    time.sleep(seconds)
    return (ticks() - before) / os.sysconf("SC_CLK_TCK") / seconds


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def report(what: str, **figures: object) -> None:
    shown = ", ".join(
        f"{name} {value:.3f}" if isinstance(value, float) else f"{name} {value}"
        for name, value in figures.items()
    )
    print(f"{what}: {shown}; load {os.getloadavg()[0]:.1f}")  # noqa: T201 - the figures of a long test


# Clients that leave


@pytest.mark.parametrize("count", [100, pytest.param(1000, marks=soak)])
def test_clients_that_leave_mid_stream_leave_nothing_behind(serve: Serve, indexed: Path, count: int) -> None:
    provider = ScriptedProvider(lambda _: Reply("one two", fault="hang", after=1))
    with provider, serve(**model(provider)) as service:

        def leave(_: int) -> None:
            data = b""
            while b"event: retrieval" not in data:  # who finds no place comes again
                data = b""
                with connect(service) as client:
                    client.sendall(request("/v1/answers", {**QUESTION, "stream": True}))
                    while b"event: retrieval" not in data and (more := client.recv(2**16)):
                        data += more

        def run(times: int, together: int) -> None:
            with ThreadPoolExecutor(together) as pool:
                list(pool.map(leave, range(times)))
            until(lambda: provider.dropped == len(provider.requests), 10)

        worker = worker_of(service)
        run(60, 30)  # the threads that are kept are begun
        time.sleep(1)
        before = held_by(worker)
        run(count, 20)
        deadline = time.monotonic() + 10
        while any(now > before[name] for name, now in held_by(worker).items()):
            assert time.monotonic() < deadline, (before, held_by(worker))
            time.sleep(0.1)
        report("left", clients=count, **before, seconds_until_gone=time.monotonic() - deadline + 10)


# Slow clients


@contextmanager
def slow(service: Any, count: int) -> Iterator[None]:
    """Clients that send heads and bodies drop by drop, or take no response: as many of each sort."""
    body = "\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{{"
    post = "POST /v1/search HTTP/1.1\r\nHost: localhost"
    sorts = [
        b"GET /livez HTTP/1.1\r\nX-Slow: ",
        (post + body.format(5000)).encode(),
        (post + body.format(2_000_000)).encode(),
        (post + "\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n").encode(),
        request("/widget.js") * 60,
    ]
    clients = [connect(service, SO_RCVBUF=4096) for _ in range(count)]
    stop = threading.Event()

    def drip() -> None:
        while not stop.wait(0.5):
            for at, client in enumerate(clients):
                if at % len(sorts) < 3:
                    try:
                        client.send(b"a", socket.MSG_DONTWAIT)
                    except OSError:
                        continue

    for at, client in enumerate(clients):
        client.sendall(sorts[at % len(sorts)])
    until(lambda: used_by(worker_of(service), 1) < 0.03, 60)  # what they were sent fills all buffers
    thread = threading.Thread(target=drip)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        for client in clients:
            client.close()


def seconds_of_searches(service: Any, seconds: float) -> list[float]:
    """How long searches take that two clients send one after the other."""
    end = time.monotonic() + seconds

    def search(_: int) -> list[float]:
        found = []
        while time.monotonic() < end:
            told = ask(service, "/v1/search", SEARCH)
            assert told.status == 200, told.text
            found.append(told.seconds)
        return found

    with ThreadPoolExecutor(2) as pool:
        return [each for found in pool.map(search, range(2)) for each in found]


MALFORMED = [
    b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03",
    b"GET\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost localhost\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
    b"POST /v1/search HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
    b"POST /v1/search HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nabcde",
    b"POST /v1/search HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    *(
        b"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n" + chunks
        for chunks in (
            b"0x2\r\n{}\r\n0\r\n\r\n",
            b"2\r\n{}..0\r\n\r\n",
            b"2;a=\n\r\n{}\r\n0\r\n\r\n",
            b"0\r\na b: c\r\n\r\n",
        )
    ),
    b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * 20_000 + b"\r\n",
    b"\x00" * 1000 + b"\r\n\r\n",
    b"GET / HTTP/1.1\r\nX: \x00\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
]


def send_raw(service: Any, data: bytes) -> int:
    """The status that raw bytes are answered with; 0 where they are not answered."""
    with connect(service) as client:
        try:
            client.sendall(data)
            client.shutdown(socket.SHUT_WR)
            reply = b"".join(iter(lambda: client.recv(2**16), b""))
        except OSError:
            return 0
    return int(reply.split(b" ", 2)[1]) if reply else 0


def test_malformed_requests_are_refused_and_harm_nobody(serve: Serve, indexed: Path) -> None:
    with serve(QA_LOG_LEVEL="warning") as service:
        statuses = [send_raw(service, each) for each in MALFORMED for _ in range(3)]
        assert set(statuses) <= {0, 400, 403, 404, 405, 413, 414, 431}, Counter(statuses)
        assert statuses.count(400) > len(statuses) / 2
        assert ask(service, "/v1/search", SEARCH).status == 200
        assert "Traceback" not in service.log.read_text()


@pytest.mark.parametrize(("count", "rounds"), [(60, 1), pytest.param(200, 4, marks=soak)])
def test_slow_clients_and_malformed_requests_slow_nobody_else(
    serve: Serve, indexed: Path, count: int, rounds: int
) -> None:
    with serve(QA_THREADS="8", QA_LOG_LEVEL="warning") as service:
        seconds_of_searches(service, 1)
        ratios = []
        for _ in range(3):  # what else the machine does comes and goes: the best of three counts
            alone, beside = [], []
            for _ in range(rounds):
                alone += seconds_of_searches(service, 3)
                with slow(service, count), ThreadPoolExecutor(1) as pool:
                    sent = pool.submit(lambda: [send_raw(service, each) for each in MALFORMED * 3])
                    beside += seconds_of_searches(service, 3)
                    sent.result()
            p99 = [percentile(each, 0.99) for each in (alone, beside)]
            medians = [statistics.median(each) for each in (alone, beside)]
            report(
                "slow clients",
                clients=count,
                searches=len(alone + beside),
                p99_alone=p99[0],
                p99_beside=p99[1],
                median_alone=medians[0],
                median_beside=medians[1],
            )
            ratios.append(p99[1] / p99[0])
            if ratios[-1] < 1.2:
                break
        # In a few seconds few searches make the 99th percentile: short runs only show that nobody is held up.
        assert min(ratios) < (1.2 if rounds > 1 else 3), ratios


def test_a_body_that_does_not_come_is_answered_and_hung_up_on(serve: Serve, indexed: Path) -> None:
    with serve(QA_LOG_LEVEL="warning") as service, connect(service) as client:
        began = time.monotonic()
        client.sendall(
            b"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Content-Length: 1000000\r\n\r\n{"
        )
        reply = b"".join(iter(lambda: client.recv(2**16), b""))
        assert reply.startswith(b"HTTP/1.1 408 ")
        assert b'"code": "request_too_slow"' in reply
        assert 15 < time.monotonic() - began < 40


# More clients than can be served


@pytest.mark.parametrize("seconds", [10, pytest.param(60, marks=soak)])
def test_five_times_what_it_can_is_answered_or_refused_at_once_and_then_it_is_as_fast_as_before(
    serve: Serve, indexed: Path, seconds: int
) -> None:
    threads, delay = 4, 0.5

    def answer(_: object) -> Reply:
        time.sleep(delay)
        return Reply(NOTHING)

    with ScriptedProvider(answer) as provider, serve(**model(provider, QA_THREADS=str(threads))) as service:

        def speed() -> float:
            """The seconds for a few rounds of as many clients as there are places; all are answered."""
            began = time.monotonic()
            with ThreadPoolExecutor(threads) as pool:
                told = list(pool.map(lambda _: ask(service, "/v1/answers", QUESTION), range(3 * threads)))
            assert {one.status for one in told} == {200}
            return time.monotonic() - began

        speed()
        before = speed()
        capacity = 3 * threads / before
        health: list[Told] = []
        over = threading.Event()

        def watch() -> None:
            while not over.wait(0.5):
                health.extend(ask(service, path) for path in ("/livez", "/readyz"))

        watching = threading.Thread(target=watch)
        watching.start()
        began = time.monotonic()
        with ThreadPoolExecutor(200) as pool:
            futures = []
            for at in range(int(5 * capacity * seconds)):
                time.sleep(max(0.0, began + at / capacity / 5 - time.monotonic()))
                futures.append(pool.submit(ask, service, "/v1/answers", QUESTION))
            told = [future.result() for future in futures]
        ended = time.monotonic()
        over.set()
        watching.join()
        after = speed()
        while after > 1.3 * before and time.monotonic() < ended + 5 + after:
            after = speed()
        statuses = Counter(one.status for one in told)
        refused = [one for one in told if one.status == 503]
        report(
            "overload",
            capacity=capacity,
            requests=len(told),
            statuses=dict(statuses),
            refused_median=statistics.median(one.seconds for one in refused),
            refused_p99=percentile([one.seconds for one in refused], 0.99),
            answered_p99=percentile([one.seconds for one in told if one.status == 200], 0.99),
            health_p99=percentile([one.seconds for one in health], 0.99),
            before=before,
            after=after,
        )
        assert set(statuses) <= {200, 429, 503}
        assert statuses[200] > 0.5 * capacity * seconds
        assert all(
            '"code": "overloaded"' in one.text and "\r\nRetry-After: 1\r\n" in one.text for one in refused
        )
        assert percentile([one.seconds for one in refused], 0.9) < 0.1
        assert {one.status for one in health} == {200}
        assert after < 1.5 * before
        assert "requests were turned away" in service.log.read_text()


# The end


def stream(client: socket.socket) -> bytes:
    """What is sent until the connection ends; an error where it is reset."""
    return b"".join(iter(lambda: client.recv(2**16), b""))


def stop_beside_streams(
    serve: Serve, count: int, *, number: signal.Signals, hang: bool
) -> tuple[Counter[str], float]:
    """How streams end whose service is stopped, and how long that takes."""
    go = threading.Event()

    def answer(_: object) -> Reply:
        go.wait(60)
        return Reply(NOTHING)

    with ScriptedProvider(answer) as provider, serve(**model(provider, QA_THREADS=str(count))) as service:
        clients = [connect(service) for _ in range(count)]
        for client in clients:
            client.sendall(request("/v1/answers", {**QUESTION, "stream": True}))
        until(lambda: len(provider.requests) == count, 60)
        began = time.monotonic()
        os.killpg(service.process.pid, number)
        if not hang:
            threading.Timer(0.5, go.set).start()
        with ThreadPoolExecutor(count) as pool:
            ends = list(pool.map(stream, clients))
        seconds = time.monotonic() - began
        for client in clients:
            client.close()
        go.set()
        assert service.process.wait(60) == 0
        assert "Traceback" not in service.log.read_text()

    def ending(data: bytes) -> str:
        if not data.endswith(b"\r\n0\r\n\r\n"):
            return "cut"
        if b"event: done" in data:
            return "done"
        return "shutting_down" if b'"code": "shutting_down"' in data else "lost"

    return Counter(map(ending, ends)), seconds


@pytest.mark.parametrize(
    ("number", "hang", "end"),
    [(signal.SIGTERM, False, "done"), (signal.SIGINT, True, "shutting_down")],
)
def test_streams_under_way_come_to_a_proper_end_when_it_is_stopped(
    serve: Serve, indexed: Path, number: signal.Signals, hang: bool, end: str
) -> None:
    ends, _ = stop_beside_streams(serve, 20, number=number, hang=hang)
    assert ends == {end: 20}


@soak
def test_of_fifty_streams_none_is_reset_in_twenty_stops(serve: Serve, indexed: Path) -> None:
    cases = [(signal.SIGTERM, False)] * 14 + [(signal.SIGINT, True)] * 4 + [(signal.SIGTERM, True)] * 2
    total: Counter[str] = Counter()
    for number, hang in cases:
        ends, seconds = stop_beside_streams(serve, 50, number=number, hang=hang)
        report("stop", signal=number.name, model_hangs=hang, ends=dict(ends), seconds=seconds)
        assert ends == {"shutting_down" if hang else "done": 50}
        total += ends
    assert total.total() == 1000
