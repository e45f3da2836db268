"""What others notice while a file that is made to harm is parsed: their searches, by `qa serve`, as before."""

import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from index.owner import find_owner

_QA = Path(sys.executable).with_name("qa")
_ROUNDS = 40
_SLOWER = 1.2
_WORDS = (
    "leave",
    "kiln",
    "harbour",
    "violin",
    "glacier",
    "ledger",
    "orchard",
    "turbine",
    "lantern",
    "quarry",
)


@dataclass(frozen=True, slots=True)
class Service:
    """A `qa serve`, and a client of it."""

    process: subprocess.Popen[bytes]
    client: httpx.Client

    def upload(self, name: str, data: bytes) -> str:
        """Upload a file: the id of its job."""
        response = self.client.post("/v1/documents", files={"file": (name, data)})
        assert response.status_code == 202, response.text
        job_id: str = response.json()["job_id"]
        return job_id

    def status(self, job_id: str) -> str:
        """How far a job has come."""
        status: str = self.client.get(f"/v1/jobs/{job_id}").json()["status"]
        return status

    def searches(self) -> list[float]:
        """The seconds that each of some searches takes."""
        taken = []
        for word in _WORDS:
            start = time.perf_counter()
            assert self.client.post("/v1/search", json={"query": f"Where is the {word}?"}).status_code == 200
            taken.append(time.perf_counter() - start)
        return taken

    def parser(self) -> int:
        """The process that parses files, a child of the worker, which is a child of `qa serve`."""
        for stat in Path("/proc").glob("[0-9]*/stat"):
            pid = int(stat.parent.name)
            if (
                b"index.load.served" in _read(stat.with_name("cmdline"))
                and _parent(_parent(pid)) == self.process.pid
            ):
                return pid
        raise AssertionError("there is none")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # it has ended meanwhile
        return b""


def _parent(pid: int) -> int:
    return int(_read(Path(f"/proc/{pid}/stat")).rsplit(b")", 1)[1].split()[1])


@pytest.fixture
def service(data_dir: Path) -> Iterator[Service]:
    """A service that gives a file two minutes."""
    environment = {**os.environ, "QA_DATA_DIR": str(data_dir), "QA_PARSE_SECONDS": "120"}
    with subprocess.Popen([_QA, "serve", "--port", "0"], env=environment) as process:
        try:
            deadline = time.monotonic() + 60
            while not ((owner := find_owner(data_dir)) and owner.url):
                assert time.monotonic() < deadline
                time.sleep(0.1)
            with httpx.Client(base_url=owner.url, trust_env=False, timeout=60) as client:
                while client.get("/readyz").status_code != 200:
                    assert time.monotonic() < deadline
                    time.sleep(0.1)
                yield Service(process, client)
        finally:
            process.terminate()


def test_searches_are_not_slowed_by_more_than_a_fifth_while_a_bomb_is_parsed(
    service: Service, endless_pdf: bytes
) -> None:
    text = "\n\n".join(f"The {word} number {at} is kept in room {at}." for at in range(30) for word in _WORDS)
    job = service.upload("notes.txt", text.encode())
    deadline = time.monotonic() + 60
    while service.status(job) != "done":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    bomb = service.upload("bomb.pdf", endless_pdf)
    time.sleep(3)
    parser = service.parser()
    alone: list[float] = []
    beside: list[float] = []
    for _ in range(_ROUNDS):  # by turns, so that what else this machine does weighs on both
        for taken, number in ((alone, signal.SIGSTOP), (beside, signal.SIGCONT)):
            os.kill(parser, number)
            taken += service.searches()
    assert service.status(bomb) == "running"
    before, during = statistics.median(alone), statistics.median(beside)
    print(f"a search takes {before * 1000:.1f} ms, and {during * 1000:.1f} ms while a bomb is parsed")  # noqa: T201
    assert during <= before * _SLOWER
