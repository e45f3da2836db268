"""Files of JSON values, one a line: read with the place of each, appended to so that a kill costs one line."""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from eval.errors import EvalError

JSON = dict[str, Any]


def rows(path: Path, error: Callable[[str], EvalError], *, torn: bool = False) -> Iterator[tuple[str, JSON]]:
    """Each line's object with its place, `file:line`; empty lines are passed over.

    With `torn`, a last line without its line end is what a killed writer left, and is passed over too.
    Raises what `error` makes of a message.
    """
    try:
        # Only at line feeds: other separators may stand inside a JSON string.
        lines = path.read_text(encoding="utf-8", errors="strict").split("\n")
    except (OSError, UnicodeDecodeError) as reason:
        raise error(f"{path} could not be read: {reason}") from reason
    if torn:
        lines.pop()
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield f"{path}:{number}", parsed(line, f"{path}:{number}", error)


def parsed(text: str, place: str, error: Callable[[str], EvalError]) -> JSON:
    """The JSON object that a text is."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as reason:
        raise error(f"{place}: this is no JSON: {reason}") from reason
    if not isinstance(value, dict):
        raise error(f"{place}: this is no JSON object")
    return value


def text(row: Mapping[str, Any], name: str, place: str, error: Callable[[str], EvalError]) -> str:
    """A field that must be a string, and not an empty one."""
    value = row.get(name)
    if not isinstance(value, str) or not value.strip():
        raise error(f"{place}: the field {name!r} is missing or not a string")
    return value


def line(value: Mapping[str, Any]) -> str:
    """A value as one line with its end."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n"


def write(path: Path, values: Iterable[Mapping[str, Any]]) -> None:
    """Write a whole file, which is the old one or the new one whenever it is looked at."""
    replace(path, "".join(map(line, values)))


def replace(path: Path, content: str) -> None:
    """Put the content in the file's place at once."""
    beside = path.with_name(path.name + ".new")
    beside.write_text(content, encoding="utf-8", newline="\n")
    beside.replace(path)


def append(path: Path, value: Mapping[str, Any]) -> None:
    """Add a line to a file, in one write that is on disk when this returns."""
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(file, line(value).encode())
        os.fsync(file)
    finally:
        os.close(file)


def mend(path: Path) -> None:
    """Cut off a torn last line, so that the next one does not continue it."""
    if not path.exists():
        return
    with path.open("rb+") as file:
        content = file.read()
        file.truncate(content.rfind(b"\n") + 1)
