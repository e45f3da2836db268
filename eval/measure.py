"""The measurements: how well is evidence retrieved, and do answers cite it?"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from eval.datasets import CorpusDocument, Query
from eval.example import Example
from index.document import Passage, Span
from index.upload import Upload
from qa_service.answer import Answer, Finished, Question
from qa_service.services import Services

RANKS = (1, 5, 10)


@dataclass(frozen=True, slots=True)
class Ratio:
    """A share with what it was made of; `value` is None where nothing was counted."""

    numerator: int
    denominator: int

    @property
    def value(self) -> float | None:
        """The share in [0, 1]."""
        return self.numerator / self.denominator if self.denominator else None

    def __str__(self) -> str:
        return f"{self.value:.3f}  {self.numerator}/{self.denominator}" if self.denominator else "-"


def share(hits: Iterable[bool]) -> Ratio:
    """The share of what is true."""
    counted = list(hits)
    return Ratio(sum(counted), len(counted))


def index_corpus(services: Services, collection: str, corpus: Sequence[CorpusDocument]) -> None:
    """Index a BEIR corpus; a document's source is its id. What is there already is left as it is."""
    uploads = [
        Upload(each.id, f"{each.id}.txt", each.text.encode(), title=each.title or None) for each in corpus
    ]
    for result in services.ingestor(services.collection(collection)).put(uploads):
        if result.error:
            raise result.error


def retrieval(services: Services, collection: str, queries: Sequence[Query]) -> dict[str, Ratio]:
    """Success@k by document: the share of queries with a relevant document among the first k documents.

    With one relevant document a query, as in XQuAD, that is recall@k.
    """
    found = []
    held = services.catalog.collection(collection)
    for query in queries:
        passages = services.retriever.search(held, query.text, k=4 * max(RANKS)).passages
        found.append(list(dict.fromkeys(passage.source for passage in passages)))
    return {
        f"R@{k}": share(
            bool(query.relevant & set(sources[:k])) for query, sources in zip(queries, found, strict=True)
        )
        for k in RANKS
    }


def evidence_recall(
    services: Services, collection: str, examples: Sequence[Example], *, budget_tokens: int
) -> Ratio:
    """The share of evidence quotes that stand in the first passages, as many as `budget_tokens` tokens hold.

    Passages of one document that follow each other are joined; white space is folded.
    """
    held = services.catalog.collection(collection)
    hits = []
    for example in examples:
        passages = services.retriever.search(held, example.question, k=200).passages
        texts = _texts(services, _within(passages, budget_tokens, services.embedder.count_tokens))
        hits += [
            any(_fold(each.quote) in text for source, text in texts if source.endswith(each.document))
            for each in example.evidence
        ]
    return share(hits)


@dataclass(frozen=True, slots=True)
class Answered:
    """An example with its answer and whether each citation's quote was the stored text right afterwards."""

    example: Example
    answer: Answer
    valid_citations: Ratio

    @property
    def cites_evidence(self) -> bool:
        """Whether a document of the evidence is cited."""
        documents = {each.document for each in self.example.evidence}
        return any(
            citation.source.endswith(document) for citation in self.answer.citations for document in documents
        )


def answers(services: Services, collection: str, examples: Iterable[Example]) -> Iterator[Answered]:
    """Ask every example's question."""
    for example in examples:
        answer = ask(services, collection, example.question)
        yield Answered(example, answer, validity(services, answer))


def ask(services: Services, collection: str, question: str) -> Answer:
    """The answer to one question."""
    asked = Question(question, collection=collection, k=services.settings.passages)
    (finished,) = (event for event in services.answerer.answer(asked) if isinstance(event, Finished))
    return finished.answer


def validity(services: Services, answer: Answer) -> Ratio:
    """The share of citations for which `text[start:end] == quote` holds, in a passage of the same request."""
    offered = {passage.chunk_id: passage.span for passage in answer.passages}
    return share(
        services.catalog.text(citation.document_id).text[citation.span.start : citation.span.end]
        == citation.quote
        and citation.chunk_id in offered
        and offered[citation.chunk_id].contains(citation.span)
        for citation in answer.citations
    )


def contains_answer(services: Services, collection: str, queries: Sequence[Query]) -> dict[str, Ratio]:
    """The share of queries whose answer's first claim, and whose whole answer, holds a given short answer."""
    first, whole, valid = [], [], []
    for query in queries:
        answer = ask(services, collection, query.text)
        valid.append(validity(services, answer))
        wanted = [_fold(each).casefold() for each in query.answers]
        said = [_fold(claim.text).casefold() for claim in answer.claims]
        first.append(any(each in said[0] for each in wanted) if said else False)
        whole.append(any(each in text for each in wanted for text in said))
    return {"first claim": share(first), "whole answer": share(whole), "valid citations": total(valid)}


def total(ratios: Iterable[Ratio]) -> Ratio:
    """Ratios added up."""
    counted = list(ratios)
    return Ratio(sum(each.numerator for each in counted), sum(each.denominator for each in counted))


def median_ms(work: Callable[[str], object], texts: Sequence[str]) -> float:
    """The median of the milliseconds that `work` takes for one text."""
    times = []
    for text in texts:
        start = time.perf_counter()
        work(text)
        times.append((time.perf_counter() - start) * 1000)
    return median(times)


def _within(passages: Sequence[Passage], budget: int, count: Callable[[str], int]) -> list[Passage]:
    kept: list[Passage] = []
    for passage in passages:
        budget -= count(passage.text)
        if budget < 0:
            break
        kept.append(passage)
    return kept


def _texts(services: Services, passages: Iterable[Passage]) -> list[tuple[str, str]]:
    """Source and folded text of each stretch of a document that the passages cover without a gap."""
    spans: dict[str, list[Span]] = {}
    for passage in passages:
        spans.setdefault(passage.document_id, []).append(passage.span)
    texts = []
    for document_id, covered in spans.items():
        document = services.catalog.text(document_id)
        ordered = sorted(covered)
        stretches = [[ordered[0]]]
        for before, span in pairwise(ordered):
            if document.text[before.end : span.start].strip():
                stretches.append([])
            stretches[-1].append(span)
        for stretch in stretches:
            text = document.text[stretch[0].start : stretch[-1].end]
            texts.append((document.source, _fold(text)))
    return texts


def _fold(text: str) -> str:
    return " ".join(text.split())
