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

from index.catalog import Collection
from index.keys import ordinals_of
from index.language import LANGUAGES, Language
from index.matrix import Matrix
from index.vectors import Int8Vectors, Vector, Vectors

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

    def __init__(self) -> None:
        self._means: dict[str, _Means] = {}
        self._lock = threading.Lock()

    def lifts(self, collection: Collection, matrix: Matrix, query: Vector) -> list[Lift]:
        """For each of `LANGUAGES`, what lifts its similarities to those of the nearest language of the collection.

        Nothing where the collection has one language. Three quarters of the difference are made up, since the
        mean of a small sample also holds what its documents are about.
        """
        means = self._of(collection, matrix)
        if len(means.chunk) < 2:
            return [Lift()] * len(LANGUAGES)
        chunk = {spoken: float(mean @ query) for spoken, mean in means.chunk.items()}
        sentence = {spoken: float(mean @ query) for spoken, mean in means.sentence.items()}
        most, most_of_sentence = max(chunk.values()), max(sentence.values())
        return [
            Lift(_SHARE * (most - chunk[spoken]), _SHARE * (most_of_sentence - sentence[spoken]))
            if spoken in chunk
            else Lift()
            for spoken in LANGUAGES
        ]

    def forget(self, collection: Collection) -> None:
        """Keep nothing of a collection, which has been deleted."""
        with self._lock:
            self._means.pop(collection.uid, None)

    def _of(self, collection: Collection, matrix: Matrix) -> _Means:
        with self._lock:
            known = self._means.get(collection.uid)
            if known is None or _is_outgrown(known.change, matrix.applied):
                known = self._means[collection.uid] = _drawn(matrix)
            return known


def _drawn(matrix: Matrix) -> _Means:
    """The means of the languages that enough chunks are in, from the beginnings of documents."""
    chunk, sentence = {}, {}
    for code, spoken in enumerate(LANGUAGES):
        found = np.flatnonzero(matrix.languages == code)
        sample = found[np.argsort(ordinals_of(matrix.keys[found]), kind="stable")][:_SAMPLE]
        if len(sample) >= _FEWEST:
            chunk[spoken] = _mean(matrix.chunk_vectors(sample))
            sentence[spoken] = _mean(matrix.sentence_vectors(sample))
    return _Means(matrix.applied, chunk, sentence)


def _is_outgrown(drawn: int, now: int) -> bool:
    return now < drawn or (now != drawn and now - drawn >= min(drawn // 10, 1000))


def _mean(rows: Vectors | Int8Vectors) -> Vector:
    """The mean of the rows' directions; those of zeros, which are of chunks just removed, have none."""
    wide = rows.astype(np.float32)
    lengths = np.linalg.norm(wide, axis=1, keepdims=True)
    directions = wide[lengths[:, 0] > 0] / lengths[lengths[:, 0] > 0]
    mean: Vector = directions.mean(axis=0) if len(directions) else wide.sum(axis=0)
    return mean
