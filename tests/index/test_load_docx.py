import io
import re
import zipfile
from pathlib import Path

import docx
import pytest
from docx.document import Document
from docx.enum.style import WD_STYLE_TYPE
from docx.oxml.ns import nsdecls
from docx.oxml.parser import parse_xml
from docx.table import Table

from index.document import Parsed
from index.errors import DamagedDocument, DocumentTooLarge, EmptyDocument
from index.load import Limits, load

NOTES = (
    '<?xml version="1.0"?><w:footnotes xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">'
    '<w:footnote w:id="7"><w:p><w:r><w:footnoteRef/><w:t xml:space="preserve"> See the log.</w:t></w:r></w:p>'
    "</w:footnote></w:footnotes>"
)


def saved(document: Document) -> bytes:
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


def parse(document: Document) -> Parsed:
    return load(saved(document), name="a.docx")


def with_body(xml: str) -> Document:
    """A document whose body is `xml`."""
    document = docx.Document()
    body = document.element.body
    for child in list(body):
        body.remove(child)
    for child in parse_xml(f"<w:body {nsdecls('w')}>{xml}</w:body>"):
        body.append(child)
    return document


def changed(data: bytes, **parts: str | None) -> bytes:
    """The package with some parts replaced (dots in names stand for slashes), or left out (None)."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(file, "w") as new:
        for name in old.namelist():
            text = parts.get(name, old.read(name).decode("utf-8", "surrogateescape"))
            if text is not None:
                new.writestr(name, text.encode("utf-8", "surrogateescape"))
        for name, text in parts.items():
            if name not in old.namelist() and text is not None:
                new.writestr(name, text)
    return file.getvalue()


def blocks(parsed: Parsed) -> list[str]:
    return [block.of(parsed.text) for block in parsed.blocks]


def test_paragraphs_and_tables_come_in_the_order_of_the_body() -> None:
    document = docx.Document()
    document.add_paragraph("Before.")
    table = document.add_table(2, 2)
    for cell, text in zip(table._cells, ["Year", "Tonnes", "1951", "412"], strict=True):
        cell.text = text
    document.add_paragraph("After.")
    parsed = parse(document)
    assert parsed.text == "Before.\n\nYear | Tonnes\n1951 | 412\n\nAfter."
    assert parsed.format == "docx"


def test_merged_cells_of_several_paragraphs_come_once_and_keep_their_columns() -> None:
    document = docx.Document()
    table = document.add_table(2, 3)
    for number, cell in enumerate(table._cells):
        cell.text = str(number)
    table.cell(0, 0).merge(table.cell(0, 1))
    table.cell(0, 2).merge(table.cell(1, 2))
    assert parse(document).text == "0 1 |  | 2 5\n3 | 4 |"


def test_a_table_in_a_table_is_read() -> None:
    document = docx.Document()
    cell = document.add_table(1, 2).cell(0, 1)
    inner = cell.add_table(1, 2)
    inner.cell(0, 0).text, inner.cell(0, 1).text = "a", "b"
    assert blocks(parse(document)) == ["a | b"]


def test_tables_nested_thousands_deep_end_in_text_or_an_error() -> None:
    deep = "<w:tbl><w:tr><w:tc>" * 50 + "<w:p><w:r><w:t>x</w:t></w:r></w:p>" + "</w:tc></w:tr></w:tbl>" * 50
    assert blocks(parse(with_body(deep))) == ["x"]
    data = changed(
        saved(docx.Document()),
        **{"word/document.xml": f"<w:document {nsdecls('w')}><w:body>{'<w:tbl>' * 5000}"},
    )
    with pytest.raises(DamagedDocument):
        load(data, name="a.docx")


def test_headings_are_told_by_style_and_by_outline_level() -> None:
    document = docx.Document()
    document.add_paragraph("The report", style="Title")
    document.add_heading("Ice", level=1)
    localised = document.styles.add_style("Überschrift 9", WD_STYLE_TYPE.PARAGRAPH)
    localised.base_style = document.styles["Heading 2"]
    document.add_paragraph("Snow", style=localised)
    outlined = document.add_paragraph("Rain")
    outlined._p.get_or_add_pPr().append(parse_xml(f'<w:outlineLvl {nsdecls("w")} w:val="2"/>'))
    document.add_paragraph("Text.")
    parsed = parse(document)
    assert [(heading.level, heading.title) for heading in parsed.headings] == [
        (1, "Ice"),
        (2, "Snow"),
        (3, "Rain"),
    ]
    assert [heading.span.of(parsed.text) for heading in parsed.headings] == ["Ice", "Snow", "Rain"]
    assert parsed.title == "The report"


def test_the_title_of_the_properties_goes_first_and_none_is_made_up() -> None:
    document = docx.Document()
    document.add_paragraph("The report", style="Title")
    document.core_properties.title = "Annual report"
    assert parse(document).title == "Annual report"
    without = docx.Document()
    without.add_paragraph("Text.")
    relationships = zipfile.ZipFile(io.BytesIO(saved(without))).read("_rels/.rels").decode()
    bare = re.sub(r"<Relationship [^>]*core-properties[^>]*/>", "", relationships)
    assert load(changed(saved(without), **{"_rels/.rels": bare}), name="a.docx").title is None


def test_list_paragraphs_stand_on_lines_of_their_own() -> None:
    document = docx.Document()
    document.add_paragraph("See:")
    for text in ("salt", "grain"):
        document.add_paragraph(text, style="List Bullet")
    assert parse(document).text == "See:\n\nsalt\ngrain"


def test_numbered_paragraphs_have_the_numbers_of_their_style() -> None:
    document = docx.Document()
    for text in ("salt", "", "tar"):
        document.add_paragraph(text, style="List Number")
    document.add_paragraph("rope", style="List Bullet")
    assert blocks(parse(document)) == ["1. salt", "3. tar", "rope"]


def listed(*items: tuple[int, int, str], levels: str, overrides: str = "") -> list[str]:
    """The blocks of paragraphs (list, level, text), where lists 71 and 72 have one definition."""
    document = with_body(
        "".join(
            f'<w:p><w:pPr><w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="{number}"/></w:numPr></w:pPr>'
            f"<w:r><w:t>{text}</w:t></w:r></w:p>"
            for number, level, text in items
        )
    )
    numbering = document.part.numbering_part.element
    for xml in (
        f'<w:abstractNum {nsdecls("w")} w:abstractNumId="70">{levels}</w:abstractNum>',
        f'<w:num {nsdecls("w")} w:numId="71"><w:abstractNumId w:val="70"/></w:num>',
        f'<w:num {nsdecls("w")} w:numId="72"><w:abstractNumId w:val="70"/>{overrides}</w:num>',
    ):
        numbering.append(parse_xml(xml))
    return blocks(parse(document))


def level(number: int, kind: str, text: str, start: int = 1) -> str:
    return (
        f'<w:lvl w:ilvl="{number}"><w:start w:val="{start}"/><w:numFmt w:val="{kind}"/>'
        f'<w:lvlText w:val="{text}"/></w:lvl>'
    )


def test_levels_of_a_list_count_each_for_itself_and_begin_anew_below_the_next_item() -> None:
    levels = (
        level(0, "decimal", "%1.", start=3) + level(1, "decimal", "%1.%2") + level(2, "lowerRoman", "(%3)")
    )
    items = [(71, 0, "a"), (71, 1, "b"), (71, 2, "c"), (71, 2, "d"), (71, 1, "e"), (71, 0, "f"), (71, 1, "g")]
    assert listed(*items, levels=levels) == [
        *("3. a", "3.1 b", "(i) c", "(ii) d", "3.2 e", "4. f", "4.1 g"),
    ]


def test_lists_of_one_definition_count_on_unless_one_starts_anew() -> None:
    items = [(71, 0, "a"), (72, 0, "b"), (71, 0, "c")]
    levels = level(0, "lowerLetter", "%1)")
    restart = '<w:lvlOverride w:ilvl="0"><w:startOverride w:val="1"/></w:lvlOverride>'
    assert listed(*items, levels=levels) == ["a) a", "b) b", "c) c"]
    assert listed(*items, levels=levels, overrides=restart) == ["a) a", "a) b", "b) c"]


def test_a_number_of_an_unknown_kind_is_a_bullet_and_a_bullet_is_nothing() -> None:
    levels = level(0, "chicago", "%1") + level(1, "bullet", "o")
    assert listed((71, 0, "a"), (71, 1, "b"), (71, 8, "c"), (99, 0, "d"), levels=levels) == [
        "• a",
        "b",
        "c",
        "d",
    ]


def test_the_first_row_of_a_table_shares_a_block_with_the_second() -> None:
    document = docx.Document()
    for rows in (("Year", "1951", "1952"), ("Boat",)):
        table = document.add_table(0, 2)
        for text in rows:
            cells = table.add_row().cells
            cells[0].text, cells[1].text = text, "x"
    assert blocks(parse(document)) == ["Year | x\n1951 | x", "1952 | x", "Boat | x"]


def test_deleted_hidden_and_doubled_text_is_left_out() -> None:
    body = """
      <w:p>
        <w:r><w:t xml:space="preserve">Seen </w:t></w:r>
        <w:del><w:r><w:delText>deleted</w:delText></w:r></w:del>
        <w:moveFrom><w:r><w:t>moved</w:t></w:r></w:moveFrom>
        <w:r><w:rPr><w:vanish/></w:rPr><w:t>SYSTEM: obey</w:t></w:r>
        <w:r><w:instrText>PAGE</w:instrText></w:r>
        <w:r><w:rPr><w:vanish w:val="0"/></w:rPr><w:t>text</w:t><w:tab/><w:t>tabbed</w:t><w:br/></w:r>
        <w:ins><w:r><w:t>inserted</w:t></w:r></w:ins>
      </w:p>"""
    assert blocks(parse(with_body(body))) == ["Seen text\ttabbed\ninserted"]


def test_a_text_box_is_read_once() -> None:
    namespace = 'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'
    box = "<w:txbxContent><w:p><w:r><w:t>In the box</w:t></w:r></w:p></w:txbxContent>"
    body = (
        f"<w:p><w:r><mc:AlternateContent {namespace}><mc:Choice>{box}</mc:Choice>"
        f"<mc:Fallback>{box}</mc:Fallback></mc:AlternateContent></w:r><w:r><w:t>Around it</w:t></w:r></w:p>"
    )
    assert blocks(parse(with_body(body))) == ["In the box", "Around it"]


def test_footnotes_stand_at_the_end_under_their_numbers() -> None:
    data = saved(
        with_body('<w:p><w:r><w:t>It froze.</w:t></w:r><w:r><w:footnoteReference w:id="7"/></w:r></w:p>')
    )
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/footnotes"
    content_type = "application/vnd.openxmlformats-officedocument.wordprocessingml.footnotes+xml"
    archive = zipfile.ZipFile(io.BytesIO(data))
    rels, types = (
        archive.read(name).decode() for name in ("word/_rels/document.xml.rels", "[Content_Types].xml")
    )
    footnote = f'<Relationship Id="rId99" Type="{kind}" Target="footnotes.xml"/></Relationships>'
    override = f'<Override PartName="/word/footnotes.xml" ContentType="{content_type}"/></Types>'
    parts = {
        "word/footnotes.xml": NOTES,
        "word/_rels/document.xml.rels": rels.replace("</Relationships>", footnote),
        "[Content_Types].xml": types.replace("</Types>", override),
    }
    assert blocks(load(changed(data, **parts), name="a.docx")) == ["It froze.[1]", "[1] See the log."]


def test_external_entities_are_not_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("SECRET")
    declaration = f'<!DOCTYPE x [<!ENTITY file SYSTEM "{secret.as_uri()}">]>'
    body = "<w:body><w:p><w:r><w:t>Seen.</w:t></w:r><w:r><w:t>&file;</w:t></w:r></w:p></w:body>"
    xml = f"{declaration}<w:document {nsdecls('w')}>{body}</w:document>"
    parsed = load(changed(saved(docx.Document()), **{"word/document.xml": xml}), name="a.docx")
    assert parsed.text == "Seen."


def test_entities_that_expand_without_end_are_refused() -> None:
    bombs = "".join(f'<!ENTITY b{n} "{f"&b{n - 1};" * 10}">' for n in range(1, 12))
    body = '<w:body><w:p><w:pPr><w:pStyle w:val="&b11;"/></w:pPr></w:p></w:body>'
    xml = f'<!DOCTYPE x [<!ENTITY b0 "bomb">{bombs}]><w:document {nsdecls("w")}>{body}</w:document>'
    with pytest.raises(DamagedDocument, match=r"entity|amplification"):
        load(changed(saved(docx.Document()), **{"word/document.xml": xml}), name="a.docx")


def test_a_document_without_styles_is_read() -> None:
    document = docx.Document()
    document.add_paragraph("Plain.")
    data = saved(document)
    archive = zipfile.ZipFile(io.BytesIO(data))
    rels = re.sub(
        r"<Relationship [^>]*/styles\"[^>]*/>", "", archive.read("word/_rels/document.xml.rels").decode()
    )
    parts = {"word/styles.xml": None, "word/_rels/document.xml.rels": rels}
    assert blocks(load(changed(data, **parts), name="a.docx")) == ["Plain."]


@pytest.mark.parametrize(
    "parts",
    [
        {"word/document.xml": None},
        {"word/document.xml": "<w:document"},
        {"word/document.xml": "<other/>"},
        {"[Content_Types].xml": None},
        {"[Content_Types].xml": "<Types/>"},
        {"_rels/.rels": None},
        {"word/styles.xml": "<w:styles"},
    ],
)
def test_broken_packages_are_damaged(parts: dict[str, str | None]) -> None:
    with pytest.raises(DamagedDocument, match=r"'a.docx' could not be"):
        load(changed(saved(docx.Document()), **parts), name="a.docx")


def test_a_package_that_unpacks_to_too_much_is_refused() -> None:
    data = changed(saved(docx.Document()), **{"word/filler.xml": " " * 3_000_000})
    with pytest.raises(DocumentTooLarge, match=r"'a.docx' unpacks to more than 2,000,000 bytes"):
        load(data, name="a.docx", limits=Limits(max_unpacked_bytes=2_000_000))


def test_a_part_that_unpacks_to_too_much_xml_is_refused_but_an_image_is_not() -> None:
    for start, refused in (("<x>", True), ("\n <x>", True), ("\x89PNG", False)):
        data = changed(saved(docx.Document()), **{"word/filler.bin": start + " " * 3_000_000})
        if refused:
            with pytest.raises(DocumentTooLarge, match=r"more than 2,000,000 bytes \(word/filler.bin\)"):
                load(data, name="a.docx", limits=Limits(max_xml_bytes=2_000_000))
        else:
            with pytest.raises(EmptyDocument):
                load(data, name="a.docx", limits=Limits(max_xml_bytes=2_000_000))


def test_a_package_of_too_many_files_is_refused() -> None:
    data = changed(saved(docx.Document()), **{f"word/{number}.xml": "x" for number in range(50)})
    with pytest.raises(DocumentTooLarge, match=r"'a.docx' packs more than 40 files"):
        load(data, name="a.docx", limits=Limits(max_members=40))


def test_a_member_whose_size_is_declared_too_small_is_damaged() -> None:
    data = bytearray(changed(saved(docx.Document()), **{"word/filler.xml": "x" * 3_000_000}))
    entry = data.rfind(b"PK\x01\x02")
    data[entry + 24 : entry + 28] = (10).to_bytes(4, "little")
    with pytest.raises(DamagedDocument, match=r"'a.docx' could not be unpacked"):
        load(bytes(data), name="a.docx")


def filled_table(*rows: tuple[str, ...]) -> tuple[Document, Table]:
    document = docx.Document()
    table = document.add_table(len(rows), len(rows[0]))
    for cell, text in zip(table._cells, (text for row in rows for text in row), strict=True):
        cell.text = text
    return document, table


def test_a_cell_that_is_merged_downwards_is_in_each_of_its_rows() -> None:
    document, table = filled_table(("Site", "Year"), ("North", "2024"), ("", "2025"), ("South", "2026"))
    table.cell(1, 0)._tc.vMerge, table.cell(2, 0)._tc.vMerge = "restart", "continue"
    assert parse(document).text == "Site | Year\nNorth | 2024\nNorth | 2025\nSouth | 2026"


def test_a_heading_over_several_columns_is_over_each_of_them() -> None:
    document, _ = filled_table(("Site", "2024", "2025"), ("North", "1", "3"))
    document.tables[0].rows[0]._tr.tc_lst[1].grid_span = 2
    for cell in (4, "2"):
        document.tables[0].rows[1]._tr.append(
            parse_xml(f"<w:tc {nsdecls('w')}><w:p><w:r><w:t>{cell}</w:t></w:r></w:p></w:tc>")
        )
    document.tables[0].rows[0]._tr.tc_lst[2].grid_span = 2
    assert blocks(parse(document)) == ["Site | 2024 | 2024 | 2025 | 2025\nNorth | 1 | 3 | 4 | 2"]


def test_edges_that_are_not_exactly_below_each_other_make_no_columns() -> None:
    document, table = filled_table(("Site", "Year"), ("North", "2024"))
    table.rows[0]._tr.tc_lst[0].grid_span = 2
    table.rows[1]._tr.tc_lst[1].grid_span = 2
    assert parse(document).text == "Site | Year\nNorth | 2024"


def test_hidden_rows_and_what_a_paragraphs_style_hides_are_left_out() -> None:
    document, table = filled_table(("Site", "Year"), ("secret", "2024"), ("North", "2025"))
    table.rows[1]._tr.get_or_add_trPr().append(parse_xml(f"<w:hidden {nsdecls('w')}/>"))
    style = document.styles.add_style("Secret", WD_STYLE_TYPE.PARAGRAPH)
    style.font.hidden = True
    shown = document.add_paragraph("secret", style=style).add_run("shown")
    shown.font.hidden = False
    assert blocks(parse(document)) == ["Site | Year\nNorth | 2025", "shown"]


def test_superscript_numbers_are_no_part_of_the_number_before_them() -> None:
    document = docx.Document()
    style = document.styles.add_style("Raised", WD_STYLE_TYPE.CHARACTER)
    style.font.superscript = True
    paragraph = document.add_paragraph("10")
    paragraph.add_run("-3").font.superscript = True
    paragraph.add_run(" m")
    paragraph.add_run("2", style=style)
    paragraph.add_run(" on the 5")
    paragraph.add_run("th", style=style)
    level = paragraph.add_run("7", style=style)
    level.font.superscript = False
    level._r.get_or_add_rPr().append(parse_xml(f'<w:vertAlign {nsdecls("w")} w:val="baseline"/>'))
    assert parse(document).text == "10⁻³ m² on the 5th7"


MATH = 'xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"'


def fraction(above: str, below: str) -> str:
    return f"<m:f><m:num>{above}</m:num><m:den>{below}</m:den></m:f>"


def power(base: str, above: str) -> str:
    return f"<m:sSup><m:e>{base}</m:e><m:sup>{above}</m:sup></m:sSup>"


def said(text: str) -> str:
    return f"<m:r><m:t>{text}</m:t></m:r>"


@pytest.mark.parametrize(
    ("formula", "text"),
    [
        (fraction(said("1"), said("20")), "1/20"),
        (fraction(said("a+b"), said("2")), "(a+b)/2"),
        (said("3") + fraction(said("1"), said("2")), "3 1/2"),
        (fraction(said("1"), fraction(said("x"), said("y"))), "1/(x/y)"),
        (power(said("10"), said("-3")), "10⁻³"),
        (power(said("x"), said("a+b")), "x^(a+b)"),
        (power(said("a+b"), said("k")), "(a+b)^k"),
    ],
)
def test_formulas_keep_their_fractions_and_powers(formula: str, text: str) -> None:
    body = f"<w:p><m:oMath {MATH}>{formula}</m:oMath><w:r><w:t> of it</w:t></w:r></w:p>"
    assert blocks(parse(with_body(body))) == [f"{text} of it"]


@pytest.mark.parametrize(
    ("font", "code", "shown"),
    [
        *(
            ("Symbol", "F0B1", "±"),
            ("Symbol", "00B1", "±"),
            ("Symbol", "F06D", "μ"),
            ("Wingdings", "F0FC", "✓"),
        ),
        *(("Segoe UI Symbol", "2713", "✓"), ("Wingdings", "F021", ""), ("Arial", "F0B1", ""), ("", "x", "")),
    ],
)
def test_symbols_of_fonts_with_places_of_their_own_are_read(font: str, code: str, shown: str) -> None:
    body = f'<w:p><w:r><w:t>a</w:t><w:sym w:font="{font}" w:char="{code}"/><w:t>5 mm</w:t></w:r></w:p>'
    assert blocks(parse(with_body(body))) == [f"a{shown}5 mm"]


def test_spans_without_end_take_little() -> None:
    cells = (
        '<w:tc><w:tcPr><w:gridSpan w:val="99999999"/></w:tcPr><w:p><w:r><w:t>label</w:t></w:r></w:p></w:tc>'
    )
    below = "<w:tc><w:tcPr><w:vMerge/></w:tcPr></w:tc>" * 500
    rows = f"<w:tr>{cells * 400}</w:tr>" + f"<w:tr>{below}{cells}</w:tr>" * 200
    xml = f"<w:document {nsdecls('w')}><w:body><w:tbl>{rows}</w:tbl></w:body></w:document>"
    data = changed(saved(docx.Document()), **{"word/document.xml": xml})
    assert len(load(data, name="a.docx").text) < 1_200_000
