"""Vectors as they are held and stored: float32 for chunks, int8 for sentences."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Vector: TypeAlias = NDArray[np.float32]
"""Shape (dimension,), unit length."""

Vectors: TypeAlias = NDArray[np.float32]
"""Shape (n, dimension), each row of unit length."""

Int8Vectors: TypeAlias = NDArray[np.int8]
"""Shape (n, dimension), each row scaled so that its largest component is 127: directions, not lengths."""


def quantise(vectors: Vectors) -> Int8Vectors:
    """The rows' directions in one byte a component; cosines keep about two and a half decimals."""
    if not len(vectors):
        return np.zeros((0, vectors.shape[1]), np.int8)
    largest = np.abs(vectors).max(axis=1, keepdims=True)
    quantised: Int8Vectors = np.rint(vectors * (127 / np.maximum(largest, 1e-12))).astype(np.int8)
    return quantised


def cosines(rows: Int8Vectors | Vectors, query: Vector) -> Vector:
    """Cosine similarity of each row to the unit vector `query`, shape (n,); 0 for a row of zeros."""
    wide = rows.astype(np.float32)
    similarities: Vector = dot(wide, query) / np.maximum(np.sqrt(np.vecdot(wide, wide)), 1e-12)
    return similarities


def dot(rows: Vectors, query: Vector) -> Vector:
    """The product of each row with `query`, shape (n,).

    In one thread: those that `rows @ query` starts wait for each other, on a busy machine for many times as long.
    """
    products: Vector = np.vecdot(rows, query)
    return products
