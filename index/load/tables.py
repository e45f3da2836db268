"""Rows of a sheet or of a CSV file as text in which each value stands behind the name of its column.

A row is what is found and cited, and by itself "300 | 12 | yes" says nothing. The names could be repeated for
the search alone, above each chunk; but then a quote would not show them, and no sentence about a price could be
checked against one that does not say "price". So `id: 300 | price: 12` is the canonical text.
"""

from collections.abc import Iterable, Iterator
from itertools import groupby, islice

from index.load.column_names import Row, Spread, header_of
from index.load.compose import Piece

_LOOKED_AT = 20  # rows from which it is told what the first ones are
_LONGEST_LINE = 2000  # code points: longer rows are parted between their cells
_LONGEST_KEY = 100  # code points: as much of a parted row is repeated in its other parts


def table_pieces(rows: Iterable[Row], *, page: int = 0, gaps_part: bool = False) -> Iterator[Piece]:
    """The pieces of a table: a line `name | name`, then a line `name: value | name: value` for each row.

    Empty cells are left out. The first row names the columns if no cell in it stands twice or is a number; years,
    dates, times and ranges may be names when what stands below is of another kind. What has one cell above it is
    no row but a title. A cell of the names that is merged over columns names each, together with what is below it,
    see `Spread`. With `gaps_part`, another table begins below an empty row.
    """
    cleaned = map(_cleaned, rows)
    if not gaps_part:
        yield from _table(cleaned, page)
        return
    for has_text, table in groupby(cleaned, key=any):
        if has_text:
            yield from _table(table, page)


def _cleaned(row: Row) -> Spread:
    return Spread((" ".join(cell.split()) for cell in row), row.over if isinstance(row, Spread) else ())


def _table(rows: Iterator[Spread], page: int) -> Iterator[Piece]:
    start: list[Spread] = []
    for row in rows:
        if sum(map(bool, row)) > 1:
            start = [row, *islice(rows, _LOOKED_AT)]
            break
        yield from (Piece(cell, page=page) for cell in row if cell)
    header = header_of(start)
    if header is None:
        yield from _rows(start, (), page)
        yield from _rows(rows, (), page)
        return
    yield from (Piece(line, page=page) for row in start[: header.start] for line in _lines(row, ()))
    *wide, last = _lines(header.shown, ())
    yield from (Piece(line, "row", page=page) for line in wide)
    yield Piece(last, "row", header=True, page=page)
    yield from _rows(start[header.end :], header.names, page)
    yield from _rows(rows, header.names, page)


def _rows(rows: Iterable[Row], names: Row, page: int) -> Iterator[Piece]:
    for row in rows:
        yield from (Piece(line, "row", page=page) for line in _lines(row, names))


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
