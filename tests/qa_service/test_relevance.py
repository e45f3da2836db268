"""Whether an answer is worth trying, on real documents."""

import pytest

from index.upload import Upload
from qa_service.relevance import is_relevant
from qa_service.services import Services

TEXT = (
    "The guest house has 38 beds. Quiet hours are from 22:00 to 06:30. Breakfast is served at seven. "
    "The seawater intake lies at a depth of 12 m, inside a cage with bars 40 mm apart."
)


@pytest.fixture
def asked(services: Services) -> Services:
    """Services that hold one document about a guest house."""
    for result in services.ingestor(services.collection("default")).put(
        [Upload("house.txt", "house.txt", TEXT.encode())]
    ):
        assert result.error is None
    return services


def relevant(services: Services, question: str) -> bool:
    found = services.retriever.search(services.catalog.collection("default"), question, k=10)
    return is_relevant(question, found)


@pytest.mark.parametrize(
    "question",
    [
        "When are the quiet hours?",
        "How many beds are there?",
        "Wie tief liegt der Einlass?",
        "На какой глубине находится водозабор?",
    ],
)
def test_a_question_that_the_document_answers_is_relevant_in_any_language(
    asked: Services, question: str
) -> None:
    assert relevant(asked, question)


@pytest.mark.parametrize(
    "question", ["What is the capital of Mongolia?", "Who composed the Goldberg Variations?"]
)
def test_a_question_about_something_else_is_not(asked: Services, question: str) -> None:
    assert not relevant(asked, question)


def test_nothing_found_is_not_relevant(services: Services) -> None:
    services.collection("default")
    assert not relevant(services, "Anything?")
