"""Markdown: the text is the source itself, so that every offset is one in the file."""

import re
from collections.abc import Iterator
from itertools import groupby, pairwise
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

from index.document import Heading, Parsed, Span
from index.load.canonical import canonical
from index.load.decode import decode
from index.load.limits import Limits
from index.load.paragraphs import paragraphs, stripped

_FRONT_MATTER = re.compile(r"---[^\S\n]*\n(?:.*\n)*?(?:---|\.\.\.)[^\S\n]*(?:\n|$)")
_TITLE = re.compile(
    r"^title[^\S\n]*:[^\S\n]*(?P<quote>[\"']?)(?P<title>[^\n]*\w[^\n]*?)(?P=quote)[^\S\n]*$", re.M
)
# markdown-it recurses for each level of a list or a quote; what lies deeper is divided as plain text is
_DEEPEST = 60
_LONGEST = 2_000_000  # code points; the parser takes up to 5 seconds and 200 MB for each million


def parse(data: bytes, *, name: str, limits: Limits) -> Parsed:  # noqa: ARG001  every format takes the same
    """CommonMark with tables: the source, a block for each paragraph, item, row, code block and heading.

    Blocks leave out the markers of lists, quotes, headings and fences; comments are in no block. The title
    is that of the YAML front matter, else the first heading of level 1. What is longer than 2,000,000
    characters is divided into paragraphs as plain text is, without headings.
    """
    text = canonical(decode(data, name=name))
    matter = _FRONT_MATTER.match(text)
    body = matter.end() if matter else 0
    blocks, headings = _layout(text, body) if len(text) <= _LONGEST else (paragraphs(text, body), [])
    named = _TITLE.search(text, 0, body)
    title = named["title"] if named else next((it.title for it in headings if it.level == 1), None)
    return Parsed(text, "markdown", title=title, headings=tuple(headings), blocks=tuple(blocks))


def _layout(text: str, body: int) -> tuple[list[Span], list[Heading]]:
    """The blocks and headings of the Markdown in `text[body:]`."""
    lines = _line_spans(text, body)
    parser = MarkdownIt("commonmark", {"maxNesting": _DEEPEST}).enable("table")
    # Inline markup is of no interest, and parsing it is what hostile input is slow in.
    parser.core.ruler.enableOnly(["normalize", "block"])
    environment: dict[str, Any] = {}
    tokens = parser.parse(text[body:], environment)
    references = [*environment.get("references", {}).values(), *environment.get("duplicate_refs", [])]
    definitions = [reference["map"] for reference in references]
    headings = list(_headings(tokens, text, lines))
    blocks = [*_blocks(tokens, text, lines), *_unparsed(tokens, definitions, text, lines)]
    return sorted(block for block in blocks if any(map(str.isalnum, block.of(text)))), headings


def _line_spans(text: str, start: int) -> list[Span]:
    """The lines of `text[start:]`, without their line ends."""
    spans: list[Span] = []
    for line in text[start:].split("\n"):
        spans.append(Span(start, start + len(line)))
        start += len(line) + 1
    return spans


def _headings(tokens: list[Token], text: str, lines: list[Span]) -> Iterator[Heading]:
    for opening, inline in pairwise(tokens):
        if opening.type == "heading_open" and inline.content and inline.map:
            span = _content_span(inline.content, inline.map, text, lines)
            yield Heading(int(opening.tag[1:]), " ".join(span.of(text).split()), span)


def _blocks(tokens: list[Token], text: str, lines: list[Span]) -> Iterator[Span]:
    for opening, token in zip([None, *tokens], tokens, strict=False):
        if token.map is None:
            continue
        first, last = token.map[0], token.map[1] - 1
        if token.type == "fence":
            first, last = first + 1, first + token.content.count("\n")
        if token.type == "inline":
            if token.content and opening and opening.type in {"paragraph_open", "heading_open"}:
                yield _content_span(token.content, token.map, text, lines)
        elif token.type in {"tr_open", "fence", "code_block", "html_block"} and first <= last:
            span = stripped(text, lines[first].start, lines[last].end)
            if token.type != "html_block" or not _is_comment(span.of(text)):
                yield span


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
