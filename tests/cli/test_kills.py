"""Several processes over one catalog, of which each part is killed in turn."""

import os
import random
import signal
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import sqlalchemy as sa

from index.catalog import sqlite_url

pytestmark = pytest.mark.soak

Start = Callable[..., AbstractContextManager[Any]]

ROUNDS = 10


class Lockers:
    """Documents that services have acknowledged."""

    def __init__(self, scaling: ModuleType) -> None:
        self.texts: dict[str, str] = {}
        self._scaling = scaling

    def add(self, service: Any) -> str:
        text = f"The locker number {1000 + len(self.texts)} belongs to team {7919 * len(self.texts) % 10007}."
        document_id: str = self._scaling.add(service, text)
        self.texts[document_id] = text
        return document_id

    def until_found(self, service: Any, document_id: str) -> float:
        seconds: float = self._scaling.until_found(service, document_id, self.texts[document_id])
        return seconds


def without_database(url: str, what: Callable[[], object]) -> None:
    """Cut everybody off from the database, who can't come back until something has been done."""
    at = sa.make_url(url)
    admin = sa.create_engine(at.set(database="postgres"), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(sa.text(f"ALTER DATABASE {at.database} ALLOW_CONNECTIONS false"))
        connection.execute(
            sa.text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"),
            {"name": at.database},
        )
        try:
            what()
        finally:
            connection.execute(sa.text(f"ALTER DATABASE {at.database} ALLOW_CONNECTIONS true"))
    admin.dispose()


def test_nothing_acknowledged_is_lost_whichever_service_or_server_is_killed(
    start: Start, folders: list[Path], postgres_url: str, tmp_path: Path, scaling: ModuleType
) -> None:
    dice = random.Random(7)  # noqa: S311
    lockers, seconds = Lockers(scaling), []
    with scaling.chroma_server(tmp_path / "chroma") as chroma, ExitStack() as stack:
        where = {"QA_DATABASE_URL": postgres_url, "QA_CHROMA_URL": chroma.url}
        services = [stack.enter_context(start(folder, **where)) for folder in folders]
        for number in range(ROUNDS):
            one, two = services[number % 2], services[1 - number % 2]
            last = [lockers.add(each) for each in (one, two, one)][-1]
            if number % 3 == 1:
                chroma.kill()
            scaling.kill(one)
            if number % 3 == 1:
                chroma.start()
            seconds.append(lockers.until_found(two, last))
            if number % 3 == 2:
                without_database(postgres_url, lambda two=two: scaling.until_readyz(two, 503))  # type: ignore[misc]
                scaling.until_readyz(two, 200)
            services[number % 2] = stack.enter_context(start(folders[number % 2], **where))
        for document_id in dice.sample(sorted(lockers.texts), len(lockers.texts) // 3):
            scaling.delete(dice.choice(services), document_id)
            del lockers.texts[document_id]
        for service in services:
            for document_id in lockers.texts:
                lockers.until_found(service, document_id)
            listed = service.get("/v1/documents?limit=200").json()["documents"]
            assert {each["id"] for each in listed} == set(lockers.texts)
        scaling.until(lambda: scaling.difference(postgres_url, tmp_path, server=chroma.url) == (set(), set()))
        assert [service.stop() for service in services] == [0, 0]
    print("until the other had taken over and indexed:", [f"{each:.1f} s" for each in seconds])  # noqa: T201


def test_a_worker_or_a_chroma_server_that_is_killed_is_replaced_and_nothing_is_lost(
    start: Start, folders: list[Path], scaling: ModuleType
) -> None:
    lockers, seconds = Lockers(scaling), []
    with start(folders[0], "--workers", "2") as service:
        for number in range(ROUNDS):
            scaling.until_workers(service, 2)
            last = lockers.add(service)
            chroma, workers = scaling.chroma_of(service), sorted(scaling.workers_of(service))
            os.kill(chroma if number % 2 else workers[number // 2 % 2], signal.SIGKILL)
            seconds.append(lockers.until_found(service, last))
            if number % 2:
                scaling.until_chroma_is_not(service, chroma)
        for document_id in lockers.texts:
            lockers.until_found(service, document_id)
        scaling.until_readyz(service, 200)
        assert service.stop() == 0
    database = sqlite_url(folders[0] / "catalog.sqlite3")
    assert scaling.difference(database, folders[0] / "followers") == (set(), set())
    print("until it was indexed:", [f"{each:.1f} s" for each in seconds])  # noqa: T201
