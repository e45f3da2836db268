"""An answer's events as a reply, whole or as a stream, for a client that may leave before its end."""

import threading
from collections.abc import Callable, Iterator

from flask import Response, jsonify

from qa_service.answer import Event
from qa_service.api import departure
from qa_service.api.context import context, services
from qa_service.api.guard import caller
from qa_service.api.sse import Encoding
from qa_service.requests import AnswerRequest
from qa_service.wire import JSON


def reply(
    wanted: AnswerRequest, *, whole: Callable[[Iterator[Event]], JSON], encoding: Encoding | None
) -> Response:
    """The answer as `encoding` streams it, or, without one, as `whole` folds its events.

    A model is not kept busy for a client that has left. Raises what `Services.answer` does.
    """
    gone = threading.Event()
    events = services().answer(wanted, caller(), cancelled=gone)
    departure.watch(gone)
    if encoding is not None:
        return context().streams.respond(events, gone=gone, encoding=encoding)
    try:
        return jsonify(whole(events))
    finally:
        gone.set()
