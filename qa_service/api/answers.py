"""Questions and searches."""

import threading

from flask import Blueprint, Response, jsonify, request

from qa_service.answer import Finished
from qa_service.api import departure, reach
from qa_service.api.context import context, services
from qa_service.api.guard import caller
from qa_service.api.parsing import body
from qa_service.requests import AnswerRequest, SearchRequest
from qa_service.wire import answer_json, passage_json

blueprint = Blueprint("answers", __name__, url_prefix="/v1")


@blueprint.post("/answers")
def answer() -> Response:
    """Answer a question, as JSON or as a stream of events; a model is not kept busy for a client that has left."""
    wanted, gone = reach.within(body(AnswerRequest)), threading.Event()
    complete = reach.linker()
    events = services().answer(wanted, caller(), cancelled=gone)
    departure.watch(gone)
    if wanted.stream or request.accept_mimetypes.best == "text/event-stream":
        return context().streams.respond(events, gone=gone, complete=complete)
    try:
        (finished,) = (event for event in events if isinstance(event, Finished))
    finally:
        gone.set()
    return jsonify(complete(answer_json(finished.answer)))


@blueprint.post("/search")
def search() -> Response:
    """The passages for a query."""
    found = services().search(reach.within(body(SearchRequest)))
    return jsonify(passages=[passage_json(passage) for passage in found])
