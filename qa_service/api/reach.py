"""What the caller's key reaches. All else looks absent: the same words for what is another's and what is not there."""

from collections.abc import Callable
from typing import Protocol, TypeVar

from flask import request

from index.catalog import Collection
from index.catalog.statements import no_collection, no_document, no_job
from index.jobs import Job
from qa_service.api.context import services
from qa_service.api.guard import grant, key
from qa_service.requests import AnswerRequest, SearchRequest
from qa_service.wire import JSON

_PLACES = ("citations", "passages")

S = TypeVar("S", AnswerRequest, SearchRequest)


class About(Protocol):
    """A request that is about a collection."""

    @property
    def collection(self) -> str:
        """The one that it names, or else `default`."""
        ...

    @property
    def model_fields_set(self) -> set[str]:
        """The fields that it names."""
        ...


def reaches(collection: str) -> bool:
    """Whether the caller's key is for a collection."""
    held = key()
    return held is None or held.reaches(collection)


def collection_name(wanted: About) -> str:
    """The collection that a request is about; whose key is for one collection need not name it.

    Raises `NotFound` where the key is not for it, whether or not it exists.
    """
    held = key()
    if held is None:
        return wanted.collection
    only = held.rights.collections
    if only is not None and len(only) == 1 and "collection" not in wanted.model_fields_set:
        return only[0]
    if not held.reaches(wanted.collection):
        raise no_collection(wanted.collection)
    return wanted.collection


def within(wanted: S) -> S:
    """The same search, in the collection that it is about; `NotFound` as above."""
    return wanted.model_copy(update={"collection": collection_name(wanted)})


def collections() -> list[Collection]:
    """The collections that the caller's key is for, of those that there are, by name."""
    return [each for each in services().catalog.collections() if reaches(each.name)]


def collection(name: str) -> Collection:
    """The collection of that name; `NotFound` where there is none, or the caller's key is not for it."""
    # No name of a collection looks like others; what is none need not be looked up.
    if not (reaches(name) and name.isprintable()):
        raise no_collection(name)
    return services().catalog.collection(name)


def collection_of(document_id: str) -> Collection:
    """The collection that holds a document; `NotFound` where it is none of the caller's."""
    found = services().catalog.collection_of(document_id)
    if not reaches(found.name):
        raise no_document(document_id)
    return found


def job(job_id: str) -> Job:
    """A job; `NotFound` where its collection is none of the caller's."""
    found = services().jobs.get(job_id)
    if not reaches(found.collection):
        raise no_job(job_id)
    return found


def site() -> str:
    """What the addresses in a reply begin with; empty, so that they are relative, where the host asked is no host."""
    return request.host_url if any(map(str.isalnum, request.host)) else ""


def linker() -> Callable[[JSON], JSON]:
    """What completes the addresses in an answer, in an event of it, or in a passage, for the caller to follow.

    Whoever asked with a publishable key holds no key that could be shown to a page of ours: the addresses bring
    a token with them that lets the document be read.
    """
    shown = grant()
    if shown is None or shown.key.rights.kind != "publishable":
        return lambda data: data
    sign = services().keys.links(shown.key)
    tokens: dict[str, str] = {}

    def signed(place: JSON) -> JSON:
        if not isinstance(place, dict) or "url" not in place:  # a claim names citations by their numbers
            return place
        document_id = place["document_id"]
        token = tokens.get(document_id) or tokens.setdefault(document_id, sign(document_id))
        return {**place, "url": f"{place['url']}&link={token}"}

    def complete(data: JSON) -> JSON:
        places: JSON = {name: [*map(signed, data[name])] for name in _PLACES if name in data}
        return {**data, **places}

    return complete
