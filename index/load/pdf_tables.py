"""Tables of a PDF page: cells that stand side by side, put together as rows.

A page shows the cells of a table one after the other, row by row. Cells on one height make a row if the row
above or below it has its cells at the same places. Columns of running text don't: each is shown to its end
before the next one begins at the top again, so that there is only one pair of neighbours on a page.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from index.load.pdf_lines import Cell, Line

# In multiples of the size of the letters.
_WRAP = 1.6  # the lines of one cell are closer than this
_NEAR = 6.0  # the rows of one table are closer than this
_SAME_PLACE = 0.4

_NEXT_TABLE = 1.3  # times the distance of the first two rows: below more, another table begins

_MOST_WRAPPED = 12  # lines in one cell: what is longer is a column of text
_MOST_CELLS = 100  # in a row


@dataclass(slots=True)
class _Stack:
    """Lines on top of each other that start at one place: a cell of a table, or running text.

    `first` and `last` are the numbers of these lines on the page.
    """

    x: float
    top: float
    bottom: float
    size: float
    texts: list[str]
    first: int
    last: int

    def is_beside(self, other: "_Stack") -> bool:
        """Whether it stands to the right of `other`, on one height."""
        slack = _SAME_PLACE * self.size
        return (
            self.x > other.x + self.size
            and self.top >= other.bottom - slack
            and self.bottom <= other.top + slack
        )


_Row = list[_Stack]


def with_rows(lines: Sequence[Line]) -> list[Line]:
    """`lines` of a page, in which those that make up a row of a table are one line, `cell | cell`.

    Where a row has no cell in a column, its place is empty.
    """
    rows = list(_rows(_stacks(lines)))
    tables = _tables(rows)
    columns: dict[int, list[float]] = {}
    for number, table in tables.items():
        if len(rows[number]) > len(columns.get(table, ())):
            columns[table] = [stack.x for stack in rows[number]]
    found: list[Line] = []
    for number, row in enumerate(rows):
        parts = lines[row[0].first : row[-1].last + 1]
        if number in tables:
            found.append(_joined(row, parts, tables[number], columns[tables[number]]))
        else:
            found += parts
    return found


def _stacks(lines: Sequence[Line]) -> Iterator[_Stack]:
    stack: _Stack | None = None
    for number, line in enumerate(lines):
        if stack is not None and len(line.cells) == 1 and _goes_on(stack, line):
            stack.bottom, stack.last = line.bottom, number
            stack.texts.append(line.text)
            continue
        if stack is not None:
            yield stack
        *before, stack = (
            _Stack(cell.x, line.top, line.bottom, line.size, [cell.text], number, number)
            for cell in line.cells
        )
        yield from before
    if stack is not None:
        yield stack


def _goes_on(stack: _Stack, line: Line) -> bool:
    return (
        abs(stack.x - line.x) <= _SAME_PLACE * line.size
        and 0 < stack.bottom - line.top <= _WRAP * line.size
        and len(stack.texts) < _MOST_WRAPPED
    )


def _rows(stacks: Iterator[_Stack]) -> Iterator[_Row]:
    row: _Row = []
    for stack in stacks:
        if row and not stack.is_beside(row[-1]):
            yield row
            row = []
        row.append(stack)
    if row:
        yield row


def _tables(rows: Sequence[_Row]) -> Mapping[int, int]:
    """For each row of a table, by its number, the number of the table, which is that of its first row."""
    tables: dict[int, int] = {}
    gaps: dict[int, float] = {}  # below the first row of each table
    for number, row in enumerate(rows):
        # A line across the whole table may stand between two rows.
        for below in (number + 1, number + 2):
            if below < len(rows) and _is_above(row, rows[below]):
                table = tables.setdefault(number, number)
                gap = _gap(row, rows[below])
                if gap <= gaps.setdefault(table, gap) * _NEXT_TABLE or below > number + 1:
                    tables[below] = table
                break
    return tables


def _gap(row: _Row, below: _Row) -> float:
    return min(stack.bottom for stack in row) - max(stack.top for stack in below)


def _is_above(row: _Row, other: _Row) -> bool:
    """Whether `other` may be the next row of the table that `row` is in."""
    if not (2 <= len(row) <= _MOST_CELLS and 2 <= len(other) <= _MOST_CELLS):
        return False
    shared = sum(any(abs(stack.x - its.x) <= _SAME_PLACE * stack.size for its in other) for stack in row)
    is_aligned = shared > 1 or (shared == 1 and len(row) == len(other))
    return is_aligned and 0 < _gap(row, other) <= _NEAR * row[0].size


def _joined(row: _Row, parts: Sequence[Line], table: int, columns: Sequence[float]) -> Line:
    cells = list(_placed([Cell(stack.x, " ".join(stack.texts)) for stack in row], columns))
    return Line(
        text=" | ".join(cell.text for cell in cells).strip(),
        cells=tuple(cells),
        top=max(stack.top for stack in row),
        bottom=min(stack.bottom for stack in row),
        size=max(part.size for part in parts),
        bold=all(part.bold for part in parts),
        table=table,
    )


def _placed(cells: Sequence[Cell], columns: Sequence[float]) -> Iterator[Cell]:
    """`cells`, each in the nearest of `columns` that leaves room for those after it; empty ones before it."""
    column = 0
    for number, cell in enumerate(cells):
        last = len(columns) - (len(cells) - number)
        nearest = min(range(column, last + 1), key=lambda place: abs(columns[place] - cell.x))
        yield from (Cell(columns[place], "") for place in range(column, nearest))
        yield cell
        column = nearest + 1
