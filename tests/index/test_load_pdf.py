import io
import logging

import pytest
from pypdf import PdfReader, PdfWriter

from index.document import Parsed
from index.errors import DamagedDocument, DocumentTooLarge, EmptyDocument, EncryptedDocument
from index.load import Limits, load


def pdf(*pages: str | bytes, extra: tuple[bytes, ...] = (), resources: bytes = b"") -> bytes:
    """A PDF with these pages: text with a line for each line, or a content stream as it is."""
    page_numbers = [4 + 2 * number for number in range(len(pages))]
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Count %d /Kids [%s] >>"
        % (len(pages), b" ".join(b"%d 0 R" % number for number in page_numbers)),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    for number, page in zip(page_numbers, pages, strict=True):
        content = page if isinstance(page, bytes) else show(page)
        objects += [
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents %d 0 R "
            b"/Resources << /Font << /F 3 0 R >> %s >> >>" % (number + 1, resources),
            b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        ]
    return assemble([*objects, *extra])


def show(text: str) -> bytes:
    lines = b" ".join(
        b"(%s) Tj T*" % line.encode("cp1252").replace(b"(", b"\\(").replace(b")", b"\\)")
        for line in text.split("\n")
    )
    return b"BT /F 12 Tf 14 TL 50 750 Td " + lines + b" ET"


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
