"""What a language itself adds to similarities, so that chunks are compared across languages.

A multilingual model puts texts of one language near each other whatever they say, so that a question finds
the documents of its own language first. The mean vector of a language is what its texts have in common; how near
a query is to it tells how much of a similarity is due to the language alone (Libovický, Rosa and Fraser, "On the
Language Neutrality of Pre-trained Multilingual Representations", 2020, subtract the means).
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from index.catalog import Catalog, Collection, StoredChunk
from index.language import Language
from index.vectors import Vector

_SAMPLE = 200
_FEWEST = 5
_SHARE = 0.75


@dataclass(frozen=True, slots=True)
class Lift:
    """What is added to a similarity of a chunk, and of a sentence, for its language."""

    chunk: float = 0.0
    sentence: float = 0.0


@dataclass(frozen=True, slots=True)
class _Means:
    change: int
    chunk: Mapping[Language, Vector]
    sentence: Mapping[Language, Vector]


class Centroids:
    """The mean vectors of a collection's languages, from a sample that is drawn anew as the collection grows."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._means: dict[int, _Means] = {}
        self._lock = threading.Lock()

    def lifts(self, collection: Collection, query: Vector) -> dict[Language, Lift]:
        """For each language of the collection, what lifts its similarities to those of the nearest language.

        Nothing where the collection has one language. Three quarters of the difference are made up, since the
        mean of a small sample also holds what its documents are about.
        """
        means = self._of(collection)
        if len(means.chunk) < 2:
            return {}
        chunk = {spoken: float(mean @ query) for spoken, mean in means.chunk.items()}
        sentence = {spoken: float(mean @ query) for spoken, mean in means.sentence.items()}
        return {
            spoken: Lift(
                _SHARE * (max(chunk.values()) - chunk[spoken]),
                _SHARE * (max(sentence.values()) - sentence[spoken]),
            )
            for spoken in chunk
        }

    def _of(self, collection: Collection) -> _Means:
        change = self._catalog.last_change(collection)
        with self._lock:
            known = self._means.get(collection.id)
            if known is None or _is_outgrown(known.change, change):
                known = self._means[collection.id] = self._drawn(collection, change)
            return known

    def _drawn(self, collection: Collection, change: int) -> _Means:
        sample = self._catalog.sample(collection, per_language=_SAMPLE)
        told = {spoken: found for spoken, found in sample.items() if len(found) >= _FEWEST}
        return _Means(
            change,
            {spoken: np.mean([chunk.vector for chunk in found], axis=0) for spoken, found in told.items()},
            {spoken: _sentence_mean(found) for spoken, found in told.items()},
        )


def _is_outgrown(drawn: int, now: int) -> bool:
    return now < drawn or (now != drawn and now - drawn >= min(drawn // 10, 1000))


def _sentence_mean(found: list[StoredChunk]) -> Vector:
    rows = np.concatenate([chunk.sentence_vectors for chunk in found]).astype(np.float32)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    mean: Vector = (rows / np.maximum(lengths, 1e-12)).mean(axis=0)
    return mean
