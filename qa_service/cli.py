"""`qa`: index documents, ask them, search them, serve them."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from qa_service.client import Client
    from qa_service.services import Services
    from qa_service.settings import Settings

_COLLECTION = click.option(
    "--collection", default="default", show_default=True, help="The collection to use."
)
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON, as the HTTP interface gives it.")


class _Group(click.Group):
    """Prints our own errors as one line; what is not expected keeps its traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        from index.errors import QAError

        try:
            return super().invoke(ctx)
        except QAError as error:
            click.echo(f"qa: {error}", err=True)
            ctx.exit(1)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="qa-service", prog_name="qa")
def main() -> None:
    """Answers from your own documents in which every sentence carries a checked citation.

    Everything is kept in the folder that QA_DATA_DIR names (~/.qa-service). While `qa serve` runs on it, the
    other commands go through the running service.
    """


@main.command()
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@_COLLECTION
def index(path: Path, collection: str) -> None:
    """Index the documents under PATH: new and changed files, and forget removed ones.

    Reads text, Markdown, HTML, PDF and DOCX. A file that can't be read is named, and the others are indexed;
    the exit code is then 1.
    """
    from index.sync import files_under, sync
    from qa_service.progress import Progress

    total = len(files_under(path))
    with _opened(f"qa index {path}") as target, Progress(total, sys.stderr) as progress:
        for synced in sync(_shelf(target, collection, progress), path):
            progress.ended(synced)
    click.echo(progress.summary())
    for synced in progress.failures:
        click.echo(f"  {synced.source}: {synced.error}", err=True)
    if progress.failures:
        sys.exit(1)


@main.command()
@click.argument("question")
@_COLLECTION
@click.option("-k", type=click.IntRange(1, 200), help="Passages to answer from (QA_PASSAGES).")
@_JSON
def ask(question: str, collection: str, k: int | None, as_json: bool) -> None:
    """Answer QUESTION from the indexed documents, each sentence with its citations."""
    from qa_service.terminal import answer_lines
    from qa_service.wire import AnswerRequest

    body: dict[str, Any] = {"question": question, "collection": collection}
    if k:
        body["k"] = k
    with _opened("qa ask") as target:
        events = _events(target, AnswerRequest(**body))
        if as_json:
            (answer,) = (data for name, data in events if name == "done")
            click.echo(json.dumps(answer, ensure_ascii=False, indent=2))
            return
        for line in answer_lines(events):
            click.echo(line)


@main.command()
@click.argument("query")
@_COLLECTION
@click.option("-k", default=5, show_default=True, type=click.IntRange(1, 200), help="Passages to show.")
@_JSON
def search(query: str, collection: str, k: int, as_json: bool) -> None:
    """Show the passages that fit QUERY best."""
    from qa_service.services import Services
    from qa_service.terminal import passage_lines
    from qa_service.wire import passage_json

    with _opened("qa search") as target:
        if isinstance(target, Services):
            found = target.retriever.search(target.catalog.collection(collection), query, k=k)
            passages = [passage_json(passage) for passage in found.passages]
        else:
            passages = target.search({"query": query, "collection": collection, "k": k})
    if as_json:
        click.echo(json.dumps(passages, ensure_ascii=False, indent=2))
        return
    for line in passage_lines(passages):
        click.echo(line)


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=8080, show_default=True, type=click.IntRange(1, 65535), help="The port.")
def serve(host: str, port: int) -> None:
    """Serve the HTTP interface and a page to ask from.

    On loopback it is open until a key is made (`qa keys create`). On any other address it wants a key.
    """
    from qa_service.server import serve as run

    run(_settings(), host=host, port=port)


@main.group()
def keys() -> None:
    """Make, list and revoke the secret keys of the HTTP interface."""


@keys.command("create")
@click.argument("name")
def create_key(name: str) -> None:
    """Make a key called NAME and print it: it can't be shown again."""
    with _keys() as held:
        _, text = held.create(name)
    click.echo(text)


@keys.command("list")
def list_keys() -> None:
    """List the keys by name; their texts are not stored."""
    with _keys() as held:
        for key in held.list():
            click.echo(f"{key.name}  sk_{key.id}_…")


@keys.command("revoke")
@click.argument("name")
def revoke_key(name: str) -> None:
    """Revoke the key called NAME at once."""
    with _keys() as held:
        held.revoke(name)


def _settings() -> "Settings":
    from qa_service.settings import load_settings

    return load_settings()


@contextmanager
def _opened(command: str) -> "Iterator[Services | Client]":
    """The data directory itself, or the service that runs on it."""
    from index.owner import find_owner
    from qa_service.client import Client
    from qa_service.services import opened

    settings = _settings()
    owner = find_owner(settings.data_dir)
    if owner and owner.url:
        with Client(owner.url, token=owner.token) as client:
            yield client
        return
    with opened(settings, command=command) as services:
        yield services


@contextmanager
def _keys() -> Iterator[Any]:
    """The keys are in the catalog, which takes a second process; the index does not."""
    from qa_service.keys import Keys
    from qa_service.services import open_database

    settings = _settings()
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    database = open_database(settings)
    try:
        yield Keys(database)
    finally:
        database.close()


def _shelf(target: "Services | Client", collection: str, progress: Any) -> Any:
    from qa_service.services import LocalShelf, Services

    if isinstance(target, Services):
        return LocalShelf(target, collection, on_embedded=progress.embedded)
    return target.shelf(collection)


def _events(target: "Services | Client", wanted: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    from qa_service.services import Services
    from qa_service.wire import event_json, to_question

    if isinstance(target, Services):
        question = to_question(wanted, passages=target.settings.passages)
        return (event_json(event) for event in target.answerer.answer(question))
    return target.answer(wanted.model_dump(exclude_none=True, exclude={"stream"}))
