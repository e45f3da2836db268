"""Which header stands above a place in a table, so that rows far below it are found by the names of their columns.

A table is told by its text: rows are blocks of one line, `cell | cell`, that follow each other without a blank line,
and the header shares a block with the first row.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from index.document import Format, Parsed, Span

_LONGEST = 200
"""Code points of a header that are kept: it is embedded with each chunk."""

_WITHOUT: frozenset[Format] = frozenset(("code", "csv", "json", "text", "xlsx"))
"""Formats without tables, or whose rows hold the names of their columns themselves."""


@dataclass(frozen=True, slots=True)
class _Table:
    """What is below a header; `start` is where the first row begins."""

    header: str
    start: int
    end: int


def headers_above(parsed: Parsed, offsets: Sequence[int]) -> Iterator[tuple[str, ...]]:
    """For each offset the header of the table in whose rows it lies: one line or none, `Bench | Price`.

    None for the header itself.
    """
    has_headers = parsed.format not in _WITHOUT and "|" in parsed.text
    tables = [*_tables(parsed.text, parsed.blocks)] if has_headers else []
    starts = [table.start for table in tables]
    for offset in offsets:
        number = bisect_right(starts, offset) - 1
        is_inside = number >= 0 and offset < tables[number].end
        yield (tables[number].header,) if is_inside else ()


def _tables(text: str, blocks: Sequence[Span]) -> Iterator[_Table]:
    found: _Table | None = None
    for block in blocks:
        line = block.of(text)
        if found and "|" in line and text[found.end : block.start] == "\n":
            found = _Table(found.header, found.start, block.end)
            continue
        if found:
            yield found
        found = _begun(line, block)
    if found:
        yield found


def _begun(line: str, block: Span) -> _Table | None:
    """The table whose first block this is: a header and a row with as many cells."""
    header, _, row = line.partition("\n")
    if not row or "|" not in header or header.count("|") != row.partition("\n")[0].count("|"):
        return None
    names = " | ".join(filter(None, (cell.strip() for cell in header.split("|"))))
    return _Table(names[:_LONGEST], block.start + len(header) + 1, block.end)
