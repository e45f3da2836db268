"""A service on a disk that fills up: a small file system of its own, which only root can mount."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

MIB = 1024 * 1024


@pytest.fixture
def small_disk(data_dir: Path, library: Path, model_cache: Path) -> Iterator[Path]:
    """This test's data directory, with two documents in it, on a file system of 24 MiB."""
    (data_dir / "models").unlink()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=24m,mode=700", "tmpfs", str(data_dir)]
    if os.geteuid() or subprocess.run(mounting, capture_output=True, check=False).returncode:
        pytest.skip("no file system can be mounted here: a full disk was not tried")
    try:
        (data_dir / "models").symlink_to(model_cache)
        shutil.copytree(library, data_dir, dirs_exist_ok=True, ignore=shutil.ignore_patterns("models"))
        yield data_dir
    finally:
        subprocess.run(["umount", str(data_dir)], check=True)


def fill(path: Path) -> None:
    """Take all the room that is left."""
    with path.open("wb", buffering=0) as output:
        for size in (MIB, 4096):
            try:
                while output.write(b"x" * size) == size:
                    pass
            except OSError:
                continue


@pytest.mark.soak
def test_on_a_full_disk_writes_answer_507_reads_go_on_and_nothing_acknowledged_is_lost(
    small_disk: Path, serve: Callable[..., Any]
) -> None:
    def upload(number: int, *, times: int = 500) -> Any:
        body = {"title": f"Number {number}", "text": f"Document {number} is of room {number}. " * times}
        return service.post("/v1/documents", json=body)

    with serve() as service:
        acknowledged = [upload(1000 + at, times=30).json()["job_id"] for at in range(6)]
        fill(small_disk / "filler")
        replies = []
        for number in range(1, 200):
            replies.append(upload(number))
            if replies[-1].status_code != 202:
                break
        assert replies[-1].status_code == 507
        assert replies[-1].json()["code"] == "disk_full"
        acknowledged += [reply.json()["job_id"] for reply in replies[:-1]]
        assert {reply.status_code for reply in replies[:-1]} <= {202}
        assert service.get("/readyz").status_code == 200
        assert len(service.get("/v1/documents").json()["documents"]) >= 2
        answer = service.post("/v1/answers", json={"question": "How many days of leave do employees have?"})
        assert (answer.status_code, answer.json()["status"]) == (200, "answered")
        time.sleep(8)  # the worker tries and fails some times
        assert all(service.get(f"/v1/jobs/{job}").status_code == 200 for job in acknowledged)
        (small_disk / "filler").unlink()
        deadline = time.monotonic() + 90
        waiting = list(acknowledged)
        while waiting and time.monotonic() < deadline:
            waiting = [job for job in waiting if service.get(f"/v1/jobs/{job}").json()["status"] == "running"]
            time.sleep(0.2)
        assert waiting == []
        ended = [each for job in acknowledged for each in service.get(f"/v1/jobs/{job}").json()["documents"]]
        assert {each["status"] for each in ended} == {"indexed"}, ended
        assert upload(0).status_code == 202
