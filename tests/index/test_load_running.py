from hypothesis import given
from hypothesis import strategies as st

from index.load.running import running


def test_a_line_that_most_pages_begin_with_is_a_running_head() -> None:
    assert running([["Rules", "a"], ["Rules", "b"], ["Cover"]]) == [1, 1, 0]


def test_a_number_that_counts_the_pages_may_differ() -> None:
    assert running([["REPORT, 1983 Page 4", "a"], ["REPORT, 1983 Page 5", "b"]]) == [1, 1]
    assert running([["- 9 -", "a"], ["- 10 -", "b"]]) == [1, 1]
    assert running([["1 of 2", "a"], ["2 of 2", "b"]]) == [1, 1]


def test_other_numbers_may_not_differ() -> None:
    assert running([["Page of account 17", "a"], ["Page of account 25", "b"]]) == [0, 0]


def test_numbered_titles_are_no_running_heads() -> None:
    assert running([["Chapter 1", "a"], ["Chapter 2", "b"]]) == [0, 0]


def test_heads_of_left_and_right_pages_may_differ() -> None:
    edges = [[head, word] for head, word in zip(("Left", "Right") * 3, "uvwxyz", strict=True)]
    assert running(edges) == [1] * 6


def test_a_head_of_a_part_of_the_pages_is_one() -> None:
    edges = [["Ice", "a"], ["Ice", "b"], ["Ice", "c"], *([[word, "d"] for word in "uvwxyz"])]
    assert running(edges)[:4] == [1, 1, 1, 0]


def test_a_head_may_have_several_lines_but_none_that_differs_between_them() -> None:
    assert running([["Rules", "1", "a"], ["Rules", "2", "b"]]) == [2, 2]
    assert running([["a", "Rules"], ["b", "Rules"]]) == [0, 0]


def test_pages_that_hold_nothing_else_have_no_head() -> None:
    assert running([["The same."], ["The same."]]) == [0, 0]


def test_a_single_page_has_no_head() -> None:
    assert running([["Rules", "a"]]) == [0]


@given(st.lists(st.lists(st.sampled_from(["A", "B 1", "B 2", "7", "8", "x"]), max_size=6), max_size=6))
def test_no_more_lines_are_taken_than_there_are(edges: list[list[str]]) -> None:
    counts = running(edges)
    assert len(counts) == len(edges)
    assert all(0 <= count <= len(lines) for count, lines in zip(counts, edges, strict=True))
