"""What the tests of the index share: databases, and versions of documents that need no embedding model."""

from collections.abc import Callable
from typing import Any

import httpx
import numpy as np
import pytest

from index.catalog import Catalog, Collection, Database, NewVersion
from index.chroma_session import ChromaAddress, Session
from index.document import Chunk, Parsed, Span
from index.followers import Followers
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


def expected(catalog: Catalog, collection: Collection) -> set[str]:
    """The ids of the chunks that a follower of the collection has to hold."""
    return {f"{version}.{at}" for version, n in catalog.held_versions(collection).items() for at in range(n)}


def put(catalog: Catalog, collection: Collection, followers: Followers, *new: NewVersion) -> None:
    """Store new versions and serve them."""
    pending = catalog.add_pending(collection, new)
    followers.catch_up(collection)
    catalog.publish([each.version_id for each in pending if each])
    followers.catch_up(collection)


def answers(url: str) -> bool:
    """Whether a Chroma server answers there."""
    try:
        with Session(ChromaAddress(url)) as session:
            session.greet()
    except httpx.HTTPError:
        return False
    return True


@pytest.fixture
def version() -> MakeVersion:
    """`version(source, lines, **fields)`: a version with a chunk and a sentence for each line."""
    return _version


@pytest.fixture
def catalog(database: Database) -> Catalog:
    """A catalog in `database`, still empty."""
    return Catalog(database)


@pytest.fixture
def collection(catalog: Catalog) -> Collection:
    """The collection `default` of `catalog`, for vectors of eight numbers."""
    return catalog.ensure_collection("default", embedding_model="eight", dimension=DIMENSION)
