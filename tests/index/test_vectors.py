"""Vectors in one byte a component, and cosine similarities."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from index.vectors import Vectors, cosines, quantise

ROWS = arrays(np.float32, st.tuples(st.integers(0, 5), st.just(16)), elements=st.floats(-1, 1, width=32))


def unit(rows: Vectors) -> Vectors:
    scaled: Vectors = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return scaled


@given(ROWS)
def test_a_quantised_row_points_where_the_row_did(rows: Vectors) -> None:
    rows = unit(rows[np.linalg.norm(rows, axis=1) > 1e-3])
    quantised = quantise(rows)
    assert quantised.shape == rows.shape
    assert quantised.dtype == np.int8
    for row, small in zip(rows, quantised, strict=True):
        assert cosines(small[None], row)[0] > 0.999


@given(ROWS)
def test_a_quantised_row_uses_the_whole_byte(rows: Vectors) -> None:
    rows = rows[np.abs(rows).max(axis=1, initial=0) > 1e-6]
    assert all(np.abs(row.astype(int)).max() == 127 for row in quantise(rows))


def test_a_row_of_zeros_is_similar_to_nothing() -> None:
    zeros = np.zeros((1, 4), np.float32)
    query = np.array([1, 0, 0, 0], np.float32)
    assert cosines(zeros, query).tolist() == [0]
    assert cosines(quantise(zeros), query).tolist() == [0]


def test_cosines_are_those_of_the_directions() -> None:
    rows = np.array([[2, 0], [0, 3], [-1, 0], [1, 1]], np.float32)
    query = np.array([1, 0], np.float32)
    assert np.allclose(cosines(rows, query), [1, 0, -1, 0.5**0.5])


def test_no_rows_have_no_cosines() -> None:
    assert cosines(quantise(np.zeros((0, 4), np.float32)), np.ones(4, np.float32)).shape == (0,)
