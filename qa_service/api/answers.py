"""Questions and searches."""

from collections.abc import Iterator

from flask import Blueprint, Response, jsonify, request

from qa_service.answering.answer import Event, Finished
from qa_service.api import answering, reach
from qa_service.api.context import services
from qa_service.api.parsing import body
from qa_service.api.sse import NamedEvents
from qa_service.requests import AnswerRequest, SearchRequest
from qa_service.wire import JSON, answer_json, passage_json

blueprint = Blueprint("answers", __name__, url_prefix="/v1")

_STREAM = "text/event-stream"


@blueprint.post("/answers")
def answer() -> Response:
    """Answer a question, as JSON or as a stream of events."""
    wanted = reach.within(body(AnswerRequest))
    complete = reach.linker()

    def whole(events: Iterator[Event]) -> JSON:
        (finished,) = (event for event in events if isinstance(event, Finished))
        return complete(answer_json(finished.answer))

    accepted = request.accept_mimetypes
    is_asked = (
        accepted.best == _STREAM and accepted.quality(_STREAM) > 0
    )  # the best may be one that is ruled out
    is_stream = wanted.stream or is_asked
    return answering.reply(wanted, whole=whole, encoding=NamedEvents(complete) if is_stream else None)


@blueprint.post("/search")
def search() -> Response:
    """The passages for a query."""
    found = services().search(reach.within(body(SearchRequest)))
    return jsonify(passages=[passage_json(passage) for passage in found])
