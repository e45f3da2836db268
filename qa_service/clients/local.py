"""The services of this process, with the face that `Client` gives to those of another."""

from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from index.document import Span
from index.ingest import OnEmbedded
from qa_service.clients.local_shelf import LocalShelf
from qa_service.conversations.store import OPERATOR
from qa_service.requests import AnswerRequest, NewCollectionRequest, SearchRequest, explain
from qa_service.services import Services
from qa_service.wire import collection_json, document_json, event_json, passage_json, text_json


class Local:
    """Answers and searches with services that are open here; the words are those of the HTTP interface."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def answer(self, body: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
        """The events of one answer, by name and data, as they come."""
        try:
            wanted = AnswerRequest(**body)
        except ValidationError as error:
            raise explain(error) from None
        return (event_json(event) for event in self._services.answer(wanted, OPERATOR))

    def search(self, body: dict[str, Any]) -> list[dict[str, Any]]:
        """The passages for a query."""
        try:
            wanted = SearchRequest(**body)
        except ValidationError as error:
            raise explain(error) from None
        return [passage_json(passage) for passage in self._services.search(wanted)]

    def documents(self, collection: str) -> Iterator[dict[str, Any]]:
        """All documents of a collection."""
        catalog = self._services.catalog
        found = catalog.documents(catalog.collection(collection))
        return (document_json(each, origin=True) for each in found)

    def text(self, document_id: str) -> dict[str, Any]:
        """A document's canonical text."""
        found = self._services.catalog.text(document_id)
        return text_json(found, Span(0, len(found.text)))

    def collections(self) -> list[dict[str, Any]]:
        """All collections, by name."""
        catalog = self._services.catalog
        counts = catalog.counts()
        return [collection_json(each, counts[each.id]) for each in catalog.collections() if each.id in counts]

    def create_collection(self, name: str) -> None:
        """Make a collection."""
        try:
            wanted = NewCollectionRequest(name=name)
        except ValidationError as error:
            raise explain(error) from None
        self._services.create_collection(wanted.name)

    def delete_collection(self, name: str) -> None:
        """Remove a collection with all that is in it."""
        self._services.delete_collection(name)

    def shelf(self, collection: str, *, on_embedded: OnEmbedded) -> LocalShelf:
        """A collection to synchronise a folder with."""
        return LocalShelf(self._services, collection, on_embedded=on_embedded)
