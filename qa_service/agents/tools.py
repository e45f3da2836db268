"""What agents are offered: the tools with their schemas, and their results as prose and as JSON."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, NotRequired
from urllib.parse import urljoin

from pydantic import TypeAdapter
from typing_extensions import TypedDict

from index.document import LOCATORS
from qa_service.access.keys import Scope
from qa_service.answering.answer import Reason, Status
from qa_service.answering.asides import NOTES, SIDES
from qa_service.plain import clean, defuse
from qa_service.requests import AskRequest, Request, SearchRequest
from qa_service.responses import Citation, Claim, Id, Passages, closed
from qa_service.wire import JSON

_NOISE = (
    "title",
    "default",
)  # a model that is told the usual collection names it, where its key may have another
_FIELDS: Mapping[str, str] = {
    "question": "The question, in whole words and any language; it is understood without what was said before.",
    "query": "What to search for: a question, or words that the passages should hold.",
    "collection": "The name of the collection of documents. Leave it out for the usual one.",
    "k": "How many passages to find, or to answer from.",
    "filter": (
        "Keep the documents that have one of the given values for each given name: of their metadata, or "
        '`document_id`, `source` or `title`. For example {"team": ["hr", "it"]}.'
    ),
}


@closed
class Asked(TypedDict):
    """The result of `ask`: an answer without its passages."""

    id: Id
    status: Status
    reason: NotRequired[Reason]
    failure: NotRequired[str]
    text: str
    claims: list[Claim]
    citations: list[Citation]
    missing: list[str]
    model: str


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool, and the scope that a key must have for it."""

    name: Scope
    title: str
    description: str
    request: type[Request]
    result: type

    @property
    def input_schema(self) -> JSON:
        """The JSON schema of its arguments."""
        return _of_request(self.request)

    @property
    def output_schema(self) -> JSON:
        """The JSON schema of its result."""
        return _of_result(self.result)


@dataclass(frozen=True, slots=True)
class Said:
    """The result of a call: prose, and the same as JSON; without JSON it is what went wrong."""

    text: str
    data: JSON | None = None


@cache
def _of_result(result: type) -> JSON:
    return TypeAdapter(result).json_schema()


@cache
def _of_request(request: type[Request]) -> JSON:
    schema = request.model_json_schema()
    properties = {
        name: {
            **{key: value for key, value in field.items() if key not in _NOISE},
            "description": _FIELDS[name],
        }
        for name, field in schema["properties"].items()
    }
    return {
        "type": "object",
        "properties": properties,
        "required": schema["required"],
        "additionalProperties": False,
    }


ASK = Tool(
    "ask",
    "Ask the documents",
    (
        "Answer a question from the documents of this service. Every claim carries the numbers of its sources, "
        "[1] [2], and each source has the exact quote, its document's title and an address. Where the documents "
        "do not hold the answer the status is `abstained`, or `partial` where they hold a part of it; where they "
        "disagree it is `conflict`, and both sides are given. It does not guess."
    ),
    AskRequest,
    Asked,
)
SEARCH = Tool(
    "search",
    "Search the documents",
    (
        "Find the passages of the documents of this service that are nearest to a query, best first, by meaning "
        "and by words, across languages. It finds something whether or not the documents hold an answer: "
        "`ask` judges that."
    ),
    SearchRequest,
    Passages,
)
TOOLS = (ASK, SEARCH)


def answered(answer: JSON, *, site: str) -> Said:
    """The result of `ask`: the answer as it is sent over HTTP, without its passages; addresses are below `site`."""
    citations = [_absolute(each, site) for each in answer["citations"]]
    kept = Asked.__required_keys__ | Asked.__optional_keys__
    data = {name: value for name, value in answer.items() if name in kept} | {"citations": citations}
    parts = [_claims(answer["claims"])]
    if "reason" in answer:
        head = "There is no answer." if answer["status"] == "abstained" else "This is not the whole answer."
        parts.append(f"{head} {NOTES[answer['reason']]}")
    parts += [f"Missing: {clean(each)}" for each in answer["missing"]]
    if citations:
        parts.append("Sources:\n" + "\n".join(map(_source, citations)))
    return Said("\n\n".join(filter(None, parts)), data)


def found(passages: list[JSON], *, site: str) -> Said:
    """The result of `search`."""
    placed = [_absolute(each, site) for each in passages]
    text = "\n\n".join(
        f"[{each['rank']}] {_title(each)}: {each['url']}\n{_lines(each['text'])}" for each in placed
    )
    return Said(
        text or "No passage was found: there are no documents here, or the filter keeps none.",
        {"passages": placed},
    )


def _lines(text: str) -> str:
    """A passage's text line by line, since a table is read so."""
    return "\n".join(filter(None, map(defuse, text.splitlines())))


def _claims(claims: list[JSON]) -> str:
    lines, before = [], None
    for claim in claims:
        side = claim.get("side")
        said = SIDES[side] if side and side != before else ""
        before = side
        marks = " ".join(f"[{number}]" for number in claim["citations"])
        lines.append(f"{said}{claim['text']} {marks}{_doubt(claim['support']['verdict'])}")
    return "\n".join(lines)


def _doubt(verdict: str) -> str:
    return "" if verdict == "supported" else f" (support: {verdict})"


def _source(citation: JSON) -> str:
    return f"[{citation['number']}] “{defuse(citation['quote'])}” – {_title(citation)}: {citation['url']}"


def _title(place: JSON) -> str:
    return clean(place["title"]) + "".join(f", {name} {place[name]}" for name in LOCATORS if name in place)


def _absolute(place: JSON, site: str) -> Any:
    return {**place, "url": urljoin(site, place["url"])}
