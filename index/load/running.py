"""Running heads and feet: the lines that the pages of a document begin or end with.

They say what the document is and which page this is, again and again, and stand in the middle of sentences
that go on over the page. So they are left out before the text is frozen. Leaving them in the text, but out
of its blocks, would part those sentences: a sentence is one stretch of the text.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

_MOST_LINES = 4  # at one edge of a page

_NUMBER = re.compile(r"\d+")
_MOST_DIGITS = 18
# In a line whose numbers are all 0: nothing but numbers; a word for a page; "3 of 12" in other words.
_PAGE_NUMBER = re.compile(
    r"[\W\d_]*"
    r"|.*\b(?:pages?|seiten?|página|pagina|sida|side|strana|strona|oldal|sivu|bladzijde|sayfa|стр|страница"
    r"|сторінка|σελίδα)\b.*"
    r"|.*\b(?:pp?|pg|s|págs?|pag|str|blz|с|стор|σελ)\b\.?\s*0.*"
    r"|.*\b0\s*(?:/|of|von|de|di|van|av|z|из|з)\s*0\b.*",
    re.IGNORECASE,
)
_TITLE_WORDS = 3  # a title of so many words may have the page's number beside it without such a sign


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a line stands: its page, and its place from the edge, both counted from 0."""

    page: int
    line: int
    numbers: tuple[int, ...]


def running(edges: Sequence[Sequence[str]]) -> list[int]:
    """How many lines at the edge of each page are a running head, given its lines from there inwards.

    A running head is on most pages, or on every second one or more in a stretch of pages. Its words are the
    same on all of them, and its numbers too but for the one that counts the pages. "Chapter 1" and
    "Chapter 2" are none. If most pages consist of nothing else, there is none.
    """
    places: defaultdict[str, list[_Place]] = defaultdict(list)
    for page, lines in enumerate(edges):
        for number, line in enumerate(lines[:_MOST_LINES]):
            numbers = tuple(int(digits[-_MOST_DIGITS:]) for digits in _NUMBER.findall(line))
            places[_NUMBER.sub("0", line)].append(_Place(page, number, numbers))
    heads = {
        (place.page, place.line)
        for words, found in places.items()
        for place in _repeated(words, found, len(edges))
    }
    counts = [_stretch(page, len(lines), heads) for page, lines in enumerate(edges)]
    emptied = sum(0 < count == len(lines) for count, lines in zip(counts, edges, strict=True))
    return counts if emptied * 2 <= len(counts) else [0] * len(counts)


def _stretch(page: int, lines: int, heads: set[tuple[int, int]]) -> int:
    count = 0
    while count < lines and (page, count) in heads:
        count += 1
    return count


def _repeated(words: str, places: Sequence[_Place], pages: int) -> Sequence[_Place]:
    """Those of `places` at which a running head of `words` stands."""
    fixed = [
        Counter(values).most_common(1)[0][0] for values in zip(*(it.numbers for it in places), strict=True)
    ]
    first = [
        Counter(values).most_common(1)[0][0]
        for values in zip(*([number - it.page for number in it.numbers] for it in places), strict=True)
    ]
    may_count = _PAGE_NUMBER.fullmatch(words) is not None or len(words.split()) > _TITLE_WORDS
    fitting = [
        place
        for place in places
        if all(
            number == same or (may_count and number == start + place.page)
            for number, same, start in zip(place.numbers, fixed, first, strict=True)
        )
    ]
    on = {place.page for place in fitting}
    if len(on) < 2:
        return ()
    is_on_most = len(on) * 2 > pages
    is_in_stretch = len(on) > 2 and len(on) * 2 >= max(on) - min(on) + 1
    return fitting if is_on_most or is_in_stretch else ()
