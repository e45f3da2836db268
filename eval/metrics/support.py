"""TREC's weighted support, and faithfulness: what the passages carry of what is said."""

from eval.judges.judge import Label, SupportJudge
from eval.metrics.citations import Level, premise, supports, without_claims
from eval.metrics.measurement import NOTHING, UNDEFINED, Measurement, ratio, share
from eval.records import Claim, Record

_WEIGHTS: dict[Label, float] = {"supported": 1.0, "partial": 0.5, "not": 0.0}


def weighted_precision(record: Record, judge: SupportJudge, level: Level) -> Measurement:
    """Sum of the weights of a claim's citations, each judged alone / citations.

    Full support weighs 1, partial .5, none 0. Thakur et al.: Support Evaluation for the TREC 2024 RAG Track
    (arXiv 2504.15205). A citation of nothing weighs 0 and stays in the denominator. Empty sets as in
    `citations`.
    """
    if not record.answer.claims:
        return without_claims(record)
    weights = [weight for claim in record.answer.claims for weight in _weights(record, claim, judge, level)]
    return ratio(sum(weights), len(weights)) if weights else NOTHING


def weighted_recall(record: Record, judge: SupportJudge, level: Level) -> Measurement:
    """Sum over claims of the weight of the best of its citations / claims; an uncited claim weighs 0.

    TREC 2024 judged one citation a sentence, the first; where there is one, this is the same.
    """
    if not record.answer.claims:
        return without_claims(record)
    best = [max(_weights(record, claim, judge, level), default=0.0) for claim in record.answer.claims]
    return ratio(sum(best), len(best))


def faithfulness(record: Record, judge: SupportJudge) -> Measurement:
    """Claims that some passage supports, or that the cited passages support together / claims.

    Es et al.: Ragas (arXiv 2309.15217); Ru et al.: RAGChecker (arXiv 2408.08067). Theirs is by any one
    passage; a claim that joins two passages is faithful too. An answer that abstains, without claims, is
    undefined; one that says nothing and does not abstain is 0. Undefined where the service does not tell its
    passages.
    """
    if not record.answer.claims:
        return without_claims(record)
    if not record.answer.passages:
        return UNDEFINED
    return share(
        supports(judge, premise(record, record.cited(claim), "chunk"), claim.text)
        or any(supports(judge, passage.text, claim.text) for passage in record.answer.passages)
        for claim in record.answer.claims
    )


def _weights(record: Record, claim: Claim, judge: SupportJudge, level: Level) -> list[float]:
    texts = [premise(record, [citation], level) for citation in record.cited(claim)]
    return [_WEIGHTS[judge.judge(text, claim.text).label] if text.strip() else 0.0 for text in texts]
