"""Short-lived tokens with the rights of a publishable key, so that a page need not hold the key itself."""

from flask import Blueprint, Response, jsonify, request

from qa_service.api.context import services
from qa_service.api.guard import grant
from qa_service.api.parsing import body
from qa_service.errors import Forbidden
from qa_service.requests import NewSessionRequest

blueprint = Blueprint("sessions", __name__, url_prefix="/v1")


@blueprint.post("/sessions")
def create() -> tuple[Response, int]:
    """Make a token from the publishable key that is shown, for the origin of the request; a token makes no other."""
    if request.get_data():
        body(NewSessionRequest)
    shown = grant()
    if shown is None or shown.form != "key" or shown.key.rights.kind != "publishable":
        raise Forbidden("sessions are made with a publishable key: send it as `Authorization: Bearer pk_...`")
    held = services()
    token, expires_at = held.keys.session(
        shown.key, origin=request.headers["Origin"], seconds=held.settings.session_seconds
    )
    return jsonify(token=token, expires_at=expires_at), 201
