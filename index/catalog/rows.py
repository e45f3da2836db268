"""Queries over the catalog's tables, and the records that their rows become."""

from typing import Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Row

from index.catalog.records import Collection, Document, DocumentStatus, DocumentText, StoredChunk
from index.catalog.tables import chunks, documents, job_items, versions
from index.document import Heading, Span, locator


def document_query() -> sa.Select[Any]:
    """Documents with their live version and the last upload of theirs, for `to_document`."""
    last = (
        sa.select(sa.func.max(job_items.c.id))
        .where(job_items.c.document_id == documents.c.id)
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


def chunk_query(collection_id: int) -> sa.Select[Any]:
    """A collection's chunks, those of pending versions too, for `to_chunk`."""
    return (
        sa.select(
            chunks,
            *(versions.c.document_id, versions.c.title, versions.c.metadata, versions.c.format),
            documents.c.source,
        )
        .join(versions, versions.c.id == chunks.c.version_id)
        .join(documents, documents.c.id == versions.c.document_id)
        # The sum keeps the planner from the index on collections, which would have it read the whole collection.
        .where(documents.c.collection_id + 0 == collection_id)
    )


def to_collection(row: Row[Any]) -> Collection:
    """A collection from its row."""
    return Collection(row.id, row.uid, row.name, row.embedding_model, row.dimension)


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


def to_chunk(row: Row[Any]) -> StoredChunk:
    """A stored chunk from a row of `chunk_query`."""
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
        packed_sentences=row.sentences,
        headings=tuple(row.headings),
        page=row.page,
        vector=vector,
        sentence_vectors=np.frombuffer(row.sentence_vectors, np.int8).reshape(-1, len(vector)),
        language=row.language,
        locator=locator(row.format),
    )
