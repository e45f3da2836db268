"""Rows of a sheet or of a CSV file as text in which each value stands behind the name of its column.

A row is what is found and cited, and by itself "300 | 12 | yes" says nothing. The names could be repeated for
the search alone, above each chunk; but then a quote would not show them, and no sentence about a price could be
checked against one that does not say "price". So `id: 300 | price: 12` is the canonical text.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

from index.load.compose import Piece

_LONGEST_NAME = 100  # code points of the name of a column
_LONGEST_LINE = 2000  # code points: longer rows are parted between their cells
_LONGEST_KEY = 100  # code points: as much of a parted row is repeated in its other parts
_NUMERIC = re.compile(r"[\s\d.,:/%+$€£¥()-]*\d[\s\d.,:/%+$€£¥()-]*(?:[eE][+-]?\d+)?")

_YEAR = re.compile(r"(?:19|20)\d\d")
_LONGEST_NUMBER = 40  # code points

Row = Sequence[str]


def table_pieces(rows: Iterable[Row], *, page: int = 0, gaps_part: bool = False) -> Iterator[Piece]:
    """The pieces of a table: a line `name | name`, then a line `name: value | name: value` for each row.

    Empty cells are left out. The first row names the columns if no cell in it is a number or stands twice. What
    has one cell above it is no row but a title. With `gaps_part`, another table begins below an empty row.
    """
    names: Row | None = None
    first: Row | None = None  # a row that may name the columns, until the next one comes
    for raw in rows:
        cells = [" ".join(cell.split()) for cell in raw]
        filled = sum(map(bool, cells))
        if not filled:
            if gaps_part:
                yield from _alone(first, page)
                names = first = None
            continue
        if first is not None:
            names, first = [_name(cell) for cell in first], None
            *wide, last = _lines(names, ())
            yield from (Piece(line, "row", page=page) for line in wide)
            yield Piece(last, "row", header=True, page=page)
        elif names is None:
            if filled == 1:
                yield Piece(next(filter(None, cells)), page=page)
                continue
            if _names_columns(cells):
                first = cells
                continue
            names = ()
        yield from (Piece(line, "row", page=page) for line in _lines(cells, names or ()))
    yield from _alone(first, page)


def _alone(cells: Row | None, page: int) -> Iterator[Piece]:
    """A row that would name columns, but nothing is below it."""
    if cells is not None:
        yield from (Piece(line, "row", page=page) for line in _lines(cells, ()))


def _names_columns(cells: Row) -> bool:
    names = [cell for cell in cells if cell]
    numbers = [name for name in names if len(name) <= _LONGEST_NUMBER and _NUMERIC.fullmatch(name)]
    are_years = len(numbers) < len(names) and all(map(_YEAR.fullmatch, numbers))
    return len(set(names)) == len(names) and are_years


def _name(cell: str) -> str:
    return cell[:_LONGEST_NAME].rstrip(": ")


def _lines(cells: Row, names: Row) -> Iterator[str]:
    """A row as one line, or as several of which each begins with the row's first cell."""
    named = [
        f"{names[at]}: {cell}" if at < len(names) and names[at] else cell
        for at, cell in enumerate(cells)
        if cell
    ]
    line: list[str] = []
    length = 0
    for cell in named:
        if line and length + len(cell) > _LONGEST_LINE:
            yield " | ".join(line)
            line = [named[0]] if len(named[0]) <= _LONGEST_KEY else []
            length = sum(map(len, line))
        line.append(cell)
        length += len(cell) + 3
    yield " | ".join(line)
