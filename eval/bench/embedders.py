"""Embedding models for benchmarks: at scale, embedding the corpus is not what is measured.

`Composed` is the local model where a question is embedded, and puts passages together from sentences that it has
embedded once. `RandomUnit` has vectors without meaning, for what does not look at the meaning: writing and
searching. `Timed` says how long another took.
"""

import hashlib
import re
import threading
import time
from collections.abc import Sequence

import numpy as np

from index.embed import Embedder, Vector, Vectors

_SENTENCE = re.compile(r"[^.]+\.")
_NOISE = 1 << 20  # components


class Composed:
    """The local model for questions; a passage of known sentences has the mean of their vectors.

    It has the name of the model that it stands on: the vectors are of the same space, and a service with that
    model can search what was indexed here.
    """

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._known: dict[str, Vector] = {}
        self.name = embedder.name
        self.dimension = embedder.dimension

    def learn(self, sentences: Sequence[str]) -> None:
        """Embed the sentences that passages are made of."""
        new = [each for each in dict.fromkeys(sentences) if each not in self._known]
        self._known.update(zip(new, self._embedder.embed(new), strict=True))

    def embed(self, texts: Sequence[str]) -> Vectors:
        """The passages' vectors, `(n, dimension)`; a passage without a known sentence is embedded itself."""
        return np.stack([self._passage(text) for text in texts])

    def embed_query(self, text: str) -> Vector:
        """The question's vector, by the model."""
        return self._embedder.embed_query(text)

    def count_tokens(self, text: str) -> int:
        """The model's tokens."""
        return self._embedder.count_tokens(text)

    def close(self) -> None:
        """Release the model."""
        self._embedder.close()

    def _passage(self, text: str) -> Vector:
        parts = [self._known.get(each.strip()) for each in _SENTENCE.findall(text.replace("\n", " . "))]
        known = [each for each in parts if each is not None]
        if not known:
            alone: Vector = self._embedder.embed([text])[0]
            return alone
        return _unit(np.stack(known).mean(axis=0))


class RandomUnit:
    """Vectors that depend on the text's bytes alone and say nothing of its meaning.

    A vector is the sum of two stretches of the same noise, which the text's hash picks: that takes microseconds.
    """

    name = "random-unit/2"

    def __init__(self, dimension: int = 384) -> None:
        self.dimension = dimension
        noise = np.random.default_rng(0).standard_normal(_NOISE + dimension, dtype=np.float32)
        self._stretches = np.lib.stride_tricks.sliding_window_view(noise, dimension)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """A vector of length 1 for each text."""
        digests = b"".join(hashlib.blake2b(text.encode(), digest_size=8).digest() for text in texts)
        places = np.frombuffer(digests, "<u4").reshape(-1, 2) % _NOISE
        rows = self._stretches[places[:, 0]] + self._stretches[places[:, 1]]
        unit: Vectors = rows / np.sqrt(np.einsum("ij,ij->i", rows, rows))[:, None]
        return unit

    def embed_query(self, text: str) -> Vector:
        """A vector of length 1."""
        vector: Vector = self.embed([text])[0]
        return vector

    def count_tokens(self, text: str) -> int:
        """About as many as a model's: four characters each."""
        return len(text) // 4

    def close(self) -> None:
        """Nothing is held."""


class Timed:
    """Another embedding model, with the seconds that passages and questions have taken in it."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._lock = threading.Lock()
        self.name = embedder.name
        self.dimension = embedder.dimension
        self.passage_seconds = 0.0
        self.query_seconds = 0.0

    def embed(self, texts: Sequence[str]) -> Vectors:
        """The passages' vectors."""
        begin = time.perf_counter()
        found = self._embedder.embed(texts)
        with self._lock:
            self.passage_seconds += time.perf_counter() - begin
        return found

    def embed_query(self, text: str) -> Vector:
        """The question's vector."""
        begin = time.perf_counter()
        found = self._embedder.embed_query(text)
        with self._lock:
            self.query_seconds += time.perf_counter() - begin
        return found

    def count_tokens(self, text: str) -> int:
        """The model's tokens."""
        return self._embedder.count_tokens(text)

    def close(self) -> None:
        """Release the model."""
        self._embedder.close()


def _unit(vector: Vector) -> Vector:
    length = float(np.linalg.norm(vector))
    scaled: Vector = (vector / length).astype(np.float32)
    return scaled
