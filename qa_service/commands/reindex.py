"""`qa reindex`: collections move to the embedding model of the settings."""

import sys

import click

from qa_service.commands import common


@click.command(short_help="Embed collections again, with the embedding model of the settings.")
@click.option(
    "--collection", "names", metavar="NAME", multiple=True, help="Only this collection; repeat it for more."
)
def reindex(names: tuple[str, ...]) -> None:
    """Embed what collections hold again, with the embedding model of the settings (QA_EMBEDDING_MODEL).

    Takes all collections that were indexed with another model. The documents' files are not needed. No service may
    run meanwhile. What is embedded is kept when it is stopped, and the next call goes on from there; each
    collection has its old vectors until all the new ones are there.
    """
    from index.owner import OwnerLock

    settings = common.settings()
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
