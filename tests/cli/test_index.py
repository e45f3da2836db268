import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import Result

from index.owner import find_owner

Run = Callable[..., subprocess.CompletedProcess[str]]
Invoke = Callable[..., Result]


def test_a_folder_is_indexed_and_a_second_run_embeds_nothing(invoke: Invoke, folder: Path) -> None:
    first, second = invoke("index", folder), invoke("index", folder)
    assert (first.exit_code, first.stdout, first.stderr) == (0, "2 indexed\n", "")
    assert (second.exit_code, second.stdout) == (0, "2 unchanged, not embedded again\n")


def test_a_changed_file_is_replaced_and_a_removed_one_forgotten(invoke: Invoke, folder: Path) -> None:
    invoke("index", folder)
    (folder / "leave.md").write_text("# Leave\n\nEmployees have 28 days of leave a year.\n")
    (folder / "pets.txt").unlink()
    assert invoke("index", folder).stdout == "1 replaced, 1 removed\n"
    assert "28 days" in invoke("ask", "How many days of leave do employees have?").stdout
    assert "Dogs" not in invoke("search", "dogs").stdout


def test_a_bad_file_is_named_and_the_others_are_indexed(invoke: Invoke, folder: Path) -> None:
    (folder / "empty.md").write_text("")
    (folder / "damaged.docx").write_bytes(b"PK\x03\x04 no more than that")
    result = invoke("index", folder)
    assert (result.exit_code, result.stdout) == (1, "2 indexed, 2 failed\n")
    damaged, empty = sorted(result.stderr.splitlines())
    assert damaged.startswith("  handbook/damaged.docx: 'damaged.docx' ")
    assert empty.startswith("  handbook/empty.md: 'empty.md' holds no text")


def test_an_empty_folder_is_no_error(invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    result = invoke("index", tmp_path / "empty")
    assert (result.exit_code, result.stdout) == (0, "there is nothing to index here\n")


def test_a_single_file_is_indexed(invoke: Invoke, folder: Path) -> None:
    assert invoke("index", folder / "pets.txt").stdout == "1 indexed\n"
    assert "Dogs may come" in invoke("search", "dogs").stdout


def test_several_paths_are_indexed(invoke: Invoke, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("Cats may not come.")
    assert invoke("index", folder, tmp_path / "note.txt").stdout == "3 indexed\n"


def test_a_path_that_does_not_exist_is_a_wrong_use(invoke: Invoke, tmp_path: Path, data_dir: Path) -> None:
    result = invoke("index", tmp_path / "nosuch")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "nosuch' does not exist" in result.stderr
    assert invoke("index").exit_code == 2
    assert not (data_dir / "catalog.sqlite3").exists()


def test_collections_are_apart(invoke: Invoke, folder: Path) -> None:
    assert invoke("index", folder, "--collection", "hr").exit_code == 0
    assert "Dogs may come" in invoke("search", "dogs", "--collection", "hr").stdout
    assert invoke("search", "dogs").exit_code == 1


def test_a_name_that_is_no_collection_is_an_error(invoke: Invoke, folder: Path) -> None:
    result = invoke("index", folder, "--collection", "../x")
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert "can't name a collection" in result.stderr


@pytest.mark.parametrize(
    "name", [b"\x1b[2J\x1b]0;owned\x07.txt", b"line\nbreak.txt", b"latin-\xe9.txt", b"\xe2\x80\xaetxt.md"]
)
def test_a_hostile_file_name_can_not_drive_the_terminal(invoke: Invoke, folder: Path, name: bytes) -> None:
    Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).write_text("")
    result = invoke("index", folder)
    assert (result.exit_code, result.stdout) == (1, "2 indexed, 1 failed\n")
    (line,) = result.stderr.splitlines()
    assert line.isprintable()


def test_a_data_directory_that_can_not_be_made_is_an_error(
    invoke: Invoke, folder: Path, tmp_path: Path
) -> None:
    for command in (["index", folder], ["ask", "a"], ["serve"], ["keys", "list"]):
        result = invoke(*command, QA_DATA_DIR=str(folder / "pets.txt"))
        assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (1, "", 1), command
        assert str(folder / "pets.txt") in result.stderr


def test_a_wrong_setting_is_an_error_that_names_it(invoke: Invoke, folder: Path) -> None:
    result = invoke("index", folder, QA_PASSAGES="many")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("qa: wrong settings: QA_PASSAGES: should be a valid integer")


def test_a_misspelt_setting_is_pointed_out(invoke: Invoke, folder: Path) -> None:
    result = invoke("index", folder, QA_PASAGES="5")
    assert (result.exit_code, result.stdout) == (0, "2 indexed\n")
    assert result.stderr == "qa: QA_PASAGES is no setting and is ignored: did you mean QA_PASSAGES?\n"


def test_a_database_url_that_can_not_be_used_is_an_error(invoke: Invoke, folder: Path) -> None:
    for url in ("nonsense", "nosuch://user:swordfish@host/x"):
        result = invoke("index", folder, QA_DATABASE_URL=url)
        assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (1, "", 1)
        assert "QA_DATABASE_URL" in result.stderr
        assert "swordfish" not in result.stderr


def test_piped_output_has_no_colours_and_no_bar(qa: Run, folder: Path) -> None:
    (folder / "empty.md").write_text("")
    indexed = qa("index", str(folder), settings={"FORCE_COLOR": "1", "TERM": "xterm-256color"})
    assert indexed.stdout == "2 indexed, 1 failed\n"
    assert indexed.stderr.isprintable() or indexed.stderr.count("\n") == 1
    assert not set(indexed.stderr) & {"\x1b", "\r"}


def has_begun(data_dir: Path) -> bool:
    """Whether there is a collection to index into."""
    try:
        with closing(sqlite3.connect(data_dir / "catalog.sqlite3")) as catalog:
            return bool(catalog.execute("SELECT count(*) FROM collections").fetchone()[0])
    except sqlite3.OperationalError:
        return False


@pytest.mark.parametrize("moment", [find_owner, has_begun])
def test_ctrl_c_stops_it_cleanly_and_the_next_run_finishes(
    start_qa: Callable[..., subprocess.Popen[str]],
    invoke: Invoke,
    data_dir: Path,
    tmp_path: Path,
    moment: Callable[[Path], object],
) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for at in range(30):
        (folder / f"{at}.txt").write_text("\n\n".join(f"Paragraph {n} of file {at}." for n in range(10)))
    process = start_qa("index", str(folder))
    deadline = time.monotonic() + 60
    while not moment(data_dir):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stdout, stderr) == (130, "", "qa: stopped; what is done is kept\n")
    assert find_owner(data_dir) is None
    if moment is has_begun:
        assert (data_dir / "followers" / "closed.json").exists()
        finished = invoke("index", folder)
        assert finished.exit_code == 0
        assert "failed" not in finished.stdout
