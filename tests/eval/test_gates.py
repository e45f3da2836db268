"""Gates: exact invariants, and a paired verdict against a baseline."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from eval import output
from eval.datasets import suite
from eval.errors import RunError
from eval.example import Example
from eval.gates import BASELINES, Check, default_baseline, gate_metrics, invariants, keep_baseline, quality
from eval.judges.lexical import LexicalProxy
from eval.replay import question_sha256
from eval.replay import read as read_recordings
from eval.run import Run, read_about
from eval.scores import Scored, measure
from tests.eval.conftest import Quoting

RunOf = Callable[..., Run]
EXAMPLES = Path(__file__).parents[2] / "examples"
RECORDINGS = Path(BASELINES).parent / "recordings" / "examples.jsonl"


def scored(run: Run) -> Scored:
    return measure(run, LexicalProxy(), gate_metrics())


def failed(checks: list[Check]) -> set[str]:
    return {check.name for check in checks if not check.passed}


def test_a_run_that_is_in_order_passes(world: Any, run_of: RunOf) -> None:
    run = run_of(world.Quoting())
    assert failed(invariants(run, scored(run))) == set()


def test_an_altered_quote_fails_validity_and_leaks(world: Any, run_of: RunOf) -> None:
    def spoil(example: Example, answer: dict[str, Any]) -> None:
        if example.id == "leave":
            answer["citations"][0]["quote"] = "Parental leave lasts 13 weeks."

    run = run_of(world.Quoting(spoil))
    checks = invariants(run, scored(run))
    assert failed(checks) == {"validity", "leak_rate"}
    assert "leave: 0 of 1" in checks[1].detail


def test_a_claim_without_a_citation_leaks(world: Any, run_of: RunOf) -> None:
    def spoil(example: Example, answer: dict[str, Any]) -> None:
        if example.id == "dogs":
            answer["claims"].append({"text": "Surely.", "citations": []})

    run = run_of(world.Quoting(spoil))
    assert failed(invariants(run, scored(run))) == {"leak_rate"}


def test_an_example_without_an_answer_fails_and_is_named(world: Any, run_of: RunOf) -> None:
    run = run_of(world.failing("cats"))
    checks = invariants(run, scored(run))
    assert failed(checks) == {"complete"}
    assert "cats: target: out of order" in checks[0].detail


def test_a_run_without_any_citation_does_not_pass(world: Any, run_of: RunOf) -> None:
    def spoil(example: Example, answer: dict[str, Any]) -> None:
        answer |= {"status": "abstained", "claims": [], "citations": []}

    run = run_of(world.Quoting(spoil))
    assert failed(invariants(run, scored(run))) == {"validity", "leak_rate"}


def test_an_unchanged_rerun_does_not_regress(world: Any, run_of: RunOf, tmp_path: Path) -> None:
    run, again = run_of(world.Quoting()), run_of(world.Quoting(), "again")
    keep_baseline(run, scored(run), tmp_path / "baseline")
    checks = quality(again, scored(again), tmp_path / "baseline")
    assert checks
    assert failed(checks) == set()


def test_a_baseline_of_other_examples_is_refused(world: Any, run_of: RunOf) -> None:
    run = run_of(world.Quoting())
    with pytest.raises(RunError, match="other examples"):
        quality(run, scored(run), BASELINES / "in_process")


def test_a_run_with_failures_is_no_baseline(world: Any, run_of: RunOf, tmp_path: Path) -> None:
    run = run_of(world.failing("dogs"))
    with pytest.raises(RunError, match="is no baseline"):
        keep_baseline(run, scored(run), tmp_path / "baseline")


def test_scores_of_different_judges_are_not_compared(world: Any, run_of: RunOf, tmp_path: Path) -> None:
    run = run_of(world.Quoting())
    keep_baseline(run, scored(run), tmp_path / "baseline")
    other = measure(run, LexicalProxy(supported=0.9), gate_metrics())
    with pytest.raises(RunError, match="was judged by"):
        quality(run, other, tmp_path / "baseline")


@pytest.mark.parametrize("kind", ["in_process", "replay"])
def test_a_committed_baseline_is_of_the_shipped_dataset(kind: str) -> None:
    shipped, about = suite(EXAMPLES), read_about(BASELINES / kind)
    assert about["suite"]["sha256"] == shipped.sha256
    assert about["corpus"]["sha256"] == shipped.corpus_sha256


def test_a_run_of_another_model_needs_a_baseline_of_its_own(run_of: RunOf) -> None:
    class Live(Quoting):
        @property
        def about(self) -> dict[str, Any]:
            return {"target": {"kind": "in_process"}, "settings": {"model": "gpt-9"}, "versions": {}}

    with pytest.raises(
        RunError, match=r"is of extractive answers, and this run of gpt-9: name one of the same"
    ):
        default_baseline(run_of(Live()))


def test_the_recordings_are_of_the_shipped_dataset() -> None:
    questions = {example.id: example.question for example in suite(EXAMPLES).examples}
    recordings = read_recordings(RECORDINGS)
    assert len(recordings) >= 40
    for name, recording in recordings.items():
        assert recording.question_sha256 == question_sha256(questions[name])


def test_junit_counts_what_failed_and_says_why(world: Any, run_of: RunOf) -> None:
    run = run_of(world.failing("cats"))
    root = ET.fromstring(output.junit([(run, invariants(run, scored(run)))]))  # noqa: S314 - our own
    (found,) = root.findall("testsuite")
    assert (found.get("tests"), found.get("failures")) == ("3", "1")
    failure = root.find(".//testcase[@name='complete']/failure")
    assert failure is not None
    assert "out of order" in (failure.get("message") or "")


def test_junit_survives_what_xml_can_not_hold(world: Any, run_of: RunOf) -> None:
    run = run_of(world.Quoting())
    text = output.junit([(run, [Check("invariants", "validity", False, "a\x00<b>&\ud800")])])
    assert ET.fromstring(text).find(".//failure") is not None  # noqa: S314 - our own


def test_the_markdown_leads_with_the_verdict_and_lists_failures(world: Any, run_of: RunOf) -> None:
    run = run_of(world.failing("cats"))
    text = output.markdown(run, invariants(run, scored(run)), gate_metrics())
    assert "**1 of 3 checks failed**" in text
    assert "- complete: 1 of 4 examples have no answer: cats: target: out of order" in text


def test_columns_are_aligned() -> None:
    lines = output.table(["", "value"], [["a family"], ["  long name", "1.000"], ["  b", "12.000"]])
    assert lines == ["              value", "a family", "  long name   1.000", "  b          12.000"]
