"""The proxy judge, the memory around a judge, labelled data, and calibration against it."""

import json
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from eval.judges import calibration_file
from eval.judges.calibrate import Calibration, Estimate, calibrate, compare_labels
from eval.judges.judge import Judgement, Label, SupportJudge
from eval.judges.labelled import BadLabels, pairs, wice
from eval.judges.lexical import LexicalProxy
from eval.judges.remembered import Remembered
from eval.stats import wilson

ROW = {
    "claim": "The lamp was lit in 1874.",
    "label": "supported",
    "supporting_sentences": [[1], [0, 1]],
    "evidence": ["The tower is tall.", "In 1874 the lamp was lit.", "Birds nest there.", "A lamp is kept."],
}


UNKNOWN = Estimate(None, None)


def share(hits: int, trials: int) -> Estimate:
    return Estimate(hits / trials, wilson(hits, trials))


def data() -> Path:
    beside = Path(__file__).parents[3] / "shared" / "data"
    return Path(os.environ.get("QA_EVAL_DATA", beside)) / "sets" / "wice" / "dev.jsonl"


def labels(path: Path, *rows: object) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


class Counting:
    """Supports everything, for a cent, and counts."""

    method = "counting"

    def __init__(self) -> None:
        self.asked = 0

    def judge(self, premise: str, claim: str) -> Judgement:
        self.asked += 1
        return Judgement("supported", 1.0, self.method, cost_usd=0.01)


@pytest.mark.parametrize(
    ("premise", "label"),
    [
        ("In 1874 the keepers lit the great lamp of the tower.", "supported"),
        ("In 1875 the keepers lit the great lamp of the tower.", "partial"),
        ("Birds nest on the cliffs.", "not"),
    ],
)
def test_the_proxy_looks_for_words_and_insists_on_numbers(premise: str, label: Label) -> None:
    assert LexicalProxy().judge(premise, "The keepers lit the great lamp in 1874.").label == label


def test_a_negation_that_the_premise_lacks_costs_the_proxy_score() -> None:
    judge = LexicalProxy()
    premise = "The old lamp was lit by the keepers."
    assert (
        judge.judge(premise, "The old lamp was not lit.").score
        < judge.judge(premise, "The old lamp was lit.").score
    )


def test_the_proxy_calls_itself_one_and_names_its_thresholds() -> None:
    proxy: SupportJudge = LexicalProxy(supported=0.75, partial=0.25)
    assert proxy.method == "proxy:lexical(0.75,0.25)"
    assert proxy.judge("a lamp", "a lamp").method == proxy.method
    with pytest.raises(ValueError, match="thresholds"):
        LexicalProxy(supported=0.2, partial=0.4)


def test_with_an_embedding_other_words_count_too() -> None:
    def embed(texts: Sequence[str]) -> NDArray[np.float32]:
        return np.array(
            [[1.0, 0.0] if "lamp" in text or "Lampe" in text else [0.0, 1.0] for text in texts], np.float32
        )

    proxy = LexicalProxy(embed=embed)
    assert proxy.judge("Birds. A lamp.", "Die Lampe").score == pytest.approx(0.5)
    assert proxy.judge("Birds.", "Die Lampe").score == 0
    assert proxy.judge("", "Die Lampe").score == 0
    assert "embedding" in proxy.method


def test_a_pair_is_asked_about_once_and_paid_once() -> None:
    asked = Counting()
    judge = Remembered(asked)
    for _ in range(3):
        assert judge.judge("a", "b").is_full
    judge.judge("a", "c")
    assert asked.asked == 2
    assert judge.used.cost_usd == pytest.approx(0.02)


def test_nothing_supports_and_nothing_is_supported_without_asking() -> None:
    asked = Counting()
    assert Remembered(asked).judge(" \n", "b").label == "not"
    assert Remembered(asked).judge("a", "").label == "not"
    assert asked.asked == 0


def test_a_premise_is_the_first_supporting_set_and_what_is_nearest(tmp_path: Path) -> None:
    (pair,) = wice(labels(tmp_path / "dev.jsonl", ROW), passage_sentences=2)
    assert pair.premise == "In 1874 the lamp was lit.\nA lamp is kept."
    assert pair.label == "supported"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"label": "true"}, "label is 'true'"),
        ({"claim": ""}, "'claim'"),
        ({"evidence": "x"}, "'evidence'"),
        ({"supporting_sentences": [[9]]}, "supporting sentence 9"),
        ({"supporting_sentences": [[-1]]}, "supporting sentence -1"),
        ({"supporting_sentences": 1}, "'supporting_sentences'"),
    ],
)
def test_labels_that_are_off_are_named_by_file_and_line(
    tmp_path: Path, change: dict[str, object], said: str
) -> None:
    path = labels(tmp_path / "dev.jsonl", ROW, {**ROW, **change})
    with pytest.raises(BadLabels, match=f"dev.jsonl:2: .*{said}"):
        wice(path)


def test_a_file_that_is_no_json_or_is_not_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("{", encoding="utf-8")
    for name in ("a.jsonl", "none.jsonl"):
        with pytest.raises(BadLabels, match=name):
            wice(tmp_path / name)


def test_labelled_pairs_of_our_own_are_read(tmp_path: Path) -> None:
    row = {"premise": "A lamp was lit.", "claim": "There was a lamp.", "label": "supported"}
    found = pairs(labels(tmp_path / "own.jsonl", row, {**row, "label": "not"}))
    assert [each.label for each in found] == ["supported", "not"]
    assert (found[0].premise, found[0].claim) == ("A lamp was lit.", "There was a lamp.")


@pytest.mark.parametrize(
    ("change", "said"), [({"label": "partially_supported"}, "label is"), ({"premise": ""}, "'premise'")]
)
def test_pairs_of_our_own_that_are_off_are_named_by_file_and_line(
    tmp_path: Path, change: dict[str, object], said: str
) -> None:
    row = {"premise": "A lamp was lit.", "claim": "There was a lamp.", "label": "supported"}
    with pytest.raises(BadLabels, match=f"own.jsonl:2: .*{said}"):
        pairs(labels(tmp_path / "own.jsonl", row, {**row, **change}))


def test_a_file_without_labels_measures_nothing_and_is_refused(tmp_path: Path) -> None:
    path = labels(tmp_path / "own.jsonl")
    for read in (pairs, wice):
        with pytest.raises(BadLabels, match="no labelled pairs"):
            read(path)


def calibrated(tp: int, fp: int, fn: int, tn: int) -> tuple[list[Label], list[Label]]:
    cells: list[tuple[Label, Label, int]] = [
        ("supported", "supported", tp),
        ("partial", "supported", fp),
        ("supported", "partial", fn),
        ("not", "not", tn),
    ]
    people = [wanted for wanted, _, count in cells for _ in range(count)]
    return people, [given for _, given, count in cells for _ in range(count)]


def test_calibration_by_hand() -> None:
    # Cohen's kappa of 20, 5, 10, 15: agreed .7, by chance .5, so .4
    found = compare_labels("m", *calibrated(tp=20, fp=5, fn=10, tn=15))
    assert (found.positives, found.negatives) == (30, 20)
    assert found.sensitivity.value == pytest.approx(2 / 3)
    assert found.specificity.value == pytest.approx(3 / 4)
    assert found.balanced_accuracy.value == pytest.approx(17 / 24)
    assert found.kappa.value == pytest.approx(0.4)
    for estimate in (found.sensitivity, found.specificity, found.balanced_accuracy, found.kappa):
        assert estimate.value is not None
        assert estimate.interval is not None
        assert estimate.interval.low < estimate.value < estimate.interval.high


def test_the_corrected_rate_undoes_the_judge() -> None:
    found = compare_labels("m", *calibrated(tp=90, fp=20, fn=10, tn=80))
    # of 70 % true claims the judge sees .7 * .9 + .3 * .2 = .69
    corrected = found.corrected(0.69, wilson(690, 1_000))
    assert corrected.value == pytest.approx(0.7)
    assert corrected.interval is not None
    assert corrected.interval.low < 0.7 < corrected.interval.high
    assert found.corrected(0.19, wilson(190, 1_000)).value == 0


def test_more_claims_and_more_labels_narrow_the_corrected_rate() -> None:
    def width(times: int, trials: int) -> float:
        found = compare_labels("m", *calibrated(90 * times, 20 * times, 10 * times, 80 * times))
        interval = found.corrected(0.69, wilson(round(0.69 * trials), trials)).interval
        assert interval is not None
        return interval.high - interval.low

    assert width(1, 1_000) < width(1, 100)
    assert width(4, 100) < width(1, 100)


def test_nothing_follows_from_a_judge_that_is_no_better_than_chance() -> None:
    found = compare_labels("m", *calibrated(tp=5, fp=5, fn=5, tn=5))
    assert found.corrected(0.5, wilson(50, 100)).value is None
    assert compare_labels("m", [], []).kappa.value is None


def test_nothing_follows_from_a_rate_that_such_a_judge_does_not_report() -> None:
    found = compare_labels("m", *calibrated(tp=70, fp=30, fn=30, tn=70))
    assert found.corrected(0.98, wilson(980, 1_000)).value is None
    assert found.corrected(0.02, wilson(20, 1_000)).value is None
    assert found.corrected(0.74, wilson(74, 100)).value == 1


def test_a_rate_of_few_claims_that_is_all_yes_leaves_much_open() -> None:
    found = compare_labels("m", *calibrated(tp=95, fp=5, fn=5, tn=95))
    corrected = found.corrected(1.0, wilson(4, 4))
    assert corrected.value == 1
    assert corrected.interval is not None
    assert corrected.interval.low < 0.6


def test_the_interval_of_a_corrected_rate_holds_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(7)
    rounds, held = 500, 0
    for _ in range(rounds):
        tp, tn, seen = (
            rng.binomial(100, 0.8),
            rng.binomial(200, 0.9),
            rng.binomial(150, 0.6 * 0.8 + 0.4 * 0.1),
        )
        measured = Calibration("m", 100, 200, share(int(tp), 100), share(int(tn), 200), UNKNOWN, UNKNOWN)
        interval = measured.corrected(seen / 150, wilson(int(seen), 150)).interval
        assert interval is not None
        held += interval.low <= 0.6 <= interval.high
    assert 0.92 <= held / rounds <= 0.98


def test_labels_of_one_kind_leave_undefined_what_they_say_nothing_of() -> None:
    found = compare_labels("m", ["supported"], ["supported"])
    assert found.sensitivity.value == 1
    assert found.specificity.value is None
    assert found.balanced_accuracy.value is None
    assert found.kappa.value is None


def test_the_committed_calibration_is_what_people_s_labels_say() -> None:
    if not data().exists():
        pytest.skip("the labelled set is not here")
    committed = calibration_file.read(calibration_file.COMMITTED / "proxy-lexical.json")
    assert committed.calibration == calibrate(LexicalProxy(), wice(data()))
    assert committed.source.sha256 == calibration_file.Source.of(data()).sha256


def test_the_proxy_is_better_than_chance_on_people_s_labels() -> None:
    if not data().exists():
        pytest.skip("the labelled set is not here")
    found = calibrate(LexicalProxy(), wice(data()))
    assert found.positives + found.negatives == 349
    assert found.balanced_accuracy.interval is not None
    assert found.balanced_accuracy.interval.low > 0.65
