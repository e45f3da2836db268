"""The lines of a PDF page: what they say, where they stand, and how they are set."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pypdf import PageObject

from index.load.canonical import canonical

_BOLD = re.compile(r"bold|black|heavy|demi|cmbx|[-,]b\b", re.IGNORECASE)
_BOLD_WEIGHT = 600  # of a font's /FontWeight: 400 is regular, 700 is bold
_WIDEST_LETTER = 0.6  # of the size, on average: what was shown surely ends before this
_CELL_GAP = 1.5  # of the size: more white than this stands between cells, not between words
_MARKER = re.compile(r"\W{1,3}|\(?\w{1,4}[.)]")


@dataclass(frozen=True, slots=True)
class Cell:
    """A stretch of a line with wide white space before it; `x` is where it starts."""

    x: float
    text: str


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text, or a row of a table.

    `x`, `top` and `bottom` are where its first and last base lines start, in points: `x` grows along the
    direction in which the text runs, the others fall from line to line. They are 0 where a page doesn't
    tell. `size` is that of its largest letters, in points; it is bold if all of it is. `table` is the number
    of the table on its page that it is a row of.
    """

    text: str
    cells: tuple[Cell, ...]
    top: float
    bottom: float
    size: float
    bold: bool
    table: int | None = None

    @property
    def x(self) -> float:
        """Where it starts."""
        return self.cells[0].x


@dataclass(frozen=True, slots=True)
class _Part:
    """A piece of a line that was shown at once."""

    text: str
    x: float = 0.0
    y: float = 0.0
    size: float = 0.0
    bold: bool = False


def page_lines(page: PageObject) -> list[Line]:
    """The lines of `page` that are not blank, in the order in which the page shows them."""
    parts: list[_Part] = []

    def visit(text: str, matrix: Any, text_matrix: Any, font: Any, size: Any) -> None:
        if text:
            parts.append(_part(text, _product(text_matrix, matrix), font, size))

    text = page.extract_text(visitor_text=visit)
    if "".join(part.text for part in parts) != text:
        parts = [_Part(text)]  # then nothing is known of where its lines stand
    return [_line(found) for found in _broken(parts) if any(part.text.strip() for part in found)]


def _part(text: str, matrix: Sequence[float], font: object, size: object) -> _Part:
    """`text`, shown by `matrix`; its place is turned to where lines run to the right, as pages may be."""
    a, b, c, d, x, y = matrix
    length = math.hypot(a, b) or 1.0
    height = float(size) if isinstance(size, int | float) else 0.0
    along, across, high = (x * a + y * b) / length, (y * a - x * b) / length, height * math.hypot(c, d)
    if not all(map(math.isfinite, (along, across, high))):
        return _Part(text)
    return _Part(text, along, across, high, _is_bold(font))


def _product(first: Sequence[float], second: Sequence[float]) -> tuple[float, ...]:
    """The matrix that does what `first` and then `second` does; both are [a b c d e f] of PDF."""
    a, b, c, d, e, f = map(float, first)
    g, h, i, j, k, m = map(float, second)
    return a * g + b * i, a * h + b * j, c * g + d * i, c * h + d * j, e * g + f * i + k, e * h + f * j + m


def _is_bold(font: object) -> bool:
    if not isinstance(font, Mapping):
        return False
    if _BOLD.search(str(font.get("/BaseFont", ""))):
        return True
    # pypdf follows a reference only where it is looked up by index.
    descriptor = font["/FontDescriptor"] if "/FontDescriptor" in font else None  # noqa: SIM401
    weight = descriptor.get("/FontWeight") if isinstance(descriptor, Mapping) else None
    return isinstance(weight, int | float) and weight >= _BOLD_WEIGHT


def _broken(parts: Sequence[_Part]) -> Iterator[list[_Part]]:
    """`parts` in lines."""
    line: list[_Part] = []
    for part in parts:
        first, *others = part.text.split("\n")
        line.append(_with(part, first))
        for other in others:
            yield line
            line = [_with(part, other)]
    yield line


def _with(part: _Part, text: str) -> _Part:
    return _Part(text, part.x, part.y, part.size, part.bold)


def _line(parts: Sequence[_Part]) -> Line:
    shown = [part for part in parts if part.text.strip()]
    y = shown[0].y
    return Line(
        text=_folded("".join(part.text for part in parts)),
        cells=tuple(_cells(shown)),
        top=y,
        bottom=y,
        size=max(part.size for part in shown),
        bold=all(part.bold for part in shown),
    )


def _cells(parts: Sequence[_Part]) -> Iterator[Cell]:
    """The cells of a line; the marker of a list item is none, however far it is from the item."""
    start, texts = parts[0].x, [parts[0].text]
    end = _latest_end(parts[0])
    for part in parts[1:]:
        if part.x - end > _CELL_GAP * part.size and not _MARKER.fullmatch(_folded("".join(texts))):
            yield Cell(start, _folded("".join(texts)))
            start, texts = part.x, []
        texts.append(part.text)
        end = max(end, _latest_end(part))
    yield Cell(start, _folded("".join(texts)))


def _latest_end(part: _Part) -> float:
    return part.x + len(part.text.strip()) * _WIDEST_LETTER * part.size


def _folded(text: str) -> str:
    return " ".join(canonical(text).split())
