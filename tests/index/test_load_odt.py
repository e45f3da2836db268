import io
import zipfile

import pytest

from index.document import Parsed
from index.errors import DamagedDocument, DocumentTooLarge, EncryptedDocument
from index.load import Limits, load

NAMES = " ".join(
    f'xmlns:{prefix}="urn:oasis:names:tc:opendocument:xmlns:{prefix}:1.0"'
    for prefix in ("office", "text", "table", "draw")
)


def packed(content: str, **others: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.text")
        archive.writestr("content.xml", content, zipfile.ZIP_DEFLATED)
        for path, text in others.items():
            archive.writestr(path.replace("__", "/").replace("_", "."), text)
    return file.getvalue()


def odt(body: str, **others: str) -> bytes:
    return packed(
        f"<office:document-content {NAMES}><office:body><office:text>{body}</office:text></office:body>"
        "</office:document-content>",
        **others,
    )


def parse(body: str) -> Parsed:
    return load(odt(body), name="a.odt")


def blocks(parsed: Parsed) -> list[str]:
    return [block.of(parsed.text) for block in parsed.blocks]


def test_headings_paragraphs_and_lists_are_blocks() -> None:
    parsed = parse(
        '<text:h text:outline-level="2">Rules</text:h>'
        '<text:p>Wear<text:s text:c="2"/>a <text:span>vest</text:span>.</text:p>'
        "<text:list><text:list-item><text:p>one</text:p></text:list-item><text:list-item><text:p>two</text:p>"
        "</text:list-item></text:list>"
    )
    assert parsed.format == "odt"
    assert parsed.text == "Rules\n\nWear  a vest.\n\none\ntwo"
    assert [(it.level, it.title) for it in parsed.headings] == [(2, "Rules")]


def test_a_table_row_is_a_line_and_its_header_shares_a_block_with_the_first() -> None:
    def cells(*texts: str) -> str:
        return (
            "<table:table-row>"
            + "".join(f"<table:table-cell><text:p>{text}</text:p></table:table-cell>" for text in texts)
            + "<table:covered-table-cell/></table:table-row>"
        )

    header = f"<table:table-header-rows>{cells('item', 'count')}</table:table-header-rows>"
    table = f"<table:table>{header}{cells('rope', '12')}{cells('buoy', '3')}</table:table>"
    assert blocks(parse(table)) == ["item | count\nrope | 12", "buoy | 3"]


def test_notes_stand_at_the_end_under_their_numbers() -> None:
    body = "<text:note-body><text:p>See the log.</text:p></text:note-body>"
    note = f"<text:note><text:note-citation>1</text:note-citation>{body}</text:note>"
    assert blocks(parse(f"<text:p>It sank{note}.</text:p><text:p>End.</text:p>")) == [
        "It sank[1].",
        "End.",
        "[1] See the log.",
    ]


def test_text_boxes_are_read_and_deleted_text_and_comments_are_not() -> None:
    parsed = parse(
        "<text:tracked-changes><text:p>deleted</text:p></text:tracked-changes><text:p>Kept"
        "<office:annotation><text:p>comment</text:p></office:annotation><draw:frame><draw:text-box><text:p>In a box."
        "</text:p></draw:text-box></draw:frame>.</text:p><text:hidden-paragraph><text:p>hidden</text:p></text:hidden-paragraph>"
    )
    assert parsed.text == "Kept.\n\nIn a box."


def test_the_title_is_that_of_the_properties() -> None:
    meta = '<m xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>House rules</dc:title></m>'
    assert load(odt("<text:p>x</text:p>", meta_xml=meta), name="a.odt").title == "House rules"


def test_repeats_and_blanks_without_end_take_no_memory() -> None:
    body = (
        '<text:p>a<text:s text:c="2000000000"/>b</text:p><table:table><table:table-row '
        'table:number-rows-repeated="1000000000"><table:table-cell table:number-columns-repeated="1000000000">'
        "<text:p>cell</text:p></table:table-cell></table:table-row></table:table>"
    )
    assert len(parse(body).text) < 200


def table(*rows: str, attributes: str = "") -> str:
    inner = "".join(f"<table:table-row {attributes}>{row}</table:table-row>" for row in rows)
    return f"<table:table>{inner}</table:table>"


def cells(*texts: str, attributes: str = "") -> str:
    return "".join(
        f"<table:table-cell {attributes}><text:p>{text}</text:p></table:table-cell>" for text in texts
    )


COVERED = "<table:covered-table-cell/>"


def test_a_cell_that_spans_rows_is_in_each_of_them() -> None:
    pier = cells("North pier", attributes='table:number-rows-spanned="3"')
    rows = (
        pier + cells("5", "35"),
        COVERED + cells("10", "70"),
        COVERED + cells("15", "105"),
        cells("South", "5", "30"),
    )
    assert parse(table(cells("Berth", "Length", "Fee"), *rows)).text == (
        "Berth | Length | Fee\nNorth pier | 5 | 35\nNorth pier | 10 | 70\nNorth pier | 15 | 105\nSouth | 5 | 30"
    )


def test_a_long_text_beside_rows_is_read_once() -> None:
    story = cells("word " * 100, attributes='table:number-rows-spanned="2"')
    assert parse(table(story + cells("5", "35"), COVERED + cells("10", "70"))).text.count("word") == 100


def test_a_row_that_is_only_covered_repeats_nothing() -> None:
    pier = cells("North pier", attributes='table:number-rows-spanned="2"')
    assert parse(table(pier + cells("5"), COVERED + cells(""))).text == "North pier | 5"


def test_repeated_cells_and_rows_are_repeated() -> None:
    cell = cells("rep", attributes='table:number-columns-repeated="2"')
    assert parse(table(cell, attributes='table:number-rows-repeated="2"')).text == "rep | rep\nrep | rep"


def test_repeats_in_repeats_stay_within_the_limit_of_text() -> None:
    body = "<text:p>cell</text:p>"
    for _ in range(6):
        cell = f'<table:table-cell table:number-columns-repeated="90">{body}</table:table-cell>'
        body = table(cell, attributes='table:number-rows-repeated="90"')
    limits = Limits(max_text_chars=50_000)
    assert len(load(odt(body), name="a.odt", limits=limits).text) <= 50_000


def test_a_document_with_a_password_is_encrypted() -> None:
    manifest = (
        '<manifest xmlns="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"><encryption-data/></manifest>'
    )
    with pytest.raises(EncryptedDocument, match=r"'a\.odt' is protected by a password"):
        load(odt("<text:p>x</text:p>", **{"META-INF__manifest_xml": manifest}), name="a.odt")


@pytest.mark.parametrize(
    "content",
    [
        '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
        '<!DOCTYPE a [<!ENTITY b "laugh"><!ENTITY c "&b;&b;&b;">]><a>&c;</a>',
        "<a>",
        "<a/>",
        "",
    ],
)
def test_entities_and_broken_parts_are_damage(content: str) -> None:
    with pytest.raises(DamagedDocument, match=r"'a\.odt'"):
        load(packed(content), name="a.odt")


@pytest.mark.parametrize("tag", ["text:span", "text:section", "text:list", "draw:frame"])
def test_deep_nesting_is_damage(tag: str) -> None:
    deep = f"<{tag}>" * 50_000 + "x" + f"</{tag}>" * 50_000
    with pytest.raises(DamagedDocument, match=r"nests its parts too deeply"):
        parse(f"<text:p>{deep}</text:p>" if tag == "text:span" else deep)


def test_text_over_the_limit_is_refused() -> None:
    with pytest.raises(DocumentTooLarge, match=r"holds more than 50 characters"):
        load(odt("<text:p>" + "x" * 100 + "</text:p>"), name="a.odt", limits=Limits(max_text_chars=50))


STYLES = """
  <style:style style:name="Gone" style:family="paragraph"><style:text-properties text:display="none"/></style:style>
  <style:style style:name="P1" style:family="paragraph" style:parent-style-name="Gone"/>
  <style:style style:name="Gone" style:family="text"><style:text-properties text:display="none"/></style:style>
  <style:style style:name="Up" style:family="text"><style:text-properties style:text-position="super 58%"/>
  </style:style>
  <style:style style:name="Third" style:family="text"><style:text-properties style:text-position="33% 58%"/>
  </style:style>
  <style:style style:name="Down" style:family="text"><style:text-properties style:text-position="sub 58%"/>
  </style:style>
  <style:style style:name="Loop" style:family="text" style:parent-style-name="Loop"/>"""


@pytest.mark.parametrize("place", ["content.xml", "styles.xml"])
def test_what_styles_hide_is_left_out_and_superscript_numbers_are_raised(place: str) -> None:
    styles = f"<office:automatic-styles>{STYLES}</office:automatic-styles>"
    body = (
        '<text:p text:style-name="P1">gone</text:p><text:p>Seen<text:span text:style-name="Gone"> gone'
        "<text:s/><text:note><text:note-body><text:p>gone</text:p></text:note-body></text:note></text:span> 10"
        '<text:span text:style-name="Up">6</text:span> m<text:span text:style-name="Third">2</text:span> CO'
        '<text:span text:style-name="Down">2</text:span> 5<text:span text:style-name="Up">th</text:span>'
        '<text:span text:style-name="Loop">!</text:span></text:p>'
        '<text:section text:display="none"><text:p>gone</text:p></text:section>'
        '<text:section text:display="condition" text:is-hidden="true"><text:p>gone</text:p></text:section>'
        '<text:section text:display="true"><text:p>End.</text:p></text:section>'
    )
    names = NAMES + ' xmlns:style="urn:oasis:names:tc:opendocument:xmlns:style:1.0"'
    own, others = (styles, "") if place == "content.xml" else ("", styles)
    text = f"{own}<office:body><office:text>{body}</office:text></office:body>"
    data = packed(
        f"<office:document-content {names}>{text}</office:document-content>",
        styles_xml=f"<office:document-styles {names}>{others}</office:document-styles>",
    )
    assert load(data, name="a.odt").text == "Seen 10⁶ m² CO2 5th!\n\nEnd."


def test_a_heading_over_several_columns_is_over_each_of_them() -> None:
    head = cells("Site") + cells("2024", attributes='table:number-columns-spanned="2"') + COVERED
    assert parse(table(head, cells("North", "1", "2"))).text == "Site | 2024 | 2024\nNorth | 1 | 2"
