"""Which sentences an extractive answer quotes."""

import pytest

from index.document import Passage, Sentence, Span
from qa_service.answering.extractive import MAX_SENTENCES, best_sentences, says_something


def passage(document: str, *scored: tuple[str, float], score: float = 1.0) -> Passage:
    text = " ".join(sentence for sentence, _ in scored)
    sentences, at = [], 0
    for sentence, _ in scored:
        sentences.append(Sentence(Span(at, at + len(sentence)), sentence))
        at += len(sentence) + 1
    return Passage(
        rank=1,
        score=score,
        chunk_id="1.0",
        document_id=document,
        title=document,
        source=document,
        span=Span(0, len(text)),
        text=text,
        sentences=tuple(sentences),
        sentence_scores=tuple(value for _, value in scored),
    )


def test_the_best_sentence_comes_first_whatever_stands_before_it() -> None:
    found = best_sentences(
        "How deep is the lake?",
        [passage("a", ("The lake is cold in spring.", 0.84), ("The lake is 40 m deep.", 0.93))],
    )
    assert found[0] == (0, 1)


def test_a_heading_or_a_question_is_not_quoted() -> None:
    found = best_sentences(
        "How deep is the lake?",
        [
            passage(
                "a", ("How deep is the lake?", 0.99), ("Depth of the lake", 0.95), ("It is 40 m deep.", 0.85)
            )
        ],
    )
    assert found == [(0, 2)]


def test_a_sentence_that_repeats_a_better_one_of_its_document_is_left_out() -> None:
    twice = ("The lake is 40 m deep in the middle.", 0.93), ("The lake is 40 m deep in the middle.", 0.92)
    assert best_sentences("How deep is the lake?", [passage("a", *twice)]) == [(0, 0)]


def test_another_document_that_says_nearly_the_same_is_quoted_too() -> None:
    found = best_sentences(
        "How deep is the lake?",
        [
            passage("a", ("The lake is 40 m deep in the middle.", 0.93)),
            passage("b", ("The lake is 55 m deep in the middle.", 0.93)),
        ],
    )
    assert found == [(0, 0), (1, 0)]


def test_words_do_not_count_across_languages() -> None:
    found = best_sentences(
        "Wie tief ist der See und wie kalt?",
        [
            passage("a", ("Der See ist tief und der See ist kalt und schön.", 0.80)),
            passage("b", ("The lake has a depth of 40 metres, and it is cold.", 0.92)),
        ],
    )
    assert (1, 0) in found


def test_no_more_than_a_few_sentences_are_quoted() -> None:
    many = [(f"Fact number {n} about the deep lake is {n * 7}.", 0.9) for n in range(9)]
    assert (
        len(best_sentences("What are the facts about the deep lake?", [passage("a", *many)])) <= MAX_SENTENCES
    )


def test_a_row_of_numbers_is_quoted_only_for_a_word_of_the_question() -> None:
    row = passage("a", ("| Donations | 11,260.00 |", 0.95), ("The lake is cold in spring and autumn.", 0.85))
    assert best_sentences("How deep is the lake?", [row]) == [(0, 1)]
    assert best_sentences("How much came in from donations?", [row])[0] == (0, 0)


def test_of_two_sentences_that_are_as_near_the_one_with_a_date_answers_when() -> None:
    lake = passage(
        "a", ("The lake froze over again that winter.", 0.9), ("The lake froze over in May 1984.", 0.9)
    )
    assert best_sentences("When did the lake freeze over?", [lake])[0] == (0, 1)


def test_no_passage_gives_no_sentence() -> None:
    assert best_sentences("Anything?", []) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("The lake is deep.", True),
        ("| Single room | 38 |", True),
        ("Quiet hours: 22:00 to 06:30", True),
        ("Озеро глубокое…", True),
        ("湖は深い。", True),
        ("It ended in Moscow.1", True),
        ("Who may dive", False),
        ("How deep is it?", False),
        ("Diving policy, version 3.0", False),
        ("深さは？", False),
    ],
)
def test_what_says_something_is_told_from_headings_and_questions(text: str, says: bool) -> None:
    assert says_something(text) is says
