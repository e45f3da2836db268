"""What a run's judged figures become once the judge's known errors are taken out."""

from collections.abc import Mapping, Sequence

from eval.judges.calibrate import Estimate
from eval.judges.calibration_file import Calibrated
from eval.metrics.aggregate import interval, summarise
from eval.metrics.metric import Metric, Scores

RATES = (
    "citation_recall@quote",
    "citation_precision@quote",
    "citation_recall@chunk",
    "citation_precision@chunk",
    "faithfulness",
)
"""The metrics that are rates of yes and no by the judge.

Citation recall asks the judge once a claim, and the correction is exact in expectation. A citation's precision
hangs on up to three judgements that must agree, and a claim is faithful if any of many passages carries it:
there one judgement's errors are not the figure's, and the correction is approximate. For faithfulness it is
too high, since every passage is one more chance of a false yes.
"""


def corrected(
    metric: Metric,
    scores: Scores,
    calibrated: Calibrated,
    *,
    clusters: Mapping[str, str] | None = None,
    seed: int = 0,
) -> Estimate | None:
    """The run's figure by `Calibration.corrected`, without a value where nothing follows; None for no rate.

    It may be applied to a mean over answers as to a rate of claims, since both are linear in what the judge
    says of a claim.
    """
    if metric.name not in RATES:
        return None
    rate = summarise(metric, scores).value
    if rate is None:
        return None
    spread = interval(metric, scores, clusters=clusters, seed=seed)
    return calibrated.calibration.corrected(rate, spread)


def corrections(
    metrics: Sequence[Metric],
    scores: Scores,
    judges: Mapping[str, str],
    known: Mapping[str, Calibrated],
    *,
    clusters: Mapping[str, str] | None = None,
    seed: int = 0,
) -> dict[str, Estimate]:
    """The corrected figures by metric, where a calibration of the judge that measured it is known."""
    found = {
        metric.name: corrected(metric, scores, known[judges[metric.name]], clusters=clusters, seed=seed)
        for metric in metrics
        if judges.get(metric.name) in known
    }
    return {name: estimate for name, estimate in found.items() if estimate}
