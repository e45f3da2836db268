"""`qa-eval new` and `accept`: drafts of examples from a model, and the person who takes or leaves them."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from eval.example import Example

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_KINDS = ("lookup", "numeric", "multi_hop", "paraphrase")
_CONTEXT = 160


@click.command()
@click.argument("corpus", type=_FOLDER)
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), default="drafts.jsonl", show_default=True
)
@click.option("--count", default=20, show_default=True, type=click.IntRange(1, 1000), help="Drafts wanted.")
@click.option(
    "--kind", "kinds", multiple=True, type=click.Choice(_KINDS), help="Only this kind; may be repeated."
)
@click.option("--lang", default="en", show_default=True, help="The language of questions and answers.")
@click.option(
    "--suite", type=click.Path(exists=True, path_type=Path), help="Questions that are not to be asked again."
)
@click.option("--seed", default=0, show_default=True, help="Which parts of the corpus come first.")
def new(
    corpus: Path, out: Path, count: int, kinds: tuple[str, ...], lang: str, suite: Path | None, seed: int
) -> None:
    """Have QA_MODEL draft examples from the documents in CORPUS, for `qa-eval accept` to look through.

    Each draft has its quotes cut from the documents. Drafts are added to the file --out as they come.
    """
    from eval import jsonl
    from eval.datasets import example_json, examples
    from eval.drafting import KINDS, Refused, draft, excerpts, new_ones, numbered
    from eval.errors import DatasetError, TargetError
    from eval.progress import progress
    from qa_service.models import open_model
    from qa_service.settings import load_settings

    settings = load_settings()
    model = open_model(settings)
    if model is None:
        raise TargetError("there is no model to draft with: set QA_MODEL, and its provider's key")
    known = list(examples(suite / "questions.jsonl" if suite.is_dir() else suite)) if suite else []
    if out.exists():
        known += examples(out)
    wanted = [kind for kind in KINDS if not kinds or kind in kinds]
    made, refused = 0, list[Refused]()
    with progress(count, "drafting") as advance:
        for excerpt in excerpts(corpus, seed=seed):
            if made == count:
                break
            written = list(
                draft(model, excerpt, kinds=wanted, language=lang, seconds=settings.answer_seconds)
            )
            refused += [each for each in written if isinstance(each, Refused)]
            for each in new_ones([each for each in written if not isinstance(each, Refused)], known):
                if isinstance(each, Refused):
                    refused.append(each)
                elif made < count:
                    named = numbered(each, "draft", known)
                    jsonl.append(out, {**example_json(named), "drafted_by": model.name})
                    known.append(named)
                    made += 1
                    advance()
    for each in refused:
        click.echo(f"refused: {each.reason}", err=True)
    click.echo(f"{made} drafts, {len(refused)} refused: {out}")
    if not made:
        raise DatasetError(f"{model.name} wrote no draft that holds: try another model, or another corpus")


@click.command()
@click.argument("drafts", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("suite", type=_FOLDER)
def accept(drafts: Path, suite: Path) -> None:
    """Look through DRAFTS one by one, and add those that you take to the questions of SUITE.

    What was taken or left is gone from DRAFTS; what was put off, or not reached, stays.
    """
    from eval import jsonl
    from eval.datasets import example_json, examples
    from eval.drafting import numbered

    questions = suite / "questions.jsonl"
    known = list(examples(questions)) if questions.exists() else []
    waiting = list(examples(drafts))
    later: list[Example] = []
    taken = 0
    while waiting:
        each = waiting[0]
        for line in _shown(each):
            click.echo(line)
        choice = click.prompt(
            "take, leave, put off, or stop", type=click.Choice(["t", "l", "p", "s"]), show_choices=True
        )
        if choice == "s":
            break
        waiting.pop(0)
        if choice == "t":
            accepted = numbered(each, each.kind, known)
            jsonl.append(questions, example_json(accepted))
            known.append(accepted)
            taken += 1
        elif choice == "p":
            later.append(each)
        jsonl.write(drafts, map(example_json, [*waiting, *later]))
    click.echo(f"{taken} taken, {len(waiting) + len(later)} left to look at: {questions}")


def _shown(example: "Example") -> list[str]:
    from qa_service.printable import printable

    lines = ["", f"{example.id}  {example.kind}  {example.language}", f"? {printable(example.question)}"]
    lines += [
        f"  {printable(example.answer)}",
        *(f"  must say: {printable(each.text)}" for each in example.nuggets),
    ]
    return [
        *lines,
        *(f"  {printable(each.document)}: “{printable(each.quote)}”" for each in example.evidence),
    ]
