"""`qa keys`: make, list, rotate and revoke the keys of the HTTP interface.

Keys are in the catalog, which takes a second process: the commands need no running service, and what they do
counts for one from its next request on.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from index.clock import now_ms
from qa_service.commands import common

if TYPE_CHECKING:
    from qa_service.access.keys import Key, Keys, Scope

_MS_A_DAY = 24 * 60 * 60 * 1000
_SCOPES = ("ask", "search", "write", "admin", "metrics")


@click.group(short_help="Make, list, rotate and revoke keys of the HTTP interface.")
def keys() -> None:
    """Make, list, rotate and revoke the keys of the HTTP interface."""


@keys.command("create")
@click.argument("name")
@click.option(
    "--publishable",
    is_flag=True,
    help="A key that may stand in a page: it may only ask, and names collections.",
)
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(_SCOPES),
    help="What a secret key may; repeat it for more.  [default: everything]",
)
@click.option(
    "--collection",
    "collections",
    metavar="NAME",
    multiple=True,
    help="A collection that it is for; repeat it for more.  [default: all]",
)
@click.option(
    "--origin",
    "origins",
    metavar="ORIGIN",
    multiple=True,
    help="An origin of pages that a publishable key works on, such as https://www.example.com; repeat it for more.",
)
@click.option(
    "--days", type=click.IntRange(1, 36500), help="How long it works.  [default: until it is revoked]"
)
def create_key(
    name: str,
    publishable: bool,
    scopes: tuple["Scope", ...],
    collections: tuple[str, ...],
    origins: tuple[str, ...],
    days: int | None,
) -> None:
    """Make a key called NAME and print it: it can't be shown again."""
    from qa_service.access.keys import SCOPES, Rights

    ends = None if days is None else now_ms() + days * _MS_A_DAY
    rights = Rights(
        "publishable" if publishable else "secret",
        scopes or (("ask",) if publishable else SCOPES),
        collections or None,
        origins,
        ends,
    )
    with _keys() as held:
        is_first = not held.exist()
        key, text = held.create(name, rights)
    click.echo(text)
    if is_first:
        click.echo(
            "this is the first key: from now on every request needs a key, and this one is for "
            f"{_shown(key)}",
            err=True,
        )


@keys.command("list", short_help="List the keys by name, with what each is for.")
def list_keys() -> None:
    """List the keys by name, with what each is for; their texts are not stored."""
    with _keys() as held:
        listed = held.list()
    for key in listed:
        click.echo(f"{key.name}  {key.beginning}_…  {_shown(key)}")
    if not listed:
        click.echo("no keys yet: `qa keys create NAME` makes one", err=True)


@keys.command("rotate", short_help="Give a key a new text; the old one is refused at once.")
@click.argument("name")
def rotate_key(name: str) -> None:
    """Give the key called NAME a new text and print it; the old one is refused at once."""
    with _keys() as held:
        _, text = held.rotate(name)
    click.echo(text)


@keys.command("revoke")
@click.argument("name")
def revoke_key(name: str) -> None:
    """Revoke the key called NAME at once."""
    with _keys() as held:
        held.revoke(name)
        if not held.exist():
            click.echo("no key is left: on loopback the service is open again", err=True)


def _shown(key: "Key") -> str:
    """What a key is for, on one line."""
    rights = key.rights
    parts = [", ".join(rights.scopes)]
    if rights.collections is not None:
        parts.append(f"in {', '.join(rights.collections)}")
    if rights.kind == "publishable":
        parts.append(f"from {', '.join(rights.origins) or 'nowhere'}")
    if rights.expires_at is not None:
        parts.append(f"until {datetime.fromtimestamp(rights.expires_at / 1000, UTC):%Y-%m-%d %H:%M} UTC")
    return " ".join(parts)


@contextmanager
def _keys() -> "Iterator[Keys]":
    from qa_service.access.keys import opened_keys

    with opened_keys(common.settings()) as keys:
        yield keys
