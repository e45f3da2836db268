"""Deterministic guards: what in a claim does its cited text not carry?

`check` compares one claim sentence with the text it cites. It finds altered numbers, dates and names, a
denial added or left out, and claims that are made up as a whole. It says nothing about the truth of the text.

| kind     | the cited text | its context (neighbours, title, headings)      | the question                |
|----------|----------------|------------------------------------------------|-----------------------------|
| number   | carries        | never                                          | never                       |
| date     | carries        | fills in a year or day that is left open       | never                       |
| name     | carries        | where the cited text has no other name instead | as the context              |
| negation | decides        | never                                          | never                       |
| opposite | decides        | never                                          | never                       |
| overlap  | counts         | counts                                         | its terms count neither way |

When the claim is in another language than the cited text, only numbers, dates, and names that the claim
leaves in a foreign script are compared.
"""

from collections.abc import Iterator, Sequence

from index.language import comparable, language
from qa_service.guards import dates, names, negation, numbers, opposites, overlap, powers
from qa_service.guards.fault import Fault, Kind
from qa_service.guards.moments import BLANK, Mention, moments
from qa_service.guards.numerals import roman
from qa_service.guards.quantities import quantities
from qa_service.guards.text import clean, note_marks, words

__all__ = ["Fault", "Kind", "check"]


def check(claim: str, cited: str, *, context: str = "", question: str = "") -> tuple[Fault, ...]:
    """What the claim says and the cited text does not carry; empty when nothing was found.

    `cited` is the text of the cited sentences, joined; `context` their neighbours with the title and headings
    above them; `question` the user's words. Deterministic, in time linear in the claim's length for a given
    evidence.
    """
    notes = note_marks(cited)
    found = list(powers.faults(claim, cited))
    claim, cited, context, question = clean(claim), clean(cited), clean(context), clean(question)
    spoken, written = language(claim), language(cited)
    told, claim_rest = moments(claim, spoken)
    given, cited_rest = moments(cited, written)
    counted = quantities(cited_rest, written)
    evidence = numbers.Evidence(cited, counted, given, notes)
    found += numbers.faults(
        claim_rest, quantities(claim_rest, spoken), evidence, f"{context}\n{question}".casefold()
    )
    if told:
        found += _dates(told, dates.calendar(cited, given, written), context, evidence.whole_numbers)
    if comparable(spoken, written):
        found += names.faults(claim_rest, cited, (context, question), spoken)
        found += negation.faults(negation.clauses(claim, spoken), negation.clauses(cited, written))
        found += opposites.faults(claim, cited)
        found += overlap.faults(claim_rest.replace(BLANK, " "), cited, context, question)
    elif spoken in ("ru", "other"):
        found += _names_in_latin_letters(claim_rest, (cited, context, question))
    return tuple(dict.fromkeys(found))


def _dates(
    told: Sequence[Mention], cited: dates.Calendar, context: str, counted: frozenset[int]
) -> Iterator[Fault]:
    doubtful = dates.missing(told, cited, dates.NOTHING, counted)
    if doubtful:  # reading the context is most of the work
        written = language(context)
        around, _ = moments(context, written)
        doubtful = dates.missing(doubtful, cited, dates.calendar(context, around, written), counted)
    for mention in doubtful:
        yield Fault("date", mention.text)


def _names_in_latin_letters(claim: str, texts: Sequence[str]) -> Iterator[Fault]:
    """The Latin names in a claim of another script: as they were left, they must be in one of the texts."""
    latin = [word for word in words(claim) if word.text[0] < "\u0250" and word.capital and len(word.text) > 1]
    known = [names.Names(text, words(text)) for text in texts] if latin else []
    for word in latin:
        if roman(word.text) is None and not any(text.carries(word.fold) for text in known):
            yield Fault("name", word.text)
