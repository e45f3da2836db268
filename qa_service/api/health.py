"""Is the process alive, and can it serve?"""

from flask import Blueprint, Response, jsonify

from qa_service.api.state import state

blueprint = Blueprint("health", __name__)


@blueprint.get("/livez")
def livez() -> Response:
    """The process answers; nothing else is looked at."""
    return jsonify(status="alive")


@blueprint.get("/readyz")
def readyz() -> tuple[Response, int]:
    """Whether requests can be served, or why not."""
    reason = state().not_ready()
    if reason:
        return jsonify(status="not ready", reason=reason), 503
    return jsonify(status="ready"), 200
