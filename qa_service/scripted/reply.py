"""What a scripted provider is told to reply, and what it was asked."""

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Fault = Literal[
    "rate_limited",  # HTTP 429, with Retry-After where the reply has one
    "server_error",  # HTTP 500
    "overloaded",  # HTTP 503
    "unauthorized",  # HTTP 401
    "model_not_found",  # HTTP 404
    "context_overflow",  # HTTP 400, code context_length_exceeded
    "blocked",  # HTTP 400, code content_filter
    "refusal",  # a reply that ends with finish_reason=content_filter
    "reset",  # the connection is reset
    "closed",  # the connection is closed in the middle of the body
    "truncated",  # the body ends well formed, without a finish reason
    "empty",  # a well-formed reply without text
    "hang",  # nothing more is sent
    "drip",  # comments are sent for ever, but no token
    "drip_headers",  # one header is sent for ever, byte by byte
    "malformed_json",
    "wrong_content_type",  # an HTML page with status 200
]


def split_words(text: str) -> tuple[str, ...]:
    """`text` in pieces of one word each; joined, they are `text` again."""
    return tuple(re.findall(r"\s*\S+\s*$|\s*\S+|\s+$", text))


def split_randomly(text: str, seed: int) -> tuple[str, ...]:
    """`text` in pieces of 1 to 12 code points; joined, they are `text` again."""
    choose = random.Random(seed)  # noqa: S311 - no secret hangs on it
    pieces, start = [], 0
    while start < len(text):
        end = start + choose.randint(1, 12)
        pieces.append(text[start:end])
        start = end
    return tuple(pieces)


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer of the provider.

    `pieces` are the deltas of a stream; without them the text is sent word by word. `reasoning` is sent
    before the text, as deltas that are not text, and `raw_events` before both, as data of events, valid or
    not. The text of a reply that is an HTTP error is its message. `usage` is (prompt tokens, completion
    tokens), None to send none. `fault` strikes after `after` pieces; at 0 it strikes before the headers
    wherever it can. `delay_seconds` passes before each piece. With `pieces_per_second` piece n leaves n / rate
    seconds after the request came, however long the pieces before it took. `packet_bytes` cuts the stream into
    writes of that size, even in the middle of a character.
    """

    text: str = ""
    pieces: tuple[str, ...] = ()
    reasoning: str = ""
    raw_events: tuple[str, ...] = ()
    finish_reason: str | None = "stop"
    usage: tuple[int, int] | None = (10, 5)
    fault: Fault | None = None
    after: int = 0
    retry_after_seconds: float | None = None
    delay_seconds: float = 0.0
    pieces_per_second: float | None = None
    packet_bytes: int | None = None

    def deltas(self) -> tuple[str, ...]:
        """The pieces of text that a stream sends, up to the fault."""
        pieces = self.pieces or split_words(self.text)
        return pieces if self.fault is None else pieces[: self.after]


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it came in; `at` is in seconds of the monotonic clock, header names are in lower case.

    Requests with the same `client_port` came over the same connection.
    """

    path: str
    client_port: int
    headers: Mapping[str, str]
    body: Mapping[str, Any]
    at: float
