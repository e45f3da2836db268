"""Traces of requests and of the stages of their work; without an address to send them to, nothing.

Traces go where the standard variables of OpenTelemetry say: `OTEL_EXPORTER_OTLP_ENDPOINT` or
`OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`. Nothing of OpenTelemetry is imported before that.
"""

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol, TypeVar

T = TypeVar("T")
Value = str | int | float | bool

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


class Span(Protocol):
    """A stretch of work with a name, a beginning, an end, and values that quote nobody."""

    def active(self) -> AbstractContextManager[object]:
        """While the block runs, spans that begin in this context are this one's children."""
        ...

    def note(self, **values: Value | None) -> None:
        """Add values; None adds nothing."""
        ...

    def end(self, *, name: str | None = None, code: str | None = None) -> None:
        """The work has ended, where it failed with an error's code; `name` is a better name for it."""
        ...


class Tracing(Protocol):
    """Begins spans."""

    def begin(self, name: str, *, headers: Mapping[str, str] | None = None) -> Span:
        """A span below the current one; with a request's `headers`, below the one that they tell (W3C)."""
        ...

    def traced(self, target: T, **spans: str) -> T:
        """The same object, some of whose methods are a span each: `traced(embedder, embed="embed")`."""
        ...

    def close(self) -> None:
        """Send what has not been sent."""
        ...


class _NoSpan:
    def active(self) -> AbstractContextManager[object]:
        return nullcontext()

    def note(self, **values: Value | None) -> None:
        pass

    def end(self, *, name: str | None = None, code: str | None = None) -> None:
        pass


class _NoTracing:
    def begin(self, name: str, *, headers: Mapping[str, str] | None = None) -> Span:
        return _NO_SPAN

    def traced(self, target: T, **spans: str) -> T:
        return target

    def close(self) -> None:
        pass


_NO_SPAN: Span = _NoSpan()
UNTRACED: Tracing = _NoTracing()
"""Traces nothing, at no cost."""


def open_tracing(environment: Mapping[str, str] = os.environ) -> Tracing:
    """What traces as the environment says; `UNTRACED` where it names no address."""
    if not any(environment.get(name) for name in _ENDPOINTS):
        return UNTRACED
    from qa_service.telemetry.otlp import OtlpTracing

    return OtlpTracing()
