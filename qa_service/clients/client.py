"""A client of a running service: the command line goes through the process that owns the data directory."""

import json
import secrets
import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, cast
from urllib.parse import quote

import httpx

from qa_service.clients.remote_shelf import RemoteShelf
from qa_service.errors import ServiceError

if TYPE_CHECKING:
    from index.ingest import OnEmbedded
    from index.upload import Upload

JSON = dict[str, Any]

_SECONDS = httpx.Timeout(300, connect=5)
_REPEATABLE = ("GET", "PATCH", "DELETE")
_PAUSE_SECONDS = 1.0
_POLL_SECONDS = 0.2


class Client:
    """Talks to the service at `url`; `token` is the owner's, from the lock file, or a key.

    Every method raises `ServiceError` where the service refuses or can't be reached.
    """

    def __init__(self, url: str, *, token: str | None = None) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._url = url
        # The service is on this machine: a proxy from the environment has no business between.
        self._http = httpx.Client(base_url=url, headers=headers, timeout=_SECONDS, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def answer(self, body: JSON) -> Iterator[tuple[str, JSON]]:
        """The events of one answer, by name and data, as they come."""
        try:
            with self._http.stream("POST", "/v1/answers", json={**body, "stream": True}) as response:
                if response.is_error:
                    response.read()
                    raise _refused(response)
                yield from _events(response.iter_lines())
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error

    def search(self, body: JSON) -> list[JSON]:
        """The passages for a query."""
        passages: list[JSON] = self._call("POST", "/v1/search", json=body)["passages"]
        return passages

    def documents(self, collection: str) -> Iterator[JSON]:
        """All documents of a collection, page by page."""
        after: str | None = ""
        while after is not None:
            query = {"collection": collection, "after": after, "limit": 1000}
            page = self._call("GET", "/v1/documents", params=query)
            yield from page["documents"]
            after = page["next"]

    def text(self, document_id: str) -> JSON:
        """A document's canonical text."""
        return self._call("GET", f"/v1/documents/{quote(document_id, safe='')}/text")

    def upload(self, collection: str, uploads: "Sequence[Upload]") -> JSON:
        """Hand files of one origin over to be indexed; gives the acknowledgement."""
        return self._call(
            "POST",
            "/v1/documents",
            headers={"Idempotency-Key": secrets.token_urlsafe(16)},
            files=[("file", (each.name, each.data)) for each in uploads],
            data={
                "collection": collection,
                "origin": uploads[0].origin,
                "source": [each.source for each in uploads],
            },
        )

    def job(self, job_id: str) -> JSON:
        """What has become of uploads."""
        return self._call("GET", f"/v1/jobs/{quote(job_id, safe='')}")

    def watch(self, job_id: str) -> Generator[JSON, None, None]:
        """A job as it is, several times a second until it has ended; who stops before gives it up."""
        try:
            while True:
                job = self.job(job_id)
                yield job
                if job["status"] != "running":
                    return
                time.sleep(_POLL_SECONDS)
        except (KeyboardInterrupt, GeneratorExit):
            with suppress(ServiceError):
                self.cancel(job_id)
            raise

    def cancel(self, job_id: str) -> None:
        """Give up what waits or is under way of a job."""
        self._call("DELETE", f"/v1/jobs/{quote(job_id, safe='')}")

    def rename(self, document_id: str, body: JSON) -> None:
        """Give a document another title or source."""
        self._call("PATCH", f"/v1/documents/{quote(document_id, safe='')}", json=body)

    def delete(self, document_id: str) -> None:
        """Remove a document."""
        self._call("DELETE", f"/v1/documents/{quote(document_id, safe='')}")

    def collections(self) -> list[JSON]:
        """All collections, by name."""
        found: list[JSON] = self._call("GET", "/v1/collections")["collections"]
        return found

    def create_collection(self, name: str) -> None:
        """Make a collection."""
        self._call("POST", "/v1/collections", json={"name": name})

    def delete_collection(self, name: str) -> None:
        """Remove a collection with all that is in it."""
        self._call("DELETE", f"/v1/collections/{quote(name, safe='')}")

    def reindex(self, collection: str) -> str:
        """Have a collection move to the service's embedding model; gives the job's id."""
        job_id: str = self._call("POST", f"/v1/collections/{quote(collection, safe='')}/reindex")["job_id"]
        return job_id

    def shelf(self, collection: str, *, on_embedded: "OnEmbedded") -> RemoteShelf:
        """A collection of the service, to synchronise a folder with."""
        return RemoteShelf(self, collection, on_embedded=on_embedded)

    def _call(self, method: str, path: str, **options: Any) -> JSON:
        try:
            response = self._request(method, path, **options)
            if response.is_error:
                raise _refused(response)
            return cast("JSON", response.json()) if response.content else {}
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error
        except ValueError:
            raise ServiceError(
                f"what answers at {self._url} is not this service: its reply is no JSON"
            ) from None

    def _request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """The reply; what may be sent twice is, where the service breaks off, as when it is started anew."""
        try:
            return self._http.request(method, path, **options)
        except (httpx.NetworkError, httpx.RemoteProtocolError):
            if method not in _REPEATABLE and "Idempotency-Key" not in options.get("headers", {}):
                raise
        time.sleep(_PAUSE_SECONDS)
        return self._http.request(method, path, **options)

    def _unreachable(self, error: httpx.HTTPError) -> ServiceError:
        return ServiceError(f"the service at {self._url} can't be reached: {error or type(error).__name__}")


def _refused(response: httpx.Response) -> ServiceError:
    try:
        detail = str(response.json()["detail"])
    except (ValueError, KeyError, TypeError):
        detail = f"the service answered with HTTP status {response.status_code}"
    return ServiceError(detail, http_status=response.status_code)


def _events(lines: Iterable[str]) -> Iterator[tuple[str, JSON]]:
    """Server-sent events as the service writes them: one `event` and one `data` line each."""
    name = ""
    for line in lines:
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            data = json.loads(line.removeprefix("data: "))
            if name == "error":
                raise ServiceError(data["detail"], http_status=data["status"])
            yield name, data
            if name == "done":
                return
    raise ServiceError("the answer broke off before it was complete: ask again")
