"""What the catalog takes and gives: collections, documents, versions, stored chunks, changes."""

import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from index.document import Chunk, Format, Heading, Locator, Parsed, Repair, Span
from index.language import Language
from index.vectors import Int8Vectors, Vector, Vectors

# Numbers that every database's integers hold.
_CHUNK_ID = re.compile(r"([0-9]{1,9})\.([0-9]{1,9})")

DocumentStatus = Literal["queued", "indexed", "failed"]


@dataclass(frozen=True, slots=True)
class Collection:
    """The documents that are searched together, and the model their vectors come from.

    `uid` tells it from the collections of every other catalog; `created_at` is a Unix time in milliseconds.
    """

    id: int
    uid: str
    name: str
    embedding_model: str
    dimension: int
    created_at: int = 0


@dataclass(frozen=True, slots=True)
class FormerCollection:
    """A collection that was deleted, or moved to another embedding model, as far as its followers are named by it."""

    uid: str
    embedding_model: str


@dataclass(frozen=True, slots=True)
class Counts:
    """How much a collection holds: documents, those that wait or have failed too, and chunks that are served."""

    documents: int
    chunks: int


@dataclass(frozen=True, slots=True)
class Document:
    """One source text as it is listed; `created_at` and `updated_at` are Unix times in milliseconds."""

    id: str
    source: str
    origin: str
    title: str
    status: DocumentStatus
    metadata: Mapping[str, str]
    format: Format | None
    raw_sha256: str | None
    text_sha256: str | None
    characters: int
    chunks: int
    created_at: int
    updated_at: int
    error_code: str | None = None
    error_message: str | None = None
    repairs: Mapping[Repair, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DocumentText:
    """The canonical text of a document's live version with its layout."""

    document_id: str
    version_id: int
    title: str
    source: str
    format: Format
    text: str
    sha256: str
    pages: tuple[int, ...]
    headings: tuple[Heading, ...]


@dataclass(frozen=True, slots=True)
class NewVersion:
    """A document's next version, ready to be stored.

    It belongs to the document `document_id`, or, where that is None, to that of its source, which is made
    where it is new. `vectors` is float32 (chunks, dimension), of unit length; `sentence_vectors` holds one
    int8 array (sentences, dimension) for each chunk, and `content_hashes` one hash, or nothing where the vectors
    are not to be used for chunks of equal content.
    """

    document_id: str | None
    source: str
    origin: str
    title: str
    metadata: Mapping[str, str]
    raw_sha256: str
    parsed: Parsed
    chunks: tuple[Chunk, ...]
    vectors: Vectors
    sentence_vectors: tuple[Int8Vectors, ...]
    content_hashes: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class StoredVectors:
    """The vectors of a chunk as they are stored, float32 and int8, and what stands above the chunk."""

    title: str
    headings: tuple[str, ...]
    vector: bytes
    sentence_vectors: bytes


@dataclass(frozen=True, slots=True)
class NewVectors:
    """What takes the place of a chunk's vectors, as it is stored: float32, int8, and the hash of their content."""

    version_id: int
    ordinal: int
    vector: bytes
    sentence_vectors: bytes
    content_hash: bytes


@dataclass(frozen=True, slots=True)
class Pending:
    """A version that is stored but not yet served."""

    document_id: str
    version_id: int


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of a document's text as it is served now; `sha256` and `characters` are those of the whole text."""

    collection: str
    sha256: str
    characters: int
    text: str


@dataclass(frozen=True, slots=True)
class ChunkText:
    """What a live or pending chunk says, and where; all spans are offsets in the document.

    `packed_sentences` holds the spans as they are stored, little-endian int32 pairs (start, end).
    """

    version_id: int
    ordinal: int
    document_id: str
    title: str
    source: str
    metadata: Mapping[str, str]
    span: Span
    text: str
    packed_sentences: bytes
    headings: tuple[str, ...]
    page: int | None
    locator: Locator = field(default="page", kw_only=True)

    @property
    def id(self) -> str:
        """The chunk's public id."""
        return chunk_id(self.version_id, self.ordinal)

    @property
    def sentences(self) -> tuple[Span, ...]:
        """The sentences' spans, made when they are asked for: followers take many more chunks than are shown."""
        return tuple(Span(start, end) for start, end in struct.iter_unpack("<ii", self.packed_sentences))


@dataclass(frozen=True, slots=True)
class StoredChunk(ChunkText):
    """A chunk with its vectors, as followers take it."""

    vector: Vector
    sentence_vectors: Int8Vectors
    language: Language = "unknown"


@dataclass(frozen=True, slots=True)
class Change:
    """One step that the followers repeat: the chunks of a version came or went."""

    seq: int
    kind: Literal["add", "remove"]
    version_id: int
    chunk_count: int

    @property
    def chunk_ids(self) -> list[str]:
        """The ids of the chunks that came or went."""
        return [chunk_id(self.version_id, ordinal) for ordinal in range(self.chunk_count)]


def chunk_id(version_id: int, ordinal: int) -> str:
    """The public id of a chunk: it names one version, so it never points at another text."""
    return f"{version_id}.{ordinal}"


def parse_chunk_id(value: str) -> tuple[int, int]:
    """The version id and ordinal in a chunk id; `ValueError` where it is none."""
    match = _CHUNK_ID.fullmatch(value)
    if match is None:
        raise ValueError(f"{value!r} is no chunk id")
    return int(match[1]), int(match[2])
