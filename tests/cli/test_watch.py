"""`qa index --watch`: real processes, real files, real changes."""

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from index.owner import find_owner

Serve = Callable[..., Any]


class Watching:
    """A `qa index --watch` in a process of its own; `printed` is all that it has said."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self.process = process
        self._log = log

    @property
    def printed(self) -> str:
        return self._log.read_text()

    def until(self, pattern: str, *, after: int = 0, seconds: float = 30) -> int:
        """Wait until something is said, from a place in what was said on; gives the place behind it."""
        deadline = time.monotonic() + seconds
        while not (found := re.compile(pattern).search(self.printed, after)):
            assert time.monotonic() < deadline, f"{pattern!r} was not said: {self.printed}"
            assert self.process.poll() is None, self.printed
            time.sleep(0.02)
        return found.end()

    def end(self, number: int = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.process.wait(30)


@pytest.fixture
def watch(
    data_dir: Path, folder: Path, tmp_path: Path, process_of: Callable[..., subprocess.Popen[str]]
) -> Iterator[Callable[..., Watching]]:
    started: list[Watching] = []

    def start(*arguments: str) -> Watching:
        log = tmp_path / f"watch-{len(started)}.log"
        process = process_of(data_dir, log, "index", "--watch", *(arguments or (str(folder),)))
        started.append(Watching(process, log))
        started[-1].until("watching; Ctrl-C ends it")
        return started[-1]

    yield start
    for each in started:
        if each.process.poll() is None:
            each.process.kill()
            each.process.wait()


def save_as_an_editor_does(path: Path, text: str) -> None:
    """Write a file beside it and rename it over: what vim, VS Code and most others do."""
    beside = path.with_name(f".{path.name}.swp")
    beside.write_text(text)
    beside.replace(path)


def test_every_change_of_a_folder_is_followed_until_ctrl_c(
    watch: Callable[..., Watching], folder: Path, data_dir: Path, qa: Any
) -> None:
    watching = watch()
    assert "2 indexed\n" in watching.printed
    at = len(watching.printed)
    (folder / "deep").mkdir()
    (folder / "deep" / "new.md").write_text("Parking is behind the house.")
    at = watching.until(r"indexed handbook/deep/new\.md\n", after=at)
    save_as_an_editor_does(folder / "leave.md", "Employees have 28 days of leave.")
    at = watching.until(r"replaced handbook/leave\.md\n", after=at)
    (folder / "deep").rename(folder / "other")
    at = watching.until(r"moved handbook/other/new\.md\n", after=at)
    (folder / "pets.txt").unlink()
    at = watching.until(r"removed handbook/pets\.txt\n", after=at)
    (folder / "broken.docx").write_bytes(b"PK\x03\x04")
    at = watching.until(r"  handbook/broken\.docx: 'broken\.docx' ", after=at)
    (folder / ".qaignore").write_text("other/\n")
    at = watching.until(r"excluded handbook/other/new\.md\n", after=at)
    assert watching.printed.count("broken.docx:") == 1
    assert watching.end() == 130
    assert watching.printed.endswith("qa: stopped; what is done is kept\n")
    assert find_owner(data_dir) is None
    assert (data_dir / "followers" / "closed.json").exists()
    assert "28 days" in qa("search", "days of leave").stdout


@pytest.mark.parametrize("below", ["", pytest.param("/a.md", marks=pytest.mark.soak)])
def test_a_name_that_is_no_utf8_ends_nothing(
    watch: Callable[..., Watching], folder: Path, below: str
) -> None:
    watching = watch()
    strange = Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.md") + below)
    strange.parent.mkdir(exist_ok=True)
    strange.write_text("Nobody can name this.")
    there = watching.until("no UTF-8: rename it")
    (folder / "later.md").write_text("Later, the lighthouse was painted white.")
    watching.until("indexed [^\n]*later.md", after=there)


def test_a_folder_that_is_away_for_a_while_keeps_its_documents(
    watch: Callable[..., Watching], folder: Path, tmp_path: Path, qa: Any
) -> None:
    watching = watch()
    at = len(watching.printed)
    folder.rename(tmp_path / "away")
    at = watching.until(r"handbook is not there: waiting for it, and its documents stay\n", after=at)
    folder.mkdir()  # as a disk leaves its place that is not mounted
    time.sleep(1.5)
    folder.rmdir()
    (tmp_path / "away" / "pets.txt").write_text("Parrots may come.")
    (tmp_path / "away").rename(folder)
    at = watching.until(r"handbook is there again\n", after=at)
    watching.until(r"replaced handbook/pets\.txt\n", after=at)
    assert "removed" not in watching.printed
    assert watching.end(signal.SIGTERM) == 0
    assert qa("index", str(folder)).stdout == "2 unchanged, not embedded again\n"


def test_a_single_file_is_followed_through_the_ways_of_editors(
    watch: Callable[..., Watching], folder: Path
) -> None:
    watching = watch(str(folder / "pets.txt"))
    at = len(watching.printed)
    for text in ("Parrots may come.", "Fish may come."):
        save_as_an_editor_does(folder / "pets.txt", text)
        at = watching.until(r"replaced pets\.txt\n", after=at)
    assert "removed" not in watching.printed


def test_what_is_hidden_or_apart_is_not_followed(
    watch: Callable[..., Watching], folder: Path, data_dir: Path
) -> None:
    watching = watch("--exclude", "*.tmp.md", str(folder))
    at = len(watching.printed)
    (folder / ".git").mkdir()
    (folder / ".git" / "a.md").write_text("Not for anybody.")
    (folder / "b.tmp.md").write_text("Not for anybody.")
    (folder / "c.md").write_text("For everybody.")
    watching.until(r"indexed handbook/c\.md\n", after=at)
    assert watching.printed[at:] == "indexed handbook/c.md\n"


def test_it_goes_through_a_running_service_and_waits_for_it_when_that_is_started_anew(
    serve: Serve, watch: Callable[..., Watching], folder: Path, data_dir: Path
) -> None:
    with serve() as service:
        watching = watch()
        at = len(watching.printed)
        save_as_an_editor_does(folder / "leave.md", "Employees have 28 days of leave.")
        at = watching.until(r"replaced handbook/leave\.md\n", after=at)
        (folder / "pets.txt").rename(folder / "animals.txt")
        at = watching.until(r"moved handbook/animals\.txt\n", after=at)
        documents = service.get("/v1/documents", headers=_token(data_dir)).json()["documents"]
        assert {(each["source"], each["title"]) for each in documents} == {
            ("handbook/animals.txt", "animals"),
            ("handbook/leave.md", "leave"),
        }
    save_as_an_editor_does(folder / "leave.md", "Employees have 30 days of leave.")
    at = watching.until(r"trying again", after=at)
    with serve() as service:
        watching.until(r"replaced handbook/leave\.md\n", after=at, seconds=60)
        assert watching.end() == 130


def _token(data_dir: Path) -> dict[str, str]:
    owner = find_owner(data_dir)
    assert owner
    return {"Authorization": f"Bearer {owner.token}"}


def test_what_is_wrong_at_the_start_ends_it(qa: Any, folder: Path, data_dir: Path) -> None:
    wrong = qa("index", "--watch", str(folder), "--collection", "../x")
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert qa("index", "--watch", "--include", "!", str(folder)).returncode == 1


def test_a_folder_that_is_filled_while_it_is_watched_is_indexed_as_a_whole(
    watch: Callable[..., Watching], folder: Path, tmp_path: Path, qa: Any
) -> None:
    source = tmp_path / "source"
    for at in range(30):
        path = source / f"{at % 6}" / f"{at}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"Text number {at}.")
    watching = watch()
    shutil.copytree(source, folder / "copied")
    deadline = time.monotonic() + 60
    while qa_count(watching) < 30:
        assert time.monotonic() < deadline, watching.printed
        time.sleep(0.1)
    assert watching.end() == 130
    assert qa("index", str(folder)).stdout == "32 unchanged, not embedded again\n"


def qa_count(watching: Watching) -> int:
    """How many files have been indexed since the first pass: told one by one, or counted."""
    _, _, later = watching.printed.partition("Ctrl-C ends it\n")
    return len(re.findall(r"^indexed ", later, re.MULTILINE)) + sum(
        int(each) for each in re.findall(r"(\d+) indexed", later)
    )
