"""The truth: documents, canonical texts, chunks, vectors, jobs, keys and conversations, in one SQL database."""

from index.catalog.catalog import Catalog, check_model
from index.catalog.database import Database, sqlite_url
from index.catalog.records import (
    Change,
    Collection,
    Document,
    DocumentText,
    NewVersion,
    Pending,
    StoredChunk,
    chunk_id,
    parse_chunk_id,
)

__all__ = [
    "Catalog",
    "Change",
    "Collection",
    "Database",
    "Document",
    "DocumentText",
    "NewVersion",
    "Pending",
    "StoredChunk",
    "check_model",
    "chunk_id",
    "parse_chunk_id",
    "sqlite_url",
]
