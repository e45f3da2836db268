"""The steps that write transactions are made of: reserving a document, storing a version, dropping one."""

import hashlib
import secrets
import struct
from collections.abc import Iterable, Iterator
from itertools import islice

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from index.catalog.records import Collection, NewVectors, NewVersion
from index.catalog.tables import changes, chunks, collections, documents, labels, versions
from index.clock import now_ms
from index.document import Chunk
from index.errors import NotFound, SourceTaken
from index.language import language

_BATCH = 1000  # vectors that are written at once


def reserve(connection: Connection, collection_id: int, *, source: str, origin: str) -> str:
    """The id of the document with that source, made where it is new and then still without a version."""
    known: str | None = connection.execute(
        sa.select(documents.c.id).where(
            documents.c.collection_id == collection_id, documents.c.source == source
        )
    ).scalar()
    if known is not None:
        set_origin(connection, known, origin)
        return known
    document_id = secrets.token_hex(12)
    connection.execute(
        documents.insert().values(
            id=document_id, collection_id=collection_id, source=source, origin=origin, created_at=now_ms()
        )
    )
    return document_id


def require(connection: Connection, collection: Collection) -> None:
    """Raise `NotFound` where a collection has been deleted or moved to another embedding model."""
    query = sa.select(collections.c.id).where(
        collections.c.id == collection.id, collections.c.uid == collection.uid
    )
    if connection.execute(query).first() is None:
        raise no_collection(collection.name)


def no_collection(name: str) -> NotFound:
    """The error for a collection that is not there."""
    return NotFound(f"there is no collection {name!r}: index a document into it first")


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
    connection.execute(documents.update().where(documents.c.id == document_id).values(origin=origin))


def exists(connection: Connection, document_id: str) -> bool:
    """Whether there is a document of that id."""
    query = sa.select(documents.c.id).where(documents.c.id == document_id)
    return connection.execute(query).scalar() is not None


def insert_version(connection: Connection, collection_id: int, document_id: str, new: NewVersion) -> int:
    """Store a version with its chunks, and log that it came; gives its id."""
    parsed = new.parsed
    version_id: int = connection.execute(
        versions.insert()
        .values(
            document_id=document_id,
            title=new.title,
            metadata=dict(new.metadata),
            format=parsed.format,
            raw_sha256=new.raw_sha256,
            text_sha256=hashlib.sha256(parsed.text.encode()).hexdigest(),
            text=parsed.text,
            characters=len(parsed.text),
            pages=list(parsed.pages),
            headings=[[h.level, h.title, h.span.start, h.span.end] for h in parsed.headings],
            repairs=dict(parsed.repairs),
            chunk_count=len(new.chunks),
            created_at=now_ms(),
        )
        .returning(versions.c.id)
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


def drop_versions(
    connection: Connection, collection_id: int, document_id: str, *, before: int | None = None
) -> None:
    """Remove a document's versions, all or those with an id below `before`, and log that they went."""
    which = versions.c.document_id == document_id
    _drop(connection, collection_id, which if before is None else which & (versions.c.id < before))


def drop_pending(connection: Connection, collection_id: int, document_id: str) -> None:
    """Remove a document's versions that are not live, and log that they went."""
    live = sa.select(documents.c.live_version).where(documents.c.id == document_id).scalar_subquery()
    newer = versions.c.id > sa.func.coalesce(live, 0)
    _drop(connection, collection_id, (versions.c.document_id == document_id) & newer)


def _drop(connection: Connection, collection_id: int, which: sa.ColumnElement[bool]) -> None:
    for row in connection.execute(sa.select(versions.c.id, versions.c.chunk_count).where(which)).all():
        connection.execute(versions.delete().where(versions.c.id == row.id))
        _log(connection, collection_id, "remove", row.id, row.chunk_count)


def _log(connection: Connection, collection_id: int, kind: str, version_id: int, chunk_count: int) -> None:
    connection.execute(
        changes.insert().values(
            collection_id=collection_id, kind=kind, version_id=version_id, chunk_count=chunk_count
        )
    )


def _pack(chunk: Chunk) -> bytes:
    offsets = [offset for each in chunk.sentences for offset in (each.start, each.end)]
    return struct.pack(f"<{len(offsets)}i", *offsets)
