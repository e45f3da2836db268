from collections.abc import Iterator

import pytest

from index.errors import LoadError
from index.load import load
from index.load.child import ChildLoader


def rtf(body: str) -> bytes:
    return (
        "{\\rtf1\\ansi\\ansicpg1252{\\fonttbl{\\f0 Arial;}}{\\info{\\title House rules}}" + body + "}"
    ).encode("ascii")


def blocks(data: bytes) -> list[str]:
    parsed = load(data, name="a.rtf")
    assert parsed.format == "rtf"
    return [block.of(parsed.text) for block in parsed.blocks]


def test_paragraphs_are_blocks_and_the_title_is_that_of_the_properties() -> None:
    data = rtf(r"\pard Wear a {\b vest}.\par Two boats.\par")
    assert blocks(data) == ["Wear a vest.", "Two boats."]
    assert load(data, name="a.rtf").title == "House rules"


def test_table_rows_are_lines_and_the_first_shares_a_block_with_the_second() -> None:
    data = rtf(
        r"Stock\par\trowd item\cell count\cell\row\trowd rope\cell 12\cell\row\trowd buoy\cell 3\cell\row\pard End.\par"
    )
    assert blocks(data) == ["Stock", "item | count\nrope | 12", "buoy | 3", "End."]


def test_letters_of_code_pages_and_of_unicode_are_read() -> None:
    data = rb"{\rtf1\ansi\ansicpg1251 \'cf\'f0\'e8\'e2\'e5\'f2, \u1084?\u1080?\u1088? \u-10179?\u-8704?\par}"
    assert blocks(data) == ["Привет, мир 😀"]


def test_bytes_beyond_ascii_are_in_the_code_page_that_it_names() -> None:
    assert blocks(b"{\\rtf1\\ansi\\ansicpg1251 " + "Привет".encode("cp1251") + b"\\par}") == ["Привет"]


def test_hidden_text_is_left_out_and_what_is_beside_it_is_not() -> None:
    assert blocks(
        rtf(r"Open \v secret \'e9\u1072?\emdash\{ {\b bold} \v0 sea.\par{\v all {of it}} Shown.\par")
    ) == [
        "Open sea.",
        "Shown.",
    ]
    assert blocks(rtf(r"\v gone \plain Back, \v1 gone\v0 again.\par")) == ["Back, again."]


def test_a_picture_with_braces_in_its_bytes_does_not_show_hidden_text() -> None:
    assert blocks(rtf(r"Open{\v secret{\pict\bin4 }}}}} secret} sea.\par")) == ["Open sea."]


@pytest.mark.parametrize("number", ["-99999999", "99999999999", "1114112", "-65537", "9" * 6000])
def test_a_number_that_is_no_character_costs_only_itself(number: str) -> None:
    assert blocks(rtf(rf"Before \u{number} ?after \\u{number}.\par")) == [f"Before \ufffdafter \\u{number}."]


@pytest.fixture(scope="module")
def child() -> Iterator[ChildLoader]:
    """A loader that gives a file ten seconds."""
    with ChildLoader(seconds=10) as child:
        yield child


@pytest.mark.parametrize(
    "body",
    [
        "{" * 300_000,
        "}" * 300_000,
        "\\u99999999999 ",
        "\\bin-1 x",
        "{\\pict\\bin99999999 x}",
        "{\\field{\\*\\fldinst{HYPERLINK " * 3000,
        "\\'81\\'8d" * 1000,
        "\\uc2000000000 \\u65 x",
    ],
)
def test_hostile_files_end_as_text_or_as_a_named_failure(child: ChildLoader, body: str) -> None:
    try:
        parsed = child(rtf(body + " end"), name="a.rtf")
    except LoadError as error:
        assert "'a.rtf'" in str(error)  # noqa: PT017  either is right
    else:
        assert len(parsed.text) < 100_000


def test_deleted_text_is_left_out_and_what_came_instead_is_not() -> None:
    body = r"The fee is {\deleted\revauthdel1 100}{\revised\revauth1 250} euros.\par\deleted gone\plain Kept.\par"
    assert blocks(rtf(body)) == ["The fee is 250 euros.", "Kept."]
    assert blocks(rtf(r"{\deleted 1{\v 2}3\v0 4}5{\v\deleted0 6}7\par")) == ["57"]


def test_superscript_numbers_are_no_part_of_the_number_before_them() -> None:
    body = (
        r"10{\super 6}, 10{\super \u8722?3} m\super 2\nosupersub , 42\super 1\plain  on the 5{\super th}\par"
    )
    assert blocks(rtf(body)) == ["10⁶, 10⁻³ m², 42¹ on the 5th"]
    assert blocks(rtf(r"\uc0 10{\super \u8722 3}, H{\sub 2}O, {\super 1}/{\sub 2}{\v\super 3}\par")) == [
        "10⁻³, H2O, 1/2"
    ]
