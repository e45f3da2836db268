"""Keys: made, listed, rotated and revoked, by whoever may do everything everywhere."""

from flask import Blueprint, Response, jsonify

from index.clock import now_ms
from qa_service.access.keys import SCOPES, Rights
from qa_service.api.context import services
from qa_service.api.empty import no_content
from qa_service.api.guard import key
from qa_service.api.parsing import body
from qa_service.errors import Forbidden
from qa_service.requests import NewKeyRequest
from qa_service.wire import key_json

blueprint = Blueprint("keys", __name__, url_prefix="/v1")

_MS_A_DAY = 24 * 60 * 60 * 1000


@blueprint.before_request
def _require_unrestricted() -> None:
    """A key that has limits must not make, or become, one that has none."""
    held = key()
    if held and (held.rights.collections is not None or not set(SCOPES) <= set(held.rights.scopes)):
        raise Forbidden("keys are managed with a key that has all scopes and is for all collections")


@blueprint.post("/keys")
def create() -> tuple[Response, int]:
    """Make a key; its text is in the reply, and nowhere else."""
    wanted = body(NewKeyRequest)
    ends = None if wanted.days is None else now_ms() + wanted.days * _MS_A_DAY
    collections = None if wanted.collections is None else tuple(wanted.collections)
    if wanted.kind == "publishable":
        rights = Rights(
            wanted.kind, tuple(wanted.scopes or ("ask",)), collections, tuple(wanted.origins), ends
        )
    else:
        rights = Rights(wanted.kind, tuple(wanted.scopes or SCOPES), collections, tuple(wanted.origins), ends)
    made, text = services().keys.create(wanted.name, rights)
    return jsonify({**key_json(made), "key": text}), 201


@blueprint.get("/keys")
def listed() -> Response:
    """All keys, oldest first, without their texts."""
    return jsonify(keys=[key_json(each) for each in services().keys.list()])


@blueprint.post("/keys/<path:name>/rotate")
def rotate(name: str) -> Response:
    """Give a key a new text; the old one is refused from now on."""
    rotated, text = services().keys.rotate(name)
    return jsonify({**key_json(rotated), "key": text})


@blueprint.delete("/keys/<path:name>")
def revoke(name: str) -> Response:
    """Remove a key; it is refused from now on."""
    services().keys.revoke(name)
    return no_content()
