"""A client of a running service: how the command line goes through the process that owns the data directory."""

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, cast

import httpx

from index.errors import QAError
from index.ingest import Outcome, Result, Upload
from index.sync import Known

_UPLOAD_BYTES = 16 * 2**20
_UPLOAD_FILES = 50
_POLL_SECONDS = 0.2
_SECONDS = httpx.Timeout(300, connect=5)


class ServiceError(QAError):
    """A running service refused, or could not be reached."""

    code = "service_failed"
    status = 502


@dataclass(frozen=True, slots=True)
class RemoteDocument:
    """A document of the service, as far as synchronising a folder needs it."""

    id: str
    source: str
    origin: str


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

    def answer(self, body: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
        """The events of one answer, by name and data, as they come."""
        try:
            with self._http.stream("POST", "/v1/answers", json={**body, "stream": True}) as response:
                if response.is_error:
                    response.read()
                    raise _refused(response)
                yield from _events(response.iter_lines())
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error

    def search(self, body: dict[str, Any]) -> list[dict[str, Any]]:
        """The passages for a query."""
        passages: list[dict[str, Any]] = self._call("POST", "/v1/search", json=body)["passages"]
        return passages

    def shelf(self, collection: str) -> "RemoteShelf":
        """A collection of the service, to synchronise a folder with."""
        return RemoteShelf(self, collection)

    def _call(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        try:
            response = self._http.request(method, path, **options)
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error
        if response.is_error:
            raise _refused(response)
        return cast("dict[str, Any]", response.json()) if response.content else {}

    def _unreachable(self, error: httpx.HTTPError) -> ServiceError:
        return ServiceError(
            f"the service at {self._url} could not be reached: {error or type(error).__name__}"
        )


class RemoteShelf:
    """A collection behind a running service."""

    def __init__(self, client: Client, collection: str) -> None:
        self._client = client
        self._collection = collection

    def known(self) -> Sequence[Known]:
        """All documents of the collection; none where it does not exist yet."""
        found: list[Known] = []
        after: str | None = ""
        while after is not None:
            try:
                page = self._client._call(
                    "GET",
                    "/v1/documents",
                    params={"collection": self._collection, "after": after, "limit": 1000},
                )
            except NoSuchThing:
                return []
            found += [
                RemoteDocument(each["id"], each["source"], each["origin"]) for each in page["documents"]
            ]
            after = page["next"]
        return found

    def put(self, uploads: Iterable[Upload]) -> Iterator[Result]:
        """Upload documents and wait for the job of each batch."""
        batch: list[Upload] = []
        for upload in uploads:
            batch.append(upload)
            if len(batch) == _UPLOAD_FILES or sum(len(each.data) for each in batch) >= _UPLOAD_BYTES:
                yield from self._upload(batch)
                batch = []
        if batch:
            yield from self._upload(batch)

    def delete(self, document_id: str) -> None:
        """Remove a document."""
        self._client._call("DELETE", f"/v1/documents/{document_id}")

    def _upload(self, batch: list[Upload]) -> Iterator[Result]:
        accepted = self._client._call(
            "POST",
            "/v1/documents",
            files=[("file", (each.name, each.data)) for each in batch],
            data={
                "collection": self._collection,
                "origin": batch[0].origin,
                "source": [each.source for each in batch],
            },
        )
        shown = 0
        while shown < len(batch):
            job = self._client._call("GET", f"/v1/jobs/{accepted['job_id']}")
            ended = [each for each in job["documents"] if each["status"] != "queued"]
            for each in ended[shown:]:
                error = each.get("error")
                yield Result(
                    each["source"],
                    cast("Outcome", each["status"]),
                    each["id"],
                    error=ServiceError(error["message"]) if error else None,
                )
            shown = len(ended)
            if shown < len(batch):
                time.sleep(_POLL_SECONDS)


class NoSuchThing(ServiceError):
    """The service has no such collection, document or job."""

    code = "not_found"
    status = 404


def _refused(response: httpx.Response) -> ServiceError:
    try:
        detail = str(response.json()["detail"])
    except (ValueError, KeyError, TypeError):
        detail = f"it answered with HTTP status {response.status_code}"
    return NoSuchThing(detail) if response.status_code == 404 else ServiceError(detail)


def _events(lines: Iterable[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Server-sent events as the service writes them: one `event` and one `data` line each."""
    name = ""
    for line in lines:
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            data = json.loads(line.removeprefix("data: "))
            if name == "error":
                raise ServiceError(data["detail"])
            yield name, data
            if name == "done":
                return
    raise ServiceError("the answer broke off before it was complete: ask again")
