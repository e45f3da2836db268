"""What is told of answers, calls of models and uploads while they are made: metrics, spans, and lines in the log."""

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from index.errors import InternalError, QAError
from index.upload import Outcome
from qa_service.answering.answer import Answer, Event, Finished, PassagesFound
from qa_service.errors import Cancelled, ModelError
from qa_service.llm import ChatModel, Deadline, Finish, Message, Piece
from qa_service.telemetry.metrics import OK, Metrics
from qa_service.telemetry.tracing import Span, Tracing

if TYPE_CHECKING:
    from qa_service.llm import Usage

log = logging.getLogger(__name__)


class Observer(Protocol):
    """Who counts and traces."""

    @property
    def metrics(self) -> Metrics:
        """What is counted."""
        ...

    @property
    def tracing(self) -> Tracing:
        """What is traced."""
        ...


@dataclass(slots=True)
class Ending:
    """Why an answer is given up before its end, by an error's code: its client has left, unless somebody says else."""

    code: str = Cancelled.code


ending: ContextVar[Ending] = ContextVar("ending")
"""That of the answer that is made in this context; who ends it from another thread notes the reason there."""


def observed(events: Iterator[Event], observer: Observer, *, question: str) -> Iterator[Event]:
    """The same events, counted; each is made in the context of whoever asks for it, below a span of their own."""
    span, code, is_told = observer.tracing.begin("answer"), None, False
    try:
        while True:
            with span.active():
                event = next(events, None)
            if event is None:
                return
            if isinstance(event, PassagesFound):
                span.note(qa__passages=len(event.passages))
            elif isinstance(event, Finished):
                observer.metrics.answered(event.answer)
                _tell(event.answer, span, question)
                is_told = True
            yield event
    except (GeneratorExit, Cancelled):
        code = ending.get(Ending()).code
        raise
    except Exception as error:
        code = error.code if isinstance(error, QAError) else InternalError.code
        raise
    finally:
        if code and not is_told:
            observer.metrics.failed(code)
            log.info("answer", extra={"code": code, "question": question})
        span.end(code=code)


def _tell(answer: Answer, span: Span, question: str) -> None:
    span.note(
        qa__status=answer.status,
        qa__reason=answer.reason,
        qa__failure=answer.failure,
        qa__claims=len(answer.claims),
        qa__dropped=sum(answer.dropped.values()),
        qa__model=answer.model,
    )
    log.info(
        "answer",
        extra={
            "answer": answer.status,
            "claims": len(answer.claims),
            "model": answer.model,
            "ms": answer.timings.total,
            "question": question,
            "text": answer.text,
            **({"reason": answer.reason} if answer.reason else {}),
            **({"code": answer.failure} if answer.failure else {}),
        },
    )


@dataclass(slots=True)
class Attempt:
    """To index an upload: how it ended, and the error with which it failed."""

    outcome: Outcome | Literal["stopped"] = "failed"
    error: QAError | None = None


@contextmanager
def indexing(observer: Observer, quits: tuple[type[Exception], ...]) -> Iterator[Attempt]:
    """What is done in the block is an attempt to index an upload; it notes how it ended, or raises.

    An exception of `quits` says that it was to be stopped.
    """
    attempt, span, began = Attempt(), observer.tracing.begin("index"), time.perf_counter()
    try:
        with span.active():
            yield attempt
    except quits:
        attempt.outcome = "stopped"
        raise
    except Exception as error:
        attempt.error = error if isinstance(error, QAError) else InternalError()
        raise
    finally:
        code = attempt.error.code if attempt.error else None
        seconds = time.perf_counter() - began
        observer.metrics.indexed(attempt.outcome, seconds, code)
        span.note(qa__outcome=attempt.outcome)
        span.end(code=code)
        log.info(
            "upload",
            extra={
                "outcome": attempt.outcome,
                "ms": round(seconds * 1000, 1),
                **({"code": code} if code else {}),
            },
        )


class ObservedModel:
    """Another model, whose calls are counted and traced."""

    def __init__(self, model: ChatModel, observer: Observer) -> None:
        self._model = model
        self._metrics = observer.metrics
        self._tracing = observer.tracing

    @property
    def name(self) -> str:
        """The model's name."""
        return self._model.name

    def stream(self, messages: Sequence[Message], *, max_tokens: int, deadline: Deadline) -> Iterator[Piece]:
        """The model's reply, as it gives it."""
        began, has_begun = time.perf_counter(), False
        name, outcome, usage = self.name, "cancelled", None
        span = self._tracing.begin("model")
        pieces = iter(self._model.stream(messages, max_tokens=max_tokens, deadline=deadline))
        try:
            while True:
                with span.active():
                    piece = next(pieces, None)
                if piece is None:
                    return
                if isinstance(piece, Finish):
                    name, outcome, usage = piece.model, OK, piece.usage
                elif not has_begun:
                    has_begun, seconds = True, time.perf_counter() - began
                    self._metrics.first_token(name, seconds)
                    span.note(qa__first_token_ms=round(seconds * 1000, 1))
                yield piece
        except Exception as error:
            outcome = error.code if isinstance(error, QAError) else InternalError.code
            usage = error.usage if isinstance(error, ModelError) else None
            raise
        finally:
            del pieces  # nobody else holds it, so this closes it, and with it the model's stream
            self._metrics.called(name, outcome, time.perf_counter() - began, usage)
            _spent(span, name, usage)
            span.end(code=None if outcome == OK else outcome)


def _spent(span: Span, name: str, usage: "Usage | None") -> None:
    span.note(qa__model=name)
    if usage:
        span.note(qa__prompt_tokens=usage.prompt_tokens, qa__completion_tokens=usage.completion_tokens)
