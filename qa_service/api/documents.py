"""Documents and the jobs that index them."""

import hashlib
import json

from flask import Blueprint, Response, jsonify, request

from index.document import Span
from index.errors import InvalidRequest
from index.ingest import Upload
from index.jobs import Job
from qa_service.api.problems import parse
from qa_service.api.state import services, state
from qa_service.wire import DocumentRequest, document_json, job_json, text_json

blueprint = Blueprint("documents", __name__, url_prefix="/v1")

_MAX_PAGE = 1000


@blueprint.post("/documents")
def add() -> tuple[Response, int]:
    """Acknowledge documents, as a JSON text or as files; they are indexed in the background."""
    if request.mimetype == "multipart/form-data":
        collection, uploads = _files()
    else:
        wanted = parse(DocumentRequest)
        data = wanted.text.encode("utf-8", "surrogatepass")
        source = wanted.source or f"text:{hashlib.sha256(data).hexdigest()[:16]}"
        collection = wanted.collection
        uploads = [Upload(source, f"{wanted.title}.md", data, wanted.title, wanted.metadata)]
    held = services()
    job = held.jobs.add(held.collection(collection), uploads)
    state().worker.submit(job)
    return jsonify(_acknowledged(job)), 202


@blueprint.get("/documents")
def listed() -> Response:
    """Documents in the order of their ids; `next` is the value of `after` for the rest."""
    held = services()
    limit = _number("limit", 100, 1, _MAX_PAGE)
    collection = held.catalog.collection(request.args.get("collection", "default"))
    found = held.catalog.documents(
        collection, limit=limit, after=request.args.get("after", ""), source=request.args.get("source")
    )
    following = found[-1].id if len(found) == limit else None
    return jsonify(documents=[document_json(each) for each in found], next=following)


@blueprint.get("/documents/<document_id>")
def one(document_id: str) -> Response:
    """One document."""
    held = services()
    return jsonify(document_json(held.catalog.document(held.catalog.collection_of(document_id), document_id)))


@blueprint.get("/documents/<document_id>/text")
def text(document_id: str) -> Response:
    """The canonical text of a document, or the stretch `[start, end)` of it in code points."""
    found = services().catalog.text(document_id)
    length = len(found.text)
    start = _number("start", 0, 0, length)
    return jsonify(text_json(found, Span(start, _number("end", length, start, length))))


@blueprint.delete("/documents/<document_id>")
def delete(document_id: str) -> tuple[str, int]:
    """Remove a document with all that was made of it."""
    held = services()
    held.ingestor(held.catalog.collection_of(document_id)).delete(document_id)
    return "", 204


@blueprint.get("/jobs/<job_id>")
def job(job_id: str) -> Response:
    """What has become of the documents that were acknowledged together."""
    return jsonify(job_json(services().jobs.get(job_id)))


def _files() -> tuple[str, list[Upload]]:
    files = request.files.getlist("file") or request.files.getlist("files")
    if not files:
        raise InvalidRequest("the form has no file: send each in a field `file`")
    sources = request.form.getlist("source")
    if sources and len(sources) != len(files):
        raise InvalidRequest(
            f"the form has {len(files)} files but {len(sources)} sources: send one for each or none"
        )
    metadata = _metadata(request.form.get("metadata"))
    uploads = []
    for at, file in enumerate(files):
        name = file.filename or "unnamed"
        source = sources[at] if sources else name
        origin = request.form.get("origin", "")
        uploads.append(Upload(source, name, file.read(), None, metadata, origin))
    return request.form.get("collection", "default"), uploads


def _metadata(value: str | None) -> dict[str, str]:
    try:
        found = json.loads(value or "{}")
    except ValueError:
        found = None
    if not isinstance(found, dict) or not all(isinstance(each, str) for each in found.values()):
        raise InvalidRequest("metadata: send a JSON object whose values are strings")
    return found


def _acknowledged(job: Job) -> dict[str, object]:
    return {
        "job_id": job.id,
        "documents": [
            {"id": item.document_id, "title": item.name, "status": item.state} for item in job.items
        ],
    }


def _number(name: str, default: int, low: int, high: int) -> int:
    value = request.args.get(name)
    if value is None:
        return default
    if not (value.isascii() and value.isdigit() and low <= int(value) <= high):
        raise InvalidRequest(f"{name}: send a whole number from {low} to {high}, not {value!r}")
    return int(value)
