"""Search by vector: the Chroma follower. The one module that imports chromadb.

Chroma holds chunk ids and vectors and nothing else. It computes no embedding and is never asked to filter.
"""

import hashlib
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic
from typing import TypeVar, cast

import chromadb
import httpx
import numpy as np
from chromadb.api.client import Client
from chromadb.api.fastapi import FastAPI
from chromadb.api.models.Collection import Collection as ChromaCollection
from chromadb.config import Settings
from chromadb.errors import ChromaError, NotFoundError

from index.catalog import Collection, FormerCollection, StoredChunk
from index.chroma_probe import PROBE_SECONDS, remove_unsound
from index.chroma_session import ChromaAddress, Session
from index.errors import FollowerError, FollowerUnreachable
from index.follow import BATCH_CHUNKS
from index.hnsw import check
from index.keys import NO_HITS, Hits, keys_of_ids
from index.lifeline import end_with_parent
from index.vectors import Vector

T = TypeVar("T")

_PAUSE_SECONDS = 0.5
_PROBED = 200
# How many vectors a search keeps in view. Chroma's 100 misses one near neighbour in 5,000, another one in each build of
# an index, so that the same question to the same documents is not always answered alike; 300 costs 0.1 to 0.2 ms more.
_EF_SEARCH = 300
_SAME = 1e-3
_MISSED_SHARE = 0.05  # the search is approximate
_DATABASE = "chroma.sqlite3"


class DenseStore:
    """Chroma for one data directory: embedded under `path`, or a Chroma `server`, which others may use, too.

    An embedded store that is not `trusted` is first opened in a child process, since a torn index can end the
    process that opens it; where the child finds a fault, or has not ended after `probe_seconds`, the store is
    removed, for the catalog to fill it again. A server is connected to when it is first needed, and again when
    that failed: `FollowerError` says so meanwhile.
    """

    def __init__(
        self,
        path: Path,
        *,
        server: ChromaAddress | None = None,
        trusted: bool,
        probe_seconds: float = PROBE_SECONDS,
    ) -> None:
        self._server = server
        self._connecting = threading.Lock()
        self._opened: Client | None = None
        self._tried_at = -_PAUSE_SECONDS
        if server is None:
            if not trusted:
                remove_unsound(path, seconds=probe_seconds)
            with _named_errors():
                self._opened = _embedded(path)

    def client(self) -> Client:
        """The connection, or the embedded store."""
        with self._connecting:
            if self._opened is None:
                if (
                    monotonic() < self._tried_at + _PAUSE_SECONDS
                ):  # so that nobody waits for what others waited for
                    raise FollowerUnreachable(
                        f"the Chroma server at {self._server} does not answer: start it"
                    )
                try:
                    self._opened = _connected(cast("ChromaAddress", self._server))
                finally:
                    self._tried_at = monotonic()
            return self._opened

    def look(self) -> None:
        """Raise `FollowerError` where a server does not answer."""
        client = self.client()
        with _named_errors():
            client.heartbeat()

    def follower(self, collection: Collection) -> "DenseFollower":
        """The follower of one of our collections; another embedding model is another Chroma collection."""
        return DenseFollower(self.client, collection, is_shared=self._server is not None)

    def remove(self, collection: Collection | FormerCollection) -> None:
        """Remove one of our collections with its vectors; nothing where it is not there."""
        client = self.client()
        with _named_errors(), suppress(NotFoundError):
            client.delete_collection(_name(collection))

    def remove_others(self, collections: Iterable[Collection]) -> None:
        """Remove what belongs to none of these from an embedded store; a server may be there for other catalogs."""
        if self._server is not None:
            return
        client = self.client()
        kept = {_name(each) for each in collections}
        with _named_errors():
            for each in client.list_collections():
                if each.name not in kept:
                    client.delete_collection(each.name)

    def close(self) -> None:
        """Close the store: what it holds is on disk then."""
        with _named_errors():
            if self._opened is not None:
                if self._server is not None:
                    _http(self._opened)._session.close()
                self._opened.close()


class DenseFollower:
    """The vectors of one collection in Chroma.

    Where Chroma `is_shared`, its collection may be missing, or have been made again by another process: who
    searches opens it anew then, and who writes finds by `applied` that it has to begin from nothing.
    """

    def __init__(self, client: Callable[[], Client], collection: Collection, *, is_shared: bool) -> None:
        self._client = client
        self._name = _name(collection)
        self._is_shared = is_shared
        self._read = self._written = None if is_shared else self._make()

    def applied(self) -> int:
        """The number of the last change that has been applied."""
        if self._is_shared:
            self._written = self._find()
        return int((self._written.metadata or {}).get("applied", 0)) if self._written else 0

    def apply(self, *, add: Sequence[StoredChunk], remove: Sequence[str], through: int) -> None:
        """Take chunks in and out and record change number `through`."""
        if self._written is None:
            self._written = self._make()
        # No other than the one whose number was asked for: one made since may lack what came before.
        chunks = self._written
        with _named_errors():
            for at in range(0, len(remove), BATCH_CHUNKS):
                chunks.delete(ids=list(remove[at : at + BATCH_CHUNKS]))
            for at in range(0, len(add), BATCH_CHUNKS):
                batch = add[at : at + BATCH_CHUNKS]
                chunks.upsert(
                    ids=[chunk.id for chunk in batch], embeddings=np.stack([chunk.vector for chunk in batch])
                )
            chunks.modify(metadata={"applied": through})

    def clear(self) -> None:
        """Forget everything."""
        client = self._client()
        with _named_errors(), suppress(NotFoundError):
            client.delete_collection(self._name)
        self._read = self._written = self._make()

    def count(self) -> int:
        """How many chunks it holds."""
        return self._do(lambda chunks: chunks.count())

    def ids(self) -> set[str]:
        """The ids of all chunks that it holds."""
        return self._do(lambda chunks: set(chunks.get(include=[])["ids"]))

    def search(self, query: Vector, k: int) -> Hits:
        """The `k` nearest chunks with their cosine similarity to the query."""
        if k < 1:
            return NO_HITS
        found = self._do(
            lambda chunks: chunks.query(query_embeddings=query[None], n_results=k, include=["distances"])
        )
        distances = np.array((found["distances"] or [[]])[0], np.float64)
        return Hits(keys_of_ids(found["ids"][0]), 1 - distances)

    def _do(self, call: Callable[[ChromaCollection], T]) -> T:
        """Read from Chroma's collection, and once more where it is not the one that was opened."""
        read = self._read
        with _named_errors():
            if read is not None:
                try:
                    return call(read)
                except NotFoundError:
                    if not self._is_shared:
                        raise
            self._read = read = self._client().get_collection(self._name, embedding_function=None)
            return call(read)

    def _find(self) -> ChromaCollection | None:
        with _named_errors():
            try:
                return self._client().get_collection(self._name, embedding_function=None)
            except NotFoundError:
                return None

    def _make(self) -> ChromaCollection:
        client = self._client()
        with _named_errors():
            return client.get_or_create_collection(
                self._name,
                embedding_function=None,
                configuration={"hnsw": {"space": "cosine", "ef_search": _EF_SEARCH}},
                metadata={"applied": 0},
            )


def probe(path: Path) -> None:
    """Open the store under `path`, read all its vectors, and search it for some of them.

    Raises `ValueError` where files don't fit together or vectors do not find themselves, and whatever Chroma
    raises, or ends the process, where it is damaged.
    """
    if not (path / _DATABASE).is_file():
        raise ValueError(f"{path} has no {_DATABASE}")
    for header in path.glob("*/header.bin"):
        check(header.parent)
    client = _embedded(path)
    for collection in client.list_collections():
        _probe_collection(client.get_collection(collection.name, embedding_function=None))
    client.close()


def _probe_collection(chunks: ChromaCollection) -> None:
    ids = chunks.get(include=[])["ids"]
    every = max(1, len(ids) // _PROBED)
    searched = missed = 0
    for at in range(0, len(ids), BATCH_CHUNKS):
        batch = ids[at : at + BATCH_CHUNKS]
        vectors = np.asarray(chunks.get(ids=batch, include=["embeddings"])["embeddings"])
        if len(vectors) != len(batch):
            raise ValueError(f"{chunks.name} has lost {len(batch) - len(vectors)} vectors of {len(batch)}")
        found = chunks.query(query_embeddings=vectors[::every], n_results=1, include=["distances"])
        for distances in found["distances"] or []:
            searched += 1
            missed += not distances or distances[0] > _SAME
    if missed > _MISSED_SHARE * searched:
        raise ValueError(f"{missed} vectors of {searched} in {chunks.name} do not find themselves")


def probe_for_parent(path: Path) -> None:
    """`probe`, in a process that ends with the one that holds the other end of its standard input."""
    end_with_parent()
    probe(path)


def _name(collection: Collection | FormerCollection) -> str:
    model = hashlib.sha256(collection.embedding_model.encode()).hexdigest()[:12]
    return f"{collection.uid}-{model}"


@contextmanager
def _named_errors() -> Iterator[None]:
    try:
        yield
    except httpx.TransportError as error:
        raise FollowerUnreachable(
            f"the Chroma server does not answer ({error}): start it, or wait until it has started"
        ) from error
    except (ChromaError, httpx.HTTPError) as error:
        raise FollowerError(
            f"Chroma failed: {error}; free its disk, or start its server, and try again; where that does not "
            "help, stop the service and call `qa doctor --repair`, which makes its files again"
        ) from error


def _embedded(path: Path) -> Client:
    client = chromadb.PersistentClient(str(path), settings=Settings(anonymized_telemetry=False))
    return cast("Client", client)


def _connected(server: ChromaAddress) -> Client:
    """A connection to a Chroma server; its client has no time limits of its own, and gets a session that has."""
    session = Session(server)
    try:
        session.greet()
        parts = httpx.URL(server.base)
        client = cast(
            "Client",
            chromadb.HttpClient(
                host=server.base,
                port=parts.port or 443,
                ssl=parts.scheme == "https",
                headers=dict(server.headers),
                settings=Settings(anonymized_telemetry=False),
            ),
        )
    except (httpx.HTTPError, ValueError) as error:  # a ValueError is what Chroma makes of the others
        session.close()
        raise FollowerUnreachable(
            f"the Chroma server at {server} can't be used ({error}): start it, see that "
            "QA_CHROMA_HEADERS is what it asks for, or unset QA_CHROMA_URL"
        ) from error
    for each in (client, cast("Client", client._admin_client)):
        _http(each)._session.close()
    _http(client)._session = session
    return client


def _http(client: Client) -> FastAPI:
    return cast("FastAPI", client._server)
