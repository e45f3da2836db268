"""Answers and passages as they are printed in a terminal."""

import json
import re
import textwrap
from collections.abc import Iterable, Iterator
from typing import Any

import click

from index.document import LOCATORS
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
    """The lines of an answer, the claims as soon as they come, then the citations."""
    for name, data in events:
        if name == "claim":
            yield from _claim(data)
        elif name == "done":
            yield from _end(data)


def passage_lines(passages: Iterable[dict[str, Any]]) -> Iterator[str]:
    """The lines of a search result."""
    for passage in passages:
        place = f"{passage['score']:.2f}  {printable(passage['source'])}"
        yield f"{_title(str(passage['rank']) + '.', passage)}  {place}"
        yield from _quoted(passage["text"])
        yield ""


def json_text(value: object) -> str:
    """JSON for people, in which what would drive a terminal is escaped."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    return _CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _claim(claim: dict[str, Any]) -> Iterator[str]:
    numbers = " ".join(f"[{citation['number']}]" for citation in claim["citations"])
    side = f"({claim['side']}) " if "side" in claim else ""
    yield from _wrapped(f"{side}{claim['text']} {numbers}", indent="")


def _end(answer: dict[str, Any]) -> Iterator[str]:
    if reason := answer.get("reason"):
        yield click.style(_REASONS.get(reason, reason), fg="yellow")
    for missing in answer["missing"]:
        yield from _wrapped(f"Missing: {missing}", indent="")
    if answer["status"] == "abstained":
        if answer["passages"]:
            yield "The nearest passages:"
            yield ""
            yield from passage_lines(answer["passages"][:3])
        return
    if answer["status"] == "conflict":
        yield click.style("The documents disagree.", fg="yellow")
    yield ""
    for citation in answer["citations"]:
        span = citation["span"]
        place = f"{printable(citation['source'])}:{span['start']}-{span['end']}"
        yield f"{_title('[' + str(citation['number']) + ']', citation)}  {place}"
        yield from _quoted(citation["quote"])
    methods = {claim["support"]["method"] for claim in answer["claims"]}
    checked = "; ".join(_SUPPORT.get(method, method) for method in sorted(methods))
    yield ""
    yield click.style(
        f"{printable(answer['model'])} · {checked} · {answer['timings_ms']['total']:.0f} ms", dim=True
    )


def _title(number: str, place: dict[str, Any]) -> str:
    counted = "".join(f", {locator} {place[locator]}" for locator in LOCATORS if locator in place)
    return click.style(f"{number} {printable(place['title'])}{counted}", bold=True)


def _quoted(text: str) -> Iterator[str]:
    yield from _wrapped(f"“{' '.join(text.split())}”", indent="    ")


def _wrapped(text: str, *, indent: str) -> Iterator[str]:
    yield from textwrap.wrap(printable(text), _WIDTH, initial_indent=indent, subsequent_indent=indent)
