"""CSV and TSV: a line for each record, with the names of the columns in it."""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from io import StringIO
from typing import Literal

from index.document import Parsed
from index.errors import DamagedDocument
from index.load.compose import Piece, bounded, compose
from index.load.decode import decode
from index.load.limits import Limits
from index.load.tables import table_pieces

_DELIMITERS = ",;\t|"
_SAMPLE = 65_536  # code points
_SAMPLE_RECORDS = 200
_LEAST_RECORDS = 5  # of a file whose name does not say that it is CSV
_LEAST_FIELDS = 3
_LONGEST_FIELD = 60  # code points, on average: longer ones may be prose
_LONGEST_CELL = 10_000_000  # code points
_NONE = "\x1f"  # what parts the fields of a table with one column: no text has it
_ESCAPED = re.compile(r'(?<!\\)((?:\\\\)*+)\\"')
_MOST_LINES = 50  # in a field of a file that has an odd number of quotes


def parse(data: bytes, *, name: str, limits: Limits) -> Parsed:
    """The records of a table, see `table_pieces`; whichever of , ; tab and | parts most of its lines alike does.

    Fields may be quoted, and hold line ends then; quotes in them are doubled, or escaped as `\\"`. A spreadsheet's
    line `sep=;` is heeded.
    """
    text = decode(data, name=name).replace("\0", "")
    rest, delimiter = _declared(text)
    delimiter = delimiter or _delimiter(rest) or ","
    pieces = bounded(_pieces(rest, delimiter, name), name=name, limits=limits)
    return compose(pieces, format="csv")


def is_table(text: str) -> bool:
    """Whether the start of a text is a table without doubt: many short fields, as many in each of its records."""
    delimiter = _delimiter(text[:_SAMPLE])
    if delimiter is None:
        return False
    records = _sample(text, delimiter)
    counts = {len(record) for record in records}
    fields = [field for record in records for field in record]
    return (
        len(records) >= _LEAST_RECORDS
        and len(counts) == 1
        and min(counts) >= _LEAST_FIELDS
        and sum(map(len, fields)) <= _LONGEST_FIELD * len(fields)
        and all(records[0])
        # Prose has a blank behind each comma.
        and (delimiter != "," or sum(field.startswith(" ") for field in fields) * 4 < len(fields))
    )


def _declared(text: str) -> tuple[str, str | None]:
    """The text below the line with which a spreadsheet program says what parts fields, and what does."""
    line, _, rest = text.partition("\n")
    line = line.strip().lower()
    return (rest, line[4]) if line.startswith("sep=") and len(line) == 5 else (text, None)


def _pieces(text: str, delimiter: str, name: str) -> Iterator[Piece]:
    csv.field_size_limit(_LONGEST_CELL)
    try:
        yield from table_pieces(_records(text, delimiter))
    except csv.Error as error:
        raise DamagedDocument(
            f"{name!r} could not be read as CSV ({error}): open it in a spreadsheet program and save it again"
        ) from error


def _records(text: str, delimiter: str) -> Iterable[list[str]]:
    skips = re.search(re.escape(delimiter) + ' +"', text) is not None
    if '\\"' in text and not _is_strict(text, delimiter, skips=skips):
        doubled = _ESCAPED.sub(r'\1""', text)
        text = doubled if _is_strict(doubled, delimiter, skips=skips) else text
    skips = skips and _is_strict(text, delimiter, skips=True)
    quoting: Literal[0, 3] = csv.QUOTE_NONE if _is_left_open(text, delimiter) else csv.QUOTE_MINIMAL
    return csv.reader(
        StringIO(text, newline=""), delimiter=delimiter, quoting=quoting, skipinitialspace=skips
    )


def _is_strict(text: str, delimiter: str, *, skips: bool) -> bool:
    """Whether each quote that opens a field closes it, when blanks in front of fields are skipped or not."""
    records = csv.reader(StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=skips, strict=True)
    try:
        return all(True for _ in records)
    except csv.Error:
        return False


def _is_left_open(text: str, delimiter: str) -> bool:
    """Whether a quote is never closed, and takes the rest of the file for one field."""
    if text.count('"') % 2 == 0:
        return False
    try:
        records = csv.reader(StringIO(text, newline=""), delimiter=delimiter)
        return any(field.count("\n") > _MOST_LINES for record in records for field in record)
    except csv.Error:
        return True


def _sample(text: str, delimiter: str) -> list[list[str]]:
    """The first records that are not empty, without the last if it may be cut off."""
    records: list[list[str]] = []
    try:
        for record in csv.reader(StringIO(text[:_SAMPLE], newline=""), delimiter=delimiter):
            if any(record):
                records.append(record)
            if len(records) > _SAMPLE_RECORDS:
                break
    except csv.Error:
        pass
    return records[:-1] if len(text) > _SAMPLE and len(records) > 1 else records


def _delimiter(text: str) -> str | None:
    """What parts most records into as many fields as the others, and into more than one."""
    best: tuple[int, int] = (0, 0)
    found = None
    for delimiter in _DELIMITERS:
        widths = [len(record) for record in _sample(text, delimiter)]
        counts = Counter(width for width in widths if width > 1)
        if not counts:
            continue
        fields, records = max(counts.items(), key=lambda item: (item[1], item[0]))
        if _is_of_text(widths):
            found = found or _NONE
        elif (records, fields) > best:
            best, found = (records, fields), delimiter
    return found


def _is_of_text(widths: list[int]) -> bool:
    """Whether what parts records is of their text: it parts few, and not all from somewhere on, as below a title."""
    start = next((at for at, width in enumerate(widths) if width > 1), 0)
    below = widths[start:]
    return start > 0 and widths.count(1) * 2 > len(widths) and below.count(1) * 2 >= len(below)
