"""Answers and passages as they are printed in a terminal."""

import textwrap
from collections.abc import Iterable, Iterator
from typing import Any

import click

_WIDTH = 96

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
        place = f", page {passage['page']}" if "page" in passage else ""
        yield click.style(f"{passage['rank']}. {passage['title']}{place}", bold=True) + (
            f"  {passage['score']:.2f}  {passage['source']}"
        )
        yield from _quoted(passage["text"])
        yield ""


def _claim(claim: dict[str, Any]) -> Iterator[str]:
    numbers = " ".join(f"[{citation['number']}]" for citation in claim["citations"])
    side = f"({claim['side']}) " if "side" in claim else ""
    yield from _wrapped(f"{side}{claim['text']} {numbers}", indent="")


def _end(answer: dict[str, Any]) -> Iterator[str]:
    if reason := answer.get("reason"):
        yield click.style(_REASONS[reason], fg="yellow")
    for missing in answer["missing"]:
        yield from _wrapped(f"Missing: {missing}", indent="")
    if answer["status"] == "abstained" and answer["passages"]:
        yield "The nearest passages:"
        yield ""
        yield from passage_lines(answer["passages"][:3])
        return
    if answer["status"] == "conflict":
        yield click.style("The documents disagree.", fg="yellow")
    yield ""
    for citation in answer["citations"]:
        page = f", page {citation['page']}" if "page" in citation else ""
        span = citation["span"]
        yield click.style(f"[{citation['number']}] {citation['title']}{page}", bold=True) + (
            f"  {citation['source']}:{span['start']}-{span['end']}"
        )
        yield from _quoted(citation["quote"])
    methods = {claim["support"]["method"] for claim in answer["claims"]}
    checked = "; ".join(_SUPPORT[method] for method in sorted(methods))
    yield ""
    yield click.style(f"{answer['model']} · {checked} · {answer['timings_ms']['total']:.0f} ms", dim=True)


def _quoted(text: str) -> Iterator[str]:
    yield from _wrapped(f"“{' '.join(text.split())}”", indent="    ")


def _wrapped(text: str, *, indent: str) -> Iterator[str]:
    yield from textwrap.wrap(_printable(text), _WIDTH, initial_indent=indent, subsequent_indent=indent)


def _printable(text: str) -> str:
    """Without control characters: a document must not drive the terminal that it is quoted in."""
    return "".join(character for character in text if character.isprintable() or character == " ")
