"""The steps that write transactions are made of: reserving a document, storing a version, dropping one."""

import hashlib
import secrets
import struct
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from index.catalog.records import Collection, NewVectors, NewVersion
from index.catalog.tables import changes, chunks, collections, documents, former_collections, labels, versions
from index.clock import now_ms
from index.document import Chunk
from index.errors import NotFound, SourceTaken
from index.language import language

_BATCH = 1000  # vectors that are written at once
_NO_ID = 2**62  # higher than any id

# What each document of an upload needs, built once: that takes longer than running it.
_OF_DOCUMENT = documents.c.id == sa.bindparam("its_id")
_DOCUMENT_OF = sa.select(documents.c.id).where(
    documents.c.collection_id == sa.bindparam("collection_id"), documents.c.source == sa.bindparam("source")
)
_SET_ORIGIN = documents.update().where(_OF_DOCUMENT).values(origin=sa.bindparam("to_origin"))
_EXISTS = sa.select(documents.c.id).where(_OF_DOCUMENT)
_UID = sa.select(collections.c.uid).where(collections.c.id == sa.bindparam("collection_id"))
_ADD_VERSION = versions.insert().returning(versions.c.id)
_OWNER = (
    sa.select(versions.c.document_id, documents.c.collection_id)
    .join(documents, documents.c.id == versions.c.document_id)
    .where(versions.c.id == sa.bindparam("version_id"))
)
_SET_LIVE = documents.update().where(_OF_DOCUMENT).values(live_version=sa.bindparam("version_id"))
_PENDING = sa.select(versions.c.id, versions.c.chunk_count).where(
    versions.c.document_id == sa.bindparam("its_id"),
    versions.c.id
    > sa.func.coalesce(sa.select(documents.c.live_version).where(_OF_DOCUMENT).scalar_subquery(), 0),
)
_BEFORE = sa.select(versions.c.id, versions.c.chunk_count).where(
    versions.c.document_id == sa.bindparam("its_id"),
    versions.c.id < sa.bindparam("before", type_=sa.BigInteger),
)


def reserve(connection: Connection, collection_id: int, *, source: str, origin: str) -> str:
    """The id of the document with that source, made where it is new and then still without a version."""
    known: str | None = connection.execute(
        _DOCUMENT_OF, {"collection_id": collection_id, "source": source}
    ).scalar()
    if known is not None:
        set_origin(connection, known, origin)
        return known
    document_id = secrets.token_hex(12)
    connection.execute(
        documents.insert(),
        {
            "id": document_id,
            "collection_id": collection_id,
            "source": source,
            "origin": origin,
            "created_at": now_ms(),
        },
    )
    return document_id


def remember(connection: Connection, collection: Collection) -> None:
    """Remember a collection that goes until its followers have gone."""
    values = {"uid": collection.uid, "embedding_model": collection.embedding_model}
    connection.execute(former_collections.insert(), values)


def require(connection: Connection, collection: Collection) -> None:
    """Raise `NotFound` where a collection has been deleted or moved to another embedding model."""
    uid = connection.execute(_UID, {"collection_id": collection.id}).scalar()
    if uid is None:
        raise no_collection(collection.name)
    if uid != collection.uid:
        raise NotFound(f"collection {collection.name!r} has just moved to another embedding model: ask again")


# What is another's is said not to be there in the same words, so these stand once.


def no_collection(name: str) -> NotFound:
    """The error for a collection that is not there."""
    return NotFound(f"there is no collection {name!r}: index a document into it first")


def no_document(document_id: str) -> NotFound:
    """The error for a document that is not there."""
    return NotFound(f"there is no document {document_id!r}")


def no_job(job_id: str) -> NotFound:
    """The error for a job that is not there."""
    return NotFound(f"there is no job {job_id!r}")


def no_key(name: str) -> NotFound:
    """The error for a key that is not there."""
    return NotFound(f"there is no key {name!r}")


def require_free(connection: Connection, collection_id: int, source: str, document_id: str) -> None:
    """Raise `SourceTaken` where a document of the collection, other than the given one, has that source."""
    query = sa.select(documents.c.id).where(
        documents.c.collection_id == collection_id,
        documents.c.source == source,
        documents.c.id != document_id,
    )
    if (other := connection.execute(query).scalar()) is not None:
        raise SourceTaken(f"the document {other!r} has the source {source!r}: delete it, or choose another")


def set_origin(connection: Connection, document_id: str, origin: str) -> None:
    """Record the folder that a document is now synchronised from; empty for none."""
    connection.execute(_SET_ORIGIN, {"its_id": document_id, "to_origin": origin})


def exists(connection: Connection, document_id: str) -> bool:
    """Whether there is a document of that id."""
    return connection.execute(_EXISTS, {"its_id": document_id}).scalar() is not None


def insert_version(connection: Connection, collection_id: int, document_id: str, new: NewVersion) -> int:
    """Store a version with its chunks, and log that it came; gives its id."""
    parsed = new.parsed
    version_id: int = connection.execute(
        _ADD_VERSION,
        {
            "document_id": document_id,
            "title": new.title,
            "metadata": dict(new.metadata),
            "format": parsed.format,
            "raw_sha256": new.raw_sha256,
            "text_sha256": hashlib.sha256(parsed.text.encode()).hexdigest(),
            "text": parsed.text,
            "characters": len(parsed.text),
            "pages": list(parsed.pages),
            "headings": [[h.level, h.title, h.span.start, h.span.end] for h in parsed.headings],
            "repairs": dict(parsed.repairs),
            "chunk_count": len(new.chunks),
            "created_at": now_ms(),
        },
    ).scalar_one()
    if new.metadata:
        connection.execute(
            labels.insert(),
            [{"version_id": version_id, "key": key, "value": value} for key, value in new.metadata.items()],
        )
    connection.execute(chunks.insert(), [*_chunk_rows(version_id, new)])
    _log(connection, collection_id, "add", version_id, len(new.chunks))
    return version_id


def _chunk_rows(version_id: int, new: NewVersion) -> Iterator[dict[str, object]]:
    hashes = new.content_hashes or [None] * len(new.chunks)
    vectors = new.vectors.astype("<f4", copy=False)
    for chunk, vector, sentence_vectors, content_hash in zip(
        new.chunks, vectors, new.sentence_vectors, hashes, strict=True
    ):
        text = chunk.span.of(new.parsed.text)
        yield {
            "version_id": version_id,
            "ordinal": chunk.ordinal,
            "start": chunk.span.start,
            "end": chunk.span.end,
            "page": chunk.page,
            "headings": list(chunk.headings),
            "text": text,
            "sentences": _pack(chunk),
            "vector": vector.tobytes(),
            "sentence_vectors": sentence_vectors.tobytes(),
            "language": language(text),
            "content_hash": content_hash,
        }


def replace_vectors(connection: Connection, new: Iterable[NewVectors]) -> None:
    """Store other vectors for chunks, as far as these are still there; no change is logged."""
    statement = chunks.update().where(
        chunks.c.version_id == sa.bindparam("of_version"), chunks.c.ordinal == sa.bindparam("at")
    )
    rows = iter(new)
    while batch := list(islice(rows, _BATCH)):
        connection.execute(
            statement,
            [
                {
                    "of_version": each.version_id,
                    "at": each.ordinal,
                    "vector": each.vector,
                    "sentence_vectors": each.sentence_vectors,
                    "content_hash": each.content_hash,
                }
                for each in batch
            ],
        )


def take_again(connection: Connection, collection_id: int, version_id: int) -> None:
    """Log that what is said of a version has changed: the followers take its chunks anew, in place of the same."""
    count = sa.select(versions.c.chunk_count).where(versions.c.id == version_id)
    _log(connection, collection_id, "add", version_id, connection.execute(count).scalar_one())


def make_live(connection: Connection, version_id: int) -> bool:
    """Serve a version in place of those before it, which are removed; whether it is still there."""
    row = connection.execute(_OWNER, {"version_id": version_id}).one_or_none()
    if row is None:
        return False
    drop_versions(connection, row.collection_id, row.document_id, before=version_id)
    connection.execute(_SET_LIVE, {"its_id": row.document_id, "version_id": version_id})
    return True


def drop_versions(
    connection: Connection, collection_id: int, document_id: str, *, before: int | None = None
) -> None:
    """Remove a document's versions, all or those with an id below `before`, and log that they went."""
    values = {"its_id": document_id, "before": _NO_ID if before is None else before}
    _drop(connection, collection_id, connection.execute(_BEFORE, values).all())


def drop_pending(connection: Connection, collection_id: int, document_id: str) -> None:
    """Remove a document's versions that are not live, and log that they went."""
    _drop(connection, collection_id, connection.execute(_PENDING, {"its_id": document_id}).all())


def _drop(connection: Connection, collection_id: int, found: Sequence[Any]) -> None:
    for row in found:
        connection.execute(versions.delete().where(versions.c.id == row.id))
        _log(connection, collection_id, "remove", row.id, row.chunk_count)


def _log(connection: Connection, collection_id: int, kind: str, version_id: int, chunk_count: int) -> None:
    connection.execute(
        changes.insert(),
        {
            "collection_id": collection_id,
            "kind": kind,
            "version_id": version_id,
            "chunk_count": chunk_count,
        },
    )


def _pack(chunk: Chunk) -> bytes:
    offsets = [offset for each in chunk.sentences for offset in (each.start, each.end)]
    return struct.pack(f"<{len(offsets)}i", *offsets)
