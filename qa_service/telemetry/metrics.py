"""Every metric of the service in one place: the one module that imports prometheus_client.

No label takes a value that a client can choose: routes are templates, methods and codes are from closed sets, and
models are those of the settings. Where `PROMETHEUS_MULTIPROC_DIR` is set before this is imported, what all
processes of that folder have counted is added up, and any of them can be asked; else a process counts for itself.
"""

import os
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from typing import TYPE_CHECKING, Protocol

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

if TYPE_CHECKING:
    from qa_service.answering.answer import Answer
    from qa_service.llm import Usage

__all__ = ["OK", "Metric", "Metrics", "gauge"]

NO_ROUTE = "none"
"""The route of a request for an address that there is not."""

OK = "ok"

_SHARED = "PROMETHEUS_MULTIPROC_DIR"
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_LONG_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)


class Metrics:
    """What the service counts, from the moment that it is made."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # one more series for each of all others
        self._registry = registry = CollectorRegistry(auto_describe=False)
        self._requests = Histogram(
            "qa_http_request_duration_seconds",
            "The time from a request's first line to the last byte of its reply.",
            ("method", "route", "status"),
            buckets=_SECONDS,
            registry=registry,
        )
        self._streams = Gauge(
            "qa_streams_open",
            "Answers that are being streamed, those included whose client has left.",
            multiprocess_mode="livesum",
            registry=registry,
        )
        self._stages = Histogram(
            "qa_answer_stage_duration_seconds",
            "The time from a question to its passages (retrieve), first claim (first_claim) and end (total).",
            ("stage",),
            buckets=_SECONDS,
            registry=registry,
        )
        self._answers = Counter(
            "qa_answers_total",
            "Answers by status, and by the reason for what they lack.",
            ("status", "reason"),
            registry=registry,
        )
        self._failures = Counter(
            "qa_answer_failures_total",
            "Answers that an error ended or cut short, by its code; budgets and hang-ups are among them.",
            ("code",),
            registry=registry,
        )
        self._claims = Counter(
            "qa_claims_total",
            "Claims that were given, by how well they are supported.",
            ("verdict",),
            registry=registry,
        )
        self._dropped = Counter(
            "qa_claims_dropped_total",
            "Sentences and lines that were written and not let through, by reason.",
            ("reason",),
            registry=registry,
        )
        self._calls = Histogram(
            "qa_model_call_duration_seconds",
            "The time of a call of a model, with its retries, by outcome: ok or an error's code.",
            ("model", "outcome"),
            buckets=_SECONDS,
            registry=registry,
        )
        self._first_tokens = Histogram(
            "qa_model_first_token_seconds",
            "The time from a call of a model to its first text.",
            ("model",),
            buckets=_SECONDS,
            registry=registry,
        )
        self._tokens = Counter(
            "qa_model_tokens_total",
            "Tokens that models consumed, as far as their providers tell.",
            ("model", "kind"),
            registry=registry,
        )
        self._cost = Counter(
            "qa_model_cost_usd_total",
            "US dollars that models cost, by litellm's price list; what it does not list is not counted.",
            ("model",),
            registry=registry,
        )
        self._indexing = Histogram(
            "qa_indexing_duration_seconds",
            "The time of an attempt to index an upload, by outcome: indexed, replaced, unchanged, failed or stopped.",
            ("outcome",),
            buckets=_LONG_SECONDS,
            registry=registry,
        )
        self._indexing_failures = Counter(
            "qa_indexing_failures_total",
            "Attempts to index an upload that failed, by the error's code.",
            ("code",),
            registry=registry,
        )
        release = Gauge(
            "qa_build_info",
            "The release that runs.",
            ("version",),
            multiprocess_mode="max",
            registry=registry,
        )
        release.labels(version("qa-service")).set(1)
        if not _is_shared():
            ProcessCollector(registry=registry)

    def replied(self, method: str, route: str | None, status: int, seconds: float) -> None:
        """A request has its reply, whole or as far as its client wanted it."""
        self._requests.labels(method, route or NO_ROUTE, str(status)).observe(seconds)

    def streaming(self, count: int) -> None:
        """So many answers are streamed now."""
        self._streams.set(count)

    def answered(self, answer: "Answer") -> None:
        """An answer has come to its end, be it cut short."""
        timings = answer.timings
        for stage, ms in (
            ("retrieve", timings.retrieve),
            ("first_claim", timings.first_claim),
            ("total", timings.total),
        ):
            if ms is not None:
                self._stages.labels(stage).observe(ms / 1000)
        self._answers.labels(answer.status, answer.reason or "").inc()
        for claim in answer.claims:
            self._claims.labels(claim.support.verdict).inc()
        for reason, count in answer.dropped.items():
            self._dropped.labels(reason).inc(count)
        if answer.failure:
            self.failed(answer.failure)

    def failed(self, code: str) -> None:
        """An error has ended an answer, or cut it short."""
        self._failures.labels(code).inc()

    def first_token(self, model: str, seconds: float) -> None:
        """A model has begun to reply."""
        self._first_tokens.labels(model).observe(seconds)

    def called(self, model: str, outcome: str, seconds: float, usage: "Usage | None") -> None:
        """A call of a model has ended; `usage` is None where its provider told none."""
        self._calls.labels(model, outcome).observe(seconds)
        if usage:
            self._tokens.labels(model, "prompt").inc(usage.prompt_tokens)
            self._tokens.labels(model, "completion").inc(usage.completion_tokens)
            self._cost.labels(model).inc(usage.cost_usd or 0.0)

    def indexed(self, outcome: str, seconds: float, code: str | None = None) -> None:
        """An attempt to index an upload has ended, where it failed with an error's code."""
        self._indexing.labels(outcome).observe(seconds)
        if code:
            self._indexing_failures.labels(code).inc()

    def exposition(self, state: Iterable[Metric], *, accept: str = "") -> tuple[bytes, str]:
        """All metrics with `state`, in the format that `accept` prefers, and the name of that format."""
        encode, content_type = choose_encoder(accept)
        return encode(_All(self._registry, state)), content_type


class _Collector(Protocol):
    def collect(self) -> Iterable[Metric]: ...


class _All:
    """What is counted, here or by all processes, and what is looked up when it is asked for."""

    def __init__(self, registry: CollectorRegistry, state: Iterable[Metric]) -> None:
        self._counted: _Collector = registry
        if _is_shared():
            self._counted = CollectorRegistry()
            MultiProcessCollector(self._counted)  # type: ignore[no-untyped-call]
        self._state = state

    def collect(self) -> Iterator[Metric]:
        yield from self._counted.collect()
        yield from self._state


def forget_process(pid: int) -> None:
    """A process that shares its counts with others has ended: what it had open is not open any more."""
    mark_process_dead(pid)  # type: ignore[no-untyped-call]


def _is_shared() -> bool:
    return _SHARED in os.environ


def gauge(name: str, text: str, values: Iterable[tuple[tuple[str, ...], float]], *labels: str) -> Metric:
    """A metric of things that are looked up when they are asked for: a value for each of some labels."""
    family = GaugeMetricFamily(name, text, labels=labels)
    for of, value in values:
        family.add_metric(of, value)
    return family
