from hypothesis import given
from hypothesis import strategies as st

from index.document import Parsed
from index.load import Limits, load


def parse(text: str) -> Parsed:
    return load(text.encode(), name="a.txt")


def blocks(text: str) -> list[str]:
    parsed = parse(text)
    return [" ".join(block.of(parsed.text).split()) for block in parsed.blocks]


def test_blank_lines_part_paragraphs() -> None:
    assert blocks("First one.\nStill first.\n\n\nSecond one.\n") == ["First one. Still first.", "Second one."]


def test_a_sentence_goes_on_below_blank_lines_that_a_scan_put_after_every_line() -> None:
    lines = [
        "The winter was long and the harbour was fro-",
        "zen until April, when the first",
        "ships came in.³⁴",
        "Then",
    ]
    assert blocks("\n\n\n".join(lines)) == [
        "The winter was long and the harbour was fro- zen until April, when the first ships came in.³⁴",
        "Then",
    ]


def test_where_blank_lines_are_noise_a_full_line_goes_on_in_a_capital_too() -> None:
    lines = [
        "The winter was long and the harbour was frozen until the",
        "middle of April, when the first ships of the Northern",
        "Company came in with grain, and the people of the town",
        "went down to the quay to see what had been brought by",
        "Captain Holm and by his brother, who was",
        "ill.",
    ]
    assert len(blocks("\n\n\n".join(lines))) == 1


def test_a_sentence_that_ends_parts_paragraphs_even_before_a_small_letter() -> None:
    assert blocks("He left.¹\n\nvan Dam stayed.") == ["He left.¹", "van Dam stayed."]


def test_closing_quotes_and_glued_footnote_digits_belong_to_a_sentence_end() -> None:
    assert len(blocks("“Over.”12\n\nso be it\n\n東京へ行った。」\n\nend")) == 4


def test_a_decimal_number_is_no_sentence_end() -> None:
    assert blocks("It cost 3.14\n\ncrowns.") == ["It cost 3.14 crowns."]


def test_a_running_title_is_not_joined_to_the_text_below_it() -> None:
    text = (
        "Ships and Harbours 135\n\noperations went on through the whole of the long winter, and the ice held."
    )
    assert blocks(text)[0] == "Ships and Harbours 135"


def test_short_lines_of_a_web_page_stay_apart() -> None:
    page = "Joined:\nJan 23, 2008\nMessages:\n10,480\n" + "I read about this plan in the old newspapers. " * 4
    assert blocks(page)[:4] == ["Joined:", "Jan 23, 2008", "Messages:", "10,480"]


def test_list_entries_are_blocks() -> None:
    assert blocks("- salt\n- grain and\n  flour\n1. tar\n2) rope") == [
        "- salt",
        "- grain and flour",
        "1. tar",
        "2) rope",
    ]


def test_lettered_and_numbered_lines_are_blocks() -> None:
    assert blocks("He needs:\na) a boat,\n(b) a rope, and\nc) luck.\n5.1. Jackets on!\n5.2. No dives.") == [
        "He needs:",
        "a) a boat,",
        "(b) a rope, and",
        "c) luck.",
        "5.1. Jackets on!",
        "5.2. No dives.",
    ]


def test_numbered_lines_of_one_length_are_blocks() -> None:
    assert blocks("1. tar\n2. oil\n3. fog") == ["1. tar", "2. oil", "3. fog"]


def test_a_number_inside_a_sentence_begins_no_list_item() -> None:
    line = "It was said in the harbour that the water had risen there by at least"
    assert blocks(f"{line}\n5.1 metres in a night.") == [f"{line} 5.1 metres in a night."]
    assert blocks(f"{line}\n(2) of the inches.") == [f"{line} (2) of the inches."]
    assert blocks(f"{line}\n– so it was said – a fathom.") == [f"{line} – so it was said – a fathom."]


def test_a_list_item_goes_on_in_the_lines_that_are_indented_below_it() -> None:
    assert blocks("* Shut it down.\n  Sanderling knows how.\n* Eat.\nThen go.")[:2] == [
        "* Shut it down. Sanderling knows how.",
        "* Eat.",
    ]


def test_dashes_begin_list_items_where_a_sentence_has_ended() -> None:
    assert blocks("Take:\n– boots\n– a rope for the long\nway") == [
        "Take:",
        "– boots",
        "– a rope for the long way",
    ]


def test_indented_lines_below_a_colon_are_entries() -> None:
    text = "The boat makes one trip for those who have to:\n\n    from the island 11:00\n    from town 13:00"
    assert blocks(text)[1:] == ["from the island 11:00", "from town 13:00"]


def test_lines_in_columns_are_rows() -> None:
    assert blocks("Grants      12,500\nTable fees   5,265") == ["Grants 12,500", "Table fees 5,265"]


def test_form_feeds_part_pages() -> None:
    parsed = parse("First page.\n\fSecond page.\n\f")
    assert [parsed.text[start:].split("\n")[0] for start in parsed.pages] == [
        "First page.",
        "Second page.",
        "",
    ]


def test_running_heads_at_form_feeds_are_left_out_and_the_sentence_goes_on() -> None:
    parsed = parse(
        "REPORT, 1983    Page 4\n\nRead to one-hun-\n\n\fREPORT, 1983    Page 5\n\ndredth of a degree.\n"
    )
    assert blocks(parsed.text) == ["Read to one-hun- dredth of a degree."]
    assert parsed.text[parsed.pages[1] :].strip() == "dredth of a degree."


def test_more_form_feeds_than_pages_may_be_are_line_ends() -> None:
    parsed = load(b"a\n\fb\n\fc", name="a.txt", limits=Limits(max_pages=2))
    assert (parsed.text, parsed.pages) == ("a\n\nb\n\nc", ())


def test_lines_that_only_rule_off_are_in_no_block() -> None:
    assert blocks("above the line\n-----\nbelow the line\n* * *\nend") == [
        "above the line",
        "below the line",
        "end",
    ]


def test_underlined_and_numbered_lines_are_headings() -> None:
    parsed = parse(
        "Harbours\n========\n\nText here.\n\n6.2 Ships and Ice\n\nMore.\n\n1. An item\n\n3.5 metres deep\n"
    )
    assert [(heading.level, heading.title) for heading in parsed.headings] == [
        (1, "Harbours"),
        (2, "6.2 Ships and Ice"),
    ]
    assert parsed.title == "Harbours"


def test_the_line_above_a_sum_is_no_heading() -> None:
    assert (
        parse("Grants      12,500\nDonations      905\n            ------\n            13,405").headings == ()
    )


@given(st.text(st.sampled_from("aB. \n\t-=1.2«é。\u2028*"), max_size=200))
def test_blocks_are_ascending_stripped_and_hold_every_word(text: str) -> None:
    parsed = parse("x\n\n" + text)
    end = 0
    for block in parsed.blocks:
        assert end <= block.start < block.end <= len(parsed.text)
        assert block.of(parsed.text) == block.of(parsed.text).strip()
        end = block.end
    covered = "".join(block.of(parsed.text) for block in parsed.blocks)
    assert sum(map(str.isalnum, covered)) == sum(map(str.isalnum, parsed.text))
    assert all(heading.title == heading.span.of(parsed.text) for heading in parsed.headings)


def test_the_running_heads_that_are_left_out_are_counted() -> None:
    words = ("north", "south", "east", "west", "up")
    pages = "\f".join(
        f"Tide tables\nPage {number}\n\n" + f"The water runs {word}.\n\n" * 6 + f"It is {word} again.\n"
        for number, word in enumerate(words, start=1)
    )
    parsed = load(pages.encode(), name="a.txt")
    assert "Tide tables" not in parsed.text
    assert parsed.repairs == {"running_heads": 10}
