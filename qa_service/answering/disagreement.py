"""Do two documents tell the same thing with different numbers or times? Found by form, without a model.

Two sentences are held to answer the same question where nearly all their words are the same, numbers and times set
aside, and they share a word with the question if it is in their language. They disagree where, of a kind of quantity
that both give (a dimension, or a thing counted), or of a kind of time that is asked for, neither gives any value of the
other. Rows with several bare numbers are left alone, since their columns may differ; so are sentences that tell of
different days, unless days are asked for. Contradictions in words (`allowed`, `forbidden`) are not seen.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from index.document import Passage
from index.language import Language, comparable, language
from index.terms import content_terms
from qa_service.answering.amounts import differ, dimension
from qa_service.answering.answer_type import AnswerType, asked_for
from qa_service.guards.moments import BLANK, Mention, Moment, moments
from qa_service.guards.quantities import Quantity, quantities
from qa_service.guards.text import clean, fold

Place = tuple[int, int]
"""A sentence by the places of its passage and itself, from zero."""

Sides = tuple[tuple[Place, ...], tuple[Place, ...]]
"""What some documents say, and what others say instead."""

_PASSAGES = 12
_MOST_CHARACTERS = 400
_SHARED = 0.6
_SHARED_WHERE_ONE_SAYS_MORE = 0.45
_FEWEST_WORDS = 2
_WORD_START = 3
_WORD = re.compile(r"[^\W\d_]+")
_MOST_BARE_NUMBERS = 1
_MOST_OTHERS = 3
# `6.3 Two kits`, `b) a certificate`, `(2) The night`: the numbers of paragraphs and list items.
_ENUMERATION = re.compile(
    r"^[\s|*#>•–-]*(?:\(?(?:\d{1,3}|[a-zа-я])[.)]|\d{1,3}(?:\.\d{1,3})+\.?|§ ?\d+)(?=\s)\s*"
)


@dataclass(frozen=True, slots=True)
class _Told:
    """A sentence by what it tells: its words without numbers and times, its quantities, its times.

    A unit that stands behind a number is among the words as what it measures, so that weeks and months are alike.
    """

    words: frozenset[str]
    quantities: tuple[Quantity, ...]
    times: tuple[Mention, ...]
    numbers: frozenset[str]
    is_row: bool


def disagreeing(question: str, passages: Sequence[Passage], chosen: Sequence[Place]) -> Sides | None:
    """The first of the chosen sentences that another document disagrees with, and the sentences that do, if any.

    Of each other document it is the sentence that shares the most words, then the better ranked one; the documents
    come in that order. Chosen sentences that say the same as the first, and not as the others, stand beside it.
    """
    asked = _Asked.of(question)
    for place in chosen:
        one = passages[place[0]]
        told = _told(one.sentences[place[1]].text)
        if len(told.words) < _FEWEST_WORDS or not (told.quantities or told.times):
            continue
        found = [
            (shared, other)
            for shared, other in _alike(told, one, passages)
            if asked.is_about(one, one.sentences[place[1]].text, _of(passages, other))
            and _disagree(told, _told(_of(passages, other)), asked)
        ]
        if found:
            others = _best_of_each(found, passages)
            alike = {other for _, other in _alike(told, one, passages)}
            beside = [
                other
                for other in chosen
                if other in alike - set(others)
                and all(
                    _disagree(_told(_of(passages, other)), _told(_of(passages, each)), asked)
                    for each in others
                )
            ]
            return (place, *beside), tuple(others)
    return None


def _best_of_each(found: Sequence[tuple[float, Place]], passages: Sequence[Passage]) -> list[Place]:
    """The best sentence of each document, at most `_MOST_OTHERS`."""
    best: dict[str, Place] = {}
    for _, place in sorted(found, key=lambda each: (-each[0], each[1])):
        best.setdefault(passages[place[0]].document_id, place)
    return list(best.values())[:_MOST_OTHERS]


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a question asks: its type, its terms, the numbers among them, and its language."""

    type: AnswerType | None
    terms: frozenset[str]
    numbers: frozenset[str]
    language: Language

    @classmethod
    def of(cls, question: str) -> "_Asked":
        terms = frozenset(content_terms(question))
        return cls(asked_for(question), terms, frozenset(filter(_has_digit, terms)), language(question))

    def is_about(self, passage: Passage, told: str, other: str) -> bool:
        """Whether both sentences share a word with the question, as far as words can tell."""
        if not comparable(self.language, language(passage.text)):
            return True
        return bool((self.terms - self.numbers) & set(content_terms(told)) & set(content_terms(other)))


def _of(passages: Sequence[Passage], place: Place) -> str:
    return passages[place[0]].sentences[place[1]].text


def _alike(told: _Told, one: Passage, passages: Sequence[Passage]) -> Iterator[tuple[float, Place]]:
    """The sentences of other documents with nearly the same words, and the share of words that are the same."""
    looked_for = {word[:_WORD_START] for word in told.words if word[0].isalpha()}
    for at, passage in enumerate(passages[:_PASSAGES]):
        if passage.document_id == one.document_id:
            continue
        for index, sentence in enumerate(passage.sentences):
            if len(sentence.text) > _MOST_CHARACTERS or not _may_share(looked_for, sentence.text):
                continue
            other = _told(sentence.text)
            shared = len(other.words & told.words) / max(1, len(other.words | told.words))
            one_says_more = other.words <= told.words or told.words <= other.words
            if shared >= (_SHARED_WHERE_ONE_SAYS_MORE if one_says_more else _SHARED):
                yield shared, (at, index)


def _may_share(looked_for: set[str], text: str) -> bool:
    """Whether enough words in it begin like those that are looked for: cheap, where reading its numbers is not."""
    begin = {word[:_WORD_START] for word in _WORD.findall(fold(text))}
    return len(begin & looked_for) >= _SHARED_WHERE_ONE_SAYS_MORE * len(looked_for)


def _told(text: str) -> _Told:
    cleaned = clean(_ENUMERATION.sub("", text))
    spoken = language(cleaned)
    times, rest = moments(cleaned, spoken)
    counted = tuple(
        each
        for each in quantities(rest, spoken)
        if each.code is None and not (each.vague or each.evidence_only or each.ordinal)
    )
    plain = list(rest.replace(BLANK, " "))
    measured = set()
    for each in counted:
        end = each.unit_end or each.end
        if each.unit and content_terms("".join(plain[each.end : end])):
            measured.add(dimension(each.unit))
        plain[each.start : end] = " " * (end - each.start)
    words = content_terms("".join(plain))
    return _Told(
        words=frozenset(measured.union(term for term in words if not _has_digit(term))),
        quantities=counted,
        times=tuple(times),
        numbers=frozenset(filter(_has_digit, content_terms(cleaned))),
        is_row="|" in text,
    )


def _has_digit(term: str) -> bool:
    return any(map(str.isdigit, term))


def _disagree(one: _Told, other: _Told, asked: _Asked) -> bool:
    if (asked.numbers & one.numbers) != (asked.numbers & other.numbers):
        return False  # one of them is about what is asked
    times_differ = _times_differ(one.times, other.times)
    if asked.type == "time":
        return times_differ
    return not times_differ and _quantities_differ(one, other)


def _quantities_differ(one: _Told, other: _Told) -> bool:
    if (one.is_row or other.is_row) and any(
        sum(each.unit is None for each in told.quantities) > _MOST_BARE_NUMBERS for told in (one, other)
    ):
        return False
    return differ(one.quantities, other.quantities)


def _times_differ(one: Sequence[Mention], other: Sequence[Mention]) -> bool:
    """Whether both tell times of a kind (hours, days, years), and none of one is any of the other."""
    for kind in {_parts(each.readings[0]) for each in one} & {_parts(each.readings[0]) for each in other}:
        here, there = (
            {reading for each in times for reading in each.readings if _parts(each.readings[0]) == kind}
            for times in (one, other)
        )
        if here.isdisjoint(there):
            return True
    return False


def _parts(moment: Moment) -> tuple[bool, ...]:
    return (
        moment.minute is not None,
        moment.day is not None,
        moment.month is not None,
        moment.year is not None,
    )
