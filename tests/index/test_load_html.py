import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.document import Parsed
from index.errors import DamagedDocument, EmptyDocument
from index.load import load
from index.load.canonical import canonical


def parse(html: str) -> Parsed:
    return load(("<!doctype html>" + html).encode(), name="a.html")


def blocks(html: str) -> list[str]:
    parsed = parse(html)
    return [block.of(parsed.text) for block in parsed.blocks]


def test_block_elements_are_blocks_and_inline_ones_are_not() -> None:
    assert blocks("<p>The <b>bo</b>ld\n  word<div>Next</div>last") == ["The bold word", "Next", "last"]


def test_a_line_break_is_a_newline_and_two_part_paragraphs() -> None:
    assert blocks("<p>one <br> two<br><br>three") == ["one\ntwo", "three"]


def test_preformatted_text_keeps_its_spaces() -> None:
    assert blocks("<pre>a  b\n  c</pre>") == ["a  b\n  c"]


def test_list_items_stand_on_lines_of_their_own() -> None:
    parsed = parse("<p>See:<ul><li>salt<li><p>grain</ul>")
    assert parsed.text == "See:\n\nsalt\ngrain"


def test_a_table_row_is_a_line_of_cells() -> None:
    parsed = parse("<table><tr><th>Year<th>Tonnes<tr><td>1951<td><p>412<br>dry</table>")
    assert parsed.text == "Year | Tonnes\n1951 | 412 dry"
    assert len(parsed.blocks) == 2


def test_a_table_that_only_lays_the_page_out_is_no_row() -> None:
    assert blocks("<table><tr><td>Menu<td><h1>Title</h1><p>Text</table>") == ["Menu", "Title", "Text"]


def test_cells_of_a_table_in_a_table_come_in_order() -> None:
    assert blocks("<table><tr><td>a<td><table><tr><td>1<td>2</table>b</table>") == ["a", "1 | 2", "b"]


def test_headings_and_the_title_are_found() -> None:
    parsed = parse("<title>The &amp; page</title><svg><title>no</title></svg><h2>Sub <i>two</i></h2>text")
    assert parsed.title == "The & page"
    assert [(heading.level, heading.title) for heading in parsed.headings] == [(2, "Sub two")]
    assert [heading.span.of(parsed.text) for heading in parsed.headings] == ["Sub two"]


def test_without_a_title_the_first_main_heading_is_it() -> None:
    assert parse("<h2>a</h2><h1>b</h1>").title == "b"


@pytest.mark.parametrize(
    "hidden",
    [
        "<p hidden>X</p>",
        '<p aria-hidden="true">X</p>',
        '<p style="color: red; display : none">X</p>',
        '<p style="visibility:hidden">X</p>',
        '<p style="font-size:0px">X</p>',
        '<p style="font-size: 0.0em !important;">X</p>',
        '<div style="opacity:0"><p>X</div>',
        "<script>X</script>",
        "<style>X</style>",
        "<template>X</template>",
        "<noscript>X</noscript>",
        "<svg><text>X</text></svg>",
        "<dialog>X</dialog>",
        "<!-- X -->",
    ],
)
def test_what_a_reader_does_not_see_is_left_out(hidden: str) -> None:
    assert blocks(f"<p>seen</p>{hidden}") == ["seen"]


def test_small_text_is_not_hidden_text() -> None:
    assert blocks('<p style="font-size:0.8em;opacity:0.5">seen') == ["seen"]


def test_navigation_is_left_out_only_where_the_content_is_marked() -> None:
    assert blocks("<nav>Home</nav><p>a</p><footer>b</footer>") == ["Home", "a", "b"]
    assert blocks("<nav>Home</nav><main><p>a</p><footer>b</footer></main><footer>c</footer>") == ["a", "b"]


@pytest.mark.parametrize("charset", ["windows-1251", "koi8-r"])
def test_the_declared_charset_is_used(charset: str) -> None:
    page = f"<html><meta charset={charset}><p>Снег".encode(charset)
    assert load(page, name="a.html").text == "Снег"


def test_a_declared_charset_that_lies_is_not_used() -> None:
    meta = '<meta http-equiv="Content-Type" content="text/html; charset=UTF-8">'
    page = f"<html>{meta}<p>Утром над рекой стоял туман."
    assert load(page.encode("cp1251"), name="a.html").text == "Утром над рекой стоял туман."


def test_pages_nested_thousands_deep_are_read() -> None:
    assert blocks("<div>" * 5_000 + "x") == ["x"]


@pytest.mark.parametrize("part", ["<div>", "<table><tr><td>", "<b>"])
def test_pages_nested_so_deeply_that_parsing_takes_minutes_are_refused(part: str) -> None:
    with pytest.raises(DamagedDocument, match=r"'a.html' nests its elements too deeply"):
        parse(part * 100_000 + "x")


OPENING = (
    "<p>",
    "<b>",
    "<div>",
    "<table>",
    "<tr>",
    "<td>",
    "<li>",
    "<ul>",
    "<pre>",
    "<h1>",
    "<main>",
    "<nav>",
)
CLOSING = ("</p>", "</b>", "</div>", "</table>", "</ul>", "</pre>", "</h1>", "<br>", "<p hidden>", "<!--")
WORDS = ("a", "é", "|", "e\u0301", " ", "\n", "\v", "&nbsp;")


@given(st.lists(st.sampled_from([*OPENING, *CLOSING, *WORDS])))
def test_any_tag_soup_becomes_canonical_text_in_blocks(tags: list[str]) -> None:
    try:
        parsed = parse("".join(tags))
    except EmptyDocument:
        return
    assert canonical(parsed.text) == parsed.text
    end = 0
    for block in parsed.blocks:
        assert end <= block.start < block.end <= len(parsed.text)
        assert block.of(parsed.text) == block.of(parsed.text).strip()
        end = block.end
    for heading in parsed.headings:
        assert heading.title == " ".join(heading.span.of(parsed.text).split())
