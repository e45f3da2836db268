"""When two documents are said to disagree, and when not."""

import pytest

from index.document import Passage, Sentence, Span
from qa_service.answering.disagreement import disagreeing


def passage(document: str, text: str) -> Passage:
    return Passage(
        rank=1,
        score=1.0,
        chunk_id="1.0",
        document_id=document,
        title=document,
        source=document,
        span=Span(0, len(text)),
        text=text,
        sentences=(Sentence(Span(0, len(text)), text),),
        sentence_scores=(0.9,),
    )


def disagree(question: str, one: str, other: str, *, documents: tuple[str, str] = ("a", "b")) -> bool:
    passages = [passage(documents[0], one), passage(documents[1], other)]
    return disagreeing(question, passages, [(0, 0)]) == (((0, 0),), ((1, 0),))


@pytest.mark.parametrize(
    ("question", "one", "other"),
    [
        (
            "At what depth does the intake lie?",
            "The intake lies at a depth of 12 m below mean water, inside a cage.",
            "The intake itself lies at a depth of 9 m below mean water.",
        ),
        (
            "How many members has a team?",
            "4.1 A team has at least four members: two divers and a supervisor.",
            "3.1 A team has at least three members: two divers and a supervisor.",
        ),
        ("dives per day", "Dives per day | 2", "| Dives per day | 3 |"),
        (
            "Сколько человек в группе?",
            "A team has at least four members: two divers and a supervisor.",
            "A team has at least three members: two divers and a supervisor.",
        ),
        (
            "Wann beginnt die Nachtruhe?",
            "Die Nachtruhe beginnt um 22:00 Uhr im Haus.",
            "Die Nachtruhe beginnt um 23:00 Uhr im Haus.",
        ),
        (
            "When was the station founded?",
            "The station was founded by Lowell in 1984.",
            "The station was founded by Lowell in 1986.",
        ),
    ],
)
def test_the_same_words_with_another_number_or_time_disagree(question: str, one: str, other: str) -> None:
    assert disagree(question, one, other)


@pytest.mark.parametrize(
    ("question", "one", "other"),
    [
        ("How deep is the lake?", "The lake is 40 m deep there.", "The lake is 4,000 cm deep there."),
        ("How long is the boat?", "The boat Dunlin is 14 m long.", "The boat Sanderling is 5 m long."),
        (
            "How many visitors came?",
            "In May 2024 the centre had 400 visitors.",
            "In June 2025 the centre had 700 visitors.",
        ),
        (
            "How many visitors came in 2025?",
            "The centre had 400 visitors in 2024.",
            "The centre had 700 visitors in 2025.",
        ),
        ("Who serves the boat?", "Dunlin | 2016 | 516", "| *Dunlin* | 8 | 40 | 62 | 150 |"),
        (
            "May one dive at night?",
            "4.2 Diving at night needs consent.",
            "5.3 Diving at night needs consent.",
        ),
        (
            "How old is the director?",
            "A dive takes 30 minutes in winter.",
            "A dive takes 40 minutes in winter.",
        ),
    ],
)
def test_the_same_value_another_thing_another_time_or_another_question_is_no_conflict(
    question: str, one: str, other: str
) -> None:
    assert not disagree(question, one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("The notice period is 3 months.", "The notice period is 6 weeks."),
        ("Die Kündigungsfrist beträgt 3 Monate.", "Die Kündigungsfrist beträgt 6 Wochen."),
        ("Срок хранения записей 2 года.", "Срок хранения записей 90 дней."),
        ("The notice period is one month.", "The notice period is five weeks."),
        ("Records are kept for 2 years.", "Records are kept for 18 months."),
        ("The trail is 3 km long.", "The trail is 4,500 m long."),
        ("The sample weighs 2 kg.", "The sample weighs 500 g."),
        ("The briefing lasts 2 hours.", "The briefing lasts 45 minutes."),
        ("The trail is 10 miles long.", "The trail is 20 km long."),
    ],
)
def test_amounts_in_different_units_disagree(one: str, other: str) -> None:
    assert disagree(
        "Records, notice period, Kündigungsfrist, срок записей, trail, sample, briefing?", one, other
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("The notice period is 3 months.", "The notice period is 12 weeks."),
        ("The notice period is 3 months.", "The notice period is 90 days."),
        ("The notice period is a month.", "The notice period is 4 weeks."),
        ("Records are kept for 1 year.", "Records are kept for 52 weeks."),
        ("Records are kept for 2 years.", "Records are kept for 24 months."),
        ("Die Kündigungsfrist beträgt 14 Tage.", "Die Kündigungsfrist beträgt 2 Wochen."),
        ("The trail is 3 km long.", "The trail is 3,000 m long."),
        ("The sample weighs 1.5 kg.", "The sample weighs 1500 g."),
        ("The briefing lasts 1.5 hours.", "The briefing lasts 90 minutes."),
        ("The trail is 10 miles long.", "The trail is 16 km long."),
        ("The trail is 3 km long.", "The trail takes 45 minutes."),
        ("The briefing lasts 2 hours.", "The briefing lasts 2 months, with a test."),
    ],
)
def test_amounts_that_can_be_the_same_in_other_units_do_not(one: str, other: str) -> None:
    assert not disagree(
        "Records, notice period, Kündigungsfrist, срок записей, trail, sample, briefing?", one, other
    )


def test_each_of_several_documents_is_on_the_side_that_it_takes() -> None:
    passages = [
        passage("handbook", "The notice period is 3 months."),
        passage("contract", "The notice period is 6 weeks."),
        passage("leaflet", "The notice period is 3 months."),
        passage("agreement", "The notice period is 6 months."),
    ]
    sides = disagreeing("How long is the notice period?", passages, [(0, 0), (1, 0), (2, 0)])
    assert sides == (((0, 0), (2, 0)), ((1, 0), (3, 0)))


def test_one_document_does_not_disagree_with_itself() -> None:
    one, other = "Dives per day | 2", "Dives per day | 3"
    assert not disagree("dives per day", one, other, documents=("a", "a"))
