import io
import zipfile

import pptx
import pytest
from lxml import etree  # type: ignore[import-untyped]  # it ships no types
from pptx.presentation import Presentation
from pptx.slide import Slide
from pptx.util import Inches

from index.errors import DamagedDocument, DocumentTooLarge, EmptyDocument
from index.load import Limits, load
from index.split import split

TITLE_ONLY = 5


def saved(deck: Presentation) -> bytes:
    file = io.BytesIO()
    deck.save(file)
    return file.getvalue()


def added(deck: Presentation, title: str, *lines: str) -> Slide:
    slide: Slide = deck.slides.add_slide(deck.slide_layouts[TITLE_ONLY])
    if title:
        assert slide.shapes.title
        slide.shapes.title.text = title
    for number, line in enumerate(lines):
        box = slide.shapes.add_textbox(Inches(1), Inches(2 + number), Inches(4), Inches(1))
        box.text_frame.text = line
    return slide


def test_slides_are_headings_and_chunks_say_on_which_slide_they_are() -> None:
    deck = pptx.Presentation()
    added(deck, "Safety first", "Wear a vest.")
    added(deck, "", "No title here.")
    added(deck, "Boats", "Two boats.", "One is blue.")
    parsed = load(saved(deck), name="a.pptx")
    assert parsed.format == "pptx"
    assert parsed.title == "Safety first"
    assert parsed.text == (
        "Safety first\n\nWear a vest.\n\nNo title here.\n\nBoats\n\nTwo boats.\n\nOne is blue."
    )
    chunks = split(parsed, count_tokens=lambda text: len(text.split()))
    assert [(chunk.page, chunk.span.of(parsed.text)[:5]) for chunk in chunks] == [
        (1, "Safet"),
        (2, "No ti"),
        (3, "Boats"),
    ]


def test_texts_are_read_from_the_top_to_the_bottom() -> None:
    deck = pptx.Presentation()
    slide = added(deck, "T")
    for top, text in ((5, "last"), (2, "first"), (3, "second")):
        slide.shapes.add_textbox(Inches(1), Inches(top), Inches(4), Inches(1)).text_frame.text = text
    assert load(saved(deck), name="a.pptx").text == "T\n\nfirst\n\nsecond\n\nlast"


def test_tables_groups_and_notes_are_read() -> None:
    deck = pptx.Presentation()
    slide = added(deck, "T")
    table = slide.shapes.add_table(2, 2, Inches(1), Inches(2), Inches(4), Inches(1)).table
    for place, text in zip(((0, 0), (0, 1), (1, 0), (1, 1)), ("item", "count", "rope", "12"), strict=True):
        table.cell(*place).text = text
    group = slide.shapes.add_group_shape()
    group.shapes.add_textbox(Inches(1), Inches(6), Inches(1), Inches(1)).text_frame.text = "in a group"
    slide.notes_slide.notes_text_frame.text = "Say hello."  # type: ignore[union-attr]
    parsed = load(saved(deck), name="a.pptx")
    blocks = [block.of(parsed.text) for block in parsed.blocks]
    assert "in a group" in blocks
    assert "item | count\nrope | 12" in blocks
    assert blocks[-1] == "Say hello."


def test_merged_cells_are_read_once() -> None:
    deck = pptx.Presentation()
    table = added(deck, "T").shapes.add_table(2, 2, Inches(1), Inches(2), Inches(4), Inches(1)).table
    table.cell(0, 0).merge(table.cell(0, 1))
    table.cell(0, 0).text = "wide"
    assert load(saved(deck), name="a.pptx").text.count("wide") == 1


def test_hidden_slides_are_left_out_but_counted() -> None:
    deck = pptx.Presentation()
    added(deck, "One", "x")
    added(deck, "Two", "hidden").element.set("show", "0")
    added(deck, "Three", "y")
    parsed = load(saved(deck), name="a.pptx")
    assert "hidden" not in parsed.text
    assert len(parsed.pages) == 3
    assert parsed.pages[2] == parsed.text.index("Three")


def test_the_title_is_that_of_the_properties() -> None:
    deck = pptx.Presentation()
    added(deck, "One", "x")
    deck.core_properties.title = "The deck"
    assert load(saved(deck), name="a.pptx").title == "The deck"


def test_a_deck_without_text_is_empty() -> None:
    deck = pptx.Presentation()
    added(deck, "")
    with pytest.raises(EmptyDocument):
        load(saved(deck), name="a.pptx")


def test_text_over_the_limit_is_refused() -> None:
    deck = pptx.Presentation()
    added(deck, "One", "x" * 100)
    with pytest.raises(DocumentTooLarge, match=r"'a.pptx' holds more than 50 characters"):
        load(saved(deck), name="a.pptx", limits=Limits(max_text_chars=50))


@pytest.mark.parametrize(
    "part", ["ppt/presentation.xml", "ppt/slides/slide1.xml", "ppt/_rels/presentation.xml.rels"]
)
@pytest.mark.parametrize(
    "instead", [None, b"<a>", b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>']
)
def test_damaged_and_hostile_parts_are_damage(part: str, instead: bytes | None) -> None:
    deck = pptx.Presentation()
    added(deck, "One", "x")
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(saved(deck))) as old, zipfile.ZipFile(file, "w") as new:
        for name in old.namelist():
            data = instead if name == part else old.read(name)
            if data is not None:
                new.writestr(name, data)
    with pytest.raises(DamagedDocument, match=r"'a.pptx' could not be read as PPTX"):
        load(file.getvalue(), name="a.pptx")


def test_a_hidden_slide_gives_no_title_and_hidden_shapes_no_text() -> None:
    deck = pptx.Presentation()
    added(deck, "Draft", "x").element.set("show", "0")
    slide = added(deck, "Plan", "seen", "hidden")
    for shape in list(slide.shapes)[2:]:
        shape._element.nvSpPr.cNvPr.set("hidden", "1")
    parsed = load(saved(deck), name="a.pptx")
    assert (parsed.title, parsed.text) == ("Plan", "Plan\n\nseen")


ALTERNATIVES = "http://schemas.openxmlformats.org/markup-compatibility/2006"


def alternated(deck: Presentation, choice: list[str], fallback: list[str]) -> str:
    """The text of a deck whose slide has text boxes in a choice and in its fallback, between two others."""
    slide = added(deck, "T", "above", *choice, *fallback, "below")
    boxes = [shape._element for shape in slide.shapes][1:]
    both = etree.SubElement(boxes[0].getparent(), f"{{{ALTERNATIVES}}}AlternateContent")
    for name, number in (("Choice", len(choice)), ("Fallback", len(fallback))):
        branch = etree.SubElement(both, f"{{{ALTERNATIVES}}}{name}", Requires="a14")
        branch.extend(boxes[1 : 1 + number])
        del boxes[1 : 1 + number]
    return load(saved(deck), name="a.pptx").text


@pytest.mark.parametrize(
    ("choice", "fallback"), [(["75 kN"], []), (["75 kN"], ["old 75 kN"]), ([], ["75 kN"]), ([" "], ["75 kN"])]
)
def test_one_of_alternative_shapes_is_read_in_its_place(choice: list[str], fallback: list[str]) -> None:
    assert alternated(pptx.Presentation(), choice, fallback) == "T\n\nabove\n\n75 kN\n\nbelow"


def test_superscript_numbers_are_no_part_of_the_number_before_them() -> None:
    deck = pptx.Presentation()
    paragraph = added(deck, "T", "3 x 10").shapes[1].text_frame.paragraphs[0]  # type: ignore[attr-defined]
    for text, baseline in (("4", "30000"), (" CO", "0"), ("2", "-25000")):
        run = paragraph.add_run()
        run.text = text
        run.font._element.set("baseline", baseline)
    assert load(saved(deck), name="a.pptx").text == "T\n\n3 x 10⁴ CO2"


def test_merged_cells_are_in_each_of_their_rows_and_a_heading_is_over_each_of_its_columns() -> None:
    deck = pptx.Presentation()
    table = added(deck, "T").shapes.add_table(3, 3, Inches(1), Inches(2), Inches(4), Inches(1)).table
    rows = (("Site", "2024", ""), ("North", "1", "2"), ("", "3", "4"))
    for place, text in (
        ((row, column), text) for row, texts in enumerate(rows) for column, text in enumerate(texts)
    ):
        table.cell(*place).text = text
    table.cell(0, 1).merge(table.cell(0, 2))
    table.cell(1, 0).merge(table.cell(2, 0))
    assert load(saved(deck), name="a.pptx").text == "T\n\nSite | 2024 | 2024\nNorth | 1 | 2\nNorth | 3 | 4"
