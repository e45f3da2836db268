"""The truth: documents, canonical texts, chunks, vectors, jobs, keys and conversations, in one SQL database."""

from index.catalog.catalog import Catalog, check_model, mismatches
from index.catalog.database import Database, sqlite_url
from index.catalog.records import (
    Change,
    ChunkText,
    Collection,
    Counts,
    Document,
    DocumentText,
    FormerCollection,
    NewVectors,
    NewVersion,
    Pending,
    StoredChunk,
    StoredVectors,
    Stretch,
    chunk_id,
    parse_chunk_id,
)

__all__ = [
    "Catalog",
    "Change",
    "ChunkText",
    "Collection",
    "Counts",
    "Database",
    "Document",
    "DocumentText",
    "FormerCollection",
    "NewVectors",
    "NewVersion",
    "Pending",
    "StoredChunk",
    "StoredVectors",
    "Stretch",
    "check_model",
    "chunk_id",
    "mismatches",
    "parse_chunk_id",
    "sqlite_url",
]
