"""A collection behind a running service, to synchronise a folder with."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from index.errors import LoadError, NotFound
from index.sync import Known
from index.upload import Outcome, Result, Upload
from qa_service.errors import ServiceError

if TYPE_CHECKING:
    from index.ingest import OnEmbedded
    from qa_service.clients.client import Client

_BATCH_BYTES = 16 * 2**20
_BATCH_FILES = 50
_REFUSED_CONTENT = (400, 413, 415, 422)
_NOT_THERE_OR_TAKEN = (404, 409)


@dataclass(frozen=True, slots=True)
class RemoteDocument:
    """A document of the service, as far as synchronising a folder needs it."""

    id: str
    source: str
    origin: str
    title: str
    metadata: Mapping[str, str]
    raw_sha256: str | None


class RemoteShelf:
    """Uploads in batches and waits for their jobs; a file that is refused does not affect the others.

    `on_embedded` hears what the service says of the document at hand. Who stops waiting gives the job up.
    """

    def __init__(self, client: "Client", collection: str, *, on_embedded: "OnEmbedded") -> None:
        self._client = client
        self._collection = collection
        self._on_embedded = on_embedded

    def known(self) -> Sequence[Known]:
        """All documents of the collection; none where it does not exist yet."""
        try:
            found = list(self._client.documents(self._collection))
        except ServiceError as error:
            if error.http_status != 404:
                raise
            return []
        return [
            RemoteDocument(
                id=each["id"],
                source=each["source"],
                origin=each.get("origin", ""),
                title=each["title"],
                metadata=each["metadata"],
                raw_sha256=each["sha256"],
            )
            for each in found
        ]

    def put(self, uploads: Iterable[Upload]) -> Iterator[Result]:
        """Upload documents and wait for the job of each batch."""
        batch: list[Upload] = []
        size = 0
        for upload in uploads:
            # A batch that is too large for the service is refused: a large file goes alone.
            if batch and (len(batch) == _BATCH_FILES or size + len(upload.data) > _BATCH_BYTES):
                yield from self._upload(batch)
                batch, size = [], 0
            batch.append(upload)
            size += len(upload.data)
        if batch:
            yield from self._upload(batch)

    def rename(self, document_id: str, *, source: str, origin: str, title: str | None) -> bool:
        """Give a document another place, and another title where there is one; whether that could be done."""
        body = {"source": source, "origin": origin} | ({"title": title} if title else {})
        try:
            self._client.rename(document_id, body)
        except ServiceError as error:
            if error.http_status not in (*_NOT_THERE_OR_TAKEN, *_REFUSED_CONTENT):
                raise
            return False
        return True

    def delete(self, document_id: str) -> None:
        """Remove a document; `NotFound` where it has gone."""
        try:
            self._client.delete(document_id)
        except ServiceError as error:
            if error.http_status != 404:
                raise
            raise NotFound(str(error)) from None

    def _upload(self, batch: list[Upload]) -> Iterator[Result]:
        try:
            accepted = self._client.upload(self._collection, batch)
        except ServiceError as error:
            if error.http_status not in _REFUSED_CONTENT:
                raise
            yield from self._one_by_one(batch, error)
        else:
            yield from self._results(accepted["job_id"], {upload.source for upload in batch})

    def _one_by_one(self, batch: list[Upload], error: ServiceError) -> Iterator[Result]:
        if len(batch) == 1:
            yield Result(batch[0].source, "failed", None, error=error)
            return
        for upload in batch:
            yield from self._upload([upload])

    def _results(self, job_id: str, waiting: set[str]) -> Iterator[Result]:
        """The results of a job, each when its document has ended."""
        with closing(self._client.watch(job_id)) as watched:
            for job in watched:
                for document in job["documents"]:
                    if document["status"] == "queued":
                        if document.get("chunks"):
                            self._on_embedded(document["name"], document["embedded"], document["chunks"])
                    elif document["source"] in waiting:
                        waiting.remove(document["source"])
                        yield _result(document)
        for source in waiting:  # a document that is deleted meanwhile leaves its job
            yield Result(
                source, "failed", None, error=ServiceError("it was deleted while it was being indexed")
            )


def _result(document: dict[str, Any]) -> Result:
    if document["status"] == "cancelled":
        return Result(document["source"], "failed", None, error=ServiceError("its job was cancelled"))
    error = cast("dict[str, str] | None", document.get("error"))
    return Result(
        document["source"],
        cast("Outcome", document["status"]),
        document["id"],
        document.get("chunks", 0),
        error=_error(**error) if error else None,
    )


def _error(code: str, message: str) -> LoadError | ServiceError:
    """What kept a document from being indexed: a fault of its own, or another."""
    return LoadError(message) if code in _codes(LoadError) else ServiceError(message)


def _codes(error: type[LoadError]) -> set[str]:
    return {error.code}.union(*map(_codes, error.__subclasses__()))
