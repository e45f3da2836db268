"""What is wrong with a data directory when a service is started on it: found then, explained, healed or refused."""

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import nothing_changes
from tests.waiting import until

QUESTION = {"question": "How many days of leave do employees have?"}
Serve = Callable[..., Any]
Run = Callable[..., Any]


def change(data_dir: Path, statement: str, *values: Any) -> None:
    with closing(sqlite3.connect(data_dir / "catalog.sqlite3")) as connection, connection:
        assert connection.execute(statement, values).rowcount > 0


def reason(service: Any) -> str:
    """Why it is not ready, as soon as it says more than that it starts."""
    found = "starting_up"
    while found == "starting_up":
        assert service.process.poll() is None, service.log.read_text()
        try:
            reply = service.get("/readyz")
        except (AssertionError, OSError):
            continue
        assert reply.status_code == 503, reply.text
        found = reply.json()["reason"]
    return str(found)


def lose(data_dir: Path) -> None:
    for path in data_dir.glob("catalog.sqlite3*"):
        path.unlink()


def empty(data_dir: Path) -> None:
    lose(data_dir)
    (data_dir / "catalog.sqlite3").touch()


def fill_with_noise(data_dir: Path) -> None:
    lose(data_dir)
    (data_dir / "catalog.sqlite3").write_bytes(b"\xff" * 50_000)


def put_a_folder_there(data_dir: Path) -> None:
    lose(data_dir)
    (data_dir / "catalog.sqlite3").mkdir()


def write_by_a_newer_release(data_dir: Path) -> None:
    change(data_dir, "UPDATE alembic_version SET version_num = '9999'")


@pytest.mark.parametrize(
    ("damage", "code", "words"),
    [
        (lose, "catalog_missing", ("restore a backup", "remove", "followers")),
        pytest.param(empty, "catalog_missing", ("restore a backup",), marks=pytest.mark.soak),
        pytest.param(
            fill_with_noise, "catalog_unusable", ("restore it from a backup",), marks=pytest.mark.soak
        ),
        pytest.param(
            put_a_folder_there, "catalog_unusable", ("restore it from a backup",), marks=pytest.mark.soak
        ),
        (write_by_a_newer_release, "newer_schema", ("'9999'", "install the release that wrote it")),
    ],
)
def test_a_catalog_that_can_not_be_used_is_refused_at_the_start_with_what_to_do(
    indexed: Path, serve: Serve, qa: Run, damage: Callable[[Path], None], code: str, words: tuple[str, ...]
) -> None:
    damage(indexed)
    with nothing_changes(indexed):
        with serve(ready=False) as service:
            assert reason(service) == code
            refused = service.post("/v1/answers", json=QUESTION)
            assert (refused.status_code, refused.json()["code"]) == (503, "starting_up")
            assert all(word in service.log.read_text() for word in words), service.log.read_text()
        told = qa("ask", QUESTION["question"])
        assert told.returncode == 1
        assert all(word in told.stderr for word in words), told.stderr
        assert "Traceback" not in told.stderr


def rename_table(data_dir: Path, old: str, new: str) -> None:
    with closing(sqlite3.connect(data_dir / "catalog.sqlite3")) as connection, connection:
        connection.execute(f"ALTER TABLE {old} RENAME TO {new}")


def test_a_start_that_fails_at_its_end_closes_what_it_has_opened_and_the_next_one_serves(
    indexed: Path, serve: Serve
) -> None:
    rename_table(indexed, "keys", "lost")
    with serve(ready=False) as service:
        assert reason(service) == "catalog_unusable"
        until((indexed / "followers" / "closed.json").exists, seconds=10)
        rename_table(indexed, "lost", "keys")
        service.seconds_until("/readyz")
        assert service.post("/v1/answers", json=QUESTION).json()["status"] == "answered"
        until(lambda: "ready: open to everybody" in service.log.read_text(), seconds=5)


@pytest.mark.soak
def test_a_catalog_that_is_gone_is_no_fault_where_nothing_was_made_from_it(indexed: Path, qa: Run) -> None:
    lose(indexed)
    shutil.rmtree(indexed / "followers")
    assert "there is no collection" in qa("ask", QUESTION["question"]).stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_a_catalog_that_may_not_be_read_is_refused_with_what_to_do(indexed: Path, qa: Run) -> None:
    (indexed / "catalog.sqlite3").chmod(0)
    told = qa("ask", QUESTION["question"])
    assert (told.returncode, "check its disk and its owner" in told.stderr) == (1, True), told.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_followers_that_may_not_be_read_are_named_by_doctor_which_says_nothing_of_a_repair(
    indexed: Path, qa: Run
) -> None:
    (indexed / "followers" / "matrix").chmod(0)
    told = qa("doctor")
    assert (told.returncode, "followers/matrix may not be read and written" in told.stderr) == (1, True)
    assert "--repair" not in told.stdout + told.stderr


def test_collections_of_another_embedding_model_are_named_at_the_start_and_the_others_served(
    indexed: Path, serve: Serve, qa: Run
) -> None:
    change(
        indexed,
        "INSERT INTO collections (uid, name, embedding_model, dimension, created_at) "
        "VALUES ('0123456789abcdef', 'old', 'other/model', 384, 1)",
    )
    with serve() as service:
        assert "'old' was indexed with 'other/model'" in service.log.read_text()
        assert "set QA_EMBEDDING_MODEL back" in service.log.read_text()
        assert service.post("/v1/answers", json=QUESTION).json()["status"] == "answered"
        for path, body in (
            ("/v1/answers", {**QUESTION, "collection": "old"}),
            ("/v1/search", {"query": "leave", "collection": "old"}),
            ("/v1/documents", {"title": "a", "text": "b", "collection": "old"}),
        ):
            refused = service.post(path, json=body)
            assert (refused.status_code, refused.json()["code"]) == (409, "embedding_mismatch")
            assert "set QA_EMBEDDING_MODEL back" in refused.json()["detail"]
    told = qa("doctor")
    assert told.returncode == 1
    assert "'old' was indexed with 'other/model'" in told.stdout


@pytest.mark.soak
def test_a_service_whose_embedding_model_fits_no_collection_is_not_ready(indexed: Path, serve: Serve) -> None:
    change(indexed, "UPDATE collections SET embedding_model = 'other/model'")
    with serve(ready=False) as service:
        assert reason(service) == "embedding_mismatch"
        assert service.get("/v1/documents").status_code == 200


@pytest.mark.soak
def test_the_followers_of_another_catalog_are_made_again_without_embedding(
    indexed: Path, tmp_path: Path, qa: Run, command: Run, model_cache: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "models").symlink_to(model_cache)
    (tmp_path / "papers").mkdir()
    (tmp_path / "papers" / "kiln.md").write_text("# Kiln\n\nThe kiln is fired on Mondays.\n")
    assert command(other, "index", str(tmp_path / "papers")).returncode == 0
    shutil.rmtree(indexed / "followers")
    shutil.copytree(other / "followers", indexed / "followers")
    (indexed / "models").unlink()
    (indexed / "models").mkdir()  # an empty cache: whoever embeds a passage makes it first
    assert qa("doctor").returncode == 1
    assert qa("doctor", "--repair").returncode == 0
    assert list((indexed / "models").iterdir()) == []
    (indexed / "models").rmdir()
    (indexed / "models").symlink_to(model_cache)
    assert "25 days" in qa("ask", QUESTION["question"]).stdout
    assert "kiln" not in qa("search", "When is the kiln fired?").stdout.lower()
