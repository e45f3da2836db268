"""A sheet of a workbook as rows that stand by themselves: merged cells in each, bad values as they are written.

What a sheet hides is left out; rows that a filter hides and outlines that are folded are read.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import chain
from typing import Any
from xml.etree.ElementTree import Element

from openpyxl.cell.read_only import EMPTY_CELL, ReadOnlyCell  # type: ignore[import-untyped]  # it ships no types
from openpyxl.packaging.relationship import get_dependents, get_rels_path  # type: ignore[import-untyped]
from openpyxl.utils import column_index_from_string  # type: ignore[import-untyped]
from openpyxl.worksheet._read_only import ReadOnlyWorksheet  # type: ignore[import-untyped]
from openpyxl.worksheet._reader import FORMULA_TAG, VALUE_TAG, WorkSheetParser  # type: ignore[import-untyped]
from openpyxl.worksheet.table import Table  # type: ignore[import-untyped]

from index.load.column_names import Row, Spread

# No text of a sheet has such a tag in it, as its "<" is escaped there.
_TAG = re.compile(rb"<(?:\w{1,20}:)?(col|mergeCell|autoFilter)\s([^<>]*)")
_ATTRIBUTE = re.compile(rb"""\b(min|max|hidden|outlineLevel|ref)\s*=\s*["']([^"'<>]{0,40})["']""")
_RANGE = re.compile(r"([A-Z]{1,3})(\d{1,7}):([A-Z]{1,3})(\d{1,7})")
_MOST_COLUMNS = 18_278  # that three letters can name


@dataclass(frozen=True, slots=True)
class Merged:
    """Cells that are merged into one: columns from 0, the last row from 1.

    The value is in the column `source`; `first` is the first that is shown.
    """

    source: int
    first: int
    last: int
    last_row: int


@dataclass(frozen=True, slots=True)
class Layout:
    """What a sheet says of its cells outside of them: merged ones by their first row, hidden columns from 0.

    Rows from the first to the last in `filtered` are hidden by a filter if they are hidden.
    """

    merged: Mapping[int, Sequence[Merged]]
    hidden: Set[int]
    filtered: Sequence[tuple[int, int]]

    def filters(self, number: int) -> bool:
        """Whether a row is one of those that a filter may hide."""
        return any(first <= number <= last for first, last in self.filtered)


@dataclass(frozen=True, slots=True)
class Line:
    """The cells of a row up to the last, as text; its number counts from 1."""

    number: int
    cells: list[str]
    is_hidden: bool = False


@dataclass(slots=True)
class Unread:
    """How many cells are empty here that are not empty in the workbook, and how many rows and columns are hidden."""

    formulas: int = 0
    strings: int = 0
    rows: int = 0
    columns: int = 0


def numbered_rows(
    sheet: ReadOnlyWorksheet, unread: Unread
) -> Iterator[tuple[int, Sequence[ReadOnlyCell], bool]]:
    """The rows that a sheet has, with their numbers from 1, each up to its last cell; what is not read is counted.

    The third is whether the row is hidden, by a filter or otherwise.
    """
    book = sheet.parent
    with sheet._get_source() as source:
        parser = _Parser(
            unread,
            source,
            sheet._shared_strings,
            data_only=True,
            epoch=book.epoch,
            date_formats=book._date_formats,
            timedelta_formats=book._timedelta_formats,
        )
        last = 0
        for number, cells in parser.parse():
            if number > last:
                last = number
                yield number, _dense(sheet, cells), parser.is_hidden


def layout_of(sheet: ReadOnlyWorksheet) -> Layout:
    """How the cells of a sheet are merged, hidden and filtered: it says so above and below the rows."""
    with sheet._get_source() as source:
        xml = source.read()
    hidden: set[int] = set()
    filtered: list[tuple[int, int]] = []
    ranges: list[re.Match[str]] = []
    seen = 0
    for part in chain((xml,), _tables(sheet)):
        filters: list[tuple[int, int]] = []  # more than the first belong to views of other people
        for tag, said in _tags(part):
            if tag == b"col":
                columns = _columns(said, seen)
                seen = max(seen, columns.stop)
                hidden.update(columns if _hides(said) else ())
            elif found := _RANGE.fullmatch(said.get("ref", "")):
                ranges += [found] if tag == b"mergeCell" else []
                filters += [(int(found[2]), int(found[4]))] if tag == b"autoFilter" else []
        filtered += filters[:1]
    return Layout(_merged(ranges, hidden), hidden, filtered)


def _tags(xml: bytes) -> Iterator[tuple[bytes, Mapping[str, str]]]:
    for tag in _TAG.finditer(xml.replace(b"\0", b"")):  # UTF-16
        attributes = _ATTRIBUTE.findall(tag[2])
        yield tag[1], {name.decode(): value.decode("latin-1") for name, value in attributes}


def _hides(said: Mapping[str, str]) -> bool:
    """Whether a row or a column is hidden, and not only folded away."""
    return said.get("hidden") in {"1", "true"} and said.get("outlineLevel", "0") == "0"


def _columns(said: Mapping[str, str], start: int) -> range:
    """Columns from 0, without those before `start`: they ascend, and are looked at once."""
    first, last = said.get("min", ""), said.get("max", "")
    if not (first.isdecimal() and last.isdecimal()):
        return range(0)
    return range(max(int(first) - 1, start), min(int(last), _MOST_COLUMNS))


def _tables(sheet: ReadOnlyWorksheet) -> Iterator[bytes]:
    archive = sheet.parent._archive
    names = {*archive.namelist()}
    rels = get_rels_path(sheet._worksheet_path)
    if rels in names:
        targets = {relation.target for relation in get_dependents(archive, rels).find(Table._rel_type)}
        yield from (archive.read(target) for target in targets & names)


def _merged(ranges: Iterable[re.Match[str]], hidden: Set[int]) -> Mapping[int, Sequence[Merged]]:
    shown = [*range(_MOST_COLUMNS + 1)]  # the first column that is shown from each on
    for column in sorted(hidden, reverse=True):
        shown[column] = shown[column + 1]
    found = defaultdict(list)
    for it in ranges:
        source, last = column_index_from_string(it[1]) - 1, column_index_from_string(it[3]) - 1
        cells = Merged(source, shown[source], last, int(it[4]))
        if cells.first <= last:
            found[int(it[2])].append(cells)
    return found


def with_merged(lines: Iterable[Line], layout: Layout, unread: Unread) -> Iterator[Row]:
    """The rows, each with the value of the merged cells that reach into it put in; an empty one for missing rows.

    A row that is empty but for those is no row; beside a value that stands for several rows it is no gap either.
    """
    held: dict[int, tuple[Merged, str]] = {}
    before = beside = 0
    hidden: set[int] = set()
    for line in lines:
        number, row = line.number, line.cells
        if number - 1 > max(before, beside):
            yield ()
        before = number
        starting = layout.merged.get(number, ())
        _show(row, starting)
        hidden |= _hide(row, layout.hidden)
        has_own = any(row)
        if has_own:
            held = {column: it for column, it in held.items() if it[0].last_row >= number}
            begun = {
                cells.first: (cells, row[cells.first])
                for cells in starting
                if cells.first < len(row) and row[cells.first]
            }
            _put(held, row)
            held |= begun
            if sum(map(bool, row)) > 1:
                beside = max((cells.last_row for cells, _ in held.values()), default=beside)
        if line.is_hidden:
            unread.rows += has_own
        elif has_own or number > beside:
            yield Spread(row, sorted((cells.first, cells.last) for cells, _ in held.values()))
    unread.columns += len(hidden)


def _show(row: list[str], starting: Iterable[Merged]) -> None:
    """Puts the values of merged cells where they are seen though their first column is hidden."""
    for cells in starting:
        if cells.source < cells.first and cells.source < len(row):
            row += [""] * (cells.first + 1 - len(row))
            row[cells.first] = row[cells.first] or row[cells.source]
            row[cells.source] = ""


def _hide(row: list[str], hidden: Set[int]) -> Set[int]:
    """Empties the cells in hidden columns, and says which they are."""
    found = {column for column, cell in enumerate(row) if cell and column in hidden} if hidden else set()
    for column in found:
        row[column] = ""
    return found


def _put(held: Mapping[int, tuple[Merged, str]], row: list[str]) -> None:
    for column, (_, value) in held.items():
        row += [""] * (column + 1 - len(row))
        row[column] = row[column] or value


class _Parser(WorkSheetParser):  # type: ignore[misc]  # it has no types
    """The library's, for which one bad value makes the whole workbook unreadable."""

    def __init__(self, unread: Unread, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._unread = unread
        self.is_hidden = False

    def parse_row(self, row: Element) -> tuple[int, list[dict[str, Any]]]:
        self.is_hidden = _hides(row.attrib)
        parsed: tuple[int, list[dict[str, Any]]] = super().parse_row(row)
        return parsed

    def parse_cell(self, element: Element) -> dict[str, Any]:
        try:
            cell: dict[str, Any] = super().parse_cell(element)
        except LookupError:  # a shared string that there is not
            self._unread.strings += 1
            element[:] = []
            return self._as_text(element)
        except (ValueError, TypeError, OverflowError):
            return self._as_text(element)
        if cell["value"] is None and _lacks_result(element):
            self._unread.formulas += 1
        return cell

    def _as_text(self, element: Element) -> dict[str, Any]:
        element.set("t", "str")
        cell: dict[str, Any] = super().parse_cell(element)
        return cell


def _lacks_result(element: Element) -> bool:
    """Whether a cell has a formula of which no result was stored, not even that it is the empty text."""
    is_empty_text = element.get("t") == "str" and element.find(VALUE_TAG) is not None
    return element.find(FORMULA_TAG) is not None and not is_empty_text


def _dense(sheet: ReadOnlyWorksheet, cells: Sequence[Mapping[str, Any]]) -> Sequence[ReadOnlyCell]:
    width = max((cell["column"] for cell in cells), default=0)
    row = [EMPTY_CELL] * width
    for cell in cells:
        row[cell["column"] - 1] = ReadOnlyCell(sheet, **cell)
    return row
