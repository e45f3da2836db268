"""Is the evidence among the passages? The standard metrics by document, and evidence recall by span.

`ranked` is a list of document ids, best first, each once; `grades` the grade (1 and up) of each relevant
document. All are in [0, 1] and agree with trec_eval (`recall_k`, `success_k`, `recip_rank`, `ndcg_cut_k`). A
question without relevant documents is undefined, as is one that trec_eval leaves out.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence

from eval.metrics.measurement import UNDEFINED, Measurement, ratio, share, yes_or_no
from eval.records import Passage, Record, Span, names

EVIDENCE_BUDGET = 4_000
_CHARACTERS_A_TOKEN = 4


def recall_at(ranked: Sequence[str], grades: Mapping[str, int], k: int) -> Measurement:
    """Relevant documents among the first k / relevant documents."""
    relevant = {document for document, grade in grades.items() if grade > 0}
    return ratio(len(relevant.intersection(ranked[:k])), len(relevant))


def success_at(ranked: Sequence[str], grades: Mapping[str, int], k: int) -> Measurement:
    """1 where a relevant document is among the first k."""
    found = recall_at(ranked, grades, k)
    return UNDEFINED if found.value is None else yes_or_no(found.numerator > 0)


def reciprocal_rank(ranked: Sequence[str], grades: Mapping[str, int]) -> Measurement:
    """1 / rank of the first relevant document, 0 without; its mean is the MRR (Voorhees, TREC-8, 1999)."""
    if not any(grade > 0 for grade in grades.values()):
        return UNDEFINED
    first = next((rank for rank, each in enumerate(ranked, start=1) if grades.get(each, 0) > 0), None)
    return ratio(1 / first if first else 0.0, 1.0)


def ndcg_at(ranked: Sequence[str], grades: Mapping[str, int], k: int) -> Measurement:
    """DCG / ideal DCG of the first k, with `DCG = sum of grade / log2(rank + 1)`.

    The variant of Järvelin and Kekäläinen (ACM TOIS 20(4), 2002) as in trec_eval: the gain is the grade
    itself, not `2^grade - 1` (Burges et al., 2005); for grades 0 and 1 they are the same.
    """
    gains = [max(grades.get(document, 0), 0) for document in ranked[:k]]
    ideal = sorted((grade for grade in grades.values() if grade > 0), reverse=True)[:k]
    return ratio(_dcg(gains), _dcg(ideal))


def documents(record: Record) -> list[str]:
    """The documents of the passages, best first, each once; a relevant one by its id in the dataset."""
    ranked = sorted(record.answer.passages, key=lambda passage: passage.rank)
    wanted = record.example.grades
    named = (
        next((each for each in wanted if names(passage.source, each)), passage.source or passage.document_id)
        for passage in ranked
    )
    return list(dict.fromkeys(named))


def at(
    measure: Callable[[Sequence[str], Mapping[str, int], int], Measurement], k: int
) -> Callable[[Record], Measurement]:
    """The measure at k, of a record."""
    return lambda record: (
        measure(documents(record), record.example.grades, k) if tells_passages(record) else UNDEFINED
    )


def mrr(record: Record) -> Measurement:
    """The reciprocal rank of a record."""
    if not tells_passages(record):
        return UNDEFINED
    return reciprocal_rank(documents(record), record.example.grades)


def tells_passages(record: Record) -> bool:
    """Whether the service tells what it retrieved; one that answers and gives no passages does not."""
    return bool(record.answer.passages or not record.answer.claims)


def evidence_recall(
    record: Record,
    *,
    budget: int = EVIDENCE_BUDGET,
    count: Callable[[str], int] = lambda text: math.ceil(len(text) / _CHARACTERS_A_TOKEN),
) -> Measurement:
    """Pieces of evidence that lie wholly in the first passages, as many as fit into `budget` tokens / pieces.

    By span, so that chunkers can be compared (Smith and Troynikov: Evaluating Chunking Strategies for
    Retrieval, Chroma, 2024). Passages of one document that touch, or have only white space between them, are
    joined. Where a document's text or a passage's span is not at hand, the quote is looked for in the
    passage's text with white space folded. `count` counts tokens; without a tokenizer four characters are
    taken for one. Undefined without evidence.
    """
    if not tells_passages(record):
        return UNDEFINED
    passages = _within(record.answer.passages, budget, count)
    stretches = {
        source: _joined([each.span for each in passages if each.source == source and each.span], text)
        for source, text in record.texts.items()
    }
    return share(
        any(
            _covers(stretches.get(source, []), record.texts.get(source), each.quote)
            or any(
                _fold(each.quote) in _fold(passage.text) for passage in passages if passage.source == source
            )
            for source in {passage.source for passage in passages}
            if names(source, each.document)
        )
        for each in record.example.evidence
    )


def evidence_document_cited(record: Record) -> Measurement:
    """1 where an answerable question's answer cites a document of its evidence; 0 too where it abstains."""
    if record.example.answerable is False or not record.example.evidence:
        return UNDEFINED
    wanted = [each.document for each in record.example.evidence]
    return yes_or_no(
        any(names(cited.source, document) for cited in record.answer.citations for document in wanted)
    )


def located(text: str, quote: str) -> list[Span]:
    """Where the quote stands in the text, with any white space for white space; empty where it doesn't."""
    parts = [re.escape(part) for part in quote.split()]
    if not parts:
        return []
    return [Span(found.start(), found.end()) for found in re.finditer(r"\s+".join(parts), text)]


def _covers(stretches: Sequence[Span], text: str | None, quote: str) -> bool:
    if text is None or not stretches:
        return False
    return any(stretch.contains(span) for span in located(text, quote) for stretch in stretches)


def _joined(spans: Sequence[Span], text: str) -> list[Span]:
    joined: list[Span] = []
    for span in sorted(spans):
        if joined and not text[joined[-1].end : span.start].strip():
            joined[-1] = Span(joined[-1].start, max(joined[-1].end, span.end))
        else:
            joined.append(span)
    return joined


def _within(passages: Sequence[Passage], budget: int, count: Callable[[str], int]) -> list[Passage]:
    kept: list[Passage] = []
    for passage in sorted(passages, key=lambda each: each.rank):
        budget -= count(passage.text)
        if budget < 0:
            break
        kept.append(passage)
    return kept


def _dcg(gains: Sequence[int]) -> float:
    return sum(gain / math.log2(rank + 1) for rank, gain in enumerate(gains, start=1))


def _fold(text: str) -> str:
    return " ".join(text.split())
