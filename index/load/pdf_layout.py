"""What the pages of a PDF tell by how their lines are set: gaps, running heads, and headings."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from index.document import Span
from index.load.paragraphs import ends_sentence, starts_lower
from index.load.pdf_lines import Line
from index.load.running import running

_LARGER = 1.12  # times the size of the text: above it are the letters of a heading
_GAP = 1.2  # times the usual distance of lines: above it is a gap between paragraphs
_USUAL_DISTANCE = 1.2  # of the size: where a document doesn't show another
_WIDEST_DISTANCE = 3.0  # of the size: lines that are further apart say nothing of the usual distance
_MOST_HEADING_LINES = 4
_LONGEST_HEADING = 200  # code points
_DEEPEST_LEVEL = 6


@dataclass(frozen=True, slots=True)
class Setting:
    """How most of a document's text is set; `distance` is that of its base lines, in sizes of letters."""

    size: float
    bold: bool
    distance: float

    def has_gap(self, above: Line, below: Line) -> bool:
        """Whether there is more white between two lines than between those of one paragraph."""
        usual = self.distance * max(above.size, below.size)  # 0 where a page doesn't tell sizes
        return 0 < usual * _GAP < above.bottom - below.top

    def is_large(self, line: Line) -> bool:
        """Whether the letters of `line` are larger than those of the text."""
        return line.size > self.size * _LARGER

    def stands_out(self, line: Line) -> bool:
        """Whether `line` is larger or bolder than the text, and no row of a table."""
        is_bolder = line.bold and not self.bold and line.size * _LARGER >= self.size
        return line.table is None and (is_bolder or self.is_large(line))


def setting(pages: Iterable[Sequence[Line]]) -> Setting:
    """How most of the text of `pages` is set."""
    styles: Counter[tuple[float, bool]] = Counter()
    distances: Counter[float] = Counter()
    for lines in pages:
        for line in lines:
            styles[round(line.size, 1), line.bold] += len(line.text)
        for above, below in pairwise(lines):
            distance = (above.bottom - below.top) / below.size if below.size else 0.0
            if 0 < distance < _WIDEST_DISTANCE and above.table is below.table is None:
                distances[round(distance, 1)] += len(below.text)
    size, bold = styles.most_common(1)[0][0] if styles else (0.0, False)
    distance = distances.most_common(1)[0][0] if distances else _USUAL_DISTANCE
    return Setting(size, bold, distance)


def without_running_heads(pages: Sequence[Sequence[Line]], text: Setting) -> list[list[Line]]:
    """`pages` without the lines that repeat at their upper and lower edges.

    Two that repeat stay: what is larger than the text, which is a heading, and the rows that a table on the
    page begins or ends with.
    """
    downwards = [sorted(lines, key=lambda line: -line.top) for lines in pages]
    upwards = [lines[::-1] for lines in downwards]
    heads = {id(line) for edges in (downwards, upwards) for line in _heads(edges, text)}
    return [[line for line in lines if id(line) not in heads] for lines in pages]


def _heads(edges: Sequence[Sequence[Line]], text: Setting) -> Iterator[Line]:
    counts = running([[line.text for line in lines] for lines in edges])
    for lines, count in zip(edges, counts, strict=True):
        table = lines[count].table if count < len(lines) else None
        for line in lines[:count]:
            if not text.is_large(line) and (table is None or line.table != table):
                yield line


@dataclass(frozen=True, slots=True)
class Placed:
    """A line with its place in the canonical text; `apart` if it begins a page or has a gap above it.

    `page` counts from 0.
    """

    line: Line
    span: Span
    page: int
    apart: bool


def headings(lines: Sequence[Placed], text: Setting) -> list[tuple[int, Span]]:
    """The headings among `lines`, each with its level, from 1: the larger its letters, the higher.

    They are short stretches that stand out and have other lines below them.
    """
    found = [
        (_style(stretch[0].line), Span(stretch[0].span.start, stretch[-1].span.end))
        for before, stretch, after in _stretches(lines, text)
        if _is_heading(before, stretch, after, text)
    ]
    styles = sorted({style for style, _ in found}, reverse=True)
    return [(min(styles.index(style) + 1, _DEEPEST_LEVEL), span) for style, span in found]


def _style(line: Line) -> tuple[float, bool]:
    return round(line.size * 2) / 2, line.bold


def _stretches(
    lines: Sequence[Placed], text: Setting
) -> Iterator[tuple[Placed | None, list[Placed], Placed]]:
    """Neighbouring lines that stand out in the same way, without a gap, with the lines around them."""
    start = 0
    for end in range(1, len(lines)):
        above, below = lines[end - 1], lines[end]
        if (
            below.apart
            or not text.stands_out(below.line)
            or not text.stands_out(above.line)
            or _style(above.line) != _style(below.line)
        ):
            if text.stands_out(above.line):
                yield lines[start - 1] if start else None, list(lines[start:end]), below
            start = end


def _is_heading(before: Placed | None, stretch: Sequence[Placed], after: Placed, text: Setting) -> bool:
    words = " ".join(placed.line.text for placed in stretch)
    if len(stretch) > _MOST_HEADING_LINES or len(words) > _LONGEST_HEADING:
        return False
    if sum(map(str.isalpha, words)) < 2 or words.endswith(("-", ",")):
        return False
    if text.is_large(stretch[0].line):
        return True
    # Bold words may also fill a line of a paragraph.
    begins = (
        stretch[0].apart
        or before is None
        or before.line.table is not None
        or text.is_large(before.line)
        or ends_sentence(before.line.text)
    )
    return begins and not words.endswith((".", ";")) and not starts_lower(after.line.text)
