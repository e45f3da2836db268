"""Chunks of whole sentences; the door to LlamaIndex's `SentenceSplitter`.

The splitter decides where chunks break. It is not given the document's text but a stand-in, in which each
sentence is its number and each block a line: LlamaIndex finds the place of a node with `str.find`, which
goes wrong where text repeats, strips what it returns, and cuts sentences that are over its limit. Numbers
come back as numbers, so spans are exact, and each sentence's tokens are counted once.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING

from index.document import Chunk, Heading, Parsed, Span, locator
from index.errors import QAError
from index.sentences import sentences
from index.table_headers import headers_above

if TYPE_CHECKING:
    from llama_index.core.node_parser import SentenceSplitter

MAX_SECTION_LEVEL = 3
"""Headings of this level or further out start a section, which chunks don't cross."""

_APART = ("slide", "sheet")  # a page of a book goes on on the next; these don't


class InexactSplit(QAError):
    """The chunks don't hold every sentence exactly once: a fault of ours, never of the document."""


@dataclass(frozen=True, slots=True)
class _Unit:
    """A sentence with the headings right above it: what is not parted; `tokens` is at least 1.

    `starts_page` is for slides and sheets, each of which is by itself.
    """

    sentences: tuple[Span, ...]
    tokens: int
    starts_block: bool
    starts_section: bool
    starts_page: bool


def split(parsed: Parsed, *, max_tokens: int = 128, count_tokens: Callable[[str], int]) -> list[Chunk]:
    """Cut a document into chunks of whole sentences; each sentence is in exactly one of them.

    A chunk holds at most `max_tokens` tokens, unless one sentence alone holds more. It ends at the end of a
    block where it can, keeps a heading with the text under it, and stays inside one section, unless that
    holds less than a quarter of `max_tokens`: then it may share a chunk with the next section (the last one
    with the section before). It stays on one slide or sheet.
    `count_tokens` is called once for each sentence, with what stands between it and the next, and must not
    count the special tokens that a model adds to every text. Pages count from 1.
    Raises `InexactSplit` if sentences were lost or repeated, and `ValueError` if `max_tokens` is below 1.
    """
    if max_tokens < 1:
        raise ValueError(f"max_tokens is {max_tokens}, but a chunk needs room for 1 token or more")
    found = sentences(parsed.text, parsed.blocks)
    units = _units(parsed, found, max_tokens, count_tokens)
    packer = _Packer(max_tokens)
    packed = [
        tuple(chain.from_iterable(unit.sentences for unit in group))
        for section in _sections(units, max_tokens // 4)
        for group in packer.packed(section)
    ]
    if list(chain.from_iterable(packed)) != found:
        raise InexactSplit(
            f"{len(found)} sentences were split into chunks that hold {sum(map(len, packed))}, or hold"
            " them in another order: this is a bug, please report it with the version of llama-index-core"
        )
    starts = [group[0].start for group in packed]
    paths = zip(_heading_paths(parsed.headings, starts), headers_above(parsed, starts), strict=True)
    return [
        Chunk(
            ordinal=ordinal,
            span=Span(group[0].start, group[-1].end),
            sentences=group,
            headings=(*path, *header),
            page=bisect_right(parsed.pages, group[0].start) or None,
        )
        for ordinal, (group, (path, header)) in enumerate(zip(packed, paths, strict=True))
    ]


def _units(
    parsed: Parsed, found: Sequence[Span], max_tokens: int, count_tokens: Callable[[str], int]
) -> list[_Unit]:
    """The sentences, each joined to the headings right above it as far as `max_tokens` allows."""
    block_starts = {block.start for block in parsed.blocks}
    ends = [*(sentence.start for sentence in found[1:]), found[-1].end] if found else []
    units: list[_Unit] = []
    open_heading = False
    page_ends = parsed.pages if locator(parsed.format) in _APART else ()
    page = 0
    for sentence, end, level in zip(found, ends, _heading_levels(parsed.headings, found), strict=True):
        tokens = max(1, count_tokens(parsed.text[sentence.start : end]))
        above, page = page, bisect_right(page_ends, sentence.start)
        starts_page = page != above
        open_heading = open_heading and not starts_page
        # A sentence that is over the limit by itself keeps its heading: the limit is lost anyway.
        if open_heading and (units[-1].tokens + tokens <= max_tokens or tokens > max_tokens):
            head = units.pop()
            units.append(replace(head, sentences=(*head.sentences, sentence), tokens=head.tokens + tokens))
        else:
            starts_section = level is not None and level <= MAX_SECTION_LEVEL and not open_heading
            units.append(
                _Unit((sentence,), tokens, sentence.start in block_starts, starts_section, starts_page)
            )
        open_heading = level is not None
    return units


def _sections(units: Sequence[_Unit], min_tokens: int) -> Iterator[Sequence[_Unit]]:
    """Runs of units that start at section headings; one of less than `min_tokens` runs on into the next.

    What starts a page runs on from nothing.
    """
    starts = [0]
    tokens = 0
    for number, unit in enumerate(units):
        if number and (unit.starts_page or (unit.starts_section and tokens >= min_tokens)):
            starts.append(number)
            tokens = 0
        tokens += unit.tokens
    if tokens < min_tokens and len(starts) > 1 and not units[starts[-1]].starts_page:
        starts.pop()
    for start, end in zip(starts, [*starts[1:], len(units)], strict=True):
        if start < end:
            yield units[start:end]


class _Packer:
    """Groups units as LlamaIndex packs them, whole blocks before sentences.

    Its splitter takes a second to import and a millisecond to make: it is made for the first section that needs it.
    """

    def __init__(self, max_tokens: int) -> None:
        self._max_tokens = max_tokens

    def packed(self, units: Sequence[_Unit]) -> Iterator[Sequence[_Unit]]:
        """`units` in groups of at most `max_tokens`."""
        # A unit over the limit counts as a full chunk: the splitter would cut it.
        tokens = [min(unit.tokens, self._max_tokens) for unit in units]
        if sum(tokens) <= self._max_tokens:
            yield units
            return
        stand_in = "".join(
            f"{chr(10) if unit.starts_block else ' '}{number}:{tokens[number]}"
            for number, unit in enumerate(units)
        )
        for chunk in self._splitter.split_text(stand_in):
            numbers = [int(word.partition(":")[0]) for word in chunk.split()]
            yield units[numbers[0] : numbers[-1] + 1]

    @cached_property
    def _splitter(self) -> "SentenceSplitter":
        from llama_index.core.node_parser import SentenceSplitter

        return SentenceSplitter(
            chunk_size=self._max_tokens,
            chunk_overlap=0,
            tokenizer=lambda stand_in: range(sum(int(word.partition(":")[2]) for word in stand_in.split())),
            paragraph_separator="\n",
            chunking_tokenizer_fn=lambda line: [f" {word}" for word in line.split()],
        )


def _heading_levels(headings: Sequence[Heading], found: Sequence[Span]) -> Iterator[int | None]:
    """For each sentence the level of the heading that it is part of, if it is."""
    starts = [heading.span.start for heading in headings]
    for sentence in found:
        number = bisect_left(starts, sentence.end) - 1
        inside = number >= 0 and sentence.start < headings[number].span.end
        yield headings[number].level if inside else None


def _heading_paths(headings: Sequence[Heading], offsets: Sequence[int]) -> Iterator[tuple[str, ...]]:
    """For each of the ascending `offsets` the titles of the headings above it, outermost first."""
    path: list[Heading] = []
    number = 0
    for offset in offsets:
        while number < len(headings) and headings[number].span.start <= offset:
            heading = headings[number]
            path = [*(outer for outer in path if outer.level < heading.level), heading]
            number += 1
        # A heading that the chunk begins with takes its place in the path, but is not above the chunk.
        yield tuple(heading.title for heading in path if heading.span.end <= offset)
