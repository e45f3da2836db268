"""The services of this process, with the face that `Client` gives to those of another."""

from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from index.ingest import OnEmbedded
from qa_service.conversations.store import OPERATOR
from qa_service.requests import AnswerRequest, SearchRequest, explain
from qa_service.services import LocalShelf, Services
from qa_service.wire import event_json, passage_json


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

    def shelf(self, collection: str, *, on_embedded: OnEmbedded) -> LocalShelf:
        """A collection to synchronise a folder with."""
        return LocalShelf(self._services, collection, on_embedded=on_embedded)
