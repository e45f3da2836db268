import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.errors import InvalidRequest
from qa_service.json_shape import MAX_DEPTH, MAX_VALUES, check_shape

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=50,
)


def depth(value: object) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth, inner), default=0)


@given(VALUES, st.integers(0, 40))
def test_it_is_refused_just_where_it_is_deeper_than_allowed(value: object, more: int) -> None:
    for _ in range(more):
        value = [value, '["{\\"']
    data = json.dumps(value).encode()
    if depth(value) <= MAX_DEPTH:
        check_shape(data)
    else:
        with pytest.raises(InvalidRequest, match="32 levels deep"):
            check_shape(data)


def test_a_text_full_of_brackets_commas_and_quotes_is_one_value() -> None:
    check_shape(json.dumps({"text": '[{"a": [1, 2, {}]},\\' * 50_000}).encode())


def test_many_values_are_refused_however_they_are_written() -> None:
    for each in (b"1,", b"[],", b'"a",', b'{"a":1},', b'"\\\\",'):
        check_shape(b"[" + each * (MAX_VALUES // 4) + b"1]")
        with pytest.raises(InvalidRequest, match="more than 50000 values"):
            check_shape(b"[" + each * (2 * MAX_VALUES + 1) + b"1]")


@pytest.mark.parametrize(
    "unit", [b"[", b"[],", b'"a",', b'"', b'\\"', b'[["', b'["\\\\"],', b'"\\', b"}", b"{[,", b'[1],"x']
)
def test_sixteen_mebibytes_of_anything_are_judged_in_a_moment(unit: bytes) -> None:
    data = b"[" * 40 + b'"' + unit * (2**24 // len(unit))
    began = time.process_time()
    with pytest.raises(InvalidRequest):
        check_shape(data)
    assert time.process_time() - began < 1
