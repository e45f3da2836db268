"""Documents, their versions and chunks, and the log of changes that the followers repeat.

A version is written as pending with all its chunks and vectors in one transaction; the followers take it;
`publish` makes it live and removes the version before it in one more. So a reader sees the old version or the
new one, a crash leaves nothing half-written, and whatever is in the database is complete.
"""

import hashlib
import secrets
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from index.catalog.database import Database
from index.catalog.records import (
    Change,
    Collection,
    Document,
    DocumentStatus,
    DocumentText,
    NewVersion,
    StoredChunk,
    parse_chunk_id,
)
from index.catalog.tables import changes, chunks, collections, documents, job_items, versions
from index.document import Chunk, Heading, Span
from index.errors import EmbeddingMismatch, InvalidRequest, NotFound

_VARIABLES = 500  # well under the number of bound values that every SQLite build takes


class Catalog:
    """The documents in a `Database`. Safe to use from many threads."""

    def __init__(self, database: Database) -> None:
        self.database = database

    # Collections

    def collections(self) -> list[Collection]:
        """All collections, by name."""
        with self.database.read() as connection:
            rows = connection.execute(sa.select(collections).order_by(collections.c.name)).all()
        return [_collection(row) for row in rows]

    def collection(self, name: str) -> Collection:
        """The collection of that name; `NotFound` where there is none."""
        with self.database.read() as connection:
            row = connection.execute(sa.select(collections).where(collections.c.name == name)).one_or_none()
        if row is None:
            raise NotFound(f"there is no collection {name!r}: index a document into it first")
        return _collection(row)

    def ensure_collection(self, name: str, *, embedding_model: str, dimension: int) -> Collection:
        """The collection of that name, made where it does not exist.

        Raises `EmbeddingMismatch` where it was indexed with another model: their vectors can't be compared.
        """
        if not (name.isascii() and name.replace("-", "").replace("_", "").isalnum() and len(name) <= 63):
            raise InvalidRequest(
                f"{name!r} can't name a collection: use 1 to 63 ASCII letters, digits, - and _"
            )
        with self.database.write() as connection:
            row = connection.execute(sa.select(collections).where(collections.c.name == name)).one_or_none()
            if row is None:
                connection.execute(
                    collections.insert().values(
                        name=name,
                        embedding_model=embedding_model,
                        dimension=dimension,
                        created_at=_now(),
                    )
                )
                row = connection.execute(sa.select(collections).where(collections.c.name == name)).one()
        found = _collection(row)
        check_model(found, embedding_model)
        return found

    def collection_of(self, document_id: str) -> Collection:
        """The collection that holds a document; `NotFound` where there is no such document."""
        query = (
            sa.select(collections)
            .join(documents, documents.c.collection_id == collections.c.id)
            .where(documents.c.id == document_id)
        )
        with self.database.read() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            raise NotFound(f"there is no document {document_id!r}")
        return _collection(row)

    # Writing documents

    def reserve(self, collection: Collection, *, source: str, origin: str = "") -> str:
        """The id of the document with that source, made where it is new and then still without text."""
        with self.database.write() as connection:
            return reserve(connection, collection.id, source=source, origin=origin)

    def add_pending(self, collection: Collection, new: Sequence[NewVersion]) -> list[int]:
        """Store versions with their chunks and vectors, complete but not yet served; gives their ids.

        An older pending version of the same document gives way.
        """
        ids = []
        with self.database.write() as connection:
            for version in new:
                stale = connection.execute(
                    sa.select(versions.c.id, versions.c.chunk_count).where(
                        versions.c.document_id == version.document_id, versions.c.state == "pending"
                    )
                ).all()
                for row in stale:
                    _drop_version(connection, collection.id, row.id, row.chunk_count)
                ids.append(_insert_version(connection, collection.id, version))
        return ids

    def publish(self, version_ids: Sequence[int]) -> None:
        """Make pending versions live and remove those before them, all in one transaction."""
        with self.database.write() as connection:
            for version_id in version_ids:
                row = connection.execute(
                    sa.select(versions.c.document_id, documents.c.collection_id)
                    .join(documents, documents.c.id == versions.c.document_id)
                    .where(versions.c.id == version_id, versions.c.state == "pending")
                ).one_or_none()
                if row is None:  # deleted, or replaced by a newer one, since it was written
                    continue
                old = connection.execute(
                    sa.select(versions.c.id, versions.c.chunk_count).where(
                        versions.c.document_id == row.document_id, versions.c.id < version_id
                    )
                ).all()
                for before in old:
                    _drop_version(connection, row.collection_id, before.id, before.chunk_count)
                connection.execute(versions.update().where(versions.c.id == version_id).values(state="live"))
                connection.execute(
                    documents.update()
                    .where(documents.c.id == row.document_id)
                    .values(live_version=version_id)
                )

    def pending(self, collection: Collection) -> list[int]:
        """The ids of versions that are stored but not yet live, as a crash leaves them for `publish`."""
        query = (
            sa.select(versions.c.id)
            .join(documents, documents.c.id == versions.c.document_id)
            .where(versions.c.state == "pending", documents.c.collection_id == collection.id)
            .order_by(versions.c.id)
        )
        with self.database.read() as connection:
            return list(connection.execute(query).scalars())

    def delete(self, document_id: str) -> None:
        """Remove a document with all its versions, chunks and vectors; `NotFound` where there is none."""
        with self.database.write() as connection:
            row = connection.execute(
                sa.select(documents.c.collection_id).where(documents.c.id == document_id)
            ).one_or_none()
            if row is None:
                raise NotFound(f"there is no document {document_id!r}")
            held = connection.execute(
                sa.select(versions.c.id, versions.c.chunk_count).where(versions.c.document_id == document_id)
            ).all()
            for version in held:
                _drop_version(connection, row.collection_id, version.id, version.chunk_count)
            connection.execute(job_items.delete().where(job_items.c.document_id == document_id))
            connection.execute(documents.delete().where(documents.c.id == document_id))

    def set_origin(self, document_id: str, origin: str) -> None:
        """Record the folder that a document is now synchronised from."""
        with self.database.write() as connection:
            connection.execute(documents.update().where(documents.c.id == document_id).values(origin=origin))

    # Reading documents

    def documents(
        self, collection: Collection, *, limit: int | None = None, after: str = "", source: str | None = None
    ) -> list[Document]:
        """Documents in the order of their ids, those behind `after`; `source` picks one by its source."""
        query = _document_query().where(documents.c.collection_id == collection.id, documents.c.id > after)
        if source is not None:
            query = query.where(documents.c.source == source)
        with self.database.read() as connection:
            rows = connection.execute(query.order_by(documents.c.id).limit(limit)).all()
        return [_document(row) for row in rows]

    def document(self, collection: Collection, document_id: str) -> Document:
        """One document; `NotFound` where the collection has none of that id."""
        query = _document_query().where(
            documents.c.id == document_id, documents.c.collection_id == collection.id
        )
        with self.database.read() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            raise NotFound(f"there is no document {document_id!r} in collection {collection.name!r}")
        return _document(row)

    def text(self, document_id: str) -> DocumentText:
        """The canonical text of a document's live version; `NotFound` where it has none."""
        query = (
            sa.select(versions, documents.c.source)
            .join(documents, documents.c.live_version == versions.c.id)
            .where(documents.c.id == document_id)
        )
        with self.database.read() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            raise NotFound(f"there is no indexed document {document_id!r}")
        return DocumentText(
            document_id=document_id,
            version_id=row.id,
            title=row.title,
            source=row.source,
            format=row.format,
            text=row.text,
            sha256=row.text_sha256,
            pages=tuple(row.pages),
            headings=tuple(
                Heading(level, title, Span(start, end)) for level, title, start, end in row.headings
            ),
        )

    def cut(self, version_id: int, spans: Sequence[Span]) -> list[str] | None:
        """The stored text of each span, or None where that version is no longer served."""
        columns = [
            sa.func.substr(versions.c.text, span.start + 1, span.end - span.start).label(f"cut_{i}")
            for i, span in enumerate(spans)
        ]
        query = sa.select(*columns).where(versions.c.id == version_id, versions.c.state == "live")
        with self.database.read() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else list(row)

    # Chunks

    def chunks(self, collection: Collection, ids: Sequence[str]) -> list[StoredChunk]:
        """The live chunks among `ids`, in no particular order; those that have gone are left out."""
        found: list[StoredChunk] = []
        pairs = [parse_chunk_id(value) for value in ids]
        with self.database.read() as connection:
            for at in range(0, len(pairs), _VARIABLES // 2):
                key = sa.tuple_(chunks.c.version_id, chunks.c.ordinal)
                query = _chunk_query(collection.id).where(
                    key.in_(pairs[at : at + _VARIABLES // 2]), documents.c.live_version == versions.c.id
                )
                found.extend(_chunk(row) for row in connection.execute(query))
        return found

    def version_chunks(self, collection: Collection, version_id: int) -> list[StoredChunk]:
        """All chunks of a live or pending version, in order; none where the version has gone."""
        query = _chunk_query(collection.id).where(chunks.c.version_id == version_id)
        with self.database.read() as connection:
            return [_chunk(row) for row in connection.execute(query.order_by(chunks.c.ordinal))]

    def live_versions(
        self, collection: Collection, *, metadata: Mapping[str, Sequence[str]] | None = None
    ) -> dict[int, int]:
        """Live version ids with their chunk counts; with `metadata`, those whose values are among the given.

        The keys `document_id`, `source` and `title` stand for the document's own fields.
        """
        query = (
            sa.select(versions.c.id, versions.c.chunk_count)
            .join(documents, documents.c.live_version == versions.c.id)
            .where(documents.c.collection_id == collection.id)
        )
        own = {"document_id": documents.c.id, "source": documents.c.source, "title": versions.c.title}
        for key, values in (metadata or {}).items():
            column = own.get(key, versions.c.metadata[key].as_string())
            query = query.where(column.in_(list(values)))
        with self.database.read() as connection:
            return {row.id: row.chunk_count for row in connection.execute(query)}

    def chunk_ids(self, collection: Collection) -> set[str]:
        """The ids of every chunk that the followers should hold: those of live and pending versions."""
        query = (
            sa.select(versions.c.id, versions.c.chunk_count)
            .join(documents, documents.c.id == versions.c.document_id)
            .where(documents.c.collection_id == collection.id)
        )
        with self.database.read() as connection:
            rows = connection.execute(query).all()
        return {identifier for row in rows for identifier in Change(0, "add", *row).chunk_ids}

    # Changes

    def last_change(self, collection: Collection) -> int:
        """The number of the collection's last change; 0 where nothing has changed yet."""
        query = sa.select(sa.func.max(changes.c.seq)).where(changes.c.collection_id == collection.id)
        with self.database.read() as connection:
            return connection.execute(query).scalar() or 0

    def changes_after(self, collection: Collection, seq: int, *, limit: int = 256) -> list[Change]:
        """The collection's changes behind number `seq`, in order, at most `limit`."""
        query = (
            sa.select(changes.c.seq, changes.c.kind, changes.c.version_id, changes.c.chunk_count)
            .where(changes.c.collection_id == collection.id, changes.c.seq > seq)
            .order_by(changes.c.seq)
            .limit(limit)
        )
        with self.database.read() as connection:
            return [Change(*row) for row in connection.execute(query)]


def check_model(collection: Collection, embedding_model: str) -> None:
    """Raise `EmbeddingMismatch` unless the collection was indexed with `embedding_model`."""
    if collection.embedding_model != embedding_model:
        raise EmbeddingMismatch(
            f"collection {collection.name!r} was indexed with {collection.embedding_model!r}, not "
            f"{embedding_model!r}: set QA_EMBEDDING_MODEL back, or index into another collection"
        )


def reserve(connection: Connection, collection_id: int, *, source: str, origin: str) -> str:
    """Within a transaction: the id of the document with that source, made where it is new."""
    known = connection.execute(
        sa.select(documents.c.id).where(
            documents.c.collection_id == collection_id, documents.c.source == source
        )
    ).scalar()
    if known is not None:
        return str(known)
    document_id = secrets.token_hex(12)
    connection.execute(
        documents.insert().values(
            id=document_id, collection_id=collection_id, source=source, origin=origin, created_at=_now()
        )
    )
    return document_id


def _insert_version(connection: Connection, collection_id: int, new: NewVersion) -> int:
    parsed = new.parsed
    version_id: int = connection.execute(
        versions.insert()
        .values(
            document_id=new.document_id,
            state="pending",
            title=new.title,
            metadata=dict(new.metadata),
            format=parsed.format,
            raw_sha256=new.raw_sha256,
            text_sha256=hashlib.sha256(parsed.text.encode()).hexdigest(),
            text=parsed.text,
            characters=len(parsed.text),
            pages=list(parsed.pages),
            headings=[[h.level, h.title, h.span.start, h.span.end] for h in parsed.headings],
            chunk_count=len(new.chunks),
            created_at=_now(),
        )
        .returning(versions.c.id)
    ).scalar_one()
    rows = [
        {
            "version_id": version_id,
            "ordinal": chunk.ordinal,
            "start": chunk.span.start,
            "end": chunk.span.end,
            "page": chunk.page,
            "headings": list(chunk.headings),
            "text": chunk.span.of(parsed.text),
            "sentences": _pack(chunk),
            "vector": vector.astype("<f4").tobytes(),
            "sentence_vectors": sentence_vectors.tobytes(),
        }
        for chunk, vector, sentence_vectors in zip(new.chunks, new.vectors, new.sentence_vectors, strict=True)
    ]
    connection.execute(chunks.insert(), rows)
    _log(connection, collection_id, "add", version_id, len(rows))
    return version_id


def _drop_version(connection: Connection, collection_id: int, version_id: int, chunk_count: int) -> None:
    connection.execute(versions.delete().where(versions.c.id == version_id))
    _log(connection, collection_id, "remove", version_id, chunk_count)


def _log(connection: Connection, collection_id: int, kind: str, version_id: int, chunk_count: int) -> None:
    connection.execute(
        changes.insert().values(
            collection_id=collection_id, kind=kind, version_id=version_id, chunk_count=chunk_count
        )
    )


def _pack(chunk: Chunk) -> bytes:
    return np.array([(s.start, s.end) for s in chunk.sentences], "<i4").tobytes()


def _collection(row: Row[Any]) -> Collection:
    return Collection(row.id, row.name, row.embedding_model, row.dimension)


def _document_query() -> sa.Select[Any]:
    latest = (
        sa.select(job_items.c.document_id, sa.func.max(job_items.c.id).label("id"))
        .group_by(job_items.c.document_id)
        .subquery()
    )
    return (
        sa.select(
            documents.c.id,
            documents.c.source,
            documents.c.origin,
            documents.c.created_at,
            versions.c.id.label("version_id"),
            sa.func.coalesce(versions.c.title, job_items.c.title, job_items.c.name, "").label("title"),
            versions.c.metadata,
            versions.c.format,
            versions.c.raw_sha256,
            versions.c.text_sha256,
            versions.c.characters,
            versions.c.chunk_count,
            versions.c.created_at.label("updated_at"),
            job_items.c.state.label("job_state"),
            job_items.c.error_code,
            job_items.c.error_message,
        )
        .outerjoin(versions, versions.c.id == documents.c.live_version)
        .outerjoin(latest, latest.c.document_id == documents.c.id)
        .outerjoin(job_items, job_items.c.id == latest.c.id)
    )


def _document(row: Row[Any]) -> Document:
    status: DocumentStatus = "queued"
    if row.version_id is not None:
        status = "indexed"
    elif row.job_state == "failed":
        status = "failed"
    return Document(
        id=row.id,
        source=row.source,
        origin=row.origin,
        title=row.title,
        status=status,
        metadata=row.metadata or {},
        format=row.format,
        raw_sha256=row.raw_sha256,
        text_sha256=row.text_sha256,
        characters=row.characters or 0,
        chunks=row.chunk_count or 0,
        created_at=row.created_at,
        updated_at=row.updated_at or row.created_at,
        error_code=row.error_code,
        error_message=row.error_message,
    )


def _chunk_query(collection_id: int) -> sa.Select[Any]:
    return (
        sa.select(
            chunks,
            versions.c.document_id,
            versions.c.title,
            versions.c.metadata,
            documents.c.source,
        )
        .join(versions, versions.c.id == chunks.c.version_id)
        .join(documents, documents.c.id == versions.c.document_id)
        .where(documents.c.collection_id == collection_id)
    )


def _chunk(row: Row[Any]) -> StoredChunk:
    spans = np.frombuffer(row.sentences, "<i4").reshape(-1, 2).tolist()
    vector = np.frombuffer(row.vector, "<f4")
    return StoredChunk(
        version_id=row.version_id,
        ordinal=row.ordinal,
        document_id=row.document_id,
        title=row.title,
        source=row.source,
        metadata=row.metadata,
        span=Span(row.start, row.end),
        text=row.text,
        sentences=tuple(Span(start, end) for start, end in spans),
        headings=tuple(row.headings),
        page=row.page,
        vector=vector,
        sentence_vectors=np.frombuffer(row.sentence_vectors, np.int8).reshape(-1, len(vector)),
    )


def _now() -> int:
    return time.time_ns() // 1_000_000
