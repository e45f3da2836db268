"""The sentences that a claim cites: which of those that were named, which beside them, and as which spans."""

import re
from collections.abc import Iterator, Sequence

from index.document import Passage, Span
from index.language import comparable, language
from index.terms import content_terms
from qa_service.answering.protocol import Offered

_LOOK_BACK = 2
# Words that stand for something that another sentence names.
_PRONOUNS = """
    he him his she her hers it its they them their theirs this that these those such both former latter
    er ihm ihn sein seine seiner seinem seinen sie ihr ihre ihrer ihrem ihren es dies diese dieser dieses
    он его ему им она её ее ей оно они их ими это этот эта эти этого этой такой такие оба
    il elle ils elles ce cet cette ces son sa ses leur leurs él ella ellos ellas este esta estos estas su sus
    """
_PRONOUN = re.compile(rf"\b(?:{'|'.join(_PRONOUNS.split())})\b", re.IGNORECASE)
_BEGINS_WITH_PRONOUN = re.compile(rf"\W*{_PRONOUN.pattern}", re.IGNORECASE)


def narrowed(claim: str, found: Sequence[Offered]) -> list[Offered]:
    """Those sentences without which the claim would lose words; all of them where that can't be told.

    It can't where the claim is in another language than the text, or has a pronoun: then a sentence may be
    needed although it shares no word with the claim.
    """
    texts = [offered.sentence.text for offered in found]
    if _PRONOUN.search(claim) or not comparable(language(claim), language(" ".join(texts))):
        return list(found)
    said = set(content_terms(claim))
    shared = [said & set(content_terms(text)) for text in texts]
    kept = set(range(len(found)))
    for at in sorted(kept, key=lambda at: len(shared[at])):
        rest = kept - {at}
        if rest and shared[at] <= set().union(*(shared[other] for other in rest)):
            kept = rest
    return [found[at] for at in sorted(kept)]


def widened(claim: str, found: Sequence[Offered]) -> list[Offered]:
    """The sentences, and for each that begins with a pronoun the one before it that names what is meant.

    That is the nearest of those before it that holds a word of the claim which no sentence given holds.
    """
    lacking = set(content_terms(claim))
    for offered in found:
        lacking -= set(content_terms(offered.sentence.text))
    wider = list(found)
    for offered in found:
        if _BEGINS_WITH_PRONOUN.match(offered.sentence.text):
            named = _named_before(offered, lacking)
            wider += [named] if named and named not in wider else []
    return wider


def _named_before(offered: Offered, lacking: set[str]) -> Offered | None:
    for back in range(1, min(_LOOK_BACK, offered.index) + 1):
        before = Offered(offered.passage, offered.index - back)
        if lacking & set(content_terms(before.sentence.text)):
            return before
    return None


def runs(found: Sequence[Offered]) -> Iterator[tuple[Passage, Span]]:
    """A span for each run of neighbouring sentences, passage by passage in the order they are named in."""
    places: dict[int, tuple[Passage, set[int]]] = {}
    for offered in found:
        places.setdefault(offered.passage.rank, (offered.passage, set()))[1].add(offered.index)
    for passage, named in places.values():
        first = last = min(named)
        for at in sorted(named):
            if at > last + 1:
                yield passage, _span(passage, first, last)
                first = at
            last = at
        yield passage, _span(passage, first, last)


def context(found: Sequence[Offered]) -> str:
    """What stands beside the sentences: their neighbours, and the titles and headings above them."""
    parts: list[str] = []
    for offered in found:
        passage, at = offered.passage, offered.index
        parts += (passage.title, *passage.headings)
        parts += (sentence.text for sentence in passage.sentences[max(0, at - 1) : at + 2])
    return " \n".join(dict.fromkeys(parts))


def _span(passage: Passage, first: int, last: int) -> Span:
    return Span(passage.sentences[first].span.start, passage.sentences[last].span.end)
