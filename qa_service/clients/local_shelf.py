"""A collection of the services of this process, to synchronise a folder with."""

from collections.abc import Iterable, Iterator, Sequence

from index.errors import NotFound, SourceTaken
from index.ingest import OnEmbedded
from index.sync import Known
from index.upload import Result, Upload
from qa_service.services import Services


class LocalShelf:
    """Writes what it is given at once; `on_embedded` hears how far the document at hand is."""

    def __init__(self, services: Services, collection: str, *, on_embedded: OnEmbedded) -> None:
        self._services = services
        self._collection = services.collection(collection)
        self._ingestor = services.ingestor(self._collection)
        self._on_embedded = on_embedded

    def known(self) -> Sequence[Known]:
        """All documents of the collection."""
        return self._services.catalog.documents(self._collection)

    def put(self, uploads: Iterable[Upload]) -> Iterator[Result]:
        """Index documents; a result for each."""
        return self._ingestor.put(uploads, on_embedded=self._on_embedded)

    def rename(self, document_id: str, *, source: str, origin: str, title: str | None) -> bool:
        """Give a document another place, and another title where there is one; whether that could be done."""
        try:
            self._services.rename_document(
                self._collection, document_id, source=source, origin=origin, title=title
            )
        except (NotFound, SourceTaken):
            return False
        return True

    def delete(self, document_id: str) -> None:
        """Remove a document; `NotFound` where it has gone."""
        self._services.delete_document(self._collection, document_id)
