"""Search by vector: the Chroma follower. The one module that imports chromadb.

Chroma holds chunk ids and vectors and nothing else. It computes no embedding and is never asked to filter.
"""

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import chromadb
import numpy as np
from chromadb.api.client import Client
from chromadb.api.models.Collection import Collection as ChromaCollection
from chromadb.config import Settings
from chromadb.errors import NotFoundError

from index.catalog import Collection, StoredChunk
from index.follow import BATCH_CHUNKS
from index.vectors import Vector

PROBE_SECONDS = 120
_PROBED = 200
_DIRTY = "open"


class DenseStore:
    """Chroma for one data directory: embedded under `path`, or a Chroma server at `url`.

    An embedded store that was not closed is first opened in a child process, since a torn index can end the
    process that opens it; where the child finds a fault, the store is removed, for the catalog to fill it again.
    """

    def __init__(self, path: Path, *, url: str | None = None) -> None:
        self._dirty = None if url else path / _DIRTY
        self.was_unclean = bool(self._dirty and self._dirty.exists())
        if url:
            self._client = _server(url)
            return
        if self.was_unclean and not _probe(path):
            shutil.rmtree(path)
        path.mkdir(parents=True, exist_ok=True)
        (path / _DIRTY).touch()
        self._client = _embedded(path)

    def follower(self, collection: Collection) -> "DenseFollower":
        """The follower of one of our collections; another embedding model is another Chroma collection."""
        return DenseFollower(self._client, collection)

    def close(self) -> None:
        """Close the store cleanly, so that the next opening needs no probe."""
        self._client.close()
        if self._dirty:
            self._dirty.unlink(missing_ok=True)


class DenseFollower:
    """The vectors of one collection in Chroma."""

    name = "dense"

    def __init__(self, client: Client, collection: Collection) -> None:
        self._client = client
        model = hashlib.sha256(collection.embedding_model.encode()).hexdigest()[:12]
        self._name = f"c{collection.id}-{model}"
        self._chunks = self._open()

    def applied(self) -> int:
        """The number of the last change that has been applied."""
        return int((self._chunks.metadata or {}).get("applied", 0))

    def apply(self, *, add: Sequence[StoredChunk], remove: Sequence[str], through: int) -> None:
        """Take chunks in and out and record change number `through`."""
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
        self._client.delete_collection(self._name)
        self._chunks = self._open()

    def ids(self) -> set[str]:
        """The ids of all chunks that it holds."""
        return set(self._chunks.get(include=[])["ids"])

    def search(self, query: Vector, k: int) -> dict[str, float]:
        """The ids of the `k` nearest chunks with their cosine similarity to the query, best first."""
        if k < 1 or not self._chunks.count():
            return {}
        found = self._chunks.query(query_embeddings=query[None], n_results=k, include=["distances"])
        distances = (found["distances"] or [[]])[0]
        return {identifier: 1 - float(d) for identifier, d in zip(found["ids"][0], distances, strict=True)}

    def _open(self) -> ChromaCollection:
        try:
            return self._client.get_collection(self._name, embedding_function=None)
        except NotFoundError:
            return self._client.create_collection(
                self._name,
                embedding_function=None,
                configuration={"hnsw": {"space": "cosine"}},
                metadata={"applied": 0},
            )


def probe(path: Path) -> dict[str, int]:
    """Open the store under `path` and search it for its own vectors; gives collection names with chunk counts.

    Raises `ValueError` where a vector does not find itself, and whatever Chroma raises where it is damaged.
    """
    client = _embedded(path)
    counts = {}
    for collection in client.list_collections():
        chunks = client.get_collection(collection.name, embedding_function=None)
        ids = chunks.get(include=[])["ids"]
        counts[collection.name] = len(ids)
        sample = ids[:: max(1, len(ids) // _PROBED)][:_PROBED]
        if not sample:
            continue
        held = chunks.get(ids=sample, include=["embeddings"])
        found = chunks.query(query_embeddings=held["embeddings"], n_results=1, include=["distances"])
        for identifier, distances in zip(held["ids"], found["distances"] or [], strict=True):
            if not distances or distances[0] > 1e-3:
                raise ValueError(f"chunk {identifier} of {collection.name} is not found by its own vector")
    client.close()
    return counts


def _probe(path: Path) -> bool:
    code = (
        "import sys, pathlib, json, index.dense as d; print(json.dumps(d.probe(pathlib.Path(sys.argv[1]))))"
    )
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter, our own code
            [sys.executable, "-c", code, str(path)], capture_output=True, timeout=PROBE_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0 and isinstance(json.loads(done.stdout), dict)


def _embedded(path: Path) -> Client:
    client = chromadb.PersistentClient(str(path), settings=Settings(anonymized_telemetry=False))
    return cast("Client", client)


def _server(url: str) -> Client:
    parts = urlsplit(url)
    client = chromadb.HttpClient(
        host=parts.hostname or "localhost",
        port=parts.port or (443 if parts.scheme == "https" else 8000),
        ssl=parts.scheme == "https",
        settings=Settings(anonymized_telemetry=False),
    )
    return cast("Client", client)

