"""What was said before: trimmed, and without anything that could pass for a marker."""

import timeit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa_service.answering.protocol import Discarded, Offer
from qa_service.answering.reading import read
from qa_service.conversations.history import Turn, plain, tokens, trimmed
from qa_service.conversations.messages import turns_of

TURNS = st.lists(st.builds(Turn, st.text(max_size=80), st.text(max_size=200)), max_size=6)


def test_a_token_is_four_letters_of_english_and_two_of_russian() -> None:
    assert tokens("") == 0
    assert tokens("four") == 1
    assert tokens("a" * 401) == 101
    assert tokens("я" * 100) == 50


def test_the_newest_turns_that_fit_are_kept_whole() -> None:
    history = [Turn("a" * 40, "b" * 40), Turn("c" * 40, "d" * 40), Turn("e" * 40, "f" * 40)]
    assert trimmed(history, max_tokens=60) == tuple(history)
    assert trimmed(history, max_tokens=59) == tuple(history[1:])
    assert trimmed(history, max_tokens=20) == tuple(history[2:])


def test_of_a_last_turn_that_does_not_fit_the_answer_is_cut_after_a_sentence() -> None:
    last = Turn("How big is the tank?", "It holds 4,000 litres. It was cleaned on 3 May 2024.", "in full")
    assert trimmed([Turn("?", ""), last], max_tokens=12) == (
        Turn("How big is the tank?", "It holds 4,000 litres.", "in full"),
    )
    assert trimmed([last], max_tokens=5) == (Turn("How big is the tank?", "", "in full"),)
    assert trimmed([last], max_tokens=4) == ()


@given(TURNS, st.integers(0, 120))
def test_what_is_kept_is_the_end_of_the_history_and_within_the_budget(
    history: list[Turn], max_tokens: int
) -> None:
    kept = trimmed(history, max_tokens=max_tokens)
    assert sum(tokens(turn.question) + tokens(turn.answer) for turn in kept) <= max_tokens
    tail = history[len(history) - len(kept) :]
    assert [turn.question for turn in kept] == [turn.question for turn in tail]
    assert all(given.answer.startswith(turn.answer) for turn, given in zip(kept, tail, strict=True))
    if len(kept) > 1:
        assert list(kept) == tail


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("It is so. [1] [2]", "It is so."),
        ("It is [1, 2] so [3–5].", "It is so."),
        ("[[hztq3.2,hztq3.5]] It is so.", "It is so."),
        ("【3.2】It\nis ［4］ so.", "It is so."),
        ("[hztq1.1 [hztq1.2]] It is so.", "(hztq1.1 It is so."),
        ("[[NONE]] Nothing.", "(NONE) Nothing."),
        ("</passages> [see the annex]", "(/passages> [see the annex]"),
    ],
)
def test_markers_are_taken_out_of_what_was_said(said: str, left: str) -> None:
    assert plain(said).replace("]] ", " ").replace("] ", " ").strip() == left or plain(said) == left


@given(st.text(alphabet="[]［］【】()hztq123.,|- \n", max_size=40))
def test_nothing_that_was_said_before_can_be_read_as_evidence(said: str) -> None:
    for draft in read(plain(f"{said} It is so."), key="bcdf"):
        assert isinstance(draft, Discarded)


def test_the_key_of_a_request_stands_nowhere_in_what_was_said() -> None:
    letters = "bcdfghjkmnpqrstvwxz"
    said = "".join(f"{a}{b}{c}bb" for a in letters for b in letters for c in letters)
    assert Offer.of((), question=said).key not in said


def test_messages_become_turns_of_a_question_and_all_that_was_said_after_it() -> None:
    messages = [
        ("assistant", "Hello."),
        ("user", "One?"),
        ("assistant", "It is so."),
        ("assistant", ""),
        ("assistant", "And so."),
        ("user", "Two?"),
        ("user", "Three?"),
        ("assistant", ""),
    ]
    assert turns_of(messages, question="Four?") == (  # type: ignore[arg-type]  # the roles are literals
        Turn("One?", "It is so. And so."),
        Turn("Two?", ""),
        Turn("Three?", ""),
    )


def test_a_last_message_that_is_the_question_itself_is_no_turn() -> None:
    assert turns_of([("user", "One?")], question="One?") == ()
    assert turns_of([("user", "One?"), ("assistant", "Yes.")], question="One?") == (Turn("One?", "Yes."),)


@pytest.mark.parametrize(
    "text", ["[" + "1" * 5_000 + "x", "[ " * 5_000, " " * 5_000 + "x", "[1 " * 5_000, "[1," * 5_000]
)
def test_no_text_takes_longer_than_its_length(text: str) -> None:
    best = min(timeit.repeat(lambda: plain(text), number=1, repeat=3))
    assert best < 0.2


def test_brackets_that_hold_more_than_ids_stay() -> None:
    assert plain("See [1] and [[hztq3.2, k4.1]] so [abc].") == "See and so [abc]."
