import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from click.testing import Result

Invoke = Callable[..., Result]
Serve = Callable[..., AbstractContextManager[Any]]


MODEL = "multilingual-e5-small/int8-1"


def line(name: str, documents: int, chunks: int) -> str:
    return f"{name}  {documents} documents, {chunks} chunks  {MODEL}  {datetime.now(UTC):%Y-%m-%d}\n"


def test_collections_are_made_listed_and_deleted_without_a_service(indexed: Path, invoke: Invoke) -> None:
    assert invoke("collections", "create", "new").exit_code == 0
    assert invoke("collections", "list").stdout == line("default", 2, 2) + line("new", 0, 0)
    taken = invoke("collections", "create", "new")
    assert (taken.exit_code, taken.stderr) == (
        1,
        "qa: there is a collection 'new' already: choose another name, or delete it first\n",
    )
    assert invoke("collections", "delete", "default", "--yes").stdout == "default deleted\n"
    assert invoke("collections", "list").stdout == line("new", 0, 0)
    assert "there is no collection 'default'" in invoke("search", "leave").stderr


def test_collections_are_made_listed_and_deleted_through_a_running_service(
    indexed: Path, invoke: Invoke, serve: Serve
) -> None:
    with serve() as service:
        assert invoke("collections", "create", "new").exit_code == 0
        assert invoke("collections", "list").stdout == line("default", 2, 2) + line("new", 0, 0)
        assert invoke("collections", "delete", "default", "--yes").stdout == "default deleted\n"
        assert [each["name"] for each in service.get("/v1/collections").json()["collections"]] == ["new"]
        missing = invoke("collections", "delete", "default", "--yes")
        assert missing.exit_code == 1
        assert missing.stderr.startswith("qa: there is no collection 'default'")


def test_where_there_is_no_collection_the_list_is_empty_and_says_so_beside_it(invoke: Invoke) -> None:
    listed = invoke("collections", "list")
    assert (listed.exit_code, listed.stdout) == (0, "")
    assert listed.stderr == "no collections yet: `qa index PATH` makes one\n"


def test_a_name_that_looks_like_an_option_is_refused_and_one_from_before_goes_on(
    indexed: Path, invoke: Invoke
) -> None:
    for name in ("--help", "-x", "_x"):
        refused = invoke("collections", "create", "--", name)
        assert (refused.exit_code, refused.stdout) == (1, "")
        assert "begin with a letter or a digit" in refused.stderr
    with sqlite3.connect(indexed / "catalog.sqlite3") as catalog:
        catalog.execute("UPDATE collections SET name = '--help' WHERE name = 'default'")
    catalog.close()
    assert invoke("collections", "list").stdout == line("--help", 2, 2)
    assert "25 days of leave" in invoke("search", "leave", "--collection=--help").stdout
    assert invoke("collections", "delete", "--yes", "--", "--help").stdout == "--help deleted\n"
    assert invoke("collections", "list").stdout == ""


def test_nothing_is_deleted_before_it_is_confirmed(indexed: Path, invoke: Invoke) -> None:
    asked = invoke("collections", "delete", "default", typed="n\n")
    assert (asked.exit_code, asked.stdout) == (1, "delete 2 documents of 'default'? [y/N]: n\n")
    assert invoke("collections", "list").stdout == line("default", 2, 2)
    assert invoke("collections", "delete", "default", typed="y\n").exit_code == 0


def test_a_name_that_can_be_none_is_refused(indexed: Path, invoke: Invoke) -> None:
    for name in ("", "a b", "../x"):
        refused = invoke("collections", "create", name)
        assert (refused.exit_code, refused.stderr[:10]) == (1, "qa: name: ")
