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
    parsed = parse("<table><tr><th>Year<td>1951<tr><th>Tonnes<td><p>412<br>dry</table>")
    assert parsed.text == "Year | 1951\nTonnes | 412 dry"
    assert len(parsed.blocks) == 2


def test_a_row_of_headings_shares_a_block_with_the_row_below_it() -> None:
    assert blocks("<table><tr><th>Year<th>Tonnes<tr><td>1951<td>412<tr><td>1952<td>9</table>") == [
        "Year | Tonnes\n1951 | 412",
        "1952 | 9",
    ]
    assert blocks("<table><thead><tr><td>A<td>B<tr><td>C<td>D<tbody><tr><td>1<td>2</table>") == [
        "A | B\nC | D\n1 | 2"
    ]


def test_the_first_row_of_a_table_without_headings_is_taken_for_one() -> None:
    rows = "<tr><td>Year<td>Tonnes<tr><td>1951<td>412<tr><td>1952<td>9"
    assert blocks(f"<table>{rows}</table><p>x<table>{rows}</table>")[:2] == [
        "Year | Tonnes\n1951 | 412",
        "1952 | 9",
    ]


def test_numbered_lists_have_their_numbers() -> None:
    page = "<ol start=3><li>salt<li><p>tar</p><ol type=a><li>hot<li value=4>cold</ol>rope<li>grain</ol>"
    assert blocks(page) == ["3. salt", "4. tar", "a. hot", "d. cold", "rope", "5. grain"]
    assert blocks("<ol reversed><li>salt</ol><ul><li>tar</ul><li>rope") == ["salt", "tar", "rope"]


def test_a_line_that_begins_with_a_label_is_a_block() -> None:
    assert blocks("<p>Pay: 9 crowns<br>Start: 1 June<br>or later") == [
        "Pay: 9 crowns",
        "Start: 1 June\nor later",
    ]


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


def test_navigation_is_left_out_but_that_of_the_content() -> None:
    assert blocks("<nav>Home</nav><p>a</p>") == ["a"]
    assert blocks("<nav>Home</nav><main><nav>b</nav><p>a</main>") == ["b", "a"]
    assert blocks("<nav>Contents</nav>") == ["Contents"]


def test_heads_and_feet_of_a_page_are_left_out_if_they_are_mainly_links() -> None:
    links = '<a href="/">Home</a> <a href="/boats">Boats</a>'
    assert blocks(f"<header>{links}</header><main>a</main><footer>© {links}</footer>") == ["a"]
    assert blocks(f"<article><p>a<footer>{links}</footer></article>") == ["a", "Home Boats"]
    assert blocks(f"<header><h1>T</h1><nav>{links}</nav></header><p>a") == ["T", "a"]


def test_addresses_in_the_foot_of_a_page_are_kept() -> None:
    foot = '<footer><p>Pier Road 1 <a href="mailto:a@b.example">a@b.example</a></footer>'
    assert blocks(f"<main>a</main>{foot}") == ["a", "Pier Road 1 a@b.example"]


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
    "<footer>",
    "<ol>",
    "<thead>",
    "<a href=x>",
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


@pytest.mark.parametrize(
    "attributes",
    [
        'id="cookie-banner"',
        'class="site cookie-consent-bar visible"',
        'id="onetrust-consent-sdk"',
        'class="CybotCookiebotDialog"',
        'class="breadcrumb"',
        'class="pagination"',
        'class="post-controls"',
        'class="post-signature"',
    ],
)
def test_cookie_notices_and_the_furniture_of_forums_are_left_out(attributes: str) -> None:
    page = f"<body><main><p>The tide turns.</p><div {attributes}><p>Accept all</p></div></main></body>"
    assert load(page.encode(), name="a.html").text == "The tide turns."


def test_a_page_about_cookies_stays() -> None:
    page = '<body><div class="cookie-policy"><p>We set two cookies.</p></div><div class="signature">Ann</div></body>'
    assert load(page.encode(), name="a.html").text == "We set two cookies.\n\nAnn"
    long = f'<body><div class="cookie-notice"><p>{"We set cookies. " * 200}</p></div></body>'
    assert "We set cookies." in load(long.encode(), name="a.html").text


def test_a_page_that_is_nothing_but_furniture_stays() -> None:
    assert load(b'<body><div class="pagination">Page 1</div></body>', name="a.html").text == "Page 1"


def test_what_is_left_out_is_counted() -> None:
    page = '<body><nav><a href="/">Home</a></nav><div id="cookie-banner">Accept</div><p>The tide turns.</p></body>'
    assert load(page.encode(), name="a.html").repairs == {"chrome": 2}
    assert load(b"<body><p>The tide turns.</p></body>", name="a.html").repairs == {}


def test_superscript_numbers_are_no_part_of_the_number_before_them() -> None:
    page = "<p>10<sup>6</sup>, 10<sup>-3</sup> m<sup>2</sup>, 42<sup><a href=#f>1</a></sup> on the 5<sup>th</sup>"
    assert blocks(page) == ["10⁶, 10⁻³ m², 42¹ on the 5th"]
    assert blocks("<p>H<sub>2</sub>O, <sup>1</sup>/<sub>2</sub>, 3<sup>1</sup>&frasl;<sub>4</sub>") == [
        "H2O, 1/2, 3 1⁄4"
    ]


def test_a_cell_that_spans_rows_is_in_each_of_them() -> None:
    rows = (
        "<tr><th>Site<th>Year<th>Fee<tr><td rowspan=3>North<td>2024<td>10<tr><td>2025<td>12<tr><td>2026<td>15"
    )
    assert parse(f"<table>{rows}<tr><td>South<td>2024<td>9</table>").text == (
        "Site | Year | Fee\nNorth | 2024 | 10\nNorth | 2025 | 12\nNorth | 2026 | 15\nSouth | 2024 | 9"
    )


def test_a_heading_over_several_columns_is_over_each_of_them() -> None:
    head = "<tr><th rowspan=2>Site<th colspan=2>2024<tr><th>Low<th>High"
    assert parse(f"<table>{head}<tr><td>North<td>1<td>2<tr><td colspan=2>Sum<td>2</table>").text == (
        "Site | 2024 | 2024\nSite | Low | High\nNorth | 1 | 2\nSum |  | 2"
    )


def test_no_cell_reaches_out_of_the_head_of_its_table() -> None:
    head = "<thead><tr><th rowspan=99>Site<th>Fee</thead>"
    assert parse(f"<table>{head}<tbody><tr><td>North<td>1</table>").text == "Site | Fee\nNorth | 1"


@pytest.mark.parametrize(
    "cell", ["<td rowspan=65535>x", "<td rowspan=65535>", "<th rowspan=65535 colspan=9999>x"]
)
def test_spans_without_end_take_little(cell: str) -> None:
    page = f"<table><tr>{cell * 5000}{'<tr><td>a<td>b' * 5000}</table>"
    assert len(parse(page).text) < 1_200_000


XHTML = "http://www.w3.org/1999/xhtml"


@pytest.mark.parametrize(
    "start",
    [
        "<?xml version='1.0'?><html>",
        '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "x"><html>',
        f"<html lang='en' xmlns='{XHTML}'>",
    ],
)
def test_what_xhtml_closes_by_itself_takes_nothing_with_it(start: str) -> None:
    script = "<script>'<script src=\"x\"/>'</script><!-- <title/> -->"
    page = f"{start}<head><title/><script src='a.js'/>{script}</head><body><p>One<br/>two</p><textarea/><div/>three"
    parsed = load((page + "<![CDATA[ & <b>four</b>]]></body></html>").encode(), name="a.html")
    assert parsed.text == "One\ntwo\n\nthree & <b>four</b>"


def test_html_that_is_no_xhtml_is_read_as_browsers_read_it() -> None:
    assert blocks("<p>seen<script/>hidden</script> too") == ["seen too"]


@pytest.mark.parametrize("part", ["<!--", "<![CDATA[", "<script>", "<a b='/", "<p>a<i/></p>"])
def test_parts_of_xhtml_that_do_not_end_take_no_time(part: str) -> None:
    page = f"<html xmlns='{XHTML}'><p>x</p>{part * 50_000}"
    try:
        load(page.encode(), name="a.html")
    except DamagedDocument as error:
        assert "nests its elements too deeply" in str(error)  # noqa: PT017  either is right
