"""What an answer's JSON tells beyond what is measured: verdicts, scores, titles, counts.

It is for reading only, and comes from any service, so what is missing or of another kind than it should be is
left out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from eval.report.model import Event

# Beyond it a number is no score, and a whole one may be too large for a float. NaN is not below it either.
_LARGEST = 1e9


@dataclass(frozen=True, slots=True)
class Support:
    """How well the service itself found a claim to be supported, and by which method."""

    verdict: str
    method: str = ""
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """Of the answer: `supports` by claim, `scores` and `headings` by passage, `titles` and `pages` by citation.

    Each in the order of the answer's list, and empty where the service tells nothing.
    """

    supports: Sequence[Support | None] = ()
    scores: Sequence[float | None] = ()
    headings: Sequence[str] = ()
    titles: Sequence[str] = ()
    pages: Sequence[int | None] = ()
    missing: Sequence[str] = ()
    model: str = ""
    failure: str = ""
    dropped: Mapping[str, int] = field(default_factory=dict)
    prompts: Mapping[str, str] = field(default_factory=dict)


def told(events: Sequence[Event]) -> Told:
    """What the last `done` event has; nothing where there is none."""
    answer = next((_object(event.data) for event in reversed(events) if event.name == "done"), {})
    debug = _object(answer.get("debug"))
    passages, citations = _objects(answer.get("passages")), _objects(answer.get("citations"))
    return Told(
        supports=[_support(claim.get("support")) for claim in _objects(answer.get("claims"))],
        scores=[_number(passage.get("score")) for passage in passages],
        headings=[" › ".join(_texts(passage.get("headings"))) for passage in passages],
        titles=[_text(citation.get("title")) for citation in citations],
        pages=[_count(citation.get("page")) for citation in citations],
        missing=_texts(answer.get("missing")),
        model=_text(answer.get("model")),
        failure=_text(answer.get("failure")),
        dropped={
            name: count
            for name, value in _object(debug.get("dropped")).items()
            if (count := _count(value)) is not None
        },
        prompts={name: _text(value) for name, value in _object(debug.get("prompts")).items()},
    )


def _support(value: Any) -> Support | None:
    support = _object(value)
    verdict = _text(support.get("verdict"))
    return Support(verdict, _text(support.get("method")), _number(support.get("score"))) if verdict else None


def _objects(value: Any) -> list[dict[str, Any]]:
    return [_object(item) for item in value] if isinstance(value, list) else []


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _texts(value: Any) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _number(value: Any) -> float | None:
    return float(value) if type(value) in (int, float) and abs(value) < _LARGEST else None


def _count(value: Any) -> int | None:
    return value if type(value) is int else None
