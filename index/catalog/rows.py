"""Queries over the catalog's tables, and the records that their rows become."""

from functools import cache, lru_cache
from typing import Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Row

from index.catalog.records import ChunkText, Collection, Document, DocumentStatus, DocumentText, StoredChunk
from index.catalog.tables import chunks, collections, documents, job_items, versions
from index.document import Heading, Span, locator

_TEXT_COLUMNS = ("version_id", "ordinal", "start", "end", "page", "headings", "text", "sentences")
_LONGEST = 2**31 - 1
_EQUAL = 4  # chunks of equal content that are looked at: one of them may stand under the same headings

_newest = (
    sa.select(
        chunks.c.content_hash,
        chunks.c.version_id,
        chunks.c.ordinal,
        sa.func.row_number()
        .over(
            partition_by=chunks.c.content_hash, order_by=(chunks.c.version_id.desc(), chunks.c.ordinal.desc())
        )
        .label("place"),
    )
    .where(chunks.c.content_hash.in_(sa.bindparam("hashes", expanding=True)))
    .subquery()
)
EQUAL_CONTENT = (
    sa.select(
        _newest.c.content_hash,
        versions.c.title,
        chunks.c.headings,
        chunks.c.vector,
        chunks.c.sentence_vectors,
    )
    .join(chunks, (chunks.c.version_id == _newest.c.version_id) & (chunks.c.ordinal == _newest.c.ordinal))
    .join(versions, versions.c.id == chunks.c.version_id)
    .where(_newest.c.place <= _EQUAL)
)
"""The vectors of the newest chunks whose content hash is among `hashes`; all of them are found in an index."""


@cache
def document_query() -> sa.Select[Any]:
    """Documents with their live version and the last upload of theirs, for `to_document`."""
    last = (
        sa.select(sa.func.max(job_items.c.id))
        .where(job_items.c.document_id == documents.c.id, job_items.c.state != "cancelled")
        .correlate(documents)
        .scalar_subquery()
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
            versions.c.repairs,
            versions.c.created_at.label("updated_at"),
            job_items.c.state.label("job_state"),
            job_items.c.error_code,
            job_items.c.error_message,
        )
        .outerjoin(versions, versions.c.id == documents.c.live_version)
        .outerjoin(job_items, job_items.c.id == last)
    )


@cache
def listing_query(*, by_source: bool) -> sa.Select[Any]:
    """Documents of `collection_id` behind `after`, as many as `limit` says, or those of `source` among them."""
    query = document_query().where(
        documents.c.collection_id == sa.bindparam("collection_id"), documents.c.id > sa.bindparam("after")
    )
    if by_source:
        query = query.where(documents.c.source == sa.bindparam("source"))
    return query.order_by(documents.c.id).limit(sa.bindparam("limit", type_=sa.BigInteger))


@cache
def chunk_query() -> sa.Select[Any]:
    """The chunks of the version `version_id` of `collection_id`, pending or live, in order, for `to_chunk`."""
    return (
        sa.select(
            chunks,
            *(versions.c.document_id, versions.c.title, versions.c.metadata, versions.c.format),
            documents.c.source,
        )
        .join(versions, versions.c.id == chunks.c.version_id)
        .join(documents, documents.c.id == versions.c.document_id)
        # The sum keeps the planner from the index on collections, which would have it read the whole collection.
        .where(
            documents.c.collection_id + 0 == sa.bindparam("collection_id"),
            chunks.c.version_id == sa.bindparam("version_id"),
        )
        .order_by(chunks.c.ordinal)
    )


@lru_cache(maxsize=64)
def text_query(n: int) -> sa.Select[Any]:
    """The texts of the live ones among `n` chunks of a collection, for `to_chunk_text`.

    Its values are `collection_id`, and `version_0`, `ordinal_0` and so on: SQLite looks pairs up in an index where they
    are written out, but not where they are a list. It is kept, since building it takes longer than running it.
    """
    one_of = (
        sa.and_(
            chunks.c.version_id == sa.bindparam(f"version_{at}"),
            chunks.c.ordinal == sa.bindparam(f"ordinal_{at}"),
        )
        for at in range(n)
    )
    live = sa.and_(documents.c.id == versions.c.document_id, documents.c.live_version == versions.c.id)
    return (
        sa.select(
            *(chunks.c[name] for name in _TEXT_COLUMNS),
            *(versions.c.document_id, versions.c.title, versions.c.metadata, versions.c.format),
            documents.c.source,
        )
        .join(versions, versions.c.id == chunks.c.version_id)
        .join(documents, live)
        .where(documents.c.collection_id + 0 == sa.bindparam("collection_id"), sa.or_(*one_of))
    )


@lru_cache(maxsize=32)
def cut_query(n: int) -> sa.Select[Any]:
    """A live version's document id and `n` stretches of its text; building it takes longer than running it."""
    # Without the document's id, which the version names, the join would go through all documents.
    its_live = (documents.c.id == versions.c.document_id) & (documents.c.live_version == versions.c.id)
    cuts = (_cut(i).label(f"cut_{i}") for i in range(n))
    live = sa.select(documents.c.id, *cuts).join(versions, its_live)
    return live.where(versions.c.id == sa.bindparam("version_id"))


@lru_cache(maxsize=32)
def stretch_query(n: int) -> sa.CompoundSelect[Any]:
    """`n` stretches of live texts, each with its number; building it takes longer than running it."""
    return sa.union_all(
        *(
            sa.select(
                sa.literal_column(str(i), sa.Integer),
                *(collections.c.name, versions.c.text_sha256, versions.c.characters),
                _cut(i),
            )
            .join(documents, documents.c.collection_id == collections.c.id)
            .join(versions, versions.c.id == documents.c.live_version)
            .where(documents.c.id == sa.bindparam(f"document_{i}"))
            for i in range(n)
        )
    )


def _cut(i: int) -> sa.ColumnElement[str]:
    """A stretch of a version's text, by the values of `cut_values`."""
    start, length = (sa.bindparam(f"{name}_{i}", type_=sa.Integer) for name in ("start", "length"))
    return sa.func.substr(versions.c.text, start, length, type_=sa.Text)


def cut_values(i: int, span: Span) -> dict[str, int]:
    """The values of stretch `i` of `cut_query` and `stretch_query`: what of a span a database can count."""
    start = min(max(span.start, 0), _LONGEST - 1)
    return {f"start_{i}": start + 1, f"length_{i}": min(max(span.end - start, 0), _LONGEST)}


def to_collection(row: Row[Any]) -> Collection:
    """A collection from its row."""
    return Collection(row.id, row.uid, row.name, row.embedding_model, row.dimension, row.created_at)


def to_document(row: Row[Any]) -> Document:
    """A document from a row of `document_query`."""
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
        repairs=row.repairs or {},
    )


def to_text(row: Row[Any]) -> DocumentText:
    """A canonical text from the row of its version with its document's source."""
    return DocumentText(
        document_id=row.document_id,
        version_id=row.id,
        title=row.title,
        source=row.source,
        format=row.format,
        text=row.text,
        sha256=row.text_sha256,
        pages=tuple(row.pages),
        headings=tuple(Heading(level, title, Span(start, end)) for level, title, start, end in row.headings),
    )


def to_chunk_text(row: Row[Any]) -> ChunkText:
    """A chunk's text from a row of `text_query`."""
    return ChunkText(**_said(row))


def to_chunk(row: Row[Any]) -> StoredChunk:
    """A stored chunk from a row of `chunk_query`."""
    vector = np.frombuffer(row.vector, "<f4")
    return StoredChunk(
        **_said(row),
        vector=vector,
        sentence_vectors=np.frombuffer(row.sentence_vectors, np.int8).reshape(-1, len(vector)),
        language=row.language,
    )


def _said(row: Row[Any]) -> dict[str, Any]:
    return {
        "version_id": row.version_id,
        "ordinal": row.ordinal,
        "document_id": row.document_id,
        "title": row.title,
        "source": row.source,
        "metadata": row.metadata,
        "span": Span(row.start, row.end),
        "text": row.text,
        "packed_sentences": row.sentences,
        "headings": tuple(row.headings),
        "page": row.page,
        "locator": locator(row.format),
    }
