import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa_service.answering.protocol import Discarded, Draft, DraftClaim, DraftConflict, DraftNone
from qa_service.answering.reading import MAX_LINE_CHARS, Lines, read
from qa_service.scripted import split_randomly


def drafts(line: str) -> list[Draft]:
    return read(line, key="hztq")


def lines(*deltas: str, complete: bool = True) -> list[str | Discarded]:
    stream = Lines()
    return [line for delta in deltas for line in stream.feed(delta)] + [*stream.finish(complete=complete)]


# Lines


@given(st.text(st.sampled_from("ab \n\r\u2028"), max_size=60), st.integers(0, 2**32))
def test_lines_do_not_depend_on_how_the_stream_is_cut(text: str, seed: int) -> None:
    assert lines(*split_randomly(text, seed)) == lines(text)
    assert lines(text) == [line for line in text.splitlines() if line.strip()]


def test_a_line_is_given_when_it_has_ended_and_not_before() -> None:
    stream = Lines()
    assert list(stream.feed("[[hztq1.1]] It ra")) == []
    assert list(stream.feed("ins.\n[[hztq")) == ["[[hztq1.1]] It rains."]


def test_the_line_at_hand_is_lost_when_the_stream_is_cut() -> None:
    assert lines("one\ntw", complete=False) == ["one", Discarded("incomplete_line", 2)]
    assert lines("one\n", complete=False) == ["one"]
    assert lines("one\n  ", complete=False) == ["one"]


def test_a_line_that_is_too_long_is_discarded_and_the_next_one_is_read() -> None:
    long = "x" * (MAX_LINE_CHARS + 1)
    assert lines(long, "\nnext") == [Discarded("line_too_long", MAX_LINE_CHARS + 1), "next"]
    assert lines(*long, "\nnext") == [Discarded("line_too_long", MAX_LINE_CHARS + 1), "next"]
    assert lines(long, complete=False) == [Discarded("line_too_long", MAX_LINE_CHARS + 1)]


def test_the_longest_line_is_read() -> None:
    assert lines("x" * MAX_LINE_CHARS) == ["x" * MAX_LINE_CHARS]


# Markers: lenient in


@pytest.mark.parametrize(
    "line",
    [
        "[[hztq1.2]] It rains.",
        "[hztq1.2] It rains.",
        "[[hztq1.2] It rains.",
        "[[[hztq1.2]]] It rains.",
        "[[ hztq1.2 ]] It rains.",
        "[[hztq1.2,]] It rains.",
        "[[HZTQ1.2]] It rains.",
        "[[1.2]] It rains.",
        "[1.2] It rains.",
        "(hztq1.2) It rains.",
        "【hztq1.2】 It rains.",
        "【【hztq1.2】】It rains.",
        "［［hztq1.2］］ It rains.",
        "〔hztq1.2〕 It rains.",
        "[[hztq1.2 It rains.",
        "[[hztq1.2]]: It rains.",
        "[[hztq1.2]] - It rains.",
        "- [[hztq1.2]] It rains.",
        "* **[[hztq1.2]] It rains.**",
        "1. [[hztq1.2]] It rains.",
        "2) [[hztq1.2]] It rains.",
        "## [[hztq1.2]] It rains.",
        "> [[hztq1.2]] It rains.",
        "| [[hztq1.2]] | It rains. |",
        "**[[hztq1.2]]** It **rains**.",
        "`[[hztq1.2]]` It rains.",
        "It rains. [[hztq1.2]]",
        "It rains [hztq1.2].",
        "It rains ([[hztq1.2]]).",
        "It rains (hztq1.2).",
        "It [[hztq1.2]] rains.",
        "1. It rains. [1.2]",
        "- It rains [hztq1.2].",
        "| It rains. | [hztq1.2] |",
        "[[hztq1.2]] It rains. [hztq1.2]",
        "[[hz\u200btq1.2]] It\u202e rains.",
        "  [[hztq1.2]]   It  rains.  ",
    ],
)
def test_a_claim_is_read_wherever_its_marker_stands_and_whatever_its_brackets(line: str) -> None:
    (draft,) = drafts(line)
    assert isinstance(draft, DraftClaim)
    assert draft.text == "It rains."
    assert draft.ids in [("hztq1.2",), ("1.2",)]


@pytest.mark.parametrize(
    "line",
    [
        "[[hztq1.2,hztq3.1]] It rains.",
        "[[hztq1.2, hztq3.1]] It rains.",
        "[[hztq1.2] [hztq3.1]] It rains.",
        "[[hztq1.2], [hztq3.1]] It rains.",
        "[hztq1.2][hztq3.1] It rains.",
        "[[hztq1.2]] [[hztq3.1]] It rains.",
        "[[hztq1.2; hztq3.1]] It rains.",
        "[[hztq1.2 hztq3.1]] It rains.",
        "[[hztq1.2 and hztq3.1]] It rains.",
        "[[hztq1.2 & hztq3.1]] It rains.",
        "【【hztq1.2，hztq3.1】】 It rains.",
        "(hztq1.2, hztq3.1) It rains.",
        "It rains [hztq1.2] [hztq3.1].",
        "It rains. [hztq1.2], [hztq3.1]",
        "[[hztq1.2]] It rains. [[hztq3.1]]",
        "It [[hztq1.2]] rains [[hztq3.1]].",
    ],
)
def test_several_ids_stand_in_one_bracket_or_in_several(line: str) -> None:
    assert drafts(line) == [DraftClaim("It rains.", ("hztq1.2", "hztq3.1"))]


def test_a_range_is_spelt_out() -> None:
    expected = [DraftClaim("It rains.", ("hztq1.2", "hztq1.3", "hztq1.4"))]
    assert drafts("[[hztq1.2-4]] It rains.") == expected
    assert drafts("[[hztq1.2–hztq1.4]] It rains.") == expected


@pytest.mark.parametrize("range_", ["1.1-9999", "1.5-2", "1.1-hztq2.3"])
def test_a_range_that_is_too_wide_or_runs_backwards_or_over_passages_names_nothing(range_: str) -> None:
    (draft,) = drafts(f"[[hztq{range_}]] It rains.")
    assert isinstance(draft, DraftClaim)
    assert len(draft.ids) == 1
    assert "-" in draft.ids[0]


def test_a_passage_alone_is_kept_as_an_id_that_names_no_sentence() -> None:
    assert drafts("[hztq3] It rains.") == [DraftClaim("It rains.", ("hztq3",))]


def test_beside_ids_of_this_request_bare_numbers_in_brackets_are_text() -> None:
    assert drafts("[[hztq1.2]] Release [2.5] came [3].") == [
        DraftClaim("Release [2.5] came [3].", ("hztq1.2",))
    ]


def test_ids_of_another_request_are_read_as_ids_and_not_as_text() -> None:
    assert drafts("[[bcdf1.2]] It rains.") == [DraftClaim("It rains.", ("bcdf1.2",))]
    assert drafts("[[hztq1.1]] It [bcdf1.2] rains.") == [DraftClaim("It rains.", ("hztq1.1", "bcdf1.2"))]


@pytest.mark.parametrize(
    "line", ["It rains (1.2).", "It rains (see hztq1.2).", "According to hztq1.2, it rains.", "It rains [1]."]
)
def test_what_is_no_marker_cites_nothing(line: str) -> None:
    (draft,) = drafts(line)
    assert isinstance(draft, Discarded)
    assert draft.reason == "uncited_text"


# Several sentences on a line


def test_behind_a_leading_marker_all_sentences_rest_on_it() -> None:
    assert drafts("[[hztq1.1]] It rains. It pours.") == [DraftClaim("It rains. It pours.", ("hztq1.1",))]


def test_each_leading_marker_of_a_line_has_its_own_sentences() -> None:
    assert drafts("[[hztq1.1]] It rains. It pours. [[hztq2.1]] It snows.") == [
        DraftClaim("It rains. It pours.", ("hztq1.1",)),
        DraftClaim("It snows.", ("hztq2.1",)),
    ]


def test_each_trailing_marker_belongs_to_its_own_sentence() -> None:
    assert drafts("It rains [[hztq1.1]]. It pours. [[hztq2.1]] It snows [[hztq3.1]].") == [
        DraftClaim("It rains.", ("hztq1.1",)),
        DraftClaim("It pours.", ("hztq2.1",)),
        DraftClaim("It snows.", ("hztq3.1",)),
    ]


def test_a_marker_inside_a_sentence_does_not_cut_it() -> None:
    assert drafts("The ring was Ramsay [[hztq2.1]], and its head was Sorge [[hztq1.3]].") == [
        DraftClaim("The ring was Ramsay, and its head was Sorge.", ("hztq2.1", "hztq1.3"))
    ]


def test_sentences_without_a_marker_are_discarded_where_the_others_have_theirs_behind_them() -> None:
    assert drafts("Sure, here it is. It rains [[hztq1.1]]. I hope this helps!") == [
        Discarded("uncited_text", 17),
        DraftClaim("It rains.", ("hztq1.1",)),
        Discarded("uncited_text", 18),
    ]


def test_a_label_before_the_first_marker_does_not_shift_the_markers() -> None:
    assert drafts("Answer: [[hztq1.1]] It rains. [[hztq2.1]] It snows.") == [
        DraftClaim("Answer: It rains.", ("hztq1.1",)),
        DraftClaim("It snows.", ("hztq2.1",)),
    ]


def test_an_abbreviation_does_not_cut_a_sentence() -> None:
    text = "Dr. I. Ya. Babich, e.g., came at 5 p.m. on 3.5.2024."
    assert drafts(f"[[hztq1.1]] {text} [[hztq2.1]] It snows.") == [
        DraftClaim(text, ("hztq1.1",)),
        DraftClaim("It snows.", ("hztq2.1",)),
    ]


@pytest.mark.parametrize(
    "line", ["Here is what I found:", "## Answer", "I hope this helps!", "[[1]] It rains."]
)
def test_lines_without_ids_are_discarded_and_counted(line: str) -> None:
    assert [type(draft) for draft in drafts(line)] == [Discarded]


@pytest.mark.parametrize("line", ["", "   ", "---", "...", "[[hztq1.1]]", "- [[hztq1.1]] .", "***"])
def test_a_line_without_words_is_nothing(line: str) -> None:
    assert drafts(line) == []


@pytest.mark.parametrize(
    "text",
    [
        "-5 °C was measured.",
        "#1 is C#",
        "~40 people came.",
        "2*3 is 6.",
        "__init__ is called.",
        "12. August 1945 war es.",
    ],
)
def test_a_claim_keeps_what_it_says(text: str) -> None:
    assert drafts(f"[[hztq1.1]] {text}") == [DraftClaim(text, ("hztq1.1",))]


# NONE and CONFLICT


@pytest.mark.parametrize(
    "line",
    [
        "[[NONE]] No date is given.",
        "[NONE] No date is given.",
        "[[none]] No date is given.",
        "[[NONE]]: No date is given.",
        "【NONE】No date is given.",
        "- **[[NONE]]** No date is given.",
        "No date is given. [[NONE]]",
        "[[NONE]] [[hztq1.1]] No date is given.",
        "[[NONE hztq1.1]] No date is given.",
    ],
)
def test_what_is_missing_is_read(line: str) -> None:
    assert drafts(line) == [DraftNone("No date is given.")]


def test_that_all_is_missing_needs_no_words() -> None:
    assert drafts("[[NONE]]") == [DraftNone("")]
    assert drafts("- **[NONE]**.") == [DraftNone("")]


@pytest.mark.parametrize(
    "line", ["None is given.", "[none] of them came.", "(NONE) of them came.", "NONE of them came."]
)
def test_the_word_alone_says_nothing_about_what_is_missing(line: str) -> None:
    assert [type(draft) for draft in drafts(line)] == [Discarded]


@pytest.mark.parametrize(
    "line",
    [
        "[[CONFLICT hztq1.4 | hztq6.1]] They differ.",
        "[CONFLICT hztq1.4|hztq6.1] They differ.",
        "[[conflict: hztq1.4 | hztq6.1]] They differ.",
        "[[CONFLICT hztq1.4, hztq6.1]] They differ.",
        "[[CONFLICT hztq1.4 vs. hztq6.1]] They differ.",
        "[[CONFLICT]] [[hztq1.4]] | [[hztq6.1]] They differ.",
        "【【CONFLICT hztq1.4 | hztq6.1】】 They differ.",
        "They differ. [[CONFLICT hztq1.4 | hztq6.1]]",
        "[[CONFLICT]] They [[hztq1.4]] differ [[hztq6.1]].",
    ],
)
def test_a_conflict_has_two_sides(line: str) -> None:
    assert drafts(line) == [DraftConflict("They differ.", ("hztq1.4",), ("hztq6.1",))]


def test_a_side_may_have_several_ids() -> None:
    assert drafts("[[CONFLICT hztq1.4,hztq1.5 | hztq6.1-2]] They differ.") == [
        DraftConflict("They differ.", ("hztq1.4", "hztq1.5"), ("hztq6.1", "hztq6.2"))
    ]


def test_all_sides_but_the_first_are_the_other_side() -> None:
    assert drafts("[[CONFLICT hztq1.4 | hztq2.1 | hztq3.1]] They differ.") == [
        DraftConflict("They differ.", ("hztq1.4",), ("hztq2.1", "hztq3.1"))
    ]


@pytest.mark.parametrize("ids", ["hztq1.4", "hztq1.4, hztq1.5, hztq6.1", "hztq1.4 |", ""])
def test_sides_that_can_not_be_told_apart_are_one(ids: str) -> None:
    (draft,) = drafts(f"[[CONFLICT {ids}]] They differ.")
    assert isinstance(draft, DraftConflict)
    assert draft.b == ()
