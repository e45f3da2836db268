"""`qa conversations`: begin, list, export and delete conversations.

Conversations are in the catalog, which takes a second process: the commands need no running service, and do
not disturb one.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from qa_service.commands import common

if TYPE_CHECKING:
    from qa_service.conversations.store import Conversations

_PAGE = 1000


@click.group(short_help="Begin, list, export and delete conversations.")
def conversations() -> None:
    """Begin, list, export and delete conversations: those of all keys."""


@conversations.command("create", short_help="Begin a conversation and print its id, for `qa ask`.")
def create_conversation() -> None:
    """Begin a conversation and print its id, for `qa ask --conversation ID`."""
    from qa_service.conversations.store import OPERATOR

    with _conversations() as kept:
        click.echo(kept.create(OPERATOR).id)


@conversations.command("list", short_help="List the conversations, the newest first.")
def list_conversations() -> None:
    """List the conversations, the newest first, with their number of turns and first question."""
    from qa_service.conversations.store import OPERATOR
    from qa_service.printable import printable

    with _conversations() as kept:
        before: str | None = None
        while page := kept.list(OPERATOR, limit=_PAGE, before=before):
            for each in page:
                click.echo(f"{each.id}  {each.turns:3}  {printable(each.title)}".rstrip())
            before = page[-1].id
        if before is None:
            click.echo("no conversations yet: `qa conversations create` begins one", err=True)


@conversations.command("export", short_help="Print a conversation as JSON.")
@click.argument("conversation_id", metavar="ID")
def export_conversation(conversation_id: str) -> None:
    """Print a conversation as JSON: each question with its answer as it was sent."""
    from qa_service.commands.terminal import json_text
    from qa_service.conversations.store import OPERATOR
    from qa_service.wire import export_json

    with _conversations() as kept:
        click.echo(json_text(export_json(*kept.export(conversation_id, OPERATOR))))


@conversations.command("delete")
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.option("--all", "every", is_flag=True, help="Delete all conversations.")
def delete_conversations(ids: tuple[str, ...], every: bool) -> None:
    """Delete conversations with all that was asked and answered in them."""
    from qa_service.conversations.store import OPERATOR

    if bool(ids) == every:
        raise click.UsageError("name the conversations to delete, or say --all")
    with _conversations() as kept:
        if every:
            count = kept.delete_all(OPERATOR)
        else:
            for each in ids:
                kept.delete(each, OPERATOR)
            count = len(ids)
    click.echo(f"{count} deleted")


@contextmanager
def _conversations() -> "Iterator[Conversations]":
    from qa_service.conversations.store import opened_conversations

    with opened_conversations(common.settings()) as kept:
        yield kept
