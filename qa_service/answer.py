"""A question in, typed events out: the passages, each verified claim, and the whole answer.

JSON, server-sent events, the command line and the evaluation fold the same events.
"""

import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from index.catalog import Catalog
from index.document import Passage
from index.retrieve import Filter, Retrieved, Retriever
from qa_service.claims import Citation
from qa_service.gate import Claim, Gate, Rejected
from qa_service.llm import Deadline, Usage
from qa_service.protocol import Discarded, Draft, DraftNone, Offer
from qa_service.writing import NO_USAGE, Writer

Status = Literal["answered", "conflict", "partial", "abstained"]
Reason = Literal[
    "empty_index",
    "no_relevant_passage",
    "not_in_passages",
    "unverifiable",
    "incomplete",
    "partly_not_in_passages",
]


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, of which collection; `only` keeps documents with one of the given values."""

    text: str
    collection: str = "default"
    k: int = 20
    only: Filter | None = None


@dataclass(frozen=True, slots=True)
class Timings:
    """Milliseconds from the question to the passages, to the first claim (None without one), to the end."""

    retrieve: float
    first_claim: float | None
    total: float


@dataclass(frozen=True, slots=True)
class Answer:
    """The whole answer. It has claims unless it is abstained, and a reason unless nothing is missing.

    `missing` is what the writer says that the passages do not hold. `dropped` counts what was written but not
    let through, by reason.
    """

    id: str
    status: Status
    reason: Reason | None
    claims: tuple[Claim, ...]
    citations: tuple[Citation, ...]
    passages: tuple[Passage, ...]
    model: str
    usage: Usage
    timings: Timings
    missing: tuple[str, ...] = ()
    dropped: Mapping[str, int] = field(default_factory=dict)
    prompts: Mapping[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The claims as one text, each followed by the numbers of its citations: `It is so. [1] [2]`."""
        return " ".join(
            f"{claim.text} {' '.join(f'[{citation.number}]' for citation in claim.citations)}"
            for claim in self.claims
        )


@dataclass(frozen=True, slots=True)
class PassagesFound:
    """The passages that the answer will be written from."""

    passages: tuple[Passage, ...]


@dataclass(frozen=True, slots=True)
class ClaimMade:
    """One verified claim; nothing that was given is ever taken back."""

    claim: Claim


@dataclass(frozen=True, slots=True)
class Finished:
    """The end: the whole answer, which repeats what was given before."""

    answer: Answer


Event = PassagesFound | ClaimMade | Finished


class Answerer:
    """Answers questions. Safe to use from many threads."""

    def __init__(
        self,
        catalog: Catalog,
        retriever: Retriever,
        writer: Writer,
        *,
        is_relevant: Callable[[str, Retrieved], bool],
        total_seconds: float,
    ) -> None:
        self._catalog = catalog
        self._retriever = retriever
        self._writer = writer
        self._is_relevant = is_relevant
        self._total_seconds = total_seconds

    def answer(self, question: Question) -> Iterator[Event]:
        """The events of one answer: `PassagesFound`, then `ClaimMade` for each claim, then `Finished`.

        Raises `NotFound` where the collection does not exist, and `ModelError` where the model fails before
        its first line; one that fails later leaves an answer that is `partial`.
        """
        clock = _Clock()
        deadline = Deadline(self._total_seconds)
        collection = self._catalog.collection(question.collection)
        retrieved = self._retriever.search(collection, question.text, k=question.k, only=question.only)
        clock.retrieved()
        draft = _Draft(retrieved.passages, self._writer, clock)
        yield PassagesFound(retrieved.passages)
        if not retrieved.passages:
            yield Finished(draft.finish("no_relevant_passage" if question.only else "empty_index"))
            return
        if not self._is_relevant(question.text, retrieved):
            yield Finished(draft.finish("no_relevant_passage"))
            return
        gate = Gate(Offer.of(retrieved.passages), self._catalog.cut, question=question.text)
        writing = self._writer.begin(question.text, gate.offer, deadline=deadline)
        yield from draft.take(gate, writing.drafts())
        if draft.rejected and writing.complete:
            yield from draft.take(gate, writing.repaired(draft.sent_back()))
        yield Finished(draft.finish(None, gate=gate, usage=writing.usage, complete=writing.complete))


class _Clock:
    def __init__(self) -> None:
        self._start = time.perf_counter()
        self._retrieve = 0.0
        self._first_claim: float | None = None

    def retrieved(self) -> None:
        self._retrieve = self._now()

    def claimed(self) -> None:
        self._first_claim = self._first_claim or self._now()

    def timings(self) -> Timings:
        return Timings(self._retrieve, self._first_claim, self._now())

    def _now(self) -> float:
        return round((time.perf_counter() - self._start) * 1000, 1)


class _Draft:
    """An answer in the making: what the gate lets through, and the count of what it does not."""

    def __init__(self, passages: tuple[Passage, ...], writer: Writer, clock: _Clock) -> None:
        self._passages = passages
        self._writer = writer
        self._clock = clock
        self._claims: list[Claim] = []
        self._missing: list[str] = []
        self._dropped: Counter[str] = Counter()
        self.rejected: list[Rejected] = []

    def take(self, gate: Gate, drafts: Iterator[Draft]) -> Iterator[ClaimMade]:
        """Pass drafts through the gate; a claim that repeats one is left out."""
        for draft in drafts:
            if isinstance(draft, DraftNone):
                self._missing.append(draft.text)
            elif isinstance(draft, Discarded):
                self._dropped[draft.reason] += 1
            else:
                for checked in gate.admit(draft):
                    if isinstance(checked, Rejected):
                        self.rejected.append(checked)
                        self._dropped[checked.reason] += 1
                    elif not any(checked.text == claim.text for claim in self._claims):
                        self._claims.append(checked)
                        self._clock.claimed()
                        yield ClaimMade(checked)

    def sent_back(self) -> list[Rejected]:
        """What was rejected so far, for one repair; each is counted as dropped only if that fails too."""
        rejected, self.rejected = self.rejected, []
        for each in rejected:
            self._dropped[each.reason] -= 1
        return rejected

    def finish(
        self,
        reason: Reason | None,
        *,
        gate: Gate | None = None,
        usage: Usage = NO_USAGE,
        complete: bool = True,
    ) -> Answer:
        """The whole answer, with the status that its parts add up to."""
        status, reason = self._status(reason, complete)
        return Answer(
            id=secrets.token_hex(12),
            status=status,
            reason=reason,
            claims=tuple(self._claims),
            citations=gate.citations if gate else (),
            passages=self._passages,
            model=self._writer.name,
            usage=usage,
            timings=self._clock.timings(),
            missing=tuple(self._missing),
            dropped=dict(+self._dropped),
            prompts=self._writer.prompts,
        )

    def _status(self, reason: Reason | None, complete: bool) -> tuple[Status, Reason | None]:
        if reason:
            return "abstained", reason
        if not self._claims:
            if not complete:
                return "abstained", "incomplete"
            return "abstained", "not_in_passages" if self._missing else "unverifiable"
        if not complete:
            return "partial", "incomplete"
        if any(claim.side for claim in self._claims):
            return "conflict", None
        if self._missing:
            return "partial", "partly_not_in_passages"
        return "answered", None
