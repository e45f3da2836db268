import io
import logging

import pytest
from pypdf import PdfReader, PdfWriter

from index.document import Parsed
from index.errors import DamagedDocument, DocumentTooLarge, EmptyDocument, EncryptedDocument
from index.load import Limits, load


def pdf(
    *pages: str | bytes, extra: tuple[bytes, ...] = (), resources: bytes = b"", annotations: bytes = b""
) -> bytes:
    """A PDF with these pages: text with a line for each line, or a content stream as it is."""
    page_numbers = [4 + 2 * number for number in range(len(pages))]
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R %s >>" % (b"/AcroForm << >>" if annotations else b""),
        b"<< /Type /Pages /Count %d /Kids [%s] >>"
        % (len(pages), b" ".join(b"%d 0 R" % number for number in page_numbers)),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    for number, page in zip(page_numbers, pages, strict=True):
        content = page if isinstance(page, bytes) else show(page)
        objects += [
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents %d 0 R "
            b"/Resources << /Font << /F 3 0 R /B << /Type /Font /Subtype /Type1 /BaseFont /Helvetica-Bold >> >> "
            b"%s >> /Annots [%s] >>" % (number + 1, resources, annotations),
            b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        ]
    return assemble([*objects, *extra])


def show(text: str) -> bytes:
    lines = b" ".join(
        b"(%s) Tj T*" % line.encode("cp1252").replace(b"(", b"\\(").replace(b")", b"\\)")
        for line in text.split("\n")
    )
    return b"BT /F 12 Tf 14 TL 50 750 Td " + lines + b" ET"


def placed(*shown: tuple[float, float, str], font: str = "F", size: float = 10) -> bytes:
    """A content stream that shows each text at its place, as programs show the cells of tables."""
    return b"".join(
        b"BT /%s %g Tf %g %g Td (%s) Tj ET\n"
        % (font.encode(), size, x, y, text.encode("cp1252").replace(b"(", b"\\(").replace(b")", b"\\)"))
        for x, y, text in shown
    )


def prose(top: float, *lines: str) -> bytes:
    return placed(*((50, top - 12 * number, line) for number, line in enumerate(lines)))


def assemble(objects: list[bytes]) -> bytes:
    file = b"%PDF-1.7\n"
    offsets = []
    for number, content in enumerate(objects, start=1):
        offsets.append(len(file))
        file += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size = len(objects) + 1
    return (
        file
        + b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF"
        % (
            size,
            table,
            size,
            len(file),
        )
    )


def rewritten(
    data: bytes, *, password: str | None = None, bookmarks: tuple[tuple[str, int], ...] = ()
) -> bytes:
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(data)))
    for title, page in bookmarks:
        writer.add_outline_item(title, page)
    if password is not None:
        writer.encrypt(password, "owner", algorithm="AES-256")
    file = io.BytesIO()
    writer.write(file)
    return file.getvalue()


def texts(parsed: Parsed) -> list[str]:
    return [" ".join(block.of(parsed.text).split()) for block in parsed.blocks]


def test_pages_are_joined_and_each_offset_is_where_its_page_starts() -> None:
    parsed = load(pdf("First page.", "", "Third page."), name="a.pdf")
    assert parsed.format == "pdf"
    assert parsed.text == "First page.\n\n\n\nThird page."
    assert parsed.pages == (0, 13, 15)
    assert parsed.text[15:] == "Third page."


def test_wrapped_lines_are_one_block_and_short_ones_are_not() -> None:
    page = (
        "Harbours\nThe winter was long and the harbour was frozen until the middle of\n"
        "April, when the first ships came in with grain.\nThen the town woke up.\n- tar\n- rope"
    )
    winter = "The winter was long and the harbour was frozen until the middle of April, "
    assert texts(load(pdf(page), name="a.pdf")) == [
        "Harbours",
        winter + "when the first ships came in with grain.",
        "Then the town woke up.",
        "- tar",
        "- rope",
    ]


def test_a_sentence_goes_on_over_a_page_break() -> None:
    parsed = load(pdf("The harbour was frozen until the middle of", "spring."), name="a.pdf")
    assert texts(parsed) == ["The harbour was frozen until the middle of spring."]


def test_bookmarks_that_stand_on_their_page_are_headings_and_blocks() -> None:
    data = pdf("Contents", "1 Harbours\nShips in it\nmore", "Ice and\nSnow\nText.")
    parsed = load(
        rewritten(data, bookmarks=(("Harbours", 1), ("Ice and Snow", 2), ("Not there", 2))), name="a.pdf"
    )
    assert [heading.title for heading in parsed.headings] == ["1 Harbours", "Ice and Snow"]
    assert [heading.span.of(parsed.text) for heading in parsed.headings] == ["1 Harbours", "Ice and\nSnow"]
    assert {heading.span for heading in parsed.headings} <= set(parsed.blocks)


def test_a_pdf_that_opens_with_an_empty_password_is_read() -> None:
    assert load(rewritten(pdf("Open."), password=""), name="a.pdf").text == "Open."


def test_a_pdf_that_needs_a_password_is_encrypted() -> None:
    with pytest.raises(EncryptedDocument, match=r"'a.pdf' needs a password"):
        load(rewritten(pdf("Secret."), password="x"), name="a.pdf")


def test_a_pdf_without_a_text_layer_says_so() -> None:
    with pytest.raises(EmptyDocument, match=r"'a.pdf' has no text layer, .* run it through OCR"):
        load(pdf("", ""), name="a.pdf")


def test_a_page_that_cannot_be_read_is_empty_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="index.load.pdf"):
        parsed = load(pdf("Good.", b"BT /F 12 Tf (cut", "Better."), name="a.pdf")
    assert (parsed.text, parsed.pages) == ("Good.\n\n\n\nBetter.", (0, 7, 9))
    assert "'a.pdf': pages 2 could not be read" in caplog.text


def test_a_pdf_of_which_no_page_can_be_read_is_damaged() -> None:
    with pytest.raises(DamagedDocument, match=r"'a.pdf' could not be read as PDF"):
        load(pdf(b"BT /F 12 Tf (cut"), name="a.pdf")


def test_a_cut_off_pdf_is_damaged() -> None:
    with pytest.raises(DamagedDocument, match=r"'a.pdf' could not be read as PDF"):
        load(pdf("Some text.")[:120], name="a.pdf")


def test_too_many_pages_are_refused() -> None:
    with pytest.raises(DocumentTooLarge, match=r"'a.pdf' has more than 2 pages: split it"):
        load(pdf("a", "b", "c"), name="a.pdf", limits=Limits(max_pages=2))


def test_too_much_text_is_refused_before_the_last_page_is_read() -> None:
    with pytest.raises(DocumentTooLarge, match=r"'a.pdf' holds more than 10 characters of text"):
        load(pdf("some words", "more", b"broken ("), name="a.pdf", limits=Limits(max_text_chars=10))


def test_a_count_of_pages_that_lies_is_not_believed() -> None:
    data = pdf("One page.").replace(b"/Count 1 ", b"/Count 9 ")
    assert load(data, name="a.pdf").text == "One page."


def test_drawings_that_contain_themselves_end() -> None:
    content = show("Again.") + b" /X Do"
    loop = (
        b"<< /Subtype /Form /BBox [0 0 9 9] /Resources << /Font << /F 3 0 R >> /XObject << /X 6 0 R >> >> "
        b"/Length %d >>\nstream\n%s\nendstream" % (len(content), content)
    )
    page = show("Text.") + b" /X Do"
    parsed = load(pdf(page, extra=(loop,), resources=b"/XObject << /X 6 0 R >>"), name="a.pdf")
    assert parsed.text.startswith("Text.")


WINTER = (
    "The winter was long, and the harbour was frozen until the middle of April. Then the ships",
    "came in with grain, and with them came letters that had been written in the autumn before.",
)


def test_larger_lines_are_headings_and_the_largest_is_the_title() -> None:
    page = (
        placed((50, 700, "Harbours of the"), (50, 679, "North"), font="B", size=17)
        + prose(650, *WINTER)
        + placed((50, 620, "1 Ice"), font="B", size=12)
        + prose(605, *WINTER)
    )
    parsed = load(pdf(page), name="a.pdf")
    assert [(it.level, it.title) for it in parsed.headings] == [(1, "Harbours of the North"), (2, "1 Ice")]
    assert parsed.title == "Harbours of the North"
    assert {it.span for it in parsed.headings} <= set(parsed.blocks)


def test_a_heading_is_not_glued_to_the_line_above_or_below_it() -> None:
    page = (
        prose(700, *WINTER, "Master since 1 March 2025, and before that mate for eleven years, from 2014 on")
        + placed((50, 660, "1 Why there is a new rule"), font="B")
        + prose(645, *WINTER)
    )
    found = texts(load(pdf(page), name="a.pdf"))
    assert "1 Why there is a new rule" in found
    assert " ".join(WINTER) in found


def test_bold_words_that_fill_a_line_of_a_paragraph_are_no_heading() -> None:
    page = prose(
        700, "The harbour was frozen until April, and it was said of the master of the ship that"
    ) + (
        placed((50, 688, "he must never again, under any flag or name,"), font="B")
        + prose(676, "be let into it, which he took lightly.", *WINTER)
    )
    parsed = load(pdf(page), name="a.pdf")
    assert parsed.headings == ()
    assert len(texts(parsed)[0]) > 150


def test_a_gap_between_lines_ends_a_paragraph() -> None:
    full = "The winter was long, and the harbour was frozen until the middle of the month of April"
    page = prose(700, full, full) + prose(660, full, full)
    assert texts(load(pdf(page), name="a.pdf")) == [f"{full} {full}"] * 2


def test_cells_that_stand_side_by_side_in_several_rows_are_rows() -> None:
    page = prose(700, *WINTER) + placed(
        *((50, 650, "Boat"), (200, 650, "Since"), (300, 650, "Hours")),
        *((50, 632, "Merganser, with"), (50, 621, "a crane"), (200, 632, "1998"), (300, 632, "742")),
        *((50, 603, "Together"), (300, 603, "1,461")),
    )
    assert texts(load(pdf(page), name="a.pdf"))[1:] == [
        "Boat | Since | Hours Merganser, with a crane | 1998 | 742",
        "Together | | 1,461",
    ]


def test_the_first_row_of_the_next_table_shares_a_block_with_the_row_below_it() -> None:
    heights = (650, 632, 614, 580, 562)
    rows = (("Income", "€"), ("Fees", "10"), ("Grants", "20"), ("Spent", "€"), ("Staff", "25"))
    page = placed(
        *(
            (x, y, text)
            for y, row in zip(heights, rows, strict=True)
            for x, text in zip((50, 200), row, strict=True)
        )
    )
    assert texts(load(pdf(page), name="a.pdf")) == [
        "Income | € Fees | 10",
        "Grants | 20",
        "Spent | € Staff | 25",
    ]


def test_a_line_across_a_table_stays_between_its_rows() -> None:
    page = placed(
        *((50, 700, "Boat"), (200, 700, "Hours"), (50, 682, "Dunlin"), (200, 682, "516")),
        *((50, 664, "On loan"), (50, 646, "Tern"), (200, 646, "12"), (50, 628, "Teal"), (200, 628, "3")),
    )
    assert texts(load(pdf(page), name="a.pdf")) == [
        *("Boat | Hours Dunlin | 516", "On loan", "Tern | 12", "Teal | 3"),
    ]


def test_rows_of_a_page_that_is_turned_are_rows() -> None:
    cells = ((50, 700, "Boat"), (200, 700, "Hours"), (50, 682, "Dunlin"), (200, 682, "516"))
    turned = b"".join(
        b"BT /F 10 Tf 0 1 -1 0 %g %g Tm (%s) Tj ET\n" % (800 - y, x, text.encode()) for x, y, text in cells
    )
    assert texts(load(pdf(turned), name="a.pdf")) == ["Boat | Hours Dunlin | 516"]


def test_lines_of_no_known_size_are_no_headings() -> None:
    page = b"BT /F 0 Tf 14 TL 50 750 Td (The first line) Tj T* (and the next.) Tj ET"
    parsed = load(pdf(page), name="a.pdf")
    assert (parsed.text, parsed.headings) == ("The first line\nand the next.", ())


def test_the_marker_of_a_list_item_is_no_cell() -> None:
    page = placed(
        *((x, 700 - 14 * row, text) for row in range(3) for x, text in ((50, "–"), (90, f"item {row}")))
    )
    assert texts(load(pdf(page), name="a.pdf")) == ["– item 0", "– item 1", "– item 2"]


def test_columns_of_text_are_read_one_after_the_other() -> None:
    left = [f"left line {number} of the text that goes on" for number in range(20)]
    right = [f"right line {number} of the text that goes on" for number in range(20)]
    page = placed(
        *((50, 700 - 12 * number, line) for number, line in enumerate(left)),
        *((320, 700 - 12 * number, line) for number, line in enumerate(right)),
    )
    assert load(pdf(page), name="a.pdf").text.split("\n") == left + right


def test_running_heads_and_page_numbers_are_left_out_and_the_sentence_goes_on() -> None:
    pages = [
        placed((50, 30, "Ferry Office · Rules of 2024"), (550, 30, str(number)), size=8) + prose(700, *lines)
        for number, lines in enumerate(
            [
                ("The winter was long, and the harbour was frozen until the middle of",),
                ("spring, when the ships came in.",),
                ("They brought grain.",),
            ],
            start=1,
        )
    ]
    parsed = load(pdf(*pages), name="a.pdf")
    assert texts(parsed) == [
        "The winter was long, and the harbour was frozen until the middle of spring, when the ships came in.",
        "They brought grain.",
    ]
    assert [parsed.text[start:].split()[0] for start in parsed.pages] == ["The", "spring,", "They"]


def test_the_header_of_a_table_that_begins_each_page_is_kept() -> None:
    pages = [
        placed(
            *(
                (x, y, text)
                for y, row in zip((700, 682, 664), rows, strict=True)
                for x, text in zip((50, 200), row, strict=True)
            )
        )
        for rows in (
            (("Name", "Room"), ("Haas", "G.01"), ("Brandt", "1.05")),
            (("Name", "Room"), ("Moreau", "2.05"), ("Yilmaz", "0.04")),
        )
    ]
    assert load(pdf(*pages), name="a.pdf").text.count("Name | Room") == 2


def test_pages_that_are_all_alike_keep_their_text() -> None:
    assert texts(load(pdf(*["The same on each page."] * 4), name="a.pdf")) == ["The same on each page."] * 4


def form(*annotations: bytes, page: str | bytes = "Application", fields: tuple[bytes, ...] = ()) -> bytes:
    """A page with annotations on it; `fields` are the objects from 6 on."""
    return pdf(page, extra=fields, annotations=b" ".join(annotations))


def widget(entries: bytes, *, rect: bytes = b"0 0 90 20") -> bytes:
    return b"<< /Subtype /Widget /Rect [%s] %s >>" % (rect, entries)


def test_the_values_of_a_form_stand_behind_the_text_of_their_page_and_each_is_a_block() -> None:
    data = form(
        widget(b"/FT /Tx /T (name) /TU (Full name) /V (Ingrid\nSolberg)"),
        widget(b"/FT /Ch /T (colour) /Opt [[(r) (Red)] [(g) (Green)]] /V (g)"),
        widget(b"/FT /Ch /T (days) /V [(Monday) (Friday)]"),
        widget(b"/FT /Btn /T (agreed) /AS /Yes /V /Yes"),
        b"<< /Subtype /FreeText /Rect [0 0 90 20] /Contents (Moved to 9 May.) >>",
    )
    parsed = load(data, name="a.pdf")
    assert texts(parsed) == [
        "Application",
        "Full name: Ingrid Solberg",
        "colour: Green",
        "days: Monday, Friday",
        "agreed: ☑",
        "Moved to 9 May.",
    ]
    assert parsed.text.startswith("Application\n\nFull name: Ingrid Solberg\ncolour: Green\n")


def test_a_field_takes_over_what_it_lacks_from_the_fields_that_it_is_in() -> None:
    fields = (b"<< /T (tenant) /FT /Tx /V (Ann) >>", b"<< /T (rent) /FT /Btn /Ff 32768 >>")
    data = form(
        widget(b"/Parent 6 0 R"),
        widget(b"/T (city) /V (Oslo) /Parent 6 0 R"),
        widget(b"/AS /Monthly /Parent 7 0 R"),
        widget(b"/AS /Off /Parent 7 0 R"),
        widget(b"/AS /2 /Parent 7 0 R"),
        fields=fields,
    )
    assert texts(load(data, name="a.pdf"))[1:] == ["tenant: Ann", "tenant.city: Oslo", "rent: Monthly"]


@pytest.mark.parametrize(
    "unseen",
    [
        widget(b"/FT /Tx /T (a) /V (secret) /F 2"),
        widget(b"/FT /Tx /T (a) /V (secret) /F 32"),
        widget(b"/FT /Tx /T (a) /V (secret) /Ff 8192"),
        widget(b"/FT /Tx /T (a) /V (secret)", rect=b"0 0 0 0"),
        widget(b"/FT /Tx /T (a)"),
        widget(b"/FT /Btn /T (a) /AS /Off"),
        widget(b"/FT /Btn /Ff 65536 /T (secret) /AS /Yes"),
        b"<< /Subtype /FreeText /Rect [0 0 90 20] /F 2 /Contents (secret) >>",
        b"<< /Subtype /Text /Rect [0 0 90 20] /Contents (secret) >>",
    ],
)
def test_of_a_form_nothing_is_read_that_is_not_seen(unseen: bytes) -> None:
    assert load(form(unseen), name="a.pdf").text == "Application"


def test_a_page_with_nothing_but_the_values_of_its_form_is_read() -> None:
    data = form(widget(b"/FT /Tx /T (name) /V (Ann)"), page=b"")
    assert load(data, name="a.pdf").text == "name: Ann"


def test_values_that_can_not_be_read_are_left_out_and_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    assert load(form(widget(b"/FT /Tx /V (a)", rect=b"/A 0 0 9")), name="a.pdf").text == "Application"
    assert "'a.pdf': what is filled in on pages 1 could not be read and is left out" in caplog.text


def test_the_values_of_a_form_are_bounded_and_what_is_beyond_is_warned_of(
    caplog: pytest.LogCaptureFixture,
) -> None:
    value = b"x" * 20_000
    many = [widget(b"/FT /Tx /T (field %d) /V 6 0 R" % number) for number in range(300)]
    parsed = load(form(*many, fields=(b"(%s)" % value,)), name="a.pdf")
    assert 1_000_000 < len(parsed.text) < 1_100_000
    assert (
        "'a.pdf': fields, remarks and links that are not looked at, as there are too many: 200" in caplog.text
    )


def test_fields_that_are_in_themselves_end() -> None:
    fields = (b"<< /T (a) /FT /Tx /V (x) /Parent 6 0 R >>",)
    assert load(form(widget(b"/Parent 6 0 R"), fields=fields), name="a.pdf").text == "Application\n\na: x"


@pytest.mark.parametrize("title", ["untitled", "Untitled-2", "(anonymous)", "Unbenannt", "Untitled document"])
def test_what_programs_write_for_no_title_is_none(title: str) -> None:
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf("Some text."))))
    writer.add_metadata({"/Title": title})
    file = io.BytesIO()
    writer.write(file)
    assert load(file.getvalue(), name="a.pdf").title is None
