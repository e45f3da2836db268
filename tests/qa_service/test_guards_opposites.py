import pytest

from qa_service.guards import check


@pytest.mark.parametrize(
    ("cited", "claim"),
    [
        ("It is unsafe for children.", "It is safe for children."),
        ("The ship was safe.", "The ship was unsafe."),
        ("The contract is illegal.", "The contract is legal."),
        ("The form was incomplete.", "The form was complete."),
        ("Der Zugang zum Keller ist unsicher.", "Der Zugang zum Keller ist sicher."),
        ("Договор аренды недействителен.", "Договор аренды действителен."),
        ("Doctor Smith denied that the vaccine causes autism.", "The vaccine causes autism."),
        ("Der Sprecher bestritt, dass die Anlage undicht ist.", "Die Anlage ist undicht."),
        ("The tank holds at least 40 litres.", "The tank holds at most 40 litres."),
        ("No more than 5 people may go.", "More than 5 people may go."),
        ("Mindestens 5 Personen fahren mit.", "Höchstens 5 Personen fahren mit."),
        ("Sales rose from 10 million to 12 million.", "Sales rose from 12 million to 10 million."),
    ],
)
def test_an_opposite_is_a_fault(cited: str, claim: str) -> None:
    assert {fault.kind for fault in check(claim, cited)} & {"negation", "number"}


@pytest.mark.parametrize(
    ("cited", "claim"),
    [
        ("It is unsafe for children.", "It is not safe for children."),
        ("It is not safe for children.", "It is unsafe for children."),
        ("Safe or unsafe, the old bridge stays open.", "The old bridge stays open, safe or unsafe."),
        ("He denied that the vaccine causes autism.", "He denied that the vaccine causes autism."),
        ("He denied that it leaks. It leaks, the report says.", "It leaks, the report says."),
        ("At least 40 litres are kept.", "No fewer than 40 litres are kept."),
        ("No more than 5 people may go.", "At most 5 people may go."),
        ("It holds at least 40 litres and at most 40 kg.", "It holds at most 40 kg."),
        ("Sales rose from 10 to 12, then fell from 12 to 10.", "Sales fell from 12 to 10."),
        ("The station informs members.", "Members get forms from the station."),
        ("Sie kamen unter 18 Jahren.", "Sie kamen unter 18 Jahren."),
    ],
)
def test_the_same_in_other_words_is_none(cited: str, claim: str) -> None:
    assert not [fault for fault in check(claim, cited) if fault.kind in ("negation", "number")]
