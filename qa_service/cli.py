"""`qa`: index documents, ask them, search them, serve them.

What a command needs is imported when it runs, so that `qa --help` is instant.
"""

import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from index.errors import QAError
from qa_service.commands import common
from qa_service.commands.collections import collections
from qa_service.commands.conversations import conversations
from qa_service.commands.feedback import feedback
from qa_service.commands.keys import keys
from qa_service.commands.maintenance import backup, doctor, restore
from qa_service.commands.reindex import reindex

if TYPE_CHECKING:
    from index.walk import Selection

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
            common.complain(str(error))
            ctx.exit(1)
        except BrokenPipeError:  # whoever read our output has seen enough
            raise
        except OSError as error:
            common.complain(f"{error.filename}: {error.strerror}" if error.filename else str(error))
            ctx.exit(1)
        except KeyboardInterrupt:
            common.complain("stopped; what is done is kept")
            ctx.exit(_INTERRUPTED)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="qa-service", prog_name="qa")
def main() -> None:
    """Answers from your own documents in which every sentence carries a checked citation.

    Everything is kept in the folder that QA_DATA_DIR names (~/.qa-service). While `qa serve` runs on it, the
    other commands go through the running service.
    """


@main.command(short_help="Index new and changed files under PATH, forget removed ones.")
@click.argument(
    "paths", metavar="PATH...", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path)
)
@_COLLECTION
@click.option(
    "--include",
    metavar="PATTERN",
    multiple=True,
    help="Only files that match, as in a .gitignore file, such as '*.md' or 'handbook/'; repeat it for more.",
)
@click.option("--exclude", metavar="PATTERN", multiple=True, help="No files that match; repeat it for more.")
@click.option("--watch", is_flag=True, help="Stay, and keep the collection in step with the folders.")
def index(
    paths: tuple[Path, ...], collection: str, include: tuple[str, ...], exclude: tuple[str, ...], watch: bool
) -> None:
    """Index the documents under each PATH: new, changed and moved files, and forget removed ones.

    Reads text, Markdown, HTML, PDF, DOCX, PPTX, XLSX, CSV, EPUB, RTF, ODT, EML, JSON and source code. A file
    that can't be read is named, and the others are indexed; the exit code is then 1. What --exclude or a
    .qaignore file leaves out is forgotten, too.
    """
    from index.owner import find_owner
    from index.walk import Selection
    from qa_service.settings import load_settings

    data_dir = load_settings().data_dir
    selection = Selection(include=include, exclude=exclude, apart=[data_dir])
    command = f"qa index {'--watch ' if watch else ''}{' '.join(map(str, paths))}"
    if watch:
        from qa_service.commands.watching import Watching

        def serves() -> bool:
            owner = find_owner(data_dir)
            return owner is not None and owner.url is not None

        watching = Watching(paths, collection, selection=selection, apart=[data_dir])
        watching.run(lambda: common.connected(command), serves=serves)
    else:
        _index_once(paths, collection, selection, command=command)


def _index_once(paths: tuple[Path, ...], collection: str, selection: "Selection", *, command: str) -> None:
    """Make one pass over the paths, say what came of it, and exit with 1 where a file could not be indexed."""
    with common.connected(command) as service:
        from index.sync import sync
        from qa_service.commands.progress import Progress

        with Progress(len(paths), sys.stderr) as progress:
            shelf = service.shelf(collection, on_embedded=progress.embedded)
            for path in paths:
                for synced in sync(shelf, path, selection=selection, on_planned=progress.planned):
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


@main.command(short_help="Answer QUESTION, each sentence with its citations.")
@click.argument("question")
@_COLLECTION
@click.option("-k", type=click.IntRange(1, 200), help="Passages to answer from (QA_PASSAGES).")
@click.option("--conversation", metavar="ID", help="Go on with a conversation, and keep this turn in it.")
@_JSON
def ask(question: str, collection: str, k: int | None, conversation: str | None, as_json: bool) -> None:
    """Answer QUESTION from the indexed documents, each sentence with its citations."""
    from qa_service.commands.terminal import answer_lines, json_text

    body: dict[str, Any] = {"question": question, "collection": collection}
    if k:
        body["k"] = k
    if conversation:
        body["conversation_id"] = conversation
    with common.connected("qa ask") as service:
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
    from qa_service.commands.terminal import json_text, passage_lines

    with common.connected("qa search") as service:
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
@click.option(
    "--workers",
    default=1,
    show_default=True,
    type=click.IntRange(1, 64),
    help="Processes that answer; several share a Chroma server, which is started for them.",
)
def serve(host: str, port: int, workers: int) -> None:
    """Serve the HTTP interface and a page to ask from.

    On loopback it is open until a key is made (`qa keys create`). On any other address it wants a key.
    """
    from qa_service.serving.server import serve as run

    run(common.settings(), host=host, port=port, workers=workers)


main.add_command(collections)
main.add_command(conversations)
main.add_command(feedback)
main.add_command(keys)
for _each in (backup, restore, doctor, reindex):
    main.add_command(_each)
