"""Several processes over one catalog: what starts them, asks them, and compares Chroma with the catalog."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from index.catalog import Catalog, Database, chunk_id
from index.chroma_session import ChromaAddress
from index.dense import DenseStore
from index.errors import FollowerError
from qa_service.address import listen

SECONDS = 40
CHROMA = str(Path(sys.executable).with_name("chroma"))


def until(what: Callable[[], Any], *, seconds: float = SECONDS) -> float:
    """The seconds until something holds; connections that fail on the way, and replies that are off, don't count."""
    began = time.monotonic()
    while time.monotonic() < began + seconds:
        try:
            if what():
                return time.monotonic() - began
        except (httpx.TransportError, FollowerError, AssertionError):
            pass
        time.sleep(0.05)
    raise AssertionError(f"it did not come to that in {seconds} s")


def add(service: Any, text: str) -> str:
    """The id of a document that the service has acknowledged."""
    reply = service.post("/v1/documents", json={"title": text, "text": text})
    assert reply.status_code == 202, reply.text
    document_id: str = reply.json()["documents"][0]["id"]
    return document_id


def find(service: Any, query: str) -> list[str]:
    """The ids of the documents that are found, by rank."""
    reply = service.post("/v1/search", json={"query": query, "k": 5})
    assert reply.status_code == 200, reply.text
    return [passage["document_id"] for passage in reply.json()["passages"]]


def until_found(service: Any, document_id: str, text: str) -> float:
    """The seconds until a search for its text finds a document."""
    return until(lambda: document_id in find(service, text))


def until_readyz(service: Any, status: int) -> float:
    """The seconds until the service says that it is ready, or is not."""
    return until(lambda: service.get("/readyz").status_code == status)


def delete(service: Any, document_id: str) -> None:
    """Delete a document."""
    reply = httpx.delete(f"{service.url}/v1/documents/{document_id}", timeout=30, trust_env=False)
    assert reply.is_success, reply.text


def children(pid: int) -> dict[int, str]:
    """The processes that one has started, with their command lines."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"\nPPid:\t{pid}\n" in (folder / "status").read_text():
                found[int(folder.name)] = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:  # it has ended meanwhile
            continue
    return found


def chroma_of(service: Any) -> int | None:
    """The Chroma server that a service with several workers has started."""
    return next((pid for pid, command in children(service.process.pid).items() if "chroma" in command), None)


def until_chroma_is_not(service: Any, pid: int | None) -> float:
    """The seconds until a service with several workers has another Chroma server than that."""
    return until(lambda: chroma_of(service) not in (None, pid))


def until_workers(service: Any, number: int) -> float:
    """The seconds until a service has so many workers."""
    return until(lambda: len(workers_of(service)) == number)


def workers_of(service: Any) -> set[int]:
    """The workers of a service."""
    return {pid for pid, command in children(service.process.pid).items() if "chroma" not in command}


def kill(service: Any) -> None:
    """End a service as the loss of its machine would: its master and its workers at once."""
    for pid in (service.process.pid, *children(service.process.pid)):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    service.process.wait()


@dataclass
class Chroma:
    """A Chroma server on loopback that can be started again."""

    path: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        command = [CHROMA, "run", "--path", str(self.path), "--host", "127.0.0.1", "--port", str(self.port)]
        quiet = subprocess.DEVNULL
        self.process = subprocess.Popen(command, stdout=quiet, stderr=quiet, cwd=self.path.parent)
        until(lambda: httpx.get(f"{self.url}/api/v2/heartbeat", trust_env=False).is_success)

    def kill(self) -> None:
        """End it as a crash would."""
        if self.process:
            self.process.kill()
            self.process.wait()


@contextmanager
def chroma_server(path: Path) -> Iterator[Chroma]:
    """A Chroma server over a new store."""
    with listen("127.0.0.1", 0) as free:
        port = free.getsockname()[1]
    server = Chroma(path, port)
    server.start()
    try:
        yield server
    finally:
        server.kill()


def difference(database_url: str, followers: Path, *, server: str | None = None) -> tuple[set[str], set[str]]:
    """The ids that Chroma lacks, and those that it has too many, by the catalog."""
    database = Database(database_url)
    catalog = Catalog(database)
    store = DenseStore(followers / "chroma", server=ChromaAddress(server) if server else None, trusted=True)
    lacking: set[str] = set()
    dead: set[str] = set()
    try:
        for collection in catalog.collections():
            held = store.follower(collection).ids()
            versions = catalog.held_versions(collection)
            wanted = {chunk_id(version, at) for version, count in versions.items() for at in range(count)}
            lacking |= wanted - held
            dead |= held - wanted
    finally:
        store.close()
        database.close()
    return lacking, dead
