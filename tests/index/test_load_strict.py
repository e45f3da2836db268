"""Office files that are saved as Strict Open XML are read as the usual ones are."""

import datetime as dt
import io
import re
import zipfile

import docx
import openpyxl  # type: ignore[import-untyped]
import pptx
import pytest

from index.load import load
from index.load.strict import transitional

NAME = re.compile(
    rb"http://schemas\.openxmlformats\.org/(officeDocument|[a-z]+ml)/2006/"
    rb"(main|relationships|math|extended-properties|wordprocessingDrawing|spreadsheetDrawing|picture|chart)(?=[/\"'])"
)


def strict(data: bytes) -> bytes:
    """The package with the names that Strict Open XML has for its namespaces and relationships."""
    file = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(data)) as archive,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as out,
    ):
        for name in archive.namelist():
            renamed = NAME.sub(rb"http://purl.oclc.org/ooxml/\1/\2", archive.read(name))
            out.writestr(name, renamed.replace(b"/extended-properties", b"/extendedProperties"))
    assert file.getvalue() != data
    return file.getvalue()


def document() -> bytes:
    file = io.BytesIO()
    document = docx.Document()
    document.add_heading("Rules", 1)
    document.add_paragraph("Wear a vest.", style="List Number")
    document.add_paragraph('Names begin with xmlns="http://purl.oclc.org/ooxml/wordprocessingml/main" there.')
    table = document.add_table(1, 2)
    table.cell(0, 0).text, table.cell(0, 1).text = "boat", "seats"
    document.save(file)
    return file.getvalue()


def workbook() -> bytes:
    file = io.BytesIO()
    book = openpyxl.Workbook(iso_dates=True)
    tour = dt.datetime(2026, 3, 1, 9, 30)  # noqa: DTZ001  workbooks have no time zones
    for row in (["day", "what"], [dt.date(2026, 3, 1), "opening"], [tour, "tour"]):
        book.active.append(row)
    book.save(file)
    return file.getvalue()


def deck() -> bytes:
    file = io.BytesIO()
    deck = pptx.Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[1])
    slide.shapes.title.text = "Winter"
    slide.placeholders[1].text = "The harbour is closed."
    deck.save(file)
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "name"), [(document(), "a.docx"), (workbook(), "a.xlsx"), (deck(), "a.pptx")]
)
def test_a_strict_file_is_read_as_the_usual_one_with_the_same_content(data: bytes, name: str) -> None:
    usual = load(data, name=name)
    assert usual.blocks
    assert load(strict(data), name=name) == usual


def test_dates_of_a_strict_workbook_are_read() -> None:
    assert "day: 2026-03-01 09:30 | what: tour" in load(strict(workbook()), name="a.xlsx").text


def test_names_in_the_text_of_a_strict_document_are_kept_as_they_are() -> None:
    assert (
        'xmlns="http://purl.oclc.org/ooxml/wordprocessingml/main"' in load(strict(document()), name="a").text
    )


def test_a_file_that_is_not_strict_stays_as_it_is() -> None:
    data = document()
    assert transitional(data) is data
