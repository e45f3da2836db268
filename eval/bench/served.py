"""A real `qa serve` in a process of its own, and the processor time that it takes."""

import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from eval.errors import EvalError
from index.owner import find_owner

_START_SECONDS = 60
_STOP_SECONDS = 40


@dataclass(frozen=True, slots=True)
class Served:
    """A service that is ready."""

    url: str
    pid: int

    @property
    def cpu_seconds(self) -> float | None:
        """The processor time of its processes so far; None where the system does not tell."""
        try:
            return sum(_cpu_seconds(pid) for pid in (self.pid, *_children(self.pid)))
        except (OSError, ValueError, IndexError):
            return None


@contextmanager
def serving(data_dir: Path, settings: Mapping[str, str]) -> Iterator[Served]:
    """`qa serve` on a data directory, with these settings and none of the environment's, until the block ends."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("QA_")}
    environment = {**kept, "QA_DATA_DIR": str(data_dir), **settings}
    command = [sys.executable, "-c", "from qa_service.cli import main; main()", "serve", "--port", "0"]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)  # noqa: S603 - our own
        try:
            yield Served(_ready(process, data_dir), process.pid)
        finally:
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _ready(process: "subprocess.Popen[bytes]", data_dir: Path) -> str:
    """The address, once the service answers there that it is ready."""
    pause = threading.Event()
    for _ in range(_START_SECONDS * 10):
        if process.poll() is not None:
            break
        owner = find_owner(data_dir)
        if owner and owner.url and _is_ready(owner.url):
            return owner.url
        pause.wait(0.1)
    raise EvalError(f"qa serve did not become ready on {data_dir}: start it by hand to see why")


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", timeout=5, trust_env=False).is_success
    except httpx.HTTPError:
        return False


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
