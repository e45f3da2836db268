"""Quotes in the text around them, and characters that would otherwise act instead of being seen."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from eval.example import Evidence
from eval.metrics.retrieval import located
from eval.records import Citation, Passage, Record, Span, names

_AROUND = 220
_BLANK = re.compile(r"\n\s*\n")
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def shown(text: str) -> str:
    """The text with control characters, among them those that turn the direction of writing, as `⟨U+202E⟩`."""
    return _UNSEEN.sub(lambda found: f"⟨U+{ord(found[0]):04X}⟩", text)


@dataclass(frozen=True, slots=True)
class Quoted:
    """A quote with what stands before and after it; `cut` tells whether the text goes on there."""

    before: str
    quote: str
    after: str
    is_cut_before: bool = False
    is_cut_after: bool = False


def in_context(text: str, span: Span) -> Quoted:
    """What the span points at, with at most 220 characters on either side, cut between words.

    What stands around is without its empty lines; the quote is as it is stored.
    """
    start, end = max(0, span.start - _AROUND), min(len(text), span.end + _AROUND)
    before, after = text[start : span.start], text[span.end : end]
    if start and (found := re.search(r"\s", before)):
        before = before[found.end() :]
    if end < len(text) and (found := re.search(r"\s\S*$", after)):
        after = after[: found.start()]
    return Quoted(
        _BLANK.sub("\n", before),
        text[span.start : span.end],
        _BLANK.sub("\n", after),
        is_cut_before=len(before) < span.start,
        is_cut_after=span.end + len(after) < len(text),
    )


def cited(record: Record, citation: Citation) -> Quoted | None:
    """What a citation points at, in its document; else in its passage; None where neither is at hand."""
    text = record.texts.get(citation.source)
    if text is not None and citation.span is not None:
        return in_context(text, citation.span)
    passage = record.passage(citation)
    if passage is None or not citation.quote:
        return None
    at = passage.text.find(citation.quote)
    return in_context(passage.text, Span(at, at + len(citation.quote))) if at >= 0 else None


def citation_span(record: Record, citation: Citation, passage: Passage) -> Span | None:
    """Where in a passage's text the citation's quote stands; None where it isn't in that passage."""
    if record.passage(citation) != passage:
        return None
    if citation.span and passage.span:
        return _within(citation.span, passage.span)
    at = passage.text.find(citation.quote or "")
    return Span(at, at + len(citation.quote)) if citation.quote and at >= 0 else None


def evidence_spans(record: Record, evidence: Sequence[Evidence], passage: Passage) -> list[Span]:
    """Where in a passage's text evidence stands, also where only a part of it does."""
    found: list[Span] = []
    for each in evidence:
        if not names(passage.source, each.document):
            continue
        text = record.texts.get(passage.source)
        if text is None or passage.span is None:
            found += located(passage.text, each.quote)
        else:
            parts = (_within(span, passage.span) for span in located(text, each.quote))
            found += [part for part in parts if part]
    return found


def _within(span: Span, whole: Span) -> Span | None:
    start, end = max(span.start, whole.start), min(span.end, whole.end)
    return Span(start - whole.start, end - whole.start) if start < end else None
