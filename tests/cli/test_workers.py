"""`qa serve --workers 2`: two processes on one data directory, which share a Chroma server of their own."""

import os
import signal
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from index.catalog import sqlite_url
from index.owner import find_owner

Serve = Callable[..., AbstractContextManager[Any]]

NOON = "The canteen opens at noon and serves soup."
EIGHT = "The garage closes at eight in the evening."


def test_two_workers_serve_as_one_and_survive_the_loss_of_one_and_of_chroma(
    serve: Serve, indexed: Path, scaling: ModuleType
) -> None:
    with serve("--workers", "2") as service:
        scaling.until(lambda: len(scaling.workers_of(service)) == 2)
        first = scaling.add(service, NOON)
        scaling.until(lambda: first in scaling.find(service, NOON))
        assert all(first in scaling.find(service, NOON) for _ in range(10))

        victim = min(scaling.workers_of(service))
        os.kill(victim, signal.SIGKILL)
        scaling.until(
            lambda: victim not in scaling.workers_of(service) and len(scaling.workers_of(service)) == 2
        )
        chroma = scaling.chroma_of(service)
        os.kill(chroma, signal.SIGKILL)
        scaling.until(lambda: scaling.chroma_of(service) not in (None, chroma))

        second = scaling.add(service, EIGHT)
        scaling.until(lambda: second in scaling.find(service, EIGHT))
        scaling.until(lambda: service.get("/readyz").status_code == 200)
        assert service.log.read_text().count("ready: ") == 1  # not once for each worker, nor for the new one
        scaling.delete(service, first)
        assert all(first not in scaling.find(service, NOON) for _ in range(10))
        assert service.stop() == 0

    followers = service.data_dir / "followers"
    assert scaling.difference(sqlite_url(service.data_dir / "catalog.sqlite3"), followers) == (set(), set())
    assert {each.name for each in followers.iterdir()} == {"chroma", "closed.json", "matrix", "tantivy"}


def test_all_workers_answer_and_are_counted_together(serve: Serve, indexed: Path) -> None:
    with serve("--workers", "2") as service:
        for _ in range(40):
            service.get("/v1/collections")

        shown = service.get("/metrics").text

    (counted,) = (
        line for line in shown.splitlines() if "duration_seconds_count" in line and 'collections"' in line
    )
    assert float(counted.split()[-1]) == 40


@pytest.mark.soak
def test_one_worker_takes_what_several_have_left(serve: Serve, indexed: Path, scaling: ModuleType) -> None:
    with serve("--workers", "2") as service:
        first = scaling.add(service, NOON)
        scaling.until(lambda: first in scaling.find(service, NOON))
        service.process.kill()
        service.process.wait()
        scaling.until(lambda: find_owner(service.data_dir) is None)

    with serve() as service:
        assert first in scaling.find(service, NOON)
        assert not list((service.data_dir / "followers").glob("worker-*"))
