"""Fitting relevance: what it learns, what its thresholds keep, and that the committed numbers are those of the rows."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from eval.calibration.collect import collect
from eval.calibration.fit import RECALL, auc, fit, held_out, outcomes
from eval.calibration.nonsense import nonsense
from eval.calibration.rows import NONSENSE, ROWS, Row, RowsError, in_group, read, write
from eval.cli import main
from eval.datasets import Suite, suite
from index.embed import Embedder
from qa_service.answering.relevance import COEFFICIENTS, SIGNS, Group, Signs


def row(
    corpus: str, similarity: float, *, answered: bool, near: bool = False, group: Group = "same_language"
) -> Row:
    return Row("m", corpus, corpus, "q", answered, near, Signs(group, similarity, similarity - 0.5, 0.0, 0.0))


def rows(seed: int = 0, corpora: str = "abc") -> list[Row]:
    draw = np.random.default_rng(seed)
    return [
        row(corpus, float(draw.normal(0.86 if answered else 0.80, 0.02)), answered=answered)
        for corpus in corpora
        for answered in (True, False)
        for _ in range(100)
    ]


def test_a_question_nearer_to_its_passage_is_given_a_higher_probability() -> None:
    model = fit(rows(), "same_language").model
    assert model.probability([0.90, 0.4]) > 0.9 > 0.1 > model.probability([0.76, 0.26])


def test_each_threshold_keeps_its_share_of_answerable_questions_in_every_corpus() -> None:
    fitted = fit(rows(), "same_language")
    for point, recall in RECALL.items():
        for found in outcomes(rows(), fitted, "same_language", point).values():
            assert found.answered is not None
            assert found.answered >= recall
    assert fitted.thresholds["model"] < fitted.thresholds["extractive"]


def test_a_corpus_is_held_out_of_what_judges_it() -> None:
    turned = [row("odd", 1.66 - each.signs.similarity, answered=each.answered) for each in rows(1, "x")]
    own = held_out([*rows(), *turned], "same_language", "model")["odd"].auc
    assert own is not None
    assert own < 0.1


def test_near_misses_are_counted_apart() -> None:
    found = outcomes(
        [*rows(), row("a", 0.9, answered=False, near=True)],
        fit(rows(), "same_language"),
        "same_language",
        "model",
    )
    assert (found["a"].answerable, found["a"].far, found["a"].near) == (100, 100, 1)
    assert found["a"].declined_near == 0


def test_the_area_under_the_curve_counts_ties_as_half() -> None:
    assert auc(np.array([1.0, 2.0]), np.array([1.0, 0.0])) == pytest.approx(3.5 / 4)
    assert auc(np.array([]), np.array([1.0])) is None


def test_every_question_is_asked_of_its_own_corpus_and_of_the_others(
    small: Suite, tmp_path: Path, embedder: Embedder
) -> None:
    (tmp_path / "other" / "documents").mkdir(parents=True)
    (tmp_path / "other" / "documents" / "lake.txt").write_text("The lake is 40 m deep. It is cold in spring.")
    (tmp_path / "other" / "questions.jsonl").write_text(
        '{"id": "deep", "question": "How deep is the lake?", "kind": "lookup", "lang": "en", '
        '"evidence": [{"doc": "lake.txt", "quote": "The lake is 40 m deep."}]}\n'
    )
    found = list(collect([small, suite(tmp_path / "other")], own=10, foreign=10, embedder=embedder))
    own = {each.example: each for each in found if each.corpus == each.asked}
    means_nothing = [each for each in found if each.asked == NONSENSE]
    assert len(means_nothing) == 2 * 10
    assert not any(each.answered or each.is_near for each in means_nothing)
    found = [each for each in found if each.asked != NONSENSE]
    assert len(found) == 2 * (len(small.examples) + 1)
    assert {name: (each.answered, each.is_near) for name, each in own.items()} == {
        "leave": (True, False),
        "dogs": (True, False),
        "cats": (True, False),
        "pay": (False, True),
        "deep": (True, False),
    }
    assert not any(each.answered or each.is_near for each in found if each.corpus != each.asked)
    far = next(each for each in found if each.example == "deep" and each.corpus != each.asked)
    assert own["deep"].signs.similarity > far.signs.similarity


def test_the_questions_that_mean_nothing_are_the_same_for_the_same_seed_and_differ_from_each_other() -> None:
    questions = [each.question for each in nonsense(60)]
    assert questions == [each.question for each in nonsense(60)]
    assert questions != [each.question for each in nonsense(60, seed=1)]
    assert len(set(questions)) > 50
    assert all(question.strip() for question in questions)


def test_rows_are_read_as_they_were_written(tmp_path: Path) -> None:
    made = [
        row("a", 0.8125, answered=True),
        row("b", 0.75, answered=False, near=True, group="across_languages"),
    ]
    write(tmp_path / "rows.jsonl", made)
    assert read(tmp_path / "rows.jsonl") == made


def test_a_line_that_is_no_row_is_named(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"model": "m", "group": "elsewhere"}\n')
    with pytest.raises(RowsError, match=r"rows.jsonl:1: .*'elsewhere' is no group"):
        read(tmp_path / "rows.jsonl")


def test_the_rows_hold_no_text() -> None:
    keys = {
        "model",
        "corpus",
        "asked",
        "example",
        "answered",
        "near",
        "group",
        "similarity",
        "coverage",
        "margin",
        "contrast",
    }
    assert {frozenset(json.loads(line)) for line in ROWS.read_text().splitlines()} == {frozenset(keys)}


def test_the_product_reads_what_the_committed_rows_give() -> None:
    stored = json.loads(COEFFICIENTS.read_text())
    for name in {each.embedding_model for each in read()}:
        own = [each for each in read() if each.embedding_model == name]
        for group in SIGNS:
            fitted = fit(in_group(own, group), group)
            assert stored[name][group]["bias"] == pytest.approx(fitted.model.bias, abs=1e-3)
            assert stored[name][group]["threshold_model"] == fitted.thresholds["model"]
            assert stored[name][group]["threshold_extractive"] == fitted.thresholds["extractive"]


def test_fit_prints_every_group_with_what_it_does_on_suites_that_it_has_not_seen() -> None:
    ran = CliRunner().invoke(main, ["abstention", "fit"])
    assert ran.exit_code == 0, ran.output
    for group in SIGNS:
        assert group in ran.output
    assert ran.output.count("held out") == 2 * len(SIGNS)
