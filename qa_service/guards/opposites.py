"""Does a claim say the opposite of its cited text in words that are no negation?

Four kinds are seen: a prefix that denies (`unsafe` and `safe`), a report of a denial (`denied that it leaks`), a
bound turned round (`at least 40` and `at most 40`), and a change turned round (`from 10 to 12` and `from 12 to 10`).
Opposites that only a dictionary tells (`higher`, `lower`), and who did what to whom, are not.
"""

import re
from collections.abc import Iterator

from index.terms import content_terms
from qa_service.guards.fault import Fault
from qa_service.guards.text import vocabulary

# `in`, `im` and `dis` begin too many words that deny nothing (`inform`, `import`, `discover`): here whole words stand.
_PREFIX = re.compile(r"\b(?:un|non-?|il(?=l)|ir(?=r)|не)(?P<root>[^\W\d_]{4,})\b")
_DENYING = vocabulary("""
    impossible imperfect improper immature immobile impractical impermissible incorrect incomplete invalid
    inaccurate insufficient inactive inadequate inappropriate ineligible ineffective inefficient informal
    inaccessible invisible incapable incompatible indirect insecure inconsistent inexpensive infrequent
    disagree disagreed disagrees disallow disallowed disapprove disapproved disqualified disconnected dishonest
    dislike disliked disloyal disproportionate
    """)
_LETTERS = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_NEGATED = re.compile(
    r"\b(?:not|no|never|without|neither|nor|hardly|cannot|\w+n't|nicht|kein\w*|nie|ohne|weder|не|нет|без|ни)\b",
    re.IGNORECASE,
)
_CLAUSE = re.compile(r"[.;:!?\n]|,\s|\s(?:but|and|while|whereas|aber|und|sondern|но|а|и)\s")

_REPORTED = re.compile(
    r"\b(?:den(?:y|ies|ied|ying)|disput(?:e|es|ed|ing)|refut(?:e|es|ed|ing)|disprov(?:e|es|ed|ing)"
    r"|bestreite[nt]|bestritt(?:en)?|leugne(?:n|t|te|ten)|geleugnet|dementier(?:t|te|ten|en)|widerleg(?:t|te|ten|en)"
    r"|отрица(?:ет|ют|л|ла|ли)|опроверг(?:ает|ают|ла|ли)?)\b,?\s+(?:that|dass|daß|что)\s(?P<what>[^.;!?\n]{1,300})",
    re.IGNORECASE,
)
_ENOUGH = 0.6  # of the claim's terms

_NUMBER = r"(?P<number>\d+(?:[.,\u00a0 ]\d+)*)"
_UPPER = re.compile(
    r"(?<!no )(?<!not )(?<!nicht )(?<!не )\b(?:no more than|not more than|at most|up to|a maximum of"
    r"|fewer than|less than|not exceed(?:ing)?|under|below"
    r"|höchstens|maximal|bis zu|weniger als|nicht mehr als|unter|не более(?: чем)?|не больше(?: чем)?|менее(?: чем)?"
    rf"|максимум)\s+{_NUMBER}",
    re.IGNORECASE,
)
_LOWER = re.compile(
    r"(?<!no )(?<!not )(?<!nicht )(?<!не )\b(?:no (?:fewer|less) than|not less than|at least|a minimum of|more than"
    r"|over|above|exceed(?:s|ed|ing)?|mindestens|mehr als|nicht weniger als|über|не менее(?: чем)?|не меньше(?: чем)?"
    rf"|более(?: чем)?|свыше|минимум)\s+{_NUMBER}",
    re.IGNORECASE,
)
_CHANGE = re.compile(
    r"\b(?:from|von|с|со|от)\s+[^\d\s]{0,3}(?P<first>\d+(?:[.,\u00a0]\d+)*)[^.;\n]{0,30}?"
    r"\s(?:to|auf|bis|до)\s+[^\d\s]{0,3}(?P<last>\d+(?:[.,\u00a0]\d+)*)",
    re.IGNORECASE,
)


def faults(claim: str, cited: str) -> Iterator[Fault]:
    """The opposites of the cited text in a claim of the same language, both cleaned."""
    yield from _prefixes(claim, cited)
    yield from _reported(claim, cited)
    yield from _bounds(claim, cited)
    yield from _changes(claim, cited)


def _prefixes(claim: str, cited: str) -> Iterator[Fault]:
    said, given = _words(claim), _words(cited)
    added = {word: root for word in said - given if (root := _root(word)) in given - said}
    removed = {word: root for word in given - said if (root := _root(word)) in said - given}
    if not (added or removed):
        return
    unsaid, ungiven = _denied(claim), _denied(cited)
    for word, root in added.items():
        if root not in ungiven and word not in unsaid:
            yield Fault("negation", word)
    for word, root in removed.items():
        if root not in unsaid and word not in ungiven:
            yield Fault("negation", root)


def _words(text: str) -> set[str]:
    return {match[0].casefold() for match in _LETTERS.finditer(text)}


def _root(word: str) -> str:
    """The word without a prefix that denies; empty where it has none."""
    if word in _DENYING:
        return re.sub("^(?:in|im|dis)", "", word)
    match = _PREFIX.fullmatch(word)
    return match["root"] if match else ""


def _denied(text: str) -> set[str]:
    """The words of the clauses that have a negation."""
    return set().union(*(_words(clause) for clause in _CLAUSE.split(text) if _NEGATED.search(clause)))


def _reported(claim: str, cited: str) -> Iterator[Fault]:
    """What the text says that somebody denied, claimed as so."""
    denials = list(_REPORTED.finditer(cited))
    if not denials or _REPORTED.search(claim) or _NEGATED.search(claim):
        return
    said = set(content_terms(claim))
    elsewhere = set(content_terms(_REPORTED.sub(" ", cited)))
    for match in denials:
        shared = said & set(content_terms(match["what"]))
        if said and len(shared) >= _ENOUGH * len(said) and not shared <= elsewhere:
            yield Fault("negation", match[0])


def _bounds(claim: str, cited: str) -> Iterator[Fault]:
    upper, lower = _bounded(_UPPER, cited), _bounded(_LOWER, cited)
    for pattern, same, opposite in ((_UPPER, upper, lower), (_LOWER, lower, upper)):
        for number in _bounded(pattern, claim) & (opposite - same):
            yield Fault("number", number)


def _bounded(pattern: re.Pattern[str], text: str) -> set[str]:
    return {_plain(match["number"]) for match in pattern.finditer(text)}


def _changes(claim: str, cited: str) -> Iterator[Fault]:
    given = _ends(cited)
    for first, last in _ends(claim):
        if (last, first) in given and (first, last) not in given:
            yield Fault("number", f"{first} to {last}")


def _ends(text: str) -> set[tuple[str, str]]:
    found = ((_plain(match["first"]), _plain(match["last"])) for match in _CHANGE.finditer(text))
    return {(first, last) for first, last in found if first != last}


def _plain(number: str) -> str:
    return re.sub("[,\u00a0 ]", "", number)
