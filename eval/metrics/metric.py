"""What a metric is: how one record is measured, and how a run's measurements become one figure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from eval.judges.judge import SupportJudge
from eval.metrics.measurement import Measurement
from eval.records import Record

Family = Literal[
    "validity",
    "citations",
    "support",
    "correctness",
    "abstention",
    "conflict",
    "retrieval",
    "time",
    "cost",
]
Better = Literal["higher", "lower"]
Rule = Literal["mean", "ratio", "p50", "p95", "mean_of_parts", "f1_of_parts"]

Measure = Callable[[Record], Measurement]
JudgedMeasure = Callable[[Record, SupportJudge], Measurement]

Scores = Mapping[str, Mapping[str, Measurement]]
"""A scored run: by example id, the measurement of each metric that has one."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric: has `measure`, or `judged` (with a judge), or is a figure made of others' (`parts`).

    `rule` makes one figure of a run. `mean`: the macro mean over the records where the metric is defined.
    `ratio`: the sum of numerators by the sum of denominators. `p50`, `p95`: the percentile by nearest rank.
    `mean_of_parts` and `f1_of_parts`: the mean and the harmonic mean of the means of the parts.
    """

    name: str
    family: Family
    better: Better
    measure: Measure | None = None
    judged: JudgedMeasure | None = None
    rule: Rule = "mean"
    parts: tuple[str, ...] = ()

    @property
    def needs_judge(self) -> bool:
        """Whether it is measured with a judge of support."""
        return self.judged is not None

    @property
    def sources(self) -> tuple[str, ...]:
        """The names of the measurements that its figure is made of."""
        return self.parts or (self.name,)
