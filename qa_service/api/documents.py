"""Documents: handed over, listed, read, renamed, removed."""

import hashlib
import re
from dataclasses import replace

from flask import Blueprint, Response, jsonify, request
from pydantic import TypeAdapter, ValidationError

from index.document import Span
from index.errors import InvalidRequest, NotFound
from index.once import Accepted, Once, fingerprint
from index.upload import Upload
from qa_service.api import parsing, reach
from qa_service.api.context import context, services
from qa_service.api.empty import no_content
from qa_service.api.guard import caller, is_owner
from qa_service.api.parsing import body, query
from qa_service.json_shape import check_shape
from qa_service.requests import (
    DocumentRequest,
    FilesRequest,
    ListRequest,
    Metadata,
    RenameRequest,
    TextRequest,
    explain,
)
from qa_service.wire import acknowledged_json, document_json, text_json

blueprint = Blueprint("documents", __name__, url_prefix="/v1")

_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_METADATA = TypeAdapter[Metadata](Metadata)


@blueprint.post("/documents")
def add() -> tuple[Response, int]:
    """Acknowledge documents, as a JSON text, an address or files; they are indexed in the background."""
    if request.mimetype == "multipart/form-data":
        return _accepted(*_files(), once=_once())
    wanted = body(DocumentRequest, is_upload=True)
    if wanted.url is not None:
        return _at_address(wanted, wanted.url)
    return _accepted(wanted, [_text(wanted, wanted.text or "")], once=_once())


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


@blueprint.patch("/documents/<document_id>")
def rename(document_id: str) -> Response:
    """Give a document another title or source; nothing is embedded for that."""
    collection = reach.collection_of(document_id)
    wanted = body(RenameRequest)
    services().rename_document(
        collection, document_id, source=wanted.source, origin=wanted.origin, title=wanted.title
    )
    return one(document_id)


@blueprint.delete("/documents/<document_id>")
def delete(document_id: str) -> Response:
    """Remove a document with all that was made of it."""
    services().delete_document(reach.collection_of(document_id), document_id)
    return no_content()


def _accepted(
    wanted: FilesRequest | DocumentRequest, uploads: list[Upload], *, once: Once | None
) -> tuple[Response, int]:
    collection = services().collection(reach.collection_name(wanted))
    accepted = services().jobs.accept(collection, uploads, once=once)
    context().worker.wake()
    return jsonify(acknowledged_json(accepted, uploads)), 202


def _at_address(wanted: DocumentRequest, url: str) -> tuple[Response, int]:
    """Fetch a document, unless that was done for the same request before; nothing is left of a fetch that failed."""
    name = reach.collection_name(wanted)
    target = services().fetcher.target(url)
    asked = Upload(
        wanted.source or target.url, target.name, target.url.encode(), wanted.title, wanted.metadata
    )
    once = _once()
    if once:
        once = replace(once, sha256=fingerprint([asked]))
        if known := _known(name, once):
            return jsonify(acknowledged_json(known, [asked])), 202
    fetched = replace(asked, data=services().fetcher.fetch(target))
    return _accepted(wanted, [fetched], once=once)


def _known(name: str, once: Once) -> Accepted | None:
    try:
        return services().jobs.accepted(services().catalog.collection(name), once)
    except NotFound:
        return None


def _once() -> Once | None:
    """The key that tells whether the request has come before."""
    shown = request.headers.get("Idempotency-Key")
    if shown is None:
        return None
    if not _KEY.fullmatch(shown):
        raise InvalidRequest("Idempotency-Key: send 1 to 255 visible ASCII characters")
    return Once(shown, caller().key_id or "")


def _text(wanted: DocumentRequest, text: str) -> Upload:
    data = text.encode()
    source = wanted.source or f"text:{hashlib.sha256(data).hexdigest()[:16]}"
    return Upload(source, f"{wanted.title}.md", data, wanted.title, wanted.metadata)


def _files() -> tuple[FilesRequest, list[Upload]]:
    form, files = parsing.form()
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
        text = form.get("metadata", "{}")
        check_shape(text.encode(), name="metadata")
        metadata = _METADATA.validate_json(text, strict=True)
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
