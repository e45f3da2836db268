"""An example as it is shown: what was expected, what was answered, and what that rests on."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from eval.example import Evidence
from eval.metrics import correctness, retrieval
from eval.metrics.measurement import UNDEFINED
from eval.metrics.metric import Metric
from eval.records import Citation, Claim, Passage, Record, Span
from eval.report.labels import label, milliseconds, written
from eval.report.model import ExampleRow
from eval.report.pool import Pool
from eval.report.quoting import Quoted, citation_span, cited, evidence_spans
from eval.report.told import Support, Told, told

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Check:
    """Something that was looked for: `is_found` is None where it does not count."""

    text: str
    is_found: bool | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class CitationView:
    """A citation with its quote in the text around it; `quoted` is None where that text is not at hand."""

    number: int
    title: str
    source: str
    place: str
    is_valid: bool
    quote: str
    quoted: Quoted | None


@dataclass(frozen=True, slots=True)
class ClaimView:
    """A claim with the service's own verdict; `dangling` are numbers that no citation has."""

    text: str
    side: str
    support: Support | None
    citations: Sequence[CitationView]
    dangling: Sequence[int]


@dataclass(frozen=True, slots=True)
class PassageView:
    """A passage whose text has a number in the pool; `marks` are spans in it, as `c10-20 e15-40`."""

    rank: int
    score: str
    title: str
    source: str
    headings: str
    place: str
    text: int
    marks: str
    cited_as: Sequence[int]
    has_evidence: bool


@dataclass(frozen=True, slots=True)
class ExampleView:
    """All of an example that its part of the page shows; `number` counts from 0."""

    number: int
    anchor: str
    row: ExampleRow
    status: str
    told: Told
    nuggets: Sequence[Check]
    must_not: Sequence[Check]
    evidence: Sequence[Check]
    claims: Sequence[ClaimView]
    uncited: Sequence[CitationView]
    passages: Sequence[PassageView]
    timings: Sequence[tuple[str, str]]
    measured: Sequence[tuple[str, str]]

    @property
    def tallies(self) -> Sequence[tuple[str, str]]:
        """What the closed example tells: shares of what was looked for, as `2/3`, empty for nothing."""
        return [("evidence", _tally(self.evidence)), ("nuggets", _tally(self.nuggets))]


def views(rows: Sequence[ExampleRow], metrics: Sequence[Metric], pool: Pool) -> list[ExampleView]:
    """The examples in their order, each with an anchor of its own."""
    names = anchors([row.record.example.id for row in rows])
    return [
        _view(at, name, row, metrics, pool) for at, (name, row) in enumerate(zip(names, rows, strict=True))
    ]


def anchors(ids: Iterable[str]) -> list[str]:
    """A name for each id that may stand in an address: what may not is `_`; the second of a name ends in `~2`."""
    seen: Counter[str] = Counter()
    made = []
    for each in ids:
        name = "example-" + re.sub(r"[^A-Za-z0-9.-]", "_", each)
        seen[name] += 1
        made.append(name if seen[name] == 1 else f"{name}~{seen[name]}")
    return made


def status(row: ExampleRow) -> str:
    """The answer's status, `failed` where there is none, `unknown` where the service does not tell."""
    return "failed" if row.error else row.record.answer.status or "unknown"


def _view(number: int, anchor: str, row: ExampleRow, metrics: Sequence[Metric], pool: Pool) -> ExampleView:
    record, more = row.record, told(row.events)
    citations = [_citation(record, each, more, at) for at, each in enumerate(record.answer.citations)]
    by_number: dict[int, CitationView] = {}
    for each in citations:
        by_number.setdefault(each.number, each)
    claims = [
        _claim(claim, _at(more.supports, at), by_number) for at, claim in enumerate(record.answer.claims)
    ]
    used = [each for claim in claims for each in claim.citations]
    return ExampleView(
        number=number,
        anchor=anchor,
        row=row,
        status=status(row),
        told=more,
        nuggets=_nuggets(record),
        must_not=_must_not(record),
        evidence=_evidence(record),
        claims=claims,
        uncited=[each for each in citations if not any(each is other for other in used)],
        passages=[_passage(record, each, more, at, pool) for at, each in enumerate(record.answer.passages)],
        timings=[(name, milliseconds(ms)) for name, ms in record.answer.timings_ms.items()],
        measured=_measured(row, metrics),
    )


def _nuggets(record: Record) -> list[Check]:
    checks = []
    for nugget in record.example.nuggets:
        alone = replace(record, example=replace(record.example, nuggets=(nugget,)))
        note = "" if nugget.vital else "welcome"
        checks.append(Check(nugget.text, _yes(correctness.all_nuggets(alone).value), note))
    return checks


def _must_not(record: Record) -> list[Check]:
    checks = []
    for statement in record.example.must_not:
        alone = replace(record, example=replace(record.example, must_not=(statement,)))
        checks.append(Check(statement, _yes(correctness.must_not(alone).value)))
    return checks


def _evidence(record: Record) -> list[Check]:
    return [
        Check(each.quote, _yes(retrieval.evidence_recall(_only(record, each)).value), each.document)
        for each in record.example.evidence
    ]


def _only(record: Record, evidence: Evidence) -> Record:
    return replace(record, example=replace(record.example, evidence=(evidence,)))


def _claim(claim: Claim, support: Support | None, by_number: Mapping[int, CitationView]) -> ClaimView:
    numbers = list(dict.fromkeys(claim.citations))
    return ClaimView(
        claim.text,
        claim.side or "",
        support,
        [by_number[number] for number in numbers if number in by_number],
        [number for number in numbers if number not in by_number],
    )


def _citation(record: Record, citation: Citation, more: Told, at: int) -> CitationView:
    page = _at(more.pages, at)
    return CitationView(
        citation.number,
        _at(more.titles, at) or citation.source or citation.document_id,
        citation.source,
        ", ".join(filter(None, [f"page {page}" if page else "", _place(citation.span)])),
        record.is_valid(citation),
        citation.quote or "",
        cited(record, citation),
    )


def _passage(record: Record, passage: Passage, more: Told, at: int, pool: Pool) -> PassageView:
    spans = {
        each.number: span
        for each in record.answer.citations
        if (span := citation_span(record, each, passage))
    }
    evidence = evidence_spans(record, record.example.evidence, passage)
    score = _at(more.scores, at)
    return PassageView(
        passage.rank,
        "" if score is None else f"{score:.3f}",
        passage.title or passage.source or passage.document_id,
        passage.source,
        _at(more.headings, at) or "",
        _place(passage.span),
        pool.number(passage.text),
        " ".join([*_marks("c", spans.values()), *_marks("e", evidence)]),
        list(spans),
        bool(evidence),
    )


def _marks(kind: str, spans: Iterable[Span]) -> list[str]:
    return [f"{kind}{span.start}-{span.end}" for span in spans]


def _measured(row: ExampleRow, metrics: Sequence[Metric]) -> list[tuple[str, str]]:
    found = ((metric, row.scores.get(metric.name, UNDEFINED).value) for metric in metrics)
    return [(label(metric.name), written(value, metric)) for metric, value in found if value is not None]


def _place(span: Span | None) -> str:
    return f"{span.start}–{span.end}" if span else ""


def _yes(value: float | None) -> bool | None:
    return None if value is None else value == 1


def _tally(checks: Sequence[Check]) -> str:
    counted = [check.is_found for check in checks if check.is_found is not None]
    return f"{sum(counted)}/{len(counted)}" if counted else ""


def _at(items: Sequence[T], at: int) -> T | None:
    return items[at] if at < len(items) else None
