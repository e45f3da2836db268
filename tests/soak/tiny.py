"""An index on a real data directory that is cheap to fill: a model of hashed words, and what reads it back.

The embedder is a real one, as an embedder goes (texts with the same words have near vectors), and counts its calls.
"""

import shutil
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from index.catalog import Catalog, Collection, Database, sqlite_url
from index.document import Passage
from index.embed import Vector, Vectors
from index.errors import QAError
from index.followers import Followers
from index.ingest import Ingestor
from index.retrieve import Retriever
from index.terms import terms
from index.upload import Upload

DIMENSION = 64


class TinyEmbedder:
    """Embeds a text as the sum of its terms' random directions, of unit length; `calls` counts the texts."""

    def __init__(self, name: str = "tiny", dimension: int = DIMENSION) -> None:
        self.name = name
        self.dimension = dimension
        self.calls = 0

    def embed(self, texts: Sequence[str]) -> Vectors:
        self.calls += len(texts)
        return np.stack([_vector(text, self.dimension) for text in texts])

    def embed_query(self, text: str) -> Vector:
        return _vector(text, self.dimension)

    def count_tokens(self, text: str) -> int:
        return len(text.split())

    def close(self) -> None:
        """Nothing is held."""


def _vector(text: str, dimension: int) -> Vector:
    total = np.full(dimension, 1e-3, np.float32)
    for term in terms(text):
        total += np.random.default_rng(zlib.crc32(term.encode())).standard_normal(dimension, np.float32)
    unit: Vector = total / np.linalg.norm(total)
    return unit


@dataclass
class Index:
    """An index that is open: what writes, what searches, and what is under them."""

    database: Database
    catalog: Catalog
    collection: Collection
    followers: Followers
    ingestor: Ingestor
    retriever: Retriever

    def put(self, **texts: str) -> None:
        """Store or replace documents, each under its keyword as the source."""
        results = list(
            self.ingestor.put(Upload(name, f"{name}.txt", text.encode()) for name, text in texts.items())
        )
        assert [each.error for each in results] == [None] * len(texts), results

    def delete(self, source: str) -> None:
        (document,) = self.catalog.documents(self.collection, source=source)
        self.ingestor.delete(document.id)

    def search(self, query: str, k: int = 5) -> tuple[Passage, ...]:
        return self.retriever.search(self.collection, query, k=k).passages

    def close(self) -> None:
        self.followers.close()
        self.database.close()


def open_index(data_dir: Path, embedder: TinyEmbedder, *, name: str = "default") -> Index:
    """The index in a data directory, made where there is none."""
    data_dir.mkdir(exist_ok=True)
    database = Database(sqlite_url(data_dir / "catalog.sqlite3"))
    try:
        catalog = Catalog(database)
        collection = catalog.ensure_collection(
            name, embedding_model=embedder.name, dimension=embedder.dimension
        )
        followers = Followers(data_dir / "followers", catalog)
    except QAError:
        database.close()
        raise
    return Index(
        database,
        catalog,
        collection,
        followers,
        Ingestor(catalog, collection, embedder, followers),
        Retriever(catalog, embedder, followers),
    )


def copy(source: Path, data_dir: Path) -> None:
    """A copy of a data directory that is closed, for which its files have not changed."""
    shutil.copytree(source, data_dir)


@contextmanager
def opened_index(data_dir: Path, embedder: TinyEmbedder) -> Iterator[Index]:
    """The index in a data directory, closed cleanly when the block has ended."""
    index = open_index(data_dir, embedder)
    try:
        yield index
    finally:
        index.close()


def check(index: Index, texts: dict[str, str], *, gone: Sequence[str] = ()) -> None:
    """Raise AssertionError unless the index holds exactly these texts by source, and nothing of what has `gone`.

    Each text is found by its first sentence, every passage is what its span says, and no search shows another text.
    `gone` are words that stand in no text any more.
    """
    catalog = index.catalog
    documents = {each.source: each for each in catalog.documents(index.collection)}
    assert {each.status for each in documents.values()} <= {"indexed"}
    stored = {each.id: catalog.text(each.id).text for each in documents.values()}
    assert {source: stored[each.id] for source, each in documents.items()} == texts
    assert catalog.pending(index.collection) == []
    for source, text in texts.items():
        found = index.search(text.partition("\n")[0])
        assert found, f"{source} finds nothing"
        assert found[0].document_id == documents[source].id, f"{source} does not find itself"
        _check_passages(found, stored)
    for word in gone:
        found = index.search(word)
        _check_passages(found, stored)
        assert word not in "".join(each.text for each in found)


def _check_passages(found: Sequence[Passage], stored: dict[str, str]) -> None:
    assert len({each.chunk_id for each in found}) == len(found), "a passage comes twice"
    for passage in found:
        assert passage.document_id in stored, "a document that is gone was found"
        text = stored[passage.document_id]
        assert passage.span.of(text) == passage.text
        assert all(each.span.of(text) == each.text for each in passage.sentences)
