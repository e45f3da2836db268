"""Opening and migrating the catalog's database, and its transactions."""

import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

import index.catalog.database
from index.catalog import Database, sqlite_url
from index.catalog.database import HEAD
from index.catalog.tables import collections, conversations, jobs, keys, metadata, turns
from index.errors import CatalogError, CatalogUnreachable, DiskFull, NewerSchema


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgres":
        found: str = request.getfixturevalue("postgres_url")
        return found
    return sqlite_url(tmp_path / "catalog.sqlite3")


def make_collection(database: Database, name: str) -> None:
    with database.write() as connection:
        connection.execute(
            collections.insert().values(uid=name, name=name, embedding_model="m", dimension=1, created_at=1)
        )


def names(database: Database) -> list[str]:
    with database.read() as connection:
        return list(connection.execute(sa.select(collections.c.name).order_by(collections.c.id)).scalars())


def test_the_migrated_schema_is_that_of_the_tables(url: str) -> None:
    database = Database(url)
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    database.close()


def test_the_last_migration_is_the_one_that_this_release_expects() -> None:
    config = Config()
    config.set_main_option(
        "script_location", str(Path(index.catalog.database.__file__).parent / "migrations")
    )
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


def test_a_database_of_the_first_release_keeps_what_it_has_and_takes_conversations(url: str) -> None:
    config = Config()
    config.set_main_option(
        "script_location", str(Path(index.catalog.database.__file__).parent / "migrations")
    )
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        assert not sa.inspect(connection).has_table("conversations")
        connection.execute(
            collections.insert().values(uid="a", name="a", embedding_model="m", dimension=1, created_at=1)
        )
        connection.execute(keys.insert().values(id="k", name="laptop", sha256="0" * 64, created_at=2))
    engine.dispose()
    database = Database(url)
    assert names(database) == ["a"]
    turn = {"created_at": 4, "question": "?", "query": "?", "said": "", "answer": {"status": "abstained"}}
    with database.write() as connection:
        connection.execute(conversations.insert().values(id="c", owner="k", created_at=3, updated_at=4))
        connection.execute(turns.insert().values(conversation_id="c", ordinal=1, **turn))
    with database.write() as connection:
        (key,) = connection.execute(sa.select(keys)).all()
        assert (key.name, key.kind, key.scopes) == ("laptop", "secret", ["ask", "search", "write", "admin"])
        assert (key.collections, key.origins, key.expires_at) == (None, [], None)
        assert connection.execute(sa.select(turns.c.answer)).scalar_one() == {"status": "abstained"}
        connection.execute(conversations.delete())
        assert connection.execute(sa.select(turns)).all() == []
    database.close()


def test_opening_again_keeps_what_was_written(url: str) -> None:
    database = Database(url)
    make_collection(database, "a")
    database.close()
    again = Database(url)
    assert names(again) == ["a"]
    again.close()


def test_a_folder_whose_name_has_percent_signs_and_spaces_can_hold_a_catalog(tmp_path: Path) -> None:
    folder = tmp_path / "100 %20 ?x#y"
    folder.mkdir()
    Database(sqlite_url(folder / "c.sqlite3")).close()
    assert [path.name for path in folder.iterdir()] == ["c.sqlite3"]


def test_a_newer_schema_is_refused_and_the_file_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "catalog.sqlite3"
    with sqlite3.connect(path) as newer:
        newer.execute("CREATE TABLE alembic_version (version_num VARCHAR(32))")
        newer.execute("INSERT INTO alembic_version VALUES ('9999')")
    newer.close()
    before = path.read_bytes()
    with pytest.raises(NewerSchema, match=r"'9999'.*install the release"):
        Database(sqlite_url(path))
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("content", [b"no database" * 500, b"SQLite format 3\0" + b"\xff" * 9000])
def test_a_file_that_is_no_database_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "catalog.sqlite3"
    path.write_bytes(content)
    with pytest.raises(CatalogError, match=rf"{path}.*restore it from a backup"):
        Database(sqlite_url(path))
    assert path.read_bytes() == content


@pytest.mark.parametrize("url", ["nonsense", "nosuch://host/db", "postgresql+pg8000://host/db"])
def test_a_url_that_cannot_be_used_names_the_setting(url: str) -> None:
    with pytest.raises(CatalogError, match="QA_DATABASE_URL"):
        Database(url)


def test_a_password_is_not_shown() -> None:
    pytest.importorskip("psycopg", reason="psycopg, the driver for PostgreSQL, is not installed")
    with pytest.raises(CatalogError) as caught:
        Database("postgresql+psycopg://qa:s3cret@127.0.0.1:1/qa")
    assert "s3cret" not in str(caught.value)


def test_a_write_that_raises_leaves_nothing(url: str) -> None:
    database = Database(url)

    def write_and_fail() -> None:
        with database.write() as connection:
            connection.execute(
                collections.insert().values(uid="a", name="a", embedding_model="m", dimension=1, created_at=1)
            )
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_and_fail()
    assert names(database) == []
    database.close()


def test_a_read_sees_one_snapshot(url: str) -> None:
    database = Database(url)
    make_collection(database, "a")
    with database.read() as connection:
        before = connection.execute(sa.select(collections.c.name)).all()
        make_collection(database, "b")
        assert connection.execute(sa.select(collections.c.name)).all() == before
    assert names(database) == ["a", "b"]
    database.close()


def test_writers_wait_for_each_other_and_lose_no_update(url: str) -> None:
    database = Database(url)
    make_collection(database, "a")

    def add() -> None:
        for _ in range(10):
            with database.write() as connection:
                held = connection.execute(sa.select(collections.c.dimension)).scalar_one()
                connection.execute(collections.update().values(dimension=held + 1))

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.read() as connection:
        assert connection.execute(sa.select(collections.c.dimension)).scalar_one() == 41
    database.close()


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_a_writer_that_others_keep_waiting_too_long_is_told_so_and_may_try_again(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if kind == "sqlite":
        hurried = url = sqlite_url(tmp_path / "catalog.sqlite3")
    else:
        url = request.getfixturevalue("postgres_url")
        hurried = f"{url}&options=-c%20lock_timeout%3D100ms"
    first, second = Database(url), Database(hurried)
    if kind == "sqlite":
        with second.read() as connection:  # the one that it has
            connection.exec_driver_sql("PRAGMA busy_timeout=100")
    with first.write():
        began = time.monotonic()
        with pytest.raises(CatalogUnreachable, match=r"a lock .* was not to be had in time .*try again"):
            make_collection(second, "a")
        assert time.monotonic() - began < 10
    make_collection(second, "a")
    assert names(first) == ["a"]
    first.close()
    second.close()


def test_a_lock_of_postgresql_is_not_waited_for_without_end(postgres_url: str) -> None:
    database = Database(postgres_url)
    with database.write() as connection:
        assert connection.exec_driver_sql("SHOW lock_timeout").scalar() == "1min"
    database.close()


def test_times_after_2038_fit(url: str) -> None:
    database = Database(url)
    make_collection(database, "a")
    with database.write() as connection:
        connection.execute(jobs.insert().values(id="x", collection_id=1, created_at=2**41))
    with database.read() as connection:
        assert connection.execute(sa.select(jobs.c.created_at)).scalar_one() == 2**41
    database.close()


def test_two_processes_can_make_the_same_catalog(url: str) -> None:
    code = "import sys; from index.catalog import Database; Database(sys.argv[1]).close()"
    processes = [subprocess.Popen([sys.executable, "-c", code, url]) for _ in range(2)]
    assert [process.wait(60) for process in processes] == [0, 0]


def test_a_committed_write_is_in_a_copy_of_the_files_taken_at_once(tmp_path: Path) -> None:
    database = Database(sqlite_url(tmp_path / "catalog.sqlite3"))
    make_collection(database, "a")
    copies = tmp_path / "copies"
    copies.mkdir()
    for path in tmp_path.glob("catalog.sqlite3*"):
        shutil.copy(path, copies)
    database.close()
    copied = Database(sqlite_url(copies / "catalog.sqlite3"))
    assert names(copied) == ["a"]
    copied.close()


def test_what_is_deleted_is_no_longer_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "catalog.sqlite3"
    database = Database(sqlite_url(path))
    make_collection(database, "forget-me-not")
    with database.write() as connection:
        connection.execute(collections.delete())
    database.close()
    assert b"forget-me-not" not in path.read_bytes()


def test_what_is_deleted_and_scrubbed_is_in_no_file_while_the_database_is_open(tmp_path: Path) -> None:
    database = Database(sqlite_url(tmp_path / "catalog.sqlite3"))
    make_collection(database, "forget-me-not")
    assert files_with(tmp_path, b"forget-me-not") == ["catalog.sqlite3-wal"]
    with database.write() as connection:
        connection.execute(collections.delete())
    assert database.scrub()
    assert files_with(tmp_path, b"forget-me-not") == []
    database.close()


def test_scrubbing_does_not_wait_for_who_reads_long_and_is_done_by_a_later_write(tmp_path: Path) -> None:
    database = Database(sqlite_url(tmp_path / "catalog.sqlite3"))
    make_collection(database, "forget-me-not")
    with database.read() as reading:
        assert reading.execute(sa.select(collections.c.name)).scalar() == "forget-me-not"
        with database.write() as connection:
            connection.execute(collections.delete())
        began = time.monotonic()
        assert not database.scrub()
        assert time.monotonic() - began < 10
    make_collection(database, "another")
    assert files_with(tmp_path, b"forget-me-not") == []
    database.close()


@pytest.mark.parametrize("instead", [None, b"no database" * 500])
def test_scrubbing_that_fails_is_no_failure_of_what_was_written_and_is_done_by_a_later_write(
    tmp_path: Path, instead: bytes | None
) -> None:
    folder, away = tmp_path / "data", tmp_path / "away"
    folder.mkdir()
    database = Database(sqlite_url(folder / "catalog.sqlite3"))
    make_collection(database, "forget-me-not")
    with database.write() as connection:
        connection.execute(collections.delete())
    with database.read():  # has the one connection that is open: another one can't be opened now
        folder.rename(away)
        if instead:
            folder.mkdir()
            (folder / "catalog.sqlite3").write_bytes(instead)
        assert not database.scrub()
        shutil.rmtree(folder, ignore_errors=True)
        away.rename(folder)
    assert files_with(folder, b"forget-me-not") != []
    make_collection(database, "another")
    assert files_with(folder, b"forget-me-not") == []
    database.close()


def files_with(folder: Path, text: bytes) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if text in path.read_bytes())


def test_a_full_disk_is_an_error_of_the_catalog_that_says_so(tmp_path: Path) -> None:
    database = Database(sqlite_url(tmp_path / "catalog.sqlite3"))

    def fill() -> None:
        with database.write() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
            connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
            values = {"embedding_model": "m" * 255, "dimension": 1, "created_at": 1}
            connection.execute(
                collections.insert(), [{"uid": str(at), "name": str(at), **values} for at in range(100)]
            )

    with pytest.raises(DiskFull, match="is full, and nothing was written"):
        fill()
    assert names(database) == []
    database.close()
