import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import sqlalchemy as sa

from index.lease import FileLease, Lease, PostgresLease

MakeLease = Callable[[], Lease]


@pytest.fixture
def engine(postgres_url: str) -> Iterator[sa.Engine]:
    engine = sa.create_engine(postgres_url)
    yield engine
    engine.dispose()


@pytest.fixture(params=["file", "postgresql"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MakeLease]:
    with ExitStack() as given_back:

        def lease() -> Lease:
            if request.param == "file":
                made: Lease = FileLease(tmp_path / "lease")
            else:
                made = PostgresLease(request.getfixturevalue("engine"), 7)
            given_back.callback(made.release)
            return made

        yield lease


def test_one_of_two_has_it(make: MakeLease) -> None:
    first, second = make(), make()

    assert first.held()
    assert not second.held()
    assert first.held()


def test_what_was_given_back_is_taken_by_another(make: MakeLease) -> None:
    first, second = make(), make()
    assert first.held()

    first.release()

    assert second.held()
    assert not first.held()
    second.release()


def test_giving_back_what_one_does_not_have_takes_nothing_from_another(make: MakeLease) -> None:
    first, second = make(), make()
    assert first.held()

    second.release()

    assert not second.held()
    first.release()


def test_it_is_taken_over_from_a_process_that_was_killed(tmp_path: Path) -> None:
    code = (
        "import pathlib, sys; from index.lease import FileLease; lease = FileLease(pathlib.Path(sys.argv[1])); "
        "print(lease.held(), flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "lease")]
    ours = FileLease(tmp_path / "lease")
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "True\n"
        assert not ours.held()
        holder.kill()

    assert ours.held()
    ours.release()


def test_whose_session_the_database_has_ended_has_it_no_more(engine: sa.Engine) -> None:
    first, second = PostgresLease(engine, 7), PostgresLease(engine, 7)
    assert first.held()

    with engine.begin() as connection:
        connection.execute(
            sa.text(
                "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objid = 7"
            )
        )

    until = time.monotonic() + 10
    while not second.held():  # a session ends a moment after it was told to
        assert time.monotonic() < until
        time.sleep(0.02)
    assert not first.held()
    second.release()
