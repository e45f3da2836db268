"""Saved citations: whether they still point at what they quoted."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from index.catalog import DocumentText
from index.document import Span
from index.errors import NotFound

_LOOKED_THROUGH = 100_000_000


@dataclass(frozen=True, slots=True)
class Saved:
    """A citation as a client has kept it: it may be of no document, and of no span of its text."""

    document_id: str
    span: Span
    quote: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What has become of a saved citation.

    `valid`: the text at the span is the quote. `changed`: it is another; where the quote stands in the text once,
    that is `moved_to`. `gone`: there is no such document. `sha256` is that of the text as it is now.
    """

    status: Literal["valid", "changed", "gone"]
    moved_to: Span | None = None
    sha256: str | None = None


def verdicts(
    saved: Sequence[Saved], text_of: Callable[[str], DocumentText], *, characters: int = _LOOKED_THROUGH
) -> list[Verdict]:
    """What has become of citations, in their order.

    `text_of` gives a document's text, or raises `NotFound`; each is read once and held alone. Quotes that have
    moved are looked for in at most so many `characters` altogether: a request can name a large text often.
    """
    by_document: defaultdict[str, list[int]] = defaultdict(list)
    for at, each in enumerate(saved):
        by_document[each.document_id].append(at)
    found = [Verdict("gone")] * len(saved)
    for document_id, places in by_document.items():
        try:
            document = text_of(document_id)
        except NotFound:
            continue
        for at in places:
            if _is_valid(saved[at], document.text):
                found[at] = Verdict("valid", None, document.sha256)
                continue
            characters -= len(document.text)
            moved_to = _once(saved[at].quote, document.text) if characters >= 0 else None
            found[at] = Verdict("changed", moved_to, document.sha256)
    return found


def _is_valid(saved: Saved, text: str) -> bool:
    return saved.span.of(text) == saved.quote and saved.span.end <= len(text)


def _once(quote: str, text: str) -> Span | None:
    """Where a quote stands, if it does so once."""
    at = text.find(quote)
    if at < 0 or text.find(quote, at + 1) >= 0:
        return None
    return Span(at, at + len(quote))
