"""`qa reindex`: collections move to the embedding model of the settings, or to that of the service that runs."""

import sys
from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

import click

from qa_service.commands import common

if TYPE_CHECKING:
    from index.reembed import OnReembedded
    from qa_service.clients.client import Client
    from qa_service.settings import Settings


@click.command(short_help="Embed collections again, with another embedding model.")
@click.option(
    "--collection", "names", metavar="NAME", multiple=True, help="Only this collection; repeat it for more."
)
def reindex(names: tuple[str, ...]) -> None:
    """Embed what collections hold again, with the embedding model of the settings (QA_EMBEDDING_MODEL).

    Takes all collections that were indexed with another model. The documents' files are not needed. Where a service
    runs, it does the work, as jobs, with the model that it was started with. What is embedded is kept when it is
    stopped, and the next call goes on from there; each collection has its old vectors until all the new ones are
    there.
    """
    settings = common.settings()
    if service := common.running(settings):
        with service as client:
            _through(client, names)
    else:
        _here(settings, names)


def _here(settings: "Settings", names: Sequence[str]) -> None:
    from index.owner import OwnerLock

    lock = OwnerLock(
        settings.data_dir, command="qa reindex"
    )  # before the imports, so that it is refused at once
    try:
        from qa_service.commands.progress import Progress
        from qa_service.maintenance.reindexing import reindexing

        with reindexing(settings) as work:
            collections = work.collections(names)
            if not collections:
                click.echo(f"nothing to do: all were indexed with {work.embedder.name}")
                return
            with Progress(0, sys.stderr) as progress:
                for done in work.move(collections, on_embedded=progress.embedded):
                    staged = f" ({done.staged:,} of them before)" if done.staged else ""
                    click.echo(
                        f"{done.collection.name}: {done.embedded + done.staged:,} passages embedded{staged}"
                    )
            work.follow()
    finally:
        lock.release()


def _through(client: "Client", names: Sequence[str]) -> None:
    from qa_service.commands.progress import Progress
    from qa_service.errors import ServiceError

    with Progress(0, sys.stderr) as progress:
        for name in names or [each["name"] for each in client.collections()]:
            ended = _ended(client, name, progress.embedded)
            if "error" in ended:
                raise ServiceError(f"{name}: {ended['error']['message']}")
            if ended["status"] == "cancelled":
                raise ServiceError(f"{name}: its job was cancelled; the next call goes on from there")
            what = (
                "passages embedded"
                if ended["status"] == "replaced"
                else "passages have the service's model already"
            )
            click.echo(f"{name}: {ended.get('chunks', 0):,} {what}")


def _ended(client: "Client", name: str, on_embedded: "OnReembedded") -> dict[str, Any]:
    """What has become of a collection, when its job has ended; who stops waiting gives it up."""
    found: dict[str, Any] = {}
    with closing(client.watch(client.reindex(name))) as watched:
        for job in watched:
            found = job["reindexing"]
            if found["status"] == "queued" and "chunks" in found:
                on_embedded(name, found["embedded"], found["chunks"])
    return found
