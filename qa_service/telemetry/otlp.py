"""Traces sent by OTLP over gRPC: the one module that imports OpenTelemetry.

Its provider is our own and not the process's, so that no library adds spans, which would quote what it was given.
"""

import os
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from functools import wraps
from typing import Any, ParamSpec, TypeVar, cast

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from index.errors import QAError
from qa_service.telemetry.tracing import Span, Value

T = TypeVar("T")
R = TypeVar("R")
P = ParamSpec("P")

_CLOSE_SECONDS = 3.0


class OtlpTracing:
    """Traces to the address, with the headers and the sampling, that OpenTelemetry's own variables name."""

    def __init__(self) -> None:
        service = os.environ.get("OTEL_SERVICE_NAME") or "qa-service"
        self._provider = TracerProvider(
            resource=Resource.create({"service.name": service}), shutdown_on_exit=False
        )
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("qa_service")
        self._propagator = TraceContextTextMapPropagator()

    def begin(self, name: str, *, headers: Mapping[str, str] | None = None) -> Span:
        """A span below the current one, or below the one that a request's headers tell."""
        context = None if headers is None else self._propagator.extract(headers)
        kind = trace.SpanKind.INTERNAL if headers is None else trace.SpanKind.SERVER
        return _OtlpSpan(self._tracer.start_span(name, context=context, kind=kind))

    def traced(self, target: T, **spans: str) -> T:
        """The same object, some of whose methods are a span each."""
        return cast("T", _Traced(self, target, spans))

    def close(self) -> None:
        """Send what has not been sent, as long as that takes no longer than 3 seconds."""
        closing = threading.Thread(target=self._provider.shutdown, name="traces", daemon=True)
        closing.start()
        closing.join(_CLOSE_SECONDS)


class _OtlpSpan:
    def __init__(self, span: trace.Span) -> None:
        self._span = span

    def active(self) -> AbstractContextManager[object]:
        # What was raised stays out: its message may quote a document.
        return trace.use_span(self._span, record_exception=False, set_status_on_exception=False)

    def note(self, **values: Value | None) -> None:
        self._span.set_attributes(
            {name.replace("__", "."): value for name, value in values.items() if value is not None}
        )

    def end(self, *, name: str | None = None, code: str | None = None) -> None:
        if name:
            self._span.update_name(name)
        if code:
            self._span.set_attribute("error.type", code)
            self._span.set_status(trace.StatusCode.ERROR)
        self._span.end()


class _Traced:
    """Another object, some of whose methods are spans."""

    def __init__(self, tracing: OtlpTracing, target: object, spans: Mapping[str, str]) -> None:
        self._tracing = tracing
        self._target = target
        self._spans = spans

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._target, name)
        return self._wrapped(found, self._spans[name]) if name in self._spans else found

    def __call__(self, *args: Any, **options: Any) -> Any:
        return self._wrapped(cast("Callable[..., Any]", self._target), self._spans["call"])(*args, **options)

    def _wrapped(self, method: Callable[P, R], name: str) -> Callable[P, R]:
        @wraps(method)
        def spanned(*args: P.args, **options: P.kwargs) -> R:
            span, code = self._tracing.begin(name), None
            try:
                with span.active():
                    return method(*args, **options)
            except BaseException as error:
                code = error.code if isinstance(error, QAError) else type(error).__name__
                raise
            finally:
                span.end(code=code)

        return spanned
