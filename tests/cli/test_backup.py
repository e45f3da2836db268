import hashlib
import random
import sqlite3
import stat
import tarfile
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from index.catalog.database import HEAD
from index.embed import Embedder
from index.owner import OwnerLock
from qa_service.access.keys import opened_keys
from qa_service.clients.local import Local
from qa_service.conversations.store import OPERATOR
from qa_service.services import opened
from qa_service.settings import Settings
from tests.cli.conftest import nothing_changes
from tests.counting import Counting
from tests.invoking import invoke

QUESTION = "How many days of leave do employees have?"


def rows(data_dir: Path) -> dict[str, list[Any]]:
    """Everything that the catalog of a data directory holds, by table."""
    with closing(sqlite3.connect(data_dir / "catalog.sqlite3")) as connection:
        names = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
        ).fetchall()
        found = {name: connection.execute(f"SELECT * FROM {name}").fetchall() for (name,) in names}  # noqa: S608
    return {name: sorted(held, key=repr) for name, held in found.items()}


def answered(data_dir: Path, embedder: Embedder) -> list[Any]:
    """The claims, citations and passages of an answer."""
    with opened(Settings(data_dir=data_dir), command="pytest", embedder=embedder) as services:
        (answer,) = (data for name, data in Local(services).answer({"question": QUESTION}) if name == "done")
    return [answer[name] for name in ("status", "text", "claims", "citations", "passages")]


@pytest.fixture
def file(indexed: Path, tmp_path: Path) -> Path:
    """A backup of a catalog with documents, a conversation and a key."""
    with opened_keys(Settings(data_dir=indexed)) as keys:
        keys.create("laptop")
    path = tmp_path / "qa.backup"
    result = invoke(indexed, "backup", path)
    assert (result.exit_code, result.stderr) == (0, "")
    return path


# Backing up


def test_a_backup_is_one_file_for_its_owner_only_with_a_manifest_and_hashes(
    file: Path, indexed: Path
) -> None:
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [each.name for each in file.parent.iterdir() if each.name.startswith("qa.backup")] == ["qa.backup"]
    with tarfile.open(file) as archive:
        assert archive.getnames() == ["manifest.json", "catalog.sqlite3", "sha256"]
        sums = archive.extractfile("sha256")
        assert sums
        assert sums.read().decode().strip() == hashlib.sha256(file.read_bytes()[:-2048]).hexdigest()


def test_a_restored_catalog_holds_every_row_of_the_one_that_was_backed_up(
    file: Path, indexed: Path, tmp_path: Path
) -> None:
    result = invoke(tmp_path / "new", "restore", file)
    assert result.exit_code == 0
    assert result.stdout.startswith("1 collections, 2 documents, 2 chunks, 0 conversations, 1 keys, as of ")
    assert rows(tmp_path / "new") == rows(indexed)


def test_a_restored_directory_answers_alike_and_nothing_is_embedded_again(
    file: Path, indexed: Path, tmp_path: Path, embedder: Embedder
) -> None:
    counting = Counting(embedder)
    before = answered(indexed, counting)
    assert before[0] == "answered"
    invoke(tmp_path / "new", "restore", file)
    assert answered(tmp_path / "new", counting) == before
    assert counting.texts == 0


@pytest.mark.soak
def test_a_backup_while_a_service_takes_uploads_is_one_moment_of_it(
    serve: Callable[..., Any], indexed: Path, tmp_path: Path, qa: Callable[..., Any]
) -> None:
    with serve() as service:
        ended = threading.Event()
        replies: list[int] = []

        def upload() -> None:
            while not ended.is_set():
                body = {"title": f"Number {len(replies)}", "text": f"This is document number {len(replies)}."}
                replies.append(service.post("/v1/documents", json=body).status_code)

        thread = threading.Thread(target=upload)
        thread.start()
        made = [qa("backup", str(tmp_path / f"{at}.backup")) for at in range(3)]
        ended.set()
        thread.join()
    assert [each.returncode for each in made] == [0, 0, 0], made
    assert replies
    assert set(replies) == {202}
    for at in range(3):
        assert invoke(tmp_path / f"new{at}", "restore", tmp_path / f"{at}.backup").exit_code == 0
        assert invoke(tmp_path / f"new{at}", "doctor", "--repair").exit_code == 0


def test_a_file_that_exists_is_not_overwritten(file: Path, indexed: Path) -> None:
    with nothing_changes(file.parent):
        result = invoke(indexed, "backup", file)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "exists already" in result.stderr


def test_what_a_killed_backup_left_is_no_hindrance(indexed: Path, tmp_path: Path) -> None:
    for name in ("b.new", "b.new.sqlite3"):
        (tmp_path / name).write_text("half of it")
    assert invoke(indexed, "backup", tmp_path / "b").exit_code == 0
    assert {path.name for path in tmp_path.glob("b*")} == {"b"}


def test_of_a_damaged_catalog_no_backup_is_made(indexed: Path, tmp_path: Path) -> None:
    with (indexed / "catalog.sqlite3").open("r+b") as content:
        content.seek(3 * 4096)
        content.write(b"\xff" * 20 * 4096)
    result = invoke(indexed, "backup", tmp_path / "b")
    assert result.exit_code == 1
    assert "qa doctor" in result.stderr
    assert list(tmp_path.glob("b*")) == []


def test_without_a_catalog_there_is_nothing_to_back_up_and_none_is_made(tmp_path: Path) -> None:
    result = invoke(tmp_path / "none", "backup", tmp_path / "b")
    assert (result.exit_code, list(tmp_path.iterdir())) == (1, [])
    assert "there is no catalog" in result.stderr


@pytest.mark.parametrize(("command", "tool"), [("backup", "pg_dump"), ("restore", "pg_restore")])
def test_for_a_database_server_its_own_tool_is_named_and_no_password_shown(
    tmp_path: Path, command: str, tool: str
) -> None:
    url = "postgresql+psycopg://qa:s3cret@127.0.0.1:1/qa"
    result = invoke(tmp_path, command, tmp_path / "b", QA_DATABASE_URL=url)
    assert result.exit_code == 1
    assert tool in result.stderr
    assert "s3cret" not in result.stderr


# Restoring


def regions(file: Path) -> dict[str, tuple[int, int]]:
    """Every kind of bytes that a backup has, by their first and last place."""
    size = file.stat().st_size
    with tarfile.open(file) as archive:
        manifest, database, sums = archive.getmembers()
    return {
        "header of the manifest": (manifest.offset, manifest.offset + 511),
        "manifest": (manifest.offset_data, manifest.offset_data + manifest.size - 1),
        "padding of the manifest": (manifest.offset_data + manifest.size, database.offset - 1),
        "header of the database": (database.offset, database.offset + 511),
        "first page": (database.offset_data, database.offset_data + 4095),
        "database": (database.offset_data, database.offset_data + database.size - 1),
        "header of the hash": (sums.offset, sums.offset + 511),
        "hash": (sums.offset_data, sums.offset_data + sums.size - 1),
        "padding of the hash": (sums.offset_data + sums.size, size - 1025),
        "end": (size - 1024, size - 1),
    }


def test_a_flipped_bit_is_refused_wherever_it_is_and_nothing_is_changed(file: Path, indexed: Path) -> None:
    whole = file.read_bytes()
    dice = random.Random(5)  # noqa: S311 - it decides which bits are flipped
    kinds = regions(file)
    assert sum(last - first + 1 for name, (first, last) in kinds.items() if name != "first page") == len(
        whole
    )
    flipped = 0
    with nothing_changes(indexed):
        for first, last in kinds.values():
            for at in {first, last, *(dice.randint(first, last) for _ in range(10))}:
                damaged = bytearray(whole)
                damaged[at] ^= 1 << dice.randrange(8)
                file.write_bytes(damaged)
                result = invoke(indexed, "restore", file, "--force")
                assert result.exit_code == 1, at
                assert result.stderr.startswith(f"qa: {file} is no"), result.stderr
                flipped += 1
    assert flipped > 100


@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: whole[:0],
        lambda whole: whole[:-512],
        lambda whole: whole[: len(whole) // 2],
        lambda whole: whole + b"\0",
        lambda whole: whole + b"\0" * 512,
        lambda whole: whole[512:],
        lambda whole: b"hello " * (len(whole) // 6),
    ],
)
def test_a_file_that_is_cut_off_longer_or_something_else_is_refused(
    file: Path, indexed: Path, damage: Callable[[bytes], bytes]
) -> None:
    file.write_bytes(damage(file.read_bytes()))
    with nothing_changes(indexed):
        result = invoke(indexed, "restore", file, "--force")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "nothing was changed" in result.stderr


def test_another_database_under_a_hash_that_was_made_to_fit_is_refused(file: Path, tmp_path: Path) -> None:
    whole = file.read_bytes()
    body = bytearray(whole[:-2048])
    body[-100] ^= 1
    old, new = (hashlib.sha256(each).hexdigest().encode() for each in (whole[:-2048], body))
    file.write_bytes(body + whole[-2048:].replace(old, new))
    result = invoke(tmp_path / "new", "restore", file)
    assert result.exit_code == 1
    assert "the database is not the one in the manifest" in result.stderr
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["owner.lock"]


def test_a_file_that_is_missing_is_named_and_no_directory_made(tmp_path: Path) -> None:
    result = invoke(tmp_path / "new", "restore", tmp_path / "none")
    assert (result.exit_code, result.stderr) == (1, f"qa: {tmp_path / 'none'}: No such file or directory\n")
    assert list(tmp_path.iterdir()) == []


def test_a_catalog_that_is_there_is_kept_without_force(file: Path, indexed: Path) -> None:
    with nothing_changes(indexed):
        result = invoke(indexed, "restore", file)
    assert result.exit_code == 1
    assert "--force" in result.stderr


def test_with_force_the_catalog_that_was_there_is_moved_aside_whole(
    file: Path, indexed: Path, embedder: Embedder
) -> None:
    backed_up = rows(indexed)
    with opened(Settings(data_dir=indexed), command="pytest", embedder=embedder) as services:
        services.conversations.create(OPERATOR)
    before = rows(indexed)
    assert before != backed_up
    result = invoke(indexed, "restore", file, "--force")
    assert result.exit_code == 0
    (aside,) = indexed.glob("catalog.sqlite3.before-*")
    assert str(aside) in result.stdout
    assert rows(aside) == before
    assert rows(indexed) == backed_up
    assert not (indexed / "followers").exists()


def test_a_damaged_catalog_can_be_replaced(file: Path, indexed: Path) -> None:
    backed_up = rows(indexed)
    (indexed / "catalog.sqlite3").write_bytes(b"rubbish" * 4096)
    assert invoke(indexed, "restore", file, "--force").exit_code == 0
    assert rows(indexed) == backed_up


def test_while_a_process_has_the_directory_nothing_is_restored(file: Path, indexed: Path) -> None:
    lock = OwnerLock(indexed, command="qa serve")
    with nothing_changes(indexed):
        result = invoke(indexed, "restore", file, "--force")
    lock.release()
    assert result.exit_code == 1
    assert "in use by 'qa serve'" in result.stderr


def test_a_backup_of_a_newer_release_is_refused(indexed: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(indexed / "catalog.sqlite3")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    assert invoke(indexed, "backup", tmp_path / "b").exit_code == 0
    result = invoke(tmp_path / "new", "restore", tmp_path / "b")
    assert result.exit_code == 1
    assert f"has schema '9999', this release knows up to {HEAD!r}" in result.stderr
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["owner.lock"]


def test_a_key_works_again_after_a_restore(file: Path, indexed: Path, tmp_path: Path) -> None:
    invoke(tmp_path / "new", "restore", file)
    assert invoke(tmp_path / "new", "keys", "list").stdout == invoke(indexed, "keys", "list").stdout != ""
