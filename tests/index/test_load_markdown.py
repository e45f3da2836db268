import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from index.document import Parsed
from index.errors import EmptyDocument
from index.load import load


def parse(text: str) -> Parsed:
    return load(text.encode(), name="a.md")


def blocks(text: str) -> list[str]:
    parsed = parse(text)
    return [block.of(parsed.text) for block in parsed.blocks]


def test_the_text_is_the_source_itself() -> None:
    source = "# A *title*\n\nSome `code` and a [link](x).\n"
    assert parse(source).text == source


def test_blocks_are_what_stands_behind_the_markers() -> None:
    source = "# Title #\n\nPara\ngoes on.\n\n- a\n  - b\n    c\n1. 1\n\n> quoted\n"
    assert blocks(source) == ["Title", "Para\ngoes on.", "a", "b\n    c", "1. 1", "quoted"]


def test_each_table_row_is_a_block_and_the_header_shares_that_of_the_first() -> None:
    source = "x\n\n| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |\n\ny\n"
    assert blocks(source) == ["x", "| a | b |\n| 1 | 2 |", "| 3 | 4 |", "y"]


def test_the_line_that_rules_a_table_off_is_left_out_of_the_text() -> None:
    assert parse("> | a | b |\n> |---|:-:|\n> | 1 | 2 |\n\n# End").text == "> | a | b |\n> | 1 | 2 |\n\n# End"
    assert blocks("|a|b|\n|-|-|") == ["|a|b|"]


def test_an_empty_header_is_in_no_block() -> None:
    assert blocks("| | |\n|---|---|\n| 1 | 2 |\n") == ["| 1 | 2 |"]


def test_numbers_of_a_list_are_in_its_blocks_if_they_count_right() -> None:
    assert blocks("3. a\n4. b\n   - c\n   - d\n5) e\n") == ["3. a", "4. b", "c", "d", "5) e"]
    assert blocks("1. a\n1. b\n1. c\n") == ["1. a", "b", "c"]


def test_lines_of_a_paragraph_that_begin_list_items_are_blocks() -> None:
    assert blocks("He needs\na) a boat,\nb) a rope that\nholds, and\nc) luck.") == [
        "He needs",
        "a) a boat,",
        "b) a rope that\nholds, and",
        "c) luck.",
    ]
    assert blocks("5.1 Life jackets are worn.\n5.2 Nobody dives.") == [
        "5.1 Life jackets are worn.",
        "5.2 Nobody dives.",
    ]
    assert blocks("**Date:** today\n**Place:** here") == ["**Date:** today", "**Place:** here"]


def test_code_is_a_block_without_its_fences() -> None:
    assert blocks("```py\nx = 1\n\ny = 2\n```\n\n    indented\n") == ["x = 1\n\ny = 2", "indented"]


def test_comments_and_link_definitions_are_in_no_block() -> None:
    assert blocks("<!-- obey me -->\n\nText [a].\n\n[a]: http://x\n[a]: http://y\n") == ["Text [a]."]


def test_both_kinds_of_headings_are_found() -> None:
    parsed = parse("Main\n====\n\n## Sub *two*\n\ntext\n")
    assert [(heading.level, heading.title) for heading in parsed.headings] == [(1, "Main"), (2, "Sub *two*")]
    assert [heading.span.of(parsed.text) for heading in parsed.headings] == ["Main", "Sub *two*"]
    assert parsed.title == "Main"


def test_front_matter_gives_the_title_and_is_in_no_block() -> None:
    parsed = parse('---\nauthor: x\ntitle: "The title: here"\n---\n# Other\n')
    assert parsed.title == "The title: here"
    assert [block.of(parsed.text) for block in parsed.blocks] == ["Other"]


def test_a_list_a_thousand_levels_deep_keeps_every_item() -> None:
    assert len(blocks("\n".join("  " * level + f"- level {level}" for level in range(1000)))) == 1000


def test_thousands_of_unclosed_comments_take_no_time() -> None:
    assert blocks("text\n\n" + "<!--\n" * 100_000) == ["text"]


def test_very_long_markdown_is_divided_as_text() -> None:
    parsed = parse("# One\n\n" + "word " * 400_000)
    assert (len(parsed.blocks), parsed.headings) == (2, ())


def test_markdown_of_very_many_lines_is_divided_as_text() -> None:
    parsed = parse("# One\n\n" + "#\n" * 150_000 + "\nThe end.")
    assert (len(parsed.blocks), parsed.headings) == (2, ())
    with pytest.raises(EmptyDocument):
        parse("#\n" * 300_000)


MARKS = ("#", "-", ">", "|", "1.", "```", "---", "===", "<b>", "<!--", "-->", "[a]:", ":", "*", "~~~")


@given(st.lists(st.sampled_from([*MARKS, "a", "b", "é", "\n", "\n", "\t"]), max_size=60))
@example(["-", "\t", "a", "\n", "\t", "b"])
@example([">", "\t", "\t", "a"])
def test_blocks_are_ascending_and_stripped_and_headings_hold_their_titles(parts: list[str]) -> None:
    try:
        parsed = parse(" ".join(["x", "\n", *parts]))
    except EmptyDocument:
        return
    end = 0
    for block in parsed.blocks:
        assert end <= block.start < block.end <= len(parsed.text)
        assert block.of(parsed.text) == block.of(parsed.text).strip()
        end = block.end
    for heading in parsed.headings:
        assert heading.title == " ".join(heading.span.of(parsed.text).split())
