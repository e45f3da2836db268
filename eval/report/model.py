"""What a report shows: the figures of a run, its examples, and what has changed since another run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from eval.compare import Comparison
from eval.judges.calibrate import Estimate
from eval.metrics.measurement import Measurement
from eval.metrics.metric import Metric, Scores
from eval.records import Record
from eval.stats import Interval


@dataclass(frozen=True, slots=True)
class Figure:
    """A metric over some examples: its value and 95 % interval, None where it is defined for none of them.

    `n` counts the examples for which it is defined, `undefined` the others.
    """

    value: float | None
    interval: Interval | None
    n: int
    undefined: int


@dataclass(frozen=True, slots=True)
class MetricRow:
    """A metric with its figures: of all examples, and by their kind and language in the order of the plot.

    `judge` names the method of the judge that it was measured with, empty for a metric that needs none;
    `corrected` is the figure with that judge's known errors taken out, None where they are not known.
    """

    metric: Metric
    all: Figure
    by_kind: Mapping[str, Figure] = field(default_factory=dict)
    by_language: Mapping[str, Figure] = field(default_factory=dict)
    judge: str = ""
    corrected: Estimate | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """One event of the stream of an answer, as it came: its name and its JSON value.

    `at_ms` is when it came, in milliseconds from the question. An event called `done` has the whole answer.
    """

    name: str
    data: Any
    at_ms: float | None = None


@dataclass(frozen=True, slots=True)
class ExampleRow:
    """An example: what was answered (with the canonical texts that are cited), measured and streamed.

    `error` says why there is no answer, where there is none; the record's answer is then empty.
    """

    record: Record
    scores: Mapping[str, Measurement] = field(default_factory=dict)
    events: tuple[Event, ...] = ()
    error: str = ""


@dataclass(frozen=True, slots=True)
class Judging:
    """A judge of the run: its method, what its judgements took, and what is known of its errors.

    The last two in words, empty where there was no cost and where it was never calibrated.
    """

    method: str
    cost: str = ""
    errors: str = ""


@dataclass(frozen=True, slots=True)
class Base:
    """The run that is compared with: what `eval.compare` says of each metric, and its examples by id."""

    title: str
    created: str
    comparisons: tuple[Comparison, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    examples: Mapping[str, ExampleRow] = field(default_factory=dict)

    @property
    def scores(self) -> Scores:
        """The base run's measurements by example."""
        return {name: row.scores for name, row in self.examples.items()}


@dataclass(frozen=True, slots=True)
class ReportData:
    """All that `render` needs. `created` is shown as it is; `settings` are shown in their order."""

    title: str
    created: str
    settings: Mapping[str, str] = field(default_factory=dict)
    metrics: tuple[MetricRow, ...] = ()
    examples: tuple[ExampleRow, ...] = ()
    base: Base | None = None
    judging: tuple[Judging, ...] = ()
