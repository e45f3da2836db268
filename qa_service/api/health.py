"""Is the process alive, and can it serve?"""

from collections.abc import Callable

from flask import Blueprint, Flask, Response, current_app, jsonify

from qa_service.api import limits
from qa_service.api.context import Context
from qa_service.readiness import Readiness, Report
from qa_service.replies import readiness_json
from qa_service.services import Services

blueprint = Blueprint("health", __name__)

_READINESS = "qa.readiness"


def register(app: Flask, context: Context) -> None:
    """Look at what requests need, when somebody asks."""
    services = context.services
    looks: dict[str, Callable[[], object]] = {
        "catalog": services.catalog.collections,
        "dense": services.followers.look,
        "lexical": lambda: _lexical(services),
        "collections": services.require_searchable,
    }
    unchecked: tuple[str, ...] = ()
    if services.settings.embedding_model is None:
        looks["embedding"] = lambda: services.embedder.embed_query("ready")
    else:
        unchecked += ("embedding",)
    if services.model:
        unchecked += ("model",)
    app.extensions[_READINESS] = Readiness(looks, worker=context.worker, unchecked=unchecked)


def readiness() -> Readiness:
    """The readiness of the application that handles the current request."""
    found: Readiness = current_app.extensions[_READINESS]
    return found


@blueprint.get("/livez")
def livez() -> Response:
    """The process answers; nothing else is looked at."""
    return jsonify(status="alive")


@blueprint.get("/readyz")
def readyz() -> tuple[Response, int]:
    """Whether requests can be served, and the state of each thing that they need."""
    report: Report = readiness().report()
    return jsonify(
        readiness_json(report.reason, {**report.checks, **limits.checks()})
    ), 503 if report.reason else 200


def _lexical(services: Services) -> None:
    for collection in services.catalog.collections()[:1]:
        services.followers.of(collection).lexical.applied()
