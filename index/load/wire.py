"""The messages between a process and the child that parses files for it.

A child may have been taken over by the file that it parses, so nothing that it says can run code here or break
what holds for documents: a reply is JSON, UTF-8 and numbers, of bounded length, and checked.
"""

import json
import struct
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, BinaryIO, get_args

from index.document import Format, Heading, Parsed, Repair, Span
from index.errors import LoadError

READY = b"\x06"
"""What a child says when it takes a request."""

_REQUEST = struct.Struct("=IQ")  # bytes of the name and of the file
_REPLY = struct.Struct("=IQQQ")  # bytes of JSON and of the text, numbers of page starts and of ends of blocks
_NUMBER = "I"
_SPAN_BYTES = 120  # that a span takes in the memory of a child
_MESSAGE_CHARACTERS = 2000
_WARNINGS = 20


def _kinds(error: type[LoadError]) -> Iterator[type[LoadError]]:
    yield error
    for kind in error.__subclasses__():
        yield from _kinds(kind)


_ERRORS = {error.code: error for error in _kinds(LoadError)}


class GarbledReply(Exception):
    """A child said what stands for no document and no error."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What became of a file, and what was logged about it meanwhile."""

    result: Parsed | LoadError
    warnings: Sequence[str] = ()


def write_request(stream: BinaryIO, data: bytes, *, name: str) -> None:
    """Send a file to a child."""
    called = name.encode(errors="surrogatepass")
    for part in (_REQUEST.pack(len(called), len(data)), called, data):
        _write(stream, part)


def read_request(stream: BinaryIO) -> tuple[bytes, str] | None:
    """The next file and its name; None where no more come."""
    try:
        called, size = _REQUEST.unpack(_read(stream, _REQUEST.size))
        name = _read(stream, called).decode(errors="surrogatepass")
        return _read(stream, size), name
    except EOFError:
        return None


def encoded_reply(reply: Reply) -> tuple[bytes, ...]:
    """The parts of the message that `reply` is sent as."""
    head: dict[str, Any] = {
        "warnings": [warning[:_MESSAGE_CHARACTERS] for warning in reply.warnings[:_WARNINGS]]
    }
    if isinstance(reply.result, LoadError):
        head |= {"error": reply.result.code, "message": str(reply.result)}
        return _packed(head, b"", array(_NUMBER), array(_NUMBER))
    parsed = reply.result
    head |= {
        "format": parsed.format,
        "title": parsed.title,
        "repairs": dict(parsed.repairs),
        "headings": [[each.level, each.title, each.span.start, each.span.end] for each in parsed.headings],
    }
    ends = array(_NUMBER, (end for block in parsed.blocks for end in (block.start, block.end)))
    return _packed(head, parsed.text.encode(), array(_NUMBER, parsed.pages), ends)


def read_reply(stream: BinaryIO, *, memory_bytes: int, max_text_chars: int) -> Reply:
    """What a child says of a file.

    `memory_bytes` is what it had to make it in, which bounds how much it can have made. Raises `EOFError`
    where the child has gone, and `GarbledReply` where no child of ours would say that.
    """
    head_size, text_size, pages_count, ends_count = _REPLY.unpack(_read(stream, _REPLY.size))
    pages, ends = array(_NUMBER), array(_NUMBER)
    numbers_size = (pages_count + ends_count) * pages.itemsize
    # It holds the document and this message at once.
    if (
        head_size + text_size + numbers_size
    ) * 2 > memory_bytes or ends_count * _SPAN_BYTES // 2 > memory_bytes:
        raise GarbledReply("it is longer than it can be")
    head = _read(stream, head_size)
    text = _read(stream, text_size)
    pages.frombytes(_read(stream, pages_count * pages.itemsize))
    ends.frombytes(_read(stream, ends_count * ends.itemsize))
    try:
        said = json.loads(head)
        warnings = tuple(_printable(warning) for warning in said["warnings"][:_WARNINGS])
        if "error" in said:
            return Reply(_ERRORS[said["error"]](_printable(said["message"])), warnings)
        return Reply(_document(said, text.decode(), pages, ends, max_text_chars=max_text_chars), warnings)
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise GarbledReply(str(error)) from error


def _packed(head: dict[str, Any], text: bytes, pages: "array[int]", ends: "array[int]") -> tuple[bytes, ...]:
    about = json.dumps(head).encode()
    sizes = _REPLY.pack(len(about), len(text), len(pages), len(ends))
    return sizes, about, text, pages.tobytes(), ends.tobytes()


def _document(
    said: dict[str, Any], text: str, pages: Sequence[int], ends: Sequence[int], *, max_text_chars: int
) -> Parsed:
    """The document that a child describes; `ValueError` where it is none."""
    headings = tuple(
        Heading(_level(level), _line(title), _span(start, end, text))
        for level, title, start, end in said["headings"]
    )
    _require(said["format"] in get_args(Format), "no such format")
    _require(len(text) <= max_text_chars and "\0" not in text, "no canonical text")
    _require(all(page <= after for page, after in pairwise([0, *pages, len(text)])), "pages out of order")
    _require(len(ends) % 2 == 0, "half a block")
    _require(all(end <= start for end, start in zip(ends[1::2], ends[2::2], strict=False)), "blocks overlap")
    blocks = tuple(_span(start, end, text) for start, end in zip(ends[::2], ends[1::2], strict=True))
    _require(bool(blocks), "no blocks")
    title = None if said["title"] is None else _line(said["title"])
    repairs = dict(said["repairs"])
    _require(set(repairs) <= set(get_args(Repair)), "no such repair")
    _require(all(type(count) is int and count > 0 for count in repairs.values()), "no number of repairs")
    return Parsed(
        text,
        said["format"],
        title=title,
        pages=tuple(pages),
        headings=headings,
        blocks=blocks,
        repairs=repairs,
    )


def _span(start: object, end: object, text: str) -> Span:
    _require(
        isinstance(start, int)
        and isinstance(end, int)
        and 0 <= start < end <= len(text)
        and not text[start].isspace()
        and not text[end - 1].isspace(),
        "no stretch of the text",
    )
    return Span(start, end)  # type: ignore[arg-type]  # both were just looked at


def _level(level: object) -> int:
    _require(isinstance(level, int) and level > 0, "no level of a heading")
    return level  # type: ignore[return-value]  # was just looked at


def _line(title: object) -> str:
    if not isinstance(title, str):
        raise TypeError("no text")
    title.encode()  # halves of a character raise a ValueError
    _require("\0" not in title, "no text")
    return title


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise ValueError(otherwise)


def _printable(message: object) -> str:
    """`message` without what would change a terminal or begin another line of a log."""
    if not isinstance(message, str):
        raise TypeError("no text")
    shown = message[:_MESSAGE_CHARACTERS]
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in shown)


def _read(stream: BinaryIO, size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise EOFError
    return data


def _write(stream: BinaryIO, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[stream.write(rest) :]
