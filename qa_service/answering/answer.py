"""A question in, typed events out: the passages, each verified claim, and the whole answer.

JSON, server-sent events, the command line and the evaluation fold the same events.
"""

import secrets
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from index.catalog import Catalog
from index.document import Passage
from index.retrieve import Filter, Retriever
from qa_service.answering.claims import Citation, Support
from qa_service.answering.gate import Claim, Gate, Rejected
from qa_service.answering.protocol import Discarded, Draft, DraftClaim, DraftConflict, DraftNone, Offer
from qa_service.answering.relevance import Assess, Relevance
from qa_service.answering.verifying import Verifier
from qa_service.answering.writing import Writer, Writing
from qa_service.conversations.history import FollowUp, Turn
from qa_service.conversations.rewriting import Rewriter, Rewritten, RuleRewriter
from qa_service.errors import ModelError
from qa_service.llm import NO_USAGE, Deadline, Usage

Status = Literal["answered", "conflict", "partial", "abstained"]
Reason = Literal[
    "empty_index",
    "no_relevant_passage",
    "not_in_passages",
    "partly_not_in_passages",
    "unverifiable",
    "incomplete",
]


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, of which collection; `only` keeps documents with one of the given values.

    `history` is what was said before, oldest turn first, no more than the writer is to read.
    """

    text: str
    collection: str = "default"
    k: int = 20
    only: Filter | None = None
    history: tuple[Turn, ...] = ()


@dataclass(frozen=True, slots=True)
class Timings:
    """Milliseconds from the question to the passages, to the first claim (None without one), to the end."""

    retrieve: float
    first_claim: float | None
    total: float


@dataclass(frozen=True, slots=True)
class Answer:
    """The whole answer. It has claims unless it is abstained, and a reason unless nothing is missing.

    `query` is what was searched for: the question, put in full where it follows others. `missing` is what
    the writer says that the passages do not hold. `model` is who wrote it. `dropped` counts the sentences
    and lines that were written and not let through, by reason; those that were sent back once are among
    them. `failure` is the code of the `ModelError` that cut the writing short: such an answer is never
    `answered` nor `conflict`, even where some of its claims are the sides of one. `unverified` is the code
    of the error for which claims have no second opinion, although one was wanted. `relevance` is what was
    made of the passages before anybody wrote; None where there were none.
    """

    id: str
    query: str
    status: Status
    reason: Reason | None
    claims: tuple[Claim, ...]
    citations: tuple[Citation, ...]
    passages: tuple[Passage, ...]
    model: str
    usage: Usage
    timings: Timings
    missing: tuple[str, ...] = ()
    failure: str | None = None
    unverified: str | None = None
    dropped: Mapping[str, int] = field(default_factory=dict)
    prompts: Mapping[str, str] = field(default_factory=dict)
    relevance: Relevance | None = None

    @property
    def text(self) -> str:
        """The claims as one text, each followed by the numbers of its citations: `It is so. [1] [2]`."""
        return " ".join(
            f"{claim.text} {' '.join(f'[{citation.number}]' for citation in claim.citations)}"
            for claim in self.claims
        )


@dataclass(frozen=True, slots=True)
class PassagesFound:
    """The passages that the answer will be written from, and the query that found them."""

    query: str
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
    """Answers questions. Safe to use from many threads.

    With a `verifier`, claims are held back until its opinion is there: nothing that was given is taken back.
    """

    def __init__(
        self,
        catalog: Catalog,
        retriever: Retriever,
        writer: Writer,
        *,
        assess: Assess,
        total_seconds: float,
        rewriter: Rewriter | None = None,
        verifier: Verifier | None = None,
    ) -> None:
        self._catalog = catalog
        self._retriever = retriever
        self._writer = writer
        self._rewriter = rewriter or RuleRewriter()
        self._assess = assess
        self._verifier = verifier
        self._total_seconds = total_seconds

    def answer(self, question: Question, *, cancelled: threading.Event | None = None) -> Iterator[Event]:
        """The events of one answer: `PassagesFound`, then `ClaimMade` for each claim, then `Finished`.

        Raises `NotFound` where the collection does not exist, and `ModelError` where the model fails before
        anything that it wrote was let through; one that fails later leaves an answer that is `partial`. Setting
        `cancelled`, from any thread, drops a call to a model that is under way, and raises `Cancelled`.
        """
        clock = _Clock()
        deadline = Deadline(self._total_seconds, cancelled=cancelled)
        collection = self._catalog.collection(question.collection)
        rewritten = self._rewritten(question, deadline)
        query = rewritten.query
        retrieved = self._retriever.search(collection, query, k=question.k, only=question.only)
        clock.retrieved()
        yield PassagesFound(query, retrieved.passages)
        offer = Offer.of(retrieved.passages, question="\n".join(_said(question, query)))
        # The user's own words only: what was said before, and what a model made of it, is no evidence, and a name
        # from there stands in a claim only where the cited text or what is around it has it.
        gate = Gate(offer, self._catalog.cut, question=question.text)
        relevance = self._assess(query, retrieved) if retrieved.passages else None
        made = _Making(gate, self._writer, self._verifier, clock, rewritten, relevance)
        if relevance is None or not relevance.is_enough:
            is_empty = relevance is None and not question.only
            yield Finished(made.abstained("empty_index" if is_empty else "no_relevant_passage"))
            return
        follow_up = FollowUp(query, question.history) if question.history else None
        writing = self._writer.begin(question.text, offer, deadline=deadline, follow_up=follow_up)
        try:
            yield from made.take(writing.drafts())
            yield from made.released(deadline)
            if sent_back := made.repairable():
                yield from made.take(writing.repaired(sent_back))
        except ModelError as error:
            if made.is_empty:
                raise
            made.failure = error.code
        yield from made.released(deadline)
        yield Finished(made.finished(writing))

    def _rewritten(self, question: Question, deadline: Deadline) -> Rewritten:
        if not question.history:
            return Rewritten(question.text)
        return self._rewriter.rewrite(question.text, question.history, deadline=deadline)


def _said(question: Question, query: str) -> Iterator[str]:
    """All that is said beside the passages: the key of this request must stand nowhere in it."""
    yield from (question.text, query)
    for turn in question.history:
        yield from (turn.question, turn.answer)


class _Clock:
    def __init__(self) -> None:
        self._start = time.perf_counter()
        self._retrieve = 0.0
        self._first_claim: float | None = None

    def retrieved(self) -> None:
        self._retrieve = self._now()

    def claimed(self) -> None:
        if self._first_claim is None:
            self._first_claim = self._now()

    def timings(self) -> Timings:
        return Timings(self._retrieve, self._first_claim, self._now())

    def _now(self) -> float:
        return round((time.perf_counter() - self._start) * 1000, 1)


class _Making:
    """An answer in the making: what the gate lets through, and the count of what it does not."""

    def __init__(
        self,
        gate: Gate,
        writer: Writer,
        verifier: Verifier | None,
        clock: _Clock,
        rewritten: Rewritten,
        relevance: Relevance | None,
    ) -> None:
        self._gate = gate
        self._writer = writer
        self._verifier = verifier
        self._clock = clock
        self._rewritten = rewritten
        self._relevance = relevance
        self._claims: list[Claim] = []
        self._held: list[tuple[Claim, tuple[str, ...]]] = []
        self._verifying = NO_USAGE
        self._verify_prompts: Mapping[str, str] = {}
        self._unverified: str | None = None
        self._is_missing = False
        self._missing: list[str] = []
        self._rejected: list[Rejected] = []
        self._dropped: Counter[str] = Counter()
        self.failure: str | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing has been let through."""
        return not (self._claims or self._held or self._is_missing)

    def take(self, drafts: Iterator[Draft]) -> Iterator[ClaimMade]:
        """Pass drafts through the gate."""
        for draft in drafts:
            if isinstance(draft, DraftNone):
                self._note(draft)
            elif isinstance(draft, Discarded):
                self._dropped[draft.reason] += 1
            else:
                yield from self._admit(draft)

    def _note(self, draft: DraftNone) -> None:
        self._is_missing = True
        for checked in self._gate.missing(draft):
            if isinstance(checked, Rejected):
                self._dropped[checked.reason] += 1
            elif checked not in self._missing:
                self._missing.append(checked)

    def _admit(self, draft: DraftClaim | DraftConflict) -> Iterator[ClaimMade]:
        for checked in self._gate.admit(draft):
            if isinstance(checked, Rejected):
                self._rejected.append(checked)
                self._dropped[checked.reason] += 1
            elif self._verifier:
                self._held.append((checked, _ids(draft)))
            else:
                yield self._give(checked)

    def _give(self, claim: Claim) -> ClaimMade:
        self._claims.append(claim)
        self._clock.claimed()
        return ClaimMade(claim)

    def released(self, deadline: Deadline) -> Iterator[ClaimMade]:
        """The claims that were held back, as far as the second opinion lets them through."""
        if self._verifier is None or not self._held:
            return
        held, self._held = self._held, []
        opinions = self._verifier.verify([claim for claim, _ in held], deadline=deadline)
        self._verifying += opinions.usage
        self._verify_prompts = {**self._verify_prompts, **opinions.prompts}
        self._unverified = self._unverified or opinions.failure
        judged: list[tuple[Claim, Support | None]] = []
        for (claim, ids), opinion in zip(held, opinions.of, strict=True):
            support = opinion.support if opinion else claim.support
            if opinion and support.verdict == "unsupported" and self._verifier.policy != "flag":
                self._dropped["second_opinion"] += 1
                if self._verifier.policy == "repair":
                    explanation = opinion.reason or "The sentences that it names do not carry it."
                    self._rejected.append(Rejected(claim.text, ids, "unsupported", explanation))
                judged.append((claim, None))
            else:
                judged.append((claim, support))
        yield from map(self._give, self._gate.judged(judged))

    def repairable(self) -> list[Rejected]:
        """What was rejected and may be sent back to its writer."""
        return [each for each in self._rejected if each.repairable]

    def abstained(self, reason: Reason) -> Answer:
        """The answer where nobody was asked to write."""
        return self._answer(
            "abstained", reason, self._writer.name, self._rewritten.usage, self._writer.prompts
        )

    def finished(self, writing: Writing) -> Answer:
        """The answer, with the status that its parts add up to."""
        usage = self._rewritten.usage + writing.usage + self._verifying
        prompts = {**writing.prompts, **self._verify_prompts}
        return self._answer(*self._status(), writing.model, usage, prompts)

    def _status(self) -> tuple[Status, Reason | None]:
        if self.failure:
            return "partial" if self._claims else "abstained", "incomplete"
        if not self._claims:
            return "abstained", "not_in_passages" if self._is_missing else "unverifiable"
        reason: Reason | None = "partly_not_in_passages" if self._is_missing else None
        if any(claim.side for claim in self._claims):
            return "conflict", reason
        return "partial" if reason else "answered", reason

    def _answer(
        self,
        status: Status,
        reason: Reason | None,
        model: str,
        usage: Usage,
        prompts: Mapping[str, str],
    ) -> Answer:
        return Answer(
            id=secrets.token_hex(12),
            query=self._rewritten.query,
            status=status,
            reason=reason,
            claims=tuple(self._claims),
            citations=self._gate.citations,
            passages=self._gate.offer.passages,
            model=model,
            usage=usage,
            timings=self._clock.timings(),
            missing=tuple(self._missing),
            failure=self.failure,
            unverified=self._unverified,
            dropped=dict(self._dropped),
            prompts={**self._rewritten.prompts, **prompts},
            relevance=self._relevance,
        )


def _ids(draft: DraftClaim | DraftConflict) -> tuple[str, ...]:
    return draft.ids if isinstance(draft, DraftClaim) else (*draft.a, *draft.b)
