"""`qa-eval`: run a suite, score the run, compare it with another, and gate a change by it.

What a command needs is imported when it runs. Exit codes: 0 fine; 1 a check failed, a metric regressed or an
example has no answer; 2 wrong usage; 3 a file, a run or a target can't be used.
"""

import sys
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from eval.bench.commands import bench
from eval.calibration.commands import abstention
from eval.data_commands import CORPUS, FAILED, SUITE, doctor, export, import_
from eval.draft_commands import accept, new
from eval.errors import EvalError
from eval.judge_commands import JudgeChoice, calibrate, judge_options
from eval.progress import progress
from index.errors import QAError

if TYPE_CHECKING:
    from eval.datasets import Suite
    from eval.judges.remembered import Remembered
    from eval.metrics.metric import Metric
    from eval.run import Run, Target
    from eval.scores import Scored

UNUSABLE, INTERRUPTED = 3, 130

_PATH = click.Path(path_type=Path)
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_NEW_FILE = click.Path(dir_okay=False, path_type=Path)
_RUN = click.argument("run", type=_FOLDER)
_METRICS = click.option(
    "--metric", "names", multiple=True, metavar="NAME", help="Only this metric; may be given several times."
)


class _Group(click.Group):
    """Prints an error that has an explanation as one line; what is not expected keeps its traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo("qa-eval: stopped; what is done is kept", err=True)
            ctx.exit(INTERRUPTED)
        except BrokenPipeError:  # whoever read our output has seen enough
            raise
        except (EvalError, QAError, OSError) as error:
            click.echo(f"qa-eval: {error}", err=True)
            ctx.exit(UNUSABLE)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="qa-service", prog_name="qa-eval")
def main() -> None:
    """Is it any good? Runs suites of questions, measures the answers, and says what a change did to them.

    Exit codes: 0 fine; 1 a check failed, a metric regressed, or an example has no answer; 2 wrong usage;
    3 a file, a run or a target can't be used.
    """


@main.command()
@SUITE
@CORPUS
@click.option("--out", type=_PATH, help="The run's folder; one that is there is continued.")
@click.option("--limit", type=click.IntRange(1), help="Ask only the first N examples.")
@click.option("--jobs", default=1, show_default=True, type=click.IntRange(1, 64), help="Questions at once.")
@click.option("-k", type=click.IntRange(1, 200), help="Passages to answer from.")
@click.option("--target", metavar="URL", help="A service to ask; without it, this product in this process.")
@click.option(
    "--shape",
    type=click.Choice(["service", "openai"]),
    default="service",
    show_default=True,
    help="What the target speaks: our API, or OpenAI's chat completions. Its key: QA_EVAL_KEY.",
)
@click.option("--model", default="default", help="The model that a target of the OpenAI shape is asked for.")
@click.option("--collection", default="default", help="The collection that a target of our API is asked for.")
@click.option("--passages-only", is_flag=True, help="Retrieve and do not answer: for retrieval metrics.")
@click.option(
    "--replay",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Replay this file's completions.",
)
@click.option("--record", type=_NEW_FILE, help="Add the completions of QA_MODEL to this file.")
@click.option(
    "--data-dir", type=_PATH, help="Keep the index here and use it again; else a temporary one is made."
)
def run(
    suite: Path, corpus: Path | None, out: Path | None, limit: int | None, jobs: int, **options: Any
) -> None:
    """Ask every example of SUITE and keep the answers in a folder.

    SUITE is a JSONL file of questions, a folder with questions.jsonl and documents/, or a BEIR folder. A run
    that was stopped continues with --out; examples that failed are then asked again.
    """
    from eval.datasets import suite as read
    from eval.run import execute

    _refuse_mixed(options)
    found = read(suite, corpus)
    asked = list(found.examples)
    with ExitStack() as stack:
        if options["replay"]:
            from eval.replay import read as read_recordings
            from eval.replay import recorded_for

            options["recordings"] = read_recordings(options["replay"])
            asked = list(recorded_for(options["recordings"], asked))
        target = _target(stack, found, options)
        asked = asked[:limit]
        folder = out or Path("runs") / f"{suite.resolve().stem}-{datetime.now(UTC):%Y%m%d-%H%M%S}"
        about = {
            "suite": {"name": found.name, "sha256": found.sha256},
            "corpus": {"sha256": found.corpus_sha256},
        }
        with progress(len(asked), "asking") as advance:
            done = execute(folder, asked, about, target, jobs=jobs, on_done=lambda _: advance())
    failures = done.failures
    click.echo(f"{len(asked) - len(failures)} of {len(asked)} examples answered: {folder}")
    for example, why in failures.items():
        click.echo(f"  {example}: {why}", err=True)
    if failures:
        sys.exit(FAILED)


@main.command()
@_RUN
@_METRICS
@judge_options
@click.option(
    "--calibration",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Correct rates by this file of qa-eval calibrate; the proxies' own are known without.",
)
def score(run: Path, names: tuple[str, ...], judge: JudgeChoice, calibration: Path | None) -> None:
    """Measure what RUN recorded, write it to its scores.jsonl, and print the figures.

    No question is asked again, and a model that judges is asked once: its judgements stay in RUN. With
    --metric, the measurements of other metrics stay as they are.
    """
    from eval.judges import calibration_file
    from eval.metrics.registry import METRICS
    from eval.output import expense_lines, figures, title
    from eval.run import read
    from eval.scores import applicable, keep, metrics

    found = read(run)
    chosen = metrics(names) if names else METRICS
    opened = _judge(judge, found)
    calibrated = calibration_file.read_for(calibration, opened.method) if calibration else None
    scored = keep(run, _measured(found, opened, judge, chosen))
    if calibrated:
        calibration_file.write(run / calibration_file.CALIBRATION, calibrated)
    click.echo(title(found))
    _lines(figures(found, scored, applicable(found, chosen), known=calibration_file.known(run)))
    _lines(expense_lines(opened))
    if found.failures:
        click.echo(f"{len(found.failures)} examples have no answer and are not measured", err=True)


@main.command()
@click.argument("base", type=_FOLDER)
@click.argument("new", type=_FOLDER)
@_METRICS
@click.option("--all", "everything", is_flag=True, help="All metrics, not only the headline's.")
@click.option(
    "--fail-on", type=click.Choice(["regressed"]), help="End with exit code 1 if a metric regressed."
)
def diff(base: Path, new: Path, names: tuple[str, ...], everything: bool, fail_on: str | None) -> None:
    """Compare run NEW with run BASE, paired by example.

    The verdicts are adjusted for the number of metrics that are compared (Holm). 'visible' is the smallest
    change that this many examples would have shown with 80 % power.
    """
    from eval.gates import compared, same_suite
    from eval.metrics.registry import METRICS
    from eval.output import comparisons, title
    from eval.run import read
    from eval.scores import HEADLINE, metrics
    from eval.scores import read as read_scores

    old, later = read(base), read(new)
    same_suite(old.about, later.about, str(base))
    chosen = METRICS if everything else metrics(names or HEADLINE)
    found = compared(read_scores(base), read_scores(new), later, chosen)
    click.echo(f"base  {title(old)}: {base}\nnew   {title(later)}: {new}")
    _lines(comparisons(found, chosen))
    _lines(_answers_lost(old, later))
    regressed = [each.metric for each in found if each.verdict == "regressed"]
    if fail_on and regressed:
        click.echo(f"regressed: {', '.join(regressed)}", err=True)
        sys.exit(FAILED)


@main.command()
@click.argument("runs", metavar="RUN...", nargs=-1, required=True, type=_FOLDER)
@click.option(
    "--baseline", type=_FOLDER, help="The run to hold against; by default the committed one of its kind."
)
@click.option("--junit", type=_NEW_FILE, help="Write JUnit XML here.")
@click.option("--markdown", type=_NEW_FILE, help="Write Markdown for a pull request here.")
@click.option("--invariants-only", is_flag=True, help="Leave the baseline out.")
@judge_options
def gate(
    runs: tuple[Path, ...],
    baseline: Path | None,
    junit: Path | None,
    markdown: Path | None,
    invariants_only: bool,
    judge: JudgeChoice,
) -> None:
    """Say whether each RUN passes: what must be exact, and no headline metric worse than the baseline's.

    Measures the runs anew, so that the verdict is of what was recorded. Exit code 1 if a check fails.
    """
    from eval import output
    from eval.gates import default_baseline, gate_metrics, invariants, quality
    from eval.run import read

    if baseline and len(runs) > 1:
        raise click.UsageError("--baseline is of one run: name one, or leave it out")
    chosen = gate_metrics()
    gated = []
    for found in map(read, runs):
        opened = _judge(judge, found)
        scored = _measured(found, opened, judge, chosen)
        checks = invariants(found, scored)
        if not invariants_only:
            checks += quality(found, scored, baseline or default_baseline(found))
        gated.append((found, checks))
        click.echo(output.title(found))
        _lines([*output.checks_table(checks, chosen), *output.expense_lines(opened), ""])
    if junit:
        junit.write_text(output.junit(gated), encoding="utf-8")
    if markdown:
        markdown.write_text("\n".join(output.markdown(*each, chosen) for each in gated), encoding="utf-8")
    if not all(check.passed for _, checks in gated for check in checks):
        sys.exit(FAILED)


@main.command()
@_RUN
@click.argument("folder", type=_PATH, required=False)
@judge_options
def baseline(run: Path, folder: Path | None, judge: JudgeChoice) -> None:
    """Keep RUN's scores in FOLDER as the baseline of later runs.

    By default it becomes the committed baseline of its kind of target, which the gate takes by itself.
    """
    from eval.gates import BASELINES, gate_metrics, keep_baseline
    from eval.output import expense_lines
    from eval.run import read

    found = read(run)
    place = folder or BASELINES / str(found.about["target"]["kind"])
    opened = _judge(judge, found)
    keep_baseline(found, _measured(found, opened, judge, gate_metrics()), place)
    click.echo(f"{len(found.examples)} examples are the baseline now: {place}")
    _lines(expense_lines(opened))


@main.command()
@_RUN
@click.argument("base", type=_FOLDER, required=False)
@click.option("--out", type=_NEW_FILE, help="The HTML file; by default report.html in the run's folder.")
def report(run: Path, base: Path | None, out: Path | None) -> None:
    """Write RUN as one HTML page that needs no server, compared with run BASE where it is named."""
    from eval.report import render
    from eval.reporting import report_data
    from eval.run import read
    from eval.scores import read as read_scores

    older = (read(base), read_scores(base)) if base else None
    path = out or run / "report.html"
    path.write_text(render(report_data(read(run), read_scores(run), older)), encoding="utf-8")
    click.echo(str(path))


@main.command()
@_RUN
@click.option("--id", "identifier", help="The example; without it, all of them are listed.")
@click.option("--passages", is_flag=True, help="Print the passages in full.")
def show(run: Path, identifier: str | None, passages: bool) -> None:
    """Print one example of RUN: question, answer, citations, what was wanted, and its scores."""
    from eval.run import read
    from eval.scores import read_if_any
    from eval.showing import example_lines, listed

    found = read(run)
    if identifier is None:
        _lines(listed(found))
    else:
        _lines(example_lines(found, read_if_any(run), identifier, passages=passages))


for _command in (doctor, import_, export, calibrate, new, accept, bench, abstention):
    main.add_command(_command)


def _refuse_mixed(options: dict[str, Any]) -> None:
    """One system is asked, in one way."""
    chosen = [name for name in ("target", "replay", "record", "passages_only") if options[name]]
    if len(chosen) > 1:
        names = " and ".join("--" + name.replace("_", "-") for name in chosen)
        raise click.UsageError(f"{names} exclude each other: give one of them")


def _target(stack: ExitStack, suite: "Suite", options: dict[str, Any]) -> "Target":
    from eval import targets

    k = options["k"]
    if url := options["target"]:
        if options["shape"] == "openai":
            return stack.enter_context(targets.OpenAI(url, model=options["model"]))
        return stack.enter_context(targets.Service(url, collection=options["collection"], k=k))
    from qa_service.settings import load_settings

    data_dir = options["data_dir"]
    services = stack.enter_context(targets.services_for(suite, load_settings(), data_dir=data_dir))
    if options["replay"]:
        return targets.Replayed(services, options["recordings"], k=k)
    if not options["passages_only"]:
        services.warm_model()  # else the first example is charged for the seconds that it takes
    if options["record"]:
        return targets.Recorded(services, options["record"], k=k)
    return targets.InProcess(services, k=k, passages_only=options["passages_only"])


def _judge(judge: JudgeChoice, run: "Run") -> "Remembered":
    """The judge, with what it said of this run before."""
    from eval.judges.remembered import JUDGEMENTS

    return judge.open(run.folder / JUDGEMENTS)


def _measured(run: "Run", opened: "Remembered", judge: JudgeChoice, chosen: "Sequence[Metric]") -> "Scored":
    from eval.scores import measure

    with progress(len(run.records), "measuring") as advance:
        return measure(run, opened, chosen, jobs=judge.threads, on_done=advance)


def _answers_lost(old: "Run", new: "Run") -> list[str]:
    """A line where the runs lack answers: such examples are not compared."""
    return [
        f"{len(run.failures)} examples of {name} have no answer and are not compared"
        for name, run in (("base", old), ("new", new))
        if run.failures
    ]


def _lines(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(line)


if __name__ == "__main__":
    main()
