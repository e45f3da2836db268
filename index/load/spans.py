"""Cells that span rows or columns, put into each row and column that they are about."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from index.load.compose import Piece

_LONGEST_LABEL = 200  # code points
_MOST_REPEATED = 1_000_000  # code points of a document that may come of spans
_BETWEEN = 3  # code points between two cells
_COUNT = re.compile(r"\s*\+?(\d{1,9})")


@dataclass(slots=True)
class Repeats:
    """How many code points more may come of repeating what is there once."""

    left: int = _MOST_REPEATED

    def take(self, times: int, pieces: Sequence[Piece]) -> bool:
        """Whether `pieces` may be there so many times more; then they are counted."""
        length = times * (_BETWEEN + sum(len(piece.text) for piece in pieces))
        if length > self.left:
            return False
        self.left -= length
        return True


@dataclass(frozen=True, slots=True)
class Cell:
    """What is in a cell, and how many rows and columns it takes.

    One that `goes_on` is a further row of the cell above, and has the pieces of that one.
    """

    pieces: Sequence[Piece] = ()
    rows: int = 1
    columns: int = 1
    goes_on: bool = False


@dataclass(slots=True)
class Grid:
    """The columns of a table, row by row, each with the cell that stands in it or reaches into it from above."""

    repeats: Repeats
    _row: int = 0
    _above: dict[int, tuple[int, Sequence[Piece]]] = field(default_factory=dict)  # by column: last row, text

    def line(self, cells: Sequence[Cell], *, header: bool) -> list[Sequence[Piece]]:
        """What is in each column of the next row, of which `cells` are its own.

        A label, a paragraph of up to 200 characters, is in each of its rows that has text of its own, and
        that of a header in each of its columns, so that values stay below their names. Other texts are there
        once, and labels are too once `repeats` are used up.
        """
        own = [cell.pieces for cell in cells if not cell.goes_on and _has_text(cell.pieces)]
        line: list[Sequence[Piece]] = []
        for cell in cells:
            line += self._from_above(len(line))
            self._put(cell, line, spread=header and len(own) > 1)
        if cells:
            line += self._from_above(len(line))
        self._row += 1
        return own if _is_layout(own) else line

    def end_group(self) -> None:
        """Ends the cells that reach downwards: none does out of a table's head or body."""
        self._above.clear()

    def _put(self, cell: Cell, line: list[Sequence[Piece]], *, spread: bool) -> None:
        """Adds a row's own cell to `line`, and notes where it reaches further down."""
        column, pieces = len(line), cell.pieces
        if cell.goes_on:
            pieces = self._again(pieces)
        copies = pieces if spread and _is_label(pieces) else ()
        line.append(pieces)
        if cell.columns > 1 and self.repeats.take(cell.columns - 1, copies):
            line += [copies] * (cell.columns - 1)
        if cell.rows > 1:
            last = self._row + cell.rows - 1
            self._above[column] = (last, pieces)
            self._above |= dict.fromkeys(range(column + 1, len(line)), (last, copies))

    def _from_above(self, column: int) -> Iterator[Sequence[Piece]]:
        """What reaches into this row from above, from `column` on to the first column that is free."""
        while self._above.get(column, (-1, ()))[0] >= self._row:
            yield self._again(self._above[column][1])
            column += 1

    def _again(self, pieces: Sequence[Piece]) -> Sequence[Piece]:
        """`pieces` once more if they are a label; where too much was repeated, nothing reaches down any more."""
        label = pieces if _is_label(pieces) else ()
        if self.repeats.take(1, label):
            return label
        self._above.clear()
        return ()


def span(value: str | None, most: int) -> int:
    """The number of rows or columns that an attribute tells, from 1 to `most`."""
    found = _COUNT.match(value or "")
    return max(1, min(most, int(found[1]))) if found else 1


def _has_text(pieces: Sequence[Piece]) -> bool:
    return any(piece.text.strip() for piece in pieces)


def _is_layout(own: Sequence[Sequence[Piece]]) -> bool:
    """Whether a row with these texts is no row of a table: see `row`; nothing is repeated in it."""
    if any(piece.kind in {"heading", "row"} for pieces in own for piece in pieces):
        return True
    return not own or (len(own) == 1 and not _is_label(own[0]))


def _is_label(pieces: Sequence[Piece]) -> bool:
    """Whether what is in a cell says what the rows beside it are about, and is no text of its own."""
    filled = [piece for piece in pieces if piece.text.strip()]
    return len(filled) == 1 and filled[0].kind == "paragraph" and len(filled[0].text) <= _LONGEST_LABEL
