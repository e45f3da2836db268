"""Documents and the jobs that index them."""

import hashlib

from flask import Blueprint, Response, jsonify, request
from pydantic import TypeAdapter, ValidationError

from index.document import Span
from index.errors import InvalidRequest
from index.upload import Upload
from qa_service.api import reach
from qa_service.api.context import context, services
from qa_service.api.guard import is_owner
from qa_service.api.parsing import body, query
from qa_service.requests import (
    DocumentRequest,
    FilesRequest,
    ListRequest,
    Metadata,
    TextRequest,
    explain,
)
from qa_service.wire import acknowledged_json, document_json, job_json, text_json

blueprint = Blueprint("documents", __name__, url_prefix="/v1")

_METADATA = TypeAdapter[Metadata](Metadata)


@blueprint.post("/documents")
def add() -> tuple[Response, int]:
    """Acknowledge documents, as a JSON text or as files; they are indexed in the background."""
    wanted, uploads = _files() if request.mimetype == "multipart/form-data" else _text()
    job = services().jobs.add(services().collection(reach.collection_name(wanted)), uploads)
    context().worker.wake()
    return jsonify(acknowledged_json(job, uploads)), 202


@blueprint.get("/documents")
def listed() -> Response:
    """Documents in the order of their ids; `next` is the value of `after` for the rest."""
    wanted = query(ListRequest)
    catalog = services().catalog
    found = catalog.documents(
        catalog.collection(reach.collection_name(wanted)),
        limit=wanted.limit,
        after=wanted.after,
        source=wanted.source,
    )
    following = found[-1].id if len(found) == wanted.limit else None
    shown = [document_json(each, origin=is_owner()) for each in found]
    return jsonify(documents=shown, next=following)


@blueprint.get("/documents/<document_id>")
def one(document_id: str) -> Response:
    """One document."""
    found = services().catalog.document(reach.collection_of(document_id), document_id)
    return jsonify(document_json(found, origin=is_owner()))


@blueprint.get("/documents/<document_id>/text")
def text(document_id: str) -> Response:
    """The canonical text of a document, or the stretch `[start, end)` of it in code points."""
    wanted = query(TextRequest)
    reach.collection_of(document_id)
    found = services().catalog.text(document_id)
    length = len(found.text)
    end = length if wanted.end is None else wanted.end
    if not wanted.start <= end <= length:
        raise InvalidRequest(
            f"start, end: the text has {length} characters, so send 0 <= start <= end <= {length}"
        )
    return jsonify(text_json(found, Span(wanted.start, end)))


@blueprint.delete("/documents/<document_id>")
def delete(document_id: str) -> Response:
    """Remove a document with all that was made of it."""
    services().ingestor(reach.collection_of(document_id)).delete(document_id)
    response = Response(status=204)
    del response.headers["Content-Type"]
    return response


@blueprint.get("/jobs/<job_id>")
def job(job_id: str) -> Response:
    """What has become of the documents that were acknowledged together."""
    return jsonify(job_json(reach.job(job_id), context().worker.delay))


def _text() -> tuple[FilesRequest | DocumentRequest, list[Upload]]:
    wanted = body(DocumentRequest)
    data = wanted.text.encode()
    source = wanted.source or f"text:{hashlib.sha256(data).hexdigest()[:16]}"
    return wanted, [Upload(source, f"{wanted.title}.md", data, wanted.title, wanted.metadata)]


def _files() -> tuple[FilesRequest | DocumentRequest, list[Upload]]:
    form, files = request.form, request.files
    if unknown := {*form, *files} - {"file", "source", "origin", "metadata", "collection"}:
        raise InvalidRequest(f"{min(unknown)}: the form has no such field; files go in fields `file`")
    sent = files.getlist("file")
    sources = form.getlist("source")
    if not sent or len(sources) not in (0, len(sent)):
        raise InvalidRequest(
            f"file: the form has {len(sent)} files and {len(sources)} sources; send one file or more, "
            "each in a field `file`, and a source for each or none"
        )
    try:
        metadata = _METADATA.validate_json(form.get("metadata", "{}"), strict=True)
    except ValidationError as error:
        raise explain(error, within="metadata") from None
    try:
        wanted = FilesRequest(
            names=[file.filename or "unnamed" for file in sent],
            sources=sources,
            metadata=metadata,
            **{name: form[name] for name in ("collection", "origin") if name in form},
        )
    except ValidationError as error:
        raise explain(error) from None
    uploads = [
        Upload(source, name, file.read(), None, wanted.metadata, wanted.origin)
        for source, name, file in zip(wanted.sources or wanted.names, wanted.names, sent, strict=True)
    ]
    return wanted, uploads
