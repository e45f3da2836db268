import os
import subprocess
import sys
from pathlib import Path

import pytest

from qa_service.llm import Usage
from qa_service.telemetry.metrics import Metrics, gauge

COUNT = """
import sys
from qa_service.telemetry.metrics import Metrics
metrics = Metrics()
metrics.replied("GET", "/livez", 200, 0.5)
metrics.streaming(2)
if sys.argv[1:]:
    sys.stdin.read(1)
    sys.stdout.buffer.write(metrics.exposition([])[0])
else:
    print("counted", flush=True)
    sys.stdin.read(1)
"""


def text(metrics: Metrics) -> str:
    return metrics.exposition([])[0].decode()


def test_a_request_is_observed_under_its_template_and_one_for_nothing_under_none() -> None:
    metrics = Metrics()
    metrics.replied("GET", "/v1/documents/<document_id>", 404, 0.02)
    metrics.replied("GET", None, 404, 0.02)
    shown = text(metrics)
    line = 'qa_http_request_duration_seconds_count{method="GET",route="%s",status="404"} 1.0'
    assert line % "/v1/documents/<document_id>" in shown
    assert line % "none" in shown


def test_a_model_without_a_price_costs_nothing_and_one_that_told_nothing_has_no_tokens() -> None:
    metrics = Metrics()
    metrics.called("m", "ok", 1.0, Usage(10, 2, None))
    metrics.called("m", "model_timeout", 1.0, None)
    shown = text(metrics)
    assert 'qa_model_tokens_total{kind="prompt",model="m"} 10.0' in shown
    assert 'qa_model_cost_usd_total{model="m"} 0.0' in shown
    assert 'qa_model_call_duration_seconds_count{model="m",outcome="model_timeout"} 1.0' in shown


def test_state_is_shown_as_it_is_when_it_is_asked_for() -> None:
    family = gauge("qa_check_up", "Whether.", [(("catalog",), 1.0), (("dense",), 0.0)], "check")
    shown = Metrics().exposition([family])[0].decode()
    assert 'qa_check_up{check="dense"} 0.0' in shown


def test_what_several_processes_have_counted_is_added_up_by_any_of_them(tmp_path: Path) -> None:
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}

    def start(*arguments: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-c", COUNT, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
        )

    with start() as one, start() as two, start("show") as three:
        for each in (one, two):
            assert each.stdout is not None
            assert each.stdout.readline() == b"counted\n"
        shown = three.communicate(b"x", timeout=60)[0].decode()
        for each in (one, two):
            each.communicate(b"x", timeout=60)
    assert 'qa_http_request_duration_seconds_count{method="GET",route="/livez",status="200"} 3.0' in shown
    assert "qa_streams_open 6.0" in shown
    assert "process_" not in shown


@pytest.mark.parametrize("variables", [{}, {"OTEL_EXPORTER_OTLP_ENDPOINT": ""}])
def test_without_an_address_nothing_of_tracing_is_loaded(variables: dict[str, str]) -> None:
    code = (
        "import sys; from qa_service.telemetry.tracing import UNTRACED, open_tracing; "
        "assert open_tracing() is UNTRACED; "
        "target = object(); assert UNTRACED.traced(target, method='name') is target; "
        "assert not [name for name in sys.modules if name.startswith(('opentelemetry', 'grpc'))]"
    )
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    subprocess.run([sys.executable, "-c", code], env={**kept, **variables}, check=True)
