"""Are the names of a claim in the cited text, in any of their spellings?

A name is carried by the same word however it is inflected, accented or transliterated, by the people of a
place for the place (`Japan`, `Japanese`), and by its acronym or its long form. The context (neighbours,
title, headings) and the question may supply a name too, for the cited text often says `he` or `the pact`.
They may not when the cited text has another name in that place: the word beside the name in the claim stands
beside that other name there, and nowhere else (`the Soviet military burnt` against `the Japanese military
burnt`).
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from functools import cached_property
from itertools import pairwise

from index.language import Language, is_function_word
from qa_service.guards import spelling
from qa_service.guards.fault import Fault
from qa_service.guards.name_words import is_candidate, names, stands_for_name
from qa_service.guards.text import Word, vocabulary, words

_SMALL = vocabulary("of the and for in on de la von und der des die и")
_LONGEST_ACRONYM = 6
_NEIGHBOUR_LETTERS = 6  # enough to know a word again in another form
# What may stand between a name and the word beside it, with the relation it tells.
_LINKS = (
    dict.fromkeys(
        vocabulary("""
        the a an was were is are be been being had has have der die das den dem des ein eine einen wurde
        wurden ist war waren hat hatte был была было были
        """),
        "",
    )
    | dict.fromkeys(vocabulary("in at on im am bei auf an в во на"), "in")
    | {word: word for word in vocabulary("of by from to for with von aus nach mit zu durch из от к с по")}
)
_LINKS_BETWEEN = 4
_LONGEST_RUN = 5
_LONGEST_NAME = 60
_GAP = 2  # a blank, a hyphen, or the stop and blank behind an initial
_KEPT = 20  # places of one word that are looked at: a hostile text may repeat it for ever
_ALIKE = 0.7
_SHORTEST_VARIANT = 4


class Names:
    """The words of one text, ready to be asked whether they name something."""

    def __init__(self, text: str, found: Sequence[Word]) -> None:
        self.lower = frozenset(word.fold for word in found if not word.capital)
        self._folds = {word.fold for word in found}
        self._capitals = [word for word in found if word.capital]
        self._found = found
        self._shorts = {short for _, _, short in spelling.phrases(text.casefold())}

    @cached_property
    def _forms(self) -> frozenset[str]:
        return frozenset().union(*map(spelling.forms, {word.fold for word in self._capitals} | self._shorts))

    @cached_property
    def _people(self) -> frozenset[str]:
        return frozenset().union(*map(spelling.people, self._folds))

    @cached_property
    def _places(self) -> frozenset[str]:
        return frozenset().union(*map(spelling.place, {word.fold for word in self._capitals}))

    @cached_property
    def _first_letters(self) -> frozenset[str]:
        return frozenset(word.fold[0] for word in self._capitals)

    @cached_property
    def _by_consonants(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = defaultdict(set)
        for word in self._capitals:
            sound = spelling.sound(word.fold)
            found[spelling.consonants(sound)].add(sound)
        return found

    @cached_property
    def _initials(self) -> frozenset[str]:
        return frozenset(word.fold for word in self._capitals if len(word.text) == 1)

    @cached_property
    def _pairs(self) -> frozenset[tuple[str, str]]:
        return frozenset((left.fold, right.fold) for left, right in pairwise(self._found))

    @cached_property
    def _acronyms(self) -> frozenset[str]:
        return frozenset(_acronyms(self._found)) | self._shorts

    def carries(self, word: str) -> bool:
        """Whether the text has this folded word, in any of its forms."""
        if word in self._folds or not self._forms.isdisjoint(spelling.forms(word)):
            return True
        if not self._people.isdisjoint(spelling.place(word)) or not self._places.isdisjoint(
            spelling.people(word)
        ):
            return True
        if len(word) == 1:
            return word in self._first_letters
        if word in self._acronyms or not self._people.isdisjoint(spelling.people(word)):
            return True
        sound = spelling.sound(word)
        return any(
            _is_variant(sound, other) for other in self._by_consonants.get(spelling.consonants(sound), ())
        )

    def has_pair(self, left: str, right: str) -> bool:
        """Whether the text has these folded words in a row."""
        return (left, right) in self._pairs

    def carries_run(self, run: Sequence[Word], word: Word) -> bool:
        """Whether the text has a run's acronym, or an initial for this word and another word in full."""
        if len(run) > 1 and "".join(each.fold[0] for each in run) in self._folds:
            return True
        return word.fold[0] in self._initials and any(
            self.carries(each.fold) for each in run if each is not word
        )


def _is_variant(left: str, right: str) -> bool:
    """Whether two names with the same consonants are likely one: Niemen and Neman, not Marina and Moreno."""
    return (
        min(len(left), len(right)) > _SHORTEST_VARIANT
        and SequenceMatcher(None, left, right).ratio() >= _ALIKE
    )


def _acronyms(found: Sequence[Word]) -> set[str]:
    """The acronyms that runs of capitalised words spell: `rfp` for Russian Fascist Party."""
    spelled: set[str] = set()
    letters: list[str] = []
    for word in found:
        if word.capital and not (word.opens and is_function_word(word.fold)):
            letters = [*letters[-_LONGEST_ACRONYM + 1 :], word.fold[0]]
            spelled.update("".join(letters[start:]) for start in range(len(letters) - 1))
        elif word.fold not in _SMALL:
            letters = []
    return spelled


class _Places:
    """Which names of the cited text stand beside which of its other words."""

    def __init__(self, found: Sequence[Word], language: Language) -> None:
        self._named: dict[tuple[str, str, str], list[tuple[Word, ...] | None]] = defaultdict(list)
        self._nouns_are_capital = language == "de"
        self._parts: dict[tuple[str, str], list[Word | None]] = defaultdict(list)
        sure = frozenset(word.start for word in names(found, language, frozenset()))
        marked = sure | {word.start for word in found if not word.opens and stands_for_name(word, language)}
        for index, word in enumerate(found):
            for side, near in (("before", index - 1), ("after", index + 1)):
                parts = self._parts[(side, word.fold)]
                if word.start in marked and len(parts) < _KEPT:
                    parts.append(found[near] if _beside_in_run(found, index, near) else None)
            for side, step in (("before", -1), ("after", 1)):
                at, link = _beside(found, index, step)
                place = self._named[(side, word.fold[:_NEIGHBOUR_LETTERS], link)]
                if len(place) < _KEPT and (link or word.start not in marked):
                    named = at is not None and found[at].start in marked
                    place.append(
                        tuple(found[each] for each in _run(found, at)) if at is not None and named else None
                    )

    def other_name(self, found: Sequence[Word], run: Sequence[int], own: Names) -> bool:
        """Whether the cited text has, in the place of this run of the claim, a name that the claim lacks."""
        for side, start, step in (("before", run[-1], 1), ("after", run[0], -1)):
            at, link = _beside(found, start, step)
            if at is None or (found[at].capital and (not link or self._nouns_are_capital)):
                continue
            named = self._named.get((side, found[at].fold[:_NEIGHBOUR_LETTERS], link))
            if named and all(other is not None and not _same(found, run, other, own) for other in named):
                return True
        return False

    def other_part(self, found: Sequence[Word], index: int, own: Names, around: Sequence[Names]) -> bool:
        """Whether the cited text completes the name with another word: `Fort Worth` for `Fort Wayne`.

        Not when one of the texts around has the name as the claim has it.
        """
        for side, at in (("before", index + 1), ("after", index - 1)):
            if not _beside_in_run(found, index, at):
                continue
            pair = (found[min(index, at)].fold, found[max(index, at)].fold)
            given = self._parts.get((side, found[at].fold))
            if not given or any(other.has_pair(*pair) for other in around):
                continue
            if all(other is not None and not _same(found, (index,), (other,), own) for other in given):
                return True
        return False


def _beside_in_run(found: Sequence[Word], index: int, at: int) -> bool:
    if not 0 <= at < len(found):
        return False
    left, right = sorted((index, at))
    return not found[right].opens and _adjoin(found[left], found[right])


def _beside(found: Sequence[Word], index: int, step: int) -> tuple[int | None, str]:
    """The next word of the sentence that is no article or preposition, and the preposition passed over."""
    link = ""
    for _ in range(_LINKS_BETWEEN):
        if step > 0 and index + 1 < len(found) and found[index + 1].opens:
            return None, link
        if step < 0 and found[index].opens:
            return None, link
        index += step
        if not 0 <= index < len(found):
            return None, link
        word = found[index].fold
        if word not in _LINKS:
            return index, link
        link = _LINKS[word] or link
    return None, link


def _run(found: Sequence[Word], index: int) -> range:
    """The adjacent capitalised words around one of them: `Tanaka Giichi`, `K. V. Rodzaevsky`."""
    first = last = index
    while (
        first > 0
        and index - first < _LONGEST_RUN
        and not found[first].opens
        and _adjoin(found[first - 1], found[first])
    ):
        first -= 1
    while (
        last + 1 < len(found)
        and last - index < _LONGEST_RUN
        and not found[last + 1].opens
        and _adjoin(found[last], found[last + 1])
    ):
        last += 1
    return range(first, last + 1)


def _adjoin(left: Word, right: Word) -> bool:
    return (
        right.start - left.end <= _GAP and left.capital and right.capital and not is_function_word(left.fold)
    )


def _same(found: Sequence[Word], run: Sequence[int], other: Sequence[Word], own: Names) -> bool:
    """Whether the other name is in the claim too, or is likely this one in another spelling."""
    if any(own.carries(word.fold) for word in other):
        return True
    mine = spelling.sound("".join(found[at].fold for at in run)[:_LONGEST_NAME])
    theirs = spelling.sound("".join(word.fold for word in other)[:_LONGEST_NAME])
    return SequenceMatcher(None, mine, theirs).ratio() >= _ALIKE


def faults(claim: str, cited: str, others: Sequence[str], language: Language) -> Iterator[Fault]:
    """The names of a cleaned claim that the cited text doesn't carry and `others` may not supply.

    `others` are the context and the question. The claim may have its dates blanked, so that
    their months are not taken for names.
    """
    found = words(claim)
    cited_words = words(cited)
    evidence = Names(cited, cited_words)
    in_long_form = {
        at
        for start, end, short in spelling.phrases(claim.casefold())
        if evidence.carries(short)
        for at in range(start, end)
    }
    doubtful = [
        index
        for index, word in enumerate(found)
        if is_candidate(word, language)
        and not evidence.carries(word.fold)
        and word.start not in in_long_form
        and not evidence.carries_run([found[at] for at in _run(found, index)], word)
    ]
    if not doubtful:
        return
    around = [Names(other, words(other)) for other in others]
    sure = frozenset(
        word.start for word in names(found, language, evidence.lower.union(*(each.lower for each in around)))
    )
    own = Names(claim, found)
    places = _Places(cited_words, language)
    missing = []
    for index in doubtful:
        word = found[index]
        supplied = any(other.carries(word.fold) for other in around)
        displaces = stands_for_name(word, language) and (
            places.other_name(found, _run(found, index), own)
            or (supplied and places.other_part(found, index, own, around))
        )
        if displaces or (word.start in sure and not supplied):
            missing.append(word)
    for first, last in _joined(missing):
        yield Fault("name", claim[first.start : last.end].removesuffix("'s"))


def _joined(missing: Sequence[Word]) -> list[tuple[Word, Word]]:
    spans: list[tuple[Word, Word]] = []
    for word in missing:
        if spans and _adjoin(spans[-1][1], word):
            spans[-1] = (spans[-1][0], word)
        else:
            spans.append((word, word))
    return spans
