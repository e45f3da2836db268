"""Source code: its lines as they are, in blocks of a few, under the definitions that they are in."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath

from index.document import Heading, Parsed, Span
from index.load.canonical import canonical
from index.load.decode import decode
from index.load.limits import Limits

_MOST_LINES = 12  # of a block
_MOST_CHARACTERS = 600
_LONGEST_TITLE = 120  # code points
_DEEPEST = 6
_DEFINITION = re.compile(
    r"(?:(?:export|default|public|private|protected|internal|static|final|abstract|sealed|async|pub(?:\([a-z]+\))?"
    r"|unsafe|extern|inline|virtual|override|open|data|partial|const)\s+){0,6}"
    r"(?:(?:def|class|struct|enum|interface|trait|impl|fn|func|function\*?|fun|module|namespace|object|protocol"
    r"|extension|record|sub|package|type)\b[\s(]"
    r"|create\s+(?:or\s+replace\s+)?(?:table|view|function|procedure|trigger|index)\b)",
    re.IGNORECASE,
)
_SECTION = re.compile(r"\[{1,2}[\w.\"' :-]+\]{1,2}\s*$")  # of TOML and INI


@dataclass(frozen=True, slots=True)
class _Line:
    """A line that is not blank, without the white space around it; `gap` if a blank one is above."""

    span: Span
    indent: int
    gap: bool


def parse(data: bytes, *, name: str, limits: Limits) -> Parsed:  # noqa: ARG001  every format takes the same
    """The source as it is; its pages are its lines, which citations count.

    A block is a few lines without a blank one between them, parted where a line is indented least. Headings are
    the first lines of definitions (functions, classes, tables, sections of settings), nested by their indent. The
    title is the file's name.
    """
    text = canonical(decode(data, name=name))
    starts = [0, *(match.end() for match in re.finditer("\n", text))]
    lines = list(_lines(text, starts))
    headings = tuple(_headings(text, lines))
    blocks = tuple(_blocks(lines, {heading.span.start for heading in headings}))
    return Parsed(
        text, "code", title=PurePath(name).name or None, pages=tuple(starts), headings=headings, blocks=blocks
    )


def _lines(text: str, starts: list[int]) -> Iterator[_Line]:
    gap = False
    for start, stop in zip(starts, [*(start - 1 for start in starts[1:]), len(text)], strict=True):
        line = text[start:stop]
        content = line.strip()
        if content:
            indent = len(line) - len(line.lstrip())
            yield _Line(Span(start + indent, start + indent + len(content)), indent, gap)
        gap = not content


def _headings(text: str, lines: list[_Line]) -> Iterator[Heading]:
    outer: list[int] = []
    for line in lines:
        said = line.span.of(text)
        if len(said) > 1000 or not (_DEFINITION.match(said) or _SECTION.match(said)):
            continue
        outer = [*(indent for indent in outer if indent < line.indent), line.indent]
        if len(outer) <= _DEEPEST:
            title = " ".join(said.rstrip("{:( ").split())[:_LONGEST_TITLE]
            yield Heading(len(outer), title, line.span)


def _blocks(lines: list[_Line], definitions: set[int]) -> Iterator[Span]:
    """Each definition's first line, and the lines between, a few at a time."""
    held: list[_Line] = []
    for line in lines:
        starts_anew = line.gap or line.span.start in definitions
        if held and (starts_anew or held[0].span.start in definitions):
            yield _whole(held)
            held = []
        while held and (len(held) >= _MOST_LINES or line.span.end - held[0].span.start > _MOST_CHARACTERS):
            cut = _cut([*held, line])
            yield _whole(held[:cut])
            held = held[cut:]
        held.append(line)
    if held:
        yield _whole(held)


def _cut(lines: list[_Line]) -> int:
    """Where to part lines: before the last of those that are indented least, in the second half if there is one."""
    half = range(max(1, len(lines) // 2), len(lines))
    return min(half, key=lambda at: (lines[at].indent, -at))


def _whole(lines: list[_Line]) -> Span:
    return Span(lines[0].span.start, lines[-1].span.end)
