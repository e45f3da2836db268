"""Collections move to the embedding model of the settings, while nobody serves them."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial

from index.catalog import Catalog, Collection
from index.embed import Embedder, open_embedder
from index.errors import DataDirectoryInUse
from index.followers import Followers
from index.lease import Lease
from index.reembed import OnReembedded, Reembedded, reembed
from index.staged import discard, tidy
from qa_service.database import chroma_server, lease_of, open_database
from qa_service.settings import Settings


@dataclass(frozen=True, slots=True)
class Reindexing:
    """A data directory that this process owns, with the model that its collections move to."""

    settings: Settings
    catalog: Catalog
    embedder: Embedder
    lease: Lease | None

    def collections(self, names: Sequence[str] = ()) -> list[Collection]:
        """Those of these names, or all, that have vectors of another model; `NotFound` for a name of none.

        What was staged for one that has the model's vectors, of a move that was given up, is removed.
        """
        found = [self.catalog.collection(name) for name in names] or self.catalog.collections()
        for collection in found:
            if collection.embedding_model == self.embedder.name:
                discard(self.settings.data_dir, collection)
        return [each for each in found if each.embedding_model != self.embedder.name]

    def move(self, collections: Sequence[Collection], *, on_embedded: OnReembedded) -> Iterator[Reembedded]:
        """Embed collections with the model, one after the other, and have each move; then make anew what searches them.

        What it raises, and goes on from the next time, is what `reembed` raises, and `DataDirectoryInUse` where
        another process has come to serve from the same database.
        """
        for collection in collections:
            yield reembed(
                self.catalog,
                collection,
                self.embedder,
                self.settings.data_dir,
                on_embedded=on_embedded,
                before_move=partial(_require, self.lease),
            )

    def follow(self) -> None:
        """Make what searches the collections anew; without it, the next start does."""
        server = chroma_server(self.settings)
        path = self.settings.data_dir / "followers"
        Followers(path, self.catalog, server=server, lease=self.lease).close()


@contextmanager
def reindexing(settings: Settings, *, embedder: Embedder | None = None) -> Iterator[Reindexing]:
    """A data directory to reindex, whose `OwnerLock` the caller holds as long as the block runs.

    An `embedder` that is given takes the place of the settings' own, and is left open. Raises `DataDirectoryInUse`
    where another process serves from the same database.
    """
    with ExitStack() as opened:
        database = open_database(settings)
        opened.callback(database.close)
        lease = lease_of(settings, database)
        if lease is not None:
            opened.callback(lease.release)
        _require(lease)
        if embedder is None:
            embedder = open_embedder(settings.embedding_model, cache_dir=settings.data_dir / "models")
            opened.callback(embedder.close)
        catalog = Catalog(database)
        tidy(settings.data_dir, catalog)
        yield Reindexing(settings, catalog, embedder, lease)


def _require(lease: Lease | None) -> None:
    if lease is not None and not lease.held():
        raise DataDirectoryInUse(
            "another process serves from this database, or the database can't be reached: send the request to that "
            "service (POST /v1/collections/NAME/reindex), or stop all services that use the database and call "
            "`qa reindex` again"
        )
