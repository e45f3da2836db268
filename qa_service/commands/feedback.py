"""`qa feedback`: what people said of answers, as a list and as an evaluation dataset.

Feedback is in the catalog, which takes a second process: the commands need no running service.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from qa_service.commands import common

if TYPE_CHECKING:
    from qa_service.feedback import Feedback, Rated

_PAGE = 1000


@click.group()
def feedback() -> None:
    """List, export and delete what people said of answers."""


@feedback.command("list", short_help="List what was said, the newest first.")
def list_feedback() -> None:
    """List what was said, the newest first: the answer's id, the rating, the question and the reason."""
    from qa_service.printable import printable

    each = None
    with _feedback() as kept:
        for each in _all(kept):
            reason = f"  ({each.reason})" if each.reason else ""
            click.echo(printable(f"{each.answer_id}  {each.rating:4}  {each.question}{reason}"))
    if each is None:
        click.echo(
            "no feedback yet: readers give it in the widget, programs by `POST /v1/feedback`", err=True
        )


@feedback.command("export")
@click.option("--collection", metavar="NAME", help="Only what was answered from a collection.")
def export_feedback(collection: str | None) -> None:
    """Print an evaluation dataset, an example a line.

    Each question comes once, as it was rated last. Good answers bring what they cited as evidence; corrections
    are answers whose evidence is yet to be added. Bad answers that nobody corrected are left out and counted.
    """
    import json

    with _feedback() as kept:
        rated = [each for each in _all(kept) if collection in (None, each.collection)]
        count = 0
        for example in kept.examples(rated):
            click.echo(json.dumps(example, ensure_ascii=False))
            count += 1
    click.echo(f"{count} examples of {len(rated)} ratings", err=True)


@feedback.command("delete", short_help="Delete feedback, with what was kept of the answers.")
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.option("--all", "every", is_flag=True, help="Delete all feedback.")
def delete_feedback(ids: tuple[str, ...], every: bool) -> None:
    """Delete feedback by the answers' ids, with what was kept of the answers."""
    if bool(ids) == every:
        raise click.UsageError("name the answers whose feedback to delete, or say --all")
    with _feedback() as kept:
        if every:
            count = kept.delete_all()
        else:
            for each in ids:
                kept.delete(each)
            count = len(ids)
    click.echo(f"{count} deleted")


def _all(kept: "Feedback") -> "Iterator[Rated]":
    before = None
    while page := kept.list(limit=_PAGE, before=before):
        yield from page
        before = page[-1].cursor


@contextmanager
def _feedback() -> "Iterator[Feedback]":
    from qa_service.feedback import opened_feedback

    with opened_feedback(common.settings()) as kept:
        yield kept
