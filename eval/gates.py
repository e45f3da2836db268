"""Gates that a change must pass: what must be exact in every run, and no metric worse than the baseline's.

A baseline is a folder with the `run.json` and the headline scores of a run (`keep_baseline`). The comparison is
paired by example (`eval.compare`), so that only what changed counts, and says `regressed` only with evidence.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from eval import jsonl
from eval.compare import Comparison, compare_all
from eval.errors import RunError
from eval.metrics.metric import Metric
from eval.run import ABOUT, Run, read_about
from eval.scores import HEADLINE, SCORES, Scored, metrics, read, rows, sources
from eval.stats import rule_of_three

BASELINES = Path(__file__).parent / "baseline"
"""The committed baselines of the shipped dataset, a folder for each kind of target."""

INVARIANTS = ("validity", "leak_rate")

Layer = Literal["invariants", "quality"]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that a gate looks at; `detail` says what was found, and where it failed, in which examples."""

    layer: Layer
    name: str
    passed: bool
    detail: str
    comparison: Comparison | None = None


def gate_metrics() -> tuple[Metric, ...]:
    """What must be measured for the gates."""
    return metrics((*INVARIANTS, *HEADLINE))


def invariants(run: Run, scored: Scored) -> list[Check]:
    """Every example has an answer, every citation is valid (exactly 1), no sentence is without one (exactly 0)."""
    failures = run.failures
    complete = Check(
        "invariants",
        "complete",
        not failures,
        _listed(f"{len(failures)} of {len(run.examples)} examples have no answer", failures)
        if failures
        else f"{len(run.examples)} of {len(run.examples)} examples have an answer",
    )
    return [complete, _exact(scored, "validity", "citations"), _exact(scored, "leak_rate", "claims")]


def quality(run: Run, scored: Scored, baseline: Path) -> list[Check]:
    """No headline metric regressed since the baseline; raises `RunError` where that is of another suite."""
    base = read_about(baseline)
    same_suite(base, run.about, f"the baseline {baseline}")
    return [
        Check("quality", each.metric, each.verdict != "regressed", described(each), each)
        for each in compared(read(baseline), scored, run, metrics(HEADLINE))
    ]


def compared(base: Scored, new: Scored, run: Run, chosen: Sequence[Metric]) -> list[Comparison]:
    """The paired comparison by the chosen metrics, those left out that no example has in both runs.

    Raises `RunError` where different judges made a metric's measurements.
    """
    for metric in sources(chosen):
        one, other = base.judges.get(metric.name), new.judges.get(metric.name)
        if one and other and one != other:
            raise RunError(
                f"{metric.name} was judged by {one} there and by {other} here: score one of them again"
            )
    found = compare_all(
        base.scores,
        new.scores,
        [each for each in chosen if _is_in_both(each, base, new)],
        clusters=run.clusters,
    )
    return [each for each in found if each.base is not None]


def same_suite(base: Any, new: Any, what: str) -> None:
    """Raise `RunError` unless both are about the same examples on the same corpus."""
    for part, name in (("examples", "examples"), ("corpus", "documents")):
        if base.get(part, {}).get("sha256") != new.get(part, {}).get("sha256"):
            raise RunError(f"{what} is of other {name}: compare runs of the same suite, or renew it")


def keep_baseline(run: Run, scored: Scored, folder: Path) -> None:
    """Write what later runs are compared with: no passages, no texts, only what is defined."""
    if run.failures:
        raise RunError(f"{run.folder} is no baseline: " + _listed("examples have no answer", run.failures))
    folder.mkdir(parents=True, exist_ok=True)
    kept = Scored(scored.restricted(each.name for each in sources(gate_metrics())), scored.judges)
    jsonl.write(folder / SCORES, rows(kept, sparse=True))
    (folder / ABOUT).write_bytes((run.folder / ABOUT).read_bytes())


def default_baseline(run: Run) -> Path:
    """The committed baseline for the run's kind of target and model; raises `RunError` where there is none."""
    kind = str(run.about.get("target", {}).get("kind"))
    if not (BASELINES / kind / ABOUT).is_file():
        raise RunError(f"there is no committed baseline for target {kind!r}: name one with --baseline")
    model, baseline = (_model(about) for about in (run.about, read_about(BASELINES / kind)))
    if model != baseline:
        raise RunError(
            f"the committed baseline for target {kind!r} is of {baseline}, and this run of {model}: "
            "name one of the same model with --baseline, or look at the invariants alone with --invariants-only"
        )
    return BASELINES / kind


def described(each: Comparison) -> str:
    """A comparison in a line: both figures, the difference with its interval, the verdict or what was not seen."""
    change = f"{_figure(each.base)} to {_figure(each.new)} over {each.pairs} examples"
    if each.interval:
        change += f", {each.delta or 0:+.3f} [{each.interval.low:+.3f}, {each.interval.high:+.3f}]"
    if each.verdict == "no_evidence" and each.smallest_visible is not None:
        return f"{change}, no evidence (a change of {each.smallest_visible:.3f} would have been seen)"
    counted = f"p = {each.p_holm:.4f}, {each.losses} worse, {each.wins} better"
    return f"{change}, {each.verdict.replace('_', ' ')} ({counted})"


def _exact(scored: Scored, name: str, counted: str) -> Check:
    measured = {example: each[name] for example, each in scored.scores.items() if name in each}
    total = int(sum(each.denominator for each in measured.values()))
    wrong = {
        example: f"{each.numerator:g} of {each.denominator:g}"
        for example, each in measured.items()
        if each.denominator and (each.numerator != each.denominator if name == "validity" else each.numerator)
    }
    if not total:
        return Check("invariants", name, False, f"there were no {counted} to look at")
    if wrong:
        kind = "invalid" if name == "validity" else "without a valid citation"
        return Check("invariants", name, False, _listed(f"{counted} {kind} in {len(wrong)} examples", wrong))
    # What none in n leaves possible.
    return Check(
        "invariants",
        name,
        True,
        f"exact over {total} {counted} (a rate above {rule_of_three(total):.2%} is excluded)",
    )


def _is_in_both(metric: Metric, base: Scored, new: Scored) -> bool:
    return all(
        any(name in measured for measured in scored.scores.values())
        for scored in (base, new)
        for name in metric.sources
    )


def _model(about: Any) -> str:
    return about.get("settings", {}).get("model") or "extractive answers"


def _listed(what: str, examples: Any, *, most: int = 5) -> str:
    shown = "; ".join(f"{name}: {why}" for name, why in list(examples.items())[:most])
    more = f"; and {len(examples) - most} more" if len(examples) > most else ""
    return f"{what}: {shown}{more}"


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
