"""`qa collections`: list, make and delete collections, through the service that runs on the data directory."""

from datetime import UTC, datetime

import click

from qa_service.commands import common


@click.group(short_help="List, make and delete collections of documents.")
def collections() -> None:
    """List, make and delete collections: documents that are searched together."""


@collections.command("list", short_help="List the collections by name, with what each holds.")
def list_collections() -> None:
    """List the collections by name, with what each holds and its embedding model."""
    with common.connected("qa collections list") as service:
        listed = service.collections()
    for each in listed:
        made = f"{datetime.fromtimestamp(each['created_at'] / 1000, UTC):%Y-%m-%d}"
        held = f"{each['documents']} documents, {each['chunks']} chunks"
        click.echo(f"{each['name']}  {held}  {each['embedding_model']}  {made}")
    if not listed:
        click.echo("no collections yet: `qa index PATH` makes one", err=True)


@collections.command("create")
@click.argument("name")
def create_collection(name: str) -> None:
    """Make an empty collection called NAME.

    A name has 1 to 63 letters, digits, - and _, and begins with a letter or a digit.
    """
    with common.connected("qa collections create") as service:
        service.create_collection(name)


@collections.command("delete", short_help="Delete a collection with all its documents.")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
def delete_collection(name: str, yes: bool) -> None:
    """Delete the collection called NAME with all its documents and what was made of them."""
    with common.connected("qa collections delete") as service:
        found = next((each for each in service.collections() if each["name"] == name), None)
        if found and not yes:
            click.confirm(f"delete {found['documents']} documents of {name!r}?", abort=True)
        service.delete_collection(name)
    click.echo(f"{name} deleted")
