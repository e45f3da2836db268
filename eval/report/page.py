"""The report as one HTML file that needs no server, asks nobody for anything, and runs one script: its own."""

import base64
import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from eval.metrics.aggregate import summarise
from eval.metrics.metric import Metric
from eval.report.changes import changed_examples, changed_metrics, most_changed, unchanged_metrics
from eval.report.drawings import clouds, times
from eval.report.examples import ExampleView, views
from eval.report.labels import label, milliseconds, unit
from eval.report.model import Base, ReportData
from eval.report.pool import Pool, island
from eval.report.quoting import shown
from eval.report.tables import groups, headlines, panels

_FOLDER = Path(__file__).parent / "templates"


@dataclass(frozen=True, slots=True)
class Filters:
    """What examples can be picked by; a metric with its name, its words and its unit."""

    kinds: Sequence[str]
    languages: Sequence[str]
    statuses: Sequence[str]
    metrics: Sequence[tuple[str, str, str]]


def render(data: ReportData) -> str:
    """The page. Texts of any origin are shown as text; its policy lets nothing else run or load."""
    pool = Pool()
    pool.take_repeated(row.events for row in data.examples)
    metrics = [row.metric for row in data.metrics]
    examples = views(data.examples, metrics, pool)
    changed = changed_examples(data.base, examples, metrics) if data.base else {}
    base_figures = _base_figures(data.base, metrics)
    style, script = _asset("report.css"), _asset("report.js")
    page = _environment().get_template("page.html.jinja")
    return _encodable(
        page.render(
            data=data,
            policy=_policy(style, script),
            style=style,
            script=script,
            summary=_summary(examples),
            headlines=headlines(data.metrics, base_figures),
            groups=groups(data.metrics, base_figures),
            panels=panels(data.metrics),
            clouds=clouds(examples),
            times=times(examples),
            changes=changed_metrics(data.base, metrics) if data.base else [],
            unchanged=unchanged_metrics(data.base, metrics) if data.base else [],
            changed=changed,
            most_changed=most_changed(changed),
            examples=examples,
            filters=_filters(examples, metrics),
            island=island({"texts": pool.texts, "values": _values(data, metrics)}),
            streams=[island(pool.stream(row.events)) for row in data.examples],
        )
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(shown=shown, milliseconds=milliseconds)
    return environment


def _asset(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8").strip()


def _policy(style: str, script: str) -> str:
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {_hash(script)}",
            f"style-src {_hash(style)}",
            "base-uri 'none'",
            "form-action 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        )
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _encodable(page: str) -> str:
    """The page without halves of surrogate pairs, which JSON can hold and no file can."""
    return page.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _summary(examples: Sequence[ExampleView]) -> list[tuple[str, int]]:
    """How many answers have each status, the most common first."""
    return Counter(example.status for example in examples).most_common()


def _base_figures(base: Base | None, metrics: Sequence[Metric]) -> Mapping[str, float | None]:
    """The base run's own figures, over all its examples as those beside them are: comparisons pair what both have."""
    return {metric.name: summarise(metric, base.scores).value for metric in metrics} if base else {}


def _values(data: ReportData, metrics: Sequence[Metric]) -> dict[str, list[float | None]]:
    """What the page filters by: of each metric the values in the order of the examples."""
    return {
        metric.name: [
            row.scores[metric.name].value if metric.name in row.scores else None for row in data.examples
        ]
        for metric in _measured(metrics)
    }


def _filters(examples: Sequence[ExampleView], metrics: Sequence[Metric]) -> Filters:
    return Filters(
        list(dict.fromkeys(each.row.record.example.kind for each in examples)),
        list(dict.fromkeys(each.row.record.example.language for each in examples)),
        list(dict.fromkeys(each.status for each in examples)),
        [(metric.name, label(metric.name), unit(metric)) for metric in _measured(metrics)],
    )


def _measured(metrics: Sequence[Metric]) -> list[Metric]:
    """Those that have a value for one example; the others are made of them."""
    return [metric for metric in metrics if not metric.parts]
