"""Documents in: loaded, split, embedded, stored, taken by the followers, and only then served.

The work overlaps: while the caller's thread embeds a document, another loads and splits those behind it, and a
third writes those before it.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import PurePath
from queue import SimpleQueue
from typing import Literal, TypeAlias

import numpy as np

from index.catalog import Catalog, Collection, Document, NewVersion
from index.document import Chunk, Parsed
from index.embed import Embedder
from index.errors import EmptyDocument, LoadError, NotFound
from index.followers import Followers
from index.load import Loader, load
from index.pipeline import Batches, Budget, Stage
from index.reuse import ChunkEmbedder, ChunkVectors, Wanted
from index.split import split
from index.upload import TITLE_CHARACTERS, Result, Upload

OnEmbedded = Callable[[str, int, int], None]

_EMBED_CHUNKS = 32
_COMMIT_CHUNKS = 1000
_COMMIT_SECONDS = 1.0  # that a document waits for others to be written with
_UNDERWAY_CHUNKS = 3000  # from loading to writing; a document of more goes alone


@dataclass(frozen=True, slots=True)
class _Read:
    """A document that is loaded and split."""

    name: str
    source: str
    origin: str
    title: str
    metadata: Mapping[str, str]
    raw_sha256: str
    document_id: str | None
    replaces: bool
    parsed: Parsed
    chunks: tuple[Chunk, ...]

    def wanted(self, start: int, end: int) -> list[Wanted]:
        """Some of its chunks, to be embedded."""
        return [Wanted(self.title, self.parsed.text, chunk) for chunk in self.chunks[start:end]]

    def with_vectors(self, made: Sequence[ChunkVectors]) -> "_Prepared":
        """The version to store."""
        version = NewVersion(
            document_id=self.document_id,
            source=self.source,
            origin=self.origin,
            title=self.title,
            metadata=self.metadata,
            raw_sha256=self.raw_sha256,
            parsed=self.parsed,
            chunks=self.chunks,
            vectors=np.stack([each.vector for each in made]),
            sentence_vectors=tuple(each.sentence_vectors for each in made),
            content_hashes=tuple(each.content_hash for each in made),
        )
        return _Prepared(self.replaces, version)


@dataclass(frozen=True, slots=True)
class _Prepared:
    replaces: bool
    version: NewVersion

    @property
    def weight(self) -> int:
        return len(self.version.chunks)


@dataclass(frozen=True, slots=True)
class _Ended:
    """A stage has come to its end, or failed."""

    stage: Literal["reading", "writing"]
    error: BaseException | None


_Heard: TypeAlias = "SimpleQueue[_Read | Result | list[Result] | _Ended]"


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
    ) -> Generator[Result]:
        """Index documents, in batches; a result is given when its document is durable and served.

        A document whose bytes, title and metadata are those of the stored version is left as it is. One that
        can't be read, or is deleted meanwhile, is a failed result; the others are not affected. What the
        collection holds of a document's content is not embedded again. `on_embedded` hears the name of the
        document at hand, how many of its chunks have their vectors, and of how many; it is called in the
        caller's thread and may raise, which ends the work.

        `uploads` is read ahead, in another thread. However the iteration ends, no thread of it is left; the
        file that is being loaded is waited for.

        Raises `ParserUnavailable`, `EmbeddingError`, `FollowerError` or `CatalogError` where what is under it
        fails, and what `uploads` raises; what was given before stays.
        """
        heard: _Heard = SimpleQueue()
        budget = Budget(_UNDERWAY_CHUNKS)
        ready: Batches[_Prepared] = Batches(weight=_COMMIT_CHUNKS, seconds=_COMMIT_SECONDS)
        stages: list[Stage] = []
        try:
            stages.append(
                Stage(
                    partial(self._read_all, uploads, heard, budget),
                    name="index-reading",
                    ended=lambda error: heard.put(_Ended("reading", error)),
                )
            )
            stages.append(
                Stage(
                    partial(self._write_all, ready, heard, budget),
                    name="index-writing",
                    ended=lambda error: heard.put(_Ended("writing", error)),
                )
            )
            yield from self._embed_all(heard, ready, budget, on_embedded)
        finally:
            budget.stop()
            ready.stop()
            for stage in stages:
                stage.join()

    def delete(self, document_id: str) -> None:
        """Remove a document; `NotFound` where the collection has none of that id."""
        self._catalog.document(self._collection, document_id)
        self._catalog.delete(document_id)
        self._followers.catch_up_own(self._collection)

    def _read_all(self, uploads: Iterable[Upload], heard: _Heard, budget: Budget) -> None:
        seen: set[str] = set()  # what these will become is not in the catalog yet
        for upload in uploads:
            item = self._read(upload, is_first=upload.source not in seen)
            if isinstance(item, _Read):
                seen.add(upload.source)
            budget.take(_weight(item))
            heard.put(item)

    def _read(self, upload: Upload, *, is_first: bool) -> _Read | Result:
        known = self._known(upload)
        if upload.document_id is not None and (known is None or known.id != upload.document_id):
            return _overtaken(upload.source, upload.document_id)
        if known and is_first and _is_same(known, upload):
            if known.origin != upload.origin:
                self._catalog.set_origin(known.id, upload.origin)
            return Result(upload.source, "unchanged", known.id, known.chunks)
        try:
            parsed = self._load(upload.data, name=upload.name)
            chunks = tuple(split(parsed, count_tokens=self._embedder.count_tokens))
            if not chunks:
                raise EmptyDocument(f"{upload.name!r} holds no text: check that it is the right file")
        except LoadError as error:
            return Result(upload.source, "failed", known.id if known else None, error=error)
        return _Read(
            name=upload.name,
            source=upload.source,
            origin=upload.origin,
            title=(upload.title or parsed.title or PurePath(upload.name).stem)[:TITLE_CHARACTERS],
            metadata=upload.metadata,
            raw_sha256=upload.sha256,
            document_id=known.id if known else None,
            replaces=known is not None and known.status == "indexed",
            parsed=parsed,
            chunks=chunks,
        )

    def _embed_all(
        self, heard: _Heard, ready: Batches[_Prepared], budget: Budget, on_embedded: OnEmbedded
    ) -> Iterator[Result]:
        """Embeds what is read, and gives the results, until all is written."""
        embedder = ChunkEmbedder(self._catalog, self._collection, self._embedder)
        waiting: deque[_Read] = deque()
        is_read = False
        while True:
            if waiting and heard.empty():
                for prepared in _embedded(_group(waiting), embedder, on_embedded):
                    ready.put(prepared, prepared.weight)
                if is_read and not waiting:
                    ready.end()
                continue
            event = heard.get()
            if isinstance(event, _Read):
                waiting.append(event)
            elif isinstance(event, Result):
                budget.give(_weight(event))
                yield event
            elif isinstance(event, list):
                yield from event
            elif event.error is not None:
                raise event.error
            elif event.stage == "writing":
                return
            else:
                is_read = True
                if not waiting:
                    ready.end()

    def _write_all(self, ready: Batches[_Prepared], heard: _Heard, budget: Budget) -> None:
        for batch in ready:
            heard.put(self._commit(batch))
            budget.give(sum(each.weight for each in batch))

    def _known(self, upload: Upload) -> Document | None:
        found = self._catalog.documents(self._collection, source=upload.source)
        return found[0] if found else None

    def _commit(self, batch: list[_Prepared]) -> list[Result]:
        stored = self._catalog.add_pending(self._collection, [each.version for each in batch])
        self._followers.catch_up(self._collection)
        live = self._catalog.publish([pending.version_id for pending in stored if pending])
        self._followers.catch_up(self._collection)
        return [
            Result(
                each.version.source,
                "replaced" if each.replaces else "indexed",
                pending.document_id,
                each.weight,
            )
            if pending and pending.version_id in live
            else _overtaken(each.version.source, each.version.document_id)
            for each, pending in zip(batch, stored, strict=True)
        ]


def _embedded(
    group: Sequence[_Read], embedder: ChunkEmbedder, on_embedded: OnEmbedded
) -> Iterator[_Prepared]:
    """A group of small documents, or one large one, with vectors."""
    if len(group) > 1:
        made = embedder.embed([each for read in group for each in read.wanted(0, len(read.chunks))])
        for read in group:
            own, made = made[: len(read.chunks)], made[len(read.chunks) :]
            on_embedded(read.name, len(own), len(own))
            yield read.with_vectors(own)
        return
    (read,) = group
    made = []
    for at in range(0, len(read.chunks), _EMBED_CHUNKS):
        made += embedder.embed(read.wanted(at, at + _EMBED_CHUNKS))
        on_embedded(read.name, len(made), len(read.chunks))
    yield read.with_vectors(made)


def _group(waiting: deque[_Read]) -> list[_Read]:
    """The next documents to embed, of `_EMBED_CHUNKS` together if there is more than one; takes them away."""
    group = [waiting.popleft()]
    room = _EMBED_CHUNKS - len(group[0].chunks)
    while waiting and len(waiting[0].chunks) <= room:
        group.append(waiting.popleft())
        room -= len(group[-1].chunks)
    return group


def _weight(item: _Read | Result) -> int:
    return len(item.chunks) if isinstance(item, _Read) else 1


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
