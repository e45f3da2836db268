"""Answers without a model: the best sentences of the best passages, quoted as they stand.

The sentences' vectors were computed when the document was indexed, so nothing but the question is embedded.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from index.document import Passage
from index.fuse import fuse
from index.language import comparable, language
from index.terms import content_terms
from qa_service.gate import Rejected
from qa_service.llm import Deadline, Usage
from qa_service.protocol import Draft, DraftClaim, Offer, clean

MAX_SENTENCES = 3
_PASSAGES = 8
_VECTOR_WEIGHT, _LEXICAL_WEIGHT, _PASSAGE_WEIGHT = 1.5, 1.0, 0.5
_MIN_TERMS = 2
_MARGIN = 0.2
_SAME = 0.6
_HEADING_WORDS = 9
_SENTENCE_END = re.compile(r"[.!…:;。！][\"'»”’)\]]*[\d¹²³⁴-⁹]*$")
_QUESTION_END = re.compile(r"[?？؟][\"'»”’)\]]*$")


@dataclass(frozen=True, slots=True)
class _Candidate:
    passage: int
    sentence: int
    text: str
    terms: frozenset[str]
    comparable: bool


class ExtractiveWriter:
    """Begins extractive answers. Needs no key and no network."""

    name = "extractive"
    prompts: dict[str, str] = {}  # noqa: RUF012 - it has none, and a property says no more

    def begin(self, question: str, offer: Offer, *, deadline: Deadline) -> "ExtractiveWriting":
        """Start to answer `question` from the passages on offer."""
        return ExtractiveWriting(question, offer)


class ExtractiveWriting:
    """An answer of quoted sentences."""

    usage = Usage(0, 0, 0.0)

    def __init__(self, question: str, offer: Offer) -> None:
        self._question = question
        self._offer = offer

    def drafts(self) -> Iterator[Draft]:
        """The best sentence, then others that add to it; those of one passage stand together, in its order."""
        for passage, sentence in best_sentences(self._question, self._offer.passages):
            text = self._offer.passages[passage].sentences[sentence].text
            yield DraftClaim(clean(text), (self._offer.id_of(passage, sentence),))

    def repaired(self, rejected: Sequence[Rejected]) -> Iterator[Draft]:
        """Nothing: a quoted sentence can't be written better."""
        return iter(())


def best_sentences(question: str, passages: Sequence[Passage]) -> list[tuple[int, int]]:
    """The places (passage, sentence), zero-based, of the sentences that answer best: the best one, then others.

    The score is the weighted mean of the sentence's similarity to the question, the share of the question's
    terms in it (where their languages can be compared), and its passage's score; a sentence that repeats a better
    one of its document is left out.
    """
    asked, asked_in = frozenset(content_terms(question)), language(question)
    candidates = [
        _Candidate(p, s, sentence.text, frozenset(content_terms(sentence.text)), same)
        for p, passage in enumerate(passages[:_PASSAGES])
        for same in (comparable(asked_in, language(passage.text)),)
        for s, sentence in enumerate(passage.sentences)
    ]
    candidates = [c for c in candidates if len(c.terms) >= _MIN_TERMS and says_something(c.text)]
    if not candidates:
        return []
    by_place = {f"{c.passage}.{c.sentence}": c for c in candidates}
    scores = fuse(
        ({at: passages[c.passage].sentence_scores[c.sentence] for at, c in by_place.items()}, _VECTOR_WEIGHT),
        ({at: _share(asked, c) if c.comparable else 0.5 for at, c in by_place.items()}, _LEXICAL_WEIGHT),
        ({at: passages[c.passage].score for at, c in by_place.items()}, _PASSAGE_WEIGHT),
    )
    documents = [passage.document_id for passage in passages]
    ranked = sorted(by_place, key=lambda at: -scores[at])
    chosen: list[_Candidate] = []
    for at in ranked:
        candidate = by_place[at]
        if len(chosen) == MAX_SENTENCES or scores[at] < scores[ranked[0]] - _MARGIN:
            break
        # Two documents that say nearly the same may differ in what matters: that is for the reader to see.
        same_document = (c for c in chosen if documents[c.passage] == documents[candidate.passage])
        if not any(_is_repeated(candidate, other) for other in same_document):
            chosen.append(candidate)
    best, *others = chosen
    order = list(dict.fromkeys(candidate.passage for candidate in chosen))
    others.sort(key=lambda candidate: (order.index(candidate.passage), candidate.sentence))
    return [(candidate.passage, candidate.sentence) for candidate in (best, *others)]


def says_something(text: str) -> bool:
    """Whether a sentence states anything: a question or a heading is near the asked one, but is no answer.

    A heading is short and without the marks of a sentence, of a table row (`|`) or of a list item (`:`).
    """
    if _QUESTION_END.search(text):
        return False
    return bool(_SENTENCE_END.search(text) or len(text.split()) > _HEADING_WORDS or set(text) & set("|:="))


def _share(asked: frozenset[str], candidate: _Candidate) -> float:
    return len(asked & candidate.terms) / len(asked) if asked else 0.0


def _is_repeated(one: _Candidate, other: _Candidate) -> bool:
    return len(one.terms & other.terms) > _SAME * min(len(one.terms), len(other.terms))
