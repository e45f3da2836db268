"""Documents in: loaded, split, embedded, stored, taken by the followers, and only then served."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath

import numpy as np

from index.catalog import Catalog, Collection, Document, NewVersion
from index.document import Chunk
from index.embed import Embedder
from index.errors import EmptyDocument, LoadError, NotFound
from index.followers import Followers
from index.hyphens import joined
from index.load import Loader, load
from index.split import split
from index.upload import TITLE_CHARACTERS, Result, Upload
from index.vectors import Int8Vectors, Vectors, quantise

OnEmbedded = Callable[[str, int, int], None]

_COMMIT_CHUNKS = 256
_EMBED_CHUNKS = 32


@dataclass(frozen=True, slots=True)
class _Prepared:
    replaces: bool
    version: NewVersion


class Ingestor:
    """Writes documents into one collection. Safe to use from many threads.

    `load` reads the files; those of strangers are for a `ChildLoader`.
    """

    def __init__(
        self,
        catalog: Catalog,
        collection: Collection,
        embedder: Embedder,
        followers: Followers,
        *,
        load: Loader = load,
    ) -> None:
        self._catalog = catalog
        self._collection = collection
        self._embedder = embedder
        self._followers = followers
        self._load = load

    def put(
        self,
        uploads: Iterable[Upload],
        *,
        on_embedded: OnEmbedded = lambda _name, _done, _total: None,
    ) -> Iterator[Result]:
        """Index documents, in batches; a result is given when its document is durable and served.

        A document whose bytes, title and metadata are those of the stored version is left as it is. One that
        can't be read, or is deleted meanwhile, is a failed result; the others are not affected. `on_embedded`
        hears the name of the document at hand, how many of its chunks are embedded, and of how many.

        Raises `ParserUnavailable`, `EmbeddingError`, `FollowerError` or `CatalogError` where what is under it
        fails; what was given before stays.
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
        self._catalog.document(self._collection, document_id)
        self._catalog.delete(document_id)
        self._followers.catch_up(self._collection)

    def _prepare(self, upload: Upload, on_embedded: OnEmbedded) -> _Prepared | Result:
        known = self._known(upload)
        if upload.document_id is not None and (known is None or known.id != upload.document_id):
            return _overtaken(upload.source, upload.document_id)
        if known and _is_same(known, upload):
            if known.origin != upload.origin:
                self._catalog.set_origin(known.id, upload.origin)
            return Result(upload.source, "unchanged", known.id, known.chunks)
        parsed = self._load(upload.data, name=upload.name)
        chunks = tuple(split(parsed, count_tokens=self._embedder.count_tokens))
        if not chunks:
            raise EmptyDocument(f"{upload.name!r} holds no text: check that it is the right file")
        title = (upload.title or parsed.title or PurePath(upload.name).stem)[:TITLE_CHARACTERS]
        vectors, sentence_vectors = self._embed(upload.name, title, parsed.text, chunks, on_embedded)
        version = NewVersion(
            document_id=known.id if known else None,
            source=upload.source,
            origin=upload.origin,
            title=title,
            metadata=upload.metadata,
            raw_sha256=upload.sha256,
            parsed=parsed,
            chunks=chunks,
            vectors=vectors,
            sentence_vectors=sentence_vectors,
        )
        return _Prepared(known is not None and known.status == "indexed", version)

    def _embed(
        self, name: str, title: str, text: str, chunks: Sequence[Chunk], on_embedded: OnEmbedded
    ) -> tuple[Vectors, tuple[Int8Vectors, ...]]:
        vectors: list[Vectors] = []
        sentence_vectors: list[Int8Vectors] = []
        for at in range(0, len(chunks), _EMBED_CHUNKS):
            part = chunks[at : at + _EMBED_CHUNKS]
            sentences = [joined(sentence.of(text)) for chunk in part for sentence in chunk.sentences]
            whole = [embedded_text(title, chunk, text) for chunk in part]
            embedded = self._embedder.embed([*whole, *sentences])
            vectors.append(embedded[: len(part)])
            rest = quantise(embedded[len(part) :])
            for chunk in part:
                sentence_vectors.append(rest[: len(chunk.sentences)])
                rest = rest[len(chunk.sentences) :]
            on_embedded(name, at + len(part), len(chunks))
        return np.concatenate(vectors), tuple(sentence_vectors)

    def _known(self, upload: Upload) -> Document | None:
        found = self._catalog.documents(self._collection, source=upload.source)
        return found[0] if found else None

    def _commit(self, batch: list[_Prepared]) -> list[Result]:
        if not batch:
            return []
        stored = self._catalog.add_pending(self._collection, [each.version for each in batch])
        self._followers.catch_up(self._collection)
        live = self._catalog.publish([pending.version_id for pending in stored if pending])
        self._followers.catch_up(self._collection)
        return [
            Result(
                each.version.source,
                "replaced" if each.replaces else "indexed",
                pending.document_id,
                len(each.version.chunks),
            )
            if pending and pending.version_id in live
            else _overtaken(each.version.source, each.version.document_id)
            for each, pending in zip(batch, stored, strict=True)
        ]


def embedded_text(title: str, chunk: Chunk, text: str) -> str:
    """What is embedded for a chunk: its title and heading path, then the text of its span with its words joined."""
    path = [title, *(heading for heading in chunk.headings if heading != title)]
    return f"{' > '.join(path)}\n{joined(chunk.span.of(text))}"


def _is_same(known: Document, upload: Upload) -> bool:
    return (
        known.status == "indexed"
        and known.raw_sha256 == upload.sha256
        and dict(known.metadata) == dict(upload.metadata)
        and upload.title in (None, known.title)
    )


def _overtaken(source: str, document_id: str | None) -> Result:
    error = NotFound(f"{source!r} was deleted, or uploaded once more, while it was indexed")
    return Result(source, "failed", document_id, error=error)
