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
# Bytes of JSON, of the text and of the titles of headings; numbers of page starts, of ends of blocks and of headings.
_REPLY = struct.Struct("=IQQQQQ")
_NUMBER, _SIGNED = "I", "i"
_HEAD_BYTES = 2**20  # JSON can take 30 times its length once it is read
_HEADINGS = 100_000
_LEVELS = 9
_TITLE_CHARACTERS = 500
_REPAIRS = 2**31
# What ends a line, moves a cursor or turns the direction of a text.
_NOT_IN_TITLES = dict.fromkeys(
    [*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029, *range(0x202A, 0x202F), *range(0x2066, 0x206A)], " "
)
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
        head |= {"error": reply.result.code, "message": str(reply.result)[:_MESSAGE_CHARACTERS]}
        return _packed(head)
    parsed = reply.result
    head |= {
        "format": parsed.format,
        "title": None if parsed.title is None else _one_line(parsed.title),
        "repairs": dict(parsed.repairs),
    }
    headings = parsed.headings[:_HEADINGS]
    ends = array(_NUMBER, (end for block in parsed.blocks for end in (block.start, block.end)))
    return _packed(
        head,
        parsed.text.encode(),
        "\n".join(_one_line(each.title) for each in headings).encode(),
        array(_NUMBER, parsed.pages),
        ends,
        array(
            _SIGNED,
            (it for each in headings for it in (min(each.level, _LEVELS), each.span.start, each.span.end)),
        ),
    )


def read_reply(stream: BinaryIO, *, memory_bytes: int, max_text_chars: int) -> Reply:
    """What a child says of a file.

    `memory_bytes` is what it had to make it in, which bounds how much it can have made. Raises `EOFError`
    where the child has gone, and `GarbledReply` where no child of ours would say that.
    """
    head_size, text_size, titles_size, pages_count, ends_count, headings_count = _REPLY.unpack(
        _read(stream, _REPLY.size)
    )
    if head_size > _HEAD_BYTES or headings_count > _HEADINGS:
        raise GarbledReply("it says more about a document than there is to say")
    pages, ends, marks = array(_NUMBER), array(_NUMBER), array(_SIGNED)
    numbers_size = (pages_count + ends_count + 3 * headings_count) * pages.itemsize
    # It holds the document and this message at once.
    if (
        head_size + text_size + titles_size + numbers_size
    ) * 2 > memory_bytes or ends_count * _SPAN_BYTES // 2 > memory_bytes:
        raise GarbledReply("it is longer than it can be")
    head = _read(stream, head_size)
    text, titles = _read(stream, text_size), _read(stream, titles_size)
    pages.frombytes(_read(stream, pages_count * pages.itemsize))
    ends.frombytes(_read(stream, ends_count * ends.itemsize))
    marks.frombytes(_read(stream, 3 * headings_count * marks.itemsize))
    try:
        said = json.loads(head)
        _require(isinstance(said["warnings"], list), "no warnings")
        warnings = tuple(_printable(warning) for warning in said["warnings"][:_WARNINGS])
        if "error" in said:
            return Reply(_ERRORS[said["error"]](_printable(said["message"])), warnings)
        canonical = text.decode()
        headings = _headings(titles.decode(), marks, canonical)
        document = _document(said, canonical, pages, ends, headings, max_text_chars=max_text_chars)
        return Reply(document, warnings)
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise GarbledReply(str(error)) from error


def _packed(
    head: dict[str, Any],
    text: bytes = b"",
    titles: bytes = b"",
    pages: Sequence[int] = (),
    ends: Sequence[int] = (),
    marks: Sequence[int] = (),
) -> tuple[bytes, ...]:
    """`marks` are level, start and end of each heading, and `titles` a line of each."""
    about = json.dumps(head).encode()
    sizes = _REPLY.pack(len(about), len(text), len(titles), len(pages), len(ends), len(marks) // 3)
    numbers = (array(_NUMBER, pages), array(_NUMBER, ends), array(_SIGNED, marks))
    return sizes, about, text, titles, *(each.tobytes() for each in numbers)


def _document(
    said: dict[str, Any],
    text: str,
    pages: Sequence[int],
    ends: Sequence[int],
    headings: tuple[Heading, ...],
    *,
    max_text_chars: int,
) -> Parsed:
    """The document that a child describes; `ValueError` where it is none."""
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
    _require(
        all(type(count) is int and 0 < count < _REPAIRS for count in repairs.values()), "no number of repairs"
    )
    return Parsed(
        text,
        said["format"],
        title=title,
        pages=tuple(pages),
        headings=headings,
        blocks=blocks,
        repairs=repairs,
    )


def _headings(titles: str, marks: Sequence[int], text: str) -> tuple[Heading, ...]:
    lines = titles.split("\n") if marks else []
    return tuple(
        Heading(_level(level), _line(title), _span(start, end, text))
        for title, level, start, end in zip(lines, marks[::3], marks[1::3], marks[2::3], strict=True)
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


def _level(level: int) -> int:
    _require(1 <= level <= _LEVELS, "no level of a heading")
    return level


def _line(title: object) -> str:
    if not isinstance(title, str):
        raise TypeError("no text")
    title.encode()  # halves of a character raise a ValueError
    _require(len(title) <= _TITLE_CHARACTERS, "no title")
    return _one_line(title)


def _one_line(title: str) -> str:
    return title.translate(_NOT_IN_TITLES)[:_TITLE_CHARACTERS]


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
