"""Questions and searches."""

from flask import Blueprint, Response, jsonify, request

from qa_service.answer import Finished
from qa_service.api.context import context, services
from qa_service.api.guard import caller
from qa_service.api.parsing import body
from qa_service.requests import AnswerRequest, SearchRequest
from qa_service.wire import answer_json, passage_json

blueprint = Blueprint("answers", __name__, url_prefix="/v1")


@blueprint.post("/answers")
def answer() -> Response:
    """Answer a question, as JSON or as a stream of events."""
    wanted = body(AnswerRequest)
    events = services().answer(wanted, caller())
    if wanted.stream or request.accept_mimetypes.best == "text/event-stream":
        return context().streams.respond(events)
    (finished,) = (event for event in events if isinstance(event, Finished))
    return jsonify(answer_json(finished.answer))


@blueprint.post("/search")
def search() -> Response:
    """The passages for a query."""
    found = services().search(body(SearchRequest))
    return jsonify(passages=[passage_json(passage) for passage in found])
