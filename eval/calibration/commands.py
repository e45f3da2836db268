"""`qa-eval abstention`: collect what relevance is calibrated on, and fit it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from eval.calibration.fit import Fitted, Outcome
    from eval.calibration.rows import Row
    from qa_service.answering.relevance import Group

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.group()
def abstention() -> None:
    """When does the service decline before anybody writes? Collect signs, fit the probability, see how it does."""


@abstention.command()
@click.argument("suites", metavar="SUITE[:CORPUS]...", nargs=-1, required=True)
@click.option("--out", type=_FILE, help="Where the rows go; by default the committed file.")
@click.option(
    "--own", default=600, show_default=True, type=click.IntRange(1), help="Questions of a suite at most."
)
@click.option(
    "--foreign",
    default=60,
    show_default=True,
    type=click.IntRange(1),
    help="The same, asked of another's corpus.",
)
@click.option("--data-dir", type=click.Path(path_type=Path, file_okay=False), help="Keep the indexes here.")
def collect(suites: tuple[str, ...], out: Path | None, own: int, foreign: int, data_dir: Path | None) -> None:
    """Ask each SUITE's questions of its own corpus and of the others', and keep the signs, without any text."""
    from eval.calibration.collect import collect as collected
    from eval.calibration.rows import ROWS, write
    from eval.datasets import suite
    from eval.progress import progress

    parts = [each.partition(":") for each in suites]
    read = [suite(Path(path), Path(corpus) if corpus else None) for path, _, corpus in parts]
    corpora = len({each.corpus_sha256 for each in read})
    with progress(corpora, "asking") as advance:
        rows = list(collected(read, own=own, foreign=foreign, data_dir=data_dir, on_done=advance))
    write(out or ROWS, rows)
    click.echo(f"{len(rows)} rows over {corpora} corpora: {out or ROWS}")


@abstention.command()
@click.option("--rows", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Other rows.")
@click.option("--write", is_flag=True, help="Put the coefficients where the product reads them.")
def fit(rows: Path | None, write: bool) -> None:
    """Fit the probability that passages hold an answer, and say how it does, also on suites that it has not seen."""
    from eval.calibration.rows import ROWS, read

    found = read(rows or ROWS)
    fitted: dict[str, dict[Group, Fitted]] = {}
    for name in dict.fromkeys(row.embedding_model for row in found):
        fitted[name] = _fitted([row for row in found if row.embedding_model == name], name)
    if write:
        from qa_service.answering.relevance import COEFFICIENTS

        _write(COEFFICIENTS, fitted)
        click.echo(f"written: {COEFFICIENTS}")


def _fitted(rows: "Sequence[Row]", name: str) -> "dict[Group, Fitted]":
    from eval.calibration.fit import RECALL, fit, held_out, outcomes
    from eval.calibration.rows import in_group
    from qa_service.answering.relevance import SIGNS

    made: dict[Group, Fitted] = {}
    for group in SIGNS:
        own = in_group(rows, group)
        made[group] = found = fit(own, group)
        weights = " ".join(
            f"{sign} {w:.3f}" for sign, w in zip(SIGNS[group], found.model.weights, strict=True)
        )
        click.echo(f"\n{name}, {group}: bias {found.model.bias:.3f} {weights}")
        for point in RECALL:
            click.echo(f"  {point}: tried from {found.thresholds[point]:.3f}")
            _table("fitted on all", outcomes(own, found, group, point))
            _table("held out", held_out(own, group, point))
    return made


def _table(title: str, found: "Mapping[str, Outcome]") -> None:
    from eval.output import table

    rows = [
        [
            corpus,
            f"{each.answerable}/{each.far}/{each.near}",
            *map(
                _share,
                (each.auc, each.balanced_accuracy, each.answered, each.declined_far, each.declined_near),
            ),
        ]
        for corpus, each in found.items()
    ]
    heads = [title, "answerable/far/near", "AUC", "balanced", "answered", "declines far", "declines near"]
    for line in table(heads, rows):
        click.echo("    " + line)


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _write(path: Path, fitted: "Mapping[str, Mapping[Group, Fitted]]") -> None:
    import json

    from eval.jsonl import replace
    from qa_service.answering.relevance import SIGNS

    content = {
        name: {
            group: {
                "bias": round(found.model.bias, 4),
                **{sign: round(w, 4) for sign, w in zip(SIGNS[group], found.model.weights, strict=True)},
                "threshold_model": found.thresholds["model"],
                "threshold_extractive": found.thresholds["extractive"],
            }
            for group, found in groups.items()
        }
        for name, groups in fitted.items()
    }
    replace(path, json.dumps(content, indent=2) + "\n")
