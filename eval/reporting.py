"""From the folders of runs to the data of a report."""

from collections.abc import Mapping, Sequence

from eval.gates import compared, same_suite
from eval.judges.calibration_file import Calibrated, described, known
from eval.judges.correction import corrections
from eval.judges.remembered import JUDGEMENTS, expenses
from eval.metrics.metric import Metric
from eval.metrics.registry import METRICS
from eval.output import title
from eval.records import Answer, Record
from eval.report import Base, Event, ExampleRow, Judging, ReportData, metric_rows
from eval.run import Run
from eval.scores import HEADLINE, Scored, metrics


def report_data(
    run: Run, scored: Scored, base: tuple[Run, Scored] | None = None, *, chosen: Sequence[Metric] = METRICS
) -> ReportData:
    """What the report of a run shows, compared with a base run where there is one.

    Raises `RunError` where the two are of different suites or judges.
    """
    calibrations = known(run.folder)
    examples = list(run.examples.values())
    fixed = corrections(chosen, scored.scores, scored.judges, calibrations, clusters=run.clusters)
    return ReportData(
        title=f"{run.folder.name}, {title(run)}",
        created=_created(run),
        settings=settings(run),
        metrics=metric_rows(chosen, scored.scores, examples, judges=scored.judges, corrected=fixed),
        judging=_judging(run, scored, calibrations),
        examples=_rows(run, scored),
        base=_base(*base, run, scored) if base else None,
    )


def settings(run: Run) -> dict[str, str]:
    """What a run depends on, flat: `versions.chromadb`."""
    flat: dict[str, str] = {}
    for name, value in run.about.items():
        if isinstance(value, dict):
            flat |= {f"{name}.{inner}": str(each) for inner, each in value.items() if each is not None}
        elif name != "format":
            flat[name] = str(value)
    return flat


def _judging(run: Run, scored: Scored, calibrations: Mapping[str, Calibrated]) -> tuple[Judging, ...]:
    spent = expenses(run.folder / JUDGEMENTS)
    return tuple(
        Judging(
            method,
            str(spent[method]) if method in spent else "",
            described(calibrations[method]) if method in calibrations else "",
        )
        for method in dict.fromkeys(scored.judges.values())
    )


def _base(base: Run, base_scored: Scored, run: Run, scored: Scored) -> Base:
    same_suite(base.about, run.about, str(base.folder))
    return Base(
        title=f"{base.folder.name}, {title(base)}",
        created=_created(base),
        comparisons=tuple(compared(base_scored, scored, run, metrics(HEADLINE))),
        settings=settings(base),
        examples={row.record.example.id: row for row in _rows(base, base_scored)},
    )


def _rows(run: Run, scored: Scored) -> tuple[ExampleRow, ...]:
    failures = run.failures
    rows = []
    for identifier, example in run.examples.items():
        recorded = run.recorded.get(identifier)
        rows.append(
            ExampleRow(
                record=run.records.get(identifier) or Record(example, Answer(), run.texts),
                scores=scored.scores.get(identifier, {}),
                events=tuple(Event(each.name, each.data, each.ms) for each in recorded.events)
                if recorded
                else (),
                error=failures.get(identifier, ""),
            )
        )
    return tuple(rows)


def _created(run: Run) -> str:
    return str(run.about.get("created_at", ""))
