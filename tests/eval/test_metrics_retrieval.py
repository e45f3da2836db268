"""Retrieval: agreement with trec_eval, and evidence by span."""

import random
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.example import Evidence, Example
from eval.metrics import retrieval
from eval.metrics.measurement import UNDEFINED
from eval.records import Answer, Claim, Passage, Record, Span

TEXT = "One lamp was lit. Two keepers came. Three ships passed. Four men rowed."


def runs(seed: int, count: int) -> list[tuple[list[str], dict[str, int]]]:
    """Random rankings of 0 to 30 documents with up to 8 judged ones, at least one of them relevant."""
    chance = random.Random(seed)  # noqa: S311
    made = []
    for _ in range(count):
        pool = [f"d{number}" for number in range(40)]
        ranked = chance.sample(pool, chance.randint(0, 30))
        judged = chance.sample(pool, chance.randint(1, 8))
        grades = {document: chance.randint(0, 3) for document in judged}
        grades[judged[0]] = chance.randint(1, 3)
        made.append((ranked, grades))
    return made


def test_agrees_with_trec_eval_on_a_thousand_random_runs() -> None:
    pytrec_eval = pytest.importorskip("pytrec_eval")
    made = runs(7, 1_000)
    qrels = {f"q{at}": grades for at, (_, grades) in enumerate(made)}
    run = {
        f"q{at}": {document: 1.0 - rank / 100 for rank, document in enumerate(ranked)}
        for at, (ranked, _) in enumerate(made)
        if ranked
    }
    evaluator = pytrec_eval.RelevanceEvaluator(
        qrels, {"recall.1,5,10", "success.1,5,10", "recip_rank", "ndcg_cut.5,10"}
    )
    theirs: Mapping[str, Mapping[str, float]] = evaluator.evaluate(run)
    for at, (ranked, grades) in enumerate(made):
        ours = {
            **{f"recall_{k}": retrieval.recall_at(ranked, grades, k) for k in (1, 5, 10)},
            **{f"success_{k}": retrieval.success_at(ranked, grades, k) for k in (1, 5, 10)},
            **{f"ndcg_cut_{k}": retrieval.ndcg_at(ranked, grades, k) for k in (5, 10)},
            "recip_rank": retrieval.reciprocal_rank(ranked, grades),
        }
        for name, found in ours.items():
            assert found.value == pytest.approx(theirs.get(f"q{at}", {}).get(name, 0.0), abs=1e-9, rel=0), (
                name
            )


def test_means_agree_with_ir_measures() -> None:
    ir_measures = pytest.importorskip("ir_measures")
    made = [(ranked or ["none"], grades) for ranked, grades in runs(8, 200)]
    qrels = {f"q{at}": grades for at, (_, grades) in enumerate(made)}
    run = {
        f"q{at}": {document: 1.0 - rank / 100 for rank, document in enumerate(ranked)}
        for at, (ranked, _) in enumerate(made)
    }
    theirs = ir_measures.calc_aggregate(
        [ir_measures.nDCG @ 10, ir_measures.R @ 5, ir_measures.RR], qrels, run
    )
    ours = {
        ir_measures.nDCG @ 10: [retrieval.ndcg_at(ranked, grades, 10).value for ranked, grades in made],
        ir_measures.R @ 5: [retrieval.recall_at(ranked, grades, 5).value for ranked, grades in made],
        ir_measures.RR: [retrieval.reciprocal_rank(ranked, grades).value for ranked, grades in made],
    }
    for measure, values in ours.items():
        assert sum(value or 0 for value in values) / len(values) == pytest.approx(theirs[measure], abs=1e-9)


def test_ndcg_takes_the_grade_itself_as_gain() -> None:
    # DCG 1/log2(2) + 3/log2(3) by hand; ideal 3/log2(2) + 1/log2(3)
    found = retrieval.ndcg_at(["a", "b"], {"a": 1, "b": 3}, 10)
    assert found.numerator == pytest.approx(1 + 3 / 1.5849625007211562)
    assert found.denominator == pytest.approx(3 + 1 / 1.5849625007211562)


def test_without_relevant_documents_all_are_undefined() -> None:
    for found in (
        retrieval.recall_at(["a"], {}, 5),
        retrieval.success_at(["a"], {"a": 0}, 5),
        retrieval.reciprocal_rank(["a"], {"a": 0}),
        retrieval.ndcg_at(["a"], {}, 10),
    ):
        assert found == UNDEFINED


ranked = st.lists(st.sampled_from("abcdefgh"), unique=True)
grades = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(1, 3), min_size=1)


@given(ranked, grades, st.integers(1, 8))
def test_deeper_never_finds_less(ranked: list[str], grades: dict[str, int], k: int) -> None:
    at, deeper = (retrieval.recall_at(ranked, grades, depth).value for depth in (k, k + 1))
    assert at is not None
    assert deeper is not None
    assert 0 <= at <= deeper <= 1


@given(ranked, grades)
def test_the_ideal_order_has_ndcg_1_and_no_order_more(ranked: list[str], grades: dict[str, int]) -> None:
    ideal = sorted(grades, key=lambda document: -grades[document])
    assert retrieval.ndcg_at(ideal, grades, 10).value == pytest.approx(1)
    found = retrieval.ndcg_at(ranked, grades, 10).value
    assert found is not None
    assert 0 <= found <= 1 + 1e-12


def record(*spans: tuple[int, int], quotes: tuple[str, ...], text: str | None = TEXT) -> Record:
    passages = tuple(
        Passage(rank, TEXT[start:end], f"c{rank}", "d", "docs/a.txt", "", Span(start, end))
        for rank, (start, end) in enumerate(spans, start=1)
    )
    example = Example("e", "?", "lookup", "en", evidence=tuple(Evidence("a.txt", quote) for quote in quotes))
    return Record(
        example, Answer("answered", passages=passages), {} if text is None else {"docs/a.txt": text}
    )


def test_evidence_within_a_passage_is_found_with_white_space_folded() -> None:
    assert retrieval.evidence_recall(record((0, 35), quotes=("Two  keepers\ncame.", "Four men"))).value == 0.5


def test_evidence_across_passages_that_touch_is_found() -> None:
    assert retrieval.evidence_recall(record((18, 35), (0, 17), quotes=("lit. Two keepers",))).value == 1


def test_evidence_across_a_gap_is_not_found() -> None:
    assert retrieval.evidence_recall(record((0, 10), (12, 35), quotes=("lamp was lit",))).value == 0


def test_a_passage_over_the_budget_ends_the_count() -> None:
    found = record((0, 17), (18, 35), quotes=("One lamp", "Two keepers"))
    assert retrieval.evidence_recall(found, budget=20, count=len).value == 0.5


def test_without_the_text_evidence_is_looked_for_in_each_passage() -> None:
    assert retrieval.evidence_recall(record((0, 35), quotes=("Two keepers",), text=None)).value == 1


def test_evidence_of_another_document_is_not_found() -> None:
    found = record((0, 35), quotes=("Two keepers",))
    other = Record(
        Example("e", "?", "lookup", "en", evidence=(Evidence("b.txt", "Two keepers"),)),
        found.answer,
        found.texts,
    )
    assert retrieval.evidence_recall(other).value == 0


def test_a_service_that_does_not_tell_its_passages_is_not_measured_by_them() -> None:
    example = Example("e", "?", "lookup", "en", evidence=(Evidence("a.txt", "Two keepers"),))
    silent = Record(example, Answer("answered", claims=(Claim("Two."),)))
    empty = Record(example, Answer("abstained"))
    for measure in (retrieval.mrr, retrieval.evidence_recall, retrieval.at(retrieval.recall_at, 5)):
        assert measure(silent) == UNDEFINED
        assert measure(empty).value == 0


def test_documents_are_ranked_once_each_by_their_best_passage() -> None:
    found = record((0, 10), (10, 20), quotes=("One",))
    assert retrieval.documents(found) == ["a.txt"]
    assert retrieval.mrr(found).value == 1
