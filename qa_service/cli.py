"""`qa`: index documents, ask them, search them, serve them.

What a command needs is imported when it runs, so that `qa --help` is instant.
"""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from index.errors import QAError
from qa_service import commands
from qa_service.conversation_commands import conversations
from qa_service.feedback_commands import feedback
from qa_service.key_commands import keys
from qa_service.maintenance_commands import backup, doctor, restore

if TYPE_CHECKING:
    from qa_service.client import Client
    from qa_service.local import Local

_INTERRUPTED = 130

_COLLECTION = click.option(
    "--collection", default="default", show_default=True, help="The collection to use."
)
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON, as the HTTP interface gives it.")


class _Group(click.Group):
    """Prints an error that has an explanation as one line; what is not expected keeps its traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):  # what it can't spell must not end the command
                stream.reconfigure(errors="backslashreplace")
        try:
            return super().invoke(ctx)
        except QAError as error:
            commands.complain(str(error))
            ctx.exit(1)
        except BrokenPipeError:  # whoever read our output has seen enough
            raise
        except OSError as error:
            commands.complain(f"{error.filename}: {error.strerror}" if error.filename else str(error))
            ctx.exit(1)
        except KeyboardInterrupt:
            commands.complain("stopped; what is done is kept")
            ctx.exit(_INTERRUPTED)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="qa-service", prog_name="qa")
def main() -> None:
    """Answers from your own documents in which every sentence carries a checked citation.

    Everything is kept in the folder that QA_DATA_DIR names (~/.qa-service). While `qa serve` runs on it, the
    other commands go through the running service.
    """


@main.command(short_help="Index the documents under each PATH: new, changed and removed files.")
@click.argument(
    "paths", metavar="PATH...", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path)
)
@_COLLECTION
def index(paths: tuple[Path, ...], collection: str) -> None:
    """Index the documents under each PATH: new and changed files, and forget removed ones.

    Reads text, Markdown, HTML, PDF, DOCX, PPTX, XLSX, CSV, EPUB, RTF, ODT, EML, JSON and source code. A file
    that can't be read is named, and the others are indexed; the exit code is then 1.
    """
    with _connected(f"qa index {' '.join(map(str, paths))}") as service:
        from index.sync import files_under, sync
        from qa_service.progress import Progress

        total = sum(len(files_under(path)) for path in paths)
        with Progress(total, sys.stderr) as progress:
            shelf = service.shelf(collection, on_embedded=progress.embedded)
            for path in paths:
                for synced in sync(shelf, path):
                    progress.ended(synced)
    click.echo(progress.summary())
    for failure in progress.failures:
        click.echo(failure, err=True)
    if progress.failures:
        sys.exit(1)


def program() -> None:
    """The program `qa`: what it writes, whatever folder that is kept in, is for its owner's eyes."""
    os.umask(0o077)
    main()


@main.command()
@click.argument("question")
@_COLLECTION
@click.option("-k", type=click.IntRange(1, 200), help="Passages to answer from (QA_PASSAGES).")
@click.option("--conversation", metavar="ID", help="Go on with a conversation, and keep this turn in it.")
@_JSON
def ask(question: str, collection: str, k: int | None, conversation: str | None, as_json: bool) -> None:
    """Answer QUESTION from the indexed documents, each sentence with its citations."""
    from qa_service.terminal import answer_lines, json_text

    body: dict[str, Any] = {"question": question, "collection": collection}
    if k:
        body["k"] = k
    if conversation:
        body["conversation_id"] = conversation
    with _connected("qa ask") as service:
        events = service.answer(body)
        if as_json:
            (answer,) = (data for name, data in events if name == "done")
            click.echo(json_text(answer))
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
    from qa_service.terminal import json_text, passage_lines

    with _connected("qa search") as service:
        passages = service.search({"query": query, "collection": collection, "k": k})
    if as_json:
        click.echo(json_text({"passages": passages}))
        return
    for line in passage_lines(passages):
        click.echo(line)


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port",
    default=8080,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="The port to listen on; 0 takes any that is free.",
)
def serve(host: str, port: int) -> None:
    """Serve the HTTP interface and a page to ask from.

    On loopback it is open until a key is made (`qa keys create`). On any other address it wants a key.
    """
    from qa_service.server import serve as run

    run(commands.settings(), host=host, port=port)


main.add_command(conversations)
main.add_command(feedback)
main.add_command(keys)
for _each in (backup, restore, doctor):
    main.add_command(_each)


@contextmanager
def _connected(command: str) -> "Iterator[Local | Client]":
    """The service that runs on the data directory, or else the directory itself, owned for the while."""
    from index.owner import OwnerLock, find_owner

    settings = commands.settings()
    owner = find_owner(settings.data_dir)
    if owner and owner.url:
        from qa_service.client import Client

        if ignored := sorted(settings.model_fields_set - {"data_dir"}):
            names = ", ".join(f"QA_{name.upper()}" for name in ignored)
            click.echo(f"the service that runs here has settings of its own: {names} not used", err=True)
        with Client(owner.url, token=owner.token) as client:
            yield client
        return
    lock = OwnerLock(settings.data_dir, command=command)  # before the imports, so that it is refused at once
    try:
        from qa_service.local import Local
        from qa_service.services import Services

        services = Services(settings)
        try:
            yield Local(services)
        finally:
            services.close()
    finally:
        lock.release()
