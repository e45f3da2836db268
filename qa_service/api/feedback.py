"""What people say of answers."""

from flask import Blueprint, Response, jsonify

from qa_service.api.context import services
from qa_service.api.empty import no_content
from qa_service.api.guard import caller, key
from qa_service.api.parsing import body, query
from qa_service.requests import FeedbackRequest, PageRequest
from qa_service.wire import rated_json

blueprint = Blueprint("feedback", __name__, url_prefix="/v1")


@blueprint.post("/feedback")
def add() -> Response:
    """Say what an answer was worth; the last word counts."""
    wanted = body(FeedbackRequest)
    services().feedback.rate(
        wanted.answer_id,
        caller(),
        rating=wanted.rating,
        reason=wanted.reason,
        corrected=wanted.corrected,
    )
    return no_content()


@blueprint.get("/feedback")
def listed() -> Response:
    """What was said of answers, the newest first; `next` is the value of `after` for the rest."""
    wanted = query(PageRequest)
    held = key()
    found = services().feedback.list(
        limit=wanted.limit,
        before=wanted.cursor,
        collections=held.rights.collections if held else None,
    )
    following = "{:x}-{}".format(*found[-1].cursor) if len(found) == wanted.limit else None
    return jsonify(feedback=[rated_json(each) for each in found], next=following)
