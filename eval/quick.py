"""`qa-eval retrieval` and `evidence`: a quick look at retrieval and citations while something is tuned.

They keep nothing; `qa-eval run` and `score` measure the same with intervals, on a run that stays.
"""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from qa_service.services import Services

_DATA_DIR = click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Keep the index here and use it again. Without it a temporary one is made.",
)
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("corpus", type=_FOLDER)
@click.option("--queries", type=_FOLDER, help="A folder with other queries on the same corpus.")
@click.option("--limit", type=click.IntRange(1), help="Ask only the first N queries.")
@click.option("--answers", is_flag=True, help="Also answer each query, and look for its short answers.")
@_DATA_DIR
def retrieval(
    corpus: Path, queries: Path | None, limit: int | None, answers: bool, data_dir: Path | None
) -> None:
    """Recall on CORPUS, a BEIR folder: corpus.jsonl, queries.jsonl, qrels.tsv."""
    from eval.datasets import beir_corpus, beir_queries
    from eval.measure import contains_answer, index_corpus, median_ms
    from eval.measure import retrieval as measure

    asked = beir_queries(queries or corpus)[:limit]
    with _services(data_dir) as services:
        collection = corpus.resolve().name
        index_corpus(services, collection, beir_corpus(corpus))
        held = services.catalog.collection(collection)
        _table(f"{len(asked)} queries", measure(services, collection, asked))
        speed = median_ms(
            lambda text: services.retriever.search(held, text, k=10), [query.text for query in asked[:100]]
        )
        click.echo(f"  {'search, median':<28}{speed:.1f} ms")
        if answers:
            _table("answers", contains_answer(services, collection, asked))


@click.command()
@click.argument("examples", type=_FILE)
@click.argument("documents", type=_FOLDER)
@click.option(
    "--budget", default=4000, show_default=True, help="Tokens of passages that evidence may stand in."
)
@click.option("--show", is_flag=True, help="Print every question with its answer.")
@_DATA_DIR
def evidence(examples: Path, documents: Path, budget: int, show: bool, data_dir: Path | None) -> None:
    """Evidence recall and citations for EXAMPLES (JSON lines) on the files in DOCUMENTS."""
    from eval.datasets import examples as read
    from eval.measure import Answered, evidence_recall, median_ms, share, total
    from eval.measure import answers as measure
    from index.sync import sync
    from qa_service.services import LocalShelf

    asked = read(examples)
    with _services(data_dir) as services:
        shelf = LocalShelf(services, "examples", on_embedded=lambda _name, _done, _total: None)
        for synced in sync(shelf, documents):
            if synced.error:
                click.echo(f"{synced.source}: {synced.error}", err=True)
        answerable = [example for example in asked if example.answerable]
        recall = evidence_recall(services, "examples", answerable, budget_tokens=budget)
        done: Sequence[Answered] = list(measure(services, "examples", asked))
        if show:
            for each in done:
                click.echo(f"{each.example.id}  {each.answer.status}  {each.example.question}")
                click.echo(f"    {each.answer.text or each.answer.reason}")
        given = [each for each in done if each.example.answerable]
        _table(
            f"{len(asked)} questions, {len(answerable)} answerable",
            {
                f"evidence in {budget} tokens": recall,
                "valid citations": total(each.valid_citations for each in done),
                "cites an evidence document": share(each.cites_evidence for each in given),
                "abstains, answerable": share(each.answer.status == "abstained" for each in given),
                "abstains, unanswerable": share(
                    each.answer.status == "abstained" for each in done if each.example.answerable is False
                ),
            },
        )
        for kind in dict.fromkeys(each.example.kind for each in given):
            cited = share(each.cites_evidence for each in given if each.example.kind == kind)
            click.echo(f"    {kind:<26}{cited}")
        speed = median_ms(lambda text: measure_one(services, text), [each.question for each in asked])
        click.echo(f"  {'answer, median':<28}{speed:.1f} ms")


def measure_one(services: "Services", question: str) -> object:
    """One answer, for its time."""
    from eval.measure import ask

    return ask(services, "examples", question)


@contextmanager
def _services(data_dir: Path | None) -> "Iterator[Services]":
    from qa_service.services import opened
    from qa_service.settings import load_settings

    with tempfile.TemporaryDirectory() as folder:
        settings = load_settings().model_copy(update={"data_dir": data_dir or Path(folder)})
        with opened(settings, command="qa-eval") as services:
            yield services


def _table(title: str, rows: dict[str, Any]) -> None:
    click.echo(title)
    for name, value in rows.items():
        click.echo(f"  {name:<28}{value}")
