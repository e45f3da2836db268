"""Followers of several processes over one catalog and one Chroma server: one of them writes what they share."""

import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import numpy as np
import pytest

from index.catalog import Catalog, Collection, Database, NewVersion
from index.chroma_server import ChromaServer
from index.chroma_session import ChromaAddress
from index.dense import DenseStore
from index.errors import FollowerError, FollowerUnreachable, NotFound
from index.follow import mend
from index.follower_audit import make_again
from index.followers import Followers
from index.lease import Lease
from tests.descriptors import connections_to
from tests.index.conftest import answers, expected, put
from tests.waiting import until

MakeVersion = Callable[..., NewVersion]
Open = Callable[[str], Followers]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChromaServer]:
    server = ChromaServer(tmp_path_factory.mktemp("server") / "chroma")
    server.ensure()
    until(lambda: answers(server.url), seconds=60)
    yield server
    server.close()


@pytest.fixture
def leases(database: Database) -> Iterator[dict[str, Lease]]:
    leases = {name: database.lease() for name in ("one", "two")}
    yield leases
    for lease in leases.values():
        lease.release()


@pytest.fixture
def open_as(
    tmp_path: Path, catalog: Catalog, server: ChromaServer, leases: dict[str, Lease]
) -> Iterator[Open]:
    """Opens the followers of the process `one` or `two`; who comes first leads."""
    opened: list[Followers] = []

    def open_as(name: str) -> Followers:
        opened.append(
            Followers(tmp_path / name, catalog, server=ChromaAddress(server.url), lease=leases[name])
        )
        return opened[-1]

    yield open_as
    for each in opened:
        each.close()


def test_what_one_has_added_is_seen_by_the_other_when_it_searches(
    open_as: Open, catalog: Catalog, collection: Collection, version: MakeVersion
) -> None:
    one, two = open_as("one"), open_as("two")
    put(catalog, collection, one, version("a", ["penguin"]))

    two.see(collection, catalog.last_change(collection))

    group = two.of(collection)
    assert group.lexical.ids() == group.matrix.ids() == expected(catalog, collection)


def test_who_does_not_lead_writes_nothing_that_is_shared(
    open_as: Open, catalog: Catalog, collection: Collection, version: MakeVersion
) -> None:
    one, two = open_as("one"), open_as("two")
    put(catalog, collection, two, version("a", ["penguin"]))
    assert (one.leads(), two.leads()) == (True, False)
    assert one.of(collection).dense.ids() == set()

    one.lead()

    assert one.of(collection).dense.ids() == expected(catalog, collection)
    assert two.of(collection).dense.ids() == expected(catalog, collection)


def test_who_takes_over_finishes_what_was_pending_and_removes_what_was_too_much(
    open_as: Open,
    catalog: Catalog,
    collection: Collection,
    version: MakeVersion,
    leases: dict[str, Lease],
) -> None:
    one, two = open_as("one"), open_as("two")
    put(catalog, collection, one, version("a", ["penguin"]))
    (chunk,) = catalog.version_chunks(collection, 1)
    catalog.add_pending(collection, [version("b", ["walrus"])])
    dense = one.of(collection).dense
    catalog.delete(catalog.documents(collection)[0].id)
    one.catch_up(collection)
    dense.apply(add=[chunk], remove=[], through=catalog.last_change(collection))  # as one that is late would
    leases["one"].release()

    assert two.lead()

    assert [each.status for each in catalog.documents(collection)] == ["indexed"]
    assert two.of(collection).dense.ids() == expected(catalog, collection)
    assert not one.lead()


def test_a_chroma_collection_that_was_made_again_is_opened_anew(
    open_as: Open, catalog: Catalog, collection: Collection, version: MakeVersion
) -> None:
    one, two = open_as("one"), open_as("two")
    put(catalog, collection, one, version("a", ["penguin"]))
    reader = two.of(collection).dense
    assert reader.count() == 1

    one.of(collection).dense.clear()

    assert reader.count() == 0


def test_a_chroma_collection_that_is_missing_is_an_error_for_who_reads_and_made_again_by_who_leads(
    open_as: Open, catalog: Catalog, collection: Collection, version: MakeVersion, server: ChromaServer
) -> None:
    one, two = open_as("one"), open_as("two")
    put(catalog, collection, one, version("a", ["penguin"]))
    store = DenseStore(Path("unused"), server=ChromaAddress(server.url), trusted=True)
    store.remove(collection)
    store.close()
    reader = two.of(collection).dense
    with pytest.raises(FollowerError):
        reader.search(np.ones(8, np.float32), 1)

    put(catalog, collection, one, version("b", ["walrus"]))

    assert reader.ids() == expected(catalog, collection)


def test_a_collection_that_one_has_deleted_is_forgotten_by_the_other(
    open_as: Open, catalog: Catalog, collection: Collection, version: MakeVersion, tmp_path: Path
) -> None:
    one, two = open_as("one"), open_as("two")
    put(catalog, collection, one, version("a", ["penguin"]))
    two.keep_up()
    reader = two.of(collection).dense
    catalog.delete_collection(collection)
    one.forget(collection)

    assert two.keep_up() == [collection]

    with pytest.raises(NotFound):
        two.of(collection)
    assert one.lead()
    assert catalog.former_collections() == []
    with pytest.raises(FollowerError):
        reader.count()
    assert not list(tmp_path.glob("*/matrix/*"))


def in_chroma(address: ChromaAddress) -> Sequence[Any]:
    """Chroma's collections."""
    with closing(DenseStore(Path("unused"), server=address, trusted=True)) as store:
        return store.client().list_collections()


def test_a_collection_that_is_deleted_while_its_server_is_away_leaves_it_though_nobody_runs_until_then(
    tmp_path: Path, catalog: Catalog, collection: Collection, version: MakeVersion, database: Database
) -> None:
    with closing(ChromaServer(tmp_path / "chroma")) as server:
        server.ensure()
        until(lambda: answers(server.url), seconds=60)
        address, lease = ChromaAddress(server.url), database.lease()
        with closing(Followers(tmp_path / "one", catalog, server=address, lease=lease)) as followers:
            put(catalog, collection, followers, version("a", ["penguin"]))
            assert [each.name for each in in_chroma(address)] != []
            server.close()
            began = time.monotonic()
            catalog.delete_collection(collection)
            followers.forget(collection)
            assert time.monotonic() - began < 2  # nobody waits for the server
        lease.release()
        assert len(catalog.former_collections()) == 1
    with closing(ChromaServer(tmp_path / "chroma")) as server:
        server.ensure()
        until(lambda: answers(server.url), seconds=60)
        address, lease = ChromaAddress(server.url), database.lease()
        with closing(Followers(tmp_path / "two", catalog, server=address, lease=lease)):
            assert in_chroma(address) == []
            assert catalog.former_collections() == []
        lease.release()


def test_without_its_chroma_server_a_process_starts_and_heals_by_itself(
    tmp_path: Path,
    catalog: Catalog,
    collection: Collection,
    version: MakeVersion,
    database: Database,
) -> None:
    server = ChromaServer(tmp_path / "chroma")
    lease = database.lease()
    followers = Followers(tmp_path / "followers", catalog, server=ChromaAddress(server.url), lease=lease)
    with pytest.raises(FollowerUnreachable):
        followers.look()
    with pytest.raises(FollowerUnreachable):
        followers.of(collection).dense.search(np.ones(8, np.float32), 1)
    catalog.add_pending(collection, [version("a", ["penguin"])])

    server.ensure()
    until(lambda: answers(server.url), seconds=60)

    def leads() -> bool:
        with suppress(FollowerUnreachable):
            return followers.lead()
        return False

    until(leads, seconds=10)

    followers.look()
    assert followers.of(collection).dense.ids() == expected(catalog, collection)
    assert [each.status for each in catalog.documents(collection)] == ["indexed"]
    followers.close()
    lease.release()
    server.close()


def test_a_server_that_takes_connections_and_says_nothing_is_given_up(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        store = DenseStore(
            tmp_path, server=ChromaAddress(f"http://127.0.0.1:{silent.getsockname()[1]}"), trusted=True
        )
        began = time.monotonic()
        with pytest.raises(FollowerUnreachable):
            store.look()
        assert time.monotonic() - began < 5


class _Guarded(BaseHTTPRequestHandler):
    """Passes requests on to a Chroma server, if they bring the token."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers.get("X-Token") != "abc":
            self._reply(401, b"who are you?")
            return
        to = self.server.chroma + self.path  # type: ignore[attr-defined]
        said = httpx.request(
            self.command, to, content=body, headers={"Content-Type": "application/json"}, trust_env=False
        )
        self._reply(said.status_code, said.content)

    do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 - as the server calls them

    def _reply(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as it is called there
        pass


class _KeepsAll(_Guarded):
    """Lets nothing be removed."""

    def do_DELETE(self) -> None:
        self._reply(500, b"not while I live")


@contextmanager
def proxy_before(server: ChromaServer, handler: type[_Guarded]) -> Iterator[int]:
    """A proxy before a Chroma server; gives its port."""
    proxy = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    proxy.daemon_threads = True
    proxy.chroma = server.url  # type: ignore[attr-defined]
    thread = Thread(target=proxy.serve_forever, daemon=True)
    thread.start()
    yield proxy.server_port
    proxy.shutdown()
    proxy.server_close()


@pytest.fixture
def guarded(server: ChromaServer) -> Iterator[str]:
    """The address of a proxy before the Chroma server that asks for a token."""
    with proxy_before(server, _Guarded) as port:
        yield f"http://127.0.0.1:{port}"


def test_the_headers_are_sent_with_each_request(guarded: str, collection: Collection) -> None:
    store = DenseStore(Path("unused"), server=ChromaAddress(guarded, {"X-Token": "abc"}), trusted=True)
    follower = store.follower(collection)

    follower.clear()

    assert (follower.applied(), follower.ids()) == (0, set())
    store.close()


def test_a_server_that_asks_for_another_token_is_told_from_one_that_works(guarded: str) -> None:
    address = ChromaAddress(guarded, {"X-Token": "secret-xyz"})
    with pytest.raises(FollowerUnreachable, match="who are you") as raised:
        DenseStore(Path("unused"), server=address, trusted=True).look()
    assert "secret-xyz" not in f"{raised.value!r} {address!r} {address}"


def test_making_again_what_a_server_does_not_let_go_leaves_no_connection_to_it(
    server: ChromaServer, tmp_path: Path, catalog: Catalog, collection: Collection, leases: dict[str, Lease]
) -> None:
    with proxy_before(server, _KeepsAll) as port:
        address = ChromaAddress(f"http://127.0.0.1:{port}", {"X-Token": "abc"})

        with pytest.raises(FollowerError, match="not while I live"):
            make_again(tmp_path / "followers", catalog, {"chroma"}, server=address, lease=leases["one"])

        assert connections_to(port) == 0


class Busy(Catalog):
    """A catalog that another process writes to at the worst moment: when a follower has caught up."""

    def __init__(self, database: Database, changes: Iterator[Callable[[], object]]) -> None:
        super().__init__(database)
        self._others = changes

    def held_versions(self, collection: Collection) -> dict[int, int]:
        next(self._others, lambda: None)()
        return super().held_versions(collection)


@pytest.mark.parametrize("thorough", [True, False])
def test_what_others_change_while_it_is_compared_is_no_reason_to_make_a_follower_again(
    open_as: Open,
    catalog: Catalog,
    database: Database,
    collection: Collection,
    version: MakeVersion,
    thorough: bool,
) -> None:
    group = open_as("one").of(collection)
    (pending,) = catalog.add_pending(collection, [version("a", ["penguin"])])
    assert pending
    changes: list[Callable[[], object]] = [
        lambda: catalog.add_pending(collection, [version("b", ["walrus", "seal"])]),
        lambda: catalog.delete(pending.document_id),
    ]

    assert not mend(Busy(database, iter(changes)), collection, group.dense, thorough=thorough)

    assert group.dense.ids() == expected(catalog, collection)
