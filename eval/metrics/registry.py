"""All metrics, in the order in which they are reported."""

from collections.abc import Sequence

from eval.judges.judge import SupportJudge
from eval.metrics import abstention, citations, conflict, correctness, cost, retrieval, support, validity
from eval.metrics.measurement import Measurement
from eval.metrics.metric import Metric
from eval.records import Record

METRICS: tuple[Metric, ...] = (
    Metric("validity", "validity", "higher", validity.validity),
    Metric("leak_rate", "validity", "lower", validity.leak_rate),
    *(
        metric
        for level in citations.LEVELS
        for metric in (
            Metric(
                f"citation_recall@{level}",
                "citations",
                "higher",
                judged=citations.at_level(citations.recall, level),
            ),
            Metric(
                f"citation_precision@{level}",
                "citations",
                "higher",
                judged=citations.at_level(citations.precision, level),
            ),
            Metric(
                f"citation_f1@{level}", "citations", "higher", judged=citations.at_level(citations.f1, level)
            ),
            Metric(
                f"weighted_precision@{level}",
                "support",
                "higher",
                judged=citations.at_level(support.weighted_precision, level),
            ),
            Metric(
                f"weighted_recall@{level}",
                "support",
                "higher",
                judged=citations.at_level(support.weighted_recall, level),
            ),
        )
    ),
    Metric("faithfulness", "support", "higher", judged=support.faithfulness),
    Metric("nugget_recall_vital", "correctness", "higher", correctness.vital_nuggets),
    Metric("nugget_recall", "correctness", "higher", correctness.all_nuggets),
    Metric("exact_match", "correctness", "higher", correctness.exact_match),
    Metric("token_f1", "correctness", "higher", correctness.token_f1),
    Metric("contains", "correctness", "higher", correctness.contains),
    Metric("first_claim_contains", "correctness", "higher", correctness.first_claim_contains),
    Metric("must_not", "correctness", "lower", correctness.must_not),
    Metric("abstention_precision", "abstention", "higher", abstention.abstention_precision),
    Metric("abstention_recall", "abstention", "higher", abstention.abstention_recall),
    Metric("answer_precision", "abstention", "higher", abstention.answer_precision),
    Metric("answer_recall", "abstention", "higher", abstention.answer_recall),
    Metric(
        "balanced_accuracy",
        "abstention",
        "higher",
        rule="mean_of_parts",
        parts=("abstention_recall", "answer_recall"),
    ),
    Metric(
        "answerable_f1",
        "abstention",
        "higher",
        rule="f1_of_parts",
        parts=("answer_precision", "answer_recall"),
    ),
    Metric("right_without_documents", "abstention", "lower", abstention.right_without_documents),
    Metric("conflict_status", "conflict", "higher", conflict.status_right),
    Metric("conflict_both_sides", "conflict", "higher", conflict.both_sides),
    Metric("conflict_sides_cited", "conflict", "higher", conflict.sides_cited),
    Metric("false_conflict", "conflict", "lower", conflict.false_alarm),
    *(Metric(f"recall@{k}", "retrieval", "higher", retrieval.at(retrieval.recall_at, k)) for k in (1, 5, 10)),
    Metric("success@5", "retrieval", "higher", retrieval.at(retrieval.success_at, 5)),
    Metric("mrr", "retrieval", "higher", retrieval.mrr),
    Metric("ndcg@10", "retrieval", "higher", retrieval.at(retrieval.ndcg_at, 10)),
    Metric("evidence_recall", "retrieval", "higher", retrieval.evidence_recall),
    Metric("evidence_document_cited", "citations", "higher", retrieval.evidence_document_cited),
    *(
        metric
        for name, measure in (
            ("first_claim_ms", cost.first_claim_ms),
            ("total_ms", cost.total_ms),
            ("retrieve_ms", cost.retrieve_ms),
            ("write_ms", cost.write_ms),
        )
        for metric in (
            Metric(name, "time", "lower", measure),
            Metric(f"{name}_p50", "time", "lower", rule="p50", parts=(name,)),
            Metric(f"{name}_p95", "time", "lower", rule="p95", parts=(name,)),
        )
    ),
    Metric("cost_usd", "cost", "lower", cost.cost_usd),
    Metric("cost_per_supported_answer", "cost", "lower", judged=cost.cost_per_supported_answer, rule="ratio"),
)


def score(
    record: Record, judge: SupportJudge | None = None, metrics: Sequence[Metric] = METRICS
) -> dict[str, Measurement]:
    """The measurements of a record by metric; without a judge, those that need none."""
    scores: dict[str, Measurement] = {}
    for metric in metrics:
        if metric.measure:
            scores[metric.name] = metric.measure(record)
        elif metric.judged and judge:
            scores[metric.name] = metric.judged(record, judge)
    return scores
