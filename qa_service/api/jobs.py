"""The jobs that index documents: what has become of them, and giving them up."""

from flask import Blueprint, Response, jsonify

from qa_service.api import reach
from qa_service.api.context import context, services
from qa_service.api.guard import key
from qa_service.api.parsing import query
from qa_service.requests import PageRequest
from qa_service.wire import job_json, job_summary_json

blueprint = Blueprint("jobs", __name__, url_prefix="/v1")


@blueprint.get("/jobs")
def listed() -> Response:
    """Jobs with how many of their documents are how far, the newest first; `next` is `after` for the rest."""
    wanted = query(PageRequest)
    held = key()
    found = services().jobs.page(
        limit=wanted.limit,
        before=wanted.cursor,
        collections=held.rights.collections if held else None,
    )
    following = f"{found[-1].created_at:x}-{found[-1].id}" if len(found) == wanted.limit else None
    return jsonify(jobs=[job_summary_json(each) for each in found], next=following)


@blueprint.get("/jobs/<job_id>")
def one(job_id: str) -> Response:
    """What has become of the documents that were acknowledged together."""
    return jsonify(job_json(reach.job(job_id), context().worker.delay))


@blueprint.delete("/jobs/<job_id>")
def cancel(job_id: str) -> Response:
    """Give up what waits or is under way of a job; what has ended stays. Gives what has become of it."""
    services().jobs.cancel(reach.job(job_id).id)
    return one(job_id)
