import pytest

from qa_service.answering.claims import Support
from qa_service.answering.support import assess

CITED = "The octopus tank holds 4,000 litres and was cleaned on 3 May 2024 by Zoë Holm."


def support(claim: str, cited: str = CITED, question: str = "") -> Support:
    found = assess(claim, cited, context="", question=question)
    assert isinstance(found, Support), found
    return found


def faults(claim: str, cited: str = CITED) -> set[str]:
    found = assess(claim, cited, context="", question="")
    assert not isinstance(found, Support)
    return {fault.kind for fault in found}


def test_a_claim_in_the_words_of_its_text_is_supported_with_the_share_of_its_words() -> None:
    assert support("The octopus tank holds 4,000 litres.") == Support("supported", "guards", 1.0)


def test_a_claim_with_few_words_of_its_text_is_partly_supported() -> None:
    found = support("Its big round basin keeps 4,000 litres.")
    assert found.verdict == "partial"
    assert found.score is not None
    assert found.score < 0.5


def test_a_claim_in_another_language_is_partly_supported_and_has_no_score() -> None:
    assert support("Аквариум вмещает 4000 литров.") == Support("partial", "numbers_and_dates")


def test_a_claim_without_content_words_is_not_checked() -> None:
    assert support("It is.") == Support("unchecked", "guards")


@pytest.mark.parametrize(
    ("claim", "kind"),
    [
        ("The octopus tank holds 9,000 litres.", "number"),
        ("The tank was cleaned on 4 May 2024.", "date"),
        ("The tank was cleaned by Ada Lovelace.", "name"),
        ("The tank does not hold 4,000 litres.", "negation"),
        ("Аквариум вмещает 9000 литров.", "number"),
    ],
)
def test_what_the_text_does_not_carry_is_a_fault(claim: str, kind: str) -> None:
    assert kind in faults(claim)
