"""Chunks as numbers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.catalog import chunk_id
from index.errors import FollowerError
from index.keys import Hits, ids_of, keys_of, keys_of_ids, ordinals_of, versions_of

numbers = st.integers(0, 2**31 - 1)


@given(st.lists(st.tuples(numbers, numbers), unique=True))
def test_a_key_orders_as_its_version_and_ordinal_do_and_leads_back_to_the_id(
    chunks: list[tuple[int, int]],
) -> None:
    ids = [chunk_id(*chunk) for chunk in chunks]
    keys = keys_of_ids(ids)
    assert ids_of(keys) == ids
    assert [*zip(versions_of(keys).tolist(), ordinals_of(keys).tolist(), strict=True)] == chunks
    assert [chunks[at] for at in np.argsort(keys)] == sorted(chunks)
    assert (keys_of(versions_of(keys), 0) <= keys).all()


@pytest.mark.parametrize("text", ["x", "1", "1.2.3", "1.", "1.99999999999", "-1.0.2"])
def test_what_is_no_chunk_id_is_an_error_of_the_follower_that_gave_it(text: str) -> None:
    with pytest.raises(FollowerError, match="no chunk id"):
        keys_of_ids([text])


def test_hits_by_id_keep_their_order() -> None:
    hits = Hits(keys_of_ids(["3.1", "1.2"]), np.array([2.0, 0.5]))
    assert list(hits.by_id().items()) == [("3.1", 2.0), ("1.2", 0.5)]
