"""The values that travel through the index: spans, parsed documents, chunks, passages."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

Format = Literal[
    "text",
    "markdown",
    "html",
    "pdf",
    "docx",
    "pptx",
    "xlsx",
    "csv",
    "epub",
    "rtf",
    "odt",
    "eml",
    "json",
    "code",
]

Locator = Literal["page", "slide", "sheet", "line"]
"""What the parts of a document that are counted are called; pages are the most common of them."""

Repair = Literal["running_heads", "chrome"]
"""What was left out before a text was frozen: lines that pages begin or end with, elements of web pages that
are no content."""

LOCATORS: tuple[Locator, ...] = get_args(Locator)
_LOCATORS: Mapping[Format, Locator] = {"pptx": "slide", "xlsx": "sheet", "code": "line"}


def locator(format: Format) -> Locator:  # noqa: A002
    """What the pages of a document in `format` are called."""
    return _LOCATORS.get(format, "page")


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A half-open range `[start, end)` of Unicode code points in a canonical text."""

    start: int
    end: int

    def of(self, text: str) -> str:
        """The text that the span points at."""
        return text[self.start : self.end]

    def moved(self, by: int) -> "Span":
        """The span as many code points further on."""
        return Span(self.start + by, self.end + by)

    def contains(self, other: "Span") -> bool:
        """Whether `other` lies wholly inside this span."""
        return self.start <= other.start and other.end <= self.end


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading in a canonical text; `level` 1 is the outermost."""

    level: int
    title: str
    span: Span


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a loader makes of one file: its canonical text and what is known of its layout.

    `pages` holds the offset at which each page starts, in order, and is empty where the format has no pages;
    where its `locator` has another name, these are slides, sheets or lines.
    `blocks` are the stretches that no sentence crosses (paragraphs, list items, table rows, headings):
    ascending, not overlapping, none empty, without white space at either end. `repairs` counts what was left
    out of the text.
    """

    text: str
    format: Format
    title: str | None = None
    pages: tuple[int, ...] = ()
    headings: tuple[Heading, ...] = ()
    blocks: tuple[Span, ...] = ()
    repairs: Mapping[Repair, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Chunk:
    """A contiguous span of a document: the unit that is embedded and searched.

    `sentences` are ascending, don't overlap, and lie inside `span`; all offsets are in the canonical text.
    `headings` is the path of heading titles above the chunk's first sentence, outermost first; where that is in a
    table whose header is further up, the header is the last of them.
    """

    ordinal: int
    span: Span
    sentences: tuple[Span, ...]
    headings: tuple[str, ...] = ()
    page: int | None = None


@dataclass(frozen=True, slots=True)
class Sentence:
    """A span inside a chunk: the unit that is cited. `text` is cut from the catalog."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk as retrieved for one query.

    `score` is the fused score in [0, 1]; `sentence_scores` holds one similarity to the query for each sentence,
    in the order of `sentences`: a cosine, made comparable across the languages of the collection. `text` and the
    sentences are cut from the catalog.
    """

    rank: int
    score: float
    chunk_id: str
    document_id: str
    title: str
    source: str
    span: Span
    text: str
    sentences: tuple[Sentence, ...]
    sentence_scores: tuple[float, ...]
    headings: tuple[str, ...] = ()
    page: int | None = None
    metadata: Mapping[str, str] | None = None
    locator: Locator = "page"

    def page_of(self, span: Span) -> int | None:
        """The number of the page, slide, sheet or line that `span`, which lies in this passage, starts on.

        Lines are counted; of the others, it is that on which the passage starts.
        """
        if self.page is None or self.locator != "line":
            return self.page
        return self.page + self.text.count("\n", 0, span.start - self.span.start)
