"""Which rows of a table name its columns, and what they call them."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_LONGEST_NAME = 100  # code points of the name of a column
_LONGEST_NUMBER = 40  # code points
_MOST_ABOVE = 5  # rows that stand above the names of the columns

_NUMERIC = re.compile(r"[\s\d.,:/%+$€£¥()-]*\d[\s\d.,:/%+$€£¥()-]*(?:[eE][+-]?\d+)?")
_KINDS = {
    "year": re.compile(r"(?:19|20)\d\d"),
    "date": re.compile(
        r"(?:\d{4}-(?:0[1-9]|1[0-2])(?:-\d\d)?|\d{4}/\d{1,2}(?:/\d{1,2})?|\d{1,2}/\d{4}"
        r"|\d{4}\.\d{1,2}\.\d{1,2}|\d{1,2}([./-])\d{1,2}\1\d{2}(?:\d\d)?)(?: \d\d:\d\d(?::\d\d)?)?"
    ),
    "time": re.compile(r"\d{1,2}:\d\d(?::\d\d)?(?:\s?-\s?\d{1,2}:\d\d)?"),
    "range": re.compile(r"\d+(?:\.\d+)?%?\s?(?:-\s?\d+(?:\.\d+)?%?|\+)|(?:19|20)\d\d/\d\d(?:\d\d)?"),
    "number": _NUMERIC,
}
_UNKNOWN = re.compile(r"[-?.*–—]+|n/?a|nan|null|none|unknown", re.IGNORECASE)

Row = Sequence[str]


class Spread(list[str]):
    """A row in which cells are merged over columns: `over` has the first and last of each, from 0, ascending."""

    def __init__(self, cells: Iterable[str], over: Sequence[tuple[int, int]] = ()) -> None:
        super().__init__(cells)
        self.over = over

    def named(self, width: int) -> list[str]:
        """The row with the text of each merged cell in all of its columns, of `width`."""
        cells = [*self, *[""] * (width - len(self))]
        end = 0  # merged cells that overlap others would take the square of the time
        for first, last in self.over:
            if end <= first < width:
                end = min(last + 1, width)
                cells[first:end] = [cells[first]] * (end - first)
        return cells


@dataclass(frozen=True, slots=True)
class Header:
    """The names of the columns: `shown` as a line, in rows from `start` to before `end`."""

    names: Row
    shown: Row
    start: int
    end: int


def header_of(rows: Sequence[Spread]) -> Header | None:
    """Which of the first rows of a table name its columns; none if nothing is below them."""
    start = _top(rows)
    below = _filled(rows[start + 1 :])
    if not below:
        return None
    first, width = rows[start], max(map(len, below))
    joined = _joined(first, below, width)
    if joined:
        names = [_name(cell) for cell in joined]
        return Header(names, names, start, start + 2)
    if not _names_columns(first, below):
        return None
    names = [_name(cell) for cell in first.named(width)]
    return Header(names, [_name(cell) for cell in first], start, start + 1)


def _top(rows: Sequence[Spread]) -> int:
    """The first row that belongs to the table; what is above it names few columns, where it names all of them.

    It is believed to do so if some of it is text above numbers; else all rows are of the table.
    """
    for at in range(1, min(len(rows) - 2, _MOST_ABOVE + 1)):
        row, below = rows[at], _filled(rows[at + 1 :])
        columns = {column for it in below for column in _columns(it)}
        if (
            len(below) > 1
            and columns - _columns(row) <= {0}
            and all(_is_above(rows[above : at + 1], columns) for above in range(at))
            and _names_columns(row, below)
            and any(_differs(row, column, below) for column in columns)
        ):
            return at
    return 0


def _is_above(rows: Sequence[Spread], columns: set[int]) -> bool:
    """Whether the first row does not name the columns: it is half as wide, or narrower and apart from the last."""
    named = columns & _columns(rows[0].named(max(columns) + 1))
    is_apart = not all(map(any, rows))
    return len(named) * 2 <= len(columns) or (is_apart and not columns - named <= {0})


def _joined(first: Spread, below: Sequence[Spread], width: int) -> Row:
    """The names of the columns from two rows, if the first has cells merged over columns that the second names.

    It is no row of the table if it has no cell of its own beside those, and repeats itself or is above numbers.
    """
    if not first.over or len(below) < 2:
        return ()
    above, second = first.named(width), below[0].named(width)
    starts = {column for column, _ in first.over}
    names: list[str] = []
    under: list[int] = []
    for column, (upper, lower) in enumerate(zip(above, second, strict=False)):
        is_merged = bool(upper) and (column in starts or not "".join(first[column : column + 1]))
        if not (upper and lower and upper != lower):
            if is_merged and not lower:
                return ()
            names.append(upper or lower)
        elif is_merged and _kind(lower) != "number":
            under.append(column)
            names.append(f"{upper} {lower}")
        else:
            return ()
    has_repeats = len({second[column] for column in under}) < len(under)
    is_header = has_repeats or any(_differs(second, column, below[1:]) for column in under)
    are_different = len({names[column] for column in under}) == len(under)
    return names if under and is_header and are_different else ()


def _names_columns(cells: Row, below: Sequence[Row]) -> bool:
    names = [cell for cell in cells if cell]
    kinds = {column: kind for column, cell in enumerate(cells) if (kind := _kind(cell)) not in {"", "text"}}
    under = {column: _kinds(below, column) for column in kinds}
    if (
        len({*names}) < len(names)
        or "number" in kinds.values()
        or any(_continues(kind, under[column]) for column, kind in kinds.items())
    ):
        return False
    if {*kinds.values()} <= {"year"}:
        has_labels = not cells[0] and {*_kinds(below, 0)} == {"text"}
        return len(kinds) < len(names) or (len(kinds) > 1 and has_labels)
    values = {kind for column in under.values() for kind in column}
    return len(kinds) > 1 and bool(values) and (len(below) > 1 or "text" not in values)


def _continues(kind: str, under: Sequence[str]) -> bool:
    """Whether a cell is of the kind that is under it; a few numbers may well look like years."""
    return bool(under) and (all if kind == "year" else any)(it == kind for it in under)


def _differs(cells: Row, column: int, below: Sequence[Row]) -> bool:
    """Whether a cell is of another kind than all that is under it, of which nothing is text."""
    under = {*_kinds(below, column)}
    kind = _kind(cells[column]) if column < len(cells) else ""
    return kind not in {"", "number"} and bool(under) and not under & {"text", kind}


def _kinds(rows: Iterable[Row], column: int) -> Sequence[str]:
    kinds = (_kind(row[column]) for row in rows if column < len(row))
    return [kind for kind in kinds if kind]


def _kind(cell: str) -> str:
    """None for what says that a value is not known."""
    if not cell or _UNKNOWN.fullmatch(cell):
        return ""
    if len(cell) > _LONGEST_NUMBER:
        return "text"
    return next((kind for kind, pattern in _KINDS.items() if pattern.fullmatch(cell)), "text")


def _columns(row: Row) -> set[int]:
    return {column for column, cell in enumerate(row) if cell}


def _filled(rows: Sequence[Spread]) -> Sequence[Spread]:
    return [row for row in rows if any(row)]


def _name(cell: str) -> str:
    return cell[:_LONGEST_NAME].rstrip(": ")
