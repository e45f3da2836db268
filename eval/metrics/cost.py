"""How long an answer takes, and what it costs; the judge's own cost is apart (`Remembered.used`)."""

from eval.judges.judge import SupportJudge
from eval.metrics.citations import recall
from eval.metrics.measurement import UNDEFINED, Measurement, amount
from eval.records import Record


def first_claim_ms(record: Record) -> Measurement:
    """Milliseconds from the question to the first verified claim; undefined without one."""
    return amount(record.answer.timings_ms.get("first_claim"))


def total_ms(record: Record) -> Measurement:
    """Milliseconds from the question to the end of the answer."""
    return amount(record.answer.timings_ms.get("total"))


def retrieve_ms(record: Record) -> Measurement:
    """Milliseconds from the question to the passages."""
    return amount(record.answer.timings_ms.get("retrieve"))


def write_ms(record: Record) -> Measurement:
    """Milliseconds from the passages to the end: relevance, writing and verification."""
    total, retrieve = (record.answer.timings_ms.get(stage) for stage in ("total", "retrieve"))
    return UNDEFINED if total is None or retrieve is None else amount(max(total - retrieve, 0.0))


def cost_usd(record: Record) -> Measurement:
    """US dollars for one answer; undefined where the service does not tell."""
    return amount(record.answer.usage.cost_usd)


def cost_per_supported_answer(record: Record, judge: SupportJudge) -> Measurement:
    """US dollars of all answers / answers whose every claim its citations support (ALCE recall 1, chunks).

    Of one record, only the numerator (its dollars) and the denominator (1 or 0) mean something; the figure is
    the ratio of their sums. Undefined where the cost is not told.
    """
    cost = record.answer.usage.cost_usd
    if cost is None:
        return UNDEFINED
    supported = bool(record.answer.claims) and recall(record, judge, "chunk").value == 1
    return Measurement(cost if supported else None, cost, float(supported))
