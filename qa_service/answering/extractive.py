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
from qa_service.answering.answer_type import asked_for, has
from qa_service.answering.disagreement import disagreeing
from qa_service.answering.gate import Rejected
from qa_service.answering.protocol import Draft, DraftClaim, DraftConflict, Offer, clean
from qa_service.conversations.history import FollowUp
from qa_service.llm import NO_USAGE, Deadline

MAX_SENTENCES = 3
_PASSAGES = 8
_VECTOR_WEIGHT, _LEXICAL_WEIGHT, _PASSAGE_WEIGHT = 1.5, 1.0, 0.5
_TYPE_BONUS = 0.1
_MIN_TERMS = 2
_MARGIN = 0.2
_SAME = 0.6
_HEADING_WORDS = 9
# A full stop between digits ends nothing: `Policy, version 3.0`; other digits behind one are a footnote's mark.
_SENTENCE_END = re.compile(r"[.!…:;。！][\"'»”’)\]]*$|(?<!\d)[.!…:;。！][\"'»”’)\]]*[\d¹²³⁴-⁹]+$")
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

    def begin(
        self, question: str, offer: Offer, *, deadline: Deadline, follow_up: FollowUp | None = None
    ) -> "ExtractiveWriting":
        """Start to answer `question` from the passages on offer; `follow_up` says what it follows."""
        # The passages and the vectors are those of the question in full. Their sentences seldom repeat what the
        # talk is about, so the words that count are the user's own, as long as there are any.
        words = follow_up.query if follow_up and not content_terms(question) else question
        return ExtractiveWriting(words, offer)


class ExtractiveWriting:
    """An answer of quoted sentences."""

    model = "extractive"
    usage = NO_USAGE
    prompts: dict[str, str] = {}  # noqa: RUF012 - as above

    def __init__(self, question: str, offer: Offer) -> None:
        self._question = question
        self._offer = offer

    def drafts(self) -> Iterator[Draft]:
        """The best sentence, then others that add to it; those of one passage stand together, in its order.

        Where other documents disagree with one of them, the two sides come first.
        """
        passages = self._offer.passages
        chosen = best_sentences(self._question, passages)
        sides = disagreeing(self._question, passages, chosen) or ((), ())
        if all(sides):
            a, b = (tuple(self._offer.id_of(*place) for place in side) for side in sides)
            yield DraftConflict("", a, b)
        for passage, sentence in chosen:
            if (passage, sentence) not in (*sides[0], *sides[1]):
                text = passages[passage].sentences[sentence].text
                yield DraftClaim(clean(text), (self._offer.id_of(passage, sentence),))

    def repaired(self, rejected: Sequence[Rejected]) -> Iterator[Draft]:
        """Nothing: a quoted sentence can't be written better."""
        return iter(())


def best_sentences(question: str, passages: Sequence[Passage]) -> list[tuple[int, int]]:
    """The places (passage, sentence), zero-based, of the sentences that answer best: the best one, then others.

    The score is the weighted mean of the sentence's similarity to the question, the share of the question's
    terms in it (where their languages can be compared), and its passage's score, with a bonus for a sentence that
    has what the question asks for: a time, a number, a name. A sentence that repeats a better one of its document is
    left out, and so is what has hardly any words, such as `| Total | 7,940 |`, unless one is the question's.
    """
    asked, asked_in = frozenset(content_terms(question)), language(question)
    candidates = [
        _Candidate(p, s, sentence.text, frozenset(content_terms(sentence.text)), same)
        for p, passage in enumerate(passages[:_PASSAGES])
        for same in (comparable(asked_in, language(passage.text)),)
        for s, sentence in enumerate(passage.sentences)
    ]
    candidates = [
        c
        for c in candidates
        if len(c.terms) >= _MIN_TERMS and says_something(c.text) and _has_words(c, asked)
    ]
    if not candidates:
        return []
    by_place = {f"{c.passage}.{c.sentence}": c for c in candidates}
    scores = fuse(
        ({at: passages[c.passage].sentence_scores[c.sentence] for at, c in by_place.items()}, _VECTOR_WEIGHT),
        ({at: _share(asked, c) if c.comparable else 0.5 for at, c in by_place.items()}, _LEXICAL_WEIGHT),
        ({at: passages[c.passage].score for at, c in by_place.items()}, _PASSAGE_WEIGHT),
    )
    if wanted := asked_for(question):
        scores = {
            at: score + (_TYPE_BONUS if has(wanted, by_place[at].text) else 0.0)
            for at, score in scores.items()
        }
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


def _has_words(candidate: _Candidate, asked: frozenset[str]) -> bool:
    """Whether it has words enough to be understood: numbers under an unknown heading are near anything."""
    words = sum(not any(map(str.isdigit, term)) for term in candidate.terms)
    return words >= _MIN_TERMS or (candidate.comparable and not asked.isdisjoint(candidate.terms))


def _share(asked: frozenset[str], candidate: _Candidate) -> float:
    return len(asked & candidate.terms) / len(asked) if asked else 0.0


def _is_repeated(one: _Candidate, other: _Candidate) -> bool:
    return len(one.terms & other.terms) > _SAME * min(len(one.terms), len(other.terms))
