import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

Run = Callable[..., CompletedProcess[str]]
Serve = Callable[..., AbstractContextManager[Any]]

MODEL = "multilingual-e5-small/int8-1"


def line(name: str, documents: int, chunks: int) -> str:
    return f"{name}  {documents} documents, {chunks} chunks  {MODEL}  {datetime.now(UTC):%Y-%m-%d}\n"


def test_collections_are_made_listed_and_deleted_without_a_service(indexed: Path, qa: Run) -> None:
    assert qa("collections", "create", "new").returncode == 0
    assert qa("collections", "list").stdout == line("default", 2, 2) + line("new", 0, 0)
    taken = qa("collections", "create", "new")
    assert (taken.returncode, taken.stderr) == (
        1,
        "qa: there is a collection 'new' already: choose another name, or delete it first\n",
    )
    assert qa("collections", "delete", "default", "--yes").stdout == "default deleted\n"
    assert qa("collections", "list").stdout == line("new", 0, 0)
    assert "there is no collection 'default'" in qa("search", "leave").stderr


def test_collections_are_made_listed_and_deleted_through_a_running_service(
    indexed: Path, qa: Run, serve: Serve
) -> None:
    with serve() as service:
        assert qa("collections", "create", "new").returncode == 0
        assert qa("collections", "list").stdout == line("default", 2, 2) + line("new", 0, 0)
        assert qa("collections", "delete", "default", "--yes").stdout == "default deleted\n"
        assert [each["name"] for each in service.get("/v1/collections").json()["collections"]] == ["new"]
        missing = qa("collections", "delete", "default", "--yes")
        assert missing.returncode == 1
        assert missing.stderr.startswith("qa: there is no collection 'default'")


def test_where_there_is_no_collection_the_list_is_empty_and_says_so_beside_it(qa: Run) -> None:
    listed = qa("collections", "list")
    assert (listed.returncode, listed.stdout) == (0, "")
    assert listed.stderr == "no collections yet: `qa index PATH` makes one\n"


def test_a_name_that_looks_like_an_option_is_refused_and_one_from_before_goes_on(
    indexed: Path, qa: Run
) -> None:
    for name in ("--help", "-x", "_x"):
        refused = qa("collections", "create", "--", name)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert "begin with a letter or a digit" in refused.stderr
    with sqlite3.connect(indexed / "catalog.sqlite3") as catalog:
        catalog.execute("UPDATE collections SET name = '--help' WHERE name = 'default'")
    catalog.close()
    assert qa("collections", "list").stdout == line("--help", 2, 2)
    assert "25 days of leave" in qa("search", "leave", "--collection=--help").stdout
    assert qa("collections", "delete", "--yes", "--", "--help").stdout == "--help deleted\n"
    assert qa("collections", "list").stdout == ""


def test_nothing_is_deleted_before_it_is_confirmed(indexed: Path, qa: Run) -> None:
    asked = qa("collections", "delete", "default", input="n\n")
    assert (asked.returncode, asked.stdout) == (1, "delete 2 documents of 'default'? [y/N]: ")
    assert qa("collections", "list").stdout == line("default", 2, 2)
    assert qa("collections", "delete", "default", input="y\n").returncode == 0


def test_a_name_that_can_be_none_is_refused(indexed: Path, qa: Run) -> None:
    for name in ("", "a b", "../x"):
        refused = qa("collections", "create", name)
        assert (refused.returncode, refused.stderr[:10]) == (1, "qa: name: ")
