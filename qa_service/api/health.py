"""Is the process alive, and can it serve?"""

from flask import Blueprint, Response, jsonify

from index.errors import CatalogError
from qa_service.api.context import context

blueprint = Blueprint("health", __name__)


@blueprint.get("/livez")
def livez() -> Response:
    """The process answers; nothing else is looked at."""
    return jsonify(status="alive")


@blueprint.get("/readyz")
def readyz() -> tuple[Response, int]:
    """Whether requests can be served: the catalog can be read, and uploads are worked on."""
    try:
        context().services.catalog.collections()
    except CatalogError as error:
        return _not_ready(error.code)
    if not context().worker.is_alive():
        return _not_ready("worker_ended")
    return jsonify(status="ready"), 200


def _not_ready(reason: str) -> tuple[Response, int]:
    return jsonify(status="not ready", reason=reason), 503
