"""XLSX: the cells of each sheet as they were last calculated, a line for each row."""

import datetime as dt
import logging
import operator as op
import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from io import BytesIO
from itertools import zip_longest

import openpyxl  # type: ignore[import-untyped]  # it ships no types
from defusedxml.common import DefusedXmlException  # type: ignore[import-untyped]
from openpyxl.utils.exceptions import InvalidFileException  # type: ignore[import-untyped]

from index.document import Parsed
from index.errors import DamagedDocument, DocumentTooLarge
from index.load.compose import Piece, bounded, compose
from index.load.limits import Limits
from index.load.strict import transitional
from index.load.tables import table_pieces
from index.load.unpack import check_unpacked
from index.load.xlsx_sheet import Line, Unread, layout_of, numbered_rows, with_merged

# What damaged workbooks raise: missing members are KeyErrors, wrong values ValueErrors and TypeErrors, and broken
# XML is a SyntaxError. What unpacking raises was met in check_unpacked.
_BROKEN = (
    *(InvalidFileException, DefusedXmlException, SyntaxError, LookupError, ValueError, AttributeError),
    *(TypeError, OverflowError, AssertionError, zipfile.BadZipFile, zlib.error, EOFError),
)
_MOST_ROWS = 1_048_576  # that Excel has
_MOST_CELLS = 20_000_000  # that are looked at, empty ones too

# Of a number's format: text in quotes, escaped characters, blanks as wide as one, what fills the cell.
_LITERAL = re.compile(r'"[^"]*"?|[\\_*].?')
_BRACKETS = re.compile(r"\[[^\]]*\]?")
_CONDITION = re.compile(r"\[\s*(<=|>=|<>|<|>|=)\s*(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)\s*\]")
_COMPARED = {"<": op.lt, ">": op.gt, "=": op.eq, "<=": op.le, ">=": op.ge, "<>": op.ne}

log = logging.getLogger(__name__)


def parse(data: bytes, *, name: str, limits: Limits) -> Parsed:
    """The sheets in their order, each under a heading with its name; a row is a line `name: value | name: value`.

    An empty row parts tables, of which each has names of columns of its own, see `table_pieces`. Formulas are read
    as their last results; where none was stored, a warning is logged. The value of merged cells is in each of their
    rows. Dates are written as 2026-03-01, percentages as 12.5%, durations as 30:00:00; other formats of numbers are
    not applied. Hidden sheets, charts and comments are left out, and hidden rows and columns with a warning; rows
    that a filter hides are read. The title is that of the properties.
    """
    unread = Unread()
    check_unpacked(data, name=name, limits=limits)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what can't be kept when it is written again
        try:
            book = openpyxl.load_workbook(
                BytesIO(transitional(data)), read_only=True, data_only=True, keep_links=False
            )
            pieces = bounded(_pieces(book, name, unread), name=name, limits=limits)
            parsed = compose(pieces, format="xlsx", title=book.properties.title)
        except _BROKEN as error:
            raise DamagedDocument(
                f"{name!r} could not be read as XLSX ({type(error).__name__}: {error}): "
                "open it in a spreadsheet program and save it again"
            ) from error
    _warn(unread, name)
    return parsed


def _warn(unread: Unread, name: str) -> None:
    remedy = "open it in a spreadsheet program and save it again"
    if unread.formulas:
        log.warning(
            "%r: formulas without a stored result are not read: %d: %s", name, unread.formulas, remedy
        )
    if unread.strings:
        log.warning("%r: cells whose text is missing are not read: %d: %s", name, unread.strings, remedy)
    if unread.rows or unread.columns:
        log.warning(
            "%r: what is hidden is not read: %d rows, %d columns: unhide what is to be found",
            *(name, unread.rows, unread.columns),
        )


def _pieces(book: openpyxl.Workbook, name: str, unread: Unread) -> Iterator[Piece]:
    looked_at = 0
    for number, sheet in enumerate(book.worksheets, start=1):
        if sheet.sheet_state != "visible":
            continue
        above: Piece | None = Piece(sheet.title, "heading", 2, page=number)

        layout = layout_of(sheet)

        def lines() -> Iterator[Line]:
            nonlocal looked_at
            for at, cells, is_hidden in numbered_rows(sheet, unread):  # noqa: B023  it ends before the next sheet comes
                if at > _MOST_ROWS or looked_at > _MOST_CELLS:
                    raise DocumentTooLarge(f"{name!r} spreads over more cells than are read: split it")
                row = [_shown(cell.value, cell.number_format) for cell in cells]
                yield Line(at, row, is_hidden and not layout.filters(at))  # noqa: B023
                looked_at += 1 + len(row)  # it is longer now if merged cells reach into it from the right

        for piece in table_pieces(with_merged(lines(), layout, unread), page=number, gaps_part=True):
            if above is not None:
                yield above
                above = None
            yield piece


def _shown(value: object, number_format: str) -> str:
    """A value about as the program shows it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, int | float):
        if "%" in (number_format or "") and "%" in _section(number_format, value):
            return f"{value * 100:.10g}%"
        is_exact = isinstance(value, int) or (value.is_integer() and abs(value) < 2**53)
        return str(int(value)) if is_exact else f"{value:.15g}"
    if isinstance(value, dt.datetime):
        midnight = value.time() == dt.time.min
        return value.date().isoformat() if midnight else value.isoformat(" ", "seconds").removesuffix(":00")
    if isinstance(value, dt.time):
        return value.isoformat("seconds").removesuffix(":00")
    if isinstance(value, dt.timedelta):
        return _duration(value)
    return str(value)


def _section(number_format: str, value: float) -> str:
    """The part of a number's format that applies to it, without its literal text and what is in brackets.

    Up to three parts are for positive and negative numbers and zero, unless `[<1]` says for which (ECMA-376,
    part 1, 18.8.31).
    """
    sections = _LITERAL.sub("", number_format).split(";")[:3]
    usual = {1: (), 2: (">=",), 3: (">", "<")}[len(sections)]
    for section, sign in zip_longest(sections, usual):
        said = _CONDITION.search(section)
        compare, bound = (said[1], float(said[2])) if said else (sign, 0.0)
        if compare is None or _COMPARED[compare](value, bound):
            return _BRACKETS.sub("", section)
    return ""


def _duration(value: dt.timedelta) -> str:
    minutes, seconds = divmod(round(abs(value).total_seconds()), 60)
    sign = "-" if value < dt.timedelta() else ""
    return f"{sign}{minutes // 60}:{minutes % 60:02}:{seconds:02}"
