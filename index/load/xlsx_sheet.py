"""A sheet of a workbook as rows that stand by themselves: merged cells in each, bad values as they are written."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element

from openpyxl.cell.read_only import EMPTY_CELL, ReadOnlyCell  # type: ignore[import-untyped]  # it ships no types
from openpyxl.utils import column_index_from_string  # type: ignore[import-untyped]
from openpyxl.worksheet._read_only import ReadOnlyWorksheet  # type: ignore[import-untyped]
from openpyxl.worksheet._reader import FORMULA_TAG, VALUE_TAG, WorkSheetParser  # type: ignore[import-untyped]

# No text of a sheet has such a tag in it, as its "<" is escaped there.
_MERGED = re.compile(
    rb"""<(?:\w{1,20}:)?mergeCell\s[^<>]*?\bref\s*=\s*["']([A-Z]{1,3})(\d{1,7}):[A-Z]{1,3}(\d{1,7})["']"""
)

Spans = Mapping[int, Sequence[tuple[int, int]]]
"""Of merged cells, by their first row: the first column, from 0, and the last row."""

_Held = dict[int, tuple[int, str]]  # by column: the last row, and the value


@dataclass(slots=True)
class Unread:
    """How many cells are empty here that are not empty in the workbook."""

    formulas: int = 0
    strings: int = 0


def numbered_rows(sheet: ReadOnlyWorksheet, unread: Unread) -> Iterator[tuple[int, Sequence[ReadOnlyCell]]]:
    """The rows that a sheet has, with their numbers from 1, each up to its last cell; what is not read is counted."""
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
                yield number, _dense(sheet, cells)


def spans(sheet: ReadOnlyWorksheet) -> Spans:
    """The cells of a sheet that are merged over several rows: it says so below the rows that it is about."""
    with sheet._get_source() as source:
        xml = source.read().replace(b"\0", b"")  # UTF-16
    found = defaultdict(list)
    for letters, first, last in _MERGED.findall(xml):
        if int(last) > int(first):
            found[int(first)].append((column_index_from_string(letters.decode()) - 1, int(last)))
    return found


def with_merged(rows: Iterable[tuple[int, list[str]]], merged: Spans) -> Iterator[Sequence[str]]:
    """The rows, each with the value of the merged cells that reach into it put in; an empty one for missing rows.

    A row that is empty but for those is no row; beside a value that stands for several rows it is no gap either.
    """
    held: _Held = {}
    before = beside = 0
    for number, row in rows:
        if number - 1 > max(before, beside):
            yield ()
        before = number
        has_own = any(row)
        if has_own:
            starting = {
                column: (last, row[column])
                for column, last in merged.get(number, ())
                if column < len(row) and row[column]
            }
            held = {column: it for column, it in held.items() if it[0] >= number}
            _put(held, row)
            held |= starting
            if sum(map(bool, row)) > 1:
                beside = max((last for last, _ in held.values()), default=beside)
        if has_own or number > beside:
            yield row


def _put(held: _Held, row: list[str]) -> None:
    for column, (_, value) in held.items():
        row += [""] * (column + 1 - len(row))
        row[column] = row[column] or value


class _Parser(WorkSheetParser):  # type: ignore[misc]  # it has no types
    """The library's, for which one bad value makes the whole workbook unreadable."""

    def __init__(self, unread: Unread, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._unread = unread

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
