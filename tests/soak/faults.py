"""Sixteen ways in which a model's provider fails, played against the service's HTTP interface.

Every case is asked for as JSON and as a stream of events. The call to the provider is always a streamed one; "before"
and "after" are before and after its first token.
"""

import json
import socket
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from index.catalog.tables import reservations
from index.embed import Embedder
from index.upload import Upload
from qa_service.api import Access, Context, Streams, create_app
from qa_service.database import open_database
from qa_service.models import open_model
from qa_service.scripted import Fault, Received, Reply, ScriptedProvider
from qa_service.services import Services, opened
from qa_service.settings import Settings
from qa_service.uploads.worker import Worker
from tests.waiting import until

Place = Literal["before", "after"]
PLACES: tuple[Place, Place] = ("before", "after")

SENTENCE = "Employees have 25 days of leave a year."
QUESTION = "How many days of leave do employees have?"
CLAIM = "Employees have 25 days of leave each year."
ANSWER_SECONDS = 6.0
PATIENCE_SECONDS = 1.5
RETRIES = 2


@dataclass(frozen=True)
class Case:
    """A fault: what the provider plays, or where it is said to be, and the codes that a client must see.

    `after` is None where the fault can't come after the first token, as `before` where it can't come before it.
    `charged` is whether the provider may ask money for a call that fails so before its first token.
    """

    name: str
    before: str | None
    after: str | None = None
    fault: Fault | None = None
    address: Literal["provider", "refused", "unresolved", "tls", "full"] = "provider"
    charged: bool = False


CASES = (
    Case("429", "model_rate_limited", "model_rate_limited", "rate_limited"),
    Case("500", "model_server_error", "model_server_error", "server_error"),
    Case("503", "model_overloaded", "model_overloaded", "overloaded"),
    Case("refused", "model_connection_refused", address="refused"),
    Case("reset", "model_connection_reset", "model_truncated", "reset"),
    Case("DNS", "model_host_unresolved", address="unresolved"),
    Case("TLS", "model_tls_failed", address="tls"),
    Case("connect time-out", "model_connect_timeout", address="full"),
    Case("first-token time-out", "model_first_token_timeout", None, "hang", charged=True),
    Case("idle time-out", None, "model_idle_timeout", "hang"),
    Case("empty", "model_reply_empty", None, "empty", charged=True),
    Case("refusal", "model_refused", "model_refused", "refusal", charged=True),
    Case("truncated", "model_truncated", "model_truncated", "truncated", charged=True),
    Case("malformed JSON", "model_reply_malformed", "model_reply_malformed", "malformed_json", charged=True),
    Case("wrong content type", "model_reply_content_type", "model_truncated", "wrong_content_type"),
    Case("context overflow", "context_overflow", "context_overflow", "context_overflow"),
)


@dataclass
class Row:
    """What was seen in all trials of a case."""

    name: str
    place: Place
    stream: bool
    codes: Counter[str] = field(default_factory=Counter)
    calls: Counter[int] = field(default_factory=Counter)
    tokens: Counter[int] = field(default_factory=Counter)
    slowest_seconds: float = 0.0
    passed_for_complete: int = 0

    def __str__(self) -> str:
        kind = "stream" if self.stream else "JSON"
        codes = ", ".join(f"{code} x{count}" for code, count in self.codes.items())
        return (
            f"{self.name:21} {self.place:6} {kind:6} {codes:34} calls {'/'.join(map(str, self.calls)):5} "
            f"tokens {'/'.join(map(str, self.tokens)):5} slowest {self.slowest_seconds:.2f} s "
            f"complete {self.passed_for_complete}"
        )


def play(folder: Path, embedder: Embedder, *, times: int) -> list[Row]:
    """Every case in every place, as JSON and as a stream, that many times each; a row for each of these."""
    settings = Settings(data_dir=folder).model_copy(
        update={
            "model": "openai/scripted",
            "answer_seconds": ANSWER_SECONDS,
            "connect_seconds": 1.0,
            "first_token_seconds": PATIENCE_SECONDS,  # a busy machine may hold up a good reply too
            "idle_seconds": PATIENCE_SECONDS,
            "max_day_tokens": 10**9,
        }
    )
    with ExitStack() as stack:
        stack.enter_context(pytest.MonkeyPatch.context()).setenv("OPENAI_API_KEY", "any")
        services = stack.enter_context(opened(settings, command="pytest", embedder=embedder))
        upload = Upload("hr/leave", "leave.txt", SENTENCE.encode())
        (result,) = services.ingestor(services.collection("default")).put([upload])
        assert result.outcome == "indexed"
        services.warm_model()
        worker = Worker(services)
        stack.callback(worker.close)
        streams = Streams(places=2, heartbeat_seconds=60)
        client = create_app(Context(services, worker, streams, Access())).test_client()
        rows = [
            _trial(case, place, stream, services, streams, client, times)
            for case in CASES
            for place in PLACES
            if getattr(case, place)
            for stream in (False, True)
        ]
    _assert_nothing_is_reserved(settings)
    return rows


def check(rows: list[Row], *, times: int) -> None:
    """Raise AssertionError where a case did not end as it has to."""
    cases = {case.name: case for case in CASES}
    for row in rows:
        case = cases[row.name]
        code = case.before if row.place == "before" else case.after
        assert row.codes == {code: times}, row
        assert row.passed_for_complete == 0, row
        assert row.slowest_seconds < ANSWER_SECONDS + 1, row
        if row.place == "after":
            assert set(row.calls) == {1}, f"after its first token a call is never made again: {row}"
        assert max(row.calls) <= 1 + RETRIES, row
        assert bool(max(row.tokens)) == (case.charged or row.place == "after"), row
    # One call was charged, and not one for each attempt: all prompts are alike. Some replies tell their usage.
    charged = [tokens for row in rows for tokens in row.tokens if tokens not in (0, sum(Reply().usage or ()))]
    assert max(charged) < 1.5 * min(charged), sorted(charged)


def _trial(
    case: Case,
    place: Place,
    stream: bool,
    services: Services,
    streams: Streams,
    client: FlaskClient,
    times: int,
) -> Row:
    row = Row(case.name, place, stream)
    with (
        ScriptedProvider(lambda request: _reply(case, place, request)) as provider,
        _address(case, provider) as address,
    ):
        services.model = open_model(services.settings.model_copy(update={"model_api_base": address}))
        for _ in range(times):
            calls, spent = len(provider.requests), services.budgets.spent("").tokens
            began = time.monotonic()
            status, code, claims = (_streamed if stream else _whole)(client)
            row.slowest_seconds = max(row.slowest_seconds, time.monotonic() - began)
            until(lambda: len(streams) == 0)
            row.codes[code] += 1
            row.calls[len(provider.requests) - calls] += 1
            row.tokens[services.budgets.spent("").tokens - spent] += 1
            row.passed_for_complete += status == "answered"
            assert claims == ([CLAIM] if place == "after" else []), (case, code, claims)
    return row


def _reply(case: Case, place: Place, request: Received) -> Reply:
    if place == "before":
        return Reply(fault=case.fault)
    offered = request.body["messages"][1]["content"]
    (identifier,) = (line[1 : line.index("]")] for line in offered.splitlines() if line.endswith(SENTENCE))
    pieces = (f"[[{identifier}]] {CLAIM}\n", f"[[{identifier}]] Em", "ployees")
    return Reply(pieces=pieces, fault=case.fault, after=2)


@contextmanager
def _address(case: Case, provider: ScriptedProvider) -> Iterator[str]:
    match case.address:
        case "provider":
            yield provider.url
        case "tls":
            yield provider.url.replace("http:", "https:")
        case "unresolved":
            yield "http://no-such-host.invalid/v1"
        case "refused":
            with closing(socket.create_server(("127.0.0.1", 0))) as server:
                port = server.getsockname()[1]
            yield f"http://127.0.0.1:{port}/v1"
        case "full":
            with _full_server() as port:
                yield f"http://127.0.0.1:{port}/v1"


@contextmanager
def _full_server() -> Iterator[int]:
    """The port of a server whose queue of connections is full, so that the kernel drops the next."""
    with socket.socket() as server, ExitStack() as clients:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for _ in range(4):
            client = clients.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(server.getsockname())
        time.sleep(0.05)
        yield server.getsockname()[1]


Seen = tuple[str, str, list[str]]
"""The status of the answer, empty for none, the code of what went wrong, and the claims that came."""


def _whole(client: FlaskClient) -> Seen:
    reply: dict[str, Any] = client.post("/v1/answers", json={"question": QUESTION}).get_json()
    return _seen(reply, [claim["text"] for claim in reply.get("claims", [])])


def _streamed(client: FlaskClient) -> Seen:
    text = client.post("/v1/answers", json={"question": QUESTION, "stream": True}).get_data(as_text=True)
    events = [
        (frame.partition("\n")[0].removeprefix("event: "), json.loads(frame.partition("\ndata: ")[2]))
        for frame in text.strip().split("\n\n")
        if not frame.startswith(":")
    ]
    claims = [data["text"] for name, data in events if name == "claim"]
    name, last = events[-1]
    assert name in ("done", "error"), events
    if name == "done":
        assert claims == [claim["text"] for claim in last["claims"]]
    return _seen(last, claims)


def _seen(last: dict[str, Any], claims: list[str]) -> Seen:
    if "code" in last:
        return "", last["code"], claims
    return last["status"], last.get("failure", last.get("reason", "")), claims


def _assert_nothing_is_reserved(settings: Settings) -> None:
    database = open_database(settings)
    with database.read() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(reservations)).scalar() == 0
    database.close()
