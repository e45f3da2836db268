"""Whether an answer is worth trying, on real documents."""

from typing import get_args

import pytest

from index.retrieve import Retrieved
from index.upload import Upload
from qa_service.answering.relevance import COEFFICIENTS, Point, Signs, assessor, calibrations, signs
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
    assert 0 < by_point["model"].threshold <= by_point["extractive"].threshold < by_point["model"].score <= 1


OTHERS = """
The boat Dunlin carries eight persons and is serviced in March.
Samples are frozen at minus eighty degrees in the cold store.
Members of the association elect the board for three years.
A diver is accompanied by a second diver at all times.
Invoices are paid within thirty days of their receipt.
The library lends books to guests against a deposit.
Waste of formalin is collected in yellow canisters.
The ferry leaves from the northern pier on weekdays.
Employees have twenty-five days of leave a year.
Visitors under twelve are admitted free of charge.
The balance is calibrated before each weighing.
Power was cut for two hours after the storm in January.
The director signs contracts together with the treasurer.
Nets are rinsed with fresh water and dried in the shade.
Applications are sent to the office by electronic mail.
The lecture hall seats sixty and has a projector.
Temperature is read at the buoy every ten minutes.
Dogs are kept on a lead near the nesting sites.
"""


@pytest.fixture
def stocked(asked: Services) -> Services:
    """The same with other documents, so that there is something for a question to stand out from."""
    texts = enumerate(OTHERS.strip().splitlines())
    uploads = [Upload(f"{at}.txt", f"{at}.txt", text.encode()) for at, text in texts]
    for result in asked.ingestor(asked.collection("default")).put(uploads):
        assert result.error is None
    return asked


@pytest.mark.parametrize(
    ("similarity", "margin", "contrast", "is_tried"),
    [
        (0.85, 0.27, 0.01, False),  # runs of keys, which are near to everything
        (0.82, 0.34, 0.01, False),  # made-up words
        (0.82, 0.60, 0.05, True),  # a question in another language, lower in similarity and above the tail
    ],
)
def test_what_is_near_to_everything_is_declined_where_no_term_is_known(
    asked: Services, similarity: float, margin: float, contrast: float, is_tried: bool
) -> None:
    found = Signs("unknown_terms", similarity, 0.0, margin, contrast)
    assert calibrations()[asked.embedder.name].relevance(found, "extractive").is_enough == is_tried


@pytest.mark.parametrize(
    "question", ["Когда начинаются тихие часы?", "Во сколько подают завтрак?", "Frühstück Uhrzeit"]
)
def test_a_question_without_a_known_term_is_tried_where_a_passage_stands_out(
    stocked: Services, question: str
) -> None:
    assert signs(question, found(stocked, question)).group == "unknown_terms"
    assert relevant(stocked, question, "extractive")


@pytest.mark.parametrize("model", ["the calibrated one", "somebody/else"])
@pytest.mark.parametrize("question", ["???", "...", "👍👍", "¿ – !"])
def test_marks_alone_ask_nothing(asked: Services, question: str, model: str) -> None:
    name = model if "/" in model else asked.embedder.name
    for point in get_args(Point):
        assert not assessor(name, point=point)(question, found(asked, question)).is_enough


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
