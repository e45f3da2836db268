"""JSON and JSON Lines: a line for each record, with the names of its fields in it."""

import json
import re
from collections.abc import Iterator
from typing import Any

from index.document import Parsed
from index.load import text as plain
from index.load.canonical import canonical
from index.load.compose import Piece, bounded, compose
from index.load.decode import decode
from index.load.limits import Limits

_DEEPEST = 40
_LONGEST_VALUE = 300  # code points: a longer value is a block by itself
_TITLES = ("title", "name")
_LINE_ENDS = re.compile(r"\r\n?|\n")


class _NoJSON(ValueError):
    """It looked like JSON and is none."""


def parse(data: bytes, *, name: str, limits: Limits) -> Parsed:
    """Objects as lines `name: value | name: value`; what an outer one holds stands under headings with its name.

    Numbers are as they are written, and of a name that is given twice both values stay. JSON Lines are a list of
    their lines. What turns out to be no JSON, or is nested over 40 levels deep, is read as plain text. The title is
    the field `title` or `name` of the outermost object.
    """
    source = decode(data, name=name)
    try:
        pieces, title = _contents(source)
        return compose(bounded(pieces, name=name, limits=limits), format="json", title=title)
    except (_NoJSON, RecursionError):
        return plain.parse(data, name=name, limits=limits)


def is_json(text: str) -> bool:
    """Whether a text as a whole is one object or array."""
    try:
        return isinstance(_loads(text), dict | list)
    except (ValueError, RecursionError):
        return False


def _contents(source: str) -> tuple[Iterator[Piece], str | None]:
    """The pieces of a value, or of the values on the lines, and a title if there is one."""
    try:
        value = _loads(source)
    except ValueError:
        return _line_pieces(source), None
    titles = [value.get(key) for key in _TITLES] if isinstance(value, dict) else []
    return _pieces(value, 0), next((title for title in titles if isinstance(title, str)), None)


def _line_pieces(source: str) -> Iterator[Piece]:
    """The pieces of the values on the lines, one value in memory at a time; `_NoJSON` where one is none."""
    values = 0
    for line in _LINE_ENDS.split(source):
        if not line.strip():
            continue
        values += 1
        try:
            value = _loads(line)
        except ValueError as error:
            raise _NoJSON from error
        yield from _pieces([value], 0)
    if values < 2:
        raise _NoJSON


def _loads(source: str) -> Any:
    # Numbers stay text: 1.10 is not 1.1, and a number of a million digits is not to be calculated.
    return json.loads(
        source.strip("\ufeff \t\r\n\x1e"),
        parse_int=str,
        parse_float=str,
        parse_constant=str,
        object_pairs_hook=_object,
    )


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; a name that is given several times has the list of its values."""
    found = dict(pairs)
    if len(found) < len(pairs):
        for key in found:
            values = [value for other, value in pairs if other == key]
            if len(values) > 1:
                found[key] = values
    return found


def _pieces(value: Any, depth: int) -> Iterator[Piece]:
    if depth > _DEEPEST:
        raise _NoJSON
    if isinstance(value, dict):
        yield from _object_pieces(value, depth)
    elif isinstance(value, list):
        for item in value:
            yield from _record_pieces(item, depth) if isinstance(item, dict) else _pieces(item, depth + 1)
    else:
        yield Piece(_shown(value), "row")


def _object_pieces(value: dict[str, Any], depth: int) -> Iterator[Piece]:
    """Short values as one line, then each long one, then each that holds others."""
    line, long, nested = [], [], []
    for key, held in value.items():
        shown = _scalar(held)
        if shown is None:
            nested.append(key)
        elif len(shown) > _LONGEST_VALUE or "\n" in shown.strip():
            long.append(f"{_label(key)}: {shown}")
        elif shown:
            line.append(f"{_label(key)}: {shown}")
    if line:
        yield Piece(" | ".join(line), "row")
    yield from (Piece(each) for each in long)
    for key in nested:
        if label := _label(key):
            yield Piece(label, "heading", min(depth + 2, 9))
        yield from _pieces(value[key], depth + 1)


def _record_pieces(record: dict[str, Any], depth: int) -> Iterator[Piece]:
    """An object of a list: one line with all short values in it, then its long ones and the lists of objects in it.

    Each begins with the record's first value. There are no headings, which would stand above the next record too.
    """
    line, others = [], []
    for path, held in _leaves(record, depth):
        shown = _scalar(held)
        if shown is None:
            others.append((path, held))
        elif len(shown) > _LONGEST_VALUE or "\n" in shown.strip():
            others.append((path, shown))
        elif shown:
            line.append(f"{path}: {shown}")
    if line:
        yield Piece(" | ".join(line), "row")
    key = f"{line[0]} | " if line else ""
    for path, held in others:
        if isinstance(held, str):
            yield Piece(f"{key}{path}: {held}")
            continue
        for item in held:
            yield from (Piece(f"{key}{path}: {piece.text}", "row") for piece in _pieces([item], depth + 1))


def _leaves(record: dict[str, Any], depth: int) -> Iterator[tuple[str, Any]]:
    """The values in an object and in those in it, by their names joined with dots; a list is one value."""
    if depth > _DEEPEST:
        raise _NoJSON
    for key, held in record.items():
        if isinstance(held, dict):
            yield from ((f"{_label(key)}.{path}", value) for path, value in _leaves(held, depth + 1))
        else:
            yield _label(key), held


def _scalar(value: Any) -> str | None:
    """A value as text if it holds no object; a list of short values is one."""
    if isinstance(value, list):
        if any(isinstance(item, dict | list) for item in value):
            return None
        return ", ".join(filter(None, map(_shown, value)))
    return None if isinstance(value, dict) else _shown(value)


def _shown(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else canonical(str(value))


def _label(key: str) -> str:
    return " ".join(canonical(key).split())[:200]
