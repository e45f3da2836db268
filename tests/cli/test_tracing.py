import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import grpc  # type: ignore[import-untyped]
import pytest
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from qa_service.scripted import Reply, ScriptedProvider

Serve = Callable[..., AbstractContextManager[Any]]

QUESTION = "How many days of leave do employees have?"
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


class Collector(trace_service_pb2_grpc.TraceServiceServicer):
    """An OpenTelemetry collector on loopback that keeps the spans that it is sent."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.services: set[str] = set()
        self._server = grpc.server(ThreadPoolExecutor(2))
        trace_service_pb2_grpc.add_TraceServiceServicer_to_server(self, self._server)  # type: ignore[no-untyped-call]
        self.url = f"http://127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def Export(  # noqa: N802 - as gRPC has it
        self, request: Any, context: object
    ) -> Any:
        for resource in request.resource_spans:
            self.services |= {
                each.value.string_value for each in resource.resource.attributes if each.key == "service.name"
            }
            for scope in resource.scope_spans:
                self.spans += scope.spans
        return trace_service_pb2.ExportTraceServiceResponse()

    def close(self) -> None:
        self._server.stop(None)

    def named(self, name: str) -> list[Span]:
        return [span for span in self.spans if span.name == name]

    def children(self, parent: Span) -> set[str]:
        return {span.name for span in self.spans if span.parent_span_id == parent.span_id}


@pytest.fixture
def collector() -> Iterator[Collector]:
    collector = Collector()
    yield collector
    collector.close()


def attributes(span: Span) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in span.attributes}


def environment(collector: Collector, provider: ScriptedProvider) -> dict[str, str]:
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "QA_MODEL": "openai/scripted",
        "QA_MODEL_API_BASE": provider.url,
        "QA_VERIFY": "openai/second",
        "OPENAI_API_KEY": "none",
    }


def test_a_request_is_a_trace_with_a_span_for_each_stage_and_without_a_word_of_what_was_asked(
    serve: Serve, indexed: Path, collector: Collector
) -> None:
    def reply(request: Any) -> Reply:
        key = re.findall(r"\[(\w+\.\d+)\] Employees", request.body["messages"][-1]["content"])
        return Reply(f"[[{key[0]}]] Employees have 25 days of leave a year.\n" if key else "1 supported\n")

    with ScriptedProvider(reply) as provider, serve(**environment(collector, provider)) as service:
        parent = {"traceparent": f"00-{TRACE}-{PARENT}-01", "X-Request-ID": "mine"}
        for stream in (False, True):
            service.post("/v1/answers", json={"question": QUESTION, "stream": stream}, headers=parent)
        service.get("/v1/documents/nothing")
        job = service.post("/v1/documents", json={"title": "Cats", "text": "Cats may not come."}).json()
        deadline = time.monotonic() + 20
        while service.get(f"/v1/jobs/{job['job_id']}").json()["status"] != "done":
            assert time.monotonic() < deadline
            time.sleep(0.05)
        service.stop()

    assert collector.services == {"qa-service"}
    requests = collector.named("POST /v1/answers")
    assert len(requests) == 2
    for request in requests:
        assert (request.trace_id.hex(), request.parent_span_id.hex()) == (TRACE, PARENT)
        assert attributes(request) == {
            "http.request.method": "POST",
            "http.route": "/v1/answers",
            "http.response.status_code": 200,
            "qa.request_id": "mine",
        }
    answers = collector.named("answer")
    assert {span.parent_span_id for span in answers} == {span.span_id for span in requests}
    for answer in answers:
        assert {"retrieve", "model", "gate", "verify"} <= collector.children(answer)
        assert attributes(answer)["qa.status"] == "answered"
    for retrieve in collector.named("retrieve"):
        assert {"embed", "lexical", "chunks"} <= collector.children(retrieve)
    (index,) = collector.named("index")
    assert {"parse", "embed", "write", "follow", "publish"} <= collector.children(index)
    (missing,) = collector.named("GET /v1/documents/<document_id>")
    assert attributes(missing)["http.response.status_code"] == 404
    said = str(collector.spans)
    for word in (QUESTION, "employees", "Cats", "leave"):
        assert word not in said


def test_a_collector_that_is_not_there_costs_an_answer_nothing_and_the_end_three_seconds_at_most(
    serve: Serve, indexed: Path
) -> None:
    with serve(OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:1") as service:
        began = time.monotonic()
        assert service.post("/v1/answers", json={"question": QUESTION}).status_code == 200
        assert time.monotonic() - began < 5
        assert service.stop() == 0
    assert QUESTION not in service.log.read_text()
