"""The judge of support on the command line: the options that choose one, and `qa-eval calibrate`."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from eval.judges.judge import SupportJudge
    from eval.judges.remembered import Remembered

MODEL_VARIABLE = "QA_JUDGE_MODEL"

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_NEW_FILE = click.Path(dir_okay=False, path_type=Path)
_OPTIONS = (
    click.option(
        "--judge",
        "kind",
        type=click.Choice(["lexical", "lexical+embedding", "model"]),
        default="lexical",
        show_default=True,
        help="What says whether a text supports a claim: a proxy that needs no key, or a language model.",
    ),
    click.option(
        "--judge-model", "model", metavar="NAME", help=f"The judge's litellm model.  [{MODEL_VARIABLE}]"
    ),
    click.option(
        "--judge-api-base", "api_base", metavar="URL", help="Its API, where that is not the provider's usual."
    ),
    click.option(
        "--judge-jobs",
        "jobs",
        default=4,
        show_default=True,
        type=click.IntRange(1, 64),
        help="Judgements asked of a model at once.",
    ),
    click.option(
        "--judge-replay",
        "replay",
        is_flag=True,
        help="Ask no model: take the judgements that were kept, and fail where one is missing.",
    ),
)


@dataclass(frozen=True, slots=True)
class JudgeChoice:
    """The judge that a command line names."""

    kind: str
    model: str | None
    api_base: str | None
    jobs: int
    replay: bool

    @property
    def threads(self) -> int:
        """How many judgements are made at once: the proxies use one processor anyhow."""
        return self.jobs if self.kind == "model" else 1

    def open(self, journal: Path | None) -> "Remembered":
        """The judge, which keeps what a model says in the journal; the proxies are free and keep nothing.

        Raises `click.UsageError` where the options do not fit each other.
        """
        from eval.judges.remembered import Journal, Remembered

        if self.kind == "model":
            return Remembered(self._model(), Journal(journal) if journal else None, replay=self.replay)
        if self.model or self.api_base or self.replay:
            raise click.UsageError("--judge-model, --judge-api-base and --judge-replay go with --judge model")
        return Remembered(self._proxy())

    def _model(self) -> "SupportJudge":
        from eval.judges.model import ModelJudge
        from qa_service.llm import LiteLLMModel
        from qa_service.models import timeouts
        from qa_service.settings import load_settings

        name = self.model or os.environ.get(MODEL_VARIABLE, "").strip()
        if not name:
            raise click.UsageError(
                f"--judge model needs a model: name one with --judge-model, or in {MODEL_VARIABLE}"
            )
        settings = load_settings()
        model = LiteLLMModel(name, timeouts=timeouts(settings), api_base=self.api_base)
        return ModelJudge(model, max_tokens=settings.max_output_tokens, seconds=settings.answer_seconds)

    def _proxy(self) -> "SupportJudge":
        from eval.judges.lexical import LexicalProxy

        if self.kind == "lexical":
            return LexicalProxy()
        from index.embed import open_embedder
        from qa_service.settings import load_settings

        embedder = open_embedder(None, cache_dir=load_settings().data_dir / "models")
        return LexicalProxy(embed=embedder.embed)


def judge_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of the judge; it takes them as one `JudgeChoice`, `judge`."""

    @wraps(command)
    def chosen(*args: Any, **options: Any) -> None:
        fields = {name: options.pop(name) for name in JudgeChoice.__slots__}
        command(*args, judge=JudgeChoice(**fields), **options)

    for option in reversed(_OPTIONS):
        chosen = option(chosen)
    return chosen


@click.command()
@click.argument("labels", type=_FILE)
@click.option("--wice", "is_wice", is_flag=True, help="LABELS has the form of WiCE's claims.")
@click.option("--out", type=_NEW_FILE, help="Write the calibration here, for qa-eval score --calibration.")
@click.option("--source", default="", help="What the calibration calls LABELS; by default the file's name.")
@click.option("--judgements", type=_NEW_FILE, help="Keep a model's judgements here, and take them from here.")
@judge_options
def calibrate(
    labels: Path, is_wice: bool, out: Path | None, source: str, judgements: Path | None, judge: JudgeChoice
) -> None:
    """Measure a judge on LABELS: how far it agrees with people.

    LABELS is JSONL of premise, claim and label (supported, partial, not), or WiCE's claims with --wice. Partial
    counts as not supported.
    """
    from eval.judges.calibrate import calibrate as measure
    from eval.judges.calibration_file import Calibrated, Source, write
    from eval.judges.labelled import pairs, wice
    from eval.output import calibration_lines, expense_lines
    from eval.progress import progress

    if judge.replay and not judgements:
        raise click.UsageError("--judge-replay takes what was kept: name the file with --judgements")
    labelled = wice(labels) if is_wice else pairs(labels)
    opened = judge.open(judgements)
    with progress(len(labelled), "judging") as advance:
        found = Calibrated(
            measure(opened, labelled, jobs=judge.threads, on_done=advance), Source.of(labels, source)
        )
    for line in (*calibration_lines(found), *expense_lines(opened)):
        click.echo(line)
    if out:
        write(out, found)
        click.echo(str(out))
