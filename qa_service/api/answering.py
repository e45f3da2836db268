"""An answer's events as a reply, whole or as a stream, for a client that may leave before its end."""

import threading
from collections.abc import Callable, Iterator
from typing import TypeVar

from flask import Response, jsonify

from qa_service.answering.answer import Event
from qa_service.api import departure
from qa_service.api.context import context, services
from qa_service.api.guard import caller
from qa_service.api.sse import Encoding
from qa_service.requests import AnswerRequest
from qa_service.wire import JSON

T = TypeVar("T")


def reply(
    wanted: AnswerRequest, *, whole: Callable[[Iterator[Event]], JSON], encoding: Encoding | None
) -> Response:
    """The answer as `encoding` streams it, or, without one, as `whole` folds its events.

    A model is not kept busy for a client that has left. Raises what `Services.answer` does.
    """
    if encoding is None:
        return jsonify(folded(wanted, whole))
    events, gone = _begun(wanted)
    return context().streams.respond(events, gone=gone, encoding=encoding)


def folded(wanted: AnswerRequest, whole: Callable[[Iterator[Event]], T]) -> T:
    """What `whole` makes of the answer's events; it ends with `Cancelled` where the client leaves."""
    events, gone = _begun(wanted)
    try:
        return whole(events)
    finally:
        gone.set()


def _begun(wanted: AnswerRequest) -> tuple[Iterator[Event], threading.Event]:
    """The events of an answer, and what tells that nobody waits for them."""
    gone = threading.Event()
    events = services().answer(wanted, caller(), cancelled=gone)
    departure.watch(gone)
    return events, gone
