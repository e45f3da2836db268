"""Plain text: paragraphs, pages, and only those headings that can't be anything else."""

import re
from collections.abc import Iterator, Sequence

from index.document import Heading, Parsed, Repair, Span
from index.load.canonical import canonical
from index.load.decode import decode
from index.load.limits import Limits
from index.load.paragraphs import ends_sentence, paragraphs
from index.load.running import running

_LONGEST_HEADING = 80  # code points
_UNDERLINE = re.compile(r"[^\S\n]*\n[^\S\n]*(={3,}|-{3,})[^\S\n]*(?:\n|$)")
_NUMBERED = re.compile(r"\d{1,2}((?:\.\d{1,2}){1,4})\.?[^\S\n]+[^\W\d_]")
_PAGE_BREAK = "\f"


def parse(data: bytes, *, name: str, limits: Limits) -> Parsed:
    """Plain text in any encoding: its canonical form, a block for each paragraph.

    Form feeds part pages, whose running heads and feet are left out of the text, see `running`.
    Headings are short lines that are underlined ("=" is level 1, "-" level 2) or have a number of several
    parts ("6.2 Results" is level 2). The title is the first heading of level 1.
    """
    source = decode(data, name=name)
    text = canonical(source)
    pages: tuple[int, ...] = ()
    repairs: dict[Repair, int] = {}
    if 0 < source.count(_PAGE_BREAK) < limits.max_pages:
        text, pages, left_out = _paged([canonical(page) for page in source.split(_PAGE_BREAK)])
        repairs = {"running_heads": left_out} if left_out else {}
    blocks = paragraphs(text)
    headings = tuple(_headings(text, blocks))
    title = next((heading.title for heading in headings if heading.level == 1), None)
    return Parsed(
        text, "text", title=title, pages=pages, headings=headings, blocks=tuple(blocks), repairs=repairs
    )


def _paged(pages: Sequence[str]) -> tuple[str, tuple[int, ...], int]:
    """The text of `pages`, each in canonical form, without running heads; where each starts in it; and how many
    lines these heads were."""
    lines = [page.split("\n") for page in pages]
    places = [[number for number, line in enumerate(page) if line.strip()] for page in lines]
    upper = running([[page[number].strip() for number in on] for page, on in zip(lines, places, strict=True)])
    lower = running(
        [[page[number].strip() for number in on[::-1]] for page, on in zip(lines, places, strict=True)]
    )
    starts: list[int] = []
    kept: list[str] = []
    offset = 0
    for page, on, head, foot in zip(lines, places, upper, lower, strict=True):
        dropped = {*on[:head], *on[len(on) - foot :]}
        starts.append(offset)
        kept.append("\n".join(line for number, line in enumerate(page) if number not in dropped))
        offset += len(kept[-1]) + 1
    return "\n".join(kept), tuple(starts), sum(upper) + sum(lower)


def _headings(text: str, blocks: list[Span]) -> Iterator[Heading]:
    for block in blocks:
        line = block.of(text)
        if "\n" in line or len(line) > _LONGEST_HEADING:
            continue
        underline = _UNDERLINE.match(text, block.end)
        if underline and len(underline[1]) * 2 >= len(line):  # a shorter one rules off the sum of a column
            yield Heading(1 if underline[1].startswith("=") else 2, line, block)
        elif (
            (number := _NUMBERED.match(line)) and line[number.end() - 1].isupper() and not ends_sentence(line)
        ):
            yield Heading(1 + number[1].count("."), line, block)
