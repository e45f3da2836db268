"""Intervals and tests against known values and by simulation, and the verdict on two runs."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.compare import compare, compare_all
from eval.metrics.measurement import UNDEFINED, Measurement, amount, ratio, yes_or_no
from eval.metrics.metric import Metric
from eval.metrics.registry import METRICS
from eval.stats import (
    Floats,
    Statistic,
    bootstrap,
    detectable_effect,
    fewest_changes,
    holm,
    mcnemar,
    randomisation,
    rule_of_three,
    wilson,
)

BY_NAME = {metric.name: metric for metric in METRICS}
MEAN = Metric("m", "correctness", "higher")


def mean_of(values: Floats) -> Statistic:
    return lambda weights: (weights @ values) / weights.sum(axis=1)


def scores(values: list[Measurement], name: str = "m") -> dict[str, dict[str, Measurement]]:
    return {f"q{at}": {name: value} for at, value in enumerate(values)}


def shares(rng: np.random.Generator, count: int) -> list[float]:
    return [float(value) for value in rng.beta(2, 1, count)]


@pytest.mark.parametrize(
    ("losses", "wins", "p"),
    [
        (0, 0, 1.0),
        (0, 5, 0.0625),
        (0, 6, 0.03125),
        (1, 8, 20 / 512),
        (5, 5, 1.0),
        (2, 10, 2 * (1 + 12 + 66) / 4096),
    ],
)
def test_mcnemar_is_the_exact_binomial(losses: int, wins: int, p: float) -> None:
    assert mcnemar(losses, wins) == pytest.approx(p)
    assert mcnemar(wins, losses) == mcnemar(losses, wins)


def test_mcnemar_takes_thousands_of_changes() -> None:
    assert mcnemar(5_000, 5_000) == 1
    assert mcnemar(4_000, 6_000) < 1e-50


def test_wilson_as_published() -> None:
    # Newcombe, Statistics in Medicine 17 (1998), table I, method 3
    for successes, trials, low, high in (
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ):
        found = wilson(successes, trials)
        assert found is not None
        assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)
    assert wilson(0, 0) is None


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_never_lowers_p_and_keeps_its_order(ps: list[float]) -> None:
    adjusted = holm(ps)
    assert all(p <= after <= 1 for p, after in zip(ps, adjusted, strict=True))
    assert [adjusted[at] for at in np.argsort(ps, kind="stable")] == sorted(adjusted)


def test_the_rule_of_three() -> None:
    assert rule_of_three(3_000) == 0.001
    assert rule_of_three(0) == 1


def test_the_detectable_effect_is_2_8_standard_errors() -> None:
    assert detectable_effect(0.3 / math.sqrt(300)) == pytest.approx(0.0485, abs=5e-5)
    assert fewest_changes() == 6
    assert fewest_changes(0.01) == 8


def test_bca_of_a_known_sample() -> None:
    # Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 14: the variance (by n) of the
    # spatial test data, estimate 171.5, BCa interval at 90 % (115.8, 259.6)
    data = np.array(
        [48, 36, 20, 29, 42, 42, 20, 42, 22, 41, 45, 14, 6, 0, 33, 28, 34, 4, 32, 24, 47, 41, 24, 26, 30, 41],
        float,
    )

    def variance(weights: Floats) -> Floats:
        count = weights.sum(axis=1)
        found: Floats = (weights @ data**2) / count - ((weights @ data) / count) ** 2
        return found

    assert float(variance(np.ones((1, 26)))[0]) == pytest.approx(171.5, abs=0.05)
    found = bootstrap(variance, range(26), level=0.9, resamples=20_000)
    assert found is not None
    assert (found.interval.low, found.interval.high) == pytest.approx((115.8, 259.6), abs=4)


def test_the_bootstrap_interval_covers_the_mean_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(3)
    covered = 0
    for seed in range(300):
        found = bootstrap(mean_of(rng.beta(2, 1, 40)), range(40), resamples=400, seed=seed)
        assert found is not None
        covered += found.interval.low <= 2 / 3 <= found.interval.high
    assert 0.90 <= covered / 300 <= 0.98


def test_resampling_clusters_widens_the_interval_of_examples_that_are_alike() -> None:
    values = np.repeat(np.random.default_rng(1).random(20), 5)
    plain = bootstrap(mean_of(values), range(100))
    clustered = bootstrap(mean_of(values), [at // 5 for at in range(100)])
    assert plain is not None
    assert clustered is not None
    assert clustered.standard_error == pytest.approx(plain.standard_error * math.sqrt(5), rel=0.1)


def test_a_bootstrap_of_nothing_is_none() -> None:
    assert bootstrap(mean_of(np.array([])), []) is None


def test_randomisation_agrees_with_all_swaps_counted() -> None:
    differences = np.array([0.3, 0.1, 0.4, -0.2, 0.5, 0.2])
    signs = np.array([[1 if mask >> bit & 1 else -1 for bit in range(6)] for mask in range(64)])
    exact = np.mean(np.abs(signs @ differences) >= differences.sum() - 1e-12)
    both = np.concatenate([np.zeros(6), differences])
    p = randomisation(lambda weights: weights @ both / 6, range(6), rounds=40_000)
    assert p == pytest.approx(exact, abs=0.01)


def test_randomisation_is_never_0_and_repeats_with_its_seed() -> None:
    both = np.concatenate([np.zeros(40), np.ones(40)])
    p = randomisation(lambda weights: weights @ both, range(40), rounds=999)
    assert p == 0.001
    assert randomisation(lambda weights: weights @ both, range(40), rounds=999) == p


def test_randomisation_calls_no_difference_real_about_as_often_as_alpha() -> None:
    rng = np.random.default_rng(5)
    hits = 0
    for seed in range(600):
        both = rng.beta(2, 1, 60)
        hits += randomisation(mean_of(both), range(30), rounds=400, seed=seed) < 0.05
    # 600 trials at .05: 30, standard deviation 5.3
    assert 14 <= hits <= 46


def test_mcnemar_calls_no_difference_real_at_most_as_often_as_alpha() -> None:
    rng = np.random.default_rng(6)
    hits = sum(mcnemar(losses := int(rng.binomial(30, 0.5)), 30 - losses) < 0.05 for _ in range(2_000))
    assert hits / 2_000 <= 0.06


def test_a_run_compared_with_itself_shows_nothing_in_20_of_20_seeds() -> None:
    run = scores([amount(value) for value in shares(np.random.default_rng(0), 80)])
    for seed in range(20):
        found = compare(run, run, MEAN, seed=seed)
        assert (found.verdict, found.delta, found.p) == ("no_evidence", 0, 1)
        assert found.smallest_visible is not None
        assert found.smallest_visible > 0


def test_a_planted_drop_is_called_regressed_in_20_of_20_seeds() -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        base = shares(rng, 80)
        new = [max(0.0, value - 0.2 + 0.1 * float(rng.standard_normal())) for value in base]
        found = compare(scores([*map(amount, base)]), scores([*map(amount, new)]), MEAN, seed=seed)
        assert found.verdict == "regressed"
        assert found.interval is not None
        assert found.interval.high < 0


def test_less_is_better_where_the_metric_says_so() -> None:
    leak = BY_NAME["leak_rate"]
    base, new = scores([yes_or_no(True)] * 12, "leak_rate"), scores([yes_or_no(False)] * 12, "leak_rate")
    found = compare(base, new, leak)
    assert (found.verdict, found.wins, found.losses, found.delta) == ("improved", 12, 0, -1)
    assert compare(new, base, leak).verdict == "regressed"


def test_five_changes_are_too_few_and_six_are_enough() -> None:
    def turned(count: int) -> dict[str, dict[str, Measurement]]:
        return scores([yes_or_no(at >= count) for at in range(40)])

    assert compare(turned(0), turned(5), MEAN).verdict == "no_evidence"
    assert compare(turned(0), turned(6), MEAN).verdict == "regressed"
    visible = compare(turned(0), turned(0), MEAN).smallest_visible
    assert visible is not None
    assert visible >= 6 / 40


def test_examples_in_one_run_only_are_counted_and_left_out() -> None:
    base = scores([yes_or_no(True), yes_or_no(True), UNDEFINED, UNDEFINED])
    new = scores([yes_or_no(True), UNDEFINED, yes_or_no(True), UNDEFINED])
    found = compare(base, {**new, "other": {"m": yes_or_no(True)}}, MEAN)
    assert (found.pairs, found.unpaired) == (1, 3)


def test_without_pairs_there_is_no_evidence() -> None:
    found = compare({}, scores([yes_or_no(True)]), MEAN)
    assert (found.verdict, found.delta, found.interval, found.smallest_visible) == (
        "no_evidence",
        None,
        None,
        None,
    )


def test_changes_within_one_cluster_are_one_piece_of_evidence() -> None:
    base, new = scores([yes_or_no(True)] * 20), scores([yes_or_no(False)] * 20)
    assert compare(base, new, MEAN).verdict == "regressed"
    clusters = {f"q{at}": f"document {at % 2}" for at in range(20)}
    assert compare(base, new, MEAN, clusters=clusters).verdict == "no_evidence"


def test_figures_made_of_several_metrics_are_compared_whole() -> None:
    def run(declined: int) -> dict[str, dict[str, Measurement]]:
        answerable = {f"a{at}": {"answer_recall": yes_or_no(True)} for at in range(20)}
        others = {f"u{at}": {"abstention_recall": yes_or_no(at < declined)} for at in range(20)}
        return {**answerable, **others}

    found = compare(run(18), run(4), BY_NAME["balanced_accuracy"])
    assert found.delta == pytest.approx(-0.35)
    assert (found.verdict, found.losses, found.ties) == ("regressed", 14, 26)


def test_ratios_of_sums_and_percentiles_are_compared() -> None:
    cost, slow = BY_NAME["cost_per_supported_answer"], BY_NAME["total_ms_p50"]
    base = {f"q{at}": {cost.name: ratio(1, 1), "total_ms": amount(100 + at)} for at in range(30)}
    new = {f"q{at}": {cost.name: ratio(2, 1), "total_ms": amount(200 + at)} for at in range(30)}
    assert compare(base, new, cost).verdict == "regressed"
    assert compare(base, new, slow).verdict == "regressed"


def test_many_metrics_raise_the_bar() -> None:
    names = [f"m{number}" for number in range(10)]
    metrics = [Metric(name, "correctness", "higher") for name in names]
    base = {f"q{at}": {name: yes_or_no(True) for name in names} for at in range(40)}
    # m0 loses six of forty, p = .031; the others stay
    new = {f"q{at}": {name: yes_or_no(name != "m0" or at >= 6) for name in names} for at in range(40)}
    first = compare_all(base, new, metrics)[0]
    assert first.p == pytest.approx(0.03125)
    assert first.p_holm == pytest.approx(0.3125)
    assert first.verdict == "no_evidence"
    assert compare_all(base, new, metrics[:1])[0].verdict == "regressed"


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=8))
def test_turning_the_comparison_round_turns_the_verdict(pairs: list[tuple[int, int]]) -> None:
    base, new = (scores([amount(pair[side] / 4) for pair in pairs]) for side in (0, 1))
    forth, back = compare(base, new, MEAN), compare(new, base, MEAN)
    assert forth.delta == pytest.approx(-(back.delta or 0))
    assert (forth.wins, forth.ties, forth.losses) == (back.losses, back.ties, back.wins)
    assert forth.p == pytest.approx(back.p)
