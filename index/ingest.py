"""Documents in: loaded, split, embedded, stored, taken by the followers, and only then served."""

import hashlib
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Literal

import numpy as np

from index.catalog import Catalog, Collection, Document, NewVersion
from index.document import Chunk
from index.embed import Embedder
from index.errors import LoadError, QAError
from index.followers import Followers
from index.load import load
from index.split import split
from index.vectors import Int8Vectors, Vectors, quantise

Outcome = Literal["indexed", "replaced", "unchanged", "failed"]

OnEmbedded = Callable[[str, int, int], None]

_COMMIT_CHUNKS = 256
_EMBED_CHUNKS = 32


@dataclass(frozen=True, slots=True)
class Upload:
    """A document as it comes in: its bytes, its name for people, and its source, which identifies it.

    A second upload from the same source is a new version. `origin` is the folder that it is synchronised from.
    """

    source: str
    name: str
    data: bytes
    title: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    origin: str = ""

    @property
    def sha256(self) -> str:
        """The hash of the bytes."""
        return hashlib.sha256(self.data).hexdigest()


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one upload; where it failed, `error` says why and what was served before still is."""

    source: str
    outcome: Outcome
    document_id: str | None
    chunks: int = 0
    error: QAError | None = None


@dataclass(frozen=True, slots=True)
class _Prepared:
    upload: Upload
    replaces: bool
    version: NewVersion


class Ingestor:
    """Writes documents into one collection. Safe to use from many threads: batches are stored one at a time."""

    def __init__(
        self, catalog: Catalog, collection: Collection, embedder: Embedder, followers: Followers
    ) -> None:
        self._catalog = catalog
        self._collection = collection
        self._embedder = embedder
        self._followers = followers
        self._lock = threading.Lock()

    def put(
        self,
        uploads: Iterable[Upload],
        *,
        on_embedded: OnEmbedded = lambda name, done, total: None,
    ) -> Iterator[Result]:
        """Index documents, in batches; a result is given when its document is durable and served.

        A document whose bytes, title and metadata are those of the stored version is left as it is. One that can't be read is a failed result; the others are not affected.
        `on_embedded` hears the name of the document at hand, how many of its chunks are embedded, and of how many.

        Raises `EmbeddingError` where the embedding model fails; what was given before stays.
        """
        batch: list[_Prepared] = []
        for upload in uploads:
            try:
                prepared = self._prepare(upload, on_embedded)
            except LoadError as error:
                known = self._known(upload)
                yield Result(upload.source, "failed", known.id if known else None, error=error)
                continue
            if isinstance(prepared, Result):
                yield prepared
                continue
            batch.append(prepared)
            if sum(len(each.version.chunks) for each in batch) >= _COMMIT_CHUNKS:
                yield from self._commit(batch)
                batch = []
        yield from self._commit(batch)

    def delete(self, document_id: str) -> None:
        """Remove a document; `NotFound` where the collection has none of that id."""
        with self._lock:
            self._catalog.document(self._collection, document_id)
            self._catalog.delete(document_id)
            self._followers.catch_up(self._collection)

    def _prepare(self, upload: Upload, on_embedded: OnEmbedded) -> _Prepared | Result:
        known = self._known(upload)
        if known and _is_same(known, upload):
            if known.origin != upload.origin:
                self._catalog.set_origin(known.id, upload.origin)
            return Result(upload.source, "unchanged", known.id, known.chunks)
        parsed = load(upload.data, name=upload.name)
        chunks = tuple(split(parsed, count_tokens=self._embedder.count_tokens))
        title = upload.title or parsed.title or PurePath(upload.name).stem
        texts = [embedded_text(title, chunk, parsed.text) for chunk in chunks]
        vectors: list[Vectors] = []
        sentence_vectors: list[Int8Vectors] = []
        for at in range(0, len(chunks), _EMBED_CHUNKS):
            part = chunks[at : at + _EMBED_CHUNKS]
            sentences = [sentence.of(parsed.text) for chunk in part for sentence in chunk.sentences]
            embedded = self._embedder.embed([*texts[at : at + _EMBED_CHUNKS], *sentences])
            vectors.append(embedded[: len(part)])
            rest = quantise(embedded[len(part) :])
            for chunk in part:
                sentence_vectors.append(rest[: len(chunk.sentences)])
                rest = rest[len(chunk.sentences) :]
            on_embedded(upload.name, at + len(part), len(chunks))
        document_id = self._catalog.reserve(self._collection, source=upload.source, origin=upload.origin)
        version = NewVersion(
            document_id=document_id,
            title=title,
            metadata=upload.metadata,
            raw_sha256=upload.sha256,
            parsed=parsed,
            chunks=chunks,
            vectors=np.concatenate(vectors),
            sentence_vectors=tuple(sentence_vectors),
        )
        return _Prepared(upload, known is not None and known.status == "indexed", version)

    def _known(self, upload: Upload) -> Document | None:
        found = self._catalog.documents(self._collection, source=upload.source)
        return found[0] if found else None

    def _commit(self, batch: list[_Prepared]) -> list[Result]:
        if not batch:
            return []
        with self._lock:
            version_ids = self._catalog.add_pending(self._collection, [each.version for each in batch])
            self._followers.catch_up(self._collection)
            self._catalog.publish(version_ids)
            self._followers.catch_up(self._collection)
        return [
            Result(
                each.upload.source,
                "replaced" if each.replaces else "indexed",
                each.version.document_id,
                len(each.version.chunks),
            )
            for each in batch
        ]


def embedded_text(title: str, chunk: Chunk, text: str) -> str:
    """What is embedded for a chunk: its title and heading path, then the text of its span."""
    path = [title, *(heading for heading in chunk.headings if heading != title)]
    return f"{' > '.join(path)}\n{chunk.span.of(text)}"


def _is_same(known: Document, upload: Upload) -> bool:
    return (
        known.status == "indexed"
        and known.raw_sha256 == upload.sha256
        and dict(known.metadata) == dict(upload.metadata)
        and upload.title in (None, known.title)
    )
