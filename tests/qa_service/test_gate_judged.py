"""Claims that nobody has seen yet, made anew after a second opinion."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.document import Passage, Sentence, Span
from qa_service.answering.claims import Support
from qa_service.answering.gate import Claim, Gate
from qa_service.answering.protocol import DraftClaim, Offer

SENTENCES = [
    f"Tank {name} holds {litres} litres."
    for name, litres in zip("ABCDEFG", range(100, 800, 100), strict=True)
]
TEXT = " ".join(SENTENCES)
SPANS = [Span(TEXT.index(each), TEXT.index(each) + len(each)) for each in SENTENCES]
PASSAGE = Passage(
    rank=1,
    score=0.5,
    chunk_id="1.0",
    document_id="d1",
    title="Tanks",
    source="tanks.md",
    span=Span(0, len(TEXT)),
    text=TEXT,
    sentences=tuple(Sentence(span, span.of(TEXT)) for span in SPANS),
    sentence_scores=(0.0,) * len(SPANS),
)
OPINION = Support("supported", "model")


def cut(_version: int, spans: Sequence[Span]) -> list[str]:
    return [span.of(TEXT) for span in spans]


def gate() -> Gate:
    return Gate(Offer("hztq", (PASSAGE,)), cut, question="How much do the tanks hold?")


def claims(gate: Gate, *places: int) -> list[Claim]:
    made = [
        claim
        for place in places
        for claim in gate.admit(DraftClaim(SENTENCES[place], (f"hztq1.{place + 1}",)))
        if isinstance(claim, Claim)
    ]
    assert len(made) == len(places)
    return made


@given(st.lists(st.booleans(), min_size=7, max_size=7), st.integers(0, 7))
def test_citations_have_no_gaps_and_no_strangers_whatever_is_left_out(kept: list[bool], first: int) -> None:
    checked, given_ = gate(), []
    for places in (range(first), range(first, 7)):
        made = claims(checked, *places)
        given_ += checked.judged(
            [(claim, OPINION if kept[at] else None) for at, claim in zip(places, made, strict=True)]
        )
    assert [claim.text for claim in given_] == [SENTENCES[at] for at in range(7) if kept[at]]
    assert [each.number for each in checked.citations] == list(range(1, sum(kept) + 1))
    assert tuple(citation for claim in given_ for citation in claim.citations) == checked.citations
    assert all(claim.support == OPINION for claim in given_)


def test_numbers_that_were_given_stay() -> None:
    checked = gate()
    (first,) = checked.judged([(claims(checked, 3)[0], OPINION)])
    checked.judged([(claims(checked, 4)[0], None)])
    (third,) = checked.judged([(claims(checked, 5)[0], OPINION)])
    assert [claim.citations[0].number for claim in (first, third)] == [1, 2]


def test_what_was_left_out_may_be_said_again_and_what_was_given_may_not() -> None:
    checked = gate()
    left_out, stays = claims(checked, 0, 1)
    checked.judged([(left_out, None), (stays, OPINION)])
    assert claims(checked, 0)
    with pytest.raises(AssertionError):
        claims(checked, 1)


def test_a_claim_of_another_gate_is_not_taken() -> None:
    with pytest.raises(ValueError, match="this gate"):
        gate().judged([(claims(gate(), 0)[0], OPINION)])
