"""Scores: measured on what was recorded, kept beside each other, read back as they were."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from eval.errors import RunError
from eval.example import Example
from eval.judges.lexical import LexicalProxy
from eval.metrics.aggregate import summarise
from eval.run import Run
from eval.scores import HEADLINE, keep, measure, metrics, read
from tests.eval.conftest import Quoting

RunOf = Callable[..., Run]
JUDGE = LexicalProxy()


def test_scores_are_read_back_as_they_were_measured(world: Any, run_of: RunOf) -> None:
    run = run_of(world.Quoting())
    scored = measure(run, JUDGE)
    keep(run.folder, scored)
    assert read(run.folder) == scored


def test_a_metric_is_added_beside_the_others_without_asking_again(world: Any, run_of: RunOf) -> None:
    run = run_of(world.Quoting())
    keep(run.folder, measure(run, JUDGE, metrics(["validity"])))
    merged = keep(run.folder, measure(run, JUDGE, metrics(["faithfulness"])))
    assert set(merged.scores["leave"]) == {"validity", "faithfulness"}
    assert merged.judges == {"faithfulness": JUDGE.method}


def test_a_figure_of_parts_is_measured_by_its_parts(world: Any, run_of: RunOf) -> None:
    run = run_of(world.Quoting())
    (metric,) = metrics(["balanced_accuracy"])
    assert summarise(metric, measure(run, JUDGE, [metric]).scores).value == 1


def test_an_example_without_an_answer_is_not_measured(world: Any, run_of: RunOf) -> None:
    run = run_of(world.failing("dogs"))
    assert "dogs" not in measure(run, JUDGE).scores


def test_an_unknown_metric_and_missing_scores_are_named(world: Any, run_of: RunOf) -> None:
    with pytest.raises(RunError, match="no metric 'accuracy'"):
        metrics(["accuracy"])
    with pytest.raises(RunError, match="qa-eval score"):
        read(run_of(world.Quoting()).folder)


def test_a_score_that_is_no_number_is_named(world: Any, run_of: RunOf) -> None:
    run = run_of(world.Quoting())
    line = '{"example":"leave","metric":"validity","value":"1","numerator":1,"denominator":1}\n'
    (run.folder / "scores.jsonl").write_text(line)
    with pytest.raises(RunError, match=r"scores\.jsonl:1: value is '1'"):
        read(run.folder)


def test_the_headline_names_metrics() -> None:
    assert len(metrics(HEADLINE)) == len(HEADLINE)


def test_a_run_of_passages_alone_is_measured_by_these_alone(run_of: RunOf) -> None:
    class Searching(Quoting):
        about = {"target": {"kind": "passages"}}  # noqa: RUF012

        def ask(self, example: Example) -> Iterator[tuple[str, dict[str, Any]]]:
            *_, (name, answer) = super().ask(example)
            yield name, {"passages": answer["passages"]}

    measured = measure(run_of(Searching()), JUDGE).scores["leave"]
    assert measured["mrr"].value == 1
    assert "nugget_recall" not in measured
