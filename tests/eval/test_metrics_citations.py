"""Validity, citation recall and precision, support and faithfulness, on cases worked by hand.

A claim is a string of letters, each a fact, and supported by a text that holds them all.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.example import Example
from eval.judges.judge import Judgement
from eval.metrics import citations, support
from eval.metrics.citations import Level
from eval.metrics.measurement import NOTHING, UNDEFINED, Measurement
from eval.metrics.validity import leak_rate, validity
from eval.records import Answer, Citation, Claim, Passage, Record, Span, Status

EXAMPLE = Example("e", "?", "lookup", "en")


class Facts:
    """Supported by a text with all of the claim's letters, partial with some of them."""

    method = "facts"

    def judge(self, premise: str, claim: str) -> Judgement:
        held = len(set(claim) & set(premise)) / len(set(claim))
        return Judgement("supported" if held == 1 else "partial" if held else "not", held, self.method)


def cited(*claims: tuple[str, list[int]], quotes: str = "a b c ab", status: Status = "answered") -> Record:
    """An answer of claims with the numbers of their citations: 1 quotes the first of `quotes`, and so on.

    Each quote stands in a chunk of its own, which also holds an `x`.
    """
    given = quotes.split()
    text = "".join(f"{quote}x" for quote in given)
    found, chunks, start = [], [], 0
    for number, quote in enumerate(given, start=1):
        span = Span(start, start + len(quote))
        found.append(Citation(number, "d", "d.txt", span, quote, f"c{number}"))
        chunks.append(Passage(number, f"{quote}x", f"c{number}", "d", "d.txt", "", Span(start, span.end + 1)))
        start = span.end + 1
    made = tuple(Claim(said, tuple(numbers)) for said, numbers in claims)
    return Record(EXAMPLE, Answer(status, None, made, tuple(found), tuple(chunks)), {"d.txt": text})


# name, answer, citation recall, citation precision: as (numerator, denominator)
CASES = [
    ("one citation that supports", cited(("a", [1])), (1, 1), (1, 1)),
    ("one citation that does not", cited(("a", [2])), (0, 1), (0, 1)),
    ("no citation", cited(("a", [])), (0, 1), (0, 0)),
    ("two citations that support only together", cited(("ab", [1, 2])), (1, 1), (2, 2)),
    ("one of two is irrelevant", cited(("a", [1, 2])), (1, 1), (1, 2)),
    ("two that each support", cited(("a", [1, 4])), (1, 1), (2, 2)),
    ("partial beside full support is irrelevant", cited(("ab", [4, 1])), (1, 1), (1, 2)),
    ("three, of which one is irrelevant", cited(("ab", [1, 2, 3])), (1, 1), (2, 3)),
    (
        "two halves twice: each alone fails and the rest holds",
        cited(("ab", [1, 2, 3, 5]), quotes="a b a - b"),
        (1, 1),
        (0, 4),
    ),
    ("not supported, so none is precise", cited(("abc", [1, 2])), (0, 1), (0, 2)),
    ("a mean over sentences, not answers", cited(("a", [1]), ("b", [1]), ("c", [])), (1, 3), (1, 2)),
    ("a number that is repeated counts once", cited(("a", [1, 1])), (1, 1), (1, 1)),
    ("a number that does not exist supports nothing", cited(("a", [1, 9])), (1, 1), (1, 2)),
    ("zero is no citation of the last passage", cited(("a", [0]), quotes="a"), (0, 1), (0, 1)),
    ("the fourth citation counts too", cited(("abcd", [1, 2, 3, 4]), quotes="a b c d"), (1, 1), (4, 4)),
]


@pytest.mark.parametrize(
    ("record", "recall", "precision"), [case[1:] for case in CASES], ids=[c[0] for c in CASES]
)
def test_alce(record: Record, recall: tuple[int, int], precision: tuple[int, int]) -> None:
    assert citations.recall(record, Facts(), "quote") == Measurement(recall[0] / recall[1], *recall)
    relevant = precision[0] / precision[1] if precision[1] else 0
    assert citations.precision(record, Facts(), "quote") == Measurement(relevant, *precision)


def test_a_chunk_carries_more_than_its_quote() -> None:
    record = cited(("ax", [1]))
    assert citations.recall(record, Facts(), "quote").value == 0
    assert citations.recall(record, Facts(), "chunk").value == 1


def test_two_citations_of_one_chunk_are_its_text_once() -> None:
    text = "ab"
    answer = Answer(
        "answered",
        claims=(Claim("ab", (1, 2)),),
        citations=(
            Citation(1, "d", "d.txt", Span(0, 1), "a", "c"),
            Citation(2, "d", "d.txt", Span(1, 2), "b", "c"),
        ),
        passages=(Passage(1, text, "c", "d", "d.txt", "Title", Span(0, 2)),),
    )
    record = Record(EXAMPLE, answer, {"d.txt": text})
    assert citations.premise(record, answer.citations, "chunk") == "Title\nab"


def test_a_forged_quote_supports_nothing() -> None:
    record = cited(("a", [1]))
    forged = Record(EXAMPLE, record.answer, {"d.txt": "z" + record.texts["d.txt"]})
    assert citations.recall(forged, Facts(), "quote").value == 0
    assert citations.recall(forged, Facts(), "chunk").value == 0


@pytest.mark.parametrize(
    ("status", "expected"), [("abstained", UNDEFINED), (None, UNDEFINED), ("answered", NOTHING)]
)
def test_no_claims_are_left_out_only_for_an_abstention(status: Status | None, expected: Measurement) -> None:
    record = Record(EXAMPLE, Answer(status))
    for measure in (
        citations.recall,
        citations.precision,
        support.weighted_precision,
        support.weighted_recall,
    ):
        assert measure(record, Facts(), "quote") == expected
    assert support.faithfulness(record, Facts()) == expected
    assert leak_rate(record) == UNDEFINED
    assert validity(record) == UNDEFINED


def test_f1_is_the_harmonic_mean() -> None:
    assert citations.f1(cited(("a", [1, 2])), Facts(), "quote").value == pytest.approx(2 / 3)
    assert citations.f1(cited(("a", [])), Facts(), "quote").value == 0


def test_trec_support_weighs_full_and_partial() -> None:
    record = cited(("ab", [4]), ("ab", [1]), ("ab", [3]), ("ab", []))
    assert support.weighted_precision(record, Facts(), "quote") == Measurement(0.5, 1.5, 3)
    assert support.weighted_recall(record, Facts(), "quote") == Measurement(0.375, 1.5, 4)


def test_trec_recall_takes_the_best_citation_of_a_sentence() -> None:
    assert support.weighted_recall(cited(("ab", [1, 4])), Facts(), "quote").value == 1


def test_a_missing_citation_stays_in_trec_precision() -> None:
    assert support.weighted_precision(cited(("a", [1, 9])), Facts(), "quote") == Measurement(0.5, 1, 2)


def test_faithful_is_what_any_passage_or_the_cited_ones_together_carry() -> None:
    assert support.faithfulness(cited(("ab", [])), Facts()).value == 1
    assert support.faithfulness(cited(("ac", [])), Facts()).value == 0
    assert support.faithfulness(cited(("ac", [1, 3])), Facts()).value == 1


def test_validity_counts_numbers_that_there_are_not() -> None:
    assert validity(cited(("a", [1, 9]), quotes="a")) == Measurement(0.5, 1, 2)


def test_a_leak_is_a_claim_without_a_valid_citation() -> None:
    assert leak_rate(cited(("a", [1]), ("b", []), ("c", [9]))) == Measurement(2 / 3, 2, 3)


answers = st.lists(
    st.tuples(st.text("abc", min_size=1, max_size=3), st.lists(st.integers(1, 5), max_size=4)), max_size=4
)
levels: st.SearchStrategy[Level] = st.sampled_from(["quote", "chunk"])


@given(answers, levels)
def test_every_share_is_between_0_and_1(claims: list[tuple[str, list[int]]], level: Level) -> None:
    record = cited(*claims)
    for measure in (
        citations.recall,
        citations.precision,
        citations.f1,
        support.weighted_precision,
        support.weighted_recall,
    ):
        value = measure(record, Facts(), level).value
        assert value is not None
        assert 0 <= value <= 1


@given(answers, levels)
def test_the_order_of_claims_and_of_citations_makes_no_difference(
    claims: list[tuple[str, list[int]]], level: Level
) -> None:
    turned = [(text, numbers[::-1]) for text, numbers in claims[::-1]]
    for measure in (citations.recall, citations.precision, support.weighted_recall):
        assert measure(cited(*claims), Facts(), level) == measure(cited(*turned), Facts(), level)


@given(answers, st.integers(1, 4), levels)
def test_another_citation_never_lowers_recall(
    claims: list[tuple[str, list[int]]], number: int, level: Level
) -> None:
    more = [(text, [*numbers, number]) for text, numbers in claims]
    before = citations.recall(cited(*claims), Facts(), level).numerator
    assert citations.recall(cited(*more), Facts(), level).numerator >= before
