"""Abstention, conflict, time and cost, and how measurements become the figures of a run."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.example import Evidence, Example
from eval.judges.lexical import LexicalProxy
from eval.judges.remembered import Remembered
from eval.metrics import abstention, conflict, cost
from eval.metrics.aggregate import figure, interval, statistic, summarise
from eval.metrics.measurement import UNDEFINED, Measurement, amount, yes_or_no
from eval.metrics.metric import Metric
from eval.metrics.registry import METRICS, score
from eval.records import Answer, Citation, Claim, Passage, Record, Span, Status, Usage
from eval.stats import Interval, wilson

BY_NAME = {metric.name: metric for metric in METRICS}
TEXT = "The lamp was lit in 1874. The log says 1875."


def example(kind: str = "lookup", *, answerable: bool | None = True) -> Example:
    evidence = (Evidence("a.txt", "lit in 1874."), Evidence("a.txt", "The log says 1875."))
    return Example("e", "?", kind, "en", evidence=evidence, answerable=answerable)


def record(status: Status | None, *, answerable: bool | None = True) -> Record:
    return Record(example(answerable=answerable), Answer(status))


def disagreeing(*spans: tuple[int, int], sides: tuple[str, ...] = ("a", "b")) -> Record:
    citations = tuple(
        Citation(number, "d", "a.txt", Span(*span), TEXT[slice(*span)], "c")
        for number, span in enumerate(spans, start=1)
    )
    answer = Answer(
        "conflict",
        claims=tuple(Claim("x", (1,), side) for side in sides),
        citations=citations,
        passages=(Passage(1, TEXT, "c", "d", "a.txt", "", Span(0, len(TEXT))),),
    )
    return Record(example("conflict"), answer, {"a.txt": TEXT})


def test_abstention_by_hand() -> None:
    # 4 answerable of which 3 answered, 3 not of which 2 declined, 1 of either kind that counts nowhere
    answerable = [True] * 4 + [False] * 3 + [None]
    statuses: list[Status] = [
        "answered",
        "partial",
        "conflict",
        "abstained",
        "abstained",
        "abstained",
        "answered",
    ]
    records = [
        record(status, answerable=each)
        for status, each in zip([*statuses, "answered"], answerable, strict=True)
    ]
    scores = {str(at): score(each) for at, each in enumerate(records)}
    found = {name: summarise(metric, scores).value for name, metric in BY_NAME.items()}
    assert found["abstention_precision"] == pytest.approx(2 / 3)
    assert found["abstention_recall"] == pytest.approx(2 / 3)
    assert found["answer_precision"] == pytest.approx(3 / 4)
    assert found["answer_recall"] == pytest.approx(3 / 4)
    assert found["balanced_accuracy"] == pytest.approx((2 / 3 + 3 / 4) / 2)
    assert found["answerable_f1"] == pytest.approx(3 / 4)


def test_a_service_without_statuses_is_not_measured_by_them() -> None:
    found = record(None)
    for measure in (
        abstention.abstention_precision,
        abstention.answer_precision,
        abstention.answer_recall,
        conflict.false_alarm,
    ):
        assert measure(found) == UNDEFINED


def test_a_right_answer_without_documents_is_counted() -> None:
    asked = Example("e", "?", "unanswerable", "en", short_answers=(("1874",),), answerable=False)
    said = Answer("answered", claims=(Claim("In 1874."),))
    assert abstention.right_without_documents(Record(asked, said)).value == 1
    assert abstention.right_without_documents(Record(asked, Answer("abstained"))).value == 0


def test_each_side_must_be_cited() -> None:
    both, one = disagreeing((0, 25), (26, 44)), disagreeing((0, 25), sides=("a",))
    assert conflict.sides_cited(both).value == 1
    assert conflict.sides_cited(one).value == 0.5
    assert conflict.both_sides(both).value == 1
    assert conflict.both_sides(one).value == 0
    assert conflict.status_right(both).value == 1


def test_a_conflict_among_documents_that_agree_is_a_false_alarm() -> None:
    assert conflict.false_alarm(record("conflict")).value == 1
    assert conflict.false_alarm(record("answered")).value == 0
    assert conflict.false_alarm(disagreeing((0, 25))) == UNDEFINED
    assert conflict.status_right(record("conflict")) == UNDEFINED


def test_cost_per_supported_answer_is_a_ratio_of_sums() -> None:
    metric = BY_NAME["cost_per_supported_answer"]
    scores = {
        "a": {metric.name: Measurement(2, 2, 1)},
        "b": {metric.name: Measurement(None, 4, 0)},
        "c": {metric.name: UNDEFINED},
    }
    assert summarise(metric, scores).value == 6


def test_an_answer_whose_claim_is_supported_costs_itself() -> None:
    found = disagreeing((0, 25))
    answer = Answer(
        "answered",
        claims=(Claim("The lamp was lit in 1874.", (1,)),),
        citations=found.answer.citations,
        passages=found.answer.passages,
        usage=Usage(cost_usd=0.5),
        timings_ms={"retrieve": 3, "total": 10},
    )
    paid = Record(found.example, answer, found.texts)
    assert cost.cost_per_supported_answer(paid, LexicalProxy()) == Measurement(0.5, 0.5, 1)
    assert cost.write_ms(paid).value == 7
    assert cost.first_claim_ms(paid) == UNDEFINED


def test_percentiles_are_by_nearest_rank() -> None:
    rows = [(amount(float(value)),) for value in range(1, 21)]
    assert figure("p50", rows) == 10
    assert figure("p95", rows) == 19
    assert figure("p95", [*rows, (UNDEFINED,)]) == 19
    assert figure("p50", [(UNDEFINED,)]) is None


def test_a_macro_mean_leaves_out_what_is_undefined_and_says_how_many() -> None:
    scores = {
        "a": {"validity": Measurement(1, 1, 1)},
        "b": {"validity": Measurement(0.5, 4, 8)},
        "c": {"validity": UNDEFINED},
        "d": {},
    }
    found = summarise(BY_NAME["validity"], scores)
    assert found.value == 0.75
    assert (found.examples, found.undefined) == (4, 2)
    assert found.micro == pytest.approx(5 / 9)


def test_shares_have_wilson_s_interval_and_others_a_resampled_one() -> None:
    perfect = {str(at): {"validity": yes_or_no(True)} for at in range(50)}
    assert interval(BY_NAME["validity"], perfect) == wilson(50, 50)
    mixed = {str(at): {"validity": amount(at / 50)} for at in range(50)}
    found = interval(BY_NAME["validity"], mixed)
    assert found is not None
    assert found.low < 0.49 < found.high
    clusters = dict.fromkeys(perfect, "one document")
    assert interval(BY_NAME["validity"], perfect, clusters=clusters) == Interval(1, 1)
    assert interval(BY_NAME["validity"], {}) is None


def test_names_are_unique_and_parts_exist() -> None:
    assert len(BY_NAME) == len(METRICS)
    for metric in METRICS:
        assert set(metric.parts) <= BY_NAME.keys()
        assert sum(map(bool, (metric.measure, metric.judged, metric.parts))) == 1


def test_without_a_judge_the_metrics_that_need_one_are_not_measured() -> None:
    found = disagreeing((0, 25))
    assert not any(BY_NAME[name].needs_judge for name in score(found))
    assert score(found, Remembered(LexicalProxy())).keys() - score(found).keys() == {
        name for name, metric in BY_NAME.items() if metric.needs_judge
    }


measurements = st.one_of(st.just(UNDEFINED), st.booleans().map(yes_or_no), st.floats(0, 1).map(amount))
pairs = st.lists(st.tuples(measurements, measurements), min_size=1, max_size=12)
metrics = st.sampled_from(
    [BY_NAME[name] for name in ("validity", "total_ms_p95", "balanced_accuracy", "answerable_f1")]
)


@given(pairs, metrics)
def test_the_order_of_examples_makes_no_difference(
    rows: list[tuple[Measurement, Measurement]], metric: Metric
) -> None:
    one, other = figure(metric.rule, rows), figure(metric.rule, rows[::-1])
    assert one == other if one is None else one == pytest.approx(other)


@given(pairs, metrics)
def test_a_figure_of_shares_is_a_share(rows: list[tuple[Measurement, Measurement]], metric: Metric) -> None:
    value = figure(metric.rule, rows)
    assert value is None or -1e-12 <= value <= 1 + 1e-12


@given(pairs, metrics, st.data())
def test_counting_a_row_twice_is_having_it_twice(
    rows: list[tuple[Measurement, Measurement]], metric: Metric, data: st.DataObject
) -> None:
    counts = data.draw(st.lists(st.integers(0, 3), min_size=len(rows), max_size=len(rows)))
    weighted = float(statistic(metric.rule, rows)(np.array([counts], dtype=np.float64))[0])
    repeated = figure(
        metric.rule, [row for row, count in zip(rows, counts, strict=True) for _ in range(count)]
    )
    assert math.isnan(weighted) if repeated is None else weighted == pytest.approx(repeated)
