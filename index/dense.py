"""Search by vector: the Chroma follower. The one module that imports chromadb.

Chroma holds chunk ids and vectors and nothing else. It computes no embedding and is never asked to filter.
"""

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import chromadb
import httpx
import numpy as np
from chromadb.api.client import Client
from chromadb.api.models.Collection import Collection as ChromaCollection
from chromadb.config import Settings
from chromadb.errors import ChromaError, NotFoundError

from index.catalog import Collection, StoredChunk
from index.errors import FollowerError
from index.follow import BATCH_CHUNKS
from index.hnsw import check
from index.lifeline import end_with_parent
from index.vectors import Vector

PROBE_SECONDS = 120
_PROBED = 200
# How many vectors a search keeps in view. Chroma's 100 misses one near neighbour in 5,000, another one in each build of
# an index, so that the same question to the same documents is not always answered alike; 300 costs 0.1 to 0.2 ms more.
_EF_SEARCH = 300
_SAME = 1e-3
_MISSED_SHARE = 0.05  # the search is approximate
_DATABASE = "chroma.sqlite3"


class DenseStore:
    """Chroma for one data directory: embedded under `path`, or a Chroma server at `url`.

    An embedded store that is not `trusted` is first opened in a child process, since a torn index can end the
    process that opens it; where the child finds a fault, or has not ended after `probe_seconds`, the store is
    removed, for the catalog to fill it again.
    """

    def __init__(
        self, path: Path, *, url: str | None = None, trusted: bool, probe_seconds: float = PROBE_SECONDS
    ) -> None:
        if url is None and path.exists() and not trusted and not _is_sound(path, probe_seconds):
            shutil.rmtree(path)
        with _named_errors():
            self._client = _embedded(path) if url is None else _server(url)

    def follower(self, collection: Collection) -> "DenseFollower":
        """The follower of one of our collections; another embedding model is another Chroma collection."""
        return DenseFollower(self._client, collection)

    def close(self) -> None:
        """Close the store: what it holds is on disk then."""
        with _named_errors():
            self._client.close()


class DenseFollower:
    """The vectors of one collection in Chroma."""

    def __init__(self, client: Client, collection: Collection) -> None:
        self._client = client
        model = hashlib.sha256(collection.embedding_model.encode()).hexdigest()[:12]
        self._name = f"{collection.uid}-{model}"
        self._chunks = self._open()

    def applied(self) -> int:
        """The number of the last change that has been applied."""
        return int((self._chunks.metadata or {}).get("applied", 0))

    def apply(self, *, add: Sequence[StoredChunk], remove: Sequence[str], through: int) -> None:
        """Take chunks in and out and record change number `through`."""
        with _named_errors():
            for at in range(0, len(remove), BATCH_CHUNKS):
                self._chunks.delete(ids=list(remove[at : at + BATCH_CHUNKS]))
            for at in range(0, len(add), BATCH_CHUNKS):
                batch = add[at : at + BATCH_CHUNKS]
                self._chunks.upsert(
                    ids=[chunk.id for chunk in batch], embeddings=np.stack([chunk.vector for chunk in batch])
                )
            self._chunks.modify(metadata={"applied": through})

    def clear(self) -> None:
        """Forget everything."""
        with _named_errors():
            self._client.delete_collection(self._name)
        self._chunks = self._open()

    def count(self) -> int:
        """How many chunks it holds."""
        with _named_errors():
            return self._chunks.count()

    def ids(self) -> set[str]:
        """The ids of all chunks that it holds."""
        with _named_errors():
            return set(self._chunks.get(include=[])["ids"])

    def search(self, query: Vector, k: int) -> dict[str, float]:
        """The ids of the `k` nearest chunks with their cosine similarity to the query, best first."""
        if k < 1:
            return {}
        with _named_errors():
            found = self._chunks.query(query_embeddings=query[None], n_results=k, include=["distances"])
        distances = (found["distances"] or [[]])[0]
        return {identifier: 1 - float(d) for identifier, d in zip(found["ids"][0], distances, strict=True)}

    def _open(self) -> ChromaCollection:
        with _named_errors():
            try:
                return self._client.get_collection(self._name, embedding_function=None)
            except NotFoundError:
                return self._client.create_collection(
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


def _is_sound(path: Path, seconds: float) -> bool:
    code = "import pathlib, sys; from index.dense import probe_for_parent as p; p(pathlib.Path(sys.argv[1]))"
    # -P: the folder that the command is called in is no place to import from.
    command = [sys.executable, "-P", "-c", code, str(path)]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=quiet, stderr=quiet) as child:  # noqa: S603 - our own
        try:
            return child.wait(seconds) == 0
        except subprocess.TimeoutExpired:
            child.kill()
            return False


@contextmanager
def _named_errors() -> Iterator[None]:
    try:
        yield
    except (ChromaError, httpx.HTTPError) as error:
        raise FollowerError(
            f"Chroma failed: {error}; free its disk, or start its server, and try again; where that does not "
            "help, stop the service and remove the folder `followers` in the data directory: it is made again"
        ) from error


def _embedded(path: Path) -> Client:
    client = chromadb.PersistentClient(str(path), settings=Settings(anonymized_telemetry=False))
    return cast("Client", client)


def _server(url: str) -> Client:
    parts = urlsplit(url)
    try:
        client = chromadb.HttpClient(
            host=parts.hostname or "localhost",
            port=parts.port or (443 if parts.scheme == "https" else 8000),
            ssl=parts.scheme == "https",
            settings=Settings(anonymized_telemetry=False),
        )
    except ValueError as error:  # what Chroma raises where nobody answers
        raise FollowerError(
            f"the Chroma server at {url} can't be reached ({error}): start it, or unset QA_CHROMA_URL"
        ) from error
    return cast("Client", client)
