"""Does each citation point at stored text, and does each sentence carry one? Exact, without a judge."""

from eval.metrics.measurement import Measurement, share
from eval.records import Record


def validity(record: Record) -> Measurement:
    """Citations whose quote is the stored text, in a passage of this request / citations.

    Counts each citation of the answer, and each number that a claim names without there being such a
    citation. Undefined without citations. Must be 1.
    """
    dangling = {
        number
        for claim in record.answer.claims
        for number in claim.citations
        if number not in record.citations
    }
    valid = [record.is_valid(citation) for citation in record.answer.citations]
    return share([*valid, *(False for _ in dangling)])


def leak_rate(record: Record) -> Measurement:
    """Claims without a valid citation / claims. Undefined without claims. Must be 0.

    By the rule of three, no leak in n claims leaves a rate of at most 3/n at 95 %
    (`eval.stats.rule_of_three`).
    """
    return share(
        not any(record.is_valid(citation) for citation in record.cited(claim))
        for claim in record.answer.claims
    )
