"""What the tests of the index share: databases, and versions of documents that need no embedding model."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from index.catalog import Catalog, Collection, Database, NewVersion, sqlite_url
from index.document import Chunk, Parsed, Span
from index.vectors import Vectors, quantise

DIMENSION = 8

MakeVersion = Callable[..., NewVersion]


def _unit(seed: int, rows: int) -> Vectors:
    vectors = np.random.default_rng(seed).standard_normal((rows, DIMENSION)).astype(np.float32)
    unit: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


def _version(source: str, lines: list[str], **others: Any) -> NewVersion:
    text = "\n".join(lines)
    starts = [sum(len(line) + 1 for line in lines[:at]) for at in range(len(lines))]
    spans = [Span(start, start + len(line)) for start, line in zip(starts, lines, strict=True)]
    vectors = _unit(sum(text.encode()), len(lines))
    given: dict[str, Any] = {
        "document_id": None,
        "source": source,
        "origin": "",
        "title": source,
        "metadata": {},
        "raw_sha256": "0" * 64,
        "parsed": Parsed(text, "text", blocks=tuple(spans)),
        "chunks": tuple(Chunk(at, span, (span,)) for at, span in enumerate(spans)),
        "vectors": vectors,
        "sentence_vectors": tuple(quantise(vector[None]) for vector in vectors),
    }
    return NewVersion(**{**given, **others})


@pytest.fixture
def version() -> MakeVersion:
    """`version(source, lines, **fields)`: a version with a chunk and a sentence for each line."""
    return _version


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """A new SQLite database."""
    database = Database(sqlite_url(tmp_path / "catalog.sqlite3"))
    yield database
    database.close()


@pytest.fixture
def catalog(database: Database) -> Catalog:
    """A catalog in `database`, still empty."""
    return Catalog(database)


@pytest.fixture
def collection(catalog: Catalog) -> Collection:
    """The collection `default` of `catalog`, for vectors of eight numbers."""
    return catalog.ensure_collection("default", embedding_model="eight", dimension=DIMENSION)
