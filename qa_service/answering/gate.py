"""The gate: the one place where a claim is made, and the checks that it has passed then.

A draft names sentences by their ids. The gate looks the ids up among those offered, splits the draft into
sentences, compares each with the text that it cites, and cuts that from the catalog again. What fails is
rejected with its reason; nothing is mended or guessed here. So for every claim and each of its citations

    text(citation.document_id)[citation.span.start : citation.span.end] == citation.quote

held when the claim was made, the span lay in a passage of this request, and the claim's text held nothing
that could pass for a marker, and no link that the cited text does not hold.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import InitVar, dataclass, replace
from functools import cached_property
from itertools import chain
from typing import Literal

from index.catalog import parse_chunk_id
from index.document import Passage, Span
from index.sentences import sentences
from qa_service.answering.absence import says_only_that_it_is_missing
from qa_service.answering.claims import Citation, Support
from qa_service.answering.evidence import context, narrowed, runs, widened
from qa_service.answering.protocol import DraftClaim, DraftConflict, DraftNone, Offer, Offered
from qa_service.answering.support import assess
from qa_service.guards import Fault, Kind, check
from qa_service.links import links
from qa_service.plain import clean

Cut = Callable[[int, Sequence[Span]], list[str] | None]
"""The stored text of spans of a document version; None where that version is no longer served."""

Change = Callable[[str, Sequence[Offered]], list[Offered]]
"""From a claim and the sentences that it cites to those that it should cite."""

Reason = Literal[
    "unknown_id",
    "unsupported",
    "foreign_link",
    "marker_in_text",
    "one_sided_conflict",
    "repeated",
    "source_changed",
]
Side = Literal["a", "b"]

_VERBATIM = Support("supported", "verbatim", 1.0)
_SEAL = object()
_TELLING: frozenset[Kind] = frozenset({"number", "date", "name"})


@dataclass(frozen=True, slots=True)
class Claim:
    """One sentence of an answer with at least one checked citation. Only the gate can make one."""

    text: str
    citations: tuple[Citation, ...]
    support: Support
    side: Side | None = None
    seal: InitVar[object] = None

    def __post_init__(self, seal: object) -> None:
        if seal is not _SEAL:
            raise TypeError("a claim is made by qa_service.answering.gate.Gate, which checks its citations")


@dataclass(frozen=True, slots=True)
class Rejected:
    """A sentence that did not pass, why, and an explanation that a model can act on."""

    text: str
    ids: tuple[str, ...]
    reason: Reason
    explanation: str

    @property
    def repairable(self) -> bool:
        """Whether its writer could do better with the same passages."""
        return self.reason not in ("repeated", "source_changed")


class Gate:
    """Checks the drafts of one answer, and numbers its citations in the order in which they appear."""

    def __init__(self, offer: Offer, cut: Cut, *, question: str) -> None:
        self.offer = offer
        self._cut = cut
        self._question = question
        self._numbers: dict[tuple[str, Span], Citation] = {}
        self._made: set[tuple[str, Side | None]] = set()
        self._judged: dict[tuple[str, Span], Citation] = {}

    @property
    def citations(self) -> tuple[Citation, ...]:
        """The citations of all claims made so far, by number."""
        return tuple(self._numbers.values())

    def admit(self, draft: DraftClaim | DraftConflict) -> Iterator[Claim | Rejected]:
        """The claims that a draft becomes, one for each of its sentences, and what is rejected."""
        if isinstance(draft, DraftConflict):
            yield from self._conflict(draft)
        else:
            yield from self._claims(draft)

    def missing(self, draft: DraftNone) -> Iterator[str | Rejected]:
        """What a writer says that the passages do not hold, sentence by sentence, and what is rejected.

        Such a sentence has no citation, so it may tell nothing: it has to be about what the sources lack, and
        each of its numbers, dates and names has to stand in the passages or the question.
        """
        for sentence in _split(draft.text):
            text = clean(sentence)
            fault = self._foreign_text(text, ()) or self._unheard(sentence)
            yield Rejected(text, (), *fault) if fault else text

    def judged(self, claims: Sequence[tuple[Claim, Support | None]]) -> list[Claim]:
        """All claims made since the last call, made anew with that support, but for those with None.

        For claims that nobody has seen yet: their citations are numbered again, so that what was left out leaves
        no gap, and may be said again.
        """
        self._numbers = dict(self._judged)
        kept = []
        for claim, support in claims:
            if (claim.text, claim.side) not in self._made:
                raise ValueError("only a claim that this gate has made can be judged by it")
            if support is None:
                self._made.discard((claim.text, claim.side))
            else:
                citations = tuple(map(self._renumbered, claim.citations))
                kept.append(Claim(claim.text, citations, support, claim.side, _SEAL))
        self._judged = dict(self._numbers)
        return kept

    def _renumbered(self, citation: Citation) -> Citation:
        key = (citation.document_id, citation.span)
        return self._numbers.setdefault(key, replace(citation, number=len(self._numbers) + 1))

    def _unheard(self, sentence: str) -> tuple[Reason, str] | None:
        if not says_only_that_it_is_missing(sentence, self._question):
            return "unsupported", "It says more than what the passages lack."
        faults = check(sentence, self._all_texts, question=self._question)
        told = [fault.message for fault in faults if fault.kind in _TELLING]
        return ("unsupported", " ".join(told)) if told else None

    @cached_property
    def _all_texts(self) -> str:
        texts = (text for each in self.offer.passages for text in (each.title, *each.headings, each.text))
        return "\n".join([self._question, *dict.fromkeys(texts)])

    def _claims(self, draft: DraftClaim) -> Iterator[Claim | Rejected]:
        found = self._found(draft.ids)
        if not found:
            yield self._unknown(draft.text, draft.ids)
        elif quoted := _quoted(draft.text, found):
            yield self._claim(draft.text, draft.ids, [quoted], _VERBATIM)
        else:
            for sentence in _split(draft.text):
                if quoted := _quoted(sentence, found):
                    yield self._claim(sentence, draft.ids, [quoted], _VERBATIM)
                else:
                    yield self._check(sentence, draft.ids, found, changes=(narrowed, widened))

    def _conflict(self, draft: DraftConflict) -> Iterator[Claim | Rejected]:
        """The statement of the disagreement, if any, citing both sides, then each side in its own words."""
        ids = (*draft.a, *draft.b)
        a, b = self._found(draft.a), self._found(draft.b)
        if not (a or b):
            yield self._unknown(draft.text, ids)
            return
        a, b = ([each for each in side if _has_words(each.sentence.text)] for side in (a, b))
        one, other = ({clean(offered.sentence.text) for offered in side} for side in (a, b))
        if not (one - other and other - one):
            explanation = (
                f"Each side needs a sentence that the other lacks: [[CONFLICT {self._example} | ...]]."
            )
            yield Rejected(draft.text, ids, "one_sided_conflict", explanation)
            return
        stated = [self._check(sentence, ids, [*a, *b]) for sentence in _split(draft.text)]
        yield from stated
        if not draft.text or any(isinstance(each, Claim) for each in stated):
            yield from self._side(a, draft.a, "a")
            yield from self._side(b, draft.b, "b")

    def _side(self, found: Sequence[Offered], ids: tuple[str, ...], side: Side) -> Iterator[Claim | Rejected]:
        for offered in found:
            yield self._claim(offered.sentence.text, ids, [offered], _VERBATIM, side)

    def _found(self, ids: Sequence[str]) -> list[Offered]:
        found = filter(None, map(self.offer.find, ids))
        return list({(each.passage.rank, each.index): each for each in found}.values())

    def _unknown(self, text: str, ids: tuple[str, ...]) -> Rejected:
        named = ", ".join(ids[:5]) or "no sentence"
        explanation = f"It names {named}: name sentences that were given, by ids such as {self._example}."
        return Rejected(text, ids, "unknown_id", explanation)

    @property
    def _example(self) -> str:
        return self.offer.id_of(0, 0)

    def _check(
        self, sentence: str, ids: tuple[str, ...], found: Sequence[Offered], *, changes: Sequence[Change] = ()
    ) -> Claim | Rejected:
        """A claim in its writer's own words, or what is wrong with it.

        `changes` are made to what it cites, each where the changed text supports it too.
        """
        text = clean(sentence)
        if (text, None) in self._made:
            return Rejected(text, ids, "repeated", "It was said before.")
        if fault := self._foreign_text(text, found):
            return Rejected(text, ids, *fault)
        support = self._assess(sentence, found)
        if not isinstance(support, Support):
            explanation = " ".join(fault.message for fault in support)
            return Rejected(text, ids, "unsupported", explanation)
        for change in changes:
            changed = change(sentence, found)
            if len(changed) != len(found) and isinstance(other := self._assess(sentence, changed), Support):
                found, support = changed, other
        return self._claim(sentence, ids, found, support)

    def _foreign_text(self, sentence: str, found: Sequence[Offered]) -> tuple[Reason, str] | None:
        """What is let through in no sentence: an id, or a link that the cited text does not hold."""
        if self.offer.key in sentence.lower():
            return "marker_in_text", "Ids stand in the brackets in front of a sentence, never inside it."
        cited = [(each.sentence.text, each.passage.title, each.passage.source) for each in found]
        if foreign := links(sentence) - links(*chain.from_iterable(cited)):
            return "foreign_link", f"{min(foreign)} does not stand in the named sentences."
        return None

    def _assess(self, sentence: str, found: Sequence[Offered]) -> Support | tuple[Fault, ...]:
        cited = " ".join(offered.sentence.text for offered in found)
        return assess(sentence, cited, context=context(found), question=self._question)

    def _claim(
        self,
        text: str,
        ids: tuple[str, ...],
        found: Sequence[Offered],
        support: Support,
        side: Side | None = None,
    ) -> Claim | Rejected:
        text = clean(text)
        if (text, side) in self._made:
            return Rejected(text, ids, "repeated", "It was said before.")
        cuts = []
        for passage, span in runs(found):
            version, _ = parse_chunk_id(passage.chunk_id)
            quotes = self._cut(version, [span])
            offset = passage.span.start
            if quotes is None or quotes[0] != passage.text[span.start - offset : span.end - offset]:
                return Rejected(text, ids, "source_changed", f"{passage.title} has been replaced or removed.")
            cuts.append((passage, span, quotes[0]))
        self._made.add((text, side))
        return Claim(text, tuple(self._numbered(*each) for each in cuts), support, side, _SEAL)

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
                page=passage.page_of(span),
                locator=passage.locator,
            )
        return self._numbers[key]


def _quoted(text: str, found: Sequence[Offered]) -> Offered | None:
    """The sentence that the text repeats word for word."""
    words = clean(text)
    repeated = (offered for offered in found if clean(offered.sentence.text) == words)
    return next(repeated, None) if _has_words(text) else None


def _split(text: str) -> Iterator[str]:
    """The sentences of a draft."""
    return filter(_has_words, (span.of(text) for span in sentences(text, [Span(0, len(text))])))


def _has_words(text: str) -> bool:
    return any(map(str.isalnum, text))
