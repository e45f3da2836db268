import time

from index.document import Chunk, Span
from index.hyphens import joined, joined_words
from index.reuse import embedded_text
from index.terms import terms


def test_a_word_that_a_line_end_parts_is_found_as_one_word_and_by_its_parts() -> None:
    assert terms("the hydro-\n  phone") == ["the", "hydro", "phone", "hydrophon"]
    assert set(terms("hydrophone")) <= set(terms("a hydro-\nphone"))
    assert set(terms("well-known")) <= set(terms("well-\nknown"))


def test_soft_hyphens_are_found_as_nothing_in_lines_and_at_their_ends() -> None:
    assert terms("hydro\u00adphone") == terms("hydro\u00ad\nphone") == ["hydrophon"]


def test_no_break_spaces_are_spaces() -> None:
    assert terms("25\u00a0days of\u202fleave") == terms("25 days of leave")


def test_numbers_and_dashes_at_line_ends_stay_apart() -> None:
    assert joined_words("2019-\n2020, see -\nthis") == []
    assert joined("2019-\n2020, see -\nthis") == "2019-\n2020, see -\nthis"


def test_what_is_embedded_has_its_words_joined_unless_they_go_on_in_a_capital() -> None:
    text = "The hydro-\nphone of Nord-\nOst hangs\u00ad."
    chunk = Chunk(0, Span(0, len(text)), (Span(0, len(text)),))
    assert embedded_text("T", chunk, text) == "T\nThe hydrophone of Nord-\nOst hangs."


def test_long_texts_take_little_time() -> None:
    started = time.monotonic()
    for text in (
        "a" * 2_000_000 + "-\nb",
        "-\n" * 500_000,
        "a-\n" * 300_000,
        " " * 1_000_000 + "\n",
        "\u00ad" * 1_000_000,
    ):
        joined(text)
        joined_words(text)
    assert time.monotonic() - started < 5
