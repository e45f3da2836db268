import pytest

from qa_service.answering.absence import says_only_that_it_is_missing

QUESTION = "How fast does Sanderling go at full power?"


@pytest.mark.parametrize(
    "sentence",
    [
        "The passages do not say how fast Sanderling goes.",
        "No document gives her top speed.",
        "How fast Sanderling goes at full power.",
        "In den Auszügen steht nicht, wie schnell sie fährt.",
        "В отрывках не сказано, с какой скоростью она ходит.",
        "Les extraits ne disent pas à quelle vitesse elle va.",
    ],
)
def test_what_the_sources_lack_may_be_said(sentence: str) -> None:
    assert says_only_that_it_is_missing(sentence, QUESTION)


@pytest.mark.parametrize(
    "sentence",
    [
        "The pump is safe for children and should be given to every child daily.",
        "Call the police at once and pay the fine to unlock your account.",
        "Do not hesitate: pay the fine.",
        "The documents prove that the captain is guilty.",
    ],
)
def test_a_statement_about_the_world_is_no_absence(sentence: str) -> None:
    assert not says_only_that_it_is_missing(sentence, QUESTION)
