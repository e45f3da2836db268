"""The vectors of chunks: from the catalog where it holds equal content, from the embedding model where not.

Looked for are the text of a chunk and where its sentences begin and end. Its sentences' vectors are made of no
more than that; its own is also made of the headings above it, and is taken only from under the same ones. What
was found belongs to the collection's documents, and goes with the last of them that holds it.
"""

import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from index.catalog import Catalog, Collection, StoredVectors
from index.document import Chunk
from index.embed import Embedder
from index.hyphens import joined
from index.vectors import Int8Vectors, Vector, Vectors, quantise

_REVISION = 1  # of how a chunk's text becomes the texts that are embedded: to be raised when that changes
_REMEMBERED_TEXTS = 4096
_HASH_BYTES = 16
_SLACK = 1e-3  # of a unit vector's length


@dataclass(frozen=True, slots=True)
class Wanted:
    """A chunk of a document's text, and the title that the document has."""

    title: str
    text: str
    chunk: Chunk


@dataclass(frozen=True, slots=True)
class ChunkVectors:
    """What is stored for a chunk: its vector, one for each sentence, and the hash of what these were made of."""

    vector: Vector
    sentence_vectors: Int8Vectors
    content_hash: bytes


class ChunkEmbedder:
    """Embeds the chunks of one collection; of equal texts that come soon after each other, one is embedded.

    For one thread at a time.
    """

    def __init__(self, catalog: Catalog, collection: Collection, embedder: Embedder) -> None:
        self._catalog = catalog
        self._embedder = embedder
        self._dimension = collection.dimension
        self._salt = repr((_REVISION, collection.uid, collection.embedding_model)).encode()
        self._remembered: dict[str, Vector] = {}

    def embed(self, wanted: Sequence[Wanted]) -> list[ChunkVectors]:
        """The chunks' vectors, in order; raises `EmbeddingError` and `CatalogError`."""
        hashes = [self._hash(each) for each in wanted]
        stored = self._catalog.stored_vectors(hashes)
        found = [
            _usable(each, stored.get(key, ()), self._dimension)
            for each, key in zip(wanted, hashes, strict=True)
        ]
        texts: list[str] = []
        for each, (vector, sentence_vectors) in zip(wanted, found, strict=True):
            if vector is None:
                texts.append(embedded_text(each.title, each.chunk, each.text))
            if sentence_vectors is None:
                texts += (joined(sentence.of(each.text)) for sentence in each.chunk.sentences)
        rows = self._vectors(texts)
        small = quantise(rows)
        made, at = [], 0
        for each, key, (vector, sentence_vectors) in zip(wanted, hashes, found, strict=True):
            if vector is None:
                vector, at = rows[at], at + 1
            if sentence_vectors is None:
                count = len(each.chunk.sentences)
                sentence_vectors, at = small[at : at + count], at + count
            made.append(ChunkVectors(vector, sentence_vectors, key))
        return made

    def _hash(self, wanted: Wanted) -> bytes:
        span = wanted.chunk.span
        offsets = [at - span.start for each in wanted.chunk.sentences for at in (each.start, each.end)]
        content = hashlib.blake2b(self._salt, digest_size=_HASH_BYTES)
        content.update(struct.pack(f"<i{len(offsets)}i", len(offsets), *offsets))
        content.update(span.of(wanted.text).encode("utf-8", "surrogatepass"))
        return content.digest()

    def _vectors(self, texts: Sequence[str]) -> Vectors:
        remembered = self._remembered
        new = [text for text in dict.fromkeys(texts) if text not in remembered]
        if new:
            remembered.update(zip(new, self._embedder.embed(new), strict=True))
        rows = np.empty((len(texts), self._dimension), np.float32)
        for row, text in zip(rows, texts, strict=True):
            row[:] = remembered[text]
        for text in [*remembered][: max(0, len(remembered) - _REMEMBERED_TEXTS)]:
            del remembered[text]
        return rows


def embedded_text(title: str, chunk: Chunk, text: str) -> str:
    """What is embedded for a chunk: its title and heading path, then the text of its span with its words joined."""
    return f"{_path(title, chunk.headings)}\n{joined(chunk.span.of(text))}"


def _path(title: str, headings: Sequence[str]) -> str:
    return " > ".join([title, *(heading for heading in headings if heading != title)])


def _usable(
    wanted: Wanted, stored: Sequence[StoredVectors], dimension: int
) -> tuple[Vector | None, Int8Vectors | None]:
    """What can be taken from stored chunks of equal content: the chunk's vector, and its sentences'."""
    path = _path(wanted.title, wanted.chunk.headings)
    vector: Vector | None = None
    sentence_vectors: Int8Vectors | None = None
    for each in stored:
        if len(each.sentence_vectors) == len(wanted.chunk.sentences) * dimension:
            sentence_vectors = np.frombuffer(each.sentence_vectors, np.int8).reshape(-1, dimension)
        if vector is None and _path(each.title, each.headings) == path:
            vector = _unpacked(each.vector, dimension)
    return vector, sentence_vectors


def _unpacked(stored: bytes, dimension: int) -> Vector | None:
    """The vector, unless what is stored is damaged and none of unit length."""
    if len(stored) != 4 * dimension:
        return None
    vector = np.frombuffer(stored, "<f4").astype(np.float32)
    return vector if abs(float(np.linalg.norm(vector)) - 1) < _SLACK else None
