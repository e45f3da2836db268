"""Questions and searches."""

from flask import Blueprint, Response, jsonify, request

from index.errors import InvalidRequest
from qa_service.answer import Finished
from qa_service.api.problems import parse
from qa_service.api.sse import event_stream
from qa_service.api.state import services
from qa_service.wire import AnswerRequest, SearchRequest, answer_json, passage_json, to_question

blueprint = Blueprint("answers", __name__, url_prefix="/v1")


@blueprint.post("/answers")
def answer() -> Response:
    """Answer a question, as JSON or as a stream of events."""
    wanted = parse(AnswerRequest)
    held = services()
    _check_length(wanted.question)
    events = held.answerer.answer(to_question(wanted, passages=held.settings.passages))
    if wanted.stream or request.accept_mimetypes.best == "text/event-stream":
        return event_stream(events)
    (finished,) = (event for event in events if isinstance(event, Finished))
    return jsonify(answer_json(finished.answer))


@blueprint.post("/search")
def search() -> Response:
    """The passages for a query."""
    wanted = parse(SearchRequest)
    held = services()
    _check_length(wanted.query)
    collection = held.catalog.collection(wanted.collection)
    found = held.retriever.search(collection, wanted.query, k=wanted.k, only=wanted.only)
    return jsonify(passages=[passage_json(passage) for passage in found.passages])


def _check_length(text: str) -> None:
    limit = services().settings.max_question_characters
    if len(text) > limit:
        raise InvalidRequest(
            f"the question has {len(text)} characters, this service takes {limit}: shorten it"
        )
