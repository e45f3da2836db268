"""`qa-eval` as it is typed: what it prints, writes, and ends with."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from eval.cli import main
from eval.datasets import Suite
from eval.example import Example
from eval.run import Run, execute
from qa_service.scripted import Reply, ScriptedProvider

RunOf = Callable[..., Run]
COMMANDS = [
    "abstention",
    "accept",
    "baseline",
    "bench",
    "calibrate",
    "diff",
    "doctor",
    "export",
    "gate",
    "import",
    "new",
    "report",
    "run",
    "score",
    "show",
]


def call(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments], catch_exceptions=False)


@pytest.fixture
def run(world: Any, run_of: RunOf) -> Path:
    """A scored run."""
    folder = run_of(world.Quoting()).folder
    assert call("score", folder).exit_code == 0
    return folder


@pytest.fixture
def worse(world: Any, run_of: RunOf) -> Path:
    """A scored run that answers nothing."""

    def spoil(example: Example, answer: dict[str, Any]) -> None:
        answer |= {"status": "answered", "claims": [{"text": "No idea.", "citations": []}], "citations": []}

    folder = run_of(world.Quoting(spoil), "worse").folder
    assert call("score", folder).exit_code == 0
    return folder


def test_every_command_has_its_help() -> None:
    assert sorted(main.commands) == COMMANDS
    for name in COMMANDS:
        assert call(name, "--help").exit_code == 0


def test_a_suite_is_run_and_scored(small: Suite, data_dir: Path, tmp_path: Path) -> None:
    done = call("run", small.corpus.parent, "--out", tmp_path / "run", "--data-dir", data_dir, "--limit", 2)
    assert done.exit_code == 0
    assert done.stdout == f"2 of 2 examples answered: {tmp_path / 'run'}\n"
    about = json.loads((tmp_path / "run" / "run.json").read_text())
    assert about["suite"]["name"] == "small"
    assert about["examples"]["count"] == 2
    scored = call("score", tmp_path / "run", "--metric", "validity")
    assert "  validity  1.000" in scored.stdout


def test_a_run_with_a_failure_ends_with_1_and_names_it(small: Suite, tmp_path: Path) -> None:
    replies = [Reply(fault="server_error"), *(Reply("It is so.") for _ in range(3))]
    with ScriptedProvider(replies) as provider:
        target = ("--target", provider.url, "--shape", "openai")
        done = call("run", small.corpus.parent, "--out", tmp_path / "run", *target)
    assert done.exit_code == 1
    assert "3 of 4 examples answered" in done.stdout
    assert "leave: target: " in done.stderr


def test_a_target_that_is_not_there_is_told_once(small: Suite, tmp_path: Path) -> None:
    for shape in ("service", "openai"):
        target = ("--target", "http://127.0.0.1:9", "--shape", shape)
        done = call("run", small.corpus.parent, "--out", tmp_path / "run", *target)
        assert done.exit_code == 3
        assert done.stderr.count("127.0.0.1:9 can't be reached") == 1
        assert not (tmp_path / "run").exists()


def test_ways_to_ask_exclude_each_other(small: Suite) -> None:
    done = call("run", small.corpus.parent, "--target", "http://127.0.0.1:9", "--passages-only")
    assert done.exit_code == 2
    assert "--target and --passages-only exclude each other" in done.stderr


def test_the_figures_are_printed_with_interval_and_count(run: Path) -> None:
    lines = call("score", run).stdout.splitlines()
    (header,) = (line for line in lines if "95 % interval" in line)
    (figure,) = (line for line in lines if line.startswith("  nugget_recall_vital"))
    assert figure.split()[1:] == ["1.000", "0.439", "to", "1.000", "3"]
    assert len(figure) == header.index("  n") + len("  n")


def test_a_run_does_not_differ_from_itself(run: Path) -> None:
    done = call("diff", run, run, "--fail-on", "regressed")
    assert done.exit_code == 0
    assert "no evidence" in done.stdout


def test_a_regression_ends_with_1_only_if_asked(world: Any, tmp_path: Path) -> None:
    first = world.QUESTIONS[0]
    questions = [{**first, "id": f"leave-{n}", "question": f"{first['question']} {n}"} for n in range(12)]
    suite = world.write_suite(tmp_path / "twelve", questions)

    def spoil(example: Example, answer: dict[str, Any]) -> None:
        answer["claims"][0]["text"] = "No idea."

    for name, target in (("base", world.Quoting()), ("new", world.Quoting(spoil))):
        execute(tmp_path / name, suite.examples, {"suite": {}, "corpus": {}}, target)
        assert call("score", tmp_path / name).exit_code == 0
    done = call("diff", tmp_path / "base", tmp_path / "new")
    assert done.exit_code == 0
    done = call("diff", tmp_path / "base", tmp_path / "new", "--fail-on", "regressed")
    assert done.exit_code == 1
    assert "nugget_recall_vital" in done.stderr


def test_runs_of_other_suites_are_not_compared(run: Path) -> None:
    about = run / "run.json"
    other = json.loads(about.read_text())
    other["corpus"]["sha256"] = "0"
    copy = run.parent / "copy"
    copy.mkdir()
    for name in ("records.jsonl", "examples.jsonl", "scores.jsonl"):
        (copy / name).write_bytes((run / name).read_bytes())
    (copy / "run.json").write_text(json.dumps(other))
    done = call("diff", copy, run)
    assert done.exit_code == 3
    assert "is of other documents" in done.stderr


def test_a_gate_passes_a_run_that_is_its_own_baseline(run: Path, tmp_path: Path) -> None:
    assert call("baseline", run, tmp_path / "baseline").exit_code == 0
    done = call(
        "gate",
        run,
        "--baseline",
        tmp_path / "baseline",
        "--junit",
        tmp_path / "j.xml",
        "--markdown",
        tmp_path / "m.md",
    )
    assert done.exit_code == 0
    assert "pass: all" in done.stdout
    assert 'failures="0"' in (tmp_path / "j.xml").read_text()
    assert "checks passed" in (tmp_path / "m.md").read_text()


def test_a_gate_that_fails_ends_with_1(worse: Path) -> None:
    done = call("gate", worse, "--invariants-only")
    assert done.exit_code == 1
    assert "FAIL: validity, leak_rate" in done.stdout


def test_a_run_without_a_committed_baseline_is_told_so(run: Path) -> None:
    done = call("gate", run)
    assert done.exit_code == 3
    assert "no committed baseline for target 'quoting'" in done.stderr


def test_one_example_is_shown_with_its_quotes(run: Path) -> None:
    text = call("show", run, "--id", "leave").stdout
    assert "? How long is parental leave?" in text
    assert "“Parental leave lasts 12 weeks.”" in text
    assert "vital: 12 weeks" in text


def test_an_example_that_is_not_there_is_named(run: Path) -> None:
    done = call("show", run, "--id", "nothing")
    assert done.exit_code == 3
    assert "no example 'nothing'" in done.stderr


def test_the_doctor_ends_with_1_where_a_quote_is_lost(small: Suite) -> None:
    assert call("doctor", small.corpus.parent).exit_code == 0
    (small.corpus / "leave.md").write_text("Nothing any more.")
    done = call("doctor", small.corpus.parent)
    assert done.exit_code == 1
    assert "error: leave: leave.md does not hold the quote" in done.stdout


def test_a_scored_run_is_exported_as_a_table(run: Path, tmp_path: Path) -> None:
    assert call("export", "csv", run, tmp_path / "run.csv").exit_code == 0
    assert (tmp_path / "run.csv").read_text().startswith("id,kind,language,question")


def test_a_run_is_reported_as_one_page(run: Path, worse: Path) -> None:
    done = call("report", worse, run)
    assert done.exit_code == 0
    assert "How long is parental leave?" in (worse / "report.html").read_text()


def test_what_is_no_run_ends_with_3(tmp_path: Path) -> None:
    done = call("score", tmp_path)
    assert done.exit_code == 3
    assert done.stderr.startswith(f"qa-eval: {tmp_path} is no run")
