"""Measuring a run, and keeping what was measured: `scores.jsonl`, a line for each example and metric.

A metric that is added later is measured on what was recorded; nothing is asked again.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from eval import jsonl
from eval.errors import RunError
from eval.jsonl import JSON
from eval.judges.judge import SupportJudge
from eval.metrics.measurement import UNDEFINED, Measurement
from eval.metrics.metric import Metric, Scores
from eval.metrics.registry import METRICS, score
from eval.records import Record
from eval.run import Run

SCORES = "scores.jsonl"

HEADLINE = (
    "citation_recall@quote",
    "citation_precision@quote",
    "faithfulness",
    "nugget_recall_vital",
    "must_not",
    "answer_recall",
    "abstention_recall",
    "conflict_status",
    "false_conflict",
    "recall@5",
    "ndcg@10",
    "evidence_recall",
)
"""The metrics that a verdict is about unless others are named: few, since each more takes power from all."""

_BY_NAME = {metric.name: metric for metric in METRICS}


@dataclass(frozen=True, slots=True)
class Scored:
    """The measurements of a run by example and metric, and the judge's method of those that a judge made."""

    scores: Scores
    judges: Mapping[str, str]

    def restricted(self, names: Iterable[str]) -> Scores:
        """The scores of some metrics, with every example."""
        wanted = set(names)
        return {
            example: {name: each for name, each in measured.items() if name in wanted}
            for example, measured in self.scores.items()
        }


def metrics(names: Sequence[str]) -> tuple[Metric, ...]:
    """Metrics by name, in the order of the report; raises `RunError` for one that there is not."""
    if unknown := [name for name in names if name not in _BY_NAME]:
        raise RunError(f"there is no metric {unknown[0]!r}; there are {', '.join(_BY_NAME)}")
    return tuple(metric for metric in METRICS if metric.name in names)


def sources(chosen: Sequence[Metric]) -> tuple[Metric, ...]:
    """The metrics whose measurements the chosen ones are made of."""
    names = {name for metric in chosen for name in metric.sources}
    return tuple(metric for metric in METRICS if metric.name in names)


def applicable(run: Run, chosen: Sequence[Metric]) -> tuple[Metric, ...]:
    """The chosen metrics that mean something for the run: where only passages were asked for, of these alone."""
    if run.about.get("target", {}).get("kind") != "passages":
        return tuple(chosen)
    return tuple(metric for metric in chosen if metric.family == "retrieval")


def measure(
    run: Run,
    judge: SupportJudge,
    chosen: Sequence[Metric] = METRICS,
    *,
    jobs: int = 1,
    on_done: Callable[[], None] = lambda: None,
) -> Scored:
    """The measurements of a run's records, `jobs` records at a time: for a judge that has to be waited for."""
    wanted = sources(applicable(run, chosen))

    def measured(record: Record) -> dict[str, Measurement]:
        found = score(record, judge, wanted)
        on_done()
        return found

    pool = ThreadPoolExecutor(max_workers=jobs)
    try:
        scores = dict(zip(run.records, pool.map(measured, run.records.values()), strict=True))
    finally:
        pool.shutdown(cancel_futures=True)  # after a failure no more is asked
    return Scored(scores, {metric.name: judge.method for metric in wanted if metric.needs_judge})


def keep(folder: Path, new: Scored) -> Scored:
    """Write measurements down beside those of other metrics, which stay; gives all of them back.

    Those of examples that have gone are dropped with them.
    """
    path = folder / SCORES
    old = read_if_any(folder)
    names = {name for measured in new.scores.values() for name in measured}
    kept = {
        example: {
            **{name: each for name, each in old.scores.get(example, {}).items() if name not in names},
            **measured,
        }
        for example, measured in new.scores.items()
    }
    judges = {**{name: each for name, each in old.judges.items() if name not in names}, **new.judges}
    merged = Scored(kept, judges)
    jsonl.write(path, rows(merged))
    return merged


def read(folder: Path) -> Scored:
    """What was measured; raises `RunError` where nothing was, or the file is wrong."""
    path = folder / SCORES
    if not path.exists():
        raise RunError(f"{folder} has no scores: qa-eval score {folder} makes them")
    scores: dict[str, dict[str, Measurement]] = {}
    judges: dict[str, str] = {}
    for at, row in jsonl.rows(path, RunError):
        example, name = (jsonl.text(row, field, at, RunError) for field in ("example", "metric"))
        scores.setdefault(example, {})[name] = _measurement(row, at)
        if judge := row.get("judge"):
            judges[name] = judge
    return Scored(scores, judges)


def read_if_any(folder: Path) -> Scored:
    """What was measured, or nothing."""
    return read(folder) if (folder / SCORES).exists() else Scored({}, {})


def rows(scored: Scored, *, sparse: bool = False) -> Iterable[JSON]:
    """The lines of `scores.jsonl`; `sparse` leaves out what is undefined but for one line an example."""
    for example, measured in scored.scores.items():
        kept = {name: each for name, each in measured.items() if not sparse or each != UNDEFINED}
        for name, each in (kept or dict(list(measured.items())[:1])).items():
            row: JSON = {
                "example": example,
                "metric": name,
                "value": _plain(each.value),
                "numerator": _plain(each.numerator),
                "denominator": _plain(each.denominator),
            }
            yield {**row, "judge": scored.judges[name]} if name in scored.judges else row


def _plain(value: float | None) -> float | None:
    """As a whole number where it is one; others keep every digit, since runs are compared by them."""
    return value if value is None or value != int(value) else int(value)


def _measurement(row: JSON, at: str) -> Measurement:
    value = None if row.get("value") is None else _number(row, "value", at)
    return Measurement(value, _number(row, "numerator", at), _number(row, "denominator", at))


def _number(row: JSON, name: str, at: str) -> float:
    found = row.get(name)
    if type(found) not in (int, float) or not math.isfinite(found):  # type: ignore[arg-type]  # a number by then
        raise RunError(f"{at}: {name} is {found!r}: it should be a number")
    return float(found)  # type: ignore[arg-type]
