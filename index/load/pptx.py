"""PPTX: the texts of each slide under its title, its tables, and what the speaker notes."""

from collections.abc import Iterable, Iterator, Mapping
from io import BytesIO

import pptx
from pptx.exc import PythonPptxError
from pptx.shapes.base import BaseShape
from pptx.shapes.graphfrm import GraphicFrame
from pptx.shapes.group import GroupShape
from pptx.slide import Slide
from pptx.table import Table, _Row
from pptx.text.text import TextFrame

from index.document import Parsed
from index.errors import DamagedDocument
from index.load.compose import Piece, bounded, compose, row
from index.load.limits import Limits
from index.load.pptx_shown import keep_shown
from index.load.spans import Cell, Grid, Repeats
from index.load.strict import transitional
from index.load.superscripts import with_fractions
from index.load.unpack import check_unpacked

# As those of DOCX, see there.
_BROKEN = (PythonPptxError, SyntaxError, LookupError, ValueError, AttributeError, TypeError, RecursionError)
_DEEPEST_GROUP = 20
_TEMPLATE_TITLES = frozenset(("PowerPoint Presentation", "PowerPoint-Präsentation"))
_SHOWS_SLIDE_NUMBER = frozenset(
    (13, 15, 16)
)  # MSO placeholders: number, footer, date, the same on all slides


def parse(data: bytes, *, name: str, limits: Limits) -> Parsed:
    """The slides in their order: the title as a heading, then a block for each paragraph and table row, from
    the top of the slide to its bottom; then what is noted for the speaker. Hidden slides and shapes are left
    out.

    A table row is a line `cell | cell`; the first shares a block with the second, and cells that are merged
    downwards are in each of their rows. Superscript numbers are written in superior characters. The title is
    that of the properties, else that of the first slide that is shown and has one.
    """
    check_unpacked(data, name=name, limits=limits)
    try:
        deck = pptx.Presentation(BytesIO(transitional(data)))
        slides = {number: slide for number, slide in enumerate(deck.slides, start=1) if _is_shown(slide)}
        for slide in slides.values():
            keep_shown(slide.element)
        title = deck.core_properties.title
        if not title or title in _TEMPLATE_TITLES:
            title = next(filter(None, map(_slide_title, slides.values())), None)
        return compose(bounded(_pieces(slides), name=name, limits=limits), format="pptx", title=title)
    except _BROKEN as error:
        raise DamagedDocument(
            f"{name!r} could not be read as PPTX ({type(error).__name__}: {error}): "
            "open it in PowerPoint and save it again"
        ) from error


def _is_shown(slide: Slide) -> bool:
    return slide.element.get("show") not in {"0", "false"}


def _pieces(slides: Mapping[int, Slide]) -> Iterator[Piece]:
    """The pieces of `slides`, by their numbers."""
    repeats = Repeats()
    for number, slide in slides.items():
        title = _slide_title(slide)
        if title:
            yield Piece(title, "heading", 2, page=number)
        title_shape = slide.shapes.title
        below = [
            shape for shape in slide.shapes if title_shape is None or shape.shape_id != title_shape.shape_id
        ]
        for piece in _shown(sorted(below, key=_place), repeats, 0):
            yield Piece(piece.text, piece.kind, piece.level, header=piece.header, page=number)
        if slide.has_notes_slide and (notes := slide.notes_slide.notes_text_frame):
            keep_shown(slide.notes_slide.element)
            yield from (Piece(piece.text, page=number) for piece in _paragraphs(notes))


def _slide_title(slide: Slide) -> str | None:
    shape = slide.shapes.title
    return " ".join(shape.text_frame.text.split()) or None if shape is not None else None


def _place(shape: BaseShape) -> tuple[int, int]:
    """From the top down, and from left to right; what stands where its layout says is read first."""
    return (shape.top or 0, shape.left or 0)


def _shown(shapes: Iterable[BaseShape], repeats: Repeats, depth: int) -> Iterator[Piece]:
    for shape in shapes:
        if isinstance(shape, GroupShape):
            if depth < _DEEPEST_GROUP:
                yield from _shown(sorted(shape.shapes, key=_place), repeats, depth + 1)
        elif isinstance(shape, GraphicFrame) and shape.has_table:
            yield from _rows(shape.table, repeats)
        elif shape.has_text_frame and not _is_repeated(shape):
            yield from _paragraphs(shape.text_frame)  # type: ignore[attr-defined]  # has_text_frame says so


def _is_repeated(shape: BaseShape) -> bool:
    return shape.is_placeholder and int(shape.placeholder_format.type or 0) in _SHOWS_SLIDE_NUMBER


def _paragraphs(frame: TextFrame) -> Iterator[Piece]:
    for paragraph in frame.paragraphs:
        yield Piece(with_fractions(paragraph.text), "item" if len(frame.paragraphs) > 1 else "paragraph")


def _rows(table: Table, repeats: Repeats) -> Iterator[Piece]:
    grid = Grid(repeats)
    above: dict[int, list[Piece]] = {}
    for number, table_row in enumerate(table.rows):
        cells = list(_cells(table_row, above))
        yield from row(grid.line(cells, header=number == 0), header=number == 0)


def _cells(table_row: _Row, above: dict[int, list[Piece]]) -> Iterator[Cell]:
    """The cells of a row; `above` has what is in those of the row above, by column, and then of this one."""
    for column, cell in enumerate(table_row.cells):
        element = cell._tc  # the library says no other way which cells go on downwards
        if element.hMerge:
            continue
        if not element.vMerge:
            above[column] = [Piece(with_fractions(" ".join(cell.text.split())))]
        yield Cell(above.get(column, ()), columns=element.gridSpan, goes_on=element.vMerge)
