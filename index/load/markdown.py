"""Markdown: the text is the source itself, but for the lines that rule tables off.

Without the line of dashes, the header of a table stands right above its first row and can share a block
with it: alone it says nothing, and the dashes are nothing to quote.
"""

import re
from collections.abc import Iterable, Iterator, Set
from itertools import groupby, pairwise
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

from index.document import Heading, Parsed, Span
from index.load.canonical import canonical
from index.load.decode import decode
from index.load.limits import Limits
from index.load.paragraphs import list_items, paragraphs, stripped

_FRONT_MATTER = re.compile(r"---[^\S\n]*\n(?:.*\n)*?(?:---|\.\.\.)[^\S\n]*(?:\n|$)")
_TITLE = re.compile(
    r"^title[^\S\n]*:[^\S\n]*(?P<quote>[\"']?)(?P<title>[^\n]*\w[^\n]*?)(?P=quote)[^\S\n]*$", re.M
)
# markdown-it recurses for each level of a list or a quote; what lies deeper is divided as plain text is
_DEEPEST = 60
_LONGEST = 2_000_000  # code points
_MOST_LINES = 150_000  # the parser takes up to 30 microseconds and 2 kB for each


def parse(data: bytes, *, name: str, limits: Limits) -> Parsed:  # noqa: ARG001  every format takes the same
    """CommonMark with tables: the source, a block for each paragraph, item, row, code block and heading.

    The header of a table shares a block with the first row. Lines of a paragraph that begin as list items
    do, "b)" or "5.2", are blocks too. Blocks leave out the markers of lists, but for numbers that are
    counted right, and those of quotes, headings and fences; comments are in no block. The title
    is that of the YAML front matter, else the first heading of level 1. What is longer than 2,000,000
    characters, or 150,000 lines, is divided into paragraphs as plain text is, without headings.
    """
    text = canonical(decode(data, name=name))
    matter = _FRONT_MATTER.match(text)
    body = matter.end() if matter else 0
    if len(text) <= _LONGEST and text.count("\n") <= _MOST_LINES:
        text, blocks, headings = _layout(text, body)
    else:
        blocks, headings = _worded(paragraphs(text, body), text), []
    named = _TITLE.search(text, 0, body)
    title = named["title"] if named else next((it.title for it in headings if it.level == 1), None)
    return Parsed(text, "markdown", title=title, headings=tuple(headings), blocks=tuple(blocks))


def _layout(source: str, body: int) -> tuple[str, list[Span], list[Heading]]:
    """The text, blocks and headings of `source`, whose Markdown starts at `body`."""
    parser = MarkdownIt("commonmark", {"maxNesting": _DEEPEST}).enable("table")
    # Inline markup is of no interest, and parsing it is what hostile input is slow in.
    parser.core.ruler.enableOnly(["normalize", "block"])
    environment: dict[str, Any] = {}
    tokens = parser.parse(source[body:], environment)
    references = [*environment.get("references", {}).values(), *environment.get("duplicate_refs", [])]
    definitions = [reference["map"] for reference in references]
    text, lines = _without(
        source, body, {token.map[1] for token in tokens if token.type == "thead_open" and token.map}
    )
    headings = list(_headings(tokens, text, lines))
    blocks = [*_blocks(tokens, text, lines), *_unparsed(tokens, definitions, text, lines)]
    return text, sorted(_worded(blocks, text)), headings


def _worded(blocks: Iterable[Span], text: str) -> list[Span]:
    """Those of `blocks` that hold more than signs."""
    return [block for block in blocks if any(map(str.isalnum, block.of(text)))]


def _without(source: str, start: int, dropped: Set[int]) -> tuple[str, list[Span]]:
    """`source` without the lines `dropped`, counted from `start`; and its lines, without their ends.

    A line that is dropped is empty, where the next one starts.
    """
    kept = [source[:start]]
    spans: list[Span] = []
    lines = source[start:].split("\n")
    for number, line in enumerate(lines):
        if number in dropped:
            spans.append(Span(start, start))
            continue
        spans.append(Span(start, start + len(line)))
        kept.append(line if number == len(lines) - 1 else line + "\n")
        start += len(kept[-1])
    return "".join(kept), spans


def _headings(tokens: list[Token], text: str, lines: list[Span]) -> Iterator[Heading]:
    for opening, inline in pairwise(tokens):
        if opening.type == "heading_open" and inline.content and inline.map:
            span = _content_span(inline.content, inline.map, text, lines)
            yield Heading(int(opening.tag[1:]), " ".join(span.of(text).split()), span)


def _blocks(tokens: list[Token], text: str, lines: list[Span]) -> Iterator[Span]:
    numbered = _numbered(tokens)
    header: Span | None = None
    for place, token in enumerate(tokens):
        if token.type == "table_close" and header is not None:
            yield header  # of a table without rows
            header = None
        if token.map is None:
            continue
        if token.type == "inline" and token.content:
            yield from _inline(tokens, place, numbered, text, lines)
            continue
        first, last = token.map[0], token.map[1] - 1
        if token.type == "fence":
            first, last = first + 1, first + token.content.count("\n")
        if token.type not in {"tr_open", "fence", "code_block", "html_block"} or first > last:
            continue
        span = stripped(text, lines[first].start, lines[last].end)
        if token.type == "html_block" and _is_comment(span.of(text)):
            continue
        if tokens[place - 1].type == "thead_open":
            header = span if any(map(str.isalnum, span.of(text))) else None
            continue
        if token.type == "tr_open" and header is not None:
            span, header = Span(header.start, span.end), None
        yield span


def _inline(
    tokens: list[Token], place: int, numbered: Set[int], text: str, lines: list[Span]
) -> Iterator[Span]:
    """The blocks of the paragraph or heading whose content is at `place`, with the number of its item."""
    token, opening = tokens[place], tokens[place - 1]
    if token.map is None or opening.type not in {"paragraph_open", "heading_open"}:
        return
    span = _content_span(token.content, token.map, text, lines)
    if opening.type == "heading_open":
        yield span
        return
    if place - 2 in numbered:
        marker = tokens[place - 2].info + tokens[place - 2].markup
        start = text.rfind(marker, lines[token.map[0]].start, span.start)
        span = Span(start, span.end) if start >= 0 else span
    yield from list_items(text, span)


def _numbered(tokens: list[Token]) -> Set[int]:
    """The places of list items whose numbers, as written, are those that a reader is shown."""
    found: set[int] = set()
    following: list[int] = []  # the next number of each list that is open
    for place, token in enumerate(tokens):
        if token.type == "ordered_list_open":
            following.append(int(token.attrs.get("start", 1)))
        elif token.type == "ordered_list_close":
            following.pop()
        elif token.type == "list_item_open" and token.info:
            if int(token.info) == following[-1]:
                found.add(place)
            following[-1] += 1
    return found


def _is_comment(html: str) -> bool:
    return html.startswith("<!--") and html.find("-->") in {-1, len(html) - len("-->")}


def _content_span(content: str, rows: list[int], text: str, lines: list[Span]) -> Span:
    """Where `content`, lines of source without their markers, stands in the lines `rows`."""
    first, last = lines[rows[0]], lines[rows[0] + content.count("\n")]
    head, tail = content.split("\n", 1)[0], content.rsplit("\n", 1)[-1].strip()
    # From the right: in "1. 1" the content is the second 1.
    start, end = text.rfind(head, first.start, first.end), text.rfind(tail, last.start, last.end)
    # A tab that is partly indentation stands in the content as spaces: then the whole line is taken.
    return stripped(text, start if start >= 0 else first.start, end + len(tail) if end >= 0 else last.end)


def _unparsed(
    tokens: list[Token], definitions: list[list[int]], text: str, lines: list[Span]
) -> Iterator[Span]:
    """Paragraphs of the lines that the parser left out: those nested too deeply."""
    leaves = {"heading_open", "inline", "table_open", "fence", "code_block", "html_block", "hr"}
    taken = [*definitions, *(token.map for token in tokens if token.map and token.type in leaves)]
    rows = {row for first, end in taken for row in range(first, end)}
    left = (row for row in range(len(lines)) if row not in rows)
    for _, run in groupby(enumerate(left), key=lambda pair: pair[1] - pair[0]):
        found = [row for _, row in run]
        yield from paragraphs(text, lines[found[0]].start, lines[found[-1]].end)
