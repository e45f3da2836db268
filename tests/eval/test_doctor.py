"""The doctor: what is wrong with a dataset, said of the example that it is wrong with."""

from itertools import combinations
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from eval.datasets import Suite, suite
from eval.doctor import Finding, corpus, counts, examine, near_duplicates
from eval.metrics.words import words

EXAMPLES = Path(__file__).parents[2] / "examples"


def findings(world: Any, tmp_path: Path, *changes: dict[str, Any]) -> list[Finding]:
    """The findings of the small suite with examples added; the first one is changed."""
    first, *others = world.QUESTIONS
    found = world.write_suite(tmp_path / "changed", [{**first, **changes[0]}, *others, *changes[1:]])
    return examine(found, corpus(found))


def test_a_suite_that_is_in_order_has_no_findings(small: Suite) -> None:
    assert examine(small, corpus(small)) == []


def test_the_shipped_suite_is_in_order() -> None:
    shipped = suite(EXAMPLES)
    assert examine(shipped, corpus(shipped)) == []


def test_a_quote_that_is_not_in_its_document_is_an_error(world: Any, tmp_path: Path) -> None:
    (found,) = findings(world, tmp_path, {"evidence": [{"doc": "leave.md", "quote": "13 weeks"}]})
    assert found == Finding("error", "leave", "leave.md does not hold the quote '13 weeks'")


def test_white_space_in_a_quote_does_not_matter(world: Any, tmp_path: Path) -> None:
    quote = "Parental  leave\nlasts 12 weeks."
    assert findings(world, tmp_path, {"evidence": [{"doc": "leave.md", "quote": quote}]}) == []


def test_a_document_that_is_not_there_is_an_error(world: Any, tmp_path: Path) -> None:
    (found,) = findings(world, tmp_path, {"evidence": [{"doc": "other.md", "quote": "12 weeks"}]})
    assert "no document 'other.md'" in found.message


def test_the_same_question_twice_is_an_error_and_nearly_the_same_a_warning(
    world: Any, tmp_path: Path
) -> None:
    first = world.QUESTIONS[0]
    again = {**first, "id": "again", "question": "how LONG is parental leave?"}
    other = {**first, "id": "near", "question": "How long is the parental leave?"}
    found = findings(world, tmp_path, {}, again, other)
    assert found[0] == Finding("error", "again", "asks the same as leave")
    assert {(each.severity, each.example) for each in found[1:]} == {
        ("warning", "leave"),
        ("warning", "again"),
    }


def test_an_answerable_example_needs_a_place(world: Any, tmp_path: Path) -> None:
    (found,) = findings(world, tmp_path, {"evidence": [], "answerable": True})
    assert (found.severity, found.example) == ("error", "leave")


def test_a_document_that_can_not_be_read_is_an_error(small: Suite) -> None:
    (small.corpus / "empty.txt").write_bytes(b"")
    (found,) = examine(small, corpus(small))
    assert (found.severity, found.example) == ("error", "empty.txt")


def test_a_question_or_quote_of_another_split_is_a_leak(small: Suite, world: Any, tmp_path: Path) -> None:
    same, other, *_ = world.QUESTIONS
    split = world.write_suite(tmp_path / "split", [same, {**other, "question": "May I bring a dog?"}])
    found = examine(small, corpus(small), against=split.examples)
    assert [(each.severity, each.example) for each in found] == [
        ("error", "leave"),
        ("warning", "leave"),
        ("warning", "dogs"),
    ]


def test_kinds_are_counted_by_language(small: Suite) -> None:
    assert counts(small.examples)["lookup"] == {"en": 2}


@given(st.lists(st.lists(st.sampled_from("abcdefg"), min_size=1, max_size=7), max_size=8))
def test_no_near_duplicate_is_missed(texts: list[list[str]]) -> None:
    questions = [(str(at), " ".join(text)) for at, text in enumerate(texts)]
    sets = {identifier: frozenset(words(text)) for identifier, text in questions}
    expected = {
        (one, other)
        for one, other in combinations(sets, 2)
        if len(sets[one] & sets[other]) / len(sets[one] | sets[other]) >= 0.8
    }
    assert {(one, other) for one, other, _ in near_duplicates(questions)} == expected
