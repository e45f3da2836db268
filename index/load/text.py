"""Plain text: paragraphs, and only those headings that can't be anything else."""

import re
from collections.abc import Iterator

from index.document import Heading, Parsed, Span
from index.load.canonical import canonical
from index.load.decode import decode
from index.load.limits import Limits
from index.load.paragraphs import ends_sentence, paragraphs

_LONGEST_HEADING = 80  # code points
_UNDERLINE = re.compile(r"[^\S\n]*\n[^\S\n]*(={3,}|-{3,})[^\S\n]*(?:\n|$)")
_NUMBERED = re.compile(r"\d{1,2}((?:\.\d{1,2}){1,4})\.?[^\S\n]+[^\W\d_]")


def parse(data: bytes, *, name: str, limits: Limits) -> Parsed:  # noqa: ARG001  every format takes the same
    """Plain text in any encoding: its canonical form, a block for each paragraph.

    Headings are short lines that are underlined ("=" is level 1, "-" level 2) or have a number of several
    parts ("6.2 Results" is level 2). The title is the first heading of level 1.
    """
    text = canonical(decode(data, name=name))
    blocks = paragraphs(text)
    headings = tuple(_headings(text, blocks))
    title = next((heading.title for heading in headings if heading.level == 1), None)
    return Parsed(text, "text", title=title, headings=headings, blocks=tuple(blocks))


def _headings(text: str, blocks: list[Span]) -> Iterator[Heading]:
    for block in blocks:
        line = block.of(text)
        if "\n" in line or len(line) > _LONGEST_HEADING:
            continue
        if underline := _UNDERLINE.match(text, block.end):
            yield Heading(1 if underline[1].startswith("=") else 2, line, block)
        elif (
            (number := _NUMBERED.match(line)) and line[number.end() - 1].isupper() and not ends_sentence(line)
        ):
            yield Heading(1 + number[1].count("."), line, block)
