import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from index.embed import Embedder
from index.errors import CatalogError, FollowerError
from qa_service.access.keys import Rights
from qa_service.api import Access, Context, create_app
from qa_service.readiness import Probe, Readiness
from qa_service.scripted import Reply, ScriptedProvider
from qa_service.services import Services, opened
from qa_service.settings import Settings
from qa_service.telemetry.metrics import Metrics

Make = Callable[[Services], Context]

ROOT = Path(__file__).parents[2]
QUESTION = {"question": "How many days of leave do employees have?"}


def values(client: FlaskClient, **options: Any) -> dict[str, float]:
    """The samples of /metrics by their name and labels."""
    text = client.get("/metrics", **options).get_data(as_text=True)
    lines = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in lines}


def total(found: dict[str, float], name: str, **labels: str) -> float:
    """The sum of a metric's samples with these labels."""
    wanted = [f'{label}="{value}"' for label, value in labels.items()]
    return sum(
        value
        for sample, value in found.items()
        if sample.partition("{")[0] == name and all(each in sample for each in wanted)
    )


# Request ids


def test_every_reply_brings_an_id_of_its_own(client: FlaskClient) -> None:
    made = [
        client.get(path).headers["X-Request-ID"]
        for path in ("/livez", "/nosuch", "/v1/documents/x", "/metrics")
    ]
    assert len(set(made)) == 4
    assert all(re.fullmatch("[0-9a-f]{16}", each) for each in made)


@pytest.mark.parametrize("sent", ["a", "A1._-z", "x" * 64])
def test_an_id_that_is_harmless_is_the_clients(client: FlaskClient, sent: str) -> None:
    assert client.get("/livez", headers={"X-Request-ID": sent}).headers["X-Request-ID"] == sent


@pytest.mark.parametrize("sent", ["", "x" * 65, "a b", "ä", '"', "sk_0123_x", "dl-x"])
def test_an_id_that_is_not_or_that_looks_like_a_key_is_replaced(client: FlaskClient, sent: str) -> None:
    got = client.get("/livez", headers={"X-Request-ID": sent.encode().decode("latin-1")}).headers[
        "X-Request-ID"
    ]
    assert re.fullmatch("[0-9a-f]{16}", got)


def test_a_stream_has_the_id_in_its_head_and_in_all_of_its_lines(
    reader: FlaskClient, caplog: pytest.LogCaptureFixture, spoken: Callable[[], list[dict[str, Any]]]
) -> None:
    with caplog.at_level("INFO"):
        reply = reader.post(
            "/v1/answers", json={**QUESTION, "stream": True}, headers={"X-Request-ID": "the-stream"}
        )
        assert "event: done" in reply.get_data(as_text=True)
    assert reply.headers["X-Request-ID"] == "the-stream"
    assert {line["event"]: line["request_id"] for line in spoken()} == {
        "answer": "the-stream",
        "request": "the-stream",
    }


# The line of a request


def test_a_request_has_one_line_without_anything_that_its_client_has_sent(
    reader: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO"):
        reader.get("/v1/documents/swordfish?swordfish=1", headers={"User-Agent": "swordfish"}).close()
    (record,) = (each for each in caplog.records if each.message == "request")
    fields = {name: getattr(record, name) for name in ("method", "route", "status", "code")}
    assert fields == {
        "method": "GET",
        "route": "/v1/documents/<document_id>",
        "status": 404,
        "code": "not_found",
    }
    assert "swordfish" not in str({**record.__dict__, "msg": ""})


def test_health_checks_are_silent_while_all_is_well(
    reader: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO"):
        for path in ("/livez", "/readyz", "/metrics"):
            reader.get(path).close()
    assert not caplog.records


# Metrics


def test_an_answer_is_counted_with_its_stages_and_claims(reader: FlaskClient) -> None:
    before = values(reader)
    reader.post("/v1/answers", json=QUESTION).close()
    reader.post("/v1/answers", json={"question": "What is the boiling point of gallium?"}).close()
    after = values(reader)

    def grown(name: str, **labels: str) -> float:
        return total(after, name, **labels) - total(before, name, **labels)

    assert grown("qa_http_request_duration_seconds_count", route="/v1/answers", status="200") == 2
    assert grown("qa_answers_total", status="answered") == 1
    assert grown("qa_answers_total", status="abstained", reason="no_relevant_passage") == 1
    assert grown("qa_claims_total", verdict="supported") >= 1
    assert grown("qa_answer_stage_duration_seconds_count", stage="retrieve") == 2
    assert grown("qa_answer_stage_duration_seconds_count", stage="first_claim") == 1


def test_what_clients_send_makes_no_new_series(reader: FlaskClient) -> None:
    for number in range(3):
        reader.get(f"/nosuch/{number}").close()
        reader.open("/v1/documents", method=f"BREW{number}").close()
        reader.get(f"/v1/documents/{number}").close()
        if number == 0:
            first = set(values(reader))
    assert set(values(reader)) == first


def test_uploads_and_followers_are_shown_as_they_are(
    client: FlaskClient, finished: Callable[[str], dict[str, Any]]
) -> None:
    job = client.post("/v1/documents", json={"title": "Cats", "text": "Cats may not come."}).get_json()
    finished(job["job_id"])
    deadline = time.monotonic() + 5
    while total(found := values(client), "qa_indexing_duration_seconds_count", outcome="indexed") < 1:
        assert time.monotonic() < deadline
    assert found["qa_uploads_waiting"] == 0
    assert total(found, "qa_follower_lag_changes") == 0
    assert total(found, "qa_check_up", check="worker") == 1


@contextmanager
def over_a_model(
    settings: Settings, embedder: Embedder, make: Make, provider: ScriptedProvider, **more: Any
) -> Iterator[FlaskClient]:
    """A client of a service with one document that asks a model."""
    wanted = settings.model_copy(update={"model": "openai/scripted", "model_api_base": provider.url, **more})
    with opened(wanted, command="pytest", embedder=embedder) as services:
        context = make(services)
        client = create_app(context).test_client()
        job = client.post(
            "/v1/documents", json={"title": "Leave", "text": "Employees have 25 days of leave."}
        )
        while client.get(f"/v1/jobs/{job.get_json()['job_id']}").get_json()["status"] != "done":
            time.sleep(0.01)
        yield client
        context.worker.close()


def test_calls_of_a_model_are_counted_with_tokens_faults_and_refused_budgets(
    settings: Settings, embedder: Embedder, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    replies = [Reply("[[NONE]] It is not said.\n", usage=(100, 7)), Reply(fault="unauthorized")]
    with (
        ScriptedProvider(replies) as provider,
        over_a_model(settings, embedder, make, provider, max_day_tokens=20_000) as client,
    ):
        statuses = [client.post("/v1/answers", json=QUESTION).status_code for _ in range(2)]
        found = values(client)
    assert statuses == [200, 502]
    model = "openai/scripted"
    assert total(found, "qa_model_tokens_total", model=model, kind="prompt") == 100
    assert total(found, "qa_model_tokens_total", model=model, kind="completion") == 7
    assert total(found, "qa_model_call_duration_seconds_count", model=model, outcome="ok") == 1
    assert total(found, "qa_model_call_duration_seconds_count", outcome="model_authentication") == 1
    assert total(found, "qa_model_first_token_seconds_count", model=model) == 1
    assert total(found, "qa_answer_failures_total", code="model_authentication") == 1
    with (
        ScriptedProvider([]) as provider,
        over_a_model(settings, embedder, make, provider, max_request_tokens=1) as client,
    ):
        assert client.post("/v1/answers", json=QUESTION).status_code == 413
        assert total(values(client), "qa_answer_failures_total", code="request_over_budget") == 1


def test_metrics_are_for_keys_with_their_scope_or_admin_and_for_the_owner(
    services: Services, make: Make
) -> None:
    context = make(services)
    made = {
        scope: services.keys.create(scope, Rights(scopes=(scope,)))[1]
        for scope in ("metrics", "admin", "ask", "write")
    }
    made["all"] = services.keys.create("all")[1]
    for scope in ("metrics", "admin"):  # they count what is done in all collections
        rights = Rights(scopes=(scope,), collections=("default",))
        made[f"{scope} of one"] = services.keys.create(f"{scope} of one", rights)[1]
    client = create_app(
        Context(services, context.worker, context.streams, Access(token="owner"))
    ).test_client()

    def status(path: str, key: str | None) -> int:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return client.get(path, headers=headers).status_code

    assert {name: status("/metrics", key) for name, key in made.items()} == {
        "metrics": 200,
        "admin": 200,
        "ask": 403,
        "write": 403,
        "all": 200,
        "metrics of one": 403,
        "admin of one": 403,
    }
    assert status("/metrics", "owner") == 200
    assert status("/metrics", None) == 401
    assert status("/v1/documents", made["metrics"]) == 403
    context.worker.close()


def test_openmetrics_is_spoken_where_it_is_asked_for(reader: FlaskClient) -> None:
    reply = reader.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert reply.content_type.startswith("application/openmetrics-text")
    assert reply.get_data().endswith(b"# EOF\n")


def test_the_dashboard_names_metrics_that_there_are(reader: FlaskClient) -> None:
    dashboard = json.loads((ROOT / "deploy" / "grafana" / "dashboard.json").read_text())
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels) > 8
    expressions = [target["expr"] for panel in panels for target in panel.get("targets", [])]
    named = {name for expr in expressions for name in re.findall(r"\b(?:qa|process)_[a-z_]+", expr)}
    shown = reader.get("/metrics").get_data(as_text=True)
    there = set()
    for name, kind in re.findall(r"^# TYPE (\w+) (\w+)$", shown, flags=re.MULTILINE):
        there |= {f"{name}{end}" for end in ("_bucket", "_sum", "_count")} if kind == "histogram" else {name}
    assert named
    assert named <= there


def test_every_metric_is_documented_and_every_documented_one_is_there(reader: FlaskClient) -> None:
    text = (ROOT / "docs" / "operations.md").read_text()
    shown = reader.get("/metrics").get_data(as_text=True)
    there = set(re.findall(r"^# TYPE (qa_\w+)", shown, flags=re.MULTILINE))
    assert set(re.findall(r"^\| `(qa_\w+)`", text, flags=re.MULTILINE)) == there


# Readiness


def test_all_that_requests_need_is_named(client: FlaskClient) -> None:
    reply = client.get("/readyz")
    assert reply.status_code == 200
    checks = reply.get_json()["checks"]
    assert (
        checks.items() >= dict.fromkeys(("catalog", "dense", "lexical", "embedding", "worker"), "ok").items()
    )


def test_a_worker_that_has_ended_makes_it_not_ready(client: FlaskClient, context: Context) -> None:
    context.worker.close()
    began = time.monotonic()
    reply = client.get("/readyz")
    assert time.monotonic() - began < 0.2
    body = reply.get_json()
    assert (reply.status_code, body["reason"], body["checks"]["worker"]) == (
        503,
        "worker_ended",
        "worker_ended",
    )


def test_a_catalog_that_is_broken_makes_it_not_ready(
    client: FlaskClient, services: Services, settings: Settings
) -> None:
    assert client.get("/readyz").status_code == 200
    time.sleep(1)
    for file in settings.data_dir.glob("catalog.sqlite3*"):
        file.write_bytes(b"no database" * 1000)
    services.catalog._database.close()  # what is at hand of it is let go
    began = time.monotonic()
    reply = client.get("/readyz")
    assert time.monotonic() - began < 0.2
    assert (reply.status_code, reply.get_json()["checks"]["catalog"]) == (503, "catalog_unusable")


class Alive:
    def is_alive(self) -> bool:
        return True


def test_what_hangs_is_not_waited_for_and_is_looked_at_once_at_a_time() -> None:
    looks = []

    def look() -> None:
        looks.append(time.monotonic())
        time.sleep(30)

    readiness = Readiness({"dense": look}, worker=Alive())
    for _ in range(3):
        began = time.monotonic()
        report = readiness.report()
        assert time.monotonic() - began < 0.2
        assert report.reason == "too_slow"
    assert len(looks) == 1


def test_what_was_well_a_moment_ago_and_is_only_slow_stays_well() -> None:
    waits = iter((0.0, 30.0))
    probe = Probe(lambda: time.sleep(next(waits)))
    probe.begin()
    assert probe.state(until=time.monotonic() + 1) == "ok"
    time.sleep(1.05)
    probe.begin()
    assert probe.state(until=time.monotonic() + 0.05) == "ok"


@pytest.mark.parametrize(
    ("error", "code"), [(CatalogError("x"), "catalog_unusable"), (FollowerError("x"), "search_failed")]
)
def test_what_fails_is_told_by_its_code(error: Exception, code: str) -> None:
    def look() -> None:
        raise error

    assert Readiness({"it": look}, worker=Alive()).report().reason == code


def test_metrics_of_two_services_are_their_own() -> None:
    one, other = Metrics(), Metrics()
    one.failed("internal")
    assert b'code="internal"' in one.exposition([])[0]
    assert b'code="internal"' not in other.exposition([])[0]
