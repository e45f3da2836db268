"""The gate: the one place where a claim is made, and the checks that it has passed then.

A draft names sentences by their ids. The gate looks the ids up among those offered, cuts the spans again from the
catalog, splits the draft into sentences, and compares each with the text that it cites. What fails is rejected
with its reason; nothing is mended or guessed here. So for every claim and each of its citations

    text(citation.document_id)[citation.span.start : citation.span.end] == citation.quote

held when the claim was made.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from index.catalog import parse_chunk_id
from index.document import Passage, Span
from index.sentences import sentences
from qa_service.claims import Citation, Support
from qa_service.protocol import DraftClaim, DraftConflict, Offer, Offered, clean
from qa_service.support import assess

Cut = Callable[[int, Sequence[Span]], list[str] | None]
"""The stored text of spans of a document version; None where that version is no longer served."""

Reason = Literal["unknown_id", "source_changed", "unsupported", "foreign_link", "one_sided_conflict"]
Side = Literal["a", "b"]

_LINK = re.compile(r"(?:https?|ftp)://\S+|\bwww\.\S+|\S+@\S+\.\w+", re.IGNORECASE)
_SEAL = object()


@dataclass(frozen=True, slots=True)
class Claim:
    """One sentence of an answer with at least one checked citation. Only the gate can make one."""

    text: str
    citations: tuple[Citation, ...]
    support: Support
    side: Side | None = None
    seal: object = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.seal is not _SEAL:
            raise TypeError("a claim is made by qa_service.gate.Gate, which checks its citations")


@dataclass(frozen=True, slots=True)
class Rejected:
    """A sentence that did not pass, why, and an explanation that a model can act on."""

    text: str
    ids: tuple[str, ...]
    reason: Reason
    explanation: str


class Gate:
    """Checks the drafts of one answer, and numbers its citations in the order in which they appear."""

    def __init__(self, offer: Offer, cut: Cut, *, question: str) -> None:
        self.offer = offer
        self._cut = cut
        self._question = question
        self._numbers: dict[tuple[str, Span], Citation] = {}

    @property
    def citations(self) -> tuple[Citation, ...]:
        """The citations of all claims made so far, by number."""
        return tuple(self._numbers.values())

    def admit(self, draft: DraftClaim | DraftConflict) -> Iterator[Claim | Rejected]:
        """The claims that a draft becomes, one for each of its sentences, and what is rejected."""
        if isinstance(draft, DraftConflict):
            yield from self._conflict(draft)
        else:
            yield from self._claims(draft.text, draft.ids)

    def _claims(self, text: str, ids: tuple[str, ...]) -> Iterator[Claim | Rejected]:
        found = self._find(text, ids)
        if isinstance(found, Rejected):
            yield found
            return
        cited = _fold(" ".join(offered.sentence.text for offered in found))
        if _fold(text) == cited:
            yield self._claim(text, found, Support("supported", "verbatim", 1.0))
            return
        for span in sentences(text, [Span(0, len(text))]):
            yield self._check(span.of(text), ids, found)

    def _conflict(self, draft: DraftConflict) -> Iterator[Claim | Rejected]:
        """The statement of the disagreement, citing both sides, then each side in its own words."""
        sides = [self._find(draft.text, ids) for ids in (draft.a, draft.b)]
        ids = (*draft.a, *draft.b)
        for side in sides:
            if isinstance(side, Rejected):
                yield side
                return
        a, b = (side for side in sides if not isinstance(side, Rejected))
        if {offered.sentence.span for offered in a} == {offered.sentence.span for offered in b}:
            yield Rejected(draft.text, ids, "one_sided_conflict", "Both sides name the same sentences.")
            return
        stated = self._check(draft.text, ids, [*a, *b])
        yield stated
        if isinstance(stated, Rejected):
            return
        yield from self._verbatim(a, "a")
        yield from self._verbatim(b, "b")

    def _verbatim(self, found: Iterable[Offered], side: Side) -> Iterator[Claim | Rejected]:
        for offered in found:
            yield self._claim(
                clean(offered.sentence.text), [offered], Support("supported", "verbatim", 1.0), side
            )

    def _find(self, text: str, ids: tuple[str, ...]) -> list[Offered] | Rejected:
        known = [offered for identifier in ids if (offered := self.offer.find(identifier))]
        if not known:
            named = ", ".join(ids) or "no sentence"
            return Rejected(text, ids, "unknown_id", f"It names {named}: name sentences that were given.")
        return known

    def _check(self, sentence: str, ids: tuple[str, ...], found: Sequence[Offered]) -> Claim | Rejected:
        cited = " ".join(offered.sentence.text for offered in found)
        for link in _LINK.findall(sentence):
            if link.rstrip(".,;:!?)") not in cited:
                return Rejected(
                    sentence, ids, "foreign_link", f"{link} does not stand in the named sentences."
                )
        support = assess(sentence, cited, context=_context(found), question=self._question)
        if not isinstance(support, Support):
            explanation = " ".join(fault.message for fault in support)
            return Rejected(sentence, ids, "unsupported", explanation)
        return self._claim(sentence, found, support)

    def _claim(
        self, text: str, found: Sequence[Offered], support: Support, side: Side | None = None
    ) -> Claim | Rejected:
        citations = []
        for run in _runs(found):
            passage = run[0].passage
            span = Span(run[0].sentence.span.start, run[-1].sentence.span.end)
            version, _ = parse_chunk_id(passage.chunk_id)
            quotes = self._cut(version, [span])
            offset = passage.span.start
            if quotes is None or quotes[0] != passage.text[span.start - offset : span.end - offset]:
                return Rejected(text, (), "source_changed", f"{passage.title} has been replaced or removed.")
            citations.append((passage, span, quotes[0]))
        return Claim(text, tuple(self._numbered(*each) for each in citations), support, side, _SEAL)

    def _numbered(self, passage: Passage, span: Span, quote: str) -> Citation:
        key = (passage.document_id, span)
        if key not in self._numbers:
            self._numbers[key] = Citation(
                number=len(self._numbers) + 1,
                document_id=passage.document_id,
                title=passage.title,
                source=passage.source,
                chunk_id=passage.chunk_id,
                span=span,
                quote=quote,
                page=passage.page,
            )
        return self._numbers[key]


def _runs(found: Sequence[Offered]) -> list[list[Offered]]:
    """The sentences in runs that are contiguous in their passage: each run is one citation."""
    runs: list[list[Offered]] = []
    for offered in {(each.passage.rank, each.index): each for each in found}.values():
        last = runs[-1][-1] if runs else None
        if last and last.passage is offered.passage and offered.index == last.index + 1:
            runs[-1].append(offered)
        else:
            runs.append([offered])
    return runs


def _context(found: Sequence[Offered]) -> str:
    """What stands beside the cited sentences: their neighbours, and the titles and headings above them."""
    parts: list[str] = []
    for offered in found:
        passage, at = offered.passage, offered.index
        parts += (passage.title, *passage.headings)
        parts += (s.text for s in passage.sentences[max(0, at - 1) : at + 2])
    return " \n".join(dict.fromkeys(parts))


def _fold(text: str) -> str:
    return clean(text).casefold()
