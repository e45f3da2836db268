"""Whether an answer is worth trying, on real documents."""

import pytest

from index.retrieve import Retrieved
from index.upload import Upload
from qa_service.answering.relevance import COEFFICIENTS, Point, assessor, calibrations, signs
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


def found(services: Services, question: str, k: int = 10) -> Retrieved:
    return services.retriever.search(services.catalog.collection("default"), question, k=k)


def relevant(services: Services, question: str, point: Point = "model") -> bool:
    return assessor(services.embedder.name, point=point)(question, found(services, question)).is_enough


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


def test_the_score_is_a_probability_with_the_threshold_of_who_writes(asked: Services) -> None:
    question = "How many beds are there?"
    by_point = {
        point: assessor(asked.embedder.name, point=point)(question, found(asked, question))
        for point in ("model", "extractive")
    }
    assert by_point["model"].score == by_point["extractive"].score
    assert 0 < by_point["model"].threshold < by_point["extractive"].threshold < by_point["model"].score <= 1


def test_the_signs_do_not_depend_on_how_many_passages_are_asked_for(asked: Services) -> None:
    many = [Upload(f"{n}.txt", f"{n}.txt", f"Boat {n} carries {n} persons.".encode()) for n in range(2, 30)]
    for result in asked.ingestor(asked.collection("default")).put(many):
        assert result.error is None
    question = "Wie viele Betten gibt es?"
    assert signs(question, found(asked, question, k=1)) == signs(question, found(asked, question, k=20))


def test_an_unknown_embedding_model_declines_only_where_no_term_of_the_question_stands(
    asked: Services,
) -> None:
    assess = assessor("somebody/else", point="extractive")
    assert assess("How many beds are there?", found(asked, "How many beds are there?")).is_enough
    declined = assess(
        "Who composed the Goldberg Variations?", found(asked, "Who composed the Goldberg Variations?")
    )
    assert not declined.is_enough
    assert declined.method == "terms"


def test_an_unknown_embedding_model_is_tried_where_languages_differ(asked: Services) -> None:
    question = "Кто сочинил Гольдберг-вариации?"
    assert assessor("somebody/else", point="extractive")(question, found(asked, question)).is_enough


def test_the_local_embedding_model_is_calibrated(services: Services) -> None:
    assert services.embedder.name in calibrations(), (
        f"fit {services.embedder.name}, or {COEFFICIENTS} is stale"
    )
