"""Saved citations: whether they still point at what they quoted."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from index.catalog import Catalog, Stretch
from index.document import Span
from index.errors import NotFound

_LOOKED_THROUGH = 100_000_000
_CUT = 2  # citations of a document that the database cuts out: of a large text each takes about as long as the whole


@dataclass(frozen=True, slots=True)
class Saved:
    """A citation as a client has kept it: it may be of no document, and of no span of its text."""

    document_id: str
    span: Span
    quote: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What has become of a saved citation.

    `valid`: the text at the span is the quote. `changed`: it is another; where the quote stands in the text once,
    that is `moved_to`. `gone`: there is no such document. `sha256` is that of the text as it is now.
    """

    status: Literal["valid", "changed", "gone"]
    moved_to: Span | None = None
    sha256: str | None = None


def verdicts(
    saved: Sequence[Saved],
    catalog: Catalog,
    *,
    reaches: Callable[[str], bool],
    characters: int = _LOOKED_THROUGH,
) -> list[Verdict]:
    """What has become of citations, in their order; `reaches` says whether a collection is the caller's.

    The database cuts the spans out, of many documents at once. A whole text is read where several citations are of
    it, and where quotes that have moved are looked for: in at most so many `characters` altogether, since a
    request can name large texts, and each of them often. Each is read once and held alone.
    """
    by_document: defaultdict[str, list[int]] = defaultdict(list)
    for at, each in enumerate(saved):
        by_document[each.document_id].append(at)
    stretches = _stretches(saved, by_document.values(), catalog)
    found = [Verdict("gone")] * len(saved)
    for document_id, places in by_document.items():
        first = stretches[places[0]]
        if first is None or not reaches(first.collection):
            continue
        changed = []
        for at in places:
            stretch = stretches.get(at)
            if stretch and _is_valid(saved[at], stretch.text, stretch.characters):
                found[at] = Verdict("valid", None, stretch.sha256)
            else:
                found[at] = Verdict("changed", None, first.sha256)
                changed.append(at)
        if len(places) > _CUT or (changed and characters >= first.characters):
            in_text, characters = _in_text([saved[at] for at in changed], document_id, catalog, characters)
            for at, verdict in zip(changed, in_text, strict=True):
                found[at] = verdict
    return found


def _stretches(
    saved: Sequence[Saved], by_document: Iterable[list[int]], catalog: Catalog
) -> dict[int, Stretch | None]:
    """What stands at the spans of citations by their place: of each document all or, of several, one."""
    cut = [at for places in by_document for at in (places if len(places) <= _CUT else places[:1])]
    found = catalog.stretches([(saved[at].document_id, saved[at].span) for at in cut])
    return dict(zip(cut, found, strict=True))


def _in_text(
    saved: Sequence[Saved], document_id: str, catalog: Catalog, characters: int
) -> tuple[list[Verdict], int]:
    """What has become of citations of one document, and in how many `characters` more may be looked for quotes."""
    try:
        document = catalog.text(document_id)
    except NotFound:  # it has been deleted in this moment
        return [Verdict("gone")] * len(saved), characters
    found = []
    for each in saved:
        if _is_valid(each, each.span.of(document.text), len(document.text)):
            found.append(Verdict("valid", None, document.sha256))
            continue
        moved_to = None
        if len(document.text) <= characters:
            characters -= len(document.text)
            moved_to = _once(each.quote, document.text)
        found.append(Verdict("changed", moved_to, document.sha256))
    return found, characters


def _is_valid(saved: Saved, stretch: str, characters: int) -> bool:
    """Whether a stretch, at the span of a text of so many characters, is the quote."""
    return stretch == saved.quote and saved.span.end <= characters


def _once(quote: str, text: str) -> Span | None:
    """Where a quote stands, if it does so once."""
    at = text.find(quote)
    if at < 0 or text.find(quote, at + 1) >= 0:
        return None
    return Span(at, at + len(quote))
