"""Figures as people and build servers read them: aligned tables, Markdown for a pull request, JUnit XML."""

import re
from collections.abc import Mapping, Sequence
from textwrap import wrap
from xml.etree import ElementTree as ET

from eval.compare import Comparison
from eval.gates import Check
from eval.judges.calibrate import Estimate
from eval.judges.calibration_file import Calibrated, described
from eval.judges.correction import corrections
from eval.judges.remembered import Remembered
from eval.metrics.aggregate import interval, summarise
from eval.metrics.metric import Metric
from eval.run import Run
from eval.scores import Scored
from eval.stats import Interval

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_WIDTH = 100
NO_CORRECTION = (
    "no corrected rate follows where a judge with these errors would not report the raw one: the labels that "
    "it was measured on are not like the claims of this run"
)
_VERDICTS = {"regressed": "regressed", "improved": "improved", "no_evidence": "no evidence"}


def table(header: Sequence[str], rows: Sequence[Sequence[str]], *, left: int = 1) -> list[str]:
    """Lines with aligned columns: the first `left` ones to the left, the others to the right.

    A row of one cell is a heading.
    """
    widths = [max(len(row[at]) for row in (header, *rows) if len(row) > 1) for at in range(len(header))]

    def aligned(row: Sequence[str]) -> str:
        if len(row) == 1:
            return row[0]
        cells = (
            cell.ljust(width) if at < left else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        return "  ".join(cells).rstrip()

    return [aligned(header), *map(aligned, rows)]


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]], *, left: int = 1) -> list[str]:
    """The same as a Markdown table."""
    marks = ["---" if at < left else "---:" for at in range(len(header))]
    return [
        f"| {' | '.join(each.replace('|', chr(92) + '|') for each in row)} |"
        for row in (header, marks, *rows)
    ]


def figures(
    run: Run,
    scored: Scored,
    chosen: Sequence[Metric],
    *,
    known: Mapping[str, Calibrated] | None = None,
    seed: int = 0,
) -> list[str]:
    """The figures of a run by family, each with its 95 % interval and the examples where it is defined.

    Metrics that are defined nowhere are named in the last line; an asterisk marks what a judge measured. Where
    the judge's calibration is `known`, by its method, the corrected rate stands beside the raw one.
    """
    known = known or {}
    fixed = corrections(chosen, scored.scores, scored.judges, known, clusters=run.clusters, seed=seed)
    rows: list[list[str]] = []
    nowhere: list[str] = []
    family = ""
    for metric in _by_family(chosen):
        found = summarise(metric, scored.scores)
        if found.value is None:
            nowhere.append(metric.name)
            continue
        if metric.family != family:
            family = metric.family
            rows.append([family])
        spread = interval(metric, scored.scores, clusters=run.clusters, seed=seed)
        rows.append(
            [
                f"  {metric.name}{'*' if metric.name in scored.judges else ''}",
                amount(found.value, metric),
                between(spread, metric),
                *(_corrected(fixed.get(metric.name), metric) if fixed else ()),
                str(found.examples - found.undefined),
                "lower" if metric.better == "lower" else "",
            ]
        )
    columns = ["corrected", "its interval"] if fixed else []
    lines = table(["", "value", "95 % interval", *columns, "n", "better"], rows) if rows else []
    shown = [metric.name for metric in chosen if metric.name not in nowhere]
    if judges := sorted({scored.judges[name] for name in shown if name in scored.judges}):
        lines.append(f"* judged by {', '.join(judges)}")
        for judge in judges:
            if judge in known:
                about = f"{judge} has {described(known[judge])}"
                lines += wrap(about, _WIDTH, initial_indent="  ", subsequent_indent="    ")
    if any(each.value is None for each in fixed.values()):
        lines += wrap(NO_CORRECTION, _WIDTH, initial_indent="  ", subsequent_indent="    ")
    if nowhere:
        lines += wrap(f"defined for no example: {', '.join(nowhere)}", _WIDTH, subsequent_indent="  ")
    return lines


def expense_lines(judge: Remembered) -> list[str]:
    """What a model's judgements took, apart from the cost of the answers; nothing for a judge that is free."""
    used, asked = judge.used, judge.asked
    if not (used.prompt_tokens or used.cost_usd or used.unpriced):
        return []
    return [
        f"the judge's own cost, which is in no figure: {used}",
        f"  asked for now: {asked}" if asked.judgements else "  asked for now: nothing, all of it was kept",
    ]


def calibration_lines(found: Calibrated) -> list[str]:
    """How far a judge agrees with people."""
    about = found.calibration
    shares = (
        ("sensitivity", about.sensitivity, about.positives),
        ("specificity", about.specificity, about.negatives),
        ("balanced accuracy", about.balanced_accuracy, about.positives + about.negatives),
        ("kappa", about.kappa, about.positives + about.negatives),
    )
    rows = [
        [
            name,
            "-" if estimate.value is None else f"{estimate.value:.3f}",
            f"{estimate.interval.low:.3f} to {estimate.interval.high:.3f}" if estimate.interval else "-",
            str(count),
        ]
        for name, estimate, count in shares
    ]
    return [
        f"{about.method} on {found.source.name}",
        *table(["", "value", "95 % interval", "pairs"], rows),
    ]


def comparisons(found: Sequence[Comparison], chosen: Sequence[Metric]) -> list[str]:
    """A paired comparison as a table."""
    return table(_COMPARED, [_compared(each, _metric(chosen, each)) for each in found])


def checks_table(checks: Sequence[Check], chosen: Sequence[Metric]) -> list[str]:
    """The checks of a gate: what must be exact, a line each, then the comparison with the baseline."""
    exact = [check for check in checks if not check.comparison]
    width = max(len(check.name) for check in exact)
    lines = [
        f"{'pass' if check.passed else 'FAIL'}  {check.name:<{width}}  {check.detail}" for check in exact
    ]
    found = [check.comparison for check in checks if check.comparison]
    failed = [check.name for check in checks if not check.passed]
    verdict = f"FAIL: {', '.join(failed)}" if failed else f"pass: all {len(checks)} checks"
    return [*lines, *(["", *comparisons(found, chosen)] if found else []), "", verdict]


def markdown(run: Run, checks: Sequence[Check], chosen: Sequence[Metric]) -> str:
    """The gates as a comment for a pull request."""
    failed = [check for check in checks if not check.passed]
    verdict = (
        f"**{len(failed)} of {len(checks)} checks failed**" if failed else f"**{len(checks)} checks passed**"
    )
    lines = [f"### Evaluation: {title(run)}", "", verdict, ""]
    lines += [f"- {check.name}: {check.detail}" for check in failed]
    lines += [""] if failed else []
    exact = [
        [check.name, "pass" if check.passed else "**fail**", check.detail]
        for check in checks
        if not check.comparison
    ]
    lines += [*markdown_table(["check", "", "found"], exact, left=3), ""]
    found = [check.comparison for check in checks if check.comparison]
    if found:
        rows = [_compared(each, _metric(chosen, each)) for each in found]
        lines += ["Compared with the baseline, paired by example:", "", *markdown_table(_COMPARED, rows), ""]
    return "\n".join(lines)


def junit(gated: Sequence[tuple[Run, Sequence[Check]]]) -> str:
    """The gates of some runs as JUnit XML: a suite for each run and layer, a case for each check."""
    root = ET.Element("testsuites", name="qa-eval")
    for run, checks in gated:
        for layer in dict.fromkeys(check.layer for check in checks):
            cases = [check for check in checks if check.layer == layer]
            failed = sum(not check.passed for check in cases)
            name = _xml(f"{layer}: {title(run)}")
            suite = ET.SubElement(root, "testsuite", name=name, tests=str(len(cases)), failures=str(failed))
            for check in cases:
                case = ET.SubElement(suite, "testcase", classname=name, name=check.name)
                detail = _xml(check.detail)
                if check.passed:
                    ET.SubElement(case, "system-out").text = detail
                else:
                    ET.SubElement(case, "failure", message=detail).text = detail
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def title(run: Run) -> str:
    """A run in a few words: suite, examples, target."""
    target = run.about.get("target", {})
    model = run.about.get("settings", {}).get("model") or (
        "extractive" if target.get("kind") == "in_process" else ""
    )
    what = " ".join(str(each) for each in (target.get("kind"), target.get("url"), model) if each)
    return f"{run.about.get('suite', {}).get('name')}, {len(run.examples)} examples, {what}"


def amount(value: float | None, metric: Metric) -> str:
    """A figure with the digits that its unit deserves."""
    if value is None:
        return "-"
    if metric.family == "time":
        return f"{value:,.0f}" if value >= 10 else f"{value:.1f}"
    return f"{value:.5f}" if metric.family == "cost" else f"{value:.3f}"


def between(found: Interval | None, metric: Metric) -> str:
    """An interval."""
    return f"{amount(found.low, metric)} to {amount(found.high, metric)}" if found else "-"


_COMPARED = (
    "metric",
    "base",
    "new",
    "change",
    "95 % interval",
    "p (Holm)",
    "pairs",
    "+",
    "-",
    "visible",
    "verdict",
)


def _compared(each: Comparison, metric: Metric) -> list[str]:
    change = each.delta or 0.0
    spread = each.interval
    return [
        each.metric,
        amount(each.base, metric),
        amount(each.new, metric),
        f"{'+' if change >= 0 else '-'}{amount(abs(change), metric)}",
        f"{spread.low:+.3f} to {spread.high:+.3f}" if spread else "-",
        f"{each.p_holm:.4f}",
        str(each.pairs),
        str(each.wins),
        str(each.losses),
        amount(each.smallest_visible, metric),
        _VERDICTS[each.verdict],
    ]


def _corrected(found: Estimate | None, metric: Metric) -> list[str]:
    return [amount(found.value, metric), between(found.interval, metric)] if found else ["", ""]


def _by_family(chosen: Sequence[Metric]) -> list[Metric]:
    """The metrics with those of one family together."""
    families = list(dict.fromkeys(metric.family for metric in chosen))
    return sorted(chosen, key=lambda metric: families.index(metric.family))


def _metric(chosen: Sequence[Metric], each: Comparison) -> Metric:
    return next(metric for metric in chosen if metric.name == each.metric)


def _xml(text: str) -> str:
    """Without the characters that XML can't hold."""
    return _NOT_XML.sub("\ufffd", text)
