"""Runs: folders that are only added to, continued after a kill, and read without anything else."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from eval.datasets import Suite
from eval.errors import RunError
from eval.example import Example
from eval.run import Run, execute, read
from tests.eval.conftest import Quoting

RunOf = Callable[..., Run]


def lines(run: Run, name: str = "records.jsonl") -> list[str]:
    return (run.folder / name).read_text().splitlines()


def test_a_run_holds_an_answer_for_each_example(world: Any, run_of: RunOf) -> None:
    run = run_of(world.Quoting())
    assert list(run.records) == ["leave", "dogs", "cats", "pay"]
    assert run.failures == {}
    assert run.records["dogs"].answer.text == "Dogs may come to the office on Fridays."


def test_a_run_holds_the_texts_that_its_citations_point_into(world: Any, run_of: RunOf) -> None:
    run = run_of(world.Quoting())
    assert run.texts == {f"documents/{name}": text for name, text in world.TEXTS.items()}
    assert len(lines(run, "texts.jsonl")) == 2


def test_the_stream_is_kept_with_its_times(world: Any, run_of: RunOf) -> None:
    recorded = run_of(world.Quoting()).recorded["leave"]
    assert [event.name for event in recorded.events] == ["retrieval", "claim", "done"]
    assert [event.ms for event in recorded.events] == sorted(event.ms for event in recorded.events)
    assert recorded.events[-1].data == recorded.answer
    assert recorded.events[0].data["passages"] == (recorded.answer or {})["passages"]


def test_passages_are_written_once(world: Any, run_of: RunOf) -> None:
    assert lines(run_of(world.Quoting()))[0].count(world.TEXTS["leave.md"]) == 1


def test_what_has_an_answer_is_not_asked_again(world: Any, run_of: RunOf) -> None:
    run_of(world.Quoting())
    again = world.Quoting()
    assert not run_of(again).failures
    assert again.asked == []


def test_a_failing_example_does_not_stop_the_others_and_is_asked_again(world: Any, run_of: RunOf) -> None:
    run = run_of(world.failing("dogs"))
    assert run.failures == {"dogs": "target: out of order"}
    again = world.Quoting()
    assert run_of(again).failures == {}
    assert again.asked == ["dogs"]


def test_a_torn_last_line_is_asked_again(world: Any, run_of: RunOf) -> None:
    run = run_of(world.Quoting())
    path = run.folder / "records.jsonl"
    path.write_bytes(path.read_bytes()[:-20])
    assert set(read(run.folder).failures) == {"pay"}
    again = world.Quoting()
    assert run_of(again).failures == {}
    assert again.asked == ["pay"]
    assert all(json.loads(line) for line in lines(run))


def test_a_broken_line_in_the_middle_is_named(world: Any, run_of: RunOf) -> None:
    run = run_of(world.Quoting())
    path = run.folder / "records.jsonl"
    path.write_text("{\n" + path.read_text())
    with pytest.raises(RunError, match=r"records\.jsonl:1: this is no JSON"):
        read(run.folder)


def test_a_folder_of_another_run_is_refused(world: Any, run_of: RunOf, small: Suite) -> None:
    run = run_of(world.Quoting())
    with pytest.raises(RunError, match="other corpus"):
        execute(run.folder, small.examples, {"suite": run.about["suite"], "corpus": {}}, world.Quoting())
    about = {"suite": run.about["suite"], "corpus": run.about["corpus"]}
    with pytest.raises(RunError, match="other examples"):
        execute(run.folder, small.examples[:2], about, world.Quoting())


def test_a_stream_without_an_end_is_a_failure(run_of: RunOf) -> None:
    class Silent(Quoting):
        def ask(self, example: Example) -> Iterator[tuple[str, dict[str, Any]]]:
            yield "retrieval", {"passages": []}

    assert run_of(Silent()).failures["leave"] == "target: the stream ended without an answer"


def test_an_answer_of_another_shape_is_a_failure_and_is_kept(world: Any, run_of: RunOf) -> None:
    def spoil(example: Example, answer: dict[str, Any]) -> None:
        answer["status"] = "perhaps"

    run = run_of(world.Quoting(spoil))
    assert "status is 'perhaps'" in run.failures["leave"]
    assert (run.recorded["leave"].answer or {})["status"] == "perhaps"


def test_examples_asked_at_once_give_the_same_run(world: Any, run_of: RunOf) -> None:
    one, four = run_of(world.Quoting(), "one"), run_of(world.Quoting(), "four", jobs=4)
    assert {name: each.answer for name, each in one.recorded.items()} == {
        name: each.answer for name, each in four.recorded.items()
    }


def test_something_that_is_no_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="is no run"):
        read(tmp_path)


def test_a_run_of_a_later_format_is_refused(world: Any, run_of: RunOf) -> None:
    run = run_of(world.Quoting())
    path = run.folder / "run.json"
    path.write_text(path.read_text().replace('"format": 1', '"format": 2'))
    with pytest.raises(RunError, match="format 2"):
        read(run.folder)


def test_a_run_is_read_and_scored_without_the_product(world: Any, run_of: RunOf) -> None:
    folder = run_of(world.Quoting()).folder
    script = (
        "import sys; from pathlib import Path\n"
        "for name in ('qa_service', 'index', 'prompts'): sys.modules[name] = None\n"
        "from eval.run import read; from eval.scores import measure; from eval.judges.lexical import LexicalProxy\n"
        f"print(len(measure(read(Path({str(folder)!r})), LexicalProxy()).scores))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "4\n"
