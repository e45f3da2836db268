"""What a service answered, as recorded: read from its JSON, and measured without the service."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, TypeVar, get_args

from eval.errors import BadRecord
from eval.example import Example

Status = Literal["answered", "conflict", "partial", "abstained"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A half-open range `[start, end)` of Unicode code points in a canonical text."""

    start: int
    end: int

    def contains(self, other: "Span") -> bool:
        """Whether `other` lies wholly inside this span."""
        return self.start <= other.start and other.end <= self.end

    def overlaps(self, other: "Span") -> bool:
        """Whether the spans share a code point."""
        return self.start < other.end and other.start < self.end


@dataclass(frozen=True, slots=True)
class Citation:
    """From a claim to a span of a document; a service that tells no span or no quote leaves them None."""

    number: int
    document_id: str = ""
    source: str = ""
    span: Span | None = None
    quote: str | None = None
    chunk_id: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """One sentence of an answer with the numbers of its citations, and the side it takes in a conflict."""

    text: str
    citations: tuple[int, ...] = ()
    side: str | None = None


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk as it was retrieved; ranks count from 1."""

    rank: int
    text: str
    chunk_id: str = ""
    document_id: str = ""
    source: str = ""
    title: str = ""
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens and US dollars that an answer took; None where the service does not tell."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cost_usd: float | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A recorded answer. `status` is None where the service tells none; `timings_ms` is by stage."""

    status: Status | None = None
    reason: str | None = None
    claims: tuple[Claim, ...] = ()
    citations: tuple[Citation, ...] = ()
    passages: tuple[Passage, ...] = ()
    usage: Usage = Usage()
    timings_ms: Mapping[str, float] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The claims as one text, without markers."""
        return " ".join(claim.text for claim in self.claims)

    @property
    def abstained(self) -> bool | None:
        """Whether the service declined to answer; None where it tells no status."""
        return None if self.status is None else self.status == "abstained"


@dataclass(frozen=True)
class Record:
    """An example, what a service answered, and the canonical texts, by source, of what it cites."""

    example: Example
    answer: Answer
    texts: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def citations(self) -> Mapping[int, Citation]:
        """The citations by number; of several with one number, the first."""
        by_number: dict[int, Citation] = {}
        for citation in self.answer.citations:
            by_number.setdefault(citation.number, citation)
        return by_number

    def cited(self, claim: Claim) -> tuple[Citation | None, ...]:
        """The citations of a claim, each once, in its order; None for a number that there is not."""
        return tuple(self.citations.get(number) for number in dict.fromkeys(claim.citations))

    def passage(self, citation: Citation) -> Passage | None:
        """The passage of this answer that the citation lies in: by chunk, else by span, else by quote."""
        near = [each for each in self.answer.passages if _same_document(each, citation)]
        if citation.chunk_id and any(each.chunk_id for each in near):
            near = [each for each in near if each.chunk_id == citation.chunk_id]
        for each in near:
            if citation.span and each.span:
                if each.span.contains(citation.span):
                    return each
            elif citation.quote is None or citation.quote in each.text:
                return each
        return None

    def is_valid(self, citation: Citation | None) -> bool:
        """Whether the quote is the stored text of the span, and lies in a passage that this answer was given.

        Where the service tells no span, or the document's text is not at hand, the quote must be in the
        passage's text. A citation without a quote is not valid: there is nothing to check.
        """
        if citation is None or not citation.quote:
            return False
        passage = self.passage(citation)
        if passage is None:
            return False
        stored = self.texts.get(citation.source)
        if stored is None or citation.span is None:
            return citation.quote in passage.text
        return stored[citation.span.start : citation.span.end] == citation.quote


def names(source: str, document: str) -> bool:
    """Whether a source is the document of a dataset: its id, or a path or URL that ends with it."""
    return bool(document) and (source == document or source.endswith("/" + document))


def answer_from(value: Any) -> Answer:
    """An answer from its JSON value, `qa_service`'s or one with parts missing.

    Missing parts and nulls are empty; raises `BadRecord` for a part of another kind than it should be.
    """
    answer = _object(value, "the answer")
    status = _optional(answer, "status", str)
    if status is not None and status not in get_args(Status):
        raise BadRecord(f"status is {status!r}: it should be one of {', '.join(get_args(Status))}")
    usage = _object(answer.get("usage") or {}, "usage")
    timings = _object(answer.get("timings_ms") or {}, "timings_ms")
    return Answer(
        status=status,  # type: ignore[arg-type]  # compared with the literals above
        reason=_optional(answer, "reason", str),
        claims=tuple(map(_claim, _objects(answer, "claims"))),
        citations=tuple(map(_citation, _objects(answer, "citations"))),
        passages=tuple(
            _passage(each, rank) for rank, each in enumerate(_objects(answer, "passages"), start=1)
        ),
        usage=Usage(
            _optional(usage, "prompt_tokens", int),
            _optional(usage, "completion_tokens", int),
            _number(usage, "cost_usd"),
        ),
        timings_ms={name: ms for name in timings if (ms := _number(timings, name)) is not None},
    )


def _same_document(passage: Passage, citation: Citation) -> bool:
    if passage.document_id and citation.document_id:
        return passage.document_id == citation.document_id
    return passage.source == citation.source


def _claim(value: Mapping[str, Any]) -> Claim:
    numbers = value.get("citations") or []
    if not isinstance(numbers, list) or any(type(number) is not int for number in numbers):
        raise BadRecord(f"a claim's citations are {numbers!r}: they should be a list of whole numbers")
    return Claim(_optional(value, "text", str) or "", tuple(numbers), _optional(value, "side", str))


def _citation(value: Mapping[str, Any]) -> Citation:
    number = _optional(value, "number", int)
    if number is None:
        raise BadRecord("a citation has no number")
    return Citation(
        number=number,
        document_id=_optional(value, "document_id", str) or "",
        source=_optional(value, "source", str) or "",
        span=_span(value),
        quote=_optional(value, "quote", str),
        chunk_id=_optional(value, "chunk_id", str) or "",
    )


def _passage(value: Mapping[str, Any], position: int) -> Passage:
    rank = _optional(value, "rank", int)
    return Passage(
        rank=position if rank is None else rank,
        text=_optional(value, "text", str) or "",
        chunk_id=_optional(value, "chunk_id", str) or "",
        document_id=_optional(value, "document_id", str) or "",
        source=_optional(value, "source", str) or "",
        title=_optional(value, "title", str) or "",
        span=_span(value),
    )


def _span(value: Mapping[str, Any]) -> Span | None:
    if value.get("span") is None:
        return None
    span = _object(value["span"], "span")
    start, end = _optional(span, "start", int), _optional(span, "end", int)
    if start is None or end is None or not 0 <= start <= end:
        raise BadRecord(f"span is {value['span']!r}: it should have 0 <= start <= end")
    return Span(start, end)


def _objects(value: Mapping[str, Any], name: str) -> Sequence[Mapping[str, Any]]:
    items = value.get(name) or []
    if not isinstance(items, list):
        raise BadRecord(f"{name} is {type(items).__name__}: it should be a list")
    return [_object(item, f"an item of {name}") for item in items]


def _object(value: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise BadRecord(f"{name} is {type(value).__name__}: it should be an object")
    return value


def _optional(value: Mapping[str, Any], name: str, kind: type[T]) -> T | None:
    found = value.get(name)
    if found is not None and type(found) is not kind:
        raise BadRecord(f"{name} is {found!r}: it should be a {kind.__name__}")
    return found


def _number(value: Mapping[str, Any], name: str) -> float | None:
    found = value.get(name)
    if found is None:
        return None
    if type(found) not in (int, float) or not math.isfinite(found) or found < 0:
        raise BadRecord(f"{name} is {found!r}: it should be a number of 0 or more")
    return float(found)
