"""How deep and how full a JSON text is, told before it is parsed: what it can grow to in memory is bounded."""

import re
from itertools import accumulate

from index.errors import InvalidRequest

MAX_DEPTH = 32
MAX_VALUES = 50_000

# An open string runs to the end, and nothing is tried twice: the time is linear whatever is sent.
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_NOT_BRACKET = bytes(set(range(256)) - set(b"[]{}"))
_STEPS = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}


def check_shape(data: bytes, *, name: str = "body") -> None:
    """Raise `InvalidRequest` where JSON has more than 32 levels or 50,000 values; it need not be valid.

    `name` is the field that it came in.
    """
    if data.count(b"[") + data.count(b"{") <= MAX_DEPTH and data.count(b",") <= MAX_VALUES:
        return
    bare, strings = _STRING.subn(b"", data, 2 * MAX_VALUES)  # a name and a value each
    if strings == 2 * MAX_VALUES or sum(map(bare.count, (b"[", b"{", b","))) > MAX_VALUES:
        raise InvalidRequest(f"{name}: the JSON has more than {MAX_VALUES} values: send less at a time")
    brackets = bare.translate(None, _NOT_BRACKET)
    if max(accumulate(map(_STEPS.__getitem__, brackets)), default=0) > MAX_DEPTH:
        raise InvalidRequest(f"{name}: the JSON is more than {MAX_DEPTH} levels deep: send it flatter")
