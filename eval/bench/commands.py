"""`qa-eval bench`: how fast answers, streams, search and indexing are, on a corpus that is generated."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from eval.bench.figures import Found

MISSED = 1

_SEED = click.option("--seed", default=0, show_default=True, help="What the corpus is generated from.")
_PASSAGES = click.option(
    "-k", default=20, show_default=True, type=click.IntRange(1, 200), help="Passages that are retrieved."
)


def _reported(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options of every benchmark."""
    out = click.option(
        "--out", type=click.Path(dir_okay=False, path_type=Path), help="Write the figures here, as JSON."
    )
    fail = click.option("--fail-on-missed", is_flag=True, help="End with exit code 1 if a goal is missed.")
    return _SEED(out(fail(command)))


@click.group()
def bench() -> None:
    """How fast is it? Needs no key and no network; models are scripted over loopback.

    Milliseconds are this machine's and this moment's; ratios within one run can be compared.
    """


@bench.command()
@click.option("--chunks", default=10_000, show_default=True, type=click.IntRange(1))
@click.option("--questions", default=100, show_default=True, type=click.IntRange(1, 2000))
@_PASSAGES
@_reported
def answer(chunks: int, questions: int, k: int, seed: int, out: Path | None, fail_on_missed: bool) -> None:
    """Time to the first verified claim, against LlamaIndex's CitationQueryEngine (needs a checkout)."""
    from eval.bench.answer import measure

    _report(measure(chunks=chunks, questions=questions, k=k, seed=seed), out, fail_on_missed)


@bench.command()
@click.option("--streams", default=100, show_default=True, type=click.IntRange(1, 800))
@click.option("--tokens-per-second", default=8.0, show_default=True, type=click.FloatRange(0.1, 1000))
@click.option(
    "--starts-per-second",
    default=10.0,
    show_default=True,
    type=click.FloatRange(0.1, 1000),
    help="How many streams begin in a second, until all run.",
)
@_reported
def streams(
    streams: int,
    tokens_per_second: float,
    starts_per_second: float,
    seed: int,
    out: Path | None,
    fail_on_missed: bool,
) -> None:
    """Streams at once on one `qa serve` worker: none cut, and what is added to the first claim."""
    from eval.bench.streams import measure

    found = measure(
        streams=streams, tokens_per_second=tokens_per_second, starts_per_second=starts_per_second, seed=seed
    )
    _report(found, out, fail_on_missed)


@bench.command()
@click.option(
    "--size",
    "sizes",
    multiple=True,
    default=(1_000, 10_000),
    show_default=True,
    type=click.IntRange(1),
    help="Chunks to search; may be given several times.",
)
@click.option("--questions", default=200, show_default=True, type=click.IntRange(1, 10_000))
@_PASSAGES
@_reported
def search(
    sizes: tuple[int, ...], questions: int, k: int, seed: int, out: Path | None, fail_on_missed: bool
) -> None:
    """Search times by the size of a collection, against Chroma and LlamaIndex (needs a checkout).

    With --size 100000 besides, it takes some ten minutes.
    """
    from eval.bench.search import measure

    _report(measure(sizes=sizes, questions=questions, k=k, seed=seed), out, fail_on_missed)


@bench.command()
@click.option(
    "--size",
    "sizes",
    multiple=True,
    default=(1_000, 10_000),
    show_default=True,
    type=click.IntRange(1),
    help="Chunks to grow to; may be given several times.",
)
@click.option(
    "--embedded", default=300, show_default=True, type=click.IntRange(1), help="Chunks for the local model."
)
@_reported
def index(sizes: tuple[int, ...], embedded: int, seed: int, out: Path | None, fail_on_missed: bool) -> None:
    """Chunks indexed a second, against Chroma and LlamaIndex, and the local model's pace (needs a checkout)."""
    from eval.bench.index import measure

    _report(measure(sizes=sizes, embedded=embedded, seed=seed), out, fail_on_missed)


def _report(found: "Found", out: Path | None, fail_on_missed: bool) -> None:
    for line in found.lines:
        click.echo(line)
    if out:
        found.write(out)
    if fail_on_missed and not all(goal.is_met for goal in found.goals):
        sys.exit(MISSED)
