import json
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from click.testing import Result

Invoke = Callable[..., Result]
Serve = Callable[..., AbstractContextManager[Any]]

QUESTION = "How many days of leave do employees have?"


def create(invoke: Invoke) -> str:
    identifier: str = invoke("conversations", "create").stdout.strip()
    assert re.fullmatch(r"[0-9a-f]{28}", identifier)
    return identifier


def test_a_conversation_is_continued_listed_exported_and_deleted(indexed: Path, invoke: Invoke) -> None:
    identifier = create(invoke)
    assert invoke("ask", QUESTION, "--conversation", identifier).exit_code == 0
    answer = json.loads(invoke("ask", "Since when?", "--conversation", identifier, "--json").stdout)
    assert answer["query"].startswith("How many days of leave do employees have")
    assert invoke("conversations", "list").stdout == f"{identifier}    2  {QUESTION}\n"
    kept = json.loads(invoke("conversations", "export", identifier).stdout)
    assert [turn["question"] for turn in kept["turns"]] == [QUESTION, "Since when?"]
    assert kept["turns"][1]["answer"] == answer
    assert invoke("conversations", "delete", identifier).stdout == "1 deleted\n"
    listed = invoke("conversations", "list")
    assert (listed.stdout, listed.stderr) == (
        "",
        "no conversations yet: `qa conversations create` begins one\n",
    )
    gone = invoke("conversations", "export", identifier)
    assert (gone.exit_code, gone.stderr) == (
        1,
        f"qa: there is no conversation '{identifier}': it was deleted, or never made\n",
    )


def test_all_are_deleted_only_on_demand(indexed: Path, invoke: Invoke) -> None:
    made = [create(invoke) for _ in range(3)]
    assert invoke("conversations", "delete").exit_code == 2
    assert invoke("conversations", "delete", made[0], "--all").exit_code == 2
    assert len(invoke("conversations", "list").stdout.splitlines()) == 3
    assert invoke("conversations", "delete", "--all").stdout == "3 deleted\n"


def test_a_question_can_not_go_on_with_what_is_not_there(indexed: Path, invoke: Invoke) -> None:
    result = invoke("ask", QUESTION, "--conversation", "nosuch")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "there is no conversation 'nosuch'" in result.stderr


def test_a_first_question_can_not_drive_the_terminal(indexed: Path, invoke: Invoke) -> None:
    identifier = create(invoke)
    invoke("ask", "How \x1b[31mred is\u202e it?", "--conversation", identifier)
    assert "\x1b" not in invoke("conversations", "list").stdout
    assert "\u202e" not in invoke("conversations", "export", identifier).stdout


def test_it_works_while_a_service_runs(indexed: Path, invoke: Invoke, serve: Serve) -> None:
    with serve() as service:
        identifier = service.post("/v1/conversations").json()["id"]
        asked = invoke("ask", QUESTION, "--conversation", identifier, "--json")
        kept = service.get(f"/v1/conversations/{identifier}").json()
        assert kept["turns"][0]["answer"] == json.loads(asked.stdout)
        assert invoke("conversations", "list").stdout == f"{identifier}    1  {QUESTION}\n"
        assert invoke("conversations", "delete", identifier).exit_code == 0
        assert service.get(f"/v1/conversations/{identifier}").status_code == 404
