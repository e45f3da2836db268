"""The words of a report: what metrics, families and verdicts are called, and how figures are written."""

from typing import Literal

from eval.compare import Verdict
from eval.metrics.metric import Family, Metric

FAMILIES: dict[Family, str] = {
    "validity": "The promise",
    "citations": "Citations",
    "support": "Support",
    "correctness": "What is said",
    "abstention": "Knowing when not to answer",
    "conflict": "Documents that disagree",
    "retrieval": "Retrieval",
    "time": "Time",
    "cost": "Cost",
}

VERDICTS: dict[Verdict, str] = {
    "regressed": "regressed",
    "improved": "improved",
    "no_evidence": "no evidence",
}

HEADLINES = (
    "validity",
    "leak_rate",
    "citation_recall@quote",
    "citation_precision@quote",
    "faithfulness",
    "nugget_recall_vital",
    "must_not",
    "balanced_accuracy",
    "conflict_status",
    "evidence_recall",
    "mrr",
)
"""The metrics that are shown first; those that a run does not have are left out."""

_METRICS: dict[str, tuple[str, str]] = {
    "validity": ("Valid citations", "citations that quote the stored text of a passage"),
    "leak_rate": ("Claims without a citation", "claims that no valid citation stands behind"),
    "citation_recall": ("Citation recall", "claims that their citations together support"),
    "citation_precision": ("Citation precision", "citations that are needed, of claims that are supported"),
    "citation_f1": ("Citation F1", "the harmonic mean of citation recall and precision"),
    "weighted_precision": ("Weighted precision", "citations by how far each alone supports its claim"),
    "weighted_recall": ("Weighted recall", "claims by how far the best of their citations supports them"),
    "faithfulness": ("Faithfulness", "claims that the passages support, cited or not"),
    "nugget_recall_vital": ("Vital nuggets", "facts that an answer must state and does"),
    "nugget_recall": ("All nuggets", "facts that a good answer states, vital or not"),
    "exact_match": ("Exact match", "answers that are the short answer, word for word"),
    "token_f1": ("Token F1", "overlap of the answer's words with the reference"),
    "contains": ("Contains the answer", "short answers that stand in the answer"),
    "first_claim_contains": ("First claim answers", "short answers that stand in the first claim"),
    "must_not": ("Must not be said", "statements that must not be made and are"),
    "abstention_precision": ("Abstention precision", "abstentions that are right"),
    "abstention_recall": ("Abstention recall", "unanswerable questions that are declined"),
    "answer_precision": ("Answer precision", "answers that are to answerable questions"),
    "answer_recall": ("Answer recall", "answerable questions that are answered"),
    "balanced_accuracy": ("Balanced accuracy", "the mean of abstention recall and answer recall"),
    "answerable_f1": ("Answerable F1", "the harmonic mean of answer precision and recall"),
    "right_without_documents": ("Right without documents", "right answers that the documents do not hold"),
    "conflict_status": ("Conflict noticed", "disagreements that are reported as such"),
    "conflict_both_sides": ("Both sides given", "disagreements with a claim for each side"),
    "conflict_sides_cited": ("Sides cited", "pieces of evidence of a disagreement that are cited"),
    "false_conflict": ("False conflicts", "answers that report a disagreement where there is none"),
    "recall": ("Recall", "relevant documents among the first"),
    "success": ("Success", "questions with a relevant document among the first"),
    "mrr": ("Reciprocal rank", "1 / rank of the first relevant document"),
    "ndcg": ("nDCG", "discounted gain of the documents, by the best order"),
    "evidence_recall": ("Evidence recall", "pieces of evidence that lie wholly in the first passages"),
    "evidence_document_cited": ("Evidence cited", "answers that cite a document of the evidence"),
    "first_claim_ms": ("First claim", "from the question to the first verified claim"),
    "total_ms": ("Total", "from the question to the end of the answer"),
    "retrieve_ms": ("Retrieval", "from the question to the passages"),
    "write_ms": ("Writing", "from the passages to the end of the answer"),
    "cost_usd": ("Cost of an answer", "US dollars"),
    "cost_per_supported_answer": ("Cost of a supported answer", "US dollars of all, by answers supported"),
}


def label(name: str) -> str:
    """A metric's name for people, such as `Recall at 5`; one that is not known is called as it is."""
    plain, percentile, parameter = _parts(name)
    if plain not in _METRICS:
        return name
    words = _METRICS[plain][0]
    if parameter:
        words += f" at {parameter}" if parameter.isdigit() else f", {parameter}"
    return f"{words}, {percentile}" if percentile else words


def meaning(name: str) -> str:
    """What a metric counts, in a few words; empty for one that is not known."""
    plain, _, parameter = _parts(name)
    words = _METRICS.get(plain, ("", ""))[1]
    return f"{words} {parameter}" if parameter.isdigit() and words.endswith("first") else words


def unit(metric: Metric) -> Literal["share", "ms", "usd"]:
    """What a metric's figures are: shares in [0, 1], milliseconds or US dollars."""
    if metric.family == "time":
        return "ms"
    return "usd" if metric.family == "cost" else "share"


def written(value: float | None, metric: Metric) -> str:
    """A figure as it is shown: a share, milliseconds or dollars, and a dash where there is none."""
    if value is None:
        return "–"
    match unit(metric):
        case "share":
            return share(value)
        case "ms":
            return milliseconds(value)
        case "usd":
            return f"${value:.4g}"


def change(value: float | None, metric: Metric) -> str:
    """A difference of two figures, with its sign."""
    if not value:
        return "–" if value is None else "±0"
    return ("+" if value > 0 else "−") + written(abs(value), metric)


def share(value: float) -> str:
    """A share with two decimals, and as many more as it needs not to look like 0 or 1 where it is neither."""
    nearest = round(value)
    if abs(value - nearest) < 1e-9:
        return str(nearest)
    for decimals in range(2, 9):
        if float(text := f"{value:.{decimals}f}") != nearest:
            return text
    return f"{value:.9f}"


def milliseconds(value: float) -> str:
    """A time, as `48 ms` or `1.2 s`."""
    if value >= 1000:
        return f"{value / 1000:.3g} s"
    return f"{value:.0f} ms" if value >= 10 else f"{value:.1f} ms"


def _parts(name: str) -> tuple[str, str, str]:
    """The metric's name without its percentile and its parameter, and both."""
    plain, _, parameter = name.partition("@")
    stem, _, last = plain.rpartition("_")
    return (stem, last, parameter) if last in ("p50", "p95") else (plain, "", parameter)
