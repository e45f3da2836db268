"""A collection moves to another embedding model: its chunks are embedded again from the catalog, then it moves at once.

Until then it has the vectors that it had. What is embedded is staged in a file (`index.staged`), so that work that
was cut off goes on where it was. The move is one transaction, and gives the collection a new `uid`: what searches
it is made again under the new one, and what was made of the old vectors belongs to no collection any more.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from index.catalog import Catalog, Collection, StoredChunk
from index.document import Chunk
from index.embed import Embedder
from index.reuse import ChunkEmbedder, ChunkVectors, Wanted, embedded_text
from index.staged import Place, Row, Staged, staging_path

OnReembedded = Callable[[str, int, int], None]
"""Hears a collection's name, how many chunks have been embedded in this call, and how many will be."""

_EMBED_CHUNKS = 32
_PLACE_CHUNKS = 1000
_KEY_BYTES = 16
_UID_BYTES = 8


@dataclass(frozen=True, slots=True)
class Reembedded:
    """What came of it: the collection as it is now, the chunks embedded for it, and those that were embedded before."""

    collection: Collection
    embedded: int
    staged: int


def reembed(
    catalog: Catalog,
    collection: Collection,
    embedder: Embedder,
    folder: Path,
    *,
    on_embedded: OnReembedded = lambda _name, _done, _total: None,
    before_move: Callable[[], None] = lambda: None,
) -> Reembedded:
    """Embed a collection with another model and have it move; nobody else may write to it meanwhile.

    The staging file is in `folder`. `on_embedded` may raise, as `before_move` may, which is called when all is
    embedded: the collection stays as it is then, and the next call goes on from there. So it does after
    `EmbeddingError`, `CatalogError` and the end of the process; what was at hand, at most 32 chunks, is embedded
    once more. Raises `NotFound` where the collection is deleted meanwhile.
    """
    moved = replace(
        collection,
        uid=_next_uid(collection, embedder.name),
        embedding_model=embedder.name,
        dimension=embedder.dimension,
    )
    staged = Staged(staging_path(folder, collection, embedder.name))
    try:
        versions = catalog.held_versions(collection)
        staged.keep(versions)
        stage = _Stage(catalog, moved, embedder, staged)
        before, total = staged.count(), sum(versions.values())
        on_embedded(collection.name, 0, total - before)
        for done in stage.fill(versions):
            on_embedded(collection.name, done, max(done, total - before))
        staged.require_all()
        before_move()
        catalog.change_model(collection, moved, staged.vectors(), versions_seen=versions)
        staged.remove()
    finally:
        staged.close()
    return Reembedded(moved, stage.embedded, total - stage.embedded)


class _Stage:
    """Fills a staging file for a collection as it will be when it has moved."""

    def __init__(self, catalog: Catalog, moved: Collection, embedder: Embedder, staged: Staged) -> None:
        self._catalog = catalog
        self._collection = moved
        self._embedder = ChunkEmbedder(catalog, moved, embedder)
        self._staged = staged
        self._salt = repr((moved.embedding_model, moved.dimension)).encode()
        self.embedded = 0

    def fill(self, version_ids: Iterable[int]) -> Iterator[int]:
        """Embed what lacks its vectors; gives how many chunks these are by now, whenever more are on the disk."""
        for group in self._groups(version_ids):
            places = [(Place(each.version_id, each.ordinal, self._key(each)), each) for each in group]
            held = self._staged.place([place for place, _ in places])
            missing: dict[bytes, list[StoredChunk]] = {}
            for place, chunk in places:
                if place.key not in held:
                    missing.setdefault(place.key, []).append(chunk)
            keys = [*missing]
            for at in range(0, len(keys), _EMBED_CHUNKS):
                batch = {key: missing[key] for key in keys[at : at + _EMBED_CHUNKS]}
                self._embed({key: equal[0] for key, equal in batch.items()})
                self.embedded += sum(map(len, batch.values()))
                yield self.embedded

    def _groups(self, version_ids: Iterable[int]) -> Iterator[list[StoredChunk]]:
        """The chunks of all versions, in groups of about `_PLACE_CHUNKS`."""
        group: list[StoredChunk] = []
        for version_id in version_ids:
            group += self._catalog.version_chunks(self._collection, version_id)
            if len(group) >= _PLACE_CHUNKS:
                yield group
                group = []
        yield group

    def _embed(self, missing: Mapping[bytes, StoredChunk]) -> None:
        made = self._embedder.embed([_wanted(chunk) for chunk in missing.values()])
        self._staged.add(_row(key, each) for key, each in zip(missing, made, strict=True))

    def _key(self, stored: StoredChunk) -> bytes:
        wanted = _wanted(stored)
        content = hashlib.blake2b(self._salt, digest_size=_KEY_BYTES)
        embedded = embedded_text(wanted.title, wanted.chunk, wanted.text)
        for part in (embedded, stored.text, repr(wanted.chunk.sentences)):
            data = part.encode("utf-8", "surrogatepass")
            content.update(len(data).to_bytes(8, "little") + data)
        return content.digest()


def _wanted(stored: StoredChunk) -> Wanted:
    """What is to be embedded, with the chunk's own text in the place of its document's."""
    start = stored.span.start
    chunk = Chunk(
        stored.ordinal,
        stored.span.moved(-start),
        tuple(sentence.moved(-start) for sentence in stored.sentences),
        stored.headings,
    )
    return Wanted(stored.title, stored.text, chunk)


def _row(key: bytes, made: ChunkVectors) -> Row:
    return Row(key, made.vector.astype("<f4").tobytes(), made.sentence_vectors.tobytes(), made.content_hash)


def _next_uid(collection: Collection, embedding_model: str) -> str:
    """The same for each call, so that the hashes of what is staged are those of the moved collection."""
    seed = f"{collection.uid} {embedding_model}".encode()
    return hashlib.blake2b(seed, digest_size=_UID_BYTES).hexdigest()
