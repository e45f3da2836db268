"""`qa-eval doctor`, `import` and `export`: the data of suites and runs."""

import sys
from pathlib import Path

import click

FAILED = 1

_PATH = click.Path(path_type=Path)

SUITE = click.argument("suite", type=click.Path(exists=True, path_type=Path))
CORPUS = click.option(
    "--corpus",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The suite's documents; by default the folder 'documents' beside it.",
)


@click.command()
@SUITE
@CORPUS
@click.option(
    "--against", type=click.Path(exists=True, path_type=Path), help="Another split, to look for leaks."
)
def doctor(suite: Path, corpus: Path | None, against: Path | None) -> None:
    """Check SUITE: every gold quote is located in its corpus, no duplicates, no leaks between splits.

    Exit code 1 if there is an error; warnings are for a person to look at.
    """
    from eval.datasets import examples
    from eval.datasets import suite as read
    from eval.doctor import corpus as read_corpus
    from eval.doctor import counts, examine
    from eval.output import table

    found = read(suite, corpus)
    held = read_corpus(found)
    other = examples(against / "questions.jsonl" if against.is_dir() else against) if against else ()
    findings = examine(found, held, against=other)
    by_kind = counts(found.examples)
    languages = sorted({language for each in by_kind.values() for language in each})
    quotes = sum(len(example.evidence) for example in found.examples)
    click.echo(f"{found.name}: {len(found.examples)} examples, {len(held.texts)} documents, {quotes} quotes")
    rows = [
        [kind, *(str(each[one] or "") for one in languages), str(each.total())]
        for kind, each in by_kind.items()
    ]
    totals = ["all", *(str(sum(each[one] for each in by_kind.values())) for one in languages)]
    for line in table(["kind", *languages, "all"], [*rows, [*totals, str(len(found.examples))]]):
        click.echo(line)
    for each in findings:
        click.echo(f"{each.severity}: {each.example}: {each.message}")
    errors = sum(each.severity == "error" for each in findings)
    click.echo(f"{errors} errors, {len(findings) - errors} warnings")
    if errors:
        sys.exit(FAILED)


@click.command("import")
@click.argument("format", type=click.Choice(["beir", "squad", "ragas", "promptfoo"]))
@click.argument("source", type=click.Path(exists=True, path_type=Path))
@click.argument("folder", type=_PATH)
@click.option("--lang", default="und", show_default=True, help="The language of the questions.")
def import_(format: str, source: Path, folder: Path, lang: str) -> None:  # noqa: A002 - what it is called
    """Make a suite in FOLDER of a data set in another FORMAT.

    SQuAD and XQuAD JSON, ragas samples and promptfoo tests as JSON, JSONL or YAML, BEIR folders.
    """
    from eval.formats import imported

    count, documents = imported(format, source, folder, language=lang)
    click.echo(f"{count} examples, {documents} documents: {folder}")


@click.command()
@click.argument("format", type=click.Choice(["csv", "jsonl", "ragas", "beir", "squad", "promptfoo"]))
@click.argument("source", type=click.Path(exists=True, path_type=Path))
@click.argument("destination", type=_PATH)
@CORPUS
def export(format: str, source: Path, destination: Path, corpus: Path | None) -> None:  # noqa: A002
    """Write a run or a suite in another FORMAT.

    A scored run as csv or jsonl, a row for each example with a column for each metric, or as ragas samples; a
    suite as a beir folder, or as squad or promptfoo JSON.
    """
    from eval.datasets import suite
    from eval.formats import exported_run, exported_suite
    from eval.run import read
    from eval.scores import read_if_any

    if format in ("csv", "jsonl", "ragas"):
        count = exported_run(format, read(source), read_if_any(source), destination)
    else:
        count = exported_suite(format, suite(source, corpus), destination)
    click.echo(f"{count} examples: {destination}")
