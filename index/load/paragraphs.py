"""Lines to paragraphs, in texts whose only layout is their line ends: plain text and the pages of a PDF.

Such lines are often wrapped, and scans put blank lines between wrapped lines too, even inside a hyphenated
word. Whether a paragraph goes on below a line is told by its last characters, its length, and the first
character below it. Where that can't be told, a break is preferred at the end of a sentence and at short
lines, which are titles, list entries and the chrome of web pages.
"""

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from index.document import Span

_CLOSERS = r"[\"'”’»›)\]}」』）】]"
_FINAL = re.compile(
    # a sentence's end, perhaps in quotes, with the sign of a footnote; digits after a digit are a number's
    rf"(?:[.!?…。！？｡؟۔।॥։]{_CLOSERS}*[⁰¹²³⁴⁵⁶⁷⁸⁹*†‡]*|(?<!\d)[.!?…]{_CLOSERS}*\d{{1,3}}){_CLOSERS}*$"
)
_HYPHENATED = re.compile(r"[^\W\d_][-\u2010\u00ad]$")
# What only list items begin with; and what they begin with where a sentence can't go on: a dash, "b)", "(2)",
# "3." and "5.2", which are references or the end of a sentence elsewhere.
_MARKER = re.compile(r"[-*+•‣▪◦●○]\s|\*\*[^*\n]{1,60}(?::\*\*|\*\*:)")
_DASH = re.compile(r"[–—]\s")
_NUMBER = re.compile(
    r"(?:\(?(?:\d{1,3}|[^\W\d_]|[ivx]{1,5})\)|\d{1,3}\.|(?P<parts>\d{1,3}(?:\.\d{1,3})+\.?))\s+(?P<next>\S)"
)
_LAST_BUT_ONE = re.compile(r"\b(?:and|or|und|oder|et|ou|lub|nebo|и|или|та|або)$", re.IGNORECASE)
_COLUMNS = re.compile(r"\S(?:\s{3,}|\t)\S")
_RULE = re.compile(r"([-=~_*#.·])(?:\s?\1){2,}|[|+](?:\s*:?[-=]+:?\s*[|+])+")
_OPENERS = "\"'“‘«‹([{„¿¡"

_LONGEST_WRAP = 100  # code points: lines that are much longer were not wrapped
_FULL = 0.75  # of the width: a wrapped line is at least as long as this
_SHORT = 0.5  # of the width: a line below this was not wrapped
_INDENTED = 2  # code points beyond the margin: a line that is set apart
_LOOSE_SHARE = 0.3  # of blank lines that stand inside a sentence: from here on, they say nothing
_FEW_GAPS = 4  # blank lines that are too few to judge by their share


@dataclass(frozen=True, slots=True)
class _Line:
    """A line that isn't blank, without the white space around it; `gap` if a blank line is above it.

    `indent` is how far it stands from the left, in code points.
    """

    span: Span
    text: str
    gap: bool
    indent: int


@dataclass(frozen=True, slots=True)
class _Layout:
    """What holds for a whole text: its lines' width and indent, and whether its blank lines are noise."""

    width: float
    margin: int
    loose: bool


def paragraphs(text: str, start: int = 0, end: int | None = None) -> list[Span]:
    """The paragraphs of `text[start:end]` as spans of `text`; lines that only rule off are none."""
    lines = list(_lines(text, start, len(text) if end is None else end))
    layout = _layout(lines)
    found: list[Span] = []
    above: _Line | None = None
    item: int | None = None  # the indent of the list item that the paragraph is
    for line in lines:
        if _RULE.fullmatch(line.text):
            above = None
            continue
        if above is not None and _goes_on(above, line, layout, item):
            found[-1] = Span(found[-1].start, line.span.end)
        else:
            found.append(line.span)
            item = line.indent if _has_marker(line.text) else None
        above = line
    return found


def list_items(text: str, block: Span) -> list[Span]:
    """The parts of a paragraph, `block` of `text`, that begin with lines of it that begin list items."""
    lines = list(_lines(text, block.start, block.end))
    layout = _layout(lines)
    starts = [block.start]
    starts += [below.span.start for above, below in pairwise(lines) if _begins_item(above, below, layout)]
    return [stripped(text, *ends) for ends in pairwise([*starts, block.end])]


def ends_sentence(line: str) -> bool:
    """Whether `line` ends as a sentence does; closing quotes, brackets and footnote signs may follow."""
    return _FINAL.search(line[-16:]) is not None


def carve(blocks: Iterable[Span], cuts: Iterable[Span], text: str) -> list[Span]:
    """`blocks` of `text`, divided at both ends of each of `cuts`."""
    offsets = sorted({offset for cut in cuts for offset in (cut.start, cut.end)})
    carved: list[Span] = []
    for block in blocks:
        inside = offsets[bisect_right(offsets, block.start) : bisect_left(offsets, block.end)]
        carved += [stripped(text, *ends) for ends in pairwise([block.start, *inside, block.end])]
    return [block for block in carved if block.start < block.end]


def with_blocks(blocks: Iterable[Span], whole: Iterable[Span], text: str) -> list[Span]:
    """`blocks` of `text`, cut so that each of `whole` is one of them; of those that overlap, the first is."""
    kept: list[Span] = []
    for span in sorted(whole):
        if not kept or kept[-1].end <= span.start:
            kept.append(span)
    starts = [span.start for span in kept]

    def is_inside(block: Span) -> bool:
        number = bisect_right(starts, block.start) - 1
        return number >= 0 and block.start < kept[number].end

    return sorted([*(block for block in carve(blocks, kept, text) if not is_inside(block)), *kept])


def stripped(text: str, start: int, end: int) -> Span:
    """The span of `text[start:end]` without the white space around it."""
    piece = text[start:end]
    start += len(piece) - len(piece.lstrip())
    return Span(start, start + len(piece.strip()))


def _lines(text: str, start: int, end: int) -> Iterable[_Line]:
    gap = False
    while start < end:
        stop = text.find("\n", start, end)
        stop = end if stop < 0 else stop
        span = stripped(text, start, stop)
        if span.start < span.end:
            yield _Line(span, span.of(text), gap, span.start - start)
        gap = span.start == span.end
        start = stop + 1


def _layout(lines: Sequence[_Line]) -> _Layout:
    gaps = [(above.text, below.text) for above, below in pairwise(lines) if below.gap]
    inside = sum(_is_hyphenated(above, below) or _runs_on(above, below) for above, below in gaps)
    indents: Counter[int] = Counter()
    for line in lines:
        indents[line.indent] += len(line.text)
    return _Layout(
        width=min(_LONGEST_WRAP, _typical([len(line.text) for line in lines])),
        margin=indents.most_common(1)[0][0] if indents else 0,
        loose=len(gaps) >= _FEW_GAPS and inside >= len(gaps) * _LOOSE_SHARE,
    )


def _typical(lengths: Sequence[int]) -> int:
    """The length that a quarter of all characters are in lines as long as: a few odd lines don't count."""
    most, before = sum(lengths) * 0.75, 0
    for length in sorted(lengths):
        before += length
        if before >= most:
            return length
    return 0


def _goes_on(above: _Line, below: _Line, layout: _Layout, item: int | None) -> bool:
    """Whether the paragraph of `above`, a list item if its marker's indent is given, goes on in `below`."""
    length = len(above.text)
    full, short = length >= layout.width * _FULL, length < layout.width * _SHORT
    if _begins_item(above, below, layout):
        return False
    if _is_hyphenated(above.text, below.text):
        return True
    if item is not None and below.indent > item and not below.gap:
        return True
    if _is_set_apart(above, below, layout):
        return False
    if short and not any(map(str.isalpha, above.text)):
        return False  # the number of a page, or a figure in the chrome of a web page
    if ends_sentence(above.text):
        return not below.gap and full and length <= _LONGEST_WRAP * 1.5
    if starts_lower(below.text):
        # A title above running text is much shorter than it; a wrapped line is not.
        return not below.gap or length * 2 >= min(len(below.text), layout.width)
    if below.gap:
        return layout.loose and full
    return not short


def _begins_item(above: _Line, below: _Line, layout: _Layout) -> bool:
    """Whether `below` is the first line of a list item."""
    if _MARKER.match(below.text):
        return True
    if _DASH.match(below.text):
        return below.gap or _is_complete(above.text) or _DASH.match(above.text) is not None
    number = _NUMBER.match(below.text)
    if number is None:
        return False
    if above.text.endswith((":", ";")):
        return True
    if number["parts"] and not number["next"].isupper() and number["next"] not in _OPENERS:
        return False  # 5.1 metres
    is_wrapped = len(above.text) >= layout.width * _FULL and not _NUMBER.match(above.text)
    return below.gap or _is_complete(above.text) or not is_wrapped


def _has_marker(line: str) -> bool:
    return any(marker.match(line) for marker in (_MARKER, _DASH, _NUMBER))


def _is_complete(line: str) -> bool:
    """Whether a new item of a list may follow `line`."""
    return line.endswith((":", ";", ",")) or ends_sentence(line) or _LAST_BUT_ONE.search(line) is not None


def _is_set_apart(above: _Line, below: _Line, layout: _Layout) -> bool:
    """Whether two lines are entries by their layout: columns, or an indent that running text doesn't have."""
    if _COLUMNS.search(above.text) and _COLUMNS.search(below.text):
        return True
    if above.text.endswith(":") and not layout.loose and (below.gap or below.indent > above.indent):
        return True
    is_indented = above.indent == below.indent >= layout.margin + _INDENTED
    return is_indented and len(above.text) < layout.width * _SHORT


def _runs_on(above: str, below: str) -> bool:
    return starts_lower(below) and not ends_sentence(above)


def starts_lower(line: str) -> bool:
    """Whether `line` starts with a small letter, perhaps after a quote or a bracket."""
    return line.lstrip(_OPENERS)[:1].islower()


def _is_hyphenated(above: str, below: str) -> bool:
    return _HYPHENATED.search(above[-2:]) is not None and below[0].isalpha()
