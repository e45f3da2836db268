"""Collections: made and deleted by whoever may do that everywhere, described to those whose key is for them."""

from flask import Blueprint, Response, jsonify

from index.catalog import Counts
from qa_service.api import reach
from qa_service.api.context import context, services
from qa_service.api.empty import no_content
from qa_service.api.guard import require_all_collections
from qa_service.api.parsing import body
from qa_service.requests import NewCollectionRequest
from qa_service.wire import collection_json

blueprint = Blueprint("collections", __name__, url_prefix="/v1")

_CHANGED = "collections are made and deleted"


@blueprint.post("/collections")
def create() -> tuple[Response, int]:
    """Make a collection, empty, for the embedding model that is in use."""
    require_all_collections(_CHANGED)
    made = services().create_collection(body(NewCollectionRequest).name)
    return jsonify(collection_json(made, Counts(0, 0))), 201


@blueprint.get("/collections")
def listed() -> Response:
    """The collections that the caller's key is for, by name, with how much each holds."""
    counts = services().catalog.counts()
    shown = [collection_json(each, counts[each.id]) for each in reach.collections() if each.id in counts]
    return jsonify(collections=shown)


@blueprint.get("/collections/<collection_name>")
def one(collection_name: str) -> Response:
    """One collection."""
    found = reach.collection(collection_name)
    return jsonify(collection_json(found, services().catalog.counts().get(found.id, Counts(0, 0))))


@blueprint.post("/collections/<collection_name>/reindex")
def reindex(collection_name: str) -> tuple[Response, int]:
    """Have a collection move to the embedding model that is in use; its job says how far it is."""
    require_all_collections("collections are reindexed")
    job_id = services().jobs.reindex(reach.collection(collection_name))
    context().worker.wake()
    return jsonify(job_id=job_id), 202


@blueprint.delete("/collections/<collection_name>")
def delete(collection_name: str) -> Response:
    """Remove a collection with all that is in it and was made of it."""
    require_all_collections(_CHANGED)
    services().delete_collection(reach.collection(collection_name).name)
    return no_content()
