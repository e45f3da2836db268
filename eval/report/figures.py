"""From a scored run to the rows of figures that a report shows."""

from collections.abc import Callable, Mapping, Sequence

from eval.example import Example
from eval.judges.calibrate import Estimate
from eval.metrics.aggregate import interval, summarise
from eval.metrics.metric import Metric, Scores
from eval.report.model import Figure, MetricRow


def metric_rows(
    metrics: Sequence[Metric],
    scores: Scores,
    examples: Sequence[Example],
    *,
    judges: Mapping[str, str] | None = None,
    corrected: Mapping[str, Estimate] | None = None,
    seed: int = 0,
) -> tuple[MetricRow, ...]:
    """The figures of each metric that is defined for some example, by kind and by language.

    By the metric's name, `judges` has the method of the judge that measured it, and `corrected` its figure
    with that judge's known errors taken out. Kinds and languages are in the order in
    which the examples have them; those that leave the metric undefined are left out.
    """
    kinds = _groups(examples, lambda example: example.kind)
    languages = _groups(examples, lambda example: example.language)
    clusters = {example.id: example.cluster for example in examples}
    rows = (
        MetricRow(
            metric,
            _figure(metric, scores, clusters, seed),
            _by(kinds, metric, scores, clusters, seed),
            _by(languages, metric, scores, clusters, seed),
            (judges or {}).get(metric.name, ""),
            (corrected or {}).get(metric.name),
        )
        for metric in metrics
    )
    return tuple(row for row in rows if row.all.n)


def _figure(metric: Metric, scores: Scores, clusters: Mapping[str, str], seed: int) -> Figure:
    found = summarise(metric, scores)
    return Figure(
        found.value,
        interval(metric, scores, clusters=clusters, seed=seed) if found.value is not None else None,
        found.examples - found.undefined,
        found.undefined,
    )


def _by(
    groups: Mapping[str, Sequence[str]],
    metric: Metric,
    scores: Scores,
    clusters: Mapping[str, str],
    seed: int,
) -> dict[str, Figure]:
    figures = {
        name: _figure(metric, {each: scores[each] for each in ids if each in scores}, clusters, seed)
        for name, ids in groups.items()
    }
    return {name: figure for name, figure in figures.items() if figure.n}


def _groups(examples: Sequence[Example], key: Callable[[Example], str]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for example in examples:
        groups.setdefault(key(example), []).append(example.id)
    return groups
