"""What a question asks for by its question word, and whether a text has such a thing."""

import pytest

from qa_service.answering.answer_type import AnswerType, asked_for, has


@pytest.mark.parametrize(
    ("question", "wanted"),
    [
        ("When was the station founded?", "time"),
        ("In which year did it open?", "time"),
        ("Ab wann ist Nachtruhe?", "time"),
        ("До какого срока принимаются заявки?", "time"),
        ("How many beds are there?", "number"),
        ("Wie tief liegt der Einlass?", "number"),
        ("Сколько стоит билет?", "number"),
        ("Who is the director?", "person"),
        ("Wer leitet die Station?", "person"),
        ("Кто руководит станцией?", "person"),
        ("Who decides when the boat sails?", "person"),
        ("Why was it closed?", None),
        ("code of the key box", None),
    ],
)
def test_the_first_question_word_tells_what_is_asked_for(question: str, wanted: AnswerType | None) -> None:
    assert asked_for(question) == wanted


@pytest.mark.parametrize(
    ("kind", "text", "holds"),
    [
        ("time", "It opened in May.", True),
        ("time", "Die Nachtruhe beginnt um 22:00 Uhr.", True),
        ("time", "Заявки принимаются до 20 марта.", True),
        ("time", "It opened with a speech.", False),
        ("number", "It has 38 beds.", True),
        ("number", "A team has four members.", True),
        ("number", "Нужно три водолаза.", True),
        ("number", "The beds are comfortable.", False),
        ("person", "The station is run by Maria Tarrant.", True),
        ("person", "Станцией руководит Мария Таррант.", True),
        ("person", "the station is run well.", False),
    ],
)
def test_a_text_has_a_time_a_number_or_a_name_or_not(kind: AnswerType, text: str, holds: bool) -> None:
    assert has(kind, text) is holds
