"""Two `qa serve` with data directories of their own over one PostgreSQL and one Chroma server."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from index.catalog import sqlite_url

Start = Callable[..., AbstractContextManager[Any]]

NOON = "The canteen opens at noon and serves soup."
EIGHT = "The garage closes at eight in the evening."
LEAVE = "Employees have 25 days of leave a year."


@pytest.fixture
def chroma(tmp_path: Path, scaling: ModuleType) -> Iterator[Any]:
    with scaling.chroma_server(tmp_path / "chroma") as server:
        yield server


def test_two_services_over_one_postgresql_and_one_chroma_server_are_one(
    start: Start, folders: list[Path], postgres_url: str, chroma: Any, scaling: ModuleType
) -> None:
    where = {"QA_DATABASE_URL": postgres_url, "QA_CHROMA_URL": chroma.url}
    with start(folders[0], **where) as one, start(folders[1], **where) as two:
        seconds = []
        for adding, finding in ((two, one), (one, two), (two, one)):
            began = time.monotonic()
            first = scaling.add(adding, NOON)
            scaling.until_found(finding, first, NOON)
            seconds.append(time.monotonic() - began)
            scaling.delete(finding, first)
            assert first not in scaling.find(adding, NOON)

        second = scaling.add(one, EIGHT)
        scaling.kill(one)
        third = scaling.add(two, LEAVE)
        scaling.until(lambda: second in scaling.find(two, EIGHT) and third in scaling.find(two, LEAVE))
        assert two.stop() == 0
    assert min(seconds) < 2
    assert scaling.difference(postgres_url, folders[0], server=chroma.url) == (set(), set())


def test_a_service_starts_without_its_chroma_server_says_so_and_fills_it_when_it_is_there(
    start: Start, indexed: Path, tmp_path: Path, scaling: ModuleType
) -> None:
    with scaling.chroma_server(tmp_path / "chroma") as chroma:
        chroma.kill()
        with start(indexed, ready=False, QA_CHROMA_URL=chroma.url) as service:
            service.seconds_until("/livez")
            scaling.until(
                lambda: service.get("/readyz").json()["checks"].get("dense") == "search_unreachable"
            )
            assert scaling.find(service, LEAVE)
            waiting = scaling.add(service, NOON)

            chroma.start()

            scaling.until_readyz(service, 200)
            scaling.until_found(service, waiting, NOON)
            assert service.stop() == 0
        catalog = sqlite_url(indexed / "catalog.sqlite3")
        assert scaling.difference(catalog, indexed, server=chroma.url) == (set(), set())
