"""One owner for a data directory."""

import json
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from index.errors import CatalogError, DataDirectoryInUse
from index.owner import LOCK_NAME, Owner, OwnerLock, find_owner

HOLD = """
import sys, pathlib, time
from index.owner import OwnerLock
lock = OwnerLock(pathlib.Path(sys.argv[1]), command="qa hold")
print("held", flush=True)
time.sleep(60)
"""


@contextmanager
def held_by_another(data_dir: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(data_dir)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def test_a_second_owner_is_refused_at_once_and_told_who_the_first_is(tmp_path: Path) -> None:
    with held_by_another(tmp_path) as first:
        start = time.monotonic()
        with pytest.raises(DataDirectoryInUse, match=rf"'qa hold' \(process {first.pid}\).*stop it first"):
            OwnerLock(tmp_path, command="qa second")
        assert time.monotonic() - start < 2


def test_a_killed_owner_gives_the_lock_up(tmp_path: Path) -> None:
    with held_by_another(tmp_path) as first:
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
        assert find_owner(tmp_path) is None
        OwnerLock(tmp_path, command="qa second").release()


def test_a_released_directory_has_no_owner(tmp_path: Path) -> None:
    lock = OwnerLock(tmp_path, command="qa")
    assert find_owner(tmp_path) == Owner(os.getpid(), "qa")
    lock.release()
    assert find_owner(tmp_path) is None


def test_a_directory_that_does_not_exist_has_no_owner(tmp_path: Path) -> None:
    assert find_owner(tmp_path / "nowhere") is None


def test_the_address_of_a_serving_owner_is_found(tmp_path: Path) -> None:
    lock = OwnerLock(tmp_path, command="qa")
    announced = lock.announce(url="http://127.0.0.1:8080", command="qa serve")
    assert find_owner(tmp_path) == announced
    assert len(announced.token or "") >= 32
    with pytest.raises(DataDirectoryInUse, match=r"at http://127\.0\.0\.1:8080"):
        OwnerLock(tmp_path, command="qa second")
    lock.release()


def test_the_token_is_readable_by_its_user_only(tmp_path: Path) -> None:
    path = tmp_path / "new" / LOCK_NAME
    path.parent.mkdir()
    path.touch(0o666)
    path.chmod(0o666)
    lock = OwnerLock(path.parent, command="qa")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    lock.release()


def test_a_data_directory_that_is_made_is_open_to_its_user_only(tmp_path: Path) -> None:
    OwnerLock(tmp_path / "a" / "b", command="qa").release()
    assert stat.S_IMODE((tmp_path / "a" / "b").stat().st_mode) == 0o700


def test_a_look_for_the_owner_does_not_keep_another_from_becoming_it(tmp_path: Path) -> None:
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            find_owner(tmp_path)

    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(20):
        OwnerLock(tmp_path, command="qa").release()
    done.set()
    for thread in threads:
        thread.join()


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CatalogError, match="set QA_DATA_DIR to another"):
        OwnerLock(tmp_path / "file", command="qa")
    with pytest.raises(CatalogError, match="set QA_DATA_DIR to another"):
        find_owner(tmp_path / "file")


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"pid": 1}', json.dumps({"other": 1}), "\0" * 9])
def test_an_owner_that_has_not_said_who_it_is_is_still_one(tmp_path: Path, content: str) -> None:
    lock = OwnerLock(tmp_path, command="qa")
    (tmp_path / LOCK_NAME).write_text(content)
    assert find_owner(tmp_path) == Owner(0, "another process")
    lock.release()


def test_a_forked_child_shares_the_lock(tmp_path: Path) -> None:
    code = """
import os, pathlib, sys
from index.owner import OwnerLock, find_owner
data_dir = pathlib.Path(sys.argv[1])
lock = OwnerLock(data_dir, command="qa")
if os.fork() == 0:
    os._exit(0 if find_owner(data_dir).command == "qa" else 1)
status = os.waitstatus_to_exitcode(os.wait()[1])
assert find_owner(data_dir) is not None
sys.exit(status)
"""
    subprocess.run([sys.executable, "-c", code, tmp_path], check=True)


def test_a_lock_file_that_leads_elsewhere_is_not_followed(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("gold")
    for link in (Path.symlink_to, Path.hardlink_to):
        data_dir = tmp_path / link.__name__
        data_dir.mkdir()
        link(data_dir / LOCK_NAME, precious)
        with pytest.raises(CatalogError, match="set QA_DATA_DIR to another"):
            OwnerLock(data_dir, command="qa test")
        with pytest.raises(CatalogError, match="set QA_DATA_DIR to another"):
            find_owner(data_dir)
    assert precious.read_text() == "gold"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can lay a file of another user")
def test_the_lock_of_another_user_is_not_believed(tmp_path: Path) -> None:
    with held_by_another(tmp_path):
        os.chown(tmp_path / LOCK_NAME, 65534, 65534)
        with pytest.raises(CatalogError, match="is not a file of this user's own"):
            find_owner(tmp_path)


def test_a_path_that_is_too_long_for_sqlite_is_refused_with_its_length_and_nothing_is_made(
    tmp_path: Path,
) -> None:
    def folder(size: int) -> Path:
        rest = size - len(str(tmp_path)) - 2
        return tmp_path / ("x" * (rest // 2)) / ("x" * (rest - rest // 2))

    longest = folder(458)
    assert len(str(longest)) == 458
    OwnerLock(longest, command="qa").release()
    with closing(sqlite3.connect(longest / f"reindex-{'0' * 16}-{'0' * 12}.sqlite3")) as database, database:
        database.execute("CREATE TABLE held (number)")
    with pytest.raises(CatalogError, match=r"has 459 bytes, and .* more than 458: set QA_DATA_DIR"):
        OwnerLock(folder(459), command="qa")
    assert not folder(459).exists()
