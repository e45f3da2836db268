"""Saved citations, verified."""

from flask import Blueprint, Response, jsonify

from index.document import Span
from qa_service.api import reach
from qa_service.api.context import services
from qa_service.api.parsing import body
from qa_service.requests import VerifyRequest
from qa_service.saved import Saved, verdicts
from qa_service.wire import verdict_json

blueprint = Blueprint("citations", __name__, url_prefix="/v1")


@blueprint.post("/citations/verify")
def verify() -> Response:
    """Say of each saved citation whether it still points at what it quoted."""
    wanted = body(VerifyRequest)
    saved = [
        Saved(each.document_id, Span(each.span.start, each.span.end), each.quote) for each in wanted.citations
    ]
    found = verdicts(saved, services().catalog, reaches=reach.reaches)
    return jsonify(citations=[verdict_json(each) for each in found])
