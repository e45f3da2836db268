"""The command line as a user has it: real processes on a data directory of their own."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import Result

from index.embed import Embedder
from index.owner import Owner, find_owner
from index.sync import sync
from qa_service.clients.local_shelf import LocalShelf
from qa_service.services import opened
from qa_service.settings import Settings
from tests import invoking

QA = str(Path(sys.executable).with_name("qa"))

Run = Callable[..., subprocess.CompletedProcess[str]]


def environment(data_dir: Path, **settings: str) -> dict[str, str]:
    """The environment of a process that has these settings and no others."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("QA_")}
    return {**kept, "QA_DATA_DIR": str(data_dir), **settings}


@dataclass
class Service:
    """A `qa serve` in a process of its own; `log` holds what it has printed."""

    process: subprocess.Popen[bytes]
    data_dir: Path
    log: Path
    began: float

    @property
    def owner(self) -> Owner:
        """What its lock file says."""
        found = find_owner(self.data_dir)
        assert found, self.log.read_text()
        return found

    @property
    def url(self) -> str:
        """Where it serves."""
        assert self.owner.url
        return self.owner.url

    def get(self, path: str, **options: Any) -> httpx.Response:
        """The reply to a request."""
        return httpx.get(self.url + path, timeout=30, trust_env=False, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        """The reply to a request."""
        return httpx.post(self.url + path, timeout=30, trust_env=False, **options)

    def seconds_until(self, path: str, limit: float = 60) -> float:
        """The time from the start of the process until a path is answered well."""
        while time.monotonic() < self.began + limit:
            assert self.process.poll() is None, self.log.read_text()
            try:
                if self.get(path).status_code == 200:
                    return time.monotonic() - self.began
            except (httpx.TransportError, AssertionError):
                pass
            time.sleep(0.01)
        raise AssertionError(f"{path} was not answered in {limit} s: {self.log.read_text()}")

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal, and give the exit code."""
        self.process.send_signal(number)
        return self.process.wait(40)


@contextmanager
def started(data_dir: Path, *arguments: str, ready: bool = True, **settings: str) -> Iterator[Service]:
    """A service that is stopped at the end of the block, if it has not been before."""
    log = data_dir.with_suffix(".log")
    with log.open("ab") as output:
        began = time.monotonic()
        process = subprocess.Popen(
            [QA, "serve", "--port", "0", *arguments],
            env=environment(data_dir, **settings),
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    service = Service(process, data_dir, log, began)
    try:
        if ready:
            service.seconds_until("/readyz")
        yield service
    finally:
        if process.poll() is None:
            service.stop()


@contextmanager
def nothing_changes(folder: Path) -> Iterator[None]:
    """Every file under a folder is byte for byte as it was, when the block has ended."""

    def state() -> dict[Path, bytes]:
        return {
            path: path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file() and path.name != "owner.lock"
        }

    before = state()
    yield
    assert state() == before


def write_folder(folder: Path) -> Path:
    """A folder with two documents."""
    folder.mkdir()
    (folder / "leave.md").write_text("# Leave\n\nEmployees have 25 days of leave a year.\n")
    (folder / "pets.txt").write_text("Dogs may come to the office on Fridays.\n")
    return folder


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory, model_cache: Path, embedder: Embedder) -> Path:
    """A data directory in which two documents are indexed, to be copied."""
    home = tmp_path_factory.mktemp("library")
    data_dir = home / "data"
    data_dir.mkdir()
    (data_dir / "models").symlink_to(model_cache)
    with opened(Settings(data_dir=data_dir), command="pytest", embedder=embedder) as services:
        shelf = LocalShelf(services, "default", on_embedded=lambda _name, _done, _total: None)
        assert [each.outcome for each in sync(shelf, write_folder(home / "handbook"))] == ["indexed"] * 2
    return data_dir


@pytest.fixture
def indexed(data_dir: Path, library: Path) -> Path:
    """This test's data directory, with two documents in it."""
    shutil.copytree(library, data_dir, dirs_exist_ok=True, ignore=shutil.ignore_patterns("models"))
    return data_dir


@pytest.fixture
def serve(data_dir: Path) -> Callable[..., Any]:
    """Starts a service on this test's data directory."""

    def start(*arguments: str, **options: Any) -> Any:
        return started(data_dir, *arguments, **options)

    return start


def run(
    data_dir: Path, *arguments: str, settings: Mapping[str, str] | None = None, **options: Any
) -> subprocess.CompletedProcess[str]:
    """A `qa` command that has ended, with what it printed."""
    return subprocess.run(
        [QA, *arguments],
        env=environment(data_dir, **(settings or {})),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        **options,
    )


@pytest.fixture
def qa(data_dir: Path) -> Run:
    """Runs a `qa` command on this test's data directory."""

    def invoke(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        return run(data_dir, *arguments, **options)

    return invoke


@pytest.fixture
def invoke(data_dir: Path) -> Callable[..., Result]:
    """Runs a `qa` command on this test's data directory, in this process."""
    return partial(invoking.invoke, data_dir)


@pytest.fixture
def start_qa(data_dir: Path) -> Callable[..., subprocess.Popen[str]]:
    """Starts a `qa` command on this test's data directory."""

    def start(*arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [QA, *arguments],
            env=environment(data_dir),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


@pytest.fixture(scope="session")
def process_of() -> Callable[..., subprocess.Popen[str]]:
    """Starts a `qa` command on a data directory, which prints all that it says into a file."""

    def start(data_dir: Path, log: Path, *arguments: str) -> subprocess.Popen[str]:
        with log.open("w") as output:
            return subprocess.Popen(
                [QA, *arguments],
                env=environment(data_dir),
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
            )

    return start


@pytest.fixture
def folders(tmp_path: Path, model_cache: Path, embedder: object) -> list[Path]:
    """Two new data directories, for two services."""
    found = [tmp_path / name for name in ("one", "two")]
    for folder in found:
        folder.mkdir()
        (folder / "models").symlink_to(model_cache)
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two documents."""
    return write_folder(tmp_path / "handbook")


@pytest.fixture(scope="session")
def start() -> Callable[..., Any]:
    """Starts a service on a data directory."""
    return started


@pytest.fixture(scope="session")
def command() -> Callable[..., Any]:
    """Runs a `qa` command on a data directory."""
    return run
