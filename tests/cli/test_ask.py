import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from qa_service.cli import main

Run = Callable[..., subprocess.CompletedProcess[str]]
Invoke = Callable[..., Result]

QUESTION = "How many days of leave do employees have?"
FILLER = "\n".join(f"Rule {at} says that rule {at} is to be kept." for at in range(30))
QUOTE = "Employees have 25 days of leave a year."


@pytest.fixture
def invoke(indexed: Path) -> Invoke:
    """Runs a `qa` command in this process, on a data directory with two documents."""

    def invoke(*arguments: object, **settings: str) -> Result:
        env = {"QA_DATA_DIR": str(indexed), **settings}
        result = CliRunner().invoke(main, [str(each) for each in arguments], env=env)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return invoke


def test_an_answer_is_printed_with_its_citations(invoke: Invoke) -> None:
    result = invoke("ask", QUESTION)
    assert (result.exit_code, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert lines[:4] == [f"{QUOTE} [1]", "", "[1] Leave  handbook/leave.md:9-48", f"    “{QUOTE}”"]
    assert lines[-1].startswith("extractive · quoted word for word · ")


def test_json_is_the_answer_of_the_http_interface(invoke: Invoke) -> None:
    answer = json.loads(invoke("ask", QUESTION, "--json").stdout)
    assert (answer["status"], answer["text"]) == ("answered", f"{QUOTE} [1]")
    assert answer["citations"][0]["quote"] == QUOTE
    found = json.loads(invoke("search", "dogs", "--json", "-k", "1").stdout)
    assert [passage["title"] for passage in found["passages"]] == ["pets"]


def test_a_search_prints_passages_best_first(invoke: Invoke) -> None:
    result = invoke("search", "dogs on Fridays")
    assert result.exit_code == 0
    first, quote, empty, *_ = result.stdout.splitlines()
    assert first.startswith("1. pets  ")
    assert first.endswith("  handbook/pets.txt")
    assert (quote, empty) == ("    “Dogs may come to the office on Fridays.”", "")


def test_k_limits_the_passages(invoke: Invoke) -> None:
    assert len(json.loads(invoke("ask", QUESTION, "--json", "-k", "1").stdout)["passages"]) == 1
    assert invoke("ask", QUESTION, "-k", "0").exit_code == 2
    assert invoke("search", QUESTION, "-k", "201").exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["ask", ""], "qa: question: it is empty"),
        (["ask", "  "], "qa: question: it is empty"),
        (["ask", "a" * 4001], "qa: question: it has 4001 characters, and 4000 are taken"),
        (["ask", "a", "--collection", "nosuch"], "qa: there is no collection 'nosuch'"),
        (["ask", "a", "--collection", "../x"], "qa: collection: send 1 to 63 ASCII letters"),
        (["search", ""], "qa: query: it is empty"),
        (["search", "a", "--collection", "nosuch"], "qa: there is no collection 'nosuch'"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_1(invoke: Invoke, arguments: list[str], message: str) -> None:
    result = invoke(*arguments)
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (1, "", 1)
    assert result.stderr.startswith(message)


def test_where_nothing_is_indexed_yet_it_says_what_to_do(invoke: Invoke, tmp_path: Path) -> None:
    result = invoke("ask", QUESTION, QA_DATA_DIR=str(tmp_path / "new"))
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "qa: there is no collection 'default': index a document into it first\n"


def test_a_document_can_not_drive_the_terminal(invoke: Invoke, folder: Path) -> None:
    (folder / "evil.md").write_text(
        "# Managers \x1b]0;owned\x07\n\nManagers have \x1b[31m35\x9b2J\u202e days of leave a year.\n" + FILLER
    )
    invoke("index", folder)
    for command in (["ask", "How many days of leave do managers have?"], ["search", "managers"]):
        for form in ([], ["--json"]):
            shown = invoke(*command, *form).stdout
            assert "Managers have" in shown
            assert all(line.isprintable() for line in shown.splitlines())


def test_a_terminal_that_can_not_spell_a_letter_gets_its_number(qa: Run, indexed: Path) -> None:
    result = qa("ask", QUESTION, settings={"PYTHONIOENCODING": "latin-1"}, encoding="latin-1")
    assert (result.returncode, result.stderr) == (0, "")
    assert f"\\u201c{QUOTE}\\u201d" in result.stdout


def test_a_reader_that_has_seen_enough_is_no_error(
    indexed: Path, start_qa: Callable[..., subprocess.Popen[str]]
) -> None:
    process = start_qa("search", "leave")
    assert process.stdout
    process.stdout.close()
    assert process.stderr
    assert "Traceback" not in process.stderr.read()
    process.stderr.close()
    process.wait(30)
