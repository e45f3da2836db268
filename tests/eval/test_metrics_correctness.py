"""What counts as said: folded words, nuggets, short answers, and what must not be said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.example import Example, Nugget
from eval.metrics import correctness
from eval.metrics.measurement import UNDEFINED, Measurement
from eval.metrics.words import alike, content, fold, holds, is_negated, says, words
from eval.records import Answer, Claim, Record, Status


def record(
    *claims: str,
    nuggets: tuple[Nugget, ...] = (),
    short: tuple[tuple[str, ...], ...] = (),
    must_not: tuple[str, ...] = (),
    answer: str = "",
    answerable: bool | None = True,
) -> Record:
    example = Example(
        "e",
        "?",
        "lookup",
        "en",
        answer=answer,
        short_answers=short,
        nuggets=nuggets,
        must_not=must_not,
        answerable=answerable,
    )
    status: Status = "answered" if claims else "abstained"
    return Record(example, Answer(status, claims=tuple(Claim(claim) for claim in claims)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("twenty-two divisions", ["22", "divisions"]),
        ("forty thousand men", ["40000", "men"]),
        ("30 million", ["30000000"]),
        ("3.5 million", ["3500000"]),
        ("two hundred and five", ["205"]),
        ("nineteen and twenty", ["19", "and", "20"]),
        ("seven thousand and then", ["7000", "and", "then"]),
        ("one of them", ["one", "of", "them"]),
        ("forty-one", ["41"]),
        ("nineteen forty", ["19", "40"]),
        ("20,000 and 20\u00a0000 and 3.50", ["20000", "and", "20000", "and", "3.5"]),
        ("Lüshun ﬁre", ["lushun", "fire"]),
    ],
)
def test_words_are_folded_and_numbers_plain(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_japanese_voicing_is_kept() -> None:
    assert fold("が") != fold("か")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("arrested", "arrest", True),
        ("documents", "document", True),
        ("солдаты", "солдатам", True),
        ("ship", "ships", True),
        ("1941", "1945", False),
        ("art", "party", False),
        ("mars", "marsh", False),
    ],
)
def test_words_are_alike_but_for_their_endings(one: str, other: str, same: bool) -> None:
    assert alike(one, other) is same
    assert alike(other, one) is same


def test_a_phrase_is_held_in_any_order_with_any_ending() -> None:
    assert holds("In June 1940 the police were arresting him.", "arrested by the police in June 1940")
    assert not holds("In June 1941 the police were arresting him.", "arrested by the police in June 1940")


def test_a_part_in_parentheses_may_be_left_out() -> None:
    assert holds("They landed at Port Arthur.", "Port Arthur (Lüshun)")


def test_a_negated_phrase_needs_a_negation() -> None:
    assert not holds("It was a threat then.", "not a threat")
    assert holds("It wasn't a threat then.", "not a threat")
    assert is_negated("Es war keine Gefahr.")


def test_text_without_spaces_is_held_as_it_stands() -> None:
    assert holds("灯台は一八七四年に点灯された。", "点灯")
    assert says("灯台は東京にある。", "東京")


def test_a_short_answer_is_bounded_by_words() -> None:
    assert not says("There was a party.", "art")
    assert says("It was modern art, they said.", "Modern Art")
    assert not says("anything", "")


def test_a_nugget_may_be_said_over_several_claims() -> None:
    found = record("The lamp was lit.", "That was in 1874.", nuggets=(Nugget("lamp lit in 1874"),))
    assert correctness.vital_nuggets(found).value == 1


def test_only_vital_nuggets_count_for_the_vital_recall() -> None:
    found = record("The lamp was lit.", nuggets=(Nugget("lamp lit"), Nugget("in 1874", vital=False)))
    assert correctness.vital_nuggets(found) == Measurement(1, 1, 1)
    assert correctness.all_nuggets(found) == Measurement(0.5, 1, 2)


def test_an_abstention_states_no_nugget_and_an_unanswerable_question_asks_for_none() -> None:
    nuggets = (Nugget("lamp"),)
    assert correctness.all_nuggets(record(nuggets=nuggets)).value == 0
    assert correctness.all_nuggets(record(nuggets=nuggets, answerable=False)) == UNDEFINED
    assert correctness.all_nuggets(record("The lamp.")) == UNDEFINED


def test_exact_match_is_up_to_case_articles_and_punctuation() -> None:
    assert correctness.exact_match(record("The Lamp!", short=(("lamp", "light"),))).value == 1
    assert correctness.exact_match(record("A lamp post", short=(("lamp",),))).value == 0
    assert correctness.exact_match(record("x", short=(("a",), ("b",)))) == UNDEFINED


def test_token_f1_takes_the_best_alias() -> None:
    # said: blue lamp here; wanted: blue lamp -> 2 * 2 / (3 + 2)
    found = correctness.token_f1(record("The blue lamp here", short=(("red",),), answer="blue lamp"))
    assert found.value == 0
    found = correctness.token_f1(record("The blue lamp here", short=(("red", "a blue lamp"),)))
    assert found == Measurement(0.8, 4, 5)


def test_token_f1_falls_back_on_the_reference_answer() -> None:
    assert correctness.token_f1(record("blue lamp", answer="The blue lamp.")).value == 1
    assert correctness.token_f1(record("blue lamp")) == UNDEFINED


def test_contains_counts_each_answer_by_any_alias() -> None:
    found = record("Mukden and Port Arthur.", short=(("Mukden", "Shenyang"), ("Dairen", "Dalian")))
    assert correctness.contains(found) == Measurement(0.5, 1, 2)
    assert correctness.contains(record("x")) == UNDEFINED


def test_a_denial_of_what_must_not_be_said_is_no_violation() -> None:
    must_not = ("he was executed",)
    assert correctness.must_not(record("He was executed in 1937.", must_not=must_not)).value == 1
    assert correctness.must_not(record("He was not executed.", must_not=must_not)).value == 0
    assert correctness.must_not(record(must_not=must_not)).value == 0
    assert correctness.must_not(record("x")) == UNDEFINED


@given(st.text())
def test_folding_a_folded_text_changes_no_word_boundary(text: str) -> None:
    assert "  " not in fold(text)
    assert fold(text) == fold(text).strip()
    assert len(content(text)) <= len(words(text))


@given(st.lists(st.sampled_from(["lamp", "oil", "keeper", "1874", "twenty", "stairs"]), min_size=1))
def test_a_text_holds_and_says_itself(said: list[str]) -> None:
    text = " ".join(said)
    assert holds(text, text)
    assert says(text, text)
    assert correctness.token_f1(record(text, short=((text,),))).value == 1


@given(st.lists(st.sampled_from(["lamp", "oil", "keeper", "1874", "stairs"]), min_size=1))
def test_nuggets_do_not_mind_the_order_of_words(said: list[str]) -> None:
    nugget = (Nugget(" ".join(sorted(said))),)
    assert correctness.all_nuggets(record(" ".join(said), nuggets=nugget)).value == 1
