"""Lines to paragraphs, in texts whose only layout is their line ends: plain text and the pages of a PDF.

Such lines are often wrapped, and scans put blank lines between wrapped lines too, even inside a hyphenated
word. Whether a paragraph goes on below a line is told by its last characters, its length, and the first
character below it. Where that can't be told, a break is preferred at the end of a sentence and at short
lines, which are titles, list entries and the chrome of web pages.
"""

import re
from bisect import bisect_left, bisect_right
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
_LIST_MARKER = re.compile(r"(?:[-*+•‣▪◦●○]|\(?\d{1,3}[.)]|\(?[a-z]\))\s")
_RULE = re.compile(r"([-=~_*#.·])(?:\s?\1){2,}")
_OPENERS = "\"'“‘«‹([{„¿¡"

_LONGEST_WRAP = 100  # code points: lines that are much longer were not wrapped
_FULL = 0.75  # of the width: a wrapped line is at least as long as this
_SHORT = 0.5  # of the width: a line below this was not wrapped
_LOOSE_SHARE = 0.3  # of blank lines that stand inside a sentence: from here on, they say nothing
_FEW_GAPS = 4  # blank lines that are too few to judge by their share


@dataclass(frozen=True, slots=True)
class _Line:
    """A line that isn't blank, without the white space around it; `gap` if a blank line is above it."""

    span: Span
    text: str
    gap: bool


@dataclass(frozen=True, slots=True)
class _Layout:
    """What holds for a whole text: how wide its lines are, and whether its blank lines are noise."""

    width: float
    loose: bool


def paragraphs(text: str, start: int = 0, end: int | None = None) -> list[Span]:
    """The paragraphs of `text[start:end]` as spans of `text`; lines that only rule off are none."""
    lines = list(_lines(text, start, len(text) if end is None else end))
    layout = _layout(lines)
    found: list[Span] = []
    above: _Line | None = None
    for line in lines:
        if _RULE.fullmatch(line.text):
            above = None
            continue
        if above is not None and _goes_on(above, line, layout):
            found[-1] = Span(found[-1].start, line.span.end)
        else:
            found.append(line.span)
        above = line
    return found


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
            yield _Line(span, span.of(text), gap)
        gap = span.start == span.end
        start = stop + 1


def _layout(lines: Sequence[_Line]) -> _Layout:
    gaps = [(above.text, below.text) for above, below in pairwise(lines) if below.gap]
    inside = sum(_is_hyphenated(above, below) or _runs_on(above, below) for above, below in gaps)
    return _Layout(
        width=min(_LONGEST_WRAP, _typical([len(line.text) for line in lines])),
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


def _goes_on(above: _Line, below: _Line, layout: _Layout) -> bool:
    """Whether the paragraph of `above` goes on in `below`."""
    length = len(above.text)
    if _LIST_MARKER.match(below.text):
        return False
    if _is_hyphenated(above.text, below.text):
        return True
    full, short = length >= layout.width * _FULL, length < layout.width * _SHORT
    if short and not any(map(str.isalpha, above.text)):
        return False  # the number of a page, or a figure in the chrome of a web page
    if ends_sentence(above.text):
        return not below.gap and full and length <= _LONGEST_WRAP * 1.5
    if _starts_lower(below.text):
        # A title above running text is much shorter than it; a wrapped line is not.
        return not below.gap or length * 2 >= min(len(below.text), layout.width)
    if below.gap:
        return layout.loose and full
    return not short


def _runs_on(above: str, below: str) -> bool:
    return _starts_lower(below) and not ends_sentence(above)


def _starts_lower(line: str) -> bool:
    return line.lstrip(_OPENERS)[:1].islower()


def _is_hyphenated(above: str, below: str) -> bool:
    return _HYPHENATED.search(above[-2:]) is not None and below[0].isalpha()
