"""Answers and passages as they are printed in a terminal."""

import json
import re
import textwrap
from collections.abc import Collection, Iterable, Iterator
from typing import Any

import click

from index.document import LOCATORS
from qa_service.answering.asides import SIDES
from qa_service.printable import printable

_WIDTH = 96
_CONTROLS = re.compile("[\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")

_REASONS = {
    "empty_index": "Nothing is indexed here yet: `qa index PATH` indexes a folder.",
    "no_relevant_passage": "The documents hold nothing about this.",
    "not_in_passages": "The documents do not say.",
    "unverifiable": "Nothing that was written could be verified against the documents.",
    "incomplete": "The answer broke off; what stands above is verified, but it is not the whole.",
    "partly_not_in_passages": "The documents do not say everything that was asked.",
}
_SUPPORT = {
    "verbatim": "quoted word for word",
    "guards": "words, names, numbers and dates checked",
    "numbers_and_dates": "numbers and dates checked",
    "model": "read against its source by a second opinion",
}


def answer_lines(events: Iterable[tuple[str, dict[str, Any]]]) -> Iterator[str]:
    """The lines of an answer, the claims as soon as they come, then the citations.

    Where documents disagree, each that does stands by itself with its citations.
    """
    before: dict[str, Any] | None = None
    shown: set[int] = set()
    for name, data in events:
        if name == "claim":
            if "side" in data:
                yield from _side(data, before)
                shown |= {citation["number"] for citation in data["citations"]}
            else:
                yield from [""] if before and "side" in before else []
                yield from _wrapped(_marked(data), indent="")
            before = data
        elif name == "done":
            yield from _end(data, shown)


def passage_lines(passages: Iterable[dict[str, Any]], *, with_scores: bool = True) -> Iterator[str]:
    """The lines of a search result."""
    for passage in passages:
        score = f"  {passage['score']:.2f}" if with_scores else ""
        yield f"{_title(str(passage['rank']) + '.', passage)}{score}  {printable(passage['source'])}"
        yield from _quoted(passage["text"])
        yield ""


def json_text(value: object) -> str:
    """JSON for people, in which what would drive a terminal is escaped."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    return _CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _marked(claim: dict[str, Any]) -> str:
    marks = " ".join(f"[{citation['number']}]" for citation in claim["citations"])
    return f"{claim['text']} {marks}"


def _side(claim: dict[str, Any], before: dict[str, Any] | None) -> Iterator[str]:
    """A claim of one side of a conflict; each document of the other side speaks for itself."""
    side = before.get("side") if before else None
    if side != claim["side"] or (side != "a" and _documents(claim) != _documents(before)):
        yield from [""] if before else []
        yield click.style(SIDES[claim["side"]].strip(), fg="yellow")
    yield from _wrapped(_marked(claim), indent="    ")
    for citation in claim["citations"]:
        yield from _cited(citation, said=claim["text"], indent="    ")


def _documents(claim: dict[str, Any] | None) -> set[str]:
    return {citation["document_id"] for citation in claim["citations"]} if claim else set()


def _end(answer: dict[str, Any], shown: Collection[int]) -> Iterator[str]:
    """What follows the claims; citations that were shown with their claim are left out."""
    if reason := answer.get("reason"):
        yield click.style(_REASONS.get(reason, reason), fg="yellow")
    for missing in answer["missing"]:
        yield from _wrapped(f"Missing: {missing}", indent="")
    if answer["status"] == "abstained":
        if answer["passages"]:
            # A score beside what does not answer would read as if it nearly did.
            yield "The nearest passages:"
            yield ""
            yield from passage_lines(answer["passages"][:3], with_scores=False)
        return
    if left := [citation for citation in answer["citations"] if citation["number"] not in shown]:
        yield ""
        for citation in left:
            yield from _cited(citation)
    methods = {claim["support"]["method"] for claim in answer["claims"]}
    checked = "; ".join(_SUPPORT.get(method, method) for method in sorted(methods))
    yield ""
    yield click.style(
        f"{printable(answer['model'])} · {checked} · {answer['timings_ms']['total']:.0f} ms", dim=True
    )


def _cited(citation: dict[str, Any], *, said: str = "", indent: str = "") -> Iterator[str]:
    """Where a citation points, and what it quotes unless that has just been said."""
    span = citation["span"]
    place = f"{printable(citation['source'])}:{span['start']}-{span['end']}"
    yield f"{indent}{_title('[' + str(citation['number']) + ']', citation)}  {place}"
    if citation["quote"].split() != said.split():
        yield from _quoted(citation["quote"], indent=f"{indent}    ")


def _title(number: str, place: dict[str, Any]) -> str:
    counted = "".join(f", {locator} {place[locator]}" for locator in LOCATORS if locator in place)
    return click.style(f"{number} {printable(place['title'])}{counted}", bold=True)


def _quoted(text: str, *, indent: str = "    ") -> Iterator[str]:
    yield from _wrapped(f"“{' '.join(text.split())}”", indent=indent)


def _wrapped(text: str, *, indent: str) -> Iterator[str]:
    yield from textwrap.wrap(printable(text), _WIDTH, initial_indent=indent, subsequent_indent=indent)
