"""Follow-up questions put in full by rules."""

import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa_service.conversations.history import Turn
from qa_service.conversations.rules import in_full

QUESTIONS = [
    json.loads(line)["question"]
    for line in (Path(__file__).parents[2] / "examples" / "questions.jsonl")
    .read_text(encoding="utf-8")
    .splitlines()
]
FERRY = Turn("When does the ferry leave Ferrow Island in summer?", "Summer: 08:45, 12:00.")
FÄHRE = Turn("Wann fährt die Fähre im Sommer von der Insel ab?", "Um 08:45 Uhr.")
ПАРОМ = Turn("Во сколько отходит паром из Порт-Ардена летом?", "В 07:30.")
OFFICER = Turn(
    "Who is the Diving Safety Officer?", "J. P. Okafor is the Diving Safety Officer. P. Lindqvist was."
)


@pytest.mark.parametrize(
    ("before", "question", "full"),
    [
        # a piece in the place of its like
        (FERRY, "And in winter?", "When does the ferry leave Ferrow Island in winter?"),
        (FERRY, "In winter?", "When does the ferry leave Ferrow Island in winter?"),
        (FÄHRE, "Und im Winter?", "Wann fährt die Fähre im Winter von der Insel ab?"),
        (ПАРОМ, "А зимой?", "Во сколько отходит паром из Порт-Ардена зимой?"),
        (ПАРОМ, "А из Ферроу?", "Во сколько отходит паром из Ферроу летом?"),
        (
            Turn("What does Merganser cost per hour?"),
            "And Sanderling?",
            "What does Sanderling cost per hour?",
        ),
        (
            Turn("What does an hour on RV Merganser cost?"),
            "And on Dunlin?",
            "What does an hour on Dunlin cost?",
        ),
        (Turn("How many guests came in 2025?"), "And 2024?", "How many guests came in 2024?"),
        (Turn("Wann wird die grüne Tonne geleert?"), "Und die graue?", "Wann wird die graue Tonne geleert?"),
        (
            Turn("What is the pay of the boat master?"),
            "And the leave?",
            "What is the leave of the boat master?",
        ),
        # a piece that has none
        (Turn("Во сколько у практикантов завтрак?"), "А ужин?", "Во сколько у практикантов завтрак ужин?"),
        (OFFICER, "Since when?", "Who is the Diving Safety Officer since when?"),
        # a word that stands for what was said
        (
            Turn("What is in the Scientific Diving Policy?"),
            "Who wrote it?",
            "Who wrote Scientific Diving Policy?",
        ),
        (OFFICER, "What is his extension?", "What is J. P. Okafor Diving Safety Officer extension?"),
        (Turn("What does the header tank feed?"), "How big is it?", "How big is header tank?"),
        (Turn("Wann ist die Sauna geheizt?"), "Und wo ist sie?", "Und wo ist Sauna?"),
        (Turn("Wer bekommt im Haus Bettwäsche?"), "Was kostet das?", "Was kostet das? Haus Bettwäsche"),
        (Turn("Когда отходит паром?"), "Сколько стоит билет на него?", "Сколько стоит билет на паром?"),
    ],
)
def test_a_follow_up_is_put_in_full(before: Turn, question: str, full: str) -> None:
    assert in_full(question, [before]) == full


@pytest.mark.parametrize(
    "question",
    [
        "Who is Bosun?",
        "What is nitrox?",
        "Where can I park?",
        "And what does the friends' association pay for the underwater camera at the pier?",
        "Is it allowed to bring a dog?",
        "When was the boat built and who runs it?",
        "What happens this summer?",
        "Können Sie mir sagen, wo der Hydrant steht?",
        "Gibt es eine Sauna?",
        "Was kostet es, wenn ein Gast seinen Schlüssel verliert?",
        "А если я уже умею нырять и есть корочки, мне разрешат погружаться на практике?",
        "Где стоит гидрант?",
        "Можно ли взять собаку и сколько это стоит?",
        "¿Dónde está la estación?",
        "Où se trouve la bouche d'incendie ?",
        "消火栓はどこですか？",
    ],
)
@pytest.mark.parametrize("before", [FERRY, FÄHRE, ПАРОМ])
def test_a_question_that_stands_alone_is_left_as_it_is(before: Turn, question: str) -> None:
    assert in_full(question, [before]) == question


@pytest.mark.parametrize("before", [FERRY, FÄHRE, ПАРОМ])
def test_none_of_the_questions_over_the_sample_documents_is_taken_for_a_follow_up(before: Turn) -> None:
    assert [question for question in QUESTIONS if in_full(question, [before]) != question] == []


@given(st.text())
def test_without_a_history_every_question_is_left_as_it_is(question: str) -> None:
    assert in_full(question, []) == question


@given(st.text(), st.lists(st.builds(Turn, st.text(), st.text(), st.none() | st.text()), max_size=3))
def test_whatever_was_said_a_query_comes_of_it_that_is_not_empty(question: str, history: list[Turn]) -> None:
    full = in_full(question, history)
    assert full == question or any(map(str.isalnum, full))


@pytest.mark.parametrize(
    "hostile", ["the it " * 60, "it, and " * 50, "und es zu " * 40, "a" * 4000, "и его " * 66]
)
def test_no_question_takes_long(hostile: str) -> None:
    began = time.thread_time()
    in_full(hostile, [Turn(hostile * 10, hostile * 10), Turn(hostile[:390])])
    assert time.thread_time() - began < 0.5


def test_a_query_does_not_grow_with_the_talk() -> None:
    history = [FERRY, *(Turn(f"And the thing called number{at}?") for at in range(90))]
    assert len(in_full("And Sunday?", history)) < 500


def test_follow_ups_follow_follow_ups() -> None:
    history = [FERRY, Turn("And in winter?", "09:30, 17:45")]
    assert in_full("And on Sundays?", history) == (
        "When does the ferry leave Ferrow Island in winter on Sundays?"
    )


def test_what_was_searched_for_then_counts_and_not_what_the_rules_would_say_now() -> None:
    history = [FERRY, Turn("And?", "", "When does the bus leave Wiesbeck in summer?")]
    assert in_full("And in winter?", history) == "When does the bus leave Wiesbeck in winter?"


def test_what_says_nothing_does_not_end_the_talk() -> None:
    assert in_full("And in winter?", [FERRY, Turn("And so?")]).startswith("When does the ferry leave")


def test_no_marker_of_an_earlier_answer_comes_into_a_query() -> None:
    full = in_full("What is his extension?", [Turn("Who is the officer?", "[[hztq1.2]] J. P. Okafor. [1]")])
    assert "hztq" not in full
    assert "[" not in full
