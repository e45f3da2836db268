"""A corpus that is generated from a seed: plain statements of fact, and questions that they answer."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from index.upload import Upload

_PLACES = (
    "Aldermoor", "Brackwell", "Carnforth", "Dunmere", "Eastholm", "Farrowby", "Glenside", "Harwick", "Inverloch",
    "Kestrel Bay", "Langford", "Marrowick", "Northgate", "Oakhaven", "Penmarsh", "Quarrington", "Ravensby",
    "Saltmarsh", "Thornbury", "Underhill", "Vinehall", "Westerley", "Yarrowdale",
)  # fmt: skip
_BODIES = (
    "harbour office", "public library", "district hospital", "tram company", "water board", "fire brigade",
    "weather station", "grain cooperative", "botanical garden", "ferry line", "museum", "primary school",
    "power plant", "post office", "city archive", "fish market", "observatory", "paper mill",
)  # fmt: skip
_THINGS = (
    "crates of salt", "monthly tickets", "wooden benches", "oak saplings", "water meters", "fire hoses",
    "storm lamps", "sacks of barley", "paintings", "life jackets", "textbooks", "steel cables", "parcels",
    "maps of the coast", "barrels of oil", "lenses", "rolls of paper", "bicycles",
)  # fmt: skip
_VERBS = ("bought", "repaired", "sold", "counted", "stored", "replaced", "insured", "inspected")
_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip

_SENTENCES_A_PARAGRAPH = 6
_SENTENCES_A_DOCUMENT = 240


@dataclass(frozen=True, slots=True)
class Fact:
    """A sentence and a question that it answers."""

    sentence: str
    question: str


def facts(count: int, *, seed: int = 0) -> list[Fact]:
    """Facts of which no two are the same; equal seeds give equal facts."""
    choose = random.Random(seed)  # noqa: S311 - no secret hangs on it
    found: dict[str, Fact] = {}
    while len(found) < count:
        body, place, verb = choose.choice(_BODIES), choose.choice(_PLACES), choose.choice(_VERBS)
        thing, month, year = choose.choice(_THINGS), choose.choice(_MONTHS), choose.randint(1921, 2024)
        when = f"in {month} {year}"
        sentence = f"The {body} of {place} {verb} {choose.randint(12, 980)} {thing} {when}."
        question = f"How many {thing} were {verb} by the {body} of {place} {when}?"
        found.setdefault(question, Fact(sentence, question))
    return list(found.values())


def uploads(known: Sequence[Fact], *, seed: int = 0) -> Iterator[Upload]:
    """Documents without end, each of 240 sentences that are drawn from the facts."""
    choose = random.Random(seed)  # noqa: S311 - no secret hangs on it
    number = 0
    while True:
        number += 1
        sentences = [fact.sentence for fact in choose.choices(known, k=_SENTENCES_A_DOCUMENT)]
        paragraphs = (
            " ".join(sentences[at : at + _SENTENCES_A_PARAGRAPH])
            for at in range(0, len(sentences), _SENTENCES_A_PARAGRAPH)
        )
        name = f"record-{number:05}.txt"
        yield Upload(name, name, "\n\n".join(paragraphs).encode())
